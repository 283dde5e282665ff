// Cycles (draft-eckert-detnet-tcqf-10, 4.2): which cycle an instant lies in, and its identifier.
#include "tcqf/cycle_clock.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <set>

#include "tests/tcqf/random.h"

namespace tcqf::test {
namespace {

CycleTiming any_timing() {
    CycleTiming timing;
    timing.cycle_time_ns = 1000 * *rc::gen::oneOf(rc::gen::element(1, 20, 33, 100, 999, 65'535),
                                                  rc::gen::inRange(1, 65'536));
    timing.cycles = in_range<std::uint8_t>(2, 255);
    timing.offset_ns = in_range<std::int64_t>(0, timing.round_ns() - 1);
    return timing;
}

std::int64_t any_instant() {
    return *rc::gen::element<std::int64_t>(0, kToday, 2 * kToday, -kToday) +
           in_range<std::int64_t>(-1'000'000'000'000, 1'000'000'000'000);
}

TEST(cycles, cycle_n_covers_its_start_but_not_its_end) {
    const CycleTiming timing{.cycle_time_ns = 100'000, .offset_ns = 12'000, .cycles = 4};
    EXPECT_EQ(timing.cycle_at(12'000), 0);
    EXPECT_EQ(timing.cycle_at(111'999), 0);
    EXPECT_EQ(timing.cycle_at(112'000), 1);
}

TEST(cycles, identifier_is_n_mod_c_plus_1) {
    const CycleTiming timing{.cycle_time_ns = 100'000, .offset_ns = 0, .cycles = 3};
    EXPECT_EQ(timing.id_of(0), 1);
    EXPECT_EQ(timing.id_of(2), 3);
    EXPECT_EQ(timing.id_of(3), 1);
}

TEST(cycles, before_the_offset_cycles_are_negative_and_identifiers_go_on) {
    const CycleTiming timing{.cycle_time_ns = 100'000, .offset_ns = 12'000, .cycles = 4};
    EXPECT_EQ(timing.cycle_at(11'999), -1);
    EXPECT_EQ(timing.cycle_at(-88'000), -1);
    EXPECT_EQ(timing.cycle_at(-88'001), -2);
    EXPECT_EQ(timing.id_of(-1), 4);
    EXPECT_EQ(timing.id_of(-4), 1);
    EXPECT_EQ(timing.id_of(-5), 4);
}

TEST(cycles, a_cycle_length_that_does_not_divide_a_second_drifts_past_the_seconds_exactly) {
    const CycleTiming timing{.cycle_time_ns = 33'000, .offset_ns = 0, .cycles = 7};
    // 1'700'000'000 s = 51'515'151'515'151 cycles of 33 us and 17 us.
    EXPECT_EQ(timing.cycle_at(kToday), 51'515'151'515'151);
    EXPECT_EQ(kToday - timing.start_ns(51'515'151'515'151), 17'000);
    EXPECT_EQ(timing.id_of(51'515'151'515'151), 51'515'151'515'151 % 7 + 1);
}

TEST(cycles, the_longest_round_and_its_largest_offset) {
    const CycleTiming timing{
        .cycle_time_ns = 65'535'000, .offset_ns = 65'535'000LL * 255 - 1, .cycles = 255};
    EXPECT_EQ(timing.round_ns(), 16'711'425'000);
    EXPECT_EQ(timing.cycle_at(timing.offset_ns), 0);
    EXPECT_EQ(timing.cycle_at(0), -255);
    EXPECT_EQ(timing.id_of(-255), 1);
    EXPECT_EQ(timing.id_of(-1), 255);
}

RC_GTEST_PROP(cycles, every_instant_lies_in_its_cycle, ()) {
    const CycleTiming timing = any_timing();
    const std::int64_t now_ns = any_instant();
    const CycleNumber n = timing.cycle_at(now_ns);
    const Wide start = Wide{timing.offset_ns} + Wide{n} * timing.cycle_time_ns;
    RC_ASSERT(start <= Wide{now_ns});
    RC_ASSERT(Wide{now_ns} < start + timing.cycle_time_ns);
    RC_ASSERT(Wide{timing.start_ns(n)} == start);
}

RC_GTEST_PROP(cycles, c_cycles_in_a_row_have_each_identifier_once, ()) {
    const CycleTiming timing = any_timing();
    const CycleNumber first = timing.cycle_at(any_instant());
    std::set<CycleId> ids;
    for (int i = 0; i < timing.cycles; ++i) {
        const CycleId id = timing.id_of(first + i);
        RC_ASSERT(id >= 1);
        RC_ASSERT(id <= timing.cycles);
        ids.insert(id);
    }
    RC_ASSERT(ids.size() == timing.cycles);
    RC_ASSERT(timing.id_of(first + timing.cycles) == timing.id_of(first));
}

RC_GTEST_PROP(cycles, a_tracker_is_where_the_clock_is_however_time_moves, ()) {
    const CycleTiming timing = any_timing();
    CycleTracker tracker(timing);
    std::int64_t now_ns = any_instant();
    for (int step = 0; step < 20; ++step) {
        now_ns += in_range<std::int64_t>(-timing.cycle_time_ns, 2 * timing.cycle_time_ns);
        tracker.advance(now_ns);
        RC_ASSERT(tracker.cycle() == timing.cycle_at(now_ns));
        RC_ASSERT(tracker.index() + 1 == timing.id_of(tracker.cycle()));
        RC_ASSERT(tracker.start_ns() <= now_ns);
        RC_ASSERT(now_ns < tracker.end_ns());
        const auto ahead = in_range<std::uint32_t>(0, 100'000);
        RC_ASSERT(tracker.id_ahead(ahead) == timing.id_of(tracker.cycle() + ahead));
    }
}

RC_GTEST_PROP(division, is_that_of_mathematics_also_below_zero, ()) {
    const std::int64_t b = in_range<std::int64_t>(1, 1'000'000'000);
    const std::int64_t a = *rc::gen::oneOf(rc::gen::just(b * in_range<std::int64_t>(-9, 9)),
                                           rc::gen::arbitrary<std::int64_t>());
    const Wide floor = floor_by_trial(a, b);
    RC_ASSERT(Wide{floor_div(a, b)} == floor);
    RC_ASSERT(Wide{ceil_div(a, b)} == (floor * b == a ? floor : floor + 1));
    RC_ASSERT(Wide{floor_mod(a, b)} == a - floor * b);
}

}  // namespace
}  // namespace tcqf::test
