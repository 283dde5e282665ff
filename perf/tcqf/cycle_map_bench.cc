// What it costs to find the cycle that a packet joins: tag, map, window.
#include "tcqf/cycle_map.h"

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>

#include "tcqf/tag_table.h"

namespace tcqf {
namespace {

void classify_and_map(benchmark::State& state) {
    const CycleMap map(std::array<CycleId, 4>{3, 4, 1, 2}, {1, 4}, 4);
    const TagTable in(Tagging::dscp, std::array<std::uint8_t, 4>{3, 7, 11, 15});
    const TagTable out(Tagging::dscp, std::array<std::uint8_t, 4>{19, 23, 27, 31});
    const CycleTiming timing{.cycle_time_ns = 100'000, .offset_ns = 0, .cycles = 4};
    CycleTracker tracker(timing);
    std::int64_t now_ns = 1'700'000'000'000'000'000;
    std::uint8_t tag = 3;
    for (auto _ : state) {
        tracker.advance(now_ns);
        const CycleId id = in.cycle_of(tag);
        const std::uint32_t distance = map.distance(id, tracker.index());
        benchmark::DoNotOptimize(out.tag_of(map.oif_cycle(id)) + distance);
        tag = tag == 15 ? 3 : static_cast<std::uint8_t>(tag + 4);
        now_ns += 10;
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(classify_and_map);

}  // namespace
}  // namespace tcqf
