// The active path of a policy is replaced a thousand times while packets are steered into it: by a
// route, by a DetNet flow, and out of transit through the domain.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/dataplane/frames.h"
#include "tests/dataplane/test_config.h"
#include "tests/dataplane/test_router.h"

namespace tcqf::test {
namespace {

using dataplane::Account;

constexpr std::int64_t kCycleNs = 100'000;
constexpr unsigned kCycles = 4;
constexpr std::int64_t kStart = 1'800'000'000'000'000'000;
constexpr unsigned kReplacements = 1000;
constexpr unsigned kPacketsOfAPath = 4;  // of each flow
constexpr std::int64_t kGapNs = 6'300;

enum Stream : std::uint8_t { steered_by_route, steered_by_flow, in_transit, count };

unsigned id_at(std::int64_t time_ns) {
    return static_cast<unsigned>(time_ns / kCycleNs % kCycles) + 1;
}

/// UDP in IPv6 with the tag of the cycle it arrives in; the sequence number is the flow label.
Frame transit_packet(std::int64_t now_ns, std::uint32_t sequence) {
    Frame frame = ethernet(0, dataplane::ethertype::kIpv6);
    append32(frame, 6u << 28 | sequence);
    append16(frame, 8 + 16);
    frame.push_back(dataplane::protocol::kHopByHop);
    frame.push_back(64);
    for (const char* address : {"2001:db8:3::5", "2001:db8:77::1"}) {
        const auto octets = config::IpAddress::parse(address)->octets;
        frame.insert(frame.end(), octets.begin(), octets.end());
    }
    const Frame option = {17, 0, 0xb1, 2, 0, static_cast<std::uint8_t>(id_at(now_ns)), 1, 0};
    frame = frame + option;
    append32(frame, 4000u << 16 | 5000);
    append32(frame, 16u << 16);
    append32(frame, 1);
    append32(frame, 2);
    return frame;
}

Frame ipv4_packet(unsigned interface, std::uint32_t destination, std::uint32_t sequence) {
    return ethernet(interface, dataplane::ethertype::kIpv4) +
           ipv4_udp(destination, 0, 100, 64, static_cast<std::uint16_t>(sequence));
}

/// What left: an outer IPv6 header, a hop-by-hop header with or without a tag, perhaps a routing
/// header, and the packet that was steered.
struct Steered {
    Stream stream = Stream::count;
    std::uint32_t sequence = 0;
    unsigned cycle_id = 0;  ///< 0: no tag
};

Steered read(const Frame& frame) {
    Steered found;
    std::size_t at = 14 + 40;
    std::uint8_t next = frame[14 + 6];
    while (next == dataplane::protocol::kHopByHop || next == dataplane::protocol::kRouting) {
        if (next == dataplane::protocol::kHopByHop && frame[at + 2] == 0xb1) {
            found.cycle_id = frame[at + 5];
        }
        next = frame[at];
        at += (frame[at + 1] + 1u) * 8;
    }
    if (next == dataplane::protocol::kIpv4) {
        found.sequence = dataplane::load16(&frame[at + 4]);
        found.stream = frame[at + 17] == 12 ? steered_by_route : steered_by_flow;
    } else if (next == dataplane::protocol::kIpv6) {
        found.sequence = dataplane::load32(&frame[at]) & 0xfffff;
        found.stream = in_transit;
    }
    return found;
}

/// Two paths out of ge1, with and without a partition, and one out of ge0.
std::shared_ptr<const config::Router> with_active_path(const config::Router& base, unsigned path) {
    auto router = std::make_shared<config::Router>(base);
    router->sr_policies[0].candidate_paths[path].preference = 200;
    return router;
}

config::Router base_config() {
    config::Router router =
        *load_or_throw(four_interfaces("ipv6-option", kCycles, segment_routing()));
    config::SrPolicy& policy = router.sr_policies[0];
    config::CandidatePath path = policy.candidate_paths[0];
    policy.candidate_paths.clear();
    const std::array<std::vector<const char*>, 3> lists = {
        {{"2001:db8:d1::e", "fc00:9::d6"},
         {"2001:db8:d1::a", "fc00:8::1", "fc00:9::d6"},
         {"2001:db8:d0::e"}}};
    for (std::size_t i = 0; i < lists.size(); ++i) {
        path.preference = 100;
        path.discriminator = static_cast<std::uint32_t>(i + 1);
        path.nrp_id = i == 0 ? std::optional<std::uint32_t>(5) : std::nullopt;
        path.segment_lists.resize(1);
        path.segment_lists[0].segments.clear();
        for (const char* segment : lists[i]) {
            path.segment_lists[0].segments.emplace_back(*config::IpAddress::parse(segment));
        }
        policy.candidate_paths.push_back(path);
    }
    router.nrps[0].interfaces[0].cycle_bits = 400'000;
    for (const char* prefix : {"10.12.0.0/16", "2001:db8:77::/48"}) {
        router.routes.push_back(
            {.prefix = *config::IpPrefix::parse(prefix), .next_hops = {}, .sr_policy = policy.key});
    }
    router.flows[0].sr_policy = policy.key;
    router.flows[0].cycle_size_bits = 40'000;
    router.flows[0].traffic_specification.reset();
    config::CycleMapEntry back = router.domains[0].cycle_maps[0];
    back.oif = 0;
    router.domains[0].cycle_maps.push_back(back);
    return router;
}

class PathChange : public testing::TestWithParam<unsigned> {
  protected:
    PathChange()
        : router_(four_interfaces("ipv6-option", kCycles, segment_routing()), options()),
          base_(base_config()) {
        EXPECT_EQ(router_.router().apply(with_active_path(base_, 0)), "");
    }

    static TestRouter::Options options() {
        TestRouter::Options options;
        options.workers = GetParam();
        return options;
    }

    void arrive(std::int64_t now_ns, std::uint32_t sequence) {
        ASSERT_TRUE(router_.arrive(2, now_ns, ipv4_packet(2, 0x0a0c0001, sequence)));
        ASSERT_TRUE(router_.arrive(3, now_ns, ipv4_packet(3, 0x0a0a0105, sequence)));
        ASSERT_TRUE(router_.arrive(0, now_ns, transit_packet(now_ns, sequence)));
    }

    /// Every packet left once, in the order of its flow on each interface, and what has a tag in
    /// the cycle of its tag.
    void check(std::uint32_t packets) {
        std::array<std::set<std::uint32_t>, Stream::count> seen;
        for (const std::size_t interface : {0, 1}) {
            std::array<std::int64_t, Stream::count> last = {-1, -1, -1};
            for (const Sent& sent : router_.wire(interface).sent()) {
                const Steered packet = read(sent.frame);
                ASSERT_NE(packet.stream, Stream::count);
                ASSERT_GT(packet.sequence, last[packet.stream]) << "stream " << packet.stream;
                last[packet.stream] = packet.sequence;
                EXPECT_TRUE(seen[packet.stream].insert(packet.sequence).second);
                const bool is_tcqf = packet.stream != steered_by_route;
                ASSERT_EQ(packet.cycle_id, is_tcqf ? id_at(sent.start_ns) : 0);
                const auto end_ns =
                    sent.start_ns + static_cast<std::int64_t>((sent.frame.size() + 24) * 8 / 10);
                ASSERT_TRUE(!is_tcqf || id_at(end_ns - 1) == packet.cycle_id);
            }
            EXPECT_GE(last[steered_by_flow], 0) << "no path out of interface " << interface;
        }
        for (const auto& sequences : seen) {
            EXPECT_EQ(sequences.size(), packets);
        }
    }

    TestRouter router_;
    config::Router base_;
};

// RFC 9256, 2.9: another path becomes the active one; make before break.
TEST_P(PathChange, AThousandTimesUnderLoadLosesAndReordersNothing) {
    std::int64_t now_ns = kStart;
    std::uint32_t sequence = 0;
    for (unsigned replacement = 1; replacement <= kReplacements; ++replacement) {
        for (unsigned i = 0; i < kPacketsOfAPath; ++i, now_ns += kGapNs) {
            arrive(now_ns, sequence++);
            router_.run_until(now_ns + kGapNs - 1, now_ns);
        }
        ASSERT_EQ(router_.router().apply(with_active_path(base_, replacement % 3)), "");
    }
    router_.run_until(now_ns + 100 * kCycleNs, now_ns);
    const Account account = router_.router().account();
    EXPECT_TRUE(account.balances());
    EXPECT_EQ(account.dropped_in_all(), 0u);
    EXPECT_EQ(account.queued, 0u);
    EXPECT_EQ(account.sent, Stream::count * std::uint64_t{sequence});
    check(sequence);
    router_.router().reclaim();
    EXPECT_EQ(router_.router().retired_tables(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Workers, PathChange, testing::Values(1u, 2u));

}  // namespace
}  // namespace tcqf::test
