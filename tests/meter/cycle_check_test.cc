// The receiver's own check of the tags.
#include "control/meter/cycle_check.h"

#include <gtest/gtest.h>

#include <vector>

namespace tcqf::control::meter {
namespace {

constexpr CycleTiming kTiming{.cycle_time_ns = 100, .offset_ns = 30, .cycles = 4};

void expect_distance(CycleId id, std::int64_t time_ns, std::int64_t early_ns,
                     std::int64_t late_ns) {
    const CycleDistance distance = distance_from_cycle(kTiming, id, time_ns);
    EXPECT_EQ(distance.early_ns, early_ns) << time_ns;
    EXPECT_EQ(distance.late_ns, late_ns) << time_ns;
}

TEST(CycleCheck, WithinTheCycleFromItsFirstToItsLastNanosecond) {
    expect_distance(1, 30, 0, 0);
    expect_distance(1, 129, 0, 0);
    expect_distance(4, 330, 0, 0);
    expect_distance(2, 30 + 400 * 1'000'000 + 100, 0, 0);
}

TEST(CycleCheck, ANanosecondOutsideIsOutside) {
    expect_distance(1, 130, 0, 1);
    expect_distance(1, 29, 1, 0);
    expect_distance(2, 129, 1, 0);
}

TEST(CycleCheck, DistanceIsToTheNearestCycleOfThatName) {
    expect_distance(1, 279, 0, 150);
    expect_distance(1, 280, 150, 0);
}

TEST(CycleCheck, TimesBeforeTheOffsetAreInCyclesToo) {
    expect_distance(4, 29, 0, 0);
    expect_distance(4, -70, 0, 0);
    expect_distance(4, -71, 1, 0);
}

config::Domain domain() {
    config::Domain domain;
    domain.cycles = 3;
    domain.cycle_time_us = 7;
    domain.cycle_clock_offset_ns = 5;
    return domain;
}

config::DomainInterface interface_with(Tagging tagging, const std::vector<std::uint8_t>& tags) {
    config::DomainInterface interface;
    interface.tagging = tagging;
    interface.tags = tags;
    return interface;
}

TEST(CycleCheck, ReadsTheKindOfTagThatTheInterfaceWrites) {
    const ProbeMarks marks{
        .traffic_class = 2, .dscp = 11, .hop_by_hop_cycle = 9, .destination_cycle = 8};
    config::DomainInterface interface = interface_with(Tagging::mpls_tc, {1, 2, 3});
    EXPECT_EQ(CycleCheck(domain(), interface).cycle_of(marks), 2);
    interface.tagging = Tagging::dscp;
    interface.tags = {3, 7, 11};
    EXPECT_EQ(CycleCheck(domain(), interface).cycle_of(marks), 3);
    interface.tagging = Tagging::ipv6_option;
    interface.tags = {9, 8, 7};
    EXPECT_EQ(CycleCheck(domain(), interface).cycle_of(marks), 1);
    interface.option_header = config::OptionHeader::destination;
    EXPECT_EQ(CycleCheck(domain(), interface).cycle_of(marks), 2);
    EXPECT_EQ(CycleCheck(domain(), interface).cycle_of(ProbeMarks{.dscp = 9}), 0);
}

TEST(CycleCheck, InterfaceOffsetReplacesTheDomains) {
    config::DomainInterface interface = interface_with(Tagging::dscp, {3, 7, 11});
    EXPECT_EQ(CycleCheck(domain(), interface).timing().offset_ns, 5);
    interface.cycle_clock_offset_ns = 6000;
    EXPECT_EQ(CycleCheck(domain(), interface).timing().offset_ns, 6000);
    EXPECT_EQ(CycleCheck(domain(), interface).timing().cycle_time_ns, 7000);
}

}  // namespace
}  // namespace tcqf::control::meter
