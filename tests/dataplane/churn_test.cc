// A router whose flows, SIDs, labels, policies, partitions, routes, tables of routes and neighbours
// come and go under other names for a long time: what stays goes on as if nothing had happened,
// what comes finds nothing of what went, and nothing grows.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/tables.h"
#include "tests/dataplane/frames.h"
#include "tests/dataplane/tagged_traffic.h"
#include "tests/dataplane/test_config.h"
#include "tests/dataplane/test_router.h"

namespace tcqf::test {
namespace {

using dataplane::Account;
using dataplane::DropReason;
using dataplane::Snapshot;

constexpr unsigned kReloads = 400;
constexpr unsigned kComing = 20;  ///< flows and SIDs, other ones with each reload
constexpr std::int64_t kReloadNs = 4'000'000;
constexpr std::int64_t kHalfNs = kReloadNs / 2;
constexpr std::uint32_t kStayingService = 5000;  ///< S-label
constexpr std::uint32_t kComingService = 6000;   ///< of the first

std::uint32_t destination_of(unsigned flow) {
    return 0x0a0b0000 + 10 + flow;
}

/// What stays: flow 17, which is policed; flow 18 with a service; the SID fc00:1::1; the binding
/// SID fc00:1::b1. All else has names that no other reload has.
std::string config_of(unsigned reload) {
    std::string flows =
        "  - {id: 18, match: {interface: ge3, destination: 10.11.0.2/32}, cycle-size-bits: 12000, "
        "mpls-service: {s-label: 5000, sequence-bits: 28}}\n";
    std::string sids;
    std::string policies;
    std::string labels;
    for (unsigned i = 0; i < kComing; ++i) {
        const unsigned number = reload * kComing + i;
        flows += fmt::format(
            "  - {{id: {}, match: {{interface: ge3, destination: 10.11.0.{}/32}}, "
            "cycle-size-bits: 12000, traffic-specification: {{interval-ns: 1000000, "
            "max-packets-per-interval: 2, max-payload-size: 1200}}, interleaving: {{period-cycles: "
            "4, cycles: [1, 2]}}, mpls-service: {{s-label: {}, sequence-bits: 16}}}}\n",
            1000 + number, 10 + i, kComingService + i);
        sids +=
            fmt::format("  - {{sid: 'fc00:1::5:{:x}:{:x}/128', behavior: End}}\n", reload, i + 1);
        policies += fmt::format(
            "- {{color: {}, endpoint: '2001:db8:9::9', binding-sid: 'fc00:1::b:{:x}:{:x}', "
            "candidate-paths: [{{preference: 1, discriminator: 1, segment-lists: [{{segments: "
            "['2001:db8:d1::e', 'fc00:9::d6']}}]}}]}}\n",
            1000 + number, reload, i + 1);
        labels += fmt::format(
            "  - {{label: {}, operation: swap, out-labels: [202], next-hops: [{{interface: ge1, "
            "address: 10.0.2.2}}]}}\n",
            1000 + number * 61 % 1'000'000);
    }
    sids += fmt::format("  - {{sid: 'fc00:1::d:{:x}/128', behavior: End.DT4, table: t{}}}\n",
                        reload, reload);
    std::string more = with(segment_routing(), "nrps:\n",
                            sids + fmt::format("nrps:\n- {{id: {}, name: n{}, interfaces: [{{name: "
                                               "ge2, cycle-bits: 1000}}]}}\n",
                                               100 + reload, reload));
    std::string yaml = four_interfaces("mpls-tc", 4, flows + more + policies);
    yaml = with(yaml, "source: 10.3.0.0/24", "destination: 10.11.0.1/32");
    yaml = with(yaml, "tcqf:\n", labels + "tcqf:\n");
    yaml = with(yaml, "mpls:\n",
                fmt::format("- {{prefix: 10.{}.0.0/16, table: t{}, next-hops: [{{interface: ge1, "
                            "address: 10.0.2.2}}]}}\n"
                            "- {{prefix: 10.200.{}.0/24, next-hops: [{{interface: ge2, address: "
                            "10.0.3.2}}]}}\nmpls:\n",
                            100 + reload % 100, reload, reload % 256));
    return with(yaml, "routes:\n",
                fmt::format("- {{interface: ge2, address: 10.0.3.{}, mac: '02:00:00:00:03:03'}}\n"
                            "routes:\n",
                            3 + reload / 8 % 200));
}

/// How large the arrays are that things are numbered for.
struct Sizes {
    std::size_t flows = 0;
    std::size_t sids = 0;
    std::size_t policies = 0;
    std::size_t tables = 0;

    explicit Sizes(const Snapshot& tables)
        : flows(tables.profile_of_flow.size()),
          policies(tables.policies.size()),
          tables(tables.route_tables.size()) {
        const auto reach = [](std::size_t& size, std::size_t number) {
            size = std::max(size, number + 1);
        };
        for (const dataplane::SidAction& sid : tables.sids) {
            reach(sids, sid.counter);
        }
        for (const dataplane::PolicyAction& policy : tables.policies) {
            reach(sids, policy.counter);
        }
    }
};

/// Octets that the program has and has not given back; 0 where a sanitizer has its own.
std::size_t octets_in_use() {
    const struct mallinfo2 memory = mallinfo2();
    return memory.uordblks + memory.hblkhd;
}

class Churn : public testing::TestWithParam<unsigned> {
  protected:
    Churn() : test_(config_of(0), {.workers = GetParam()}) {}

    dataplane::Router& router() { return test_.router(); }

    void arrive_at_ge3(std::uint32_t destination, unsigned packets) {
        for (unsigned i = 0; i < packets; ++i) {
            ASSERT_TRUE(test_.arrive(
                3, now_ns_,
                ethernet(3, dataplane::ethertype::kIpv4) + ipv4_udp(destination, 0, 300)));
        }
    }
    void arrive_at_sid(const std::string& sid) {
        ASSERT_TRUE(test_.arrive(3, now_ns_, to_sid(sid.c_str(), 1)));
    }
    void arrive_tagged() { ASSERT_TRUE(test_.arrive(0, now_ns_, tagged(id_at(now_ns_, 4)))); }

    /// Before a reload: half of what an interval of flow 17 may have, and what goes on all along.
    void before_reload() {
        arrive_tagged();
        arrive_at_ge3(0x0a0b0001, 4);
        arrive_at_ge3(0x0a0b0002, 1);
        arrive_at_sid("fc00:1::1");
        test_.step(now_ns_);
        ++now_ns_;
    }

    /// One packet too many of flow 17 and of each flow that came.
    void after_reload(unsigned reload) {
        arrive_tagged();
        arrive_at_ge3(0x0a0b0001, 5);
        arrive_at_ge3(0x0a0b0002, 2);
        arrive_at_sid("fc00:1::b1");
        for (unsigned i = 0; i < kComing; ++i) {
            arrive_at_ge3(destination_of(i), 3);
        }
        test_.run_until(now_ns_ + kHalfNs, now_ns_);
        now_ns_ += kHalfNs;
        for (unsigned i = 1; i <= kComing; ++i) {
            arrive_at_sid(fmt::format("fc00:1::5:{:x}:{:x}", reload, i));
            arrive_at_sid(fmt::format("fc00:1::b:{:x}:{:x}", reload, i));
        }
        test_.run_until(now_ns_ + kHalfNs, now_ns_);
        now_ns_ += kHalfNs;
    }

    /// Every flow that came sends two packets, the first with number 0.
    void expect_numbers() {
        std::map<std::uint32_t, std::vector<std::uint32_t>> numbers;  // by S-label
        for (const Sent& sent : test_.wire(1).sent()) {
            if (dataplane::load16(&sent.frame[12]) != dataplane::ethertype::kMpls) {
                continue;
            }
            const std::uint8_t* stack = &sent.frame[14];
            const std::size_t octets = dataplane::mpls::stack_octets(stack);
            const std::uint32_t bottom =
                dataplane::mpls::label(dataplane::load32(stack + octets - 4));
            if (bottom == kStayingService || bottom >= kComingService) {
                numbers[bottom].push_back(dataplane::load32(stack + octets));
            }
        }
        for (unsigned i = 0; i < kComing; ++i) {
            ASSERT_EQ(numbers[kComingService + i], (std::vector<std::uint32_t>{0, 1})) << i;
        }
        ASSERT_EQ(numbers[kStayingService].size(), 3U);
        for (const std::uint32_t number : numbers[kStayingService]) {
            ASSERT_EQ(number, next_number_++);
        }
    }

    void expect_account(unsigned reload) {
        const Account account = router().account();
        const std::uint64_t rounds = reload;
        ASSERT_TRUE(account.balances());
        ASSERT_EQ(account.queued, 0U);
        ASSERT_EQ(dropped(account, DropReason::policed), rounds * (1 + kComing));
        ASSERT_EQ(account.received - account.sent, rounds * (1 + kComing));
        const auto sids = router().sid_account();
        const auto packets = [&sids](const std::string& sid) {
            const auto found = sids.find(*config::IpPrefix::parse(sid + "/128"));
            return found == sids.end() ? 0 : found->second.packets;
        };
        ASSERT_EQ(packets("fc00:1::1"), rounds);
        ASSERT_EQ(packets("fc00:1::b1"), rounds);
        for (unsigned i = 1; i <= kComing; ++i) {
            ASSERT_EQ(packets(fmt::format("fc00:1::5:{:x}:{:x}", reload, i)), 1U);
            ASSERT_EQ(packets(fmt::format("fc00:1::b:{:x}:{:x}", reload, i)), 1U);
        }
        ASSERT_EQ(sids.size(), 2 + 2 * kComing) << "of what is configured alone";
    }

    /// Not more than of a few configurations, however many there were.
    void expect_bounded() {
        const Sizes sizes(router().tables());
        ASSERT_LE(sizes.flows, 5 * (2 + kComing));
        ASSERT_LE(sizes.sids, 5 * (14 + 2 * kComing));
        ASSERT_LE(sizes.policies, 5 * (2 + kComing));
        ASSERT_LE(sizes.tables, 5 * 2U);
        ASSERT_EQ(router().retired_tables(), 0U);
    }

    TestRouter test_;
    std::int64_t now_ns_ = kStart;
    std::uint32_t next_number_ = 0;
};

TEST_P(Churn, WhatStaysGoesOnAndNothingGrows) {
    std::size_t octets_at_first = 0;
    for (unsigned reload = 1; reload <= kReloads; ++reload) {
        SCOPED_TRACE(reload);
        ASSERT_NO_FATAL_FAILURE(before_reload());
        ASSERT_EQ(router().apply(load_or_throw(config_of(reload))), "");
        ASSERT_NO_FATAL_FAILURE(after_reload(reload));
        router().reclaim();
        ASSERT_NO_FATAL_FAILURE(expect_numbers());
        ASSERT_NO_FATAL_FAILURE(expect_account(reload));
        ASSERT_NO_FATAL_FAILURE(expect_bounded());
        for (std::size_t i = 0; i < test_.interfaces(); ++i) {
            test_.wire(i).sent().clear();
        }
        router().take_drained();
        if (reload == kReloads / 4) {
            octets_at_first = octets_in_use();
        }
    }
    // Names differ in length.
    EXPECT_LE(octets_in_use(), octets_at_first + (1U << 20));
}

INSTANTIATE_TEST_SUITE_P(Workers, Churn, testing::Values(1U, 3U));

/// Three workers, ge0 and ge3 of the first, ge1 of the second. The third polices a flow from ge3 to
/// ge1.
class GoneFlow : public testing::Test {
  protected:
    static constexpr std::uint32_t kNumber = 2;

    GoneFlow()
        : test_(with(four_interfaces("mpls-tc", 4, flow(18, 2) + flow(19, 3)),
                     "source: 10.3.0.0/24", "destination: 10.11.0.1/32"),
                {.workers = 3}) {}

    static std::string flow(unsigned id, unsigned destination) {
        return fmt::format(
            "  - {{id: {}, match: {{interface: ge3, destination: 10.11.0.{}/32}}, "
            "cycle-size-bits: 12000, mpls-service: {{s-label: 5000, sequence-bits: 28}}, "
            "traffic-specification: {{interval-ns: 1000000, max-packets-per-interval: 2, "
            "max-payload-size: 1200}}}}\n",
            id, destination);
    }

    /// Whether one of `count` flows that come for others that go gets the number, while no worker
    /// takes anything.
    bool is_given(unsigned count) {
        config::Router config = test_.router().config();
        config.flows.resize(1);
        config.flows.resize(count, config.flows[0]);
        for (config::Flow& flow : config.flows) {
            flow.id = ++last_id_;
        }
        EXPECT_EQ(test_.router().apply(std::make_shared<const config::Router>(config)), "");
        for (unsigned i = 0; i < 4; ++i) {
            for (unsigned worker = 0; worker < 3; ++worker) {
                test_.router().worker(worker).refresh();
            }
            test_.router().reclaim();
        }
        return test_.router().tables().find_profile(kNumber) != nullptr;
    }

    /// `count`: of flows that take all that is free.
    void expect_number_is_kept(unsigned count, const char* where) {
        for (const unsigned flows : {1U, 1U, count}) {
            EXPECT_FALSE(is_given(flows)) << where;
        }
    }

    TestRouter test_;
    std::uint32_t last_id_ = 100;
};

TEST_F(GoneFlow, KeepsItsNumberWhileAPacketIsOnItsWayBetweenWorkers) {
    dataplane::Router& router = test_.router();
    ASSERT_EQ(router.tables().profile_of(kNumber).worker, 2);
    test_.step(kStart);
    test_.arrive(3, kStart,
                 ethernet(3, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a0b0003, 0, 300));
    router.worker(0).receive_from(3, kStart);
    expect_number_is_kept(10, "to be policed");
    EXPECT_EQ(router.worker(2).take_handed_over(), 1U);
    expect_number_is_kept(100, "to be shaped");
    EXPECT_EQ(router.worker(1).take_handed_over(), 1U);
    EXPECT_FALSE(is_given(1)) << "it is free only now";
    EXPECT_TRUE(is_given(1000));
    test_.run_until(kStart + 20 * kCycleNs, kStart);
    const Account account = router.account();
    EXPECT_TRUE(account.balances());
    EXPECT_EQ(account.queued, 0U);
    EXPECT_EQ(account.sent, 1U);
}

TEST_F(GoneFlow, WhichComesBackStartsAnew) {
    const auto packet = ethernet(3, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a0b0003, 0, 300);
    const auto with_flows = std::make_shared<const config::Router>(test_.router().config());
    auto without = std::make_shared<config::Router>(*with_flows);
    without->flows.clear();
    for (unsigned i = 0; i < 2; ++i) {
        const std::int64_t now_ns = kStart + 10 * i * kCycleNs;
        test_.arrive(3, now_ns, packet);
        test_.run_until(now_ns + 5 * kCycleNs, now_ns);
        const Frame& sent = test_.wire(1).sent().back().frame;
        EXPECT_EQ(dataplane::load32(&sent[14 + dataplane::mpls::stack_octets(&sent[14])]), 0U);
        ASSERT_EQ(test_.router().apply(without), "");
        ASSERT_EQ(test_.router().apply(with_flows), "");
    }
}

}  // namespace
}  // namespace tcqf::test
