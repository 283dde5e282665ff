// The clock of a network card by that of the router.
#include "control/tcqfd/card_clock.h"

#include <gtest/gtest.h>
#include <rte_cycles.h>

#include <chrono>
#include <thread>

namespace tcqf::control {
namespace {

TEST(CardTimeSource, takes_the_narrowest_reading) {
    // Nine readings; a pause falls into each but the fourth.
    std::int64_t now_ns = 1'000'000;
    std::uint64_t counter = 0;
    CardTimeSource source(
        [&] {
            ++counter;
            now_ns += counter == 4 ? 600 : 20'000;
            return counter;
        },
        [&] { return now_ns += 100; });
    const ClockSample sample = source.sample();
    EXPECT_EQ(counter, 9U);
    EXPECT_EQ(sample.ticks, 4U);
    EXPECT_EQ(sample.uncertainty_ns, 350);
    // Four readings of TAI before took 100 ns each, three of the counter 20 us each.
    EXPECT_EQ(sample.reference_ns, 1'000'000 + 7 * 100 + 3 * 20'000 + 350);
}

TEST(CardTimeSource, leaves_out_a_reading_in_which_the_clock_was_set_back) {
    std::int64_t now_ns = 1'000'000'000;
    std::uint64_t counter = 0;
    CardTimeSource source(
        [&] {
            now_ns += ++counter == 3 ? -500'000'000 : 1'000;
            return counter;
        },
        [&] { return now_ns; });
    EXPECT_EQ(source.sample().uncertainty_ns, 500);
}

TEST(CardClock, is_none_where_the_counter_stands) {
    SharedClock router_clock;
    router_clock.publish({.ticks = rte_rdtsc(), .rate = std::uint64_t{1} << 47});
    EXPECT_THROW(CardClock([] { return 0; }, router_clock), std::runtime_error);
}

TEST(CardClock, follows_a_counter_of_another_rate) {
    // 1 ns a tick of the processor's counter: how fast it really is does not matter here.
    SharedClock router_clock;
    router_clock.publish({.ticks = rte_rdtsc(),
                          .tai_ns = 1'700'000'000'000'000'000,
                          .rate = std::uint64_t{1} << ClockSnapshot::kRateBits});
    const auto counter = [] { return rte_rdtsc() / 7 + 12'345; };
    const CardClock card(counter, router_clock);

    constexpr std::int64_t kToleranceNs = 20'000;
    const auto agree = [&] {
        const std::int64_t before_ns = router_clock.at(rte_rdtsc());
        const std::int64_t card_ns = card.tai_ns(counter());
        const std::int64_t after_ns = router_clock.at(rte_rdtsc());
        return card_ns > before_ns - kToleranceNs && card_ns < after_ns + kToleranceNs;
    };
    unsigned in_a_row = 0;
    for (unsigned round = 0; round < 500 && in_a_row < 20; ++round) {
        in_a_row = agree() ? in_a_row + 1 : 0;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(in_a_row, 20U);
}

}  // namespace
}  // namespace tcqf::control
