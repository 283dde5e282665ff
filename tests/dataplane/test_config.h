// Configurations that the tests of the data plane share.
#pragma once

#include <fmt/format.h>

#include <string>

namespace tcqf::test {

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

}  // namespace tcqf::test
