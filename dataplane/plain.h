// The packets of a burst on the short way, and what is found out about them.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/account.h"
#include "dataplane/adjacency.h"
#include "dataplane/headers.h"
#include "dataplane/outer_header.h"
#include "dataplane/packet.h"
#include "dataplane/port.h"
#include "dataplane/segment_routing_header.h"
#include "dataplane/tables.h"
#include "dataplane/upper_layer.h"

namespace tcqf::dataplane {

/// An Internet header without options and with nothing wrong, of a packet that fills its frame.
inline bool is_plain_ipv4(const std::uint8_t* ip, std::uint32_t octets) {
    return octets >= kIpv4Octets && ip[0] == 0x45 && ipv4::total_octets(ip) == octets &&
           ipv4::ttl(ip) > 1 && ipv4::is_unicast(ipv4::source(ip)) &&
           ipv4::is_unicast(ipv4::destination(ip)) && ipv4::short_checksum_right(ip);
}

inline bool is_plain_ipv6(const std::uint8_t* ip, std::uint32_t octets) {
    return octets >= kIpv6Octets && ip[0] >> 4 == 6 &&
           kIpv6Octets + ipv6::payload_octets(ip) == octets && ipv6::hop_limit(ip) > 1 &&
           ipv6::is_routable(ipv6::source(ip)) && ipv6::is_routable(ipv6::destination(ip));
}

/// What is found out about one packet. Without initialisers: Pathfinder::recognise() fills it.
struct Plain {
    static constexpr std::uint8_t kExposed = UINT8_MAX;
    static constexpr std::uint8_t kRoutingPopped = UINT8_MAX - 1;
    static constexpr std::uint8_t kPenultimate = UINT8_MAX - 2;
    /// The next segment lies in the destination address itself (NEXT-CSID).
    static constexpr std::uint16_t kCompressed = ipv6::kDestinationAt;

    Layer3 kind;  ///< other: something about it is special
    /// That are swapped; or what goes instead: kExposed: all that was above it; kPenultimate: its
    /// last label, for the neighbour (PHP); kRoutingPopped: its routing header (PSP).
    std::uint8_t label_count;
    CycleId cycle;           ///< identifier on the incoming interface; 0: not TCQF
    std::uint8_t ttl_limit;  ///< of the label that has gone, where it counts
    std::uint16_t option;    ///< offset of the option that is the tag; 0: there is none
    std::uint16_t routing;   ///< offset of the routing header; 0: there is none
    std::uint16_t segment;   ///< offset of the one that becomes the destination here; 0: none does
    std::uint32_t octets;    ///< of layer 3
    std::uint32_t nrp;
    std::uint32_t flow;
    std::uint8_t* l3;
    const SidAction* sid;      ///< that its destination is
    const RouteAction* route;  ///< of its destination, or of the segment that becomes it
    union {
        const LabelAction* label;  ///< of the top label
        SidCounter* sid_counter;   ///< where there is a SID
        const LabelStack* stack;   ///< where there is a policy without outer header
    };
    const PolicyAction* policy;  ///< that its flow or route leads into
    const OuterHeader* outer;    ///< of its way through that policy
    const Adjacency* adjacency;  ///< the next hop
};

/// The packets of a burst, and those that are looked up by an address.
struct PlainBurst {
    std::uint64_t own_mac = 0;        ///< of the interface they came in by
    bool inside_srv6_domain = false;  ///< that interface
    std::array<Plain, kReceiveBurst> packets;
    std::array<Plain*, kReceiveBurst> ipv4;
    std::array<std::uint32_t, kReceiveBurst> ipv4_destinations;
    std::array<Plain*, kReceiveBurst> ipv6;
    std::array<Plain*, kReceiveBurst> of_flows;
    unsigned ipv4_count = 0;
    unsigned ipv6_count = 0;
    unsigned of_flows_count = 0;

    void add_ipv4(Plain& plain) {
        plain.kind = Layer3::ipv4;
        ipv4_destinations[ipv4_count] = ipv4::destination(plain.l3);
        ipv4[ipv4_count++] = &plain;
    }
    void add_ipv6(Plain& plain) {
        plain.kind = Layer3::ipv6;
        ipv6[ipv6_count++] = &plain;
    }
    /// To the long way.
    static void leave(Plain& plain) { plain.kind = Layer3::other; }
    /// IP, of whichever kind.
    void add(Plain& plain) { plain.kind == Layer3::ipv4 ? add_ipv4(plain) : add_ipv6(plain); }

    std::span<Plain* const> ipv4_packets() const { return {ipv4.data(), ipv4_count}; }
    std::span<Plain* const> ipv6_packets() const { return {ipv6.data(), ipv6_count}; }
    std::span<Plain* const> packets_of_flows() const { return {of_flows.data(), of_flows_count}; }
};

/// What is behind the headers of an IPv6 packet in the usual layout.
inline UpperLayer upper_of(const Plain& plain) {
    const std::uint8_t* ip = plain.l3;
    std::uint8_t protocol = ipv6::next(ip);
    std::uint32_t offset = kIpv6Octets;
    if (protocol == protocol::kHopByHop) {
        protocol = ip[offset];
        offset += (ip[offset + 1] + 1u) * 8;
    }
    if (plain.routing != 0) {
        protocol = ip[offset];
        offset += srh::octets(ip + offset);
    }
    return {.start = ip + offset, .octets = plain.octets - offset, .protocol = protocol};
}

/// The compressed SID behind the one that a packet's destination is.
inline void next_compressed(const Plain& plain, std::uint8_t* address) {
    srh::next_compressed(ipv6::destination(plain.l3), plain.sid->block_bits, plain.sid->node_bits,
                         address);
}

/// Goes over to what lies beneath `octets` that go. False where it is not plain.
bool go_beneath(Plain& plain, std::uint32_t octets);

}  // namespace tcqf::dataplane
