// Latency bounds, per hop and end to end.
#include "tcqf/latency.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "tests/tcqf/random.h"

namespace tcqf::test {
namespace {

TEST(latency, a_hop_takes_its_cycle_shift) {
    const CycleHop hop{.upstream = {.cycle_time_ns = 100'000, .offset_ns = 0, .cycles = 4},
                       .oif = {.cycle_time_ns = 100'000, .offset_ns = 12'000, .cycles = 4},
                       .shift = 2};
    EXPECT_EQ(cycle_shift_ns(hop), 212'000);
}

TEST(latency, end_to_end_is_the_sum_of_the_shifts_give_or_take_a_cycle) {
    const std::array<CycleHop, 2> hops{
        CycleHop{.upstream = {.cycle_time_ns = 100'000, .offset_ns = 0, .cycles = 4},
                 .oif = {.cycle_time_ns = 100'000, .offset_ns = 12'000, .cycles = 4},
                 .shift = 2},
        CycleHop{.upstream = {.cycle_time_ns = 100'000, .offset_ns = 12'000, .cycles = 4},
                 .oif = {.cycle_time_ns = 100'000, .offset_ns = 3'000, .cycles = 4},
                 .shift = 3}};
    EXPECT_EQ(path_delay(100'000, hops), (DelayBounds{403'000, 603'000}));
    EXPECT_EQ(ingress_to_egress_delay(100'000, 1, hops), (DelayBounds{503'000, 703'000}));
    EXPECT_EQ(ingress_to_egress_delay(100'000, 5, hops), (DelayBounds{503'000, 1'103'000}));
}

RC_GTEST_PROP(latency, spread_is_2t_whatever_the_number_of_hops, ()) {
    const std::int64_t cycle_time_ns = 1'000 * in_range<std::int64_t>(1, 65'535);
    std::vector<CycleHop> hops(in_range<std::size_t>(0, 20));
    for (CycleHop& hop : hops) {
        hop.upstream.cycle_time_ns = hop.oif.cycle_time_ns = cycle_time_ns;
        hop.oif.offset_ns = in_range<std::int64_t>(0, 1'000'000);
        hop.shift = in_range<std::int64_t>(1, 1'000);
    }
    RC_ASSERT(path_delay(cycle_time_ns, hops).spread_ns() == 2 * cycle_time_ns);
    RC_ASSERT(ingress_to_egress_delay(cycle_time_ns, 1, hops).spread_ns() == 2 * cycle_time_ns);
}

RC_GTEST_PROP(latency, packets_that_hop_from_cycle_to_cycle_stay_within_the_bounds, ()) {
    const std::int64_t cycle_time_ns = in_range<std::int64_t>(10, 1'000);
    std::vector<CycleTiming> timings(in_range<std::size_t>(2, 6));
    for (CycleTiming& timing : timings) {
        timing = {.cycle_time_ns = cycle_time_ns,
                  .offset_ns = in_range<std::int64_t>(0, 4 * cycle_time_ns - 1),
                  .cycles = 8};
    }
    // A packet arrives at the ingress router and leaves it in the next cycle, at any place there.
    const std::int64_t arrival_ns = kToday + in_range<std::int64_t>(0, 10 * cycle_time_ns);
    CycleNumber cycle = timings[0].cycle_at(arrival_ns) + 1;
    const std::int64_t first_ns =
        timings[0].start_ns(cycle) + in_range<std::int64_t>(0, cycle_time_ns - 1);
    std::int64_t sent_ns = first_ns;
    std::vector<CycleHop> hops;
    for (std::size_t i = 1; i < timings.size(); ++i) {
        const std::int64_t least_ns = in_range<std::int64_t>(0, 3 * cycle_time_ns);
        const std::int64_t most_ns = least_ns + in_range<std::int64_t>(0, cycle_time_ns);
        const ComputedMap map = compute_map({.min_ns = least_ns,
                                             .max_ns = most_ns,
                                             .upstream_clock_offset_ns = timings[i - 1].offset_ns},
                                            timings[i]);
        hops.push_back({timings[i - 1], timings[i], map.shift});
        const std::int64_t enqueued_ns = sent_ns + in_range<std::int64_t>(least_ns, most_ns);
        cycle += map.shift;
        RC_ASSERT(cycle > timings[i].cycle_at(enqueued_ns));
        sent_ns = timings[i].start_ns(cycle) + in_range<std::int64_t>(0, cycle_time_ns - 1);
    }
    const DelayBounds path = path_delay(cycle_time_ns, hops);
    RC_ASSERT(sent_ns - first_ns > path.above_ns);
    RC_ASSERT(sent_ns - first_ns < path.below_ns);
    const DelayBounds whole = ingress_to_egress_delay(cycle_time_ns, 1, hops);
    RC_ASSERT(sent_ns - arrival_ns > whole.above_ns);
    RC_ASSERT(sent_ns - arrival_ns < whole.below_ns);
}

RC_GTEST_PROP(latency, the_shift_of_an_explicit_map_is_what_all_arrivals_join, ()) {
    const CycleTiming oif{.cycle_time_ns = in_range<std::int64_t>(1, 10),
                          .offset_ns = in_range<std::int64_t>(0, 30),
                          .cycles = in_range<std::uint8_t>(2, 6)};
    LatencyRange latency{.min_ns = in_range<std::int64_t>(0, 40)};
    latency.max_ns = latency.min_ns + in_range<std::int64_t>(0, 12);
    latency.upstream_clock_offset_ns = in_range<std::int64_t>(0, 30);
    const auto distances = in_range<std::uint16_t>(1, oif.cycles);
    const auto min = in_range<std::uint16_t>(1, 10);
    const Window window{min, static_cast<std::uint16_t>(min + distances - 1)};
    // Any map that shifts: one entry tells the rest.
    const auto offset = in_range<std::int64_t>(0, oif.cycles - 1);
    std::vector<CycleId> entries(oif.cycles);
    for (std::size_t i = 0; i < entries.size(); ++i) {
        entries[i] = shifted_id(static_cast<CycleId>(i + 1), offset, oif.cycles);
    }
    const CycleMap map(entries, window, oif.cycles);
    const CycleNumber n = in_range<CycleNumber>(-10, 10);
    const CycleId id = oif.id_of(n);
    std::vector<std::int64_t> joined;
    for (std::int64_t sent_ns = 0; sent_ns < oif.cycle_time_ns; ++sent_ns) {
        for (std::int64_t delay_ns = latency.min_ns; delay_ns <= latency.max_ns; ++delay_ns) {
            const CycleNumber now = oif.cycle_at(latency.upstream_clock_offset_ns +
                                                 n * oif.cycle_time_ns + sent_ns + delay_ns);
            const std::uint32_t distance = map.distance(id, oif.index_of(now));
            joined.push_back(distance == 0 ? std::numeric_limits<std::int64_t>::min()
                                           : now + distance);
        }
    }
    const auto shift = shift_of_map(latency, oif, id, map.oif_cycle(id), window);
    const bool one_cycle = joined.front() != std::numeric_limits<std::int64_t>::min() &&
                           std::all_of(joined.begin(), joined.end(),
                                       [&](std::int64_t cycle) { return cycle == joined.front(); });
    RC_ASSERT(shift.has_value() == one_cycle);
    if (one_cycle) {
        RC_ASSERT(n + *shift == joined.front());
    }
}

}  // namespace
}  // namespace tcqf::test
