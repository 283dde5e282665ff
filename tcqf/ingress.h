// Ingress shaping: which cycle a packet of a flow joins
// (draft-eckert-detnet-tcqf-10, 5.1, 6.2, 6.5).
//
// One enqueue a packet: a flow keeps a cursor (the cycle its latest packet joined) and the bits
// used there, and nothing is done per cycle. Cost does not depend on the number of flows.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>

#include "tcqf/cycle_clock.h"

namespace tcqf {

/// Which cycles of each period a flow may use (draft 6.5, flow interleaving): absolute number
/// modulo the period. Without interleaving every cycle is allowed.
class Interleaving {
  public:
    Interleaving() = default;
    /// `cycles`: positions in 0..period_cycles-1, at least one. Throws std::invalid_argument where
    /// there is none or one lies beyond the period.
    Interleaving(std::uint32_t period_cycles, std::span<const std::uint32_t> cycles);

    /// The first allowed cycle that is not before `n`.
    CycleNumber first_from(CycleNumber n) const {
        if (skip_ == nullptr) [[likely]] {
            return n;
        }
        return n + skip_[1 + floor_mod(n, std::int64_t{skip_[0]})];
    }

  private:
    // The period, then the distance from each position to the next allowed one. A single pointer,
    // as flows lie in one cache line each.
    std::unique_ptr<const std::uint32_t[]> skip_;
};

/// Configured limits of one flow.
struct FlowShape {
    std::uint32_t cycle_size_bits = 0;  ///< csize
    std::uint16_t max_backlog_cycles = 64;
    Interleaving interleaving;
};

/// State of one (flow, outgoing interface): 16 bytes.
struct FlowCursor {
    CycleNumber cycle = std::numeric_limits<CycleNumber>::min();
    std::uint32_t bits_used = 0;
};
static_assert(sizeof(FlowCursor) == 16);

enum class IngressVerdict : std::uint8_t { admitted, packet_too_big, backlog };

/// Where a packet would go; nothing is changed until `commit`.
struct IngressPlan {
    IngressVerdict verdict = IngressVerdict::admitted;
    FlowCursor next;
};

/// The first cycle after `current` in which the flow has `packet_bits` free, never before the cycle
/// of the flow's latest packet, so that packets of a flow never overtake one another. `packet_bits`
/// are those of the layer 3 packet as received.
[[gnu::always_inline]] inline IngressPlan plan_ingress(const FlowShape& shape,
                                                       const FlowCursor& cursor,
                                                       CycleNumber current,
                                                       std::uint32_t packet_bits) {
    if (packet_bits > shape.cycle_size_bits) {
        return {IngressVerdict::packet_too_big, cursor};
    }
    FlowCursor next = cursor;
    // A cursor twice as far ahead as the flow may queue is left over from before the clock was set
    // back: start anew. Nearer than that, `current` may just come from another queue's older
    // arrival, and starting anew would let it overtake.
    if (next.cycle <= current || next.cycle > current + 2 * shape.max_backlog_cycles) {
        next = {shape.interleaving.first_from(current + 1), 0};
    }
    if (std::uint64_t{next.bits_used} + packet_bits > shape.cycle_size_bits) {
        next = {shape.interleaving.first_from(next.cycle + 1), 0};
    }
    if (next.cycle - current > shape.max_backlog_cycles) {
        return {IngressVerdict::backlog, cursor};
    }
    next.bits_used += packet_bits;
    return {IngressVerdict::admitted, next};
}

/// Cycles ahead of now that a flow can need for one burst of its traffic specification: packets are
/// indivisible, so ceil(packets / floor(csize / largest packet)); the draft's B[f]/csize is too
/// small. 0 where a single packet does not fit into csize. Without interleaving.
constexpr std::uint32_t backlog_cycles(std::uint32_t packets, std::uint32_t packet_bits,
                                       std::uint32_t cycle_size_bits) {
    const std::uint32_t per_cycle = packet_bits == 0 ? packets : cycle_size_bits / packet_bits;
    return per_cycle == 0 ? 0 : (packets + per_cycle - 1) / per_cycle;
}

}  // namespace tcqf
