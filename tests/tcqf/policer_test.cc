// Policing (RFC 9016, 5.5).
#include "tcqf/policer.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "tests/tcqf/random.h"

namespace tcqf::test {
namespace {

constexpr TrafficSpecification kFourAMillisecond{
    .interval_ns = 1'000'000, .max_packets_per_interval = 4, .max_payload_octets = 1'200};

/// A flow with all that its policer needs.
class PolicedFlow {
  public:
    explicit PolicedFlow(const TrafficSpecification& specification)
        : arrivals_ns_(specification.max_packets_per_interval, Policer::kNoArrival),
          policer_(specification) {}
    bool conforms(std::int64_t now_ns, std::uint32_t payload_octets) {
        return policer_.conforms(arrivals_ns_.data(), position_, now_ns, payload_octets);
    }

  private:
    std::vector<std::int64_t> arrivals_ns_;
    Policer policer_;
    PolicerPosition position_;
};

TEST(policing, max_packets_per_interval_conform_at_once) {
    PolicedFlow flow(kFourAMillisecond);
    for (int i = 0; i < 4; ++i) {
        EXPECT_TRUE(flow.conforms(kToday, 1'200));
    }
    EXPECT_FALSE(flow.conforms(kToday, 1'200));
}

TEST(policing, exactly_one_interval_after_the_packet_four_before_conforms_and_1_ns_less_does_not) {
    PolicedFlow flow(kFourAMillisecond);
    for (int i = 0; i < 4; ++i) {
        flow.conforms(kToday + i * 100, 100);
    }
    EXPECT_FALSE(flow.conforms(kToday + 999'999, 100));
    EXPECT_TRUE(flow.conforms(kToday + 1'000'000, 100));
    EXPECT_FALSE(flow.conforms(kToday + 1'000'099, 100));
    EXPECT_TRUE(flow.conforms(kToday + 1'000'100, 100));
}

TEST(policing, a_payload_larger_than_the_largest_does_not_conform) {
    PolicedFlow flow(kFourAMillisecond);
    EXPECT_FALSE(flow.conforms(kToday, 1'201));
    EXPECT_TRUE(flow.conforms(kToday, 1'200));
}

TEST(policing, what_does_not_conform_does_not_count) {
    PolicedFlow flow(
        {.interval_ns = 1'000, .max_packets_per_interval = 1, .max_payload_octets = 100});
    EXPECT_TRUE(flow.conforms(kToday, 100));
    EXPECT_FALSE(flow.conforms(kToday + 999, 100));
    EXPECT_FALSE(flow.conforms(kToday + 999, 101));
    EXPECT_TRUE(flow.conforms(kToday + 1'000, 100));
}

TEST(policing, windows_slide_instead_of_starting_at_fixed_instants) {
    PolicedFlow flow(kFourAMillisecond);
    // Four late in one fixed millisecond, none of four early in the next.
    for (int i = 0; i < 4; ++i) {
        EXPECT_TRUE(flow.conforms(kToday + 900'000, 100));
        EXPECT_FALSE(flow.conforms(kToday - 1 + 900'000, 1'201));
    }
    EXPECT_FALSE(flow.conforms(kToday + 1'100'000, 100));
}

TEST(policing, two_hundred_and_fifty_six_packets_are_remembered) {
    PolicedFlow flow(
        {.interval_ns = 1'000'000, .max_packets_per_interval = 256, .max_payload_octets = 100});
    for (int i = 0; i < 256; ++i) {
        EXPECT_TRUE(flow.conforms(kToday + i, 100));
    }
    EXPECT_FALSE(flow.conforms(kToday + 999'999, 100));
    EXPECT_TRUE(flow.conforms(kToday + 1'000'000, 100));
}

TEST(policing, a_clock_set_back_does_not_hold_the_flow) {
    PolicedFlow flow(kFourAMillisecond);
    for (int i = 0; i < 4; ++i) {
        flow.conforms(kToday, 100);
    }
    EXPECT_TRUE(flow.conforms(kToday - 37'000'000'000, 100));
}

TEST(policing, an_arrival_that_another_queue_stamped_earlier_counts_as_well) {
    PolicedFlow flow(
        {.interval_ns = 1'000, .max_packets_per_interval = 1, .max_payload_octets = 100});
    EXPECT_TRUE(flow.conforms(kToday, 100));
    EXPECT_FALSE(flow.conforms(kToday - 5, 100));
}

TEST(policing, a_memory_of_another_length_is_begun_anew_and_never_left) {
    // As a reload leaves it: more packets an interval than before, or fewer, amidst an interval.
    for (const std::uint16_t before : {1, 2, 3, 5, 256}) {
        std::vector<std::int64_t> arrivals_ns(257, Policer::kNoArrival);
        PolicerPosition position;
        const auto conforms = [&](std::uint16_t most, std::int64_t now_ns) {
            const Policer policer({.interval_ns = 1'000,
                                   .max_packets_per_interval = most,
                                   .max_payload_octets = 100});
            arrivals_ns[policer.arrivals()] = 77;
            return policer.conforms(arrivals_ns.data(), position, now_ns, 100);
        };
        for (unsigned i = 0; i < before + 1U; ++i) {
            EXPECT_EQ(conforms(before, kToday), i < before) << before << ' ' << i;
        }
        EXPECT_TRUE(conforms(4, kToday + 10)) << before;
        EXPECT_TRUE(conforms(4, kToday + 11));
        EXPECT_TRUE(conforms(4, kToday + 12));
        EXPECT_TRUE(conforms(4, kToday + 13));
        EXPECT_FALSE(conforms(4, kToday + 1'009));
        EXPECT_TRUE(conforms(4, kToday + 1'010));
        EXPECT_EQ(arrivals_ns[4], 77);
    }
}

RC_GTEST_PROP(policing, is_the_rule_over_the_whole_history, ()) {
    const TrafficSpecification specification{
        .interval_ns = in_range<std::int64_t>(1, 50),
        .max_packets_per_interval = in_range<std::uint16_t>(1, 6),
        .max_payload_octets = 100};
    PolicedFlow flow(specification);
    std::vector<std::int64_t> conformed;
    std::int64_t now_ns = *rc::gen::element<std::int64_t>(0, kToday);
    for (int i = 0; i < 100; ++i) {
        now_ns += in_range<std::int64_t>(0, 12);
        const auto octets = in_range<std::uint32_t>(90, 102);
        const std::size_t most = specification.max_packets_per_interval;
        const bool wanted =
            octets <= specification.max_payload_octets &&
            (conformed.size() < most ||
             now_ns - conformed[conformed.size() - most] >= specification.interval_ns);
        RC_ASSERT(flow.conforms(now_ns, octets) == wanted);
        if (wanted) {
            conformed.push_back(now_ns);
        }
    }
}

}  // namespace
}  // namespace tcqf::test
