// Latency bounds: per hop and end to end (draft-eckert-detnet-tcqf-10, 2.6 and 6.3).
//
// On every hop a packet of upstream cycle n joins cycle n + A, so delay from the start of the first
// cycle to the start of the last is a constant, and only the places within those two cycles vary:
// the spread of the delay is below 2T, whatever the load and the number of hops.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "tcqf/cycle_clock.h"
#include "tcqf/cycle_map.h"

namespace tcqf {

/// One hop of a path: from the cycles of the upstream's interface to those of the outgoing one.
struct CycleHop {
    CycleTiming upstream;
    CycleTiming oif;
    std::int64_t shift = 0;  ///< A: upstream cycle n becomes n + A, not reduced modulo the round
};

/// From the start of an upstream cycle to the start of the cycle that its packets join.
constexpr std::int64_t cycle_shift_ns(const CycleHop& hop) {
    return hop.oif.offset_ns - hop.upstream.offset_ns + hop.shift * hop.oif.cycle_time_ns;
}

/// Delay is above `above_ns` and below `below_ns`.
struct DelayBounds {
    std::int64_t above_ns = 0;
    std::int64_t below_ns = 0;

    constexpr std::int64_t spread_ns() const { return below_ns - above_ns; }
    constexpr bool operator==(const DelayBounds&) const = default;
};

/// Between the starts of a packet's wire occupancy at both ends of a path of hops, all of one cycle
/// time: the sum of the cycle shifts, give or take less than one cycle.
constexpr DelayBounds path_delay(std::int64_t cycle_time_ns, std::span<const CycleHop> hops) {
    std::int64_t sum_ns = 0;
    for (const CycleHop& hop : hops) {
        sum_ns += cycle_shift_ns(hop);
    }
    return {sum_ns - cycle_time_ns, sum_ns + cycle_time_ns};
}

/// From the arrival at the ingress router, where the flow waits for one of the next
/// `backlog_cycles` cycles: one for a flow that never queues.
constexpr DelayBounds ingress_to_egress_delay(std::int64_t cycle_time_ns,
                                              std::uint32_t backlog_cycles,
                                              std::span<const CycleHop> hops) {
    const DelayBounds path = path_delay(cycle_time_ns, hops);
    // The start of its cycle lies 0 (excluded) to backlog_cycles cycles (included) after it.
    return {path.above_ns + cycle_time_ns,
            path.below_ns + std::int64_t{backlog_cycles} * cycle_time_ns};
}

/// The shift A, not reduced, of an explicit map: the one for which all that can arrive from an
/// upstream cycle lies in the window. `id` is any upstream identifier, `mapped` what it becomes.
/// Nothing where there is no such shift: some packets would be outside the window.
std::optional<std::int64_t> shift_of_map(const LatencyRange& latency, const CycleTiming& oif,
                                         CycleId id, CycleId mapped, Window window);

}  // namespace tcqf
