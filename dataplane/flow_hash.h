// Hashes that packets of one flow have in common: what they are spread over several next hops or
// segment lists by, and what the flow label of an outer header comes from.
//
// Over addresses, IPv6 flow label, protocol and ports; never over marks or options (RFC 6438). All
// 32 bits of a hash are equally good. Routers have different seeds, else every tier of a network
// would choose alike and leave paths unused.
#pragma once

#include <cstdint>

#include "dataplane/upper_layer.h"

namespace tcqf::dataplane {

/// `octets`: of the packet, from its IP header on.
std::uint32_t ipv4_hash(const std::uint8_t* ip, std::uint32_t octets, std::uint32_t seed);
std::uint32_t ipv6_hash(const std::uint8_t* ip, const UpperLayer& upper, std::uint32_t seed);
/// Of a stack that has a bottom: its entropy label where there is one (RFC 6790), else the labels
/// that are not reserved and the flow of an IP packet beneath them. `octets`: with all that lies
/// beneath the stack.
std::uint32_t label_hash(const std::uint8_t* stack, std::uint32_t octets, std::uint32_t seed);
/// Of a DetNet flow, whatever its packets look like.
std::uint32_t flow_id_hash(std::uint32_t id, std::uint32_t seed);
/// A seed for the router of a name.
std::uint32_t seed_of(const char* name, std::size_t octets);

/// The flow label of an outer header: never 0, which says that there is none (RFC 6437, 3).
inline std::uint32_t flow_label_of(std::uint32_t hash) {
    const std::uint32_t folded = (hash ^ hash >> 20) & 0xfffff;
    return folded != 0 ? folded : 1;
}

}  // namespace tcqf::dataplane
