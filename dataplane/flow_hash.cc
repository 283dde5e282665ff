#include "dataplane/flow_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace tcqf::dataplane {
namespace {

std::uint32_t hash(const void* data, std::size_t octets, std::uint32_t seed) {
    return static_cast<std::uint32_t>(XXH3_64bits_withSeed(data, octets, seed));
}

/// The fragments of a packet stay together: none of them is hashed by its ports.
std::uint32_t ports_of(const UpperLayer& upper) {
    return upper.has_ports() && !upper.is_fragment ? load32(upper.start) : 0;
}

/// Of what lies beneath labels and nobody has checked: its flow where it is IP, else `seed`. A
/// control word is never taken for IP (RFC 4928, 3).
std::uint32_t payload_hash(const std::uint8_t* payload, std::uint32_t octets, std::uint32_t seed) {
    const unsigned version = octets == 0 ? 0 : payload[0] >> 4;
    if (version == 4 && octets >= kIpv4Octets) {
        const std::uint32_t own = std::min<std::uint32_t>(octets, ipv4::total_octets(payload));
        const std::uint32_t header = ipv4::header_octets(payload);
        return header >= kIpv4Octets && header <= own ? ipv4_hash(payload, own, seed) : seed;
    }
    if (version == 6 && octets >= kIpv6Octets) {
        const std::uint32_t own =
            std::min<std::uint32_t>(octets, kIpv6Octets + ipv6::payload_octets(payload));
        ExtensionHeaders found;
        return walk_extension_headers({payload, own}, config::CodePoints{}, found)
                   ? ipv6_hash(payload, upper_of_ipv6(payload, own, found), seed)
                   : seed;
    }
    return seed;
}

}  // namespace

std::uint32_t ipv4_hash(const std::uint8_t* ip, std::uint32_t octets, std::uint32_t seed) {
    const UpperLayer upper = upper_of_ipv4(ip, octets);
    // Stored as wide as the hash function reads: it would have to wait for halves.
    const std::array<std::uint64_t, 2> words = {
        ipv4::source(ip) | std::uint64_t{ipv4::destination(ip)} << 32,
        upper.protocol | std::uint64_t{ports_of(upper)} << 32};
    return hash(words.data(), sizeof words, seed);
}

std::uint32_t ipv6_hash(const std::uint8_t* ip, const UpperLayer& upper, std::uint32_t seed) {
    std::array<std::uint32_t, 11> words;
    std::memcpy(words.data(), ipv6::source(ip), 32);
    words[8] = ipv6::flow_label(ip);
    words[9] = upper.protocol;
    words[10] = ports_of(upper);
    return hash(words.data(), sizeof words, seed);
}

std::uint32_t label_hash(const std::uint8_t* stack, std::uint32_t octets, std::uint32_t seed) {
    std::uint32_t value = seed;
    std::uint32_t entry = 0;
    const std::uint8_t* at = stack;
    for (; !mpls::bottom(entry); at += kLabelOctets) {
        entry = load32(at);
        if (mpls::label(entry) == mpls::kEntropyIndicator && !mpls::bottom(entry)) {
            return flow_id_hash(mpls::label(load32(at + kLabelOctets)), seed);
        }
        if (mpls::label(entry) >= mpls::kFirstUnreserved) {
            value = flow_id_hash(mpls::label(entry), value);
        }
    }
    return payload_hash(at, octets - static_cast<std::uint32_t>(at - stack), value);
}

std::uint32_t flow_id_hash(std::uint32_t id, std::uint32_t seed) {
    return hash(&id, sizeof id, seed);
}

std::uint32_t seed_of(const char* name, std::size_t octets) {
    return hash(name, octets, 0);
}

}  // namespace tcqf::dataplane
