// Emission, classes and shares of partitions (docs/tcqf.md, "Maps and emission").
#include "tcqf/egress.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <vector>

#include "tests/tcqf/egress_driver.h"

namespace tcqf::test {
namespace {

using Packets = std::vector<int>;

/// 1 Gbit/s, T = 100 us: a cycle holds 100'000 bits, and a byte takes 8 ns.
EgressConfig gigabit() {
    EgressConfig config;
    config.rate = {1'000};
    config.timing = CycleTiming{.cycle_time_ns = 100'000, .offset_ns = 0, .cycles = 4};
    return config;
}

constexpr std::int64_t kOccupancy1514Ns = (1514 + 24) * 8;

TEST(emission, packets_of_a_cycle_are_sent_within_it_back_to_back_from_its_start_in_order) {
    EgressDriver driver(gigabit());
    driver.tcqf(kToday + 10, 1, 1514);
    driver.tcqf(kToday + 20, 2, 60);
    driver.tcqf(kToday + 30, 3, 1514);
    driver.run(kToday + 30);
    EXPECT_EQ(driver.packets_sent(), (Packets{1, 2, 3}));
    EXPECT_EQ(driver.start_ns(0), 100'000);
    EXPECT_EQ(driver.start_ns(1), 100'000 + kOccupancy1514Ns);
    EXPECT_EQ(driver.start_ns(2), 100'000 + kOccupancy1514Ns + 84 * 8);
}

TEST(emission, tcqf_goes_ahead_of_everything_else) {
    EgressDriver driver(gigabit());
    driver.other(kToday + 99'999, 1, 60);
    driver.other(kToday + 99'999, 2, 60, TrafficClass::control);
    driver.tcqf(kToday + 99'999, 3, 60);
    driver.run(kToday + 99'999);
    EXPECT_EQ(driver.packets_sent().front(), 3);
}

TEST(emission, the_last_bit_of_a_cycle_can_be_used_and_one_byte_more_cannot) {
    // 8 * 1538 + 196 bytes = 12'500 bytes = 100'000 bits.
    for (const std::uint32_t last : {172u, 173u}) {
        EgressDriver driver(gigabit());
        for (int i = 0; i < 8; ++i) {
            ASSERT_EQ(driver.tcqf(kToday, i, 1514), Refusal::none);
        }
        EXPECT_EQ(driver.tcqf(kToday, 8, last), last == 172 ? Refusal::none : Refusal::cycle_full);
        driver.run(kToday);
        EXPECT_EQ(driver.sent.size(), last == 172 ? 9u : 8u);
        EXPECT_TRUE(driver.dropped.empty());
    }
}

TEST(emission, what_is_refused_takes_no_room) {
    EgressDriver driver(gigabit());
    for (int i = 0; i < 8; ++i) {
        driver.tcqf(kToday, i, 1514);
    }
    EXPECT_EQ(driver.tcqf(kToday, 8, 1514), Refusal::cycle_full);
    EXPECT_EQ(driver.tcqf(kToday, 9, 172), Refusal::none);
}

TEST(emission, dead_time_shortens_what_a_cycle_holds) {
    EgressConfig config = gigabit();
    config.dead_time_ns = 100'000 - 84 * 8;
    EgressDriver driver(config);
    EXPECT_EQ(driver.tcqf(kToday, 1, 60), Refusal::none);
    EXPECT_EQ(driver.tcqf(kToday, 2, 60), Refusal::cycle_full);
    EXPECT_EQ(driver.tcqf(kToday, 3, 61, 2), Refusal::frame_too_large);
}

TEST(emission, best_effort_may_use_the_dead_time) {
    EgressConfig config = gigabit();
    config.dead_time_ns = 50'000;
    EgressDriver driver(config);
    driver.other(kToday + 80'000, 1, 1514);
    driver.run(kToday + 80'000);
    EXPECT_EQ(driver.start_ns(0), 80'000);
}

TEST(emission, a_frame_larger_than_a_cycle_can_never_go) {
    EgressConfig config = gigabit();
    config.timing->cycle_time_ns = 10'000;  // 1250 bytes
    config.dead_time_ns = 1'000;            // 1125 of them for TCQF
    EgressDriver driver(config);
    EXPECT_EQ(driver.tcqf(kToday, 1, 1101), Refusal::none);
    EXPECT_EQ(driver.tcqf(kToday, 2, 1102, 2), Refusal::frame_too_large);
    EXPECT_EQ(driver.other(kToday, 3, 1226), Refusal::none);
    EXPECT_EQ(driver.other(kToday, 4, 1227), Refusal::frame_too_large);
}

TEST(emission, outside_a_domain_no_frame_is_too_large) {
    EgressConfig config;
    config.rate = {10};
    EgressDriver driver(config);
    EXPECT_EQ(driver.other(kToday, 1, 65'535), Refusal::none);
    driver.run(kToday);
    EXPECT_EQ(driver.start_ns(0), 0);
}

TEST(emission, a_stall_drops_what_could_not_be_sent_in_its_cycle_and_the_next_cycle_is_on_time) {
    EgressDriver driver(gigabit());
    driver.tcqf(kToday, 1, 1514, 1);
    driver.tcqf(kToday, 2, 1514, 2);
    driver.tcqf(kToday, 3, 1514, 3);
    driver.run(kToday + 250'000);  // the worker comes back within cycle 2
    EXPECT_EQ(driver.dropped, (Packets{1}));
    EXPECT_EQ(driver.packets_sent(), (Packets{2, 3}));
    EXPECT_EQ(driver.start_ns(0), 250'000);
    EXPECT_EQ(driver.start_ns(1), 300'000);
}

TEST(emission, after_a_stall_within_a_cycle_what_still_fits_goes) {
    EgressDriver driver(gigabit());
    driver.tcqf(kToday, 1, 1514);
    driver.tcqf(kToday, 2, 1514);
    driver.tcqf(kToday, 3, 60);
    // Room for one long frame and one short one.
    driver.run(kToday + 200'000 - kOccupancy1514Ns - 84 * 8);
    EXPECT_EQ(driver.packets_sent(), (Packets{1, 3}));
    EXPECT_EQ(driver.dropped, (Packets{2}));
    EXPECT_EQ(driver.start_ns(1), 200'000 - 84 * 8);
}

TEST(emission, a_stall_of_any_length_leaves_nothing_to_be_sent_in_a_wrong_cycle) {
    for (const std::int64_t stall_ns :
         {50'000LL, 100'000LL, 200'000LL, 399'999LL, 400'000LL, 800'000LL, 10'000'000'000LL}) {
        for (const std::int64_t phase_ns : {0, 1, 50'000, 99'999}) {
            EgressDriver driver(gigabit());
            for (int i = 1; i < 8; ++i) {
                driver.tcqf(kToday, i, 1514, i);
            }
            driver.run(kToday + phase_ns + stall_ns);
            ASSERT_EQ(driver.sent.size() + driver.dropped.size(), 7u);
            for (std::size_t i = 0; i < driver.sent.size(); ++i) {
                ASSERT_EQ(driver.start_ns(i) / 100'000, driver.sent[i].packet)
                    << "stall " << stall_ns << " phase " << phase_ns;
            }
            driver.tcqf(kToday + 20'000'000'000, 9, 1514);
            driver.run(kToday + 20'000'000'000);
            ASSERT_EQ(driver.start_ns(driver.sent.size() - 1), 20'000'100'000);
        }
    }
}

TEST(emission, a_cycle_that_is_over_is_refused) {
    EgressDriver driver(gigabit());
    EXPECT_EQ(driver.tcqf(kToday, 1, 60, -1), Refusal::cycle_overrun);
    EXPECT_EQ(driver.tcqf(kToday, 2, 60, 0), Refusal::none);
}

TEST(emission, a_cycle_beyond_the_calendar_is_refused_instead_of_mixed_with_another) {
    EgressDriver driver(gigabit());  // 8 slots
    EXPECT_EQ(driver.tcqf(kToday, 1, 60, 7), Refusal::none);
    EXPECT_EQ(driver.tcqf(kToday, 2, 60, 8), Refusal::cycle_overrun);
}

TEST(emission, the_room_of_a_cycle_is_fresh_each_time_its_slot_comes_round) {
    EgressDriver driver(gigabit());
    for (int round = 0; round < 3; ++round) {
        const std::int64_t now_ns = kToday + round * 800'000;
        for (int i = 0; i < 8; ++i) {
            ASSERT_EQ(driver.tcqf(now_ns, i, 1514), Refusal::none);
        }
        driver.run(now_ns);
    }
    EXPECT_EQ(driver.sent.size(), 24u);
}

TEST(emission, best_effort_starts_as_soon_as_the_wire_is_free) {
    EgressDriver driver(gigabit());
    driver.other(kToday + 5, 1, 1514);
    driver.other(kToday + 5, 2, 60);
    driver.run(kToday + 5);
    EXPECT_EQ(driver.start_ns(0), 5);
    EXPECT_EQ(driver.start_ns(1), 5 + kOccupancy1514Ns);
}

TEST(emission, best_effort_starts_only_where_it_ends_no_later_than_the_next_cycle_starts) {
    EgressDriver driver(gigabit());
    driver.other(kToday + 100'000 - kOccupancy1514Ns, 1, 1514);
    driver.run(kToday + 100'000 - kOccupancy1514Ns);
    EXPECT_EQ(driver.start_ns(0), 100'000 - kOccupancy1514Ns);
    driver.other(kToday + 200'000 - kOccupancy1514Ns + 1, 2, 1514);
    driver.run(kToday + 200'000 - kOccupancy1514Ns + 1);
    EXPECT_EQ(driver.start_ns(1), 200'000);
}

TEST(emission, outside_a_domain_there_is_no_guard) {
    EgressConfig config = gigabit();
    config.timing.reset();
    EgressDriver driver(config);
    driver.other(kToday + 99'999, 1, 1514);
    driver.run(kToday + 99'999);
    EXPECT_EQ(driver.start_ns(0), 99'999);
}

TEST(emission, a_head_that_does_not_fit_does_not_let_others_of_its_fifo_pass) {
    EgressDriver driver(gigabit());
    driver.other(kToday + 99'000, 1, 1514);
    driver.other(kToday + 99'000, 2, 60);
    driver.run(kToday + 99'000);
    EXPECT_EQ(driver.packets_sent(), (Packets{1, 2}));
    EXPECT_EQ(driver.start_ns(0), 100'000);
}

TEST(emission, the_length_of_a_fifo_counts_frames_that_wait) {
    EgressConfig config = gigabit();
    config.queue_limit_packets = 2;
    EgressDriver driver(config);
    EXPECT_EQ(driver.other(kToday, 1, 1514), Refusal::none);
    EXPECT_EQ(driver.other(kToday, 2, 1514), Refusal::none);
    EXPECT_EQ(driver.other(kToday, 3, 1514), Refusal::queue_full);
    driver.transmit(kToday);  // 1 is on the wire now and waits no more
    EXPECT_EQ(driver.other(kToday + 1, 4, 1514), Refusal::none);
    EXPECT_EQ(driver.other(kToday + 1, 5, 1514), Refusal::queue_full);
}

TEST(emission, starts_stay_exact_where_a_bit_takes_no_whole_nanosecond) {
    // 333 Mbit/s: 84 bytes take 2018.018... ns. After 3000 frames nothing has been lost.
    EgressConfig config;
    config.rate = {333};
    config.queue_limit_packets = 5'000;
    EgressDriver driver(config, 8'192);
    for (int i = 0; i < 3'000; ++i) {
        driver.other(kToday, i, 60);
    }
    driver.run(kToday);
    ASSERT_EQ(driver.sent.size(), 3'000u);
    for (std::size_t i = 0; i < driver.sent.size(); ++i) {
        ASSERT_EQ(driver.sent[i].start,
                  Wide{kToday} * 333 + static_cast<std::int64_t>(i) * 84 * 8 * 1000);
    }
}

TEST(emission, starts_stay_exact_over_minutes_without_a_pause) {
    // 10 Mbit/s outside a domain: 5000 frames of 9018 bytes take 36 s without a gap.
    EgressConfig config;
    config.rate = {10};
    config.queue_limit_packets = 5'000;
    EgressDriver driver(config, 8'192);
    for (int i = 0; i < 5'000; ++i) {
        driver.other(kToday, i, 9018);
    }
    driver.run(kToday);
    ASSERT_EQ(driver.sent.size(), 5'000u);
    EXPECT_EQ(driver.start_ns(4'999), 4'999LL * 9042 * 800);
}

TEST(emission, several_frames_can_start_within_one_nanosecond) {
    // 800 Gbit/s: 84 bytes take 0.84 ns.
    EgressConfig config;
    config.rate = {800'000};
    EgressDriver driver(config);
    for (int i = 0; i < 4; ++i) {
        driver.other(kToday, i, 60);
    }
    EXPECT_EQ(driver.transmit(kToday), kToday + 1);
    EXPECT_EQ(driver.sent.size(), 2u);
    driver.run(kToday + 1);
    EXPECT_EQ(driver.start_ns(1), 0);
    EXPECT_EQ(driver.start_ns(2), 1);
    EXPECT_EQ(driver.start_ns(3), 2);
}

TEST(emission, an_interface_with_its_own_offset_cuts_time_there) {
    EgressConfig config = gigabit();
    config.timing->offset_ns = 12'000;
    EgressDriver driver(config);
    driver.tcqf(kToday + 11'999, 1, 60);
    driver.tcqf(kToday + 12'000, 2, 60);
    driver.run(kToday + 12'000);
    EXPECT_EQ(driver.start_ns(0), 12'000);
    EXPECT_EQ(driver.start_ns(1), 112'000);
}

TEST(emission, a_clock_set_back_over_a_boundary_starts_anew_and_sends_nothing_in_a_wrong_cycle) {
    EgressDriver driver(gigabit());
    driver.tcqf(kToday, 1, 1514, 2);
    driver.run(kToday, kToday + 1);
    driver.advance(kToday - 37'000'000'000);
    EXPECT_EQ(driver.dropped, (Packets{1}));
    EXPECT_EQ(driver.egress.rebases(), 1u);
    driver.tcqf(kToday - 37'000'000'000, 2, 1514);
    driver.run(kToday - 37'000'000'000);
    EXPECT_EQ(driver.packets_sent(), (Packets{2}));
    EXPECT_EQ(driver.start_ns(0), -36'999'900'000);
}

TEST(emission, the_first_instant_is_no_clock_set_back) {
    EgressConfig config = gigabit();
    config.timing->offset_ns = 12'000;
    EgressDriver driver(config);
    driver.advance(0);  // before the offset: cycle -1
    EXPECT_EQ(driver.egress.rebases(), 0u);
    EXPECT_EQ(driver.egress.tracker().cycle(), -1);
}

TEST(emission, a_guard_before_the_boundary_shortens_what_may_be_handed_over) {
    EgressConfig config = gigabit();
    config.tx_guard_ns = 1'000;
    EgressDriver driver(config);
    driver.other(kToday + 100'000 - 1'000 - kOccupancy1514Ns, 1, 1514);
    driver.run(kToday + 100'000 - 1'000 - kOccupancy1514Ns);
    driver.other(kToday + 200'000 - 999 - kOccupancy1514Ns, 2, 1514);
    driver.run(kToday + 200'000 - 999 - kOccupancy1514Ns);
    EXPECT_EQ(driver.start_ns(0), 100'000 - 1'000 - kOccupancy1514Ns);
    EXPECT_EQ(driver.start_ns(1), 200'000);
    EXPECT_EQ(driver.other(kToday + 300'000, 3, (100'000 - 1'000) / 8 - 24 + 1),
              Refusal::frame_too_large);
}

/// Frames of 125 octets, each an occupancy of 1192 ns, that leave when a whole cycle of them is
/// called for once at its start and once `stall_ns` later.
std::size_t sent_of_a_full_cycle(std::int64_t guard_ns, std::int64_t dead_ns,
                                 std::int64_t stall_ns) {
    EgressConfig config = gigabit();
    config.tx_guard_ns = guard_ns;
    config.dead_time_ns = dead_ns;
    EgressDriver driver(config);
    while (driver.tcqf(kToday, 0, 125) == Refusal::none) {
    }
    driver.run(kToday + 100'000 + stall_ns);
    return driver.sent.size();
}

// What a cycle accepted it sends: the guard takes from the dead time alone.
TEST(emission, a_guard_cuts_no_full_cycle) {
    EXPECT_EQ(sent_of_a_full_cycle(5'000, 0, 0), 83u);
    EXPECT_EQ(sent_of_a_full_cycle(5'000, 2'000, 0), 82u);
    EXPECT_EQ(sent_of_a_full_cycle(5'000, 20'000, 0), 67u);
}

TEST(emission, a_guard_within_the_dead_time_drops_what_a_stall_would_make_late) {
    EXPECT_EQ(sent_of_a_full_cycle(0, 20'000, 20'000), 67u);
    EXPECT_EQ(sent_of_a_full_cycle(5'000, 20'000, 20'000), 62u);
    EXPECT_EQ(sent_of_a_full_cycle(5'000, 2'000, 20'000), 65u);
}

TEST(emission, frames_are_handed_over_no_further_ahead_than_the_look_ahead) {
    EgressDriver driver(gigabit());
    driver.lookahead_ns = 2 * kOccupancy1514Ns;
    for (int i = 0; i < 4; ++i) {
        driver.other(kToday, i, 1514);
    }
    EXPECT_EQ(driver.transmit(kToday), kToday + 1);
    EXPECT_EQ(driver.sent.size(), 2u);  // the third starts at the end of the look-ahead
    driver.transmit(kToday + 1);
    EXPECT_EQ(driver.sent.size(), 3u);
}

TEST(emission, what_a_port_does_not_take_stays_in_order) {
    EgressDriver driver(gigabit());
    driver.lookahead_ns = 100'000;
    for (int i = 0; i < 5; ++i) {
        driver.other(kToday, i, 60);
    }
    driver.port_room = 2;
    EXPECT_EQ(driver.transmit(kToday), kToday + 1);
    EXPECT_EQ(driver.egress.queued(), 3u);
    driver.port_room = 10;
    driver.run(kToday + 50'000);
    EXPECT_EQ(driver.packets_sent(), (Packets{0, 1, 2, 3, 4}));
    EXPECT_EQ(driver.start_ns(1), 84 * 8);
    EXPECT_EQ(driver.start_ns(2), 50'000);
}

TEST(emission, nothing_is_due_where_nothing_waits) {
    EgressDriver driver(gigabit());
    EXPECT_EQ(driver.transmit(kToday), kNever);
    driver.tcqf(kToday, 1, 60, 3);
    EXPECT_EQ(driver.transmit(kToday), kToday + 100'000);
}

TEST(emission, flushing_gives_back_every_packet) {
    EgressConfig config = gigabit();
    config.shares = {{.cycle_units = 0, .rate_mbps = 10}};
    EgressDriver driver(config);
    driver.tcqf(kToday, 1, 60, 3);
    driver.other(kToday, 2, 60, TrafficClass::left_domain);
    driver.other(kToday, 3, 60, TrafficClass::control);
    driver.other(kToday, 4, 60);
    driver.other(kToday, 5, 60, TrafficClass::best_effort, 1);
    driver.egress.flush([&](int packet) { driver.dropped.push_back(packet); });
    EXPECT_EQ(driver.dropped, (Packets{1, 2, 3, 4, 5}));
    EXPECT_EQ(driver.egress.queued(), 0u);
    driver.other(kToday, 6, 60, TrafficClass::best_effort, 1);
    driver.run(kToday);
    EXPECT_EQ(driver.packets_sent(), (Packets{6}));
}

TEST(classes, are_strict_left_domain_before_control_before_best_effort) {
    EgressDriver driver(gigabit());
    driver.other(kToday, 1, 60, TrafficClass::best_effort);
    driver.other(kToday, 2, 60, TrafficClass::control);
    driver.other(kToday, 3, 60, TrafficClass::left_domain);
    driver.run(kToday);
    EXPECT_EQ(driver.packets_sent(), (Packets{3, 2, 1}));
}

TEST(classes, the_guard_holds_for_all_but_tcqf_itself) {
    for (const TrafficClass traffic_class :
         {TrafficClass::left_domain, TrafficClass::control, TrafficClass::best_effort}) {
        EgressDriver driver(gigabit());
        driver.other(kToday + 99'000, 1, 1514, traffic_class);
        driver.run(kToday + 99'000);
        EXPECT_EQ(driver.start_ns(0), 100'000);
    }
}

TEST(classes, a_head_that_does_not_fit_holds_back_its_own_class_and_those_below) {
    EgressDriver driver(gigabit());
    driver.other(kToday + 99'000, 1, 1514, TrafficClass::control);
    driver.other(kToday + 99'000, 2, 60, TrafficClass::control);
    driver.other(kToday + 99'000, 3, 60, TrafficClass::best_effort);
    driver.run(kToday + 99'000);
    EXPECT_EQ(driver.packets_sent(), (Packets{1, 2, 3}));
    EXPECT_EQ(driver.start_ns(0), 100'000);
}

TEST(classes, a_head_that_does_not_fit_does_not_hold_back_those_above) {
    EgressDriver driver(gigabit());
    driver.other(kToday + 99'000, 1, 1514, TrafficClass::best_effort);
    driver.run(kToday + 99'000, kToday + 99'100);
    driver.other(kToday + 99'100, 2, 60, TrafficClass::control);
    driver.run(kToday + 99'100);
    EXPECT_EQ(driver.packets_sent(), (Packets{2, 1}));
    EXPECT_EQ(driver.start_ns(0), 99'100);
}

TEST(classes, each_fifo_has_its_own_limit) {
    EgressConfig config = gigabit();
    config.queue_limit_packets = 1;
    config.shares = {{.cycle_units = 0, .rate_mbps = 10}};
    EgressDriver driver(config);
    EXPECT_EQ(driver.other(kToday, 1, 60, TrafficClass::left_domain), Refusal::none);
    EXPECT_EQ(driver.other(kToday, 2, 60, TrafficClass::control), Refusal::none);
    EXPECT_EQ(driver.other(kToday, 3, 60, TrafficClass::best_effort, 0), Refusal::none);
    EXPECT_EQ(driver.other(kToday, 4, 60, TrafficClass::best_effort, 1), Refusal::none);
    EXPECT_EQ(driver.other(kToday, 5, 60, TrafficClass::control), Refusal::queue_full);
    EXPECT_EQ(driver.other(kToday, 6, 60, TrafficClass::best_effort, 1), Refusal::queue_full);
}

/// A cycle of 100'000 bits with 40'000 and 10'000 of them reserved.
EgressConfig with_shares() {
    EgressConfig config = gigabit();
    config.shares = {{.cycle_units = 40'000 * kUnitsPerBit, .rate_mbps = 0},
                     {.cycle_units = 10'000 * kUnitsPerBit, .rate_mbps = 0}};
    return config;
}

TEST(nrp_shares, a_partition_uses_its_cycle_bits_and_no_more) {
    EgressDriver driver(with_shares());
    // 40'000 bits = 5000 bytes = 3 frames of 1514 and 386 bytes.
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(driver.tcqf(kToday, i, 1514, 1, 1), Refusal::none);
    }
    EXPECT_EQ(driver.tcqf(kToday, 4, 363, 1, 1), Refusal::nrp_quota);
    EXPECT_EQ(driver.tcqf(kToday, 5, 362, 1, 1), Refusal::none);
    EXPECT_EQ(driver.tcqf(kToday, 6, 60, 1, 1), Refusal::nrp_quota);
}

TEST(nrp_shares, the_rest_uses_at_most_what_is_not_reserved) {
    EgressDriver driver(with_shares());
    // 50'000 bits = 6250 bytes = 4 frames of 1514 and 98 bytes.
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(driver.tcqf(kToday, i, 1514), Refusal::none);
    }
    EXPECT_EQ(driver.tcqf(kToday, 4, 75), Refusal::cycle_full);
    EXPECT_EQ(driver.tcqf(kToday, 5, 74), Refusal::none);
}

TEST(nrp_shares, no_partition_takes_the_share_of_another) {
    EgressDriver driver(with_shares());
    for (int i = 0; i < 100; ++i) {
        driver.tcqf(kToday, i, 1514, 1, 0);
        driver.tcqf(kToday, i, 1514, 1, 1);
    }
    // 10'000 bits = 1250 bytes.
    EXPECT_EQ(driver.tcqf(kToday, 200, 1226, 1, 2), Refusal::none);
    EXPECT_EQ(driver.tcqf(kToday, 201, 60, 1, 2), Refusal::nrp_quota);
    driver.run(kToday);
    EXPECT_TRUE(driver.dropped.empty());
}

TEST(nrp_shares, a_full_cycle_is_the_reason_before_a_used_up_share) {
    EgressConfig config = gigabit();
    config.shares = {{.cycle_units = 60'000 * kUnitsPerBit, .rate_mbps = 0},
                     {.cycle_units = 40'000 * kUnitsPerBit, .rate_mbps = 0}};
    EgressDriver driver(config);
    // 60'000 bits = 7500 bytes = 4 frames of 1514 and 1324 bytes; 40'000 bits see above.
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(driver.tcqf(kToday, i, 1514, 1, 1), Refusal::none);
    }
    EXPECT_EQ(driver.tcqf(kToday, 4, 1324, 1, 1), Refusal::none);
    EXPECT_EQ(driver.tcqf(kToday, 5, 1514, 1, 1), Refusal::nrp_quota);
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(driver.tcqf(kToday, i, 1514, 1, 2), Refusal::none);
    }
    // 386 bytes of the cycle are left, of the second share.
    EXPECT_EQ(driver.tcqf(kToday, 6, 362, 1, 1), Refusal::nrp_quota);
    EXPECT_EQ(driver.tcqf(kToday, 7, 363, 1, 1), Refusal::cycle_full);
    EXPECT_EQ(driver.tcqf(kToday, 8, 363, 1, 2), Refusal::cycle_full);
    EXPECT_EQ(driver.tcqf(kToday, 9, 60, 2, 1), Refusal::none);
}

TEST(nrp_shares, one_that_is_not_configured_counts_as_the_rest) {
    EgressDriver driver(with_shares());
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(driver.tcqf(kToday, i, 1514, 1, 3), Refusal::none);
    }
    EXPECT_EQ(driver.tcqf(kToday, 4, 75), Refusal::cycle_full);
    EXPECT_EQ(driver.other(kToday, 5, 60, TrafficClass::best_effort, 1'000'000), Refusal::none);
    driver.run(kToday);
    EXPECT_EQ(driver.sent.size(), 5u);
}

TEST(nrp_shares, each_cycle_has_its_own_account) {
    EgressDriver driver(with_shares());
    EXPECT_EQ(driver.tcqf(kToday, 1, 1226, 1, 2), Refusal::none);
    EXPECT_EQ(driver.tcqf(kToday, 2, 1226, 2, 2), Refusal::none);
    EXPECT_EQ(driver.tcqf(kToday, 3, 1226, 2, 2), Refusal::nrp_quota);
}

/// How many of `seconds` / 1000 of frames each share got, with all queues full throughout.
std::vector<int> frames_by_share(const EgressConfig& config, std::int64_t length_ns) {
    EgressDriver driver(config, 65'536);
    const int queues = static_cast<int>(config.shares.size()) + 1;
    for (int i = 0; i < 2'000; ++i) {
        for (int share = 0; share < queues; ++share) {
            driver.other(kToday, share, 1514, TrafficClass::best_effort,
                         static_cast<std::uint32_t>(share));
        }
    }
    driver.run(kToday, kToday + length_ns);
    std::vector<int> frames(static_cast<std::size_t>(queues));
    for (const Sent& frame : driver.sent) {
        ++frames[static_cast<std::size_t>(frame.packet)];
    }
    return frames;
}

TEST(deficit_round_robin, quanta_are_in_proportion_to_the_rates_and_the_rest_has_the_smallest) {
    EgressConfig config;
    config.rate = {1'000};
    config.queue_limit_packets = 2'000;
    config.shares = {{.cycle_units = 0, .rate_mbps = 100}, {.cycle_units = 0, .rate_mbps = 300}};
    // 1000 frames: rounds of 1 (rest), 1 and 3.
    const std::vector<int> frames = frames_by_share(config, 1'000 * kOccupancy1514Ns);
    EXPECT_EQ(frames, (std::vector<int>{200, 200, 600}));
}

TEST(deficit_round_robin, what_a_queue_does_not_use_is_lent) {
    EgressConfig config;
    config.rate = {1'000};
    config.shares = {{.cycle_units = 0, .rate_mbps = 900}, {.cycle_units = 0, .rate_mbps = 1}};
    EgressDriver driver(config);
    for (int i = 0; i < 10; ++i) {
        driver.other(kToday, i, 1514, TrafficClass::best_effort, 2);
    }
    driver.run(kToday);
    EXPECT_EQ(driver.start_ns(9), 9 * kOccupancy1514Ns);
}

TEST(deficit_round_robin, shares_hold_in_octets_however_long_the_frames_are) {
    EgressConfig config;
    config.rate = {1'000};
    config.queue_limit_packets = 50'000;
    config.shares = {{.cycle_units = 0, .rate_mbps = 1}};
    EgressDriver driver(config, 100'000);
    for (int i = 0; i < 20'000; ++i) {
        driver.other(kToday, 0, 60, TrafficClass::best_effort, 0);
        driver.other(kToday, 1, 1514, TrafficClass::best_effort, 1);
    }
    driver.run(kToday, kToday + 10'000'000);
    std::int64_t octets[2] = {};
    for (const Sent& frame : driver.sent) {
        octets[frame.packet] += frame.packet == 0 ? 84 : 1538;
    }
    // They differ by less than two quanta.
    EXPECT_LT(std::abs(octets[0] - octets[1]), 2 * 1538);
}

TEST(deficit_round_robin, a_queue_whose_deficit_is_spent_does_not_hold_back_the_others) {
    EgressConfig config = gigabit();
    config.shares = {{.cycle_units = 0, .rate_mbps = 1}};
    EgressDriver driver(config);
    // Queue 0 sends a long frame and has a second one, which does not fit before the boundary, but
    // it is queue 1's turn then.
    driver.other(kToday + 80'000, 1, 1514, TrafficClass::best_effort, 0);
    driver.other(kToday + 80'000, 2, 1514, TrafficClass::best_effort, 0);
    driver.other(kToday + 80'000, 3, 60, TrafficClass::best_effort, 1);
    driver.run(kToday + 80'000);
    EXPECT_EQ(driver.packets_sent(), (Packets{1, 3, 2}));
    EXPECT_EQ(driver.start_ns(1), 80'000 + kOccupancy1514Ns);
    EXPECT_EQ(driver.start_ns(2), 100'000);
}

TEST(deficit_round_robin, a_partition_without_a_rate_waits_with_the_rest) {
    EgressConfig config = gigabit();
    config.shares = {{.cycle_units = 1'000, .rate_mbps = 0}};
    EgressDriver driver(config);
    driver.other(kToday, 1, 60, TrafficClass::best_effort, 1);
    driver.other(kToday, 2, 60, TrafficClass::best_effort, 0);
    driver.other(kToday, 3, 60, TrafficClass::best_effort, 1);
    driver.run(kToday);
    EXPECT_EQ(driver.packets_sent(), (Packets{1, 2, 3}));
}

}  // namespace
}  // namespace tcqf::test
