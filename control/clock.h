// TAI from the processor's counter, readable by workers without a system call.
//
// The control thread publishes (counter, TAI, rate); a worker multiplies. Small differences from
// the reference are slewed; a step re-bases and is counted.
#pragma once

#include <atomic>
#include <cstdint>

namespace tcqf::control {

__extension__ using Int128 = __int128;

/// A line through time: at `ticks` of the counter it was `tai_ns`, and each tick lasts
/// `rate` * 2^-48 ns.
struct ClockSnapshot {
    std::uint64_t ticks = 0;
    std::int64_t tai_ns = 0;
    std::uint64_t rate = 0;

    static constexpr int kRateBits = 48;

    /// TAI at a reading of the counter, also one before `ticks`; rounded down.
    std::int64_t at(std::uint64_t reading) const {
        const auto elapsed = static_cast<std::int64_t>(reading - ticks);
        return tai_ns +
               static_cast<std::int64_t>(
                   (static_cast<Int128>(elapsed) * static_cast<Int128>(rate)) >> kRateBits);
    }
};

/// Snapshots from one writer to any number of readers through a sequence lock.
///
/// Writer: the control thread. Readers: workers, wait-free but for the moment of an update.
class SharedClock {
  public:
    void publish(const ClockSnapshot& snapshot) {
        const std::uint64_t sequence = sequence_.load(std::memory_order_relaxed);
        sequence_.store(sequence + 1, std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_release);
        ticks_.store(snapshot.ticks, std::memory_order_relaxed);
        tai_ns_.store(snapshot.tai_ns, std::memory_order_relaxed);
        rate_.store(snapshot.rate, std::memory_order_relaxed);
        sequence_.store(sequence + 2, std::memory_order_release);
    }

    ClockSnapshot read() const {
        for (;;) {
            const std::uint64_t before = sequence_.load(std::memory_order_acquire);
            const ClockSnapshot snapshot{.ticks = ticks_.load(std::memory_order_relaxed),
                                         .tai_ns = tai_ns_.load(std::memory_order_relaxed),
                                         .rate = rate_.load(std::memory_order_relaxed)};
            std::atomic_thread_fence(std::memory_order_acquire);
            if ((before & 1) == 0 && sequence_.load(std::memory_order_relaxed) == before)
                [[likely]] {
                return snapshot;
            }
        }
    }

    std::int64_t at(std::uint64_t ticks) const { return read().at(ticks); }

  private:
    alignas(64) std::atomic<std::uint64_t> sequence_{0};
    std::atomic<std::uint64_t> ticks_{0};
    std::atomic<std::int64_t> tai_ns_{0};
    std::atomic<std::uint64_t> rate_{0};
};

}  // namespace tcqf::control
