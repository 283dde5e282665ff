// What configurations and frames by chance agree on: so few prefixes, addresses, SIDs and labels
// that they meet.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <vector>

#include "config/address.h"
#include "tests/dataplane/random_frames.h"

namespace tcqf::test {

/// Every prefix of a route, of each of which there are addresses in frame_targets(): of different
/// lengths in one another, some up to the last address, some also connected, own or SIDs.
inline const std::vector<std::string>& route_prefixes() {
    static const std::vector<std::string> prefixes = {"0.0.0.0/0",
                                                      "0.0.0.0/1",
                                                      "128.0.0.0/1",
                                                      "192.0.0.0/2",
                                                      "208.0.0.0/4",
                                                      "10.0.0.0/8",
                                                      "10.10.0.0/16",
                                                      "10.10.0.0/24",
                                                      "10.10.1.0/24",
                                                      "10.10.1.128/25",
                                                      "10.10.1.1/32",
                                                      "10.10.1.2/32",
                                                      "10.10.2.0/23",
                                                      "10.0.0.0/16",
                                                      "10.0.2.0/24",
                                                      "10.0.2.0/23",
                                                      "10.0.2.2/32",
                                                      "10.0.2.1/32",
                                                      "10.3.0.0/16",
                                                      "10.3.0.0/30",
                                                      "::/0",
                                                      "::/1",
                                                      "8000::/1",
                                                      "2000::/3",
                                                      "2001:db8::/32",
                                                      "2001:db8:d0::/44",
                                                      "2001:db8:d0::/48",
                                                      "2001:db8:d1::/48",
                                                      "2001:db8:d1::/64",
                                                      "2001:db8:d1::/125",
                                                      "2001:db8:d1::1/128",
                                                      "2001:db8:d1::2/128",
                                                      "2001:db8:102::/64",
                                                      "2001:db8:102::/47",
                                                      "2001:db8:102::2/128",
                                                      "2001:db8:102::1/128",
                                                      "2001:db8:3::/48",
                                                      "fc00::/16",
                                                      "fc00:1::/48",
                                                      "fc00:1::/64",
                                                      "fc00:1::b1/128",
                                                      "fc00:1::4/126",
                                                      "fc00:8::/32",
                                                      "fc00:8:1::/48",
                                                      "fc00:7::/32"};
    return prefixes;
}

/// Addresses that packets are for: the first and the last of each prefix, those beside them, and
/// those of SIDs and neighbours.
inline FrameTargets frame_targets() {
    FrameTargets targets;
    targets.mostly_bare = true;
    targets.damaged_one_in = 40;
    const auto add = [&targets](const config::IpAddress& address) {
        (address.is_ipv6 ? targets.ipv6 : targets.ipv4).push_back(address);
    };
    const auto step = [](config::IpAddress address, int by) {
        for (int octet = address.bits() / 8 - 1; octet >= 0; --octet) {
            const int sum = address.octets[static_cast<std::size_t>(octet)] + by;
            address.octets[static_cast<std::size_t>(octet)] = static_cast<std::uint8_t>(sum);
            if (sum >= 0 && sum < 256) {
                break;
            }
        }
        return address;
    };
    for (const std::string& text : route_prefixes()) {
        const config::IpPrefix prefix = config::IpPrefix::parse(text).value();
        config::IpAddress last = prefix.network().address;
        for (unsigned bit = prefix.length; bit < last.bits(); ++bit) {
            last.octets[bit / 8] |= static_cast<std::uint8_t>(0x80 >> bit % 8);
        }
        for (const config::IpAddress& edge : {prefix.address, last, step(prefix.address, -1),
                                              step(last, 1), step(prefix.address, 1)}) {
            add(edge);
        }
    }
    for (unsigned i = 0; i < 4; ++i) {
        for (const char* host : {"1", "2", "3", "129", "130", "200"}) {
            add(*config::IpAddress::parse(fmt::format("10.0.{}.{}", i + 1, host)));
            add(*config::IpAddress::parse(fmt::format("2001:db8:10{}::{}", i + 1, host)));
        }
    }
    std::vector<config::IpAddress> sids =
        addresses({"fc00:8:1::", "fc00:8:1:e1::", "fc00:8:1:2::", "fc00:8:2::", "fc00:8:2:1::"});
    for (unsigned i = 0; i < 6; ++i) {
        for (const char* locator : {"fc00:1::", "fc00:7::"}) {
            sids.push_back(*config::IpAddress::parse(fmt::format("{}{}", locator, i)));
            sids.push_back(*config::IpAddress::parse(fmt::format("{}b{}", locator, i)));
        }
    }
    for (unsigned again = 0; again < 3; ++again) {
        targets.ipv6.insert(targets.ipv6.end(), sids.begin(), sids.end());
    }
    targets.segments = targets.ipv6;
    for (std::uint32_t label = 100; label < 108; ++label) {
        targets.labels.insert(targets.labels.end(), {label, label, label + 500});
    }
    targets.labels.insert(targets.labels.end(), {0, 2, 4, 7, 999});
    return targets;
}

}  // namespace tcqf::test
