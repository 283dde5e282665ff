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
        : mask_(slots - 1u), capacity_(capacity), partitions_(shares.size()), slots_(slots) {
        assert(std::has_single_bit(slots));
        WireUnits rest = capacity;
        for (const Share& share : shares) {
            rest -= share.cycle_units;
        }
        budgets_.reserve(slots_.size() * partitions_);
        for (Slot& slot : slots_) {
            slot.rest.limit = rest;
            for (const Share& share : shares) {
                budgets_.push_back({.limit = share.cycle_units});
            }
        }
    }

    std::uint32_t slots() const { return static_cast<std::uint32_t>(slots_.size()); }
    WireUnits capacity() const { return capacity_; }
    std::uint64_t queued() const { return queued_; }

    /// Appends to `cycle`, which is `current` or one of the slots() - 1 after it; `share` is 0 or a
    /// partition's index, any other counts as the rest. What is refused leaves everything as it
    /// was.
    [[gnu::always_inline]] Refusal enqueue(ChunkPool<Packet>& pool, CycleNumber current,
                                           CycleNumber cycle, const QueuedPacket<Packet>& entry,
                                           std::uint32_t share) {
        const WireUnits units = occupancy_units(entry.octets);
        // Below zero is above any number of slots.
        if (static_cast<std::uint64_t>(cycle - current) > mask_) [[unlikely]] {
            return units > capacity_ ? Refusal::frame_too_large : Refusal::cycle_overrun;
        }
        Slot& slot = slots_[slot_of(cycle)];
        const bool is_rest = std::size_t{share} - 1 >= partitions_;  // 0 - 1 is above any number
        Budget& budget = is_rest ? slot.rest : budget_of(cycle, share);
        const WireUnits used = budget.used_of(cycle) + units;
        if (used > budget.limit) [[unlikely]] {
            // The cycle as a whole is looked at first, then the partition's share of it.
            return units > capacity_                    ? Refusal::frame_too_large
                   : is_rest || !has_room(cycle, units) ? Refusal::cycle_full
                                                        : Refusal::nrp_quota;
        }
        if (!slot.queue.push(pool, entry)) [[unlikely]] {
            return Refusal::no_memory;
        }
        budget.take(cycle, used);
        ++queued_;
        return Refusal::none;
    }

    const PacketQueue<Packet>& slot(CycleNumber cycle) const {
        return slots_[slot_of(cycle)].queue;
    }

    /// Removes the first `count` packets of slot(cycle).front_run().
    void pop(ChunkPool<Packet>& pool, CycleNumber cycle, std::uint32_t count) {
        slots_[slot_of(cycle)].queue.pop(pool, count);
        queued_ -= count;
    }

    /// Time went on from cycle `before` to `now`: gives what the cycles in between still hold to
    /// `drop(Packet)`.
    template <class Drop>
    void drop_overdue(ChunkPool<Packet>& pool, CycleNumber before, CycleNumber now, Drop& drop) {
        const CycleNumber last = std::min(now, before + static_cast<CycleNumber>(slots_.size()));
        for (CycleNumber cycle = before; cycle < last && queued_ != 0; ++cycle) {
            queued_ -= slots_[slot_of(cycle)].queue.drain(pool, drop);
        }
    }

    /// Gives everything to `drop(Packet)` and forgets what was used of any cycle.
    template <class Drop>
    void clear(ChunkPool<Packet>& pool, Drop& drop) {
        for (Slot& slot : slots_) {
            queued_ -= slot.queue.drain(pool, drop);
            slot.rest.forget();
        }
        for (Budget& budget : budgets_) {
            budget.forget();
        }
    }

  private:
    /// What one share used of the cycle that its slot last held: a slot needs no reset when time
    /// moves on.
    struct Budget {
        static constexpr CycleNumber kNone = std::numeric_limits<CycleNumber>::min();

        CycleNumber cycle = kNone;
        WireUnits used = 0;
        WireUnits limit = 0;

        WireUnits used_of(CycleNumber now) const { return cycle == now ? used : 0; }
        WireUnits room_in(CycleNumber now) const { return limit - used_of(now); }
        void take(CycleNumber now, WireUnits total) {
            cycle = now;
            used = total;
        }
        void forget() { cycle = kNone; }
    };

    /// A cycle's packets, next to what the rest (share 0) used of it.
    struct Slot {
        PacketQueue<Packet> queue;
        Budget rest;
    };

    /// Whether all shares together leave so much of a cycle. Asked about what is refused alone, and
    /// answered by the first shares as long as others have not filled theirs as well.
    [[gnu::noinline]] bool has_room(CycleNumber cycle, WireUnits units) const {
        const std::size_t slot = slot_of(cycle);
        WireUnits room = slots_[slot].rest.room_in(cycle);
        const Budget* partition = budgets_.data() + slot * partitions_;
        for (std::size_t i = 0; i < partitions_ && room < units; ++i) {
            room += partition[i].room_in(cycle);
        }
        return room >= units;
    }

    std::size_t slot_of(CycleNumber cycle) const { return static_cast<std::size_t>(cycle) & mask_; }
    Budget& budget_of(CycleNumber cycle, std::uint32_t share) {
        return budgets_[slot_of(cycle) * partitions_ + share - 1];
    }

    std::size_t mask_;  // slots less one
    WireUnits capacity_;
    std::size_t partitions_;
    std::vector<Slot> slots_;
    std::vector<Budget> budgets_;  // slot-major, one a partition
    std::uint64_t queued_ = 0;
};

}  // namespace tcqf
