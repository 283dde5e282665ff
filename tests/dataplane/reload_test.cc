// Changes of the configuration while packets flow, in virtual time: what is lost, what waits, and
// what goes on.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/dataplane/frames.h"
#include "tests/dataplane/tagged_traffic.h"
#include "tests/dataplane/test_config.h"
#include "tests/dataplane/test_router.h"

namespace tcqf::test {
namespace {

using dataplane::Account;
using dataplane::DropReason;

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

TEST(LiveChange, WhatNeedsOtherPortsOrWorkersIsRefusedAndNothingChanges) {
    const std::string yaml = four_interfaces("mpls-tc");
    TestRouter router(yaml);
    const std::shared_ptr<const config::Router> running = load_or_throw(yaml);
    const dataplane::Snapshot& tables = router.router().tables();
    for (const auto& [wanted, what] :
         {std::pair(with(yaml, "net_null1", "net_null9"), "/interfaces[name='ge1']/device"),
          std::pair(with(yaml, "neighbors:\n", "- {name: ge9}\nneighbors:\n"), "/interfaces"),
          std::pair(yaml + "workers: 2\n", "/workers"),
          std::pair(yaml + "workers: [0]\n", "/workers")}) {
        EXPECT_EQ(dataplane::needs_new_router(*running, *load_or_throw(wanted)), what);
        EXPECT_EQ(router.router().apply(load_or_throw(wanted)),
                  std::string(what) + " cannot change while the router runs");
        EXPECT_EQ(&router.router().tables(), &tables);
    }
    EXPECT_EQ(dataplane::needs_new_router(*running, *running), "");
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

TEST(LiveChange, APolicerOfAnotherNumberOfPacketsStartsAnew) {
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

// Flows may come and go for as long as a router runs, each with another id.
TEST(LiveChange, AFlowThatIsGoneLeavesNoArrivalsBehind) {
    TestRouter router(four_interfaces("mpls-tc"));
    const std::weak_ptr<std::int64_t[]> arrivals =
        router.router().tables().long_arrivals.content().owners.front();
    config::Router without = router.router().config();
    without.flows.clear();
    ASSERT_EQ(router.router().apply(std::make_shared<const config::Router>(without)), "");
    EXPECT_FALSE(arrivals.expired()) << "the worker still has the tables before";
    router.step(kStart);
    router.router().reclaim();
    EXPECT_TRUE(arrivals.expired());
}

TEST(LiveChange, AChangeThatFailsLeavesPolicersAsTheyAre) {
    const std::string yaml = four_interfaces("mpls-tc");
    TestRouter router(yaml);
    const Frame packet = ethernet(3, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a0b0001, 0, 1000);
    for (unsigned i = 0; i < 8; ++i) {
        router.arrive(3, kStart, packet);
    }
    router.step(kStart);
    // What the check of a file would never let through makes the tables impossible to build.
    auto impossible = std::make_shared<config::Router>(
        *load_or_throw(with(yaml, "max-packets-per-interval: 8", "max-packets-per-interval: 4")));
    impossible->routes[0].next_hops[0].labels.assign(11, 100);
    ASSERT_NE(router.router().apply(impossible), "");
    ASSERT_EQ(router.router().apply(
                  load_or_throw(with(yaml, "cycle-size-bits: 12000", "cycle-size-bits: 12001"))),
              "");
    router.arrive(3, kStart + 1, packet);  // the ninth within an interval
    router.run_until(kStart + 20 * kCycleNs, kStart + 1);
    EXPECT_EQ(dropped(router.router().account(), DropReason::policed), 1u);
    EXPECT_EQ(router.router().account().sent, 8u);
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

/// Three workers, ge3 of the first, ge1 of the second. The third polices a flow from ge3 to ge1,
/// and `features`: gets two packets of it, of which its specification allows one, while `ahead`
/// alone has gone over to tables with a text in place of another. Returns layer 3 of what leaves.
std::vector<Frame> exceed_across_a_change(const std::string& tagging, const std::string& features,
                                          const std::string& old_text, const std::string& new_text,
                                          unsigned ahead) {
    const auto flow = [&features](unsigned id) {
        return fmt::format(
            "  - {{id: {}, match: {{interface: ge3, destination: 10.11.0.{}/32}}, "
            "cycle-size-bits: 12000, excess-action: best-effort, {}, traffic-specification: "
            "{{interval-ns: 1000000, max-packets-per-interval: 1, max-payload-size: 1200}}}}\n",
            id, id, features);
    };
    const std::string before = with(four_interfaces(tagging, 4, flow(18) + flow(19)),
                                    "source: 10.3.0.0/24", "destination: 10.11.0.1/32") +
                               "sr-policies:\n- {color: 1, endpoint: '2001:db8:9::9', "
                               "candidate-paths: [{discriminator: 1, "
                               "segment-lists: [{segments: ['2001:db8:d1::e']}]}]}\n";
    TestRouter test(before, {.workers = 3});
    dataplane::Router& router = test.router();
    EXPECT_EQ(router.tables().profile_of(2).worker, 2);
    test.step(kStart);
    for (unsigned i = 0; i < 2; ++i) {
        test.arrive(3, kStart,
                    ethernet(3, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a0b0013, 0, 300));
    }
    router.worker(0).receive_from(3, kStart);
    EXPECT_EQ(router.apply(load_or_throw(with(before, old_text, new_text))), "");
    router.worker(ahead).refresh();
    EXPECT_EQ(router.worker(2).take_handed_over(), 2u);
    EXPECT_EQ(router.worker(1).take_handed_over(), 2u);
    test.run_until(kStart + 20 * kCycleNs, kStart);
    EXPECT_TRUE(router.account().balances());
    std::vector<Frame> packets;
    for (const Sent& sent : test.wire(1).sent()) {
        packets.emplace_back(sent.frame.begin() + 14, sent.frame.end());
    }
    EXPECT_EQ(packets.size(), 2u);
    return packets;
}

std::size_t count_without_option(const std::vector<Frame>& packets) {
    return static_cast<std::size_t>(std::ranges::count_if(packets, [](const Frame& packet) {
        return packet.size() == kIpv6Octets + 328 &&
               dataplane::ipv6::next(packet.data()) == dataplane::protocol::kIpv4;
    }));
}

TEST(LiveChange, ExcessLosesTheOptionInFrontOfItOnce) {
    const std::string features = "sr-policy: {color: 1, endpoint: '2001:db8:9::9'}";
    EXPECT_EQ(count_without_option(exceed_across_a_change("ipv6-option", features, "time-us: 100",
                                                          "time-us: 50", 1)),
              2u);
    EXPECT_EQ(count_without_option(exceed_across_a_change(
                  "ipv6-option", features,
                  "interfaces:", "code-points: {tcqf-option: 0x3f}\ninterfaces:", 2)),
              1u)
        << "its type is another one by now";
}

TEST(LiveChange, ExcessIsNumberedOnce) {
    std::set<std::uint32_t> numbers;
    for (const Frame& packet :
         exceed_across_a_change("mpls-tc", "mpls-service: {s-label: 5000, sequence-bits: 28}",
                                "time-us: 100", "time-us: 50", 1)) {
        numbers.insert(
            dataplane::load32(packet.data() + dataplane::mpls::stack_octets(packet.data())));
    }
    EXPECT_EQ(numbers, (std::set<std::uint32_t>{0, 1}));
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

}  // namespace
}  // namespace tcqf::test
