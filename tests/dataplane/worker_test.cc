// The worker in virtual time: stalls, clock steps, several workers, and the account.

#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "tests/dataplane/frames.h"
#include "tests/dataplane/tagged_traffic.h"
#include "tests/dataplane/test_config.h"
#include "tests/dataplane/test_router.h"

namespace tcqf::test {
namespace {

using dataplane::Account;
using dataplane::DropReason;

class Stall : public testing::TestWithParam<std::int64_t> {};

// What could not be sent in its cycle (a stall) is dropped, never sent in a wrong one.
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

// Late polling (docs/departures.md): a port without timestamps that was not polled for longer than
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

// A packet arrives at its receive timestamp where the port gives one, which a network card may do
// for one burst and not for another.
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

// draft-eckert-detnet-tcqf-10, 6.2: what a flow used of a cycle is counted for each interface.
TEST(Workers, AFlowThatLeavesByTwoInterfacesInTurnsHasCyclesOfItsOwnOnEach) {
    for (const unsigned workers : {1U, 2U, 4U}) {
        SCOPED_TRACE(workers);
        TestRouter router(four_interfaces("dscp"), {.workers = workers});
        // A cycle takes one of them.
        for (const unsigned oif : {1U, 0U, 1U, 0U, 1U, 1U, 0U}) {
            router.arrive(3, kStart,
                          ethernet(3, dataplane::ethertype::kIpv4) +
                              ipv4_udp(0x0a0a0001 + (oif << 8), 0, 1000));
        }
        router.run_until(kStart + 20 * kCycleNs, kStart);
        const auto cycles_of = [&](unsigned oif) {
            std::vector<std::int64_t> cycles;
            for (const Sent& sent : router.wire(oif).sent()) {
                cycles.push_back(sent.start_ns / kCycleNs - kStart / kCycleNs);
            }
            return cycles;
        };
        EXPECT_EQ(cycles_of(0), (std::vector<std::int64_t>{1, 2, 3}));
        EXPECT_EQ(cycles_of(1), (std::vector<std::int64_t>{1, 2, 3, 4}));
        EXPECT_TRUE(router.router().account().balances());
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
