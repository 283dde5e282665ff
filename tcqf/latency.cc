#include "tcqf/latency.h"

namespace tcqf {

std::optional<std::int64_t> shift_of_map(const LatencyRange& latency, const CycleTiming& oif,
                                         CycleId id, CycleId mapped, Window window) {
    const ComputedMap computed = compute_map(latency, oif);
    // Packets of upstream cycle n arrive from cycle n + earliest to cycle n + latest of ours.
    const std::int64_t latest = computed.shift - 1;
    const std::int64_t earliest = computed.shift - computed.window_max;
    const std::int64_t first = latest + window.min;
    const std::int64_t last = earliest + window.max;
    const std::int64_t shift = first + floor_mod(mapped - id - first, oif.cycles);
    return shift <= last ? std::optional(shift) : std::nullopt;
}

}  // namespace tcqf
