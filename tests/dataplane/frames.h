// Frames for tests, written out octet by octet where it matters.
#pragma once

#include <cstdint>
#include <vector>

#include "config/address.h"
#include "dataplane/headers.h"

namespace tcqf::test {

using Frame = std::vector<std::uint8_t>;

inline void append16(Frame& frame, std::uint16_t value) {
    frame.push_back(static_cast<std::uint8_t>(value >> 8));
    frame.push_back(static_cast<std::uint8_t>(value));
}
inline void append32(Frame& frame, std::uint32_t value) {
    append16(frame, static_cast<std::uint16_t>(value >> 16));
    append16(frame, static_cast<std::uint16_t>(value));
}

/// Ethernet from a neighbour to interface `interface` (0, 1, ...) of the router under test.
inline Frame ethernet(unsigned interface, std::uint16_t type) {
    const auto port = static_cast<std::uint8_t>(interface + 1);
    Frame frame = {2, 0, 0, 0, port, 1, 2, 0, 0, 0, port, 2};
    append16(frame, type);
    return frame;
}

/// IPv4 and UDP from 10.3.0.9:4000 to `destination`:5000 with `payload` octets of data.
inline Frame ipv4_udp(std::uint32_t destination, std::uint8_t dscp, std::uint16_t payload,
                      std::uint8_t ttl = 64, std::uint16_t identification = 1) {
    Frame ip = {0x45, static_cast<std::uint8_t>(dscp << 2)};
    append16(ip, static_cast<std::uint16_t>(28 + payload));
    append16(ip, identification);
    append16(ip, 0);
    ip.push_back(ttl);
    ip.push_back(dataplane::protocol::kUdp);
    append16(ip, 0);
    append32(ip, 0x0a030009);
    append32(ip, destination);
    dataplane::ipv4::write_checksum(ip.data());
    append16(ip, 4000);
    append16(ip, 5000);
    append16(ip, static_cast<std::uint16_t>(8 + payload));
    append16(ip, 0);
    for (unsigned i = 0; i < payload; ++i) {
        ip.push_back(static_cast<std::uint8_t>(i * 7));
    }
    return ip;
}

inline Frame operator+(Frame left, const Frame& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

inline Frame label(std::uint32_t value, std::uint8_t tc, bool bottom, std::uint8_t ttl) {
    Frame entry;
    append32(entry, dataplane::mpls::entry(value, tc, bottom, ttl));
    return entry;
}

/// IPv6 to a SID of ours with one more segment, `left` of two left.
inline Frame to_sid(const char* destination, std::uint8_t left) {
    Frame frame = ethernet(3, dataplane::ethertype::kIpv6);
    append32(frame, 6u << 28);
    append16(frame, 24 + 8);
    frame.push_back(dataplane::protocol::kRouting);
    frame.push_back(64);
    const auto append = [&frame](const char* address) {
        const auto octets = config::IpAddress::parse(address)->octets;
        frame.insert(frame.end(), octets.begin(), octets.end());
    };
    append("2001:db8:3::9");
    append(destination);
    frame = frame + Frame{dataplane::protocol::kUdp, 2, 4, left, 0, 0, 0, 0};
    append("2001:db8:d1::7");
    append16(frame, 4000);
    append16(frame, 5000);
    append16(frame, 8);
    append16(frame, 0);
    return frame;
}

}  // namespace tcqf::test
