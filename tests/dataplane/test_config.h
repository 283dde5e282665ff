// Configurations that the tests of the data plane share.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace tcqf::test {

/// The configuration with the first occurrence of a text replaced.
inline std::string with(std::string yaml, const std::string& old_text,
                        const std::string& new_text) {
    const std::size_t at = yaml.find(old_text);
    EXPECT_NE(at, std::string::npos) << old_text;
    return at == std::string::npos ? yaml : yaml.replace(at, old_text.size(), new_text);
}

/// Four interfaces ge0..ge3 at 10 Gbit/s. ge0 and ge1 are in a domain of `cycles` cycles of 100 us
/// with the given tagging (window: cycles - 1 distances), ge2 in one of DSCP with its own tags, ge3
/// in none. A flow of UDP enters at ge3.
inline std::string four_interfaces(const std::string& tagging, unsigned cycles = 4,
                                   const std::string& more = {}) {
    std::string interfaces;
    std::string neighbors;
    std::string routes;
    for (int i = 0; i < 4; ++i) {
        interfaces += fmt::format(
            "- {{name: ge{0}, device: net_null{0}, mac: '02:00:00:00:0{1}:01', "
            "addresses: [10.0.{1}.1/24, '2001:db8:10{1}::1/64']}}\n",
            i, i + 1);
        neighbors += fmt::format(
            "- {{interface: ge{0}, address: 10.0.{1}.2, mac: '02:00:00:00:0{1}:02'}}\n"
            "- {{interface: ge{0}, address: '2001:db8:10{1}::2', mac: '02:00:00:00:0{1}:02'}}\n",
            i, i + 1);
        routes += fmt::format(
            "- {{prefix: 10.10.{0}.0/24, next-hops: [{{interface: ge{0}, address: 10.0.{1}.2}}]}}\n"
            "- {{prefix: '2001:db8:d{0}::/64', next-hops: [{{interface: ge{0}, address: "
            "'2001:db8:10{1}::2'}}]}}\n",
            i, i + 1);
    }
    const bool dscp = tagging.find("dscp") != std::string::npos;
    std::string tags;
    std::string map;
    for (unsigned i = 0; i < cycles; ++i) {
        tags += fmt::format("{}{}", i == 0 ? "" : ", ", dscp ? 4 * i + 3 : i + 1);
        map += fmt::format("{}{}", i == 0 ? "" : ", ", (i + 1) % cycles + 1);
    }
    return fmt::format(
        R"(name: r1
srv6-source: 2001:db8:1::1
interfaces:
{}neighbors:
{}routes:
{}- {{prefix: 10.11.0.0/24, next-hops: [{{interface: ge1, address: 10.0.2.2, labels: [100, 200]}}]}}
- {{prefix: 10.3.0.0/16, next-hops: [{{interface: ge3, address: 10.0.4.2}}]}}
- {{prefix: '2001:db8:3::/48', next-hops: [{{interface: ge3, address: '2001:db8:104::2'}}]}}
mpls:
  labels:
  - {{label: 100, operation: swap, out-labels: [200], next-hops: [{{interface: ge0, address: 10.0.1.2}}]}}
  - {{label: 101, operation: swap, out-labels: [201], next-hops: [{{interface: ge1, address: 10.0.2.2}}]}}
  - {{label: 102, operation: pop, next-hops: [{{interface: ge1, address: 10.0.2.2}}]}}
  - {{label: 103, operation: pop-and-lookup}}
  - {{label: 104, operation: swap, out-labels: [300, 301, 302], next-hops: [{{interface: ge1, address: 10.0.2.2}}]}}
tcqf:
  domains:
  - name: core
    cycles: {}
    cycle-time-us: 100
    interfaces:
    - {{name: ge0, tagging: {}, tags: [{}]}}
    - {{name: ge1, tagging: {}, tags: [{}]}}
    cycle-maps:
    - {{iif: ge0, oif: ge1, map: [{}]}}
    - {{iif: ge1, oif: ge0, map: [{}]}}
  - name: other
    cycles: 3
    cycle-time-us: 50
    interfaces:
    - {{name: ge2, tagging: dscp, tags: [19, 23, 27]}}
detnet:
  flows:
  - id: 17
    match: {{interface: ge3, source: 10.3.0.0/24, protocol: 17}}
    cycle-size-bits: 12000
    traffic-specification: {{interval-ns: 1000000, max-packets-per-interval: 8, max-payload-size: 1200}}
{})",
        interfaces, neighbors, routes, cycles, tagging, tags, tagging, tags, map, map, more);
}

/// SIDs, policies and partitions for four_interfaces(): labels and SRv6 towards ge1 and ge0. Policy
/// 1 is SRv6 with partition 5 (option), policy 2 SR-MPLS with partition 6 (network actions).
inline std::string segment_routing() {
    return R"(srv6:
  locators: ['fc00:1::/48', 'fc00:8:1::/48']
  local-sids:
  - {sid: 'fc00:1::1/128', behavior: End}
  - {sid: 'fc00:1::11/128', behavior: End, flavors: [PSP]}
  - {sid: 'fc00:1::12/128', behavior: End, flavors: [USP, USD]}
  - {sid: 'fc00:1::e1/128', behavior: End.X, next-hops: [{interface: ge1, address: '2001:db8:102::2'}]}
  - {sid: 'fc00:1::71/128', behavior: End.T}
  - {sid: 'fc00:1::d4/128', behavior: End.DT4}
  - {sid: 'fc00:1::d6/128', behavior: End.DT6}
  - {sid: 'fc00:1::46/128', behavior: End.DT46}
  - {sid: 'fc00:1::c4/128', behavior: End.DX4, next-hops: [{interface: ge1, address: 10.0.2.2}]}
  - {sid: 'fc00:1::c6/128', behavior: End.DX6, next-hops: [{interface: ge1, address: '2001:db8:102::2'}]}
  - {sid: 'fc00:1::b6/128', behavior: End.B6.Encaps, policy: {color: 1, endpoint: '2001:db8:9::9'}}
  - {sid: 'fc00:8:1::/48', behavior: End, flavors: [NEXT-CSID]}
nrps:
- {id: 5, name: gold, strict: true, interfaces: [{name: ge1, cycle-bits: 100000, best-effort-rate-mbps: 100}]}
- {id: 6, name: tin, encapsulation: mpls-mna, interfaces: [{name: ge1, cycle-bits: 20000, best-effort-rate-mbps: 50}]}
sr-policies:
- color: 1
  endpoint: '2001:db8:9::9'
  binding-sid: 'fc00:1::b1'
  candidate-paths:
  - {preference: 200, nrp: 5, discriminator: 1, segment-lists: [{segments: ['2001:db8:d1::e', 'fc00:9::d6']}]}
- color: 2
  endpoint: '2001:db8:9::9'
  binding-sid: 600
  candidate-paths:
  - {preference: 200, nrp: 6, discriminator: 1, segment-lists: [{weight: 2, segments: [101, 16009]}, {segments: [101]}]}
)";
}

}  // namespace tcqf::test
