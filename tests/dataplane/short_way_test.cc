// What the short way of plain packets must leave to the long way, case by case; express_test.cc
// and random_routers_test.cc compare the two at random.

#include <gtest/gtest.h>

#include <algorithm>

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
    Frame routing = {dataplane::protocol::kUdp, 2, 4, 1, 0, 0, 0, 0};
    const config::IpAddress segment = config::IpAddress::parse("2001:db8:d1::1").value();
    routing.insert(routing.end(), segment.octets.begin(), segment.octets.end());
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

}  // namespace
}  // namespace tcqf::test
