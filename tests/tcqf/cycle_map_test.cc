// Mapping, windows, late polling and computed maps (draft-eckert-detnet-tcqf-10, 4.2 and 6.3).
#include "tcqf/cycle_map.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include "tests/tcqf/random.h"

namespace tcqf::test {
namespace {

constexpr std::int64_t kMicrosecond = 1'000;

TEST(mapping, goes_to_the_one_distance_in_the_window_that_has_the_mapped_identifier) {
    const CycleMap map(std::array<CycleId, 4>{3, 4, 1, 2}, {1, 3}, 4);
    // Identifier 1 becomes 3. In a cycle with identifier 1 (index 0) that is 2 ahead.
    EXPECT_EQ(map.distance(1, 0), 2u);
    EXPECT_EQ(map.distance(1, 1), 1u);
    EXPECT_EQ(map.distance(1, 3), 3u);
}

TEST(mapping, without_such_a_distance_it_is_outside_the_window) {
    const CycleMap map(std::array<CycleId, 4>{3, 4, 1, 2}, {1, 3}, 4);
    // The current cycle itself has the identifier: 0 or 4 ahead, and neither is in [1, 3].
    EXPECT_EQ(map.distance(1, 2), 0u);
}

TEST(mapping, a_window_of_all_c_distances_always_has_one) {
    const CycleMap map(std::array<CycleId, 4>{3, 4, 1, 2}, {1, 4}, 4);
    EXPECT_EQ(map.distance(1, 2), 4u);
}

TEST(mapping, a_window_may_begin_beyond_one_round) {
    const CycleMap map(std::array<CycleId, 4>{3, 4, 1, 2}, {1021, 1024}, 4);
    // 1021 = 255 * 4 + 1.
    EXPECT_EQ(map.distance(1, 0), 1022u);
    EXPECT_EQ(map.distance(1, 1), 1021u);
    EXPECT_EQ(map.distance(1, 2), 1024u);
}

RC_GTEST_PROP(mapping, is_what_trying_all_distances_finds, ()) {
    const auto cycles = in_range<std::uint8_t>(2, 255);
    std::vector<CycleId> oif_cycle(cycles);
    for (CycleId& id : oif_cycle) {
        id = in_range<CycleId>(1, cycles);
    }
    const auto distances = in_range<std::uint16_t>(1, cycles);
    const auto min =
        in_range<std::uint16_t>(1, static_cast<std::uint16_t>(kMaxWindowDistance - distances + 1));
    const Window window{min, static_cast<std::uint16_t>(min + distances - 1)};
    const CycleMap map(oif_cycle, window, cycles);
    const CycleTiming timing{.cycle_time_ns = 33'000, .offset_ns = 5, .cycles = cycles};
    const CycleNumber now = timing.cycle_at(kToday + in_range<std::int64_t>(0, 1'000'000'000));
    for (int id = 1; id <= cycles; ++id) {
        std::vector<std::uint32_t> found;
        for (std::uint32_t d = window.min; d <= window.max; ++d) {
            if (timing.id_of(now + d) == oif_cycle[static_cast<std::size_t>(id - 1)]) {
                found.push_back(d);
            }
        }
        RC_ASSERT(found.size() <= 1u);
        RC_ASSERT(map.distance(static_cast<CycleId>(id), timing.index_of(now)) ==
                  (found.empty() ? 0u : found.front()));
    }
}

TEST(late_polling, a_gap_of_the_cycles_outside_the_window_still_tells_the_age) {
    EXPECT_EQ(CycleMap(std::array<CycleId, 4>{1, 2, 3, 4}, {1, 3}, 4).max_poll_gap_ns(100'000),
              100'000);
    EXPECT_EQ(CycleMap(std::array<CycleId, 4>{1, 2, 3, 4}, {2, 2}, 4).max_poll_gap_ns(100'000),
              300'000);
}

TEST(late_polling, with_a_window_of_all_c_distances_one_cycle_is_allowed) {
    EXPECT_EQ(CycleMap(std::array<CycleId, 4>{1, 2, 3, 4}, {1, 4}, 4).max_poll_gap_ns(100'000),
              100'000);
}

RC_GTEST_PROP(late_polling, within_the_gap_no_packet_goes_a_round_late, ()) {
    // A packet that arrived in the window and is polled g later joins its own cycle or is outside
    // the window, as long as g is at most the gap.
    const auto cycles = in_range<std::uint8_t>(3, 20);
    const auto distances = in_range<std::uint16_t>(1, static_cast<std::uint16_t>(cycles - 1));
    const Window window{1, distances};
    std::vector<CycleId> identity(cycles);
    for (std::size_t i = 0; i < identity.size(); ++i) {
        identity[i] = static_cast<CycleId>(i + 1);
    }
    const CycleMap map(identity, window, cycles);
    const CycleTiming timing{.cycle_time_ns = 1'000, .offset_ns = 0, .cycles = cycles};
    const std::int64_t arrival_ns = kToday + in_range<std::int64_t>(0, 100'000);
    const CycleNumber target =
        timing.cycle_at(arrival_ns) + in_range<std::int64_t>(window.min, window.max);
    const std::int64_t polled_ns =
        arrival_ns + in_range<std::int64_t>(0, map.max_poll_gap_ns(timing.cycle_time_ns));
    const CycleNumber now = timing.cycle_at(polled_ns);
    const std::uint32_t distance = map.distance(timing.id_of(target), timing.index_of(now));
    RC_ASSERT(distance == 0u || now + distance == target);
}

TEST(computed_maps, shift_is_ceil_of_y_at_the_latest_arrival_plus_one) {
    const ComputedMap map = compute_map(
        {.min_ns = 9 * kMicrosecond, .max_ns = 21 * kMicrosecond},
        {.cycle_time_ns = 100 * kMicrosecond, .offset_ns = 12 * kMicrosecond, .cycles = 4});
    EXPECT_EQ(map.shift, 2);       // y(Dmax) = 0.09
    EXPECT_EQ(map.window_max, 3);  // y(Dmin) = -0.03
    EXPECT_EQ(shifted_id(1, map.shift, 4), 3);
    EXPECT_EQ(shifted_id(3, map.shift, 4), 1);
}

TEST(computed_maps, the_drafts_check_value_is_the_identity) {
    // draft-eckert-detnet-tcqf-10, 6.3: C = 3, T = 1, O1' - O2 = 1.8.
    const ComputedMap map = compute_map({.min_ns = 1'800, .max_ns = 1'800},
                                        {.cycle_time_ns = 1'000, .offset_ns = 0, .cycles = 3});
    EXPECT_EQ(map.shift, 3);
    for (CycleId id = 1; id <= 3; ++id) {
        EXPECT_EQ(shifted_id(id, map.shift, 3), id);
    }
}

TEST(computed_maps, floor_and_mod_are_those_of_mathematics_below_zero) {
    // The upstream's cycles start half a cycle before ours: y = -0.5.
    const ComputedMap map = compute_map({.min_ns = 0, .max_ns = 0},
                                        {.cycle_time_ns = 1'000, .offset_ns = 500, .cycles = 3});
    EXPECT_EQ(map.shift, 1);
    EXPECT_EQ(map.window_max, 2);
    EXPECT_EQ(shifted_id(1, -1, 3), 3);
    EXPECT_EQ(shifted_id(1, -4, 3), 3);
}

TEST(computed_maps, clock_error_widens_both_sides) {
    const CycleTiming oif{.cycle_time_ns = 1'000, .offset_ns = 0, .cycles = 4};
    const ComputedMap exact = compute_map({.min_ns = 1'000, .max_ns = 2'000}, oif);
    const ComputedMap wide =
        compute_map({.min_ns = 1'000, .max_ns = 2'000, .max_time_interval_error_ns = 1}, oif);
    EXPECT_EQ(exact.shift, 3);
    EXPECT_EQ(exact.window_max, 2);
    EXPECT_EQ(wide.shift, 4);
    EXPECT_EQ(wide.window_max, 4);
}

TEST(computed_maps, dead_time_of_the_upstream_is_taken_off_the_latest_arrival) {
    const ComputedMap map =
        compute_map({.min_ns = 1'000, .max_ns = 2'001, .upstream_dead_time_ns = 1},
                    {.cycle_time_ns = 1'000, .offset_ns = 0, .cycles = 4});
    EXPECT_EQ(map.shift, 3);
}

TEST(computed_maps, latencies_of_any_size_do_not_overflow) {
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
    const ComputedMap map = compute_map({.min_ns = 0,
                                         .max_ns = kMost,
                                         .upstream_clock_offset_ns = kMost,
                                         .max_time_interval_error_ns = kMost},
                                        {.cycle_time_ns = 1'000, .offset_ns = 0, .cycles = 4});
    // 3 * (2^63 - 1) / 1000, rounded up, plus one.
    EXPECT_EQ(map.shift, 27'670'116'110'564'329);
    // The earliest arrival is at kMost - kMost.
    EXPECT_EQ(map.window_max, map.shift);
}

/// What arrives, by trying every send instant of one upstream cycle with every latency.
struct Arrivals {
    std::set<std::int64_t> distances;  ///< from the cycle that is being sent to the target
};

Arrivals try_all(const LatencyRange& latency, const CycleTiming& oif, CycleNumber n) {
    Arrivals arrivals;
    const std::int64_t target = n + compute_map(latency, oif).shift;
    const std::int64_t begin_ns = latency.upstream_clock_offset_ns + n * oif.cycle_time_ns;
    const std::int64_t end_ns = begin_ns + oif.cycle_time_ns - latency.upstream_dead_time_ns;
    const std::int64_t error_ns = latency.max_time_interval_error_ns;
    for (std::int64_t sent_ns = begin_ns; sent_ns < end_ns; ++sent_ns) {
        for (std::int64_t delay_ns = latency.min_ns - error_ns;
             delay_ns <= latency.max_ns + error_ns; ++delay_ns) {
            arrivals.distances.insert(target - oif.cycle_at(sent_ns + delay_ns));
        }
    }
    return arrivals;
}

RC_GTEST_PROP(computed_maps, the_window_is_exactly_what_all_send_instants_and_latencies_need, ()) {
    // Nanoseconds stand for longer pieces of time: the arithmetic is the same.
    const CycleTiming oif{.cycle_time_ns = in_range<std::int64_t>(1, 12),
                          .offset_ns = in_range<std::int64_t>(0, 40),
                          .cycles = 4};
    LatencyRange latency;
    latency.min_ns = in_range<std::int64_t>(0, 30);
    latency.max_ns = latency.min_ns + in_range<std::int64_t>(0, 15);
    latency.upstream_clock_offset_ns = in_range<std::int64_t>(0, 40);
    latency.max_time_interval_error_ns = in_range<std::int64_t>(0, 5);
    latency.upstream_dead_time_ns = in_range<std::int64_t>(0, oif.cycle_time_ns - 1);
    const ComputedMap map = compute_map(latency, oif);
    const CycleNumber n = in_range<CycleNumber>(-20, 20);
    const std::set<std::int64_t> distances = try_all(latency, oif, n).distances;
    RC_ASSERT(*distances.begin() == map.window_min);
    RC_ASSERT(*distances.rbegin() == map.window_max);
    // The identifier that the map writes is that of the target.
    const CycleTiming upstream{.cycle_time_ns = oif.cycle_time_ns, .offset_ns = 0, .cycles = 4};
    RC_ASSERT(shifted_id(upstream.id_of(n), map.shift, 4) == oif.id_of(n + map.shift));
}

}  // namespace
}  // namespace tcqf::test
