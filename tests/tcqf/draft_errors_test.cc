// Errors of draft-eckert-detnet-tcqf-10 that change behaviour: one test each, which shows what goes
// wrong otherwise. tests/mutation/ puts the draft's formula in and sees that very test fail.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "config/router.h"
#include "tcqf/cycle_clock.h"
#include "tcqf/cycle_map.h"
#include "tcqf/egress.h"
#include "tcqf/ingress.h"
#include "tcqf/tag_table.h"

namespace tcqf::test {
namespace {

constexpr std::int64_t kToday = 1'700'000'000'000'000'000;

/// 1 Gbit/s, T = 100 us, eight slots.
EgressConfig gigabit() {
    EgressConfig config;
    config.rate = {1'000};
    config.timing = CycleTiming{.cycle_time_ns = 100'000, .offset_ns = 0, .cycles = 4};
    return config;
}

struct Wire {
    std::map<int, std::int64_t> start_ns;  ///< by packet, after kToday
    std::vector<int> dropped;

    std::int64_t transmit(Egress<int>& egress, std::int64_t now_ns) {
        return egress.transmit(
            now_ns, 0,
            [&](const Egress<int>::Burst& burst) {
                for (unsigned i = 0; i < burst.count; ++i) {
                    start_ns[burst.packets[i]] =
                        burst.base_ns + egress.rate().to_ns(burst.starts[i]) - kToday;
                }
                return burst.count;
            },
            [&](int packet) { dropped.push_back(packet); });
    }

    /// Calls at the instants that the egress asks for; a hundred are enough here.
    void run(Egress<int>& egress, std::int64_t now_ns) {
        for (int call = 0; call < 100 && now_ns != kNever; ++call) {
            now_ns = transmit(egress, now_ns);
        }
    }

    void advance(Egress<int>& egress, std::int64_t now_ns) {
        egress.advance(now_ns, [&](int packet) { dropped.push_back(packet); });
    }
};

// 1: Fig. 13 computes cc = cycle_time * cycle_time.
TEST(draft_errors, round_is_cycle_time_times_cycles) {
    const CycleTiming timing{.cycle_time_ns = 100'000, .offset_ns = 0, .cycles = 4};
    EXPECT_EQ(timing.round_ns(), 400'000);
}

// 2: Fig. 13 goes from cycle to (cycle + 1) mod cycles + 1, which skips one.
TEST(draft_errors, next_cycle_does_not_skip_one) {
    const CycleTiming timing{.cycle_time_ns = 100'000, .offset_ns = 0, .cycles = 4};
    std::array<int, 5> ids{};
    for (int n = 0; n < 5; ++n) {
        ids[static_cast<std::size_t>(n)] = timing.id_of(n);
    }
    EXPECT_EQ(ids, (std::array<int, 5>{1, 2, 3, 4, 1}));
}

// 3: Fig. 13 takes the domain's offset where the interface has its own.
TEST(draft_errors, sender_uses_the_interfaces_own_offset) {
    config::Domain domain;
    domain.cycle_clock_offset_ns = 5'000;
    config::DomainInterface interface;
    EXPECT_EQ(domain.timing_of(interface).offset_ns, 5'000);
    interface.cycle_clock_offset_ns = 12'000;
    EXPECT_EQ(domain.timing_of(interface).offset_ns, 12'000);
    interface.cycle_clock_offset_ns = 0;
    EXPECT_EQ(domain.timing_of(interface).offset_ns, 0);
}

// 4: cycle times are microseconds, offsets and clocks nanoseconds; Fig. 13 adds them.
TEST(draft_errors, microseconds_and_nanoseconds_are_not_added) {
    config::Domain domain;
    domain.cycle_time_us = 100;
    EXPECT_EQ(domain.timing_of({}).cycle_time_ns, 100'000);
}

// 5: offsets of 32 bits are too small once a round is longer than 4.29 s.
TEST(draft_errors, offsets_need_64_bits) {
    // 65535 us * 66 = 4.33 s; an offset of 4.3 s is cycle 65 of a clock that starts at 0.
    const CycleTiming timing{.cycle_time_ns = 65'535'000, .offset_ns = 4'300'000'000, .cycles = 66};
    EXPECT_EQ(timing.start_ns(0), 4'300'000'000);
    EXPECT_EQ(timing.cycle_at(4'300'000'000), 0);
}

// 6: by Fig. 13 the first cycle starts up to two rounds ahead while queues fill already.
TEST(draft_errors, the_very_next_cycle_after_the_start_is_sent) {
    ChunkPool<int> pool(100, 16);
    Egress<int> egress(gigabit(), pool);
    Wire wire;
    wire.advance(egress, kToday + 150'000);
    ASSERT_EQ(egress.enqueue_in_cycle(egress.tracker().cycle() + 1, {1, 60}), Refusal::none);
    wire.run(egress, kToday + 150'000);
    EXPECT_EQ(wire.start_ns, (std::map<int, std::int64_t>{{1, 200'000}}));
}

// 7: Fig. 13 leaves the cycle of the packet before where a tag is unknown.
TEST(draft_errors, an_unknown_tag_has_no_cycle) {
    const TagTable table(Tagging::dscp, std::array<std::uint8_t, 4>{3, 7, 11, 15});
    EXPECT_EQ(table.cycle_of(46), 0);
}

// 10: Fig. 16 queues ingress packets that never get a tag.
TEST(draft_errors, an_ingress_packet_joins_a_cycle_that_has_a_tag) {
    const CycleTiming timing{.cycle_time_ns = 100'000, .offset_ns = 0, .cycles = 4};
    const TagTable table(Tagging::dscp, std::array<std::uint8_t, 4>{3, 7, 11, 15});
    FlowShape shape;
    shape.cycle_size_bits = 12'000;
    const IngressPlan plan = plan_ingress(shape, {}, timing.cycle_at(kToday), 12'000);
    EXPECT_EQ(plan.next.cycle, timing.cycle_at(kToday) + 1);
    EXPECT_NE(table.tag_of(timing.id_of(plan.next.cycle)), 0);
}

// 13: by Fig. 16 a head larger than csize waits, and its flow with it, for ever.
TEST(draft_errors, a_packet_larger_than_csize_does_not_block_its_flow) {
    FlowShape shape;
    shape.cycle_size_bits = 12'000;
    FlowCursor cursor;
    IngressPlan plan = plan_ingress(shape, cursor, 1'000, 12'001);
    EXPECT_EQ(plan.verdict, IngressVerdict::packet_too_big);
    cursor = plan.next;
    plan = plan_ingress(shape, cursor, 1'000, 12'000);
    EXPECT_EQ(plan.verdict, IngressVerdict::admitted);
}

// 14: by Fig. 13 cycles that a stall missed are sent late, one after the other.
TEST(draft_errors, after_a_stall_no_old_cycle_is_sent_late) {
    ChunkPool<int> pool(100, 16);
    Egress<int> egress(gigabit(), pool);
    Wire wire;
    wire.advance(egress, kToday);
    const CycleNumber now = egress.tracker().cycle();
    for (int cycle = 1; cycle <= 3; ++cycle) {
        ASSERT_EQ(egress.enqueue_in_cycle(now + cycle, {cycle, 60}), Refusal::none);
    }
    // The worker comes back in cycle 3.
    wire.run(egress, kToday + 320'000);
    EXPECT_EQ(wire.dropped, (std::vector<int>{1, 2}));
    EXPECT_EQ(wire.start_ns, (std::map<int, std::int64_t>{{3, 320'000}}));
}

// 15: Fig. 18 reduces A modulo the round; counted after that, the window is wrong.
TEST(draft_errors, the_window_is_counted_before_any_modulo) {
    // y = 7 .. 7.4: A = 9, and the packets arrive 1 or 2 cycles ahead of their own.
    const ComputedMap map = compute_map({.min_ns = 7'000, .max_ns = 7'400},
                                        {.cycle_time_ns = 1'000, .offset_ns = 0, .cycles = 4});
    EXPECT_EQ(map.window_max, 2);
    EXPECT_EQ(shifted_id(1, map.shift, 4), 2);
}

// 16: 6.3 takes the ceiling at Dmin, which misses a cycle whenever y(Dmin) is not whole.
TEST(draft_errors, the_earliest_arrival_counts_with_floor) {
    // y = 0.5 .. 1.5: the text counts 2 cycles, arrivals fall into 3.
    const ComputedMap map = compute_map({.min_ns = 500, .max_ns = 1'500},
                                        {.cycle_time_ns = 1'000, .offset_ns = 0, .cycles = 4});
    EXPECT_EQ(map.distances(), 3);
}

// 17: 6.2 divides the bits of a burst by csize, but packets are indivisible.
TEST(draft_errors, backlog_counts_whole_packets) {
    // Three packets of 8000 bits, csize 12000: the formula says 2 cycles, each takes one packet.
    EXPECT_EQ(backlog_cycles(3, 8'000, 12'000), 3u);
}

}  // namespace
}  // namespace tcqf::test
