// Cycles: time on an interface cut into equal pieces (draft-eckert-detnet-tcqf-10, 4.2, 5.2).
//
// Time is always an argument: int64_t nanoseconds of TAI since 1970-01-01. Nothing here reads a
// clock. Inside the router a cycle is its absolute number, which never wraps; the identifier 1..C
// that the draft speaks of exists only on the wire.
#pragma once

#include <cstdint>

namespace tcqf {

/// An absolute cycle: cycle n of an interface covers [offset + n*T, offset + (n+1)*T).
using CycleNumber = std::int64_t;

/// Identifier of a cycle within its round, 1..C; 0 means "no cycle".
using CycleId = std::uint8_t;

/// Floor of a/b for b > 0, also below zero (C++ division truncates).
constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) {
    const std::int64_t quotient = a / b;
    return quotient - (a % b < 0 ? 1 : 0);
}

/// Ceiling of a/b for b > 0, also below zero.
constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
    const std::int64_t quotient = a / b;
    return quotient + (a % b > 0 ? 1 : 0);
}

/// Remainder in [0, b) for b > 0, also for negative a.
constexpr std::int64_t floor_mod(std::int64_t a, std::int64_t b) {
    const std::int64_t remainder = a % b;
    return remainder < 0 ? remainder + b : remainder;
}

/// How one interface cuts time: `cycles` identifiers, each cycle `cycle_time_ns` long, cycle 0
/// starting at `offset_ns`, which is less than a round. Note that the round is cycles * cycle_time
/// in one unit (the draft's Fig. 13 computes cycle_time * cycle_time and adds microseconds to
/// nanoseconds), and that an offset needs 64 bits: a round can last 16.7 s.
struct CycleTiming {
    std::int64_t cycle_time_ns = 100'000;
    std::int64_t offset_ns = 0;
    std::uint8_t cycles = 4;

    constexpr std::int64_t round_ns() const { return cycle_time_ns * cycles; }
    constexpr CycleNumber cycle_at(std::int64_t now_ns) const {
        return floor_div(now_ns - offset_ns, cycle_time_ns);
    }
    constexpr std::int64_t start_ns(CycleNumber n) const { return offset_ns + n * cycle_time_ns; }
    /// Position in the round, 0..C-1.
    constexpr std::uint8_t index_of(CycleNumber n) const {
        return static_cast<std::uint8_t>(floor_mod(n, cycles));
    }
    /// Identifier on the wire, 1..C.
    constexpr CycleId id_of(CycleNumber n) const { return static_cast<CycleId>(index_of(n) + 1); }

    constexpr bool operator==(const CycleTiming&) const = default;
};

/// Remembers the cycle of the last instant asked for, so that the usual case (the same cycle again)
/// costs comparisons instead of divisions.
class CycleTracker {
  public:
    CycleTracker() = default;
    explicit CycleTracker(const CycleTiming& timing) : timing_(timing) { locate(timing.offset_ns); }

    /// Whether `now_ns` lies in the cycle of the last instant.
    bool contains(std::int64_t now_ns) const { return now_ns >= start_ns_ && now_ns < end_ns_; }

    /// Moves to the cycle that contains `now_ns`, forwards or backwards.
    void advance(std::int64_t now_ns) {
        if (!contains(now_ns)) [[unlikely]] {
            locate(now_ns);
        }
    }

    CycleNumber cycle() const { return cycle_; }
    std::uint8_t index() const { return index_; }
    std::int64_t start_ns() const { return start_ns_; }
    std::int64_t end_ns() const { return end_ns_; }
    const CycleTiming& timing() const { return timing_; }
    /// timing().id_of(cycle() + distance), without a division of 64 bits.
    CycleId id_ahead(std::uint32_t distance) const {
        return static_cast<CycleId>((index_ + distance) % timing_.cycles + 1);
    }

  private:
    void locate(std::int64_t now_ns) {
        cycle_ = timing_.cycle_at(now_ns);
        index_ = timing_.index_of(cycle_);
        start_ns_ = timing_.start_ns(cycle_);
        end_ns_ = start_ns_ + timing_.cycle_time_ns;
    }

    std::int64_t start_ns_ = 0;
    std::int64_t end_ns_ = 0;
    CycleNumber cycle_ = 0;
    CycleTiming timing_;
    std::uint8_t index_ = 0;
};

}  // namespace tcqf
