// Wire formats: the few loads, stores and checksums that forwarding needs. Everything is network
// order in the packet and host order in variables; addresses need no alignment.
#pragma once

#include <cstdint>
#include <cstring>

#include "tcqf/wire.h"

namespace tcqf::dataplane {

inline std::uint16_t load16(const std::uint8_t* p) {
    std::uint16_t value;
    std::memcpy(&value, p, sizeof value);
    return __builtin_bswap16(value);
}
inline std::uint32_t load32(const std::uint8_t* p) {
    std::uint32_t value;
    std::memcpy(&value, p, sizeof value);
    return __builtin_bswap32(value);
}
inline std::uint64_t load64(const std::uint8_t* p) {
    std::uint64_t value;
    std::memcpy(&value, p, sizeof value);
    return __builtin_bswap64(value);
}
inline void store16(std::uint8_t* p, std::uint16_t value) {
    value = __builtin_bswap16(value);
    std::memcpy(p, &value, sizeof value);
}
inline void store32(std::uint8_t* p, std::uint32_t value) {
    value = __builtin_bswap32(value);
    std::memcpy(p, &value, sizeof value);
}
inline void store64(std::uint8_t* p, std::uint64_t value) {
    value = __builtin_bswap64(value);
    std::memcpy(p, &value, sizeof value);
}

inline constexpr std::uint32_t kLabelOctets = 4;
inline constexpr std::uint32_t kControlWordOctets = 4;  ///< DetNet (RFC 8964)

namespace ethertype {
inline constexpr std::uint16_t kIpv4 = 0x0800;
inline constexpr std::uint16_t kIpv6 = 0x86dd;
inline constexpr std::uint16_t kMpls = 0x8847;
inline constexpr std::uint16_t kVlan = 0x8100;
inline constexpr std::uint16_t kServiceVlan = 0x88a8;
}  // namespace ethertype

namespace protocol {
inline constexpr std::uint8_t kHopByHop = 0;
inline constexpr std::uint8_t kIcmp = 1;
inline constexpr std::uint8_t kIpv4 = 4;
inline constexpr std::uint8_t kTcp = 6;
inline constexpr std::uint8_t kUdp = 17;
inline constexpr std::uint8_t kIpv6 = 41;
inline constexpr std::uint8_t kRouting = 43;
inline constexpr std::uint8_t kFragment = 44;
inline constexpr std::uint8_t kEsp = 50;
inline constexpr std::uint8_t kAh = 51;
inline constexpr std::uint8_t kIcmpv6 = 58;
inline constexpr std::uint8_t kDestination = 60;
}  // namespace protocol

/// Internet checksum (RFC 1071) of `octets` bytes on top of `sum`, not yet folded.
inline std::uint32_t checksum_add(const std::uint8_t* p, std::uint32_t octets,
                                  std::uint32_t sum = 0) {
    for (; octets >= 2; octets -= 2, p += 2) {
        sum += load16(p);
    }
    return octets != 0 ? sum + (std::uint32_t{*p} << 8) : sum;
}
inline std::uint16_t checksum_fold(std::uint32_t sum) {
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum + (sum >> 16));
}
inline std::uint16_t checksum_finish(std::uint32_t sum) {
    return static_cast<std::uint16_t>(~checksum_fold(sum));
}

/// IPv4 header fields (RFC 791).
namespace ipv4 {
inline std::uint32_t header_octets(const std::uint8_t* ip) {
    return (ip[0] & 0x0fu) * 4;
}
inline std::uint16_t total_octets(const std::uint8_t* ip) {
    return load16(ip + 2);
}
inline std::uint8_t ttl(const std::uint8_t* ip) {
    return ip[8];
}
inline std::uint8_t next(const std::uint8_t* ip) {
    return ip[9];
}
inline std::uint32_t source(const std::uint8_t* ip) {
    return load32(ip + 12);
}
inline std::uint32_t destination(const std::uint8_t* ip) {
    return load32(ip + 16);
}
inline std::uint16_t fragment_field(const std::uint8_t* ip) {
    return load16(ip + 6);
}
inline constexpr std::uint16_t kDontFragment = 0x4000;
inline constexpr std::uint16_t kMoreFragments = 0x2000;
inline constexpr std::uint16_t kOffsetMask = 0x1fff;

/// Replaces one 16-bit word of the header and keeps the checksum right (RFC 1624, equation 3). A
/// header that stays the same keeps a checksum of 0xffff, too, which is as good as 0.
inline void replace_word(std::uint8_t* ip, std::uint32_t offset, std::uint16_t value) {
    // Byte order does not matter to the sum.
    const std::uint16_t after = __builtin_bswap16(value);
    std::uint16_t before;
    std::uint16_t checksum;
    std::memcpy(&before, ip + offset, sizeof before);
    if (before == after) {
        return;
    }
    std::memcpy(&checksum, ip + 10, sizeof checksum);
    std::uint32_t sum = (checksum ^ 0xffffu) + (before ^ 0xffffu) + after;
    sum = (sum & 0xffff) + (sum >> 16);
    checksum = static_cast<std::uint16_t>(~(sum + (sum >> 16)));
    std::memcpy(ip + offset, &after, sizeof after);
    std::memcpy(ip + 10, &checksum, sizeof checksum);
}
inline void set_ttl(std::uint8_t* ip, std::uint8_t ttl) {
    replace_word(ip, 8, static_cast<std::uint16_t>(ttl << 8 | ip[9]));
}
inline std::uint8_t dscp(const std::uint8_t* ip) {
    return ip[1] >> 2;
}
/// Writes the DSCP and keeps the ECN bits.
inline void set_dscp(std::uint8_t* ip, std::uint8_t dscp) {
    replace_word(ip, 0, static_cast<std::uint16_t>(ip[0] << 8 | dscp << 2 | (ip[1] & 3)));
}
/// A TTL less by one, which must not be 0, and another DSCP, with one correction of the checksum.
[[gnu::always_inline]] inline void decrement_ttl_and_set_dscp(std::uint8_t* ip, std::uint8_t dscp) {
    const std::uint32_t old_marks = ip[1];
    const std::uint32_t marks = std::uint32_t{dscp} << 2 | (old_marks & 3);
    // What the header's sum grows by is at least -0x1ff: with 0xffff, which is nothing to it, the
    // whole stays above 0.
    std::uint32_t sum = (load16(ip + 10) ^ 0xffffu) + 0xffff + marks - old_marks - 0x100;
    sum = (sum & 0xffff) + (sum >> 16);
    ip[1] = static_cast<std::uint8_t>(marks);
    ip[8] = static_cast<std::uint8_t>(ip[8] - 1);
    store16(ip + 10, static_cast<std::uint16_t>(~(sum + (sum >> 16))));
}
/// Another TTL and DSCP, likewise; or the same ones.
inline void set_ttl_and_dscp(std::uint8_t* ip, std::uint8_t ttl, std::uint8_t dscp) {
    const std::uint32_t old_marks = ip[1];
    const std::uint32_t marks = std::uint32_t{dscp} << 2 | (old_marks & 3);
    if (marks == old_marks && ttl == ip[8]) {
        return;
    }
    std::uint32_t sum = (load16(ip + 10) ^ 0xffffu) + 2 * 0xffff + marks - old_marks +
                        (std::uint32_t{ttl} << 8) - (std::uint32_t{ip[8]} << 8);
    sum = (sum & 0xffff) + (sum >> 16);
    ip[1] = static_cast<std::uint8_t>(marks);
    ip[8] = ttl;
    store16(ip + 10, static_cast<std::uint16_t>(~(sum + (sum >> 16))));
}
/// Whether a header without options has the right checksum.
inline bool short_checksum_right(const std::uint8_t* ip) {
    std::uint64_t words[2];
    std::uint32_t last;
    std::memcpy(words, ip, sizeof words);  // byte order does not matter to the sum
    std::memcpy(&last, ip + sizeof words, sizeof last);
    std::uint64_t sum = words[0] + words[1];
    sum += sum < words[0] ? 1 : 0;
    sum += last;
    sum += sum < last ? 1 : 0;
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff;
}
/// Whether a header of at least 20 octets has the right checksum.
inline bool checksum_right(const std::uint8_t* ip) {
    if (header_octets(ip) == kIpv4Octets) [[likely]] {
        return short_checksum_right(ip);
    }
    return checksum_fold(checksum_add(ip, header_octets(ip))) == 0xffff;
}
inline bool is_group(std::uint32_t address) {
    return address >> 28 == 0xe || address == 0xffffffff;
}
/// This network and loopback: on no wire, as source or as destination (RFC 1812, 5.3.7).
inline bool is_host_internal(std::uint32_t address) {
    return address >> 24 == 0 || address >> 24 == 127;
}
/// What a host can send with, and be sent to from afar.
inline bool is_unicast(std::uint32_t address) {
    const std::uint32_t network = address >> 24;  // 1 to 223 without 127
    return network - 1 < 0xe0 - 1 && network != 127;
}
/// Never forwarded; groups as destinations are another matter.
inline bool is_martian(std::uint32_t source, std::uint32_t destination) {
    return !is_unicast(source) || is_host_internal(destination);
}
inline void write_checksum(std::uint8_t* ip) {
    store16(ip + 10, 0);
    store16(ip + 10, checksum_finish(checksum_add(ip, header_octets(ip))));
}
}  // namespace ipv4

/// IPv6 header fields (RFC 8200, 3).
namespace ipv6 {
inline constexpr std::uint16_t kNextAt = 6;
inline constexpr std::uint16_t kDestinationAt = 24;

inline std::uint16_t payload_octets(const std::uint8_t* ip) {
    return load16(ip + 4);
}
inline std::uint8_t next(const std::uint8_t* ip) {
    return ip[kNextAt];
}
inline std::uint8_t hop_limit(const std::uint8_t* ip) {
    return ip[7];
}
inline void set_hop_limit(std::uint8_t* ip, std::uint8_t limit) {
    ip[7] = limit;
}
inline const std::uint8_t* source(const std::uint8_t* ip) {
    return ip + 8;
}
inline const std::uint8_t* destination(const std::uint8_t* ip) {
    return ip + kDestinationAt;
}
/// `address`: 16 octets elsewhere.
inline void set_destination(std::uint8_t* ip, const std::uint8_t* address) {
    std::memcpy(ip + kDestinationAt, address, 16);
}
inline void set_payload_octets(std::uint8_t* ip, std::uint32_t octets) {
    store16(ip + 4, static_cast<std::uint16_t>(octets));
}
inline std::uint32_t flow_label(const std::uint8_t* ip) {
    return load32(ip) & 0xfffff;
}
inline std::uint8_t traffic_class(const std::uint8_t* ip) {
    return static_cast<std::uint8_t>(load16(ip) >> 4);
}
inline std::uint8_t dscp(const std::uint8_t* ip) {
    return traffic_class(ip) >> 2;
}
inline void set_dscp(std::uint8_t* ip, std::uint8_t dscp) {
    store16(ip, static_cast<std::uint16_t>((load16(ip) & 0xf03f) | dscp << 6));
}
inline bool is_multicast(const std::uint8_t* address) {
    return address[0] == 0xff;
}
inline bool is_link_local(const std::uint8_t* address) {
    return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}
inline bool is_unspecified(const std::uint8_t* address) {
    std::uint64_t words[2];
    std::memcpy(words, address, sizeof words);
    return (words[0] | words[1]) == 0;
}
inline bool is_loopback(const std::uint8_t* address) {
    std::uint64_t words[2];
    std::memcpy(words, address, sizeof words);
    return words[0] == 0 && words[1] == __builtin_bswap64(1);
}
/// What a host can send beyond its link with, and be sent to from afar (RFC 4291, 2.5): neither
/// unspecified nor loopback, of a link (fe80::/10) or of a group (ff00::/8).
[[gnu::always_inline]] inline bool is_routable(const std::uint8_t* address) {
    if (address[0] - 1u < 0xfe - 1u) [[likely]] {  // between 100:: and fdff::
        return true;
    }
    return address[0] == 0 ? !is_unspecified(address) && !is_loopback(address)
                           : address[0] == 0xfe && !is_link_local(address);
}
/// Never forwarded; groups and links as destinations are another matter.
inline bool is_martian(const std::uint8_t* source, const std::uint8_t* destination) {
    return !is_routable(source) || is_loopback(destination) || is_unspecified(destination);
}
}  // namespace ipv6

/// Label stack entries (RFC 3032, 2.1): label 20 | TC 3 | S 1 | TTL 8.
namespace mpls {
inline constexpr std::uint32_t kExplicitNullIpv4 = 0;
inline constexpr std::uint32_t kRouterAlert = 1;
inline constexpr std::uint32_t kExplicitNullIpv6 = 2;
inline constexpr std::uint32_t kImplicitNull = 3;
inline constexpr std::uint32_t kEntropyIndicator = 7;
inline constexpr std::uint32_t kFirstUnreserved = 16;
inline constexpr std::uint32_t kMarks = 0xeff;   ///< TC and TTL of an entry
inline constexpr std::uint32_t kBottom = 0x100;  ///< S

inline std::uint32_t label(std::uint32_t entry) {
    return entry >> 12;
}
inline std::uint8_t tc(std::uint32_t entry) {
    return entry >> 9 & 7;
}
inline bool bottom(std::uint32_t entry) {
    return (entry & kBottom) != 0;
}
inline std::uint8_t ttl(std::uint32_t entry) {
    return static_cast<std::uint8_t>(entry);
}
inline std::uint32_t entry(std::uint32_t label, std::uint8_t tc, bool bottom, std::uint8_t ttl) {
    return label << 12 | std::uint32_t{tc} << 9 | (bottom ? kBottom : 0u) | ttl;
}
/// The entry behind a hop: another label and traffic class, and of its TTL, which is not 0, one
/// less.
constexpr std::uint32_t swapped(std::uint32_t entry, std::uint32_t label, std::uint8_t tc) {
    return label << 12 | std::uint32_t{tc} << 9 | ((entry & 0x1ff) - 1);
}
/// The TC lies in the third octet of an entry.
inline void set_tc(std::uint8_t* entry, std::uint8_t tc) {
    entry[2] = static_cast<std::uint8_t>((entry[2] & 0xf1) | tc << 1);
}
/// Length of a stack that is known to have a bottom.
inline std::uint32_t stack_octets(const std::uint8_t* top) {
    std::uint32_t octets = kLabelOctets;
    while (!bottom(load32(top + octets - kLabelOctets))) {
        octets += kLabelOctets;
    }
    return octets;
}
}  // namespace mpls

}  // namespace tcqf::dataplane
