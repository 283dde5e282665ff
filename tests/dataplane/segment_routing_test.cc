// Segment routing, policies and partitions, on the worker in virtual time.

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "dataplane/network_actions.h"
#include "dataplane/sr_policy.h"
#include "tests/dataplane/frames.h"
#include "tests/dataplane/test_config.h"
#include "tests/dataplane/test_router.h"

namespace tcqf::test {
namespace {

using dataplane::Account;
using dataplane::DropReason;

constexpr std::int64_t kStart = 1'700'000'000'000'000'000;
constexpr std::int64_t kCycleNs = 100'000;

using Address = std::array<std::uint8_t, 16>;

Address address(const char* text) {
    return config::IpAddress::parse(text)->octets;
}

Frame ipv6(const char* destination, std::uint8_t next, const Frame& payload,
           std::uint8_t traffic_class = 0, std::uint8_t hop_limit = 64,
           const char* source = "2001:db8:3::9") {
    Frame ip;
    append32(ip, 6u << 28 | std::uint32_t{traffic_class} << 20 | 0x12345);
    append16(ip, static_cast<std::uint16_t>(payload.size()));
    ip.push_back(next);
    ip.push_back(hop_limit);
    for (const char* text : {source, destination}) {
        const Address octets = address(text);
        ip.insert(ip.end(), octets.begin(), octets.end());
    }
    return ip + payload;
}

/// A routing header; `segments` in the order of the header: the last one first.
Frame routing(std::uint8_t next, const std::vector<const char*>& segments, std::uint8_t left,
              int last_entry = -1, std::uint8_t flags = 0) {
    Frame header = {next,
                    static_cast<std::uint8_t>(2 * segments.size()),
                    4,
                    left,
                    static_cast<std::uint8_t>(last_entry < 0 ? segments.size() - 1 : last_entry),
                    flags,
                    0,
                    0};
    for (const char* text : segments) {
        const Address octets = address(text);
        header.insert(header.end(), octets.begin(), octets.end());
    }
    return header;
}

Frame udp() {
    Frame datagram;
    append16(datagram, 4000);
    append16(datagram, 5000);
    append16(datagram, 12);
    append16(datagram, 0);
    append32(datagram, 0x61626364);
    return datagram;
}

class SegmentRouting : public testing::Test {
  protected:
    explicit SegmentRouting(const std::string& tagging = "dscp", const std::string& policies = {})
        : router_(four_interfaces(tagging, 4, segment_routing() + policies)) {}

    Account send(std::size_t interface, const Frame& l3,
                 std::uint16_t type = dataplane::ethertype::kIpv6) {
        router_.arrive(interface, now_ns_, ethernet(static_cast<unsigned>(interface), type) + l3);
        router_.run_until(now_ns_ + 10 * kCycleNs, now_ns_);
        now_ns_ += 200'000'000;  // ICMP is rate limited
        const Account account = router_.router().account();
        EXPECT_TRUE(account.balances());
        EXPECT_EQ(account.queued, 0u);
        return account;
    }
    std::uint64_t dropped(DropReason reason) {
        return router_.router().account().dropped[static_cast<std::size_t>(reason)];
    }
    /// Layer 3 of the only frame that left through an interface.
    Frame only(std::size_t interface) {
        std::vector<Sent>& sent = router_.wire(interface).sent();
        EXPECT_EQ(sent.size(), 1u);
        if (sent.empty()) {
            return {};
        }
        const Frame frame = sent[0].frame;
        sent.clear();
        return Frame(frame.begin() + 14, frame.end());
    }
    /// Type, code and pointer or MTU of the ICMPv6 error sent back through ge3.
    std::array<std::uint32_t, 3> icmp() {
        const Frame ip = only(3);
        if (ip.size() < 48) {
            return {};
        }
        return {ip[40], ip[41], dataplane::load32(&ip[44])};
    }

    TestRouter router_;
    std::int64_t now_ns_ = kStart;
};

/// With tags in hop-by-hop options, and a policy whose outer header exceeds a buffer's headroom.
class LongSegmentList : public SegmentRouting {
  protected:
    LongSegmentList() : SegmentRouting("ipv6-option", kPolicy) {}

    static constexpr const char* kPolicy = R"(- color: 7
  endpoint: '2001:db8:9::9'
  binding-sid: 'fc00:1::b7'
  candidate-paths:
  - {discriminator: 1, segment-lists: [{segments: ['2001:db8:d1::e', 'fc00:2::1', 'fc00:3::1', 'fc00:4::1', 'fc00:5::1', 'fc00:6::1', 'fc00:7::1', 'fc00:9::d6']}]}
)";
};

// A tag is in one place only, also where a packet has to be moved to make room.
TEST_F(LongSegmentList, TheOptionBeneathAnOuterHeaderIsRetired) {
    const Frame options = {43, 0, 0xb1, 2, 0, 2, 1, 0};
    const Frame header = routing(17, {"2001:db8:d0::7", "fc00:1::b7"}, 1);
    send(0, ipv6("fc00:1::b7", 0, options + header + udp()));
    const Frame outer = only(1);
    ASSERT_GT(outer.size(), 264U);
    EXPECT_EQ(outer[6], 0) << "a hop-by-hop header with the new tag";
    EXPECT_EQ(outer[42], 0xb1);
    const std::size_t inner = 40 + 8 + 8 + 7 * 16;
    ASSERT_EQ(outer[inner] >> 4, 6);
    EXPECT_EQ(Frame(outer.begin() + inner + 40, outer.begin() + inner + 48),
              Frame({43, 0, 0x3e, 2, 0, 0, 1, 0}));
}

// RFC 8986, 4.1: End.
TEST_F(SegmentRouting, EndGoesOnToTheNextSegment) {
    send(3, ipv6("fc00:1::1", 43, routing(17, {"2001:db8:d1::7", "fc00:1::1"}, 1) + udp()));
    EXPECT_EQ(only(1), ipv6("2001:db8:d1::7", 43,
                            routing(17, {"2001:db8:d1::7", "fc00:1::1"}, 0) + udp(), 0, 63));
}

TEST_F(SegmentRouting, PspRemovesTheHeaderWithTheLastSegment) {
    send(3, ipv6("fc00:1::11", 43, routing(17, {"2001:db8:d1::7", "fc00:1::11"}, 1) + udp()));
    EXPECT_EQ(only(1), ipv6("2001:db8:d1::7", 17, udp(), 0, 63));
}

TEST_F(SegmentRouting, EndXSendsToItsAdjacencyWhateverTheRoute) {
    send(3, ipv6("fc00:1::e1", 43, routing(17, {"2001:db8:d0::7", "fc00:1::e1"}, 1) + udp()));
    EXPECT_EQ(only(1), ipv6("2001:db8:d0::7", 43,
                            routing(17, {"2001:db8:d0::7", "fc00:1::e1"}, 0) + udp(), 0, 63));
}

struct Decapsulation {
    const char* sid;
    bool ipv4;
};

TEST_F(SegmentRouting, DecapsulatingBehaviorsSendTheInnerPacketOn) {
    const Frame inner_ipv4 = ipv4_udp(0x0a0a0101, 0, 20);
    const Frame inner_ipv6 = ipv6("2001:db8:d1::7", 17, udp());
    for (const Decapsulation& one : {Decapsulation{"fc00:1::d4", true},
                                     {"fc00:1::46", true},
                                     {"fc00:1::c4", true},
                                     {"fc00:1::12", true},
                                     {"fc00:1::d6", false},
                                     {"fc00:1::46", false},
                                     {"fc00:1::c6", false},
                                     {"fc00:1::12", false}}) {
        send(2, one.ipv4 ? ipv6(one.sid, 4, inner_ipv4) : ipv6(one.sid, 41, inner_ipv6));
        EXPECT_EQ(only(1), one.ipv4 ? ipv4_udp(0x0a0a0101, 0, 20, 63)
                                    : ipv6("2001:db8:d1::7", 17, udp(), 0, 63))
            << one.sid;
    }
}

// RFC 8986, 4.1, S03 to S09, and RFC 8754, 4.3: errors in their order.
TEST_F(SegmentRouting, WhatASidCannotTakeIsMalformedAndAnswered) {
    const Frame inner = ipv6("2001:db8:d1::7", 17, udp());
    const auto with = [&](const char* sid, std::uint8_t left, int last_entry,
                          std::uint8_t hops = 64) {
        return ipv6(sid, 43, routing(41, {"2001:db8:d1::7", sid}, left, last_entry) + inner, 0,
                    hops);
    };
    send(3, with("fc00:1::1", 3, 1));  // segments left beyond the list
    EXPECT_EQ(icmp(), (std::array<std::uint32_t, 3>{4, 0, 43}));
    send(3, with("fc00:1::1", 1, 2));  // last entry beyond the header
    EXPECT_EQ(icmp(), (std::array<std::uint32_t, 3>{4, 0, 43}));
    EXPECT_EQ(dropped(DropReason::malformed), 2u);
    send(3, with("fc00:1::1", 3, 9, 1));  // the hop limit comes first
    EXPECT_EQ(icmp(), (std::array<std::uint32_t, 3>{3, 0, 0}));
    EXPECT_EQ(dropped(DropReason::ttl_expired), 1u);
    send(3, with("fc00:1::d6", 1, 1));  // segments left where the packet must end
    EXPECT_EQ(icmp(), (std::array<std::uint32_t, 3>{4, 0, 43}));
    send(3, ipv6("fc00:1::1", 17, udp()));  // an upper layer that is not allowed
    EXPECT_EQ(icmp(), (std::array<std::uint32_t, 3>{4, 4, 40}));
    send(3, ipv6("fc00:1::d6", 4, ipv4_udp(0x0a0a0101, 0, 20)));
    EXPECT_EQ(icmp(), (std::array<std::uint32_t, 3>{4, 4, 40}));
    EXPECT_EQ(dropped(DropReason::malformed), 5u);
    send(3, ipv6("fc00:1::77", 17, udp()));
    EXPECT_EQ(icmp(), (std::array<std::uint32_t, 3>{1, 0, 0}));
    EXPECT_EQ(dropped(DropReason::no_sid), 1u);
}

TEST_F(SegmentRouting, PingToASidReachesTheKernel) {
    send(3, ipv6("fc00:1::1", 58, {128, 0, 0, 0, 0, 1, 0, 1}));
    EXPECT_EQ(router_.kernel(3).sent().size(), 1u);
}

// RFC 9800, 4.1.
TEST_F(SegmentRouting, NextCsidShiftsTheContainer) {
    send(3, ipv6("fc00:8:1:2001:db8:d1::", 17, udp()));
    // The block is fc00:8::/32: what follows the own C-SID moves next to it.
    EXPECT_EQ(dropped(DropReason::no_route), 1u);
    EXPECT_EQ(icmp(), (std::array<std::uint32_t, 3>{1, 0, 0}));
}

// RFC 6040, 4.2.
TEST_F(SegmentRouting, CongestionMarksSurviveTheTunnel) {
    const auto inner_class = [this](std::uint8_t outer, std::uint8_t inner) -> int {
        send(3, ipv6("fc00:1::d6", 41, ipv6("2001:db8:d1::7", 17, udp(), inner), outer));
        if (router_.wire(1).sent().empty()) {
            return -1;
        }
        return dataplane::ipv6::traffic_class(only(1).data());
    };
    EXPECT_EQ(inner_class(3, 2), 3);
    EXPECT_EQ(inner_class(1, 2), 1);
    EXPECT_EQ(inner_class(2, 1), 1);
    EXPECT_EQ(inner_class(0, 2), 2);
    EXPECT_EQ(inner_class(2, 0), 0);
    EXPECT_EQ(inner_class(3, 0), -1);  // congestion that the sender could not hear of
}

TEST_F(SegmentRouting, ABindingSidPutsThePacketIntoThePolicy) {
    const Frame list = routing(41, {"2001:db8:d1::7", "fc00:1::b1"}, 1);
    const Frame inner = ipv6("2001:db8:d0::1", 17, udp());
    send(3, ipv6("fc00:1::b1", 43, list + inner));
    const Frame out = only(1);
    ASSERT_GT(out.size(), 80u);
    // Outer header, hop-by-hop header with the strict selector 5, routing header, inner packet.
    EXPECT_EQ(Frame(out.begin() + 24, out.begin() + 40), [] {
        const Address first = address("2001:db8:d1::e");
        return Frame(first.begin(), first.end());
    }());
    EXPECT_EQ(Frame(out.begin() + 40, out.begin() + 56),
              (Frame{43, 1, 0x1e, 8, 0x80, 0, 0, 0, 0, 0, 0, 5, 1, 2, 0, 0}));
    EXPECT_EQ(Frame(out.begin() + 56, out.begin() + 80), routing(41, {"fc00:9::d6"}, 1, 0));
    EXPECT_EQ(Frame(out.begin() + 80, out.end()),
              ipv6("2001:db8:d1::7", 43, routing(41, {"2001:db8:d1::7", "fc00:1::b1"}, 0) + inner,
                   0, 63));
    EXPECT_NE(dataplane::ipv6::flow_label(out.data()), 0u);
}

TEST_F(SegmentRouting, ABindingLabelBecomesThePolicysStackWithTheSelector) {
    send(3, label(600, 0, true, 64) + ipv4_udp(0x0a0a0101, 0, 40), dataplane::ethertype::kMpls);
    const Frame out = only(1);
    ASSERT_GT(out.size(), 20u);
    EXPECT_EQ(dataplane::mpls::label(dataplane::load32(&out[0])), 201u);
    unsigned at = 4;
    if (dataplane::mpls::label(dataplane::load32(&out[4])) == 16009) {
        at = 8;
    }
    const auto actions =
        dataplane::read_network_actions({&out[at], dataplane::mpls::stack_octets(&out[at])}, 115);
    EXPECT_EQ(actions.entries, 3u);
    EXPECT_TRUE(actions.bottom);
    EXPECT_TRUE(actions.has_selector);
    EXPECT_EQ(actions.selector, 6u);
}

// RFC 3443, 3.5: towards a next hop that pushes nothing a binding label is popped, whatever the
// other next hops of its list push.
TEST_F(SegmentRouting, ABindingLabelIsPoppedOrSwappedAsTheChosenNextHopSays) {
    const std::string hops[] = {"{interface: ge1, address: 10.0.2.2, labels: [300]}",
                                "{interface: ge0, address: 10.0.1.2}"};
    for (const unsigned first : {0u, 1u}) {
        SCOPED_TRACE(hops[first] + " first");
        const std::string label_105 =
            fmt::format("  - {{label: 105, operation: pop, next-hops: [{}, {}]}}\n", hops[first],
                        hops[1 - first]);
        const std::string policy = R"(- color: 8
  endpoint: '2001:db8:9::9'
  binding-sid: 601
  candidate-paths: [{segment-lists: [{segments: [105]}]}]
)";
        TestRouter router(with(four_interfaces("dscp", 4, segment_routing() + policy), "tcqf:\n",
                               label_105 + "tcqf:\n"));
        constexpr unsigned kFlows = 32;
        const auto beneath = [](unsigned flow) { return label(1000 + flow, 5, true, 64); };
        for (unsigned flow = 0; flow < kFlows; ++flow) {
            router.arrive(3, kStart,
                          ethernet(3, dataplane::ethertype::kMpls) + label(601, 5, false, 64) +
                              beneath(flow) + ipv4_udp(0x0a0a0101, 0, 40));
        }
        router.run_until(kStart + kCycleNs, kStart);
        const auto stacks_sent = [&](std::size_t interface, std::size_t labels) {
            std::multiset<Frame> stacks;
            for (const Sent& sent : router.wire(interface).sent()) {
                const auto stack = sent.frame.begin() + 14;
                stacks.emplace(stack, stack + static_cast<std::ptrdiff_t>(labels * 4));
            }
            return stacks;
        };
        const std::multiset<Frame> swapped = stacks_sent(1, 2);
        const std::multiset<Frame> popped = stacks_sent(0, 1);
        EXPECT_GT(swapped.size(), 0u);
        EXPECT_GT(popped.size(), 0u);
        EXPECT_EQ(swapped.size() + popped.size(), kFlows);
        for (unsigned flow = 0; flow < kFlows; ++flow) {
            const Frame low = label(1000 + flow, 5, true, 63);
            EXPECT_EQ(swapped.count(label(300, 5, false, 63) + beneath(flow)) + popped.count(low),
                      1u)
                << flow;
        }
    }
}

TEST_F(SegmentRouting, AnUnknownStrictSelectorIsDroppedAnUnknownLaxOneIsNot) {
    const auto with_selector = [](std::uint8_t selector, std::uint8_t flags) {
        return Frame{17, 1, 0x1e, 8, flags, 0, 0, 0, 0, 0, 0, selector, 1, 2, 0, 0} + udp();
    };
    send(3, ipv6("2001:db8:d3::1", 0, with_selector(9, 0x80)));
    EXPECT_EQ(dropped(DropReason::nrp_unknown), 1u);
    send(3, ipv6("2001:db8:d3::1", 0, with_selector(9, 0)));
    send(3, ipv6("2001:db8:d3::1", 0, with_selector(5, 0x80)));
    EXPECT_EQ(router_.router().account().sent, 2u);
}

TEST_F(SegmentRouting, DomainBoundaryKeepsStrangersFromTheSids) {
    TestRouter bounded(four_interfaces("dscp", 4, segment_routing() + "srv6-domain: [ge0, ge1]\n"));
    const Frame packet = ipv6("fc00:1::d6", 41, ipv6("2001:db8:d1::7", 17, udp()));
    bounded.arrive(3, kStart, ethernet(3, dataplane::ethertype::kIpv6) + packet);
    bounded.arrive(0, kStart, ethernet(0, dataplane::ethertype::kIpv6) + packet);
    bounded.run_until(kStart + kCycleNs, kStart);
    const Account account = bounded.router().account();
    EXPECT_EQ(account.dropped[static_cast<std::size_t>(DropReason::untrusted_source)], 1u);
    EXPECT_EQ(account.sent, 1u);
}

// What a flow steers goes where its policy leads, routed or not.
TEST_F(SegmentRouting, AFlowWithAPolicyNeedsNoRoute) {
    std::string config = four_interfaces("ipv6-option", 4, segment_routing());
    const std::string flows = "  flows:\n";
    config.insert(config.find(flows) + flows.size(), R"(  - id: 18
    match: {interface: ge3, destination: 10.77.0.0/31}
    cycle-size-bits: 12000
    sr-policy: {color: 1, endpoint: '2001:db8:9::9'}
)");
    TestRouter steering(config);
    for (const std::uint32_t destination : {0x0a4d0001u, 0x0a4d0002u}) {
        steering.arrive(3, kStart,
                        ethernet(3, dataplane::ethertype::kIpv4) + ipv4_udp(destination, 0, 40));
    }
    steering.run_until(kStart + 10 * kCycleNs, kStart);
    const Account account = steering.router().account();
    EXPECT_EQ(account.dropped[static_cast<std::size_t>(DropReason::no_route)], 1u);
    ASSERT_EQ(steering.wire(1).sent().size(), 1u);
    const Frame out = steering.wire(1).sent()[0].frame;
    // Into the first segment, with a cycle and the selector.
    EXPECT_EQ(Frame(out.begin() + 38, out.begin() + 54), [] {
        const Address first = address("2001:db8:d1::e");
        return Frame(first.begin(), first.end());
    }());
    EXPECT_EQ(out[20], dataplane::protocol::kHopByHop);
}

/// TCQF packets on the label stack with the selector of partition 6 and without.
class Partitions : public SegmentRouting {
  protected:
    Partitions() : SegmentRouting("mpls-tc") {}

    Frame packet(std::int64_t at_ns, bool of_partition) {
        const auto id = static_cast<std::uint8_t>(at_ns / kCycleNs % 4 + 1);
        Frame stack = label(101, id, !of_partition, 64);
        if (of_partition) {
            auto entries = dataplane::selector_entries(6, 115);
            entries.front() |= dataplane::mpls::entry(0, id, false, 64);
            entries.back() |= dataplane::mpls::kBottom;
            for (const std::uint32_t entry : entries) {
                append32(stack, entry);
            }
        }
        return ethernet(0, dataplane::ethertype::kMpls) + stack + ipv4_udp(0x0a0a0101, 0, 40);
    }
};

// No partition can take another's share.
TEST_F(Partitions, AFloodIsRefusedAndTheOthersDoNotFeelIt) {
    // 20,000 bits a cycle: a frame with selector is 14 + 16 + 68 octets and 24 of overhead, 976
    // bits.
    for (int i = 0; i < 100; ++i) {
        router_.arrive(0, kStart + i, packet(kStart, true));
        if (i % 10 == 0) {
            router_.arrive(0, kStart + i, packet(kStart, false));
        }
    }
    router_.run_until(kStart + 10 * kCycleNs, kStart);
    const Account account = router_.router().account();
    EXPECT_TRUE(account.balances());
    EXPECT_EQ(account.dropped[static_cast<std::size_t>(DropReason::nrp_quota)], 80u);
    EXPECT_EQ(account.sent, 30u);
}

config::CandidatePath path(std::uint32_t preference, std::uint8_t origin, std::uint32_t asn,
                           std::uint32_t discriminator) {
    config::CandidatePath made;
    made.preference = preference;
    made.protocol_origin = origin;
    made.originator.asn = asn;
    made.discriminator = discriminator;
    made.segment_lists = {{1, {std::uint32_t{16002}}}};
    return made;
}

// RFC 9256, 2.9: preference, protocol-origin, installed, originator, discriminator.
TEST(SrPolicy, PathsAreRankedInTheOrderOfTheTieBreaks) {
    config::SrPolicy policy;
    const auto discriminator_of_active = [&](std::optional<dataplane::PathId> installed) {
        return dataplane::by_rank(policy, installed).front()->discriminator;
    };
    policy.candidate_paths = {path(100, 30, 1, 1), path(200, 10, 9, 2)};
    EXPECT_EQ(discriminator_of_active({}), 2u);
    policy.candidate_paths = {path(100, 30, 9, 1), path(100, 20, 1, 2)};
    EXPECT_EQ(discriminator_of_active({}), 1u);
    policy.candidate_paths = {path(100, 30, 9, 1), path(100, 30, 1, 2)};
    EXPECT_EQ(discriminator_of_active({}), 2u);
    const auto installed = dataplane::id_of(policy.candidate_paths[0]);
    EXPECT_EQ(discriminator_of_active(installed), 2u);
    policy.prefer_installed_path = true;
    EXPECT_EQ(discriminator_of_active(installed), 1u);
    policy.candidate_paths = {path(100, 30, 1, 1), path(100, 30, 1, 2)};
    EXPECT_EQ(discriminator_of_active({}), 2u);
}

TEST(SrPolicy, OnlyWellFormedListsCount) {
    config::SegmentList list;
    EXPECT_FALSE(dataplane::is_well_formed(list));
    list.segments = {std::uint32_t{16002}};
    EXPECT_TRUE(dataplane::is_well_formed(list));
    list.weight = 0;
    EXPECT_FALSE(dataplane::is_well_formed(list));
    list.weight = 1;
    list.segments.emplace_back(*config::IpAddress::parse("fc00::1"));
    EXPECT_FALSE(dataplane::is_well_formed(list));
}

// RFC 9994, 4: what a sub-stack must not be.
TEST(NetworkActions, BrokenSubStacksAreMalformed) {
    const auto read = [](const std::vector<std::uint32_t>& entries) {
        Frame octets;
        for (const std::uint32_t entry : entries) {
            append32(octets, entry);
        }
        return dataplane::read_network_actions(octets, 115);
    };
    auto good = dataplane::selector_entries(0xabcde, 115);
    good.back() |= dataplane::mpls::kBottom;
    EXPECT_EQ(read({good.begin(), good.end()}).selector, 0xabcdeu);
    EXPECT_EQ(read({good[0], good[1] | 0x100, good[2]}).entries, 0u);  // S in B with more to come
    EXPECT_EQ(read({good[0], good[1] | 0x20, good[2]}).entries, 0u);   // NASL beyond the stack
    EXPECT_EQ(read({good[0], good[1], good[2] | 1}).entries, 0u);      // NAL beyond NASL
    EXPECT_EQ(read({good[0] | 0x100, good[1], good[2]}).entries, 0u);
    EXPECT_TRUE(read({good[0], good[1], (good[2] & 0x1ffffff) | 120u << 25 | 8}).must_drop);
    EXPECT_FALSE(read({good[0], good[1], (good[2] & 0x1ffffff) | 120u << 25}).must_drop);
}

}  // namespace
}  // namespace tcqf::test
