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

TEST(StallFloor, keeps_the_largest_gap_and_the_time_lost) {
    StallStatistics stalls = host_that_stalls_for(64'000);
    EXPECT_EQ(stalls.gaps(), 1'000'001U);
    EXPECT_EQ(stalls.largest_ns(), 64'000);
    EXPECT_EQ(stalls.lost_ns(), 64'000);
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

}  // namespace
}  // namespace tcqf::control
