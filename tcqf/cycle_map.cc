#include "tcqf/cycle_map.h"

#include <cassert>

namespace tcqf {

namespace {

/// Sums of a few 64-bit numbers. A cycle lasts at least 1000 ns, so quotients fit 64 bits again.
__extension__ using Wide = __int128;

std::int64_t floor_div_wide(Wide a, std::int64_t b) {
    return static_cast<std::int64_t>(a / b - (a % b < 0 ? 1 : 0));
}

std::int64_t ceil_div_wide(Wide a, std::int64_t b) {
    return static_cast<std::int64_t>(a / b + (a % b > 0 ? 1 : 0));
}

}  // namespace

CycleMap::CycleMap(std::span<const CycleId> oif_cycle, Window window, std::uint8_t cycles)
    : window_(window), cycles_(cycles), min_index_(static_cast<std::uint8_t>(window.min % cycles)) {
    assert(oif_cycle.size() == cycles);
    assert(window.min >= 1 && window.min <= window.max && window.distances() <= cycles);
    for (std::size_t i = 0; i < oif_cycle.size(); ++i) {
        oif_index_[i + 1] = static_cast<std::uint8_t>(oif_cycle[i] - 1);
    }
}

ComputedMap compute_map(const LatencyRange& latency, const CycleTiming& oif) {
    const Wide base = Wide{latency.upstream_clock_offset_ns} - oif.offset_ns;
    const Wide latest =
        base + latency.max_ns - latency.upstream_dead_time_ns + latency.max_time_interval_error_ns;
    const Wide earliest = base + latency.min_ns - latency.max_time_interval_error_ns;
    const std::int64_t shift = ceil_div_wide(latest, oif.cycle_time_ns) + 1;
    // A packet sent at the very start of an upstream cycle with the least latency arrives earliest,
    // hence floor: the draft's ceil misses one cycle whenever y(Dmin) is not whole.
    return {.shift = shift,
            .window_min = 1,
            .window_max = shift - floor_div_wide(earliest, oif.cycle_time_ns)};
}

CycleId shifted_id(CycleId id, std::int64_t shift, std::uint8_t cycles) {
    return static_cast<CycleId>(floor_mod(id - 1 + floor_mod(shift, cycles), cycles) + 1);
}

}  // namespace tcqf
