// The worker in virtual time: stalls, clock steps, several workers, live changes, and the account.

#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "tests/dataplane/frames.h"
#include "tests/dataplane/test_config.h"
#include "tests/dataplane/test_router.h"

namespace tcqf::test {
namespace {

using dataplane::Account;
using dataplane::DropReason;

constexpr std::int64_t kStart = 1'700'000'000'000'000'000;
constexpr std::int64_t kCycleNs = 100'000;

std::uint64_t dropped(const Account& account, DropReason reason) {
    return account.dropped[static_cast<std::size_t>(reason)];
}

/// A labelled packet for ge1 with the tag of cycle `id` of ge0.
Frame tagged(unsigned id) {
    return ethernet(0, dataplane::ethertype::kMpls) +
           label(101, static_cast<std::uint8_t>(id), true, 64) + ipv4_udp(0x0a0a0101, 0, 40);
}

std::uint8_t tag_of(const Frame& frame) {
    return dataplane::mpls::tc(dataplane::load32(&frame[14]));
}

/// The identifier of the cycle of `cycles` cycles in which an instant lies.
unsigned id_at(std::int64_t now_ns, unsigned cycles) {
    return static_cast<unsigned>(now_ns / kCycleNs % cycles) + 1;
}

void expect_right_cycles(TestRouter& router, unsigned cycles) {
    for (const Sent& sent : router.wire(1).sent()) {
        if (dataplane::load16(&sent.frame[12]) != dataplane::ethertype::kMpls) {
            continue;  // best effort
        }
        EXPECT_EQ(tag_of(sent.frame), id_at(sent.start_ns, cycles)) << sent.start_ns - kStart;
    }
}

class Stall : public testing::TestWithParam<std::int64_t> {};

// Contract 3, Emission: "one that could not be sent in its cycle (a stall) is dropped, never sent
// in a wrong cycle".
TEST_P(Stall, NeverSendsInAWrongCycleAndGoesOnRightAfterwards) {
    const std::int64_t length_ns = GetParam();
    for (const std::int64_t phase_ns :
         {std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, kCycleNs / 2, kCycleNs - 1}) {
        TestRouter router(four_interfaces("mpls-tc"));
        const std::int64_t stall_begin_ns = kStart + 10 * kCycleNs + phase_ns;
        const std::int64_t stall_end_ns = stall_begin_ns + length_ns;
        std::int64_t now_ns = kStart;
        unsigned arrived = 0;
        const std::int64_t end_ns = stall_end_ns + 20 * kCycleNs;
        // Arrivals every quarter of a cycle, also during the first rounds of the stall.
        std::int64_t next_arrival_ns = kStart;
        const auto arrive_until = [&](std::int64_t until_ns) {
            for (; next_arrival_ns <= until_ns; next_arrival_ns += kCycleNs / 4) {
                const bool busy = next_arrival_ns < stall_begin_ns + 8 * kCycleNs ||
                                  next_arrival_ns > stall_end_ns;
                if (busy && router.arrive(0, next_arrival_ns, tagged(id_at(next_arrival_ns, 4)))) {
                    ++arrived;
                }
            }
        };
        while (now_ns < end_ns) {
            arrive_until(now_ns);
            const std::int64_t next_ns = router.step(now_ns);
            ASSERT_TRUE(router.router().account().balances());
            now_ns = std::min(std::max(next_ns, now_ns + 1), next_arrival_ns);
            if (now_ns >= stall_begin_ns && now_ns < stall_end_ns) {
                now_ns = stall_end_ns;
            }
        }
        router.run_until(now_ns + 10 * kCycleNs, now_ns);
        const Account account = router.router().account();
        EXPECT_TRUE(account.balances());
        EXPECT_EQ(account.queued, 0u);
        EXPECT_EQ(account.received, arrived);
        EXPECT_EQ(account.sent + dropped(account, DropReason::cycle_overrun), arrived);
        expect_right_cycles(router, 4);
        const auto& sent = router.wire(1).sent();
        ASSERT_FALSE(sent.empty());
        EXPECT_GT(sent.back().start_ns, stall_end_ns + 15 * kCycleNs);
    }
}

INSTANTIATE_TEST_SUITE_P(Lengths, Stall,
                         testing::Values(kCycleNs / 2, kCycleNs, 2 * kCycleNs, 4 * kCycleNs - 1,
                                         4 * kCycleNs, 10'000'000'000));

// Contract 6, Late polling: a port without timestamps that was not polled for longer than
// (C - (max - min + 1)) * T. The window of C - 1 distances allows one cycle.
TEST(LatePolling, PacketsOfUnknownAgeAreDroppedRatherThanSentARoundLate) {
    TestRouter::Options options;
    options.has_times = false;
    TestRouter router(four_interfaces("mpls-tc"), options);
    router.step(kStart);
    router.arrive(0, kStart, tagged(id_at(kStart, 4)));
    router.step(kStart + kCycleNs);  // exactly as long as can be told
    EXPECT_EQ(dropped(router.router().account(), DropReason::arrival_unknown), 0u);
    router.arrive(0, kStart + kCycleNs, tagged(id_at(kStart, 4)));
    router.step(kStart + 2 * kCycleNs + 1);
    EXPECT_EQ(dropped(router.router().account(), DropReason::arrival_unknown), 1u);
    router.arrive(0, kStart,
                  ethernet(0, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a0a0301, 0, 40));
    router.step(kStart + 9 * kCycleNs);  // without a tag its age does not matter
    EXPECT_EQ(dropped(router.router().account(), DropReason::arrival_unknown), 1u);
    EXPECT_TRUE(router.router().account().balances());
}

TEST(LatePolling, CountsForEachReceiveQueueAlone) {
    TestRouter::Options options;
    options.workers = 2;
    options.further_queues = 1;
    options.has_times = false;
    TestRouter router(four_interfaces("mpls-tc"), options);
    router.step(kStart);
    // The second queue of ge0 is the other worker's, which does nothing for two cycles.
    for (unsigned tenth = 1; tenth <= 20; ++tenth) {
        router.router().worker(0).receive(kStart + tenth * kCycleNs / 10);
    }
    const std::int64_t now_ns = kStart + 2 * kCycleNs + 1;
    for (const unsigned queue : {0u, 1u}) {
        router.arrive_in_queue(queue, 0, now_ns, tagged(id_at(now_ns, 4)));
    }
    router.run_until(now_ns + 4 * kCycleNs, now_ns);
    EXPECT_EQ(dropped(router.router().account(), DropReason::arrival_unknown), 1u);
    EXPECT_EQ(router.wire(1).sent().size(), 1u);
    EXPECT_TRUE(router.router().account().balances());
}

// Contract 6, Late polling: now of a packet is its receive timestamp where the port gives one,
// which a network card may do for one burst and not for another.
TEST(LatePolling, PacketsWithTimestampsJoinTheCycleOfTheirArrival) {
    const auto at = [](int cycle) { return kStart + cycle * kCycleNs; };
    TestRouter router(four_interfaces("mpls-tc"));
    router.step(at(0));
    router.arrive(0, at(1), tagged(id_at(at(3), 4)));
    router.step(at(3));  // for cycle 4
    EXPECT_EQ(router.router().account().queued, 1u);
    router.step(at(4));
    EXPECT_EQ(router.router().account().sent, 1u);
    router.arrive(0, at(5), tagged(id_at(at(5), 4)));
    router.step(at(7));  // for cycle 6
    EXPECT_EQ(dropped(router.router().account(), DropReason::cycle_overrun), 1u);
    EXPECT_EQ(dropped(router.router().account(), DropReason::arrival_unknown), 0u);

    router.wire(0).tell_times(false);
    router.arrive(0, at(8), tagged(id_at(at(9), 4)));
    router.step(at(9));
    EXPECT_EQ(dropped(router.router().account(), DropReason::arrival_unknown), 1u);
    EXPECT_TRUE(router.router().account().balances());
    expect_right_cycles(router, 4);
}

class ClockStep : public testing::TestWithParam<std::int64_t> {};

TEST_P(ClockStep, UnderTrafficNothingLeavesInAWrongCycle) {
    TestRouter router(four_interfaces("mpls-tc", 3));
    std::int64_t now_ns = kStart;
    unsigned arrived = 0;
    const auto run = [&](unsigned quarters) {
        for (unsigned i = 0; i < quarters; ++i) {
            arrived += router.arrive(0, now_ns, tagged(id_at(now_ns, 3))) ? 1 : 0;
            std::int64_t at_ns = now_ns;
            now_ns += kCycleNs / 4;
            while (at_ns < now_ns) {
                at_ns = std::max(at_ns + 1, router.step(at_ns));
                ASSERT_TRUE(router.router().account().balances());
            }
        }
    };
    run(50);
    const std::size_t before = router.wire(1).sent().size();
    now_ns += GetParam();
    run(50);
    router.run_until(now_ns + 10 * kCycleNs, now_ns);
    expect_right_cycles(router, 3);
    const Account account = router.router().account();
    EXPECT_EQ(account.queued, 0u);
    EXPECT_EQ(account.sent + account.dropped_in_all(), arrived);
    EXPECT_LE(account.dropped_in_all(), 24u);
    EXPECT_GT(router.wire(1).sent().size(), before + 20);
}

INSTANTIATE_TEST_SUITE_P(Steps, ClockStep,
                         testing::Values(37'000'000'000, -37'000'000'000, 1'000'000'000,
                                         -1'000'000'000, 12'345, -12'345));

/// Traffic of every kind on all interfaces, the same at each call; in turns in this many receive
/// queues of each.
void mixed_traffic(TestRouter& router, unsigned queues = 1) {
    for (unsigned i = 0; i < 400; ++i) {
        const std::int64_t now_ns = kStart + i * 7'919;
        router.arrive_in_queue(i % queues, 0, now_ns, tagged(id_at(now_ns, 4)));
        router.arrive_in_queue(i % queues, 1, now_ns,
                               ethernet(1, dataplane::ethertype::kIpv4) +
                                   ipv4_udp(0x0a0a0001 + (i % 4 << 8), 0, 100, 64, i));
        router.arrive_in_queue(i % queues, 2, now_ns,
                               ethernet(2, dataplane::ethertype::kIpv4) +
                                   ipv4_udp(0x0a0a0101, 19 + i % 3 * 4, 900, 64, i));
        router.arrive_in_queue(
            i % queues, 3, now_ns,
            ethernet(3, dataplane::ethertype::kIpv4) +
                ipv4_udp(i % 3 == 0 ? 0x0a0b0001 : 0x0a0a0201, 0, 200, 2 - i % 2, i));
    }
    router.run_until(kStart + 100'000'000, kStart);
}

TEST(Workers, NeitherTheirNumberNorThatOfReceiveQueuesChangesTheOutput) {
    TestRouter one(four_interfaces("mpls-tc"));
    mixed_traffic(one);
    for (const auto& [workers, queues] :
         {std::pair{2u, 1u}, {3u, 1u}, {4u, 1u}, {1u, 3u}, {2u, 2u}, {3u, 2u}, {3u, 5u}}) {
        SCOPED_TRACE(fmt::format("{} workers, {} queues", workers, queues));
        TestRouter::Options options;
        options.workers = workers;
        options.further_queues = queues - 1;
        TestRouter several(four_interfaces("mpls-tc"), options);
        mixed_traffic(several, queues);
        const Account expected = one.router().account();
        const Account got = several.router().account();
        EXPECT_TRUE(got.balances());
        EXPECT_EQ(got.queued, 0u);
        EXPECT_EQ(got.sent, expected.sent);
        EXPECT_EQ(got.dropped, expected.dropped);
        for (std::size_t i = 0; i < 4; ++i) {
            ASSERT_EQ(several.wire(i).sent().size(), one.wire(i).sent().size());
            for (std::size_t j = 0; j < one.wire(i).sent().size(); ++j) {
                EXPECT_EQ(several.wire(i).sent()[j].start_ns, one.wire(i).sent()[j].start_ns);
                EXPECT_EQ(several.wire(i).sent()[j].frame, one.wire(i).sent()[j].frame);
            }
        }
        bool crossed = false;
        for (unsigned worker = 0; worker < workers; ++worker) {
            crossed |= several.router().worker(worker).counters().handed_over_out.get() != 0;
        }
        EXPECT_EQ(crossed, workers != 1);
    }
}

TEST(Workers, ReadTheQueuesOfAnInterfaceInTurns) {
    TestRouter::Options options;
    options.workers = 3;
    options.further_queues = 3;
    TestRouter router(four_interfaces("mpls-tc"), options);
    // ge1 is the second worker's; its queues are of workers 1, 2, 0 and 1 again.
    for (unsigned queue = 0; queue < 4; ++queue) {
        for (unsigned i = 0; i <= queue; ++i) {
            router.arrive_in_queue(
                queue, 1, kStart,
                ethernet(1, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a0a0001, 0, 100));
        }
    }
    router.step(kStart);
    EXPECT_EQ(router.router().worker(0).counters().received.get(), 3u);
    EXPECT_EQ(router.router().worker(1).counters().received.get(), 1u + 4u);
    EXPECT_EQ(router.router().worker(2).counters().received.get(), 2u);
    router.run_until(kStart + kCycleNs, kStart);
    EXPECT_EQ(router.wire(0).sent().size(), 10u);
}

/// four_interfaces() with another key of ge1.
std::string with_key_of_ge1(const std::string& key) {
    const std::string device = "device: net_null1, ";
    return with(four_interfaces("mpls-tc"), device, device + key + ", ");
}

std::int64_t guard_of_ge1(const std::string& yaml, std::optional<std::int64_t> lateness_ns) {
    TestRouter::Options options;
    options.lateness_ns = lateness_ns;
    return TestRouter(yaml, options).router().tx_guard_ns(1);
}

TEST(Guard, IsWhatWasMeasuredButNoMoreThanACycleCanSpare) {
    const std::string yaml = four_interfaces("mpls-tc");
    EXPECT_EQ(guard_of_ge1(yaml, {}), 0) << "virtual time knows none";
    EXPECT_EQ(guard_of_ge1(yaml, 8'000), 8'000);
    EXPECT_EQ(guard_of_ge1(yaml, 60'000), kCycleNs / 4);
    // 1538 octets at 150 Mbit/s are 82026.7 ns.
    EXPECT_EQ(guard_of_ge1(with_key_of_ge1("link-rate-mbps: 150"), 60'000), 17'973);
    EXPECT_EQ(guard_of_ge1(with_key_of_ge1("link-rate-mbps: 100"), 60'000), 0);
}

TEST(Guard, OfTheConfigurationWinsAndChangesLive) {
    TestRouter::Options options;
    options.lateness_ns = 8'000;
    TestRouter router(with_key_of_ge1("tx-guard-ns: 3000"), options);
    EXPECT_EQ(router.router().tx_guard_ns(1), 3'000);
    EXPECT_EQ(router.router().tx_guard_ns(0), 8'000);
    EXPECT_EQ(router.router().tx_guard_ns(3), 0) << "no domain, no boundary";
    ASSERT_EQ(router.router().apply(load_or_throw(with_key_of_ge1("tx-guard-ns: 0"))), "");
    EXPECT_EQ(router.router().tx_guard_ns(1), 0);
    EXPECT_EQ(guard_of_ge1(with_key_of_ge1("tx-guard-ns: 3000"), {}), 0);
}

TEST(Guard, WithinItBestEffortWaitsForTheNextCycle) {
    TestRouter::Options options;
    options.lateness_ns = 8'000;
    TestRouter router(four_interfaces("mpls-tc"), options);
    const Frame frame = ethernet(0, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a0a0101, 0, 40);
    const std::int64_t boundary_ns = kStart + kCycleNs;
    router.arrive(0, boundary_ns - 9'000, frame);
    router.arrive(0, boundary_ns - 7'999, frame);
    router.run_until(kStart + 10 * kCycleNs, kStart);
    const auto& sent = router.wire(1).sent();
    ASSERT_EQ(sent.size(), 2u);
    EXPECT_EQ(sent[0].start_ns, boundary_ns - 9'000);
    EXPECT_EQ(sent[1].start_ns, boundary_ns);
}

TEST(Ports, ARefusedFrameWaitsAndIsDroppedWithItsCycle) {
    TestRouter router(four_interfaces("mpls-tc"));
    router.wire(1).refuse(true);
    router.arrive(0, kStart, tagged(id_at(kStart, 4)));
    router.arrive(0, kStart,
                  ethernet(0, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a0a0101, 0, 40));
    router.run_until(kStart + 20 * kCycleNs, kStart + 19 * kCycleNs);
    Account account = router.router().account();
    EXPECT_TRUE(account.balances());
    EXPECT_EQ(dropped(account, DropReason::cycle_overrun), 1u);
    EXPECT_EQ(account.interfaces[1].cycle_overruns, 1u);
    EXPECT_EQ(account.queued, 1u);  // best effort has time
    router.wire(1).refuse(false);
    router.run_until(kStart + 30 * kCycleNs, kStart + 21 * kCycleNs);
    EXPECT_EQ(router.router().account().sent, 1u);
}

TEST(Ports, ALinkThatIsDownIsCounted) {
    TestRouter router(four_interfaces("mpls-tc"));
    router.router().set_link(1, false);
    router.arrive(0, kStart, tagged(id_at(kStart, 4)));
    router.step(kStart);
    EXPECT_EQ(dropped(router.router().account(), DropReason::interface_down), 1u);
}

/// A frame in two buffers, as ports give what is longer than one.
rte_mbuf* in_two_segments(rte_mempool* pool, const Frame& frame, std::size_t first) {
    rte_mbuf* head = rte_pktmbuf_alloc(pool);
    rte_mbuf* tail = rte_pktmbuf_alloc(pool);
    const auto second = static_cast<std::uint16_t>(frame.size() - first);
    std::memcpy(rte_pktmbuf_append(head, static_cast<std::uint16_t>(first)), frame.data(), first);
    std::memcpy(rte_pktmbuf_append(tail, second), frame.data() + first, second);
    EXPECT_EQ(rte_pktmbuf_chain(head, tail), 0);
    return head;
}

TEST(Ports, AFrameLongerThanABufferIsCountedAndNothingBehindTheBufferIsSent) {
    TestRouter router(four_interfaces("mpls-tc"));
    const unsigned free_before = rte_mempool_avail_count(router.pool());
    const Frame fragmentable =
        ethernet(2, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a0a0301, 0, 2000);
    const Frame popped = ethernet(2, dataplane::ethertype::kMpls) + label(103, 0, true, 64) +
                         ipv4_udp(0x0a0a0301, 0, 2000);
    const Frame for_kernel =
        ethernet(2, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a000101, 0, 2000);
    const Frame swapped = ethernet(2, dataplane::ethertype::kMpls) + label(100, 1, true, 64) +
                          ipv4_udp(0x0a0a0301, 0, 1200);
    for (const Frame& frame : {fragmentable, popped, for_kernel, swapped}) {
        router.wire(2).arrive(kStart, in_two_segments(router.pool(), frame, 1000));
    }
    router.run_until(kStart + 20 * kCycleNs, kStart);
    const Account account = router.router().account();
    EXPECT_EQ(dropped(account, DropReason::mtu_exceeded), 4U);
    EXPECT_EQ(account.received, 4U);
    EXPECT_TRUE(account.balances());
    EXPECT_EQ(account.sent + account.to_kernel, 0U);
    EXPECT_EQ(rte_mempool_avail_count(router.pool()), free_before);
}

TEST(Memory, FragmentsWithoutABufferAreCountedAndServiceGoesOn) {
    TestRouter::Options options;
    options.packets = 64;
    TestRouter router(four_interfaces("mpls-tc"), options);
    router.arrive(3, kStart,
                  ethernet(3, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a0a0301, 0, 6000));
    std::vector<rte_mbuf*> all;
    while (rte_mbuf* mbuf = rte_pktmbuf_alloc(router.pool())) {
        all.push_back(mbuf);
    }
    router.run_until(kStart + kCycleNs, kStart);
    Account account = router.router().account();
    EXPECT_TRUE(account.balances());
    EXPECT_EQ(account.generated, 4u);
    EXPECT_EQ(dropped(account, DropReason::no_memory), 4u);
    EXPECT_EQ(account.sent, 1u);
    for (rte_mbuf* mbuf : all) {
        rte_pktmbuf_free(mbuf);
    }
    router.arrive(3, kStart + kCycleNs,
                  ethernet(3, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a0a0301, 0, 6000));
    router.run_until(kStart + 2 * kCycleNs, kStart + kCycleNs);
    account = router.router().account();
    EXPECT_TRUE(account.balances());
    EXPECT_EQ(account.sent, 6u);
}

TEST(LiveChange, ANewRouteTakesEffectAndNothingIsLost) {
    TestRouter router(four_interfaces("mpls-tc"));
    const std::string changed = four_interfaces("mpls-tc") + "workers: 1\n";
    std::string rerouted = changed;
    const std::string to_ge1 = "101, operation: swap, out-labels: [201]";
    rerouted.replace(rerouted.find(to_ge1), to_ge1.size(),
                     "101, operation: swap, out-labels: [999]");
    std::int64_t now_ns = kStart;
    for (unsigned i = 0; i < 1000; ++i) {
        router.arrive(0, now_ns, tagged(id_at(now_ns, 4)));
        router.step(now_ns);
        if (i % 10 == 5) {
            ASSERT_EQ(router.router().apply(load_or_throw(i % 20 == 5 ? rerouted : changed)), "");
        }
        now_ns += kCycleNs / 10;
    }
    router.run_until(now_ns + 10 * kCycleNs, now_ns);
    const Account account = router.router().account();
    EXPECT_TRUE(account.balances());
    EXPECT_EQ(account.sent, 1000u);
    expect_right_cycles(router, 4);
    unsigned new_label = 0;
    for (const Sent& sent : router.wire(1).sent()) {
        new_label += dataplane::mpls::label(dataplane::load32(&sent.frame[14])) == 999 ? 1 : 0;
    }
    EXPECT_EQ(new_label, 500u);
    // The tables before the last change are free once the worker has gone on.
    router.router().reclaim();
    EXPECT_EQ(router.router().retired_tables(), 0u);
}

TEST(LiveChange, IsSettledWhenEveryWorkerHasGoneOver) {
    TestRouter::Options options;
    options.workers = 2;
    TestRouter router(four_interfaces("mpls-tc", 4), options);
    EXPECT_TRUE(router.router().is_settled());
    ASSERT_EQ(router.router().apply(load_or_throw(four_interfaces("mpls-tc", 3))), "");
    EXPECT_FALSE(router.router().is_settled());
    router.router().worker(0).step(kStart);
    EXPECT_FALSE(router.router().is_settled());
    router.router().worker(1).step(kStart);
    EXPECT_TRUE(router.router().is_settled());
}

TEST(LiveChange, OtherCyclesDrainTheOldOnesFirst) {
    TestRouter router(four_interfaces("mpls-tc", 4));
    std::int64_t now_ns = kStart;
    for (unsigned i = 0; i < 8; ++i) {
        router.arrive(0, now_ns, tagged(id_at(now_ns, 4)));
        router.arrive(0, now_ns,
                      ethernet(0, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a0a0101, 0, 40));
    }
    router.step(now_ns);
    ASSERT_EQ(router.router().apply(load_or_throw(four_interfaces("mpls-tc", 3))), "");
    router.run_until(now_ns + 10 * kCycleNs, now_ns + 1);
    Account account = router.router().account();
    EXPECT_TRUE(account.balances());
    EXPECT_EQ(account.sent, 16u);
    expect_right_cycles(router, 4);
    router.wire(1).sent().clear();
    now_ns += 20 * kCycleNs;
    router.arrive(0, now_ns, tagged(id_at(now_ns, 3)));
    router.run_until(now_ns + 10 * kCycleNs, now_ns);
    ASSERT_EQ(router.wire(1).sent().size(), 1u);
    expect_right_cycles(router, 3);
    router.router().reclaim();
    const std::vector<dataplane::Router::Drained> drained = router.router().take_drained();
    ASSERT_EQ(drained.size(), 2u);  // the interfaces of the domain
    EXPECT_EQ(drained[1].interface, 1);
    EXPECT_EQ(drained[1].missed, 0u);
    // What was queued left in the cycle after the next one.
    EXPECT_GT(drained[1].lasted_ns, kCycleNs);
    EXPECT_LT(drained[1].lasted_ns, 3 * kCycleNs);
    EXPECT_EQ(drained[0].lasted_ns, 0);
    EXPECT_TRUE(router.router().take_drained().empty());
}

TEST(LiveChange, ASecondChangeOfCyclesWaitsUntilTheFirstOneHasDrained) {
    TestRouter router(four_interfaces("mpls-tc", 4));
    const Frame plain = ethernet(0, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a0a0101, 0, 1000);
    std::int64_t now_ns = kStart;
    std::uint64_t arrived = 0;
    for (const unsigned cycles : {4u, 3u, 5u, 3u}) {
        if (cycles != 4) {
            ASSERT_EQ(router.router().apply(load_or_throw(four_interfaces("mpls-tc", cycles))), "");
        }
        // Best effort that takes longer to leave than the next change is away.
        for (unsigned i = 0; i < 20; ++i, ++arrived) {
            router.arrive(0, now_ns, plain);
        }
        router.step(now_ns);
        now_ns += kCycleNs / 100;
    }
    EXPECT_GT(router.router().account().queued, 0u);
    router.run_until(now_ns + 10 * kCycleNs, now_ns);
    const Account account = router.router().account();
    EXPECT_TRUE(account.balances());
    EXPECT_EQ(account.sent, arrived);
    EXPECT_EQ(router.wire(1).sent().size(), arrived);
    router.router().reclaim();
    // Of ge1, the oldest first: each began when the one before it was through.
    std::vector<std::int64_t> lasted_ns;
    for (const dataplane::Router::Drained& drained : router.router().take_drained()) {
        EXPECT_EQ(drained.missed, 0u);
        if (drained.interface == 1) {
            lasted_ns.push_back(drained.lasted_ns);
        }
    }
    ASSERT_EQ(lasted_ns.size(), 3u);
    for (const std::int64_t one_ns : lasted_ns) {
        EXPECT_GT(one_ns, 0);
        EXPECT_LT(one_ns, kCycleNs);
    }
}

TEST(LiveChange, WhatMissesItsCycleBehindOldQueuesIsTheCostOfTheChange) {
    TestRouter router(four_interfaces("mpls-tc", 4));
    std::int64_t now_ns = kStart;
    for (unsigned i = 0; i < 100; ++i) {
        // Three cycles ahead until the change, and for the next one behind it.
        router.arrive(0, now_ns,
                      tagged(i < 50 ? id_at(now_ns + 2 * kCycleNs, 4) : id_at(now_ns, 3)));
        router.run_until(now_ns + kCycleNs / 10 - 1, now_ns);
        if (i == 49) {
            ASSERT_EQ(router.router().apply(load_or_throw(four_interfaces("mpls-tc", 3))), "");
        }
        now_ns += kCycleNs / 10;
    }
    router.run_until(now_ns + 10 * kCycleNs, now_ns);
    const Account account = router.router().account();
    EXPECT_TRUE(account.balances());
    const std::uint64_t overruns =
        account.dropped[static_cast<std::size_t>(dataplane::DropReason::cycle_overrun)];
    EXPECT_GT(overruns, 0u);
    router.router().reclaim();
    const std::vector<dataplane::Router::Drained> drained = router.router().take_drained();
    ASSERT_EQ(drained.size(), 2u);
    EXPECT_EQ(drained[1].missed, overruns);
}

TEST(LiveChange, AFlowKeepsItsPlaceInTimeAndItsPolicing) {
    TestRouter router(four_interfaces("mpls-tc"));
    const Frame packet = ethernet(3, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a0b0001, 0, 1000);
    for (unsigned i = 0; i < 8; ++i) {
        router.arrive(3, kStart, packet);
    }
    router.step(kStart);
    ASSERT_EQ(router.router().apply(load_or_throw(four_interfaces("mpls-tc"))), "");
    router.arrive(3, kStart + 1, packet);  // the ninth within an interval
    router.run_until(kStart + 20 * kCycleNs, kStart + 1);
    const Account account = router.router().account();
    EXPECT_EQ(dropped(account, DropReason::policed), 1u);
    EXPECT_EQ(account.sent, 8u);
    expect_right_cycles(router, 4);
}

TEST(LiveChange, APolicerWithAnotherSpecificationStartsAnew) {
    TestRouter router(four_interfaces("mpls-tc"));
    const std::string eight = "max-packets-per-interval: 8";
    const Frame packet = ethernet(3, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a0b0001, 0, 1000);
    // Each time one packet more than conforms; the position among eight is one too far for five.
    std::int64_t now_ns = kStart;
    for (const unsigned most : {8u, 5u, 2u, 9u, 1u}) {
        ASSERT_EQ(router.router().apply(
                      load_or_throw(with(four_interfaces("mpls-tc"), eight,
                                         fmt::format("max-packets-per-interval: {}", most)))),
                  "");
        const std::uint64_t before = dropped(router.router().account(), DropReason::policed);
        for (unsigned i = 0; i < most + 1; ++i) {
            router.arrive(3, now_ns, packet);
        }
        router.run_until(now_ns + 20 * kCycleNs, now_ns);
        EXPECT_EQ(dropped(router.router().account(), DropReason::policed) - before, 1u) << most;
        now_ns += 20 * kCycleNs;
    }
    EXPECT_TRUE(router.router().account().balances());
}

/// Worker 0 looks at a packet from ge0 with the tables before a change; worker 1, to which ge1
/// belongs, gets it with those after it. Returns layer 3 of the only frame that leaves, if any.
Frame cross_a_change(const std::string& before, const Frame& frame, const std::string& after,
                     Account& account) {
    TestRouter test(before, {.workers = 2});
    dataplane::Router& router = test.router();
    test.step(kStart);
    test.arrive(0, kStart, frame);
    router.worker(0).receive_from(0, kStart);
    EXPECT_EQ(router.worker(0).counters().handed_over_out.get(), 1u);
    EXPECT_EQ(router.apply(load_or_throw(after)), "");
    router.worker(1).receive(kStart);
    test.run_until(kStart + 20 * kCycleNs, kStart);
    account = router.account();
    EXPECT_TRUE(account.balances());
    EXPECT_EQ(account.queued, 0u);
    const std::vector<Sent>& sent = test.wire(1).sent();
    EXPECT_LE(sent.size(), 1u);
    return sent.empty() ? Frame() : Frame(sent[0].frame.begin() + 14, sent[0].frame.end());
}

// Workers go over to new tables one after the other.
TEST(LiveChange, ACycleDecidedWithTheTablesOfBeforeIsNoneOfTheNewOnes) {
    const Frame frame =
        ethernet(0, dataplane::ethertype::kIpv4) +
        ipv4_udp(0x0a0a0101, static_cast<std::uint8_t>(4 * id_at(kStart, 4) - 1), 40);
    for (const auto& after : {four_interfaces("dscp", 5),
                              with(four_interfaces("dscp"), "time-us: 100", "time-us: 50")}) {
        Account account;
        EXPECT_EQ(cross_a_change(four_interfaces("dscp"), frame, after, account), Frame());
        EXPECT_EQ(dropped(account, DropReason::cycle_overrun), 1u);
    }
    for (const auto& after :
         {with(four_interfaces("dscp"), "id: 17", "id: 18"),
          with(four_interfaces("dscp"), "ge1, tagging: dscp, tags: [3, 7, 11, 15]",
               "ge1, tagging: dscp, tags: [35, 39, 43, 47]")}) {
        Account account;
        EXPECT_NE(cross_a_change(four_interfaces("dscp"), frame, after, account), Frame())
            << "what such a change leaves alone loses nothing";
    }
}

TEST(LiveChange, ATagIsWrittenWhereTheTablesInForceWantItOrNowhere) {
    const std::string before =
        with(four_interfaces("dscp"), "interface: ge3, source", "interface: ge0, source");
    const std::string of_ge1 = "{name: ge1, tagging: dscp, ";
    const Frame packet = ipv4_udp(0x0a0a0101, 0, 40);
    Frame forwarded = packet;
    dataplane::ipv4::set_ttl(forwarded.data(), 63);
    Account account;
    EXPECT_EQ(cross_a_change(before, ethernet(0, dataplane::ethertype::kIpv4) + packet,
                             with(before, of_ge1, "{name: ge1, tagging: ipv6-option, "), account),
              forwarded);
}

// A partition that is gone has no share of the new queues.
TEST(LiveChange, APartitionThatIsGoneLeavesItsPacketsToTheRest) {
    const std::string partition =
        "nrps:\n- {id: 6, name: tin, interfaces: [{name: ge1, cycle-bits: 20000, "
        "best-effort-rate-mbps: 50}]}\n";
    const auto tag = static_cast<std::uint8_t>(4 * id_at(kStart, 4) - 1);
    for (const std::uint8_t dscp : {std::uint8_t{0}, tag}) {
        Frame ip(40);
        dataplane::store32(&ip[0], 6u << 28 | std::uint32_t{dscp} << 22);
        dataplane::store16(&ip[4], 24);
        ip[7] = 64;
        ip[8] = ip[24] = 0x20;  // 2001:db8:3::9 to 2001:db8:d1::9
        ip[9] = ip[25] = 0x01;
        dataplane::store32(&ip[10], 0x0db80003);
        dataplane::store32(&ip[26], 0x0db800d1);
        ip[23] = ip[39] = 9;
        const Frame selector = {17, 1, 0x1e, 8, 0, 0, 0, 0, 0, 0, 0, 6, 1, 2, 0, 0};
        const Frame datagram = {15, 160, 19, 136, 0, 8, 0, 0};
        Account account;
        EXPECT_NE(
            cross_a_change(four_interfaces("dscp", 4, partition),
                           ethernet(0, dataplane::ethertype::kIpv6) + ip + selector + datagram,
                           four_interfaces("dscp"), account),
            Frame());
    }
}

TEST(LiveChange, WhatNeedsARestartIsRefusedAndSaysSo) {
    TestRouter router(four_interfaces("mpls-tc"));
    std::string renamed = four_interfaces("mpls-tc");
    const std::string device = "net_null3";
    renamed.replace(renamed.find(device), device.size(), "net_null9");
    EXPECT_NE(router.router().apply(load_or_throw(renamed)).find("ge3"), std::string::npos);
}

TEST(Icmp, ErrorsAreRateLimited) {
    TestRouter router(four_interfaces("mpls-tc"));
    for (unsigned i = 0; i < 100; ++i) {
        router.arrive(3, kStart + i,
                      ethernet(3, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a0a0001, 0, 40, 1));
    }
    router.run_until(kStart + kCycleNs, kStart);
    EXPECT_EQ(router.router().account().generated, 10u);
    EXPECT_EQ(dropped(router.router().account(), DropReason::ttl_expired), 100u);
    router.arrive(3, kStart + 150'000'000,
                  ethernet(3, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a0a0001, 0, 40, 1));
    router.run_until(kStart + 151'000'000, kStart + 150'000'000);
    EXPECT_EQ(router.router().account().generated, 11u);
}

TEST(Kernel, WhatItSendsLeavesAsControlAndMatchesNoFlow) {
    TestRouter router(four_interfaces("mpls-tc"));
    Frame frame = ethernet(3, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a030001, 0, 40);
    router.from_kernel(3, kStart, frame);
    router.run_until(kStart + kCycleNs, kStart);
    ASSERT_EQ(router.wire(3).sent().size(), 1u);
    EXPECT_EQ(router.wire(3).sent()[0].frame, frame);
    EXPECT_EQ(router.router().account().received, 1u);
    EXPECT_TRUE(router.router().account().balances());
}

}  // namespace
}  // namespace tcqf::test
