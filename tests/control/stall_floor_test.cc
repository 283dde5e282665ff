// From measured stalls to warnings and proposals.
#include "control/stall_floor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tcqf::control {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

StallStatistics host_that_stalls_for(std::int64_t stall_ns) {
    StallStatistics stalls;
    for (int i = 0; i < 1'000'000; ++i) {
        stalls.add(20);
    }
    stalls.add(stall_ns);
    return stalls;
}

config::Router with_cycles_of(std::uint32_t cycle_time_us) {
    config::Router router;
    config::Domain& domain = router.domains.emplace_back();
    domain.name = "core";
    domain.cycle_time_us = cycle_time_us;
    return router;
}

TEST(StallFloor, keeps_the_largest_gap) {
    StallStatistics stalls = host_that_stalls_for(64'000);
    EXPECT_EQ(stalls.gaps(), 1'000'001U);
    EXPECT_EQ(stalls.largest_ns(), 64'000);
}

// A thread that moves between cores may read an earlier time on the next one.
TEST(StallFloor, a_reading_that_goes_back_is_no_stall) {
    StallStatistics stalls;
    stalls.add(-1);
    EXPECT_EQ(stalls.gaps(), 1U);
    EXPECT_EQ(stalls.largest_ns(), 0);
    EXPECT_EQ(stalls.quantile_ns(1), 0);
}

TEST(StallFloor, quantile_leaves_out_as_many_gaps_as_said) {
    StallStatistics stalls;
    for (int i = 0; i < 998; ++i) {
        stalls.add(20);
    }
    stalls.add(5'000);
    stalls.add(64'000);
    EXPECT_EQ(stalls.quantile_ns(1000), 8'192);
    EXPECT_EQ(stalls.quantile_ns(500), 32);
    EXPECT_EQ(stalls.quantile_ns(1'000'000), 64'000) << "never more than was seen";
}

TEST(StallFloor, a_host_of_20_us_runs_100_us_cycles_without_a_word) {
    EXPECT_THAT(stall_warnings(with_cycles_of(100), host_that_stalls_for(20'000)), IsEmpty());
}

TEST(StallFloor, cycles_below_the_floor_get_a_warning_with_a_proposal) {
    EXPECT_THAT(stall_warnings(with_cycles_of(50), host_that_stalls_for(19'800)),
                ElementsAre(AllOf(HasSubstr("domain core: cycles of 50 us"),
                                  HasSubstr("up to 20 us"), HasSubstr("cycles of 80 us or more"),
                                  HasSubstr("dead-time-ns of 20000"))));
}

TEST(StallFloor, a_stall_longer_than_the_cycle_is_beyond_dead_time) {
    EXPECT_THAT(stall_warnings(with_cycles_of(20), host_that_stalls_for(900'000)),
                ElementsAre(HasSubstr("no dead time helps")));
}

/// Two interfaces in a domain of 50 ms, ge1 with a dead time of 20 us, and one outside.
config::Router with_dead_time() {
    config::Router router = with_cycles_of(50'000);
    for (const char* name : {"ge0", "ge1", "ge2"}) {
        router.interfaces.emplace_back().name = name;
    }
    router.domains[0].interfaces.resize(2);
    router.domains[0].interfaces[0].interface = 0;
    router.domains[0].interfaces[1].interface = 1;
    router.domains[0].interfaces[1].dead_time_ns = 20'000;
    return router;
}

/// Every thousandth round is 16 us late.
StallStatistics host_that_is_often_late() {
    StallStatistics stalls;
    for (int i = 0; i < 1'000'000; ++i) {
        stalls.add(i % 1000 == 0 ? 16'000 : 20);
    }
    return stalls;
}

TEST(StallFloor, a_dead_time_below_the_usual_lateness_gets_a_warning) {
    EXPECT_THAT(stall_warnings(with_dead_time(), host_that_is_often_late()),
                ElementsAre(AllOf(HasSubstr("by up to 16000 ns as a rule"),
                                  HasSubstr("a dead-time-ns of 16000 or more on ge0 would do"))));
    config::Router router = with_dead_time();
    router.domains[0].interfaces[0].dead_time_ns = 16'000;
    EXPECT_THAT(stall_warnings(router, host_that_is_often_late()), IsEmpty());
}

TEST(StallFloor, a_dead_time_below_what_a_slow_port_needs_gets_a_warning) {
    config::Router router = with_dead_time();  // 200 ppm of 50 ms are 10 us
    const StallStatistics on_time = host_that_stalls_for(20);
    EXPECT_THAT(stall_warnings(router, on_time),
                ElementsAre(AllOf(HasSubstr("10000 ns at 200 ppm"),
                                  HasSubstr("a dead-time-ns of 10000 or more on ge0 would do"))));
    router.domains[0].interfaces[0].dead_time_ns = 10'000;
    EXPECT_THAT(stall_warnings(router, on_time), IsEmpty());
}

TEST(StallFloor, guards_that_were_measured_are_told) {
    config::Router router = with_dead_time();
    EXPECT_THAT(guard_messages(router, {8'192, 8'192, 0}),
                ElementsAre(HasSubstr("tx-guard-ns of ge0, ge1 is 8192: measured")));
    EXPECT_THAT(guard_messages(router, {8'192, 4'096, 0}),
                ElementsAre(HasSubstr("of ge1 is 4096"), HasSubstr("of ge0 is 8192")));
    router.interfaces[1].tx_guard_ns = 0;
    EXPECT_THAT(guard_messages(router, {8'192, 0, 0}), ElementsAre(HasSubstr("of ge0 is 8192")));
}

}  // namespace
}  // namespace tcqf::control
