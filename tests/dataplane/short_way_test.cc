// What the short way of plain packets must leave to the long way, case by case; express_test.cc
// and random_routers_test.cc compare the two at random.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "tests/dataplane/frames.h"
#include "tests/dataplane/test_config.h"
#include "tests/dataplane/two_ways.h"

namespace tcqf::test {
namespace {

constexpr std::int64_t kStart = 1'700'000'000'000'000'000;
constexpr std::uint8_t kTagOfCycle1 = 3 << 2;  // with DSCPs as tags

Frame ipv6(std::uint8_t next, const char* destination, const Frame& payload,
           std::uint8_t traffic_class = 0) {
    Frame ip;
    append32(ip, 6u << 28 | std::uint32_t{traffic_class} << 20);
    append16(ip, static_cast<std::uint16_t>(payload.size()));
    ip.push_back(next);
    ip.push_back(64);
    for (const char* address : {"2001:db8:3::9", destination}) {
        const config::IpAddress parsed = config::IpAddress::parse(address).value();
        ip.insert(ip.end(), parsed.octets.begin(), parsed.octets.end());
    }
    return ip + payload;
}

/// With one segment.
Frame routing_header(std::uint8_t next, unsigned segments_left, const char* segment) {
    Frame routing = {next, 2, 4, static_cast<std::uint8_t>(segments_left), 0, 0, 0, 0};
    const config::IpAddress parsed = config::IpAddress::parse(segment).value();
    routing.insert(routing.end(), parsed.octets.begin(), parsed.octets.end());
    return routing;
}

Frame udp() {
    return Frame(40, 0x5a);
}

std::string without_flows(std::string config) {
    const std::size_t flows = config.find("detnet:\n");
    config.erase(flows, config.find("srv6:\n", flows) - flows);
    return config;
}

std::string configuration(const char* tagging) {
    return four_interfaces(tagging, 4, segment_routing());
}

/// The frames on either way, some in each burst, whatever lies beyond a packet on the short one.
void expect_same_whatever_lies_beyond(const std::string& config, const std::vector<Frame>& frames) {
    constexpr std::size_t kFramesInABurst = 24;
    for (const std::uint8_t beyond : std::to_array<std::uint8_t>({kPoison, 0, 0x45, 0x60})) {
        SCOPED_TRACE(fmt::format("beyond: {:02x}", beyond));
        TwoWays routers(config, {.poison = beyond}, static_cast<std::uint8_t>(~beyond));
        std::int64_t now_ns = kStart;
        for (std::size_t i = 0; i < frames.size(); ++i) {
            routers.arrive(0, now_ns, frames[i]);
            if ((i + 1) % kFramesInABurst == 0 || i + 1 == frames.size()) {
                routers.run_until(now_ns + 1'000'000, now_ns);
                now_ns += 1'000'001;
            }
        }
        routers.expect_same_sent();
        routers.expect_same_account();
    }
}

/// Of an IPv6 packet: all beginnings of it, with a length that says so.
void add_beginnings_of(const Frame& ip, std::vector<Frame>& all) {
    for (std::size_t octets = kIpv6Octets; octets <= ip.size(); ++octets) {
        Frame part(ip.begin(), ip.begin() + static_cast<std::ptrdiff_t>(octets));
        dataplane::ipv6::set_payload_octets(part.data(),
                                            static_cast<std::uint32_t>(octets) - kIpv6Octets);
        all.push_back(ethernet(0, dataplane::ethertype::kIpv6) + part);
    }
}

/// The frames in one burst on either way.
void expect_same_both_ways(const std::string& config, const std::vector<Frame>& frames,
                           unsigned interface) {
    TwoWays routers(config);
    for (const Frame& frame : frames) {
        routers.arrive(interface, kStart, frame);
    }
    routers.run_until(kStart + 1'000'000, kStart);
    routers.expect_same_sent();
    routers.expect_same_account();
}

TEST(ShortWay, LeavesWhatIsEncapsulatedTwice) {
    const std::string config = with(
        configuration("dscp"), "  flows:\n",
        "  flows:\n  - {id: 51, match: {destination: 10.10.1.7/32}, cycle-size-bits: 40000}\n");
    std::vector<Frame> burst(
        8, ethernet(0, dataplane::ethertype::kIpv4) + ipv4_udp(0x0a0a0107, 0, 40));
    const Frame beneath = ipv6(dataplane::protocol::kUdp, "2001:db8:bad::1", udp());
    const Frame twice =
        ipv6(dataplane::protocol::kIpv6, "fc00:1::d6",
             ipv6(dataplane::protocol::kIpv6, "2001:db8:bad::1", beneath), kTagOfCycle1);
    burst.insert(burst.end(), 56, ethernet(0, dataplane::ethertype::kIpv6) + twice);
    expect_same_both_ways(config, burst, 0);
}

TEST(ShortWay, DoesNotReadIpv4BeneathAnOuterHeaderAsOne) {
    Frame inner = ipv4_udp(0x09000001, 0, 60);
    inner[40] = dataplane::protocol::kIpv4;
    inner[41] = 0;
    const Frame innermost = ipv4_udp(0x41424344, 0, 12);
    std::ranges::copy(innermost, inner.begin() + 48);
    const Frame ethernet_header = ethernet(0, dataplane::ethertype::kIpv6);
    std::vector<Frame> burst(
        40, ethernet_header + ipv6(dataplane::protocol::kIpv4, "fc00:1::46", inner));
    burst.insert(burst.end(), 24,
                 ethernet_header + ipv6(dataplane::protocol::kIpv6, "fc00:1::46",
                                        ipv6(dataplane::protocol::kUdp, "2001:db8:d1::1", udp())));
    expect_same_both_ways(without_flows(configuration("dscp")), burst, 0);
}

TEST(ShortWay, LooksForCompressedSidsWithTheFlavorAlone) {
    std::string config = without_flows(configuration("dscp"));
    config = with(config, "routes:\n",
                  "routes:\n- {prefix: '::/0', next-hops: [{interface: ge1, address: "
                  "'2001:db8:102::2'}]}\n");
    config = with(config, "  local-sids:\n",
                  "  local-sids:\n  - {sid: 'fc00:9::1/128', behavior: End}\n");
    expect_same_both_ways(config,
                          {ethernet(0, dataplane::ethertype::kIpv6) +
                           ipv6(dataplane::protocol::kIcmpv6, "fc00:9::1", udp())},
                          0);
}

TEST(ShortWay, DoesNotTakeTheRoutingHeadersSegmentBeforeTheCompressedOne) {
    std::string config = without_flows(configuration("dscp"));
    config = with(config, "routes:\n",
                  "routes:\n- {prefix: 'fc00:1:15::/48', next-hops: [{interface: ge3, address: "
                  "'2001:db8:104::2'}]}\n");
    config = with(config, "  local-sids:\n",
                  "  local-sids:\n  - {sid: 'fc00:1:0:15::/128', behavior: End, flavors: "
                  "[NEXT-CSID]}\n");
    const Frame routing = routing_header(dataplane::protocol::kUdp, 1, "2001:db8:d1::1");
    expect_same_both_ways(config,
                          {ethernet(0, dataplane::ethertype::kIpv6) +
                           ipv6(dataplane::protocol::kRouting, "fc00:1:0:15::", routing + udp())},
                          0);
}

TEST(ShortWay, LeavesWhatGoesFromBeneathALabelIntoAPolicy) {
    for (const auto& [tagging, color] : {std::pair{"mpls-tc", 2}, std::pair{"dscp", 1}}) {
        const std::string config =
            with(without_flows(configuration(tagging)), "routes:\n",
                 fmt::format("routes:\n- {{prefix: 10.12.0.0/24, sr-policy: {{color: {}, endpoint: "
                             "'2001:db8:9::9'}}}}\n",
                             color));
        expect_same_both_ways(config,
                              {ethernet(3, dataplane::ethertype::kMpls) + label(103, 0, true, 9) +
                               ipv4_udp(0x0a0c0001, 0, 40)},
                              3);
    }
}

TEST(ShortWay, SteersNoFlowWhoseRouteFallsBackOnALocator) {
    std::string config = configuration("dscp");
    config = with(config, "routes:\n",
                  "routes:\n- {prefix: 'fc00:1:0:5::/64', sr-policy: {color: 9, endpoint: "
                  "'2001:db8:9::9'}}\n");
    config = with(config, "sr-policies:\n", R"(sr-policies:
- color: 9
  endpoint: '2001:db8:9::9'
  candidate-paths:
  - {preference: 200, discriminator: 1, segment-lists: [{segments: ['2001:db8:bad::e']}]}
)");
    config = with(config, "  flows:\n", R"(  flows:
  - {id: 51, match: {destination: 'fc00:1:0:5::/64'}, cycle-size-bits: 40000, sr-policy: {color: 1, endpoint: '2001:db8:9::9'}}
)");
    expect_same_both_ways(config,
                          {ethernet(3, dataplane::ethertype::kIpv6) +
                           ipv6(dataplane::protocol::kUdp, "fc00:1:0:5::1", udp())},
                          3);
}

TEST(ShortWay, LeavesABindingLabelOverNextHopsOfWhichSomeHaveNoLabel) {
    std::string config = without_flows(configuration("mpls-tc"));
    config = with(config, "- {interface: ge1, address: 10.0.2.2, ",
                  "- {interface: ge1, address: 10.0.2.2, mna: true, ");
    config = with(config, "  labels:\n", R"(  labels:
  - {label: 112, operation: pop, next-hops: [{interface: ge1, address: 10.0.2.2}, {interface: ge1, address: 10.0.2.2, weight: 50, labels: [211]}]}
)");
    config = with(config, "sr-policies:\n", R"(sr-policies:
- color: 4
  endpoint: '2001:db8:9::9'
  binding-sid: 602
  candidate-paths:
  - {preference: 200, nrp: 6, discriminator: 1, segment-lists: [{segments: [112]}]}
)");
    expect_same_both_ways(config,
                          {ethernet(0, dataplane::ethertype::kMpls) + label(602, 1, true, 9) +
                           ipv4_udp(0x0a0c0001, 0, 40)},
                          0);
}

/// 0xffff is as good a checksum as 0 (RFC 1624, 3), and stays where no field of the header changes.
TEST(ShortWay, LeavesTheChecksumOfAHeaderThatStaysAsItIs) {
    Frame ip = ipv4_udp(0x0a0a0101, 0, 40, 9, 0);
    const std::uint16_t checksum = dataplane::load16(&ip[10]);
    dataplane::store16(&ip[4], checksum);  // as identification: the other words add up to 0xffff
    dataplane::store16(&ip[10], 0xffff);
    const std::string config = without_flows(configuration("mpls-tc"));
    expect_same_both_ways(
        config, {ethernet(3, dataplane::ethertype::kMpls) + label(102, 0, true, 64) + ip}, 3);
}

TEST(ShortWay, ReadsNothingBeyondAPacketAtASid) {
    std::string config = without_flows(configuration("dscp"));
    config = with(config, "binding-sid: 'fc00:1::b1'", "binding-sid: 'fc00:9::b1'");
    config = with(config, "  local-sids:\n", R"(  local-sids:
  - {sid: 'fc00:1::d7/128', behavior: End.DT46, table: blue}
  - {sid: 'fc00:1::72/128', behavior: End.T, flavors: [PSP], table: blue}
)");
    config = with(config, "routes:\n", R"(routes:
- {prefix: 10.10.0.0/20, table: blue, next-hops: [{interface: ge1, address: 10.0.2.2}]}
- {prefix: '2001:db8::/32', table: blue, next-hops: [{interface: ge3, address: '2001:db8:104::2'}]}
)");
    using namespace dataplane::protocol;
    std::vector<Frame> frames;
    for (const char* sid : {"fc00:1::46", "fc00:1::d7", "fc00:1::c4", "fc00:1::c6", "fc00:1::72",
                            "fc00:1::71", "fc00:9::b1"}) {
        for (const auto& [next, beneath] :
             {std::pair{kIpv4, ipv4_udp(0x0a0a0107, 0, 20)},
              std::pair{kIpv6, ipv6(kUdp, "2001:db8:d1::1", udp())}}) {
            for (const std::uint8_t marks : {std::uint8_t{0}, kTagOfCycle1}) {
                add_beginnings_of(ipv6(next, sid, beneath, marks), frames);
                for (const unsigned left : {0U, 1U, 2U}) {
                    const Frame routing = routing_header(next, left, "2001:db8:d1::1");
                    add_beginnings_of(ipv6(kRouting, sid, routing + beneath, marks), frames);
                }
            }
        }
    }
    expect_same_whatever_lies_beyond(config, frames);
}

/// Behind a stack: a control word or none, and IP or nothing; and a part of a control word.
void add_what_may_follow(const Frame& stack, std::vector<Frame>& frames) {
    for (const std::uint32_t value : {0U, 1U, 0xffffU, 0x10000U, 0xfffffffU, 0x10000000U}) {
        Frame word;
        append32(word, value);
        for (const Frame& beneath : {Frame{}, ipv4_udp(0x0a0a0107, 0, 40, 9),
                                     ipv6(dataplane::protocol::kUdp, "2001:db8:d1::1", udp())}) {
            frames.push_back(stack + word + beneath);
            frames.push_back(stack + beneath);
        }
        for (; !word.empty(); word.pop_back()) {
            frames.push_back(stack + word);
        }
    }
}

/// Of the router's own, the last one of a DetNet service or not; up to what fills a frame.
TEST(ShortWay, ReadsNothingBeyondAStackOfItsOwnLabels) {
    const std::string config =
        with(without_flows(configuration("mpls-tc")), "  labels:\n", R"(  labels:
  - {label: 116, operation: detnet-pop, sequence-bits: 0}
  - {label: 117, operation: detnet-pop, sequence-bits: 16}
  - {label: 118, operation: detnet-pop, sequence-bits: 28}
)");
    std::vector<Frame> frames;
    for (const unsigned above : {0U, 1U, 11U, 12U, 13U}) {
        Frame stack = ethernet(0, dataplane::ethertype::kMpls);
        for (unsigned i = 0; i < above; ++i) {
            stack = stack + label(103, 1, false, static_cast<std::uint8_t>(20 - i % 3));
        }
        for (const std::uint32_t last : {103, 116, 117, 118, 102, 999}) {
            add_what_may_follow(stack + label(last, 1, true, 30), frames);
            add_what_may_follow(stack + label(last, 1, false, 30), frames);
        }
    }
    expect_same_whatever_lies_beyond(config, frames);
    expect_same_whatever_lies_beyond(with(config, "mpls:\n", "mpls:\n  ttl-model: short-pipe\n"),
                                     frames);
}

}  // namespace
}  // namespace tcqf::test
