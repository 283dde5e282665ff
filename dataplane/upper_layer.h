// What an IP packet carries behind its headers: what flows are told apart by.
#pragma once

#include <cstdint>

#include "dataplane/extension_headers.h"
#include "dataplane/headers.h"

namespace tcqf::dataplane {

/// Where the upper layer starts and whether its first octets are in this packet.
struct UpperLayer {
    const std::uint8_t* start = nullptr;
    std::uint32_t octets = 0;
    std::uint8_t protocol = 0;
    bool is_fragment = false;
    bool is_first = true;

    bool has_ports() const {
        return is_first && octets >= 4 &&
               (protocol == protocol::kTcp || protocol == protocol::kUdp);
    }
    bool has_spi() const {
        return is_first && (protocol == protocol::kEsp ? octets >= 4
                                                       : protocol == protocol::kAh && octets >= 8);
    }
    std::uint32_t spi() const { return load32(start + (protocol == protocol::kAh ? 4 : 0)); }
};

/// Of what lies beneath labels: of its IP header; 0 where it is not IP.
inline std::uint32_t ip_header_octets(const std::uint8_t* payload, std::uint32_t octets) {
    const unsigned version = octets == 0 ? 0 : payload[0] >> 4;
    return version == 4 ? ipv4::header_octets(payload) : version == 6 ? kIpv6Octets : 0;
}

/// `octets`: of the packet, from its IP header on.
inline UpperLayer upper_of_ipv4(const std::uint8_t* ip, std::uint32_t octets) {
    const std::uint32_t header = ipv4::header_octets(ip);
    const std::uint16_t field = ipv4::fragment_field(ip);
    return {.start = ip + header,
            .octets = octets - header,
            .protocol = ipv4::next(ip),
            .is_fragment = (field & (ipv4::kMoreFragments | ipv4::kOffsetMask)) != 0,
            .is_first = (field & ipv4::kOffsetMask) == 0};
}

/// Without extension headers.
inline UpperLayer upper_of_ipv6(const std::uint8_t* ip, std::uint32_t octets) {
    return {.start = ip + kIpv6Octets, .octets = octets - kIpv6Octets, .protocol = ipv6::next(ip)};
}

inline UpperLayer upper_of_ipv6(const std::uint8_t* ip, std::uint32_t octets,
                                const ExtensionHeaders& extensions) {
    UpperLayer upper{.start = ip + extensions.upper,
                     .octets = octets - extensions.upper,
                     .protocol = extensions.upper_protocol,
                     .is_fragment = extensions.fragment != 0,
                     .is_first = true};
    if (upper.is_fragment) {
        upper.is_first = load16(ip + extensions.fragment + 2) >> 3 == 0;
    }
    return upper;
}

}  // namespace tcqf::dataplane
