// The calendar: packets that wait for their cycle, a slot for each of the cycles ahead.
//
// Slots are a power of two and a cycle's slot is its absolute number modulo that, so that the
// position is a function of time alone: nothing has to be walked after a stall, and nothing can be
// sent a round late.
#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "tcqf/cycle_clock.h"
#include "tcqf/fair_queues.h"
#include "tcqf/packet_queue.h"
#include "tcqf/wire.h"

namespace tcqf {

enum class Refusal : std::uint8_t {
    none,
    frame_too_large,  ///< could never go: larger than a cycle
    cycle_full,
    nrp_quota,
    cycle_overrun,  ///< the cycle is over (or beyond the calendar, which is a caller's mistake)
    queue_full,
    no_memory,
};

template <class Packet>
class Calendar {
  public:
    /// `slots`: a power of two above the greatest distance at which anything is queued. `capacity`:
    /// what a cycle holds. Each share keeps its own part of it; the rest has what is left.
    Calendar(std::uint32_t slots, WireUnits capacity, const std::vector<Share>& shares)
        : mask_(slots - 1u),
          shares_(shares.size() + 1),
          capacity_(capacity),
          slots_(slots),
          limits_(shares_, capacity) {
        assert(std::has_single_bit(slots));
        for (std::size_t i = 0; i < shares.size(); ++i) {
            limits_[i + 1] = shares[i].cycle_units;
            limits_[0] -= shares[i].cycle_units;
        }
        budgets_.resize(slots_.size() * shares_);
    }

    std::uint32_t slots() const { return static_cast<std::uint32_t>(slots_.size()); }
    WireUnits capacity() const { return capacity_; }
    std::uint64_t queued() const { return queued_; }

    /// Appends to `cycle`, which is `current` or one of the slots() - 1 after it; `share` is 0 or a
    /// partition's index. What is refused leaves everything as it was.
    Refusal enqueue(ChunkPool<Packet>& pool, CycleNumber current, CycleNumber cycle,
                    const QueuedPacket<Packet>& entry, std::uint32_t share) {
        const WireUnits units = occupancy_units(entry.octets);
        if (units > capacity_) [[unlikely]] {
            return Refusal::frame_too_large;
        }
        // Below zero is above any number of slots.
        if (static_cast<std::uint64_t>(cycle - current) > mask_) [[unlikely]] {
            return Refusal::cycle_overrun;
        }
        const std::size_t slot = slot_of(cycle);
        Budget& budget = budgets_[slot * shares_ + share];
        const WireUnits used = (budget.cycle == cycle ? budget.used : 0) + units;
        if (used > limits_[share]) [[unlikely]] {
            return share == 0 ? Refusal::cycle_full : Refusal::nrp_quota;
        }
        if (!slots_[slot].push(pool, entry)) [[unlikely]] {
            return Refusal::no_memory;
        }
        budget = {cycle, used};
        ++queued_;
        return Refusal::none;
    }

    const PacketQueue<Packet>& slot(CycleNumber cycle) const { return slots_[slot_of(cycle)]; }

    /// Removes the first `count` packets of slot(cycle).front_run().
    void pop(ChunkPool<Packet>& pool, CycleNumber cycle, std::uint32_t count) {
        slots_[slot_of(cycle)].pop(pool, count);
        queued_ -= count;
    }

    /// Time went on from cycle `before` to `now`: gives what the cycles in between still hold to
    /// `drop(Packet)`.
    template <class Drop>
    void drop_overdue(ChunkPool<Packet>& pool, CycleNumber before, CycleNumber now, Drop& drop) {
        const CycleNumber last = std::min(now, before + static_cast<CycleNumber>(slots_.size()));
        for (CycleNumber cycle = before; cycle < last && queued_ != 0; ++cycle) {
            queued_ -= slots_[slot_of(cycle)].drain(pool, drop);
        }
    }

    /// Gives everything to `drop(Packet)` and forgets what was used of any cycle.
    template <class Drop>
    void clear(ChunkPool<Packet>& pool, Drop& drop) {
        for (PacketQueue<Packet>& slot : slots_) {
            queued_ -= slot.drain(pool, drop);
        }
        std::fill(budgets_.begin(), budgets_.end(), Budget{});
    }

  private:
    /// What one share used of the cycle that its slot last held: a slot needs no reset when time
    /// moves on.
    struct Budget {
        CycleNumber cycle = std::numeric_limits<CycleNumber>::min();
        WireUnits used = 0;
    };

    std::size_t slot_of(CycleNumber cycle) const { return static_cast<std::size_t>(cycle) & mask_; }

    std::size_t mask_;    // slots less one
    std::size_t shares_;  // the rest included
    WireUnits capacity_;
    std::vector<PacketQueue<Packet>> slots_;
    std::vector<WireUnits> limits_;  // by share
    std::vector<Budget> budgets_;    // slot-major, one a share
    std::uint64_t queued_ = 0;
};

}  // namespace tcqf
