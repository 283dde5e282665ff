// When packets are due, and what a stalled sender does about it.
#include "control/meter/pace.h"

#include <gtest/gtest.h>

namespace tcqf::control::meter {
namespace {

TEST(Pace, RateIsExactOverManyPackets) {
    // 1538 octets of occupancy at 7 Mbit/s: 1757714.28.. ns a packet.
    const Pace pace = Pace::of_rate(12'304, 7);
    EXPECT_EQ(pace.due_ns(0), 0);
    EXPECT_EQ(pace.due_ns(1), 1'757'714);
    EXPECT_EQ(pace.due_ns(7), 12'304'000);
    EXPECT_EQ(pace.due_ns(7'000'000), 12'304'000'000'000);
}

TEST(Pace, GoesOnAfterAnyNumberOfPackets) {
    // --pps 1000000, in thousandths of a packet a second.
    const Pace pace{.interval_numerator = 1'000'000'000'000, .interval_denominator = 1'000'000'000};
    EXPECT_EQ(pace.due_ns(10'000'000), 10'000'000'000);
    EXPECT_EQ(pace.due_ns(std::int64_t{1} << 32), 4'294'967'296'000);
}

TEST(Pace, BurstsComeTogetherAtTheSameMeanRate) {
    const Pace pace{.interval_numerator = 4'000'000, .burst = 4};
    EXPECT_EQ(pace.due_ns(3), 0);
    EXPECT_EQ(pace.due_ns(4), 4'000'000);
    EXPECT_EQ(pace.due_ns(11), 8'000'000);
}

TEST(Pace, NothingIsDueWhileOff) {
    const Pace pace{.interval_numerator = 1'000'000, .on_ns = 3'000'000, .off_ns = 7'000'000};
    EXPECT_EQ(pace.due_ns(2), 2'000'000);
    EXPECT_EQ(pace.due_ns(3), 10'000'000);
    EXPECT_EQ(pace.due_ns(8), 22'000'000);
}

TEST(Pace, LongestBurstsAndPausesAreDueLaterNotBefore) {
    constexpr std::int64_t kHourNs = 3'600'000'000'000;
    const Pace pace{.interval_numerator = kHourNs * 10'000,
                    .burst = 10'000,
                    .on_ns = 1'000'000,
                    .off_ns = (std::int64_t{1} << 20) * 1'000'000};
    EXPECT_GT(pace.due_ns(10'000), (std::int64_t{1} << 30) * 1'000'000);
    // With the latest start, too, it is a time.
    EXPECT_GT(4'200'000'000'000'000'000 + pace.due_ns(20'000), 0);
}

TEST(PaceKeeper, SendsWhatIsDueAndNoMore) {
    PaceKeeper keeper(Pace{.interval_numerator = 100}, 1000, 500);
    EXPECT_EQ(keeper.take_due(999, 64), 0);
    EXPECT_EQ(keeper.take_due(1000, 64), 1);
    EXPECT_EQ(keeper.take_due(1250, 64), 2);
    EXPECT_EQ(keeper.next_due_ns(), 1300);
    EXPECT_EQ(keeper.take_due(1700, 3), 3);
    EXPECT_EQ(keeper.shifted_ns(), 0);
}

TEST(PaceKeeper, LongStallShiftsTheScheduleInsteadOfMakingABurst) {
    PaceKeeper keeper(Pace{.interval_numerator = 100}, 0, 0);
    EXPECT_EQ(keeper.take_due(0, 64), 1);
    EXPECT_EQ(keeper.take_due(10'000, 64), 1);
    EXPECT_EQ(keeper.shifted_ns(), 9'900);
    EXPECT_EQ(keeper.next_due_ns(), 10'100);
}

}  // namespace
}  // namespace tcqf::control::meter
