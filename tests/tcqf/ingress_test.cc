// Ingress shaping (draft-eckert-detnet-tcqf-10, 5 and 6.5).
#include "tcqf/ingress.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "tests/tcqf/random.h"

namespace tcqf::test {
namespace {

/// One flow: commits what is admitted.
struct Flow {
    FlowShape shape;
    FlowCursor cursor;

    IngressVerdict arrive(CycleNumber now, std::uint32_t bits) {
        const IngressPlan plan = plan_ingress(shape, cursor, now, bits);
        cursor = plan.next;
        return plan.verdict;
    }
};

Flow flow(std::uint32_t csize, std::uint16_t max_backlog = 64) {
    Flow f;
    f.shape.cycle_size_bits = csize;
    f.shape.max_backlog_cycles = max_backlog;
    return f;
}

TEST(ingress, a_packet_goes_to_the_cycle_after_now) {
    Flow f = flow(12'000);
    EXPECT_EQ(f.arrive(1'000, 8'000), IngressVerdict::admitted);
    EXPECT_EQ(f.cursor.cycle, 1'001);
}

TEST(ingress, a_cycle_takes_csize_bits_of_the_flow_to_the_last_bit) {
    Flow f = flow(12'000);
    f.arrive(0, 8'000);
    f.arrive(0, 4'000);
    EXPECT_EQ(f.cursor.cycle, 1);
    f.arrive(0, 1);
    EXPECT_EQ(f.cursor.cycle, 2);
}

TEST(ingress, a_small_packet_does_not_fill_a_gap_behind_a_large_one_of_its_flow) {
    Flow f = flow(12'000);
    f.arrive(0, 8'000);
    f.arrive(0, 8'000);
    EXPECT_EQ(f.cursor.cycle, 2);
    f.arrive(0, 4'000);  // cycle 1 has 4000 bits free
    EXPECT_EQ(f.cursor.cycle, 2);
}

TEST(ingress, a_flow_that_was_silent_starts_in_the_next_cycle_again) {
    Flow f = flow(12'000);
    f.arrive(0, 12'000);
    f.arrive(1, 12'000);
    EXPECT_EQ(f.cursor.cycle, 2);
    f.arrive(50, 12'000);
    EXPECT_EQ(f.cursor.cycle, 51);
    EXPECT_EQ(f.cursor.bits_used, 12'000u);
}

TEST(ingress, a_packet_larger_than_csize_is_too_big) {
    Flow f = flow(12'000);
    EXPECT_EQ(f.arrive(0, 12'001), IngressVerdict::packet_too_big);
    EXPECT_EQ(f.arrive(0, 12'000), IngressVerdict::admitted);
    EXPECT_EQ(f.cursor.cycle, 1);
}

TEST(ingress, the_largest_permitted_backlog_itself_is_allowed) {
    Flow f = flow(12'000, 64);
    for (int i = 1; i <= 64; ++i) {
        ASSERT_EQ(f.arrive(0, 12'000), IngressVerdict::admitted) << "packet " << i;
        ASSERT_EQ(f.cursor.cycle, i);
    }
    EXPECT_EQ(f.arrive(0, 12'000), IngressVerdict::backlog);
    EXPECT_EQ(f.cursor.cycle, 64);
    EXPECT_EQ(f.arrive(1, 12'000), IngressVerdict::admitted);
    EXPECT_EQ(f.cursor.cycle, 65);
}

TEST(ingress, what_is_refused_leaves_the_flows_cycle_and_bits_as_they_were) {
    Flow f = flow(12'000, 1);
    f.arrive(0, 5'000);
    const FlowCursor before = f.cursor;
    EXPECT_EQ(f.arrive(0, 12'001), IngressVerdict::packet_too_big);
    EXPECT_EQ(f.arrive(0, 8'000), IngressVerdict::backlog);
    EXPECT_EQ(f.cursor.cycle, before.cycle);
    EXPECT_EQ(f.cursor.bits_used, before.bits_used);
}

TEST(ingress, csize_near_32_bits_does_not_wrap) {
    Flow f = flow(0xFFFF'FFFF);
    f.arrive(0, 0xFFFF'FFF0);
    f.arrive(0, 0x20);
    EXPECT_EQ(f.cursor.cycle, 2);
}

TEST(ingress, an_arrival_that_another_queue_stamped_earlier_does_not_overtake) {
    Flow f = flow(12'000, 4);
    for (int i = 0; i < 4; ++i) {
        f.arrive(100, 12'000);
    }
    EXPECT_EQ(f.cursor.cycle, 104);
    EXPECT_EQ(f.arrive(99, 12'000), IngressVerdict::backlog);
    EXPECT_EQ(f.cursor.cycle, 104);
}

TEST(ingress, a_clock_set_back_does_not_hold_the_flow) {
    Flow f = flow(12'000, 64);
    f.arrive(1'000'000, 12'000);
    EXPECT_EQ(f.arrive(1'000, 12'000), IngressVerdict::admitted);
    EXPECT_EQ(f.cursor.cycle, 1'001);
}

TEST(interleaving, only_these_cycles_of_each_period_are_used) {
    const std::array<std::uint32_t, 2> cycles{0, 4};
    Flow f = flow(8'000);
    f.shape.interleaving = Interleaving(8, cycles);
    std::vector<CycleNumber> used;
    for (int i = 0; i < 5; ++i) {
        f.arrive(17, 8'000);
        used.push_back(f.cursor.cycle);
    }
    EXPECT_EQ(used, (std::vector<CycleNumber>{20, 24, 28, 32, 36}));
}

TEST(interleaving, the_absolute_number_counts_also_below_zero) {
    const std::array<std::uint32_t, 1> cycles{3};
    const Interleaving interleaving(8, cycles);
    EXPECT_EQ(interleaving.first_from(-5), -5);
    EXPECT_EQ(interleaving.first_from(-4), 3);
    EXPECT_EQ(interleaving.first_from(-13), -13);
}

TEST(interleaving, a_wait_for_the_next_cycle_counts_as_backlog) {
    const std::array<std::uint32_t, 1> cycles{0};
    Flow f = flow(8'000, 8);
    f.shape.interleaving = Interleaving(16, cycles);
    EXPECT_EQ(f.arrive(0, 8'000), IngressVerdict::backlog);  // 16 is 16 ahead
    EXPECT_EQ(f.arrive(7, 8'000), IngressVerdict::backlog);
    EXPECT_EQ(f.arrive(8, 8'000), IngressVerdict::admitted);
}

TEST(interleaving, no_cycle_or_one_beyond_the_period_is_refused) {
    EXPECT_THROW(Interleaving(8, {}), std::invalid_argument);
    const std::array<std::uint32_t, 1> beyond{8};
    EXPECT_THROW(Interleaving(8, beyond), std::invalid_argument);
}

/// The rule itself, over a table of the bits in every cycle.
class SlowFlow {
  public:
    SlowFlow(std::uint32_t csize, std::int64_t max_backlog, std::uint32_t period,
             std::vector<std::uint32_t> cycles)
        : csize_(csize), max_backlog_(max_backlog), period_(period), cycles_(std::move(cycles)) {}

    /// The cycle, or nothing where it lies too far ahead.
    std::optional<CycleNumber> arrive(CycleNumber now, std::uint32_t bits) {
        for (CycleNumber n = std::max(now + 1, latest_); n <= now + max_backlog_; ++n) {
            if (allowed(n) && used_[n] + bits <= csize_) {
                used_[n] += bits;
                latest_ = n;
                return n;
            }
        }
        return std::nullopt;
    }

  private:
    bool allowed(CycleNumber n) const {
        const auto position = static_cast<std::uint32_t>(n - floor_by_trial(n, period_) * period_);
        return std::find(cycles_.begin(), cycles_.end(), position) != cycles_.end();
    }

    std::uint64_t csize_;
    std::int64_t max_backlog_;
    std::uint32_t period_;
    std::vector<std::uint32_t> cycles_;
    CycleNumber latest_ = std::numeric_limits<CycleNumber>::min();
    std::map<CycleNumber, std::uint64_t> used_;
};

RC_GTEST_PROP(ingress, is_what_trying_all_cycles_finds, (bool interleaved)) {
    const auto csize = in_range<std::uint32_t>(1, 30);
    const auto max_backlog = in_range<std::uint16_t>(1, 20);
    const std::uint32_t period = interleaved ? in_range<std::uint32_t>(1, 9) : 1;
    std::vector<std::uint32_t> cycles;
    for (std::uint32_t i = in_range<std::uint32_t>(1, period); i > 0; --i) {
        cycles.push_back(in_range<std::uint32_t>(0, period - 1));
    }
    if (!interleaved) {
        cycles = {0};
    }
    Flow fast = flow(csize, max_backlog);
    if (interleaved) {
        fast.shape.interleaving = Interleaving(period, cycles);
    }
    SlowFlow slow(csize, max_backlog, period, cycles);
    CycleNumber now = in_range<CycleNumber>(-50, 50);
    for (int packet = 0; packet < 100; ++packet) {
        now += in_range(0, 3) == 0 ? in_range<CycleNumber>(0, 12) : 0;
        const auto bits = in_range<std::uint32_t>(1, csize);
        const std::optional<CycleNumber> wanted = slow.arrive(now, bits);
        const IngressVerdict verdict = fast.arrive(now, bits);
        RC_ASSERT((verdict == IngressVerdict::admitted) == wanted.has_value());
        if (wanted) {
            RC_ASSERT(fast.cursor.cycle == *wanted);
        } else {
            RC_ASSERT(verdict == IngressVerdict::backlog);
        }
    }
}

RC_GTEST_PROP(backlog, is_what_packing_whole_packets_needs, ()) {
    const auto csize = in_range<std::uint32_t>(1, 100'000);
    const auto bits = in_range<std::uint32_t>(1, csize);
    const auto packets = in_range<std::uint32_t>(1, 256);
    Flow f = flow(csize, 1024);
    for (std::uint32_t i = 0; i < packets; ++i) {
        RC_ASSERT(f.arrive(0, bits) == IngressVerdict::admitted);
    }
    RC_ASSERT(f.cursor.cycle == backlog_cycles(packets, bits, csize));
}

TEST(backlog, is_nothing_that_helps_where_a_packet_does_not_fit) {
    EXPECT_EQ(backlog_cycles(4, 12'001, 12'000), 0u);
}

}  // namespace
}  // namespace tcqf::test
