// Steering into SR policies: labels pushed, or an outer IPv6 header put in front (RFC 8986, 5;
// RFC 9256), with the selector of the policy's partition (draft-jiang-spring-sr-policy-nrp-05).

#include <algorithm>
#include <cstring>

#include "dataplane/forwarder.h"
#include "dataplane/headers.h"

namespace tcqf::dataplane {
namespace {

constexpr std::uint8_t kHopLimit = 64;  // of outer headers (RFC 2473, 6.3)
constexpr std::uint8_t kTcqfOptionOctets = 4;
constexpr std::uint8_t kStrictFlag = 0x80;

/// What an encapsulation consists of, and how long it is.
struct Outer {
    bool tcqf_hop_by_hop = false;
    bool tcqf_destination = false;
    bool nrp = false;
    unsigned listed_segments = 0;  // in the routing header; 0: there is none

    std::uint32_t hop_by_hop_octets() const {
        const std::uint32_t options =
            (tcqf_hop_by_hop ? kTcqfOptionOctets : 0u) + (nrp ? kNrpOptionOctets : 0u);
        return options == 0 ? 0 : (2 + options + 7) / 8 * 8;
    }
    std::uint32_t destination_octets() const { return tcqf_destination ? 8 : 0; }
    std::uint32_t routing_octets() const {
        return listed_segments == 0 ? 0 : 8 + 16 * listed_segments;
    }
    std::uint32_t octets() const {
        return kIpv6Octets + hop_by_hop_octets() + destination_octets() + routing_octets();
    }
};

/// Fills [at, end) with PadN or Pad1.
void pad(std::uint8_t* at, std::uint8_t* end) {
    if (end - at == 1) {
        *at = 0;
    } else if (end > at) {
        std::memset(at, 0, static_cast<std::size_t>(end - at));
        at[0] = 1;
        at[1] = static_cast<std::uint8_t>(end - at - 2);
    }
}

std::uint8_t* write_tcqf_option(std::uint8_t* at, const config::CodePoints& code_points) {
    at[0] = code_points.tcqf_option;
    at[1] = 2;
    at[2] = 0;
    at[3] = 0;  // the cycle comes last
    return at + kTcqfOptionOctets;
}

std::uint8_t* write_nrp_option(std::uint8_t* at, const NrpAction& nrp,
                               const config::CodePoints& code_points) {
    at[0] = code_points.nrp_option;
    at[1] = kNrpOptionOctets - 2;
    at[2] = nrp.strict ? kStrictFlag : std::uint8_t{0};
    at[3] = 0;  // context type
    store16(at + 4, 0);
    store32(at + 6, nrp.selector);
    return at + kNrpOptionOctets;
}

std::uint8_t traffic_class(const Packet& packet) {
    return packet.kind == Layer3::ipv4 ? packet.l3[1] : ipv6::traffic_class(packet.l3);
}

}  // namespace

/// Reads the selector that a packet carries. False where it names a partition that this router does
/// not know and asks to be dropped then.
bool Forwarder::accept_partition(Packet& packet) {
    if (packet.kind != Layer3::ipv6 || packet.extensions.nrp_option == 0) [[likely]] {
        return true;
    }
    return read_partition(packet.l3 + packet.extensions.nrp_option, packet.nrp);
}

/// The partition that an NRP option names; `nrp` stays as it is where the option has another layout
/// than the one that this router reads. False where the partition is unknown and the packet asks to
/// be dropped then.
bool Forwarder::read_partition(const std::uint8_t* option, std::uint32_t& nrp) const {
    if (option[1] != kNrpOptionOctets - 2 || option[3] != 0) {
        return true;
    }
    nrp = tables_->find_nrp(load32(option + 6));
    return nrp != kNoNrp || (option[2] & kStrictFlag) == 0;
}

/// Sends a packet along one of a policy's lists; `ttl` is what it has behind this router.
void Forwarder::steer(Packet& packet, const PolicyAction& policy, std::uint8_t ttl) {
    if (!policy.is_valid()) [[unlikely]] {
        return drop(packet, DropReason::policy_invalid);
    }
    const SegmentListAction& list = choose_list(packet, policy);
    packet.nrp = policy.nrp;
    packet.steered = true;
    if (list.is_srv6) {
        return encapsulate(packet, policy, list, ttl);
    }
    send_ip(packet, choose_hop(packet, list.hops), ttl);
}

/// H.Encaps and H.Encaps.Red (RFC 8986, 5.1 and 5.2).
void Forwarder::encapsulate(Packet& packet, const PolicyAction& policy,
                            const SegmentListAction& list, std::uint8_t ttl) {
    const Adjacency& adjacency = choose_hop(packet, list.hops);
    const InterfaceTable& out = tables_->interfaces[adjacency.oif];
    match_flow_into(packet, adjacency.oif);
    if (service_of(packet) != nullptr) [[unlikely]] {
        // S-label and control word go beneath labels (RFC 8964, 4.2), not around an IPv6 header.
        return drop(packet, DropReason::policy_invalid);
    }
    const bool in_cycle = (packet.cycle != 0 && out.domain == packet.in->domain) ||
                          (packet.flow != FlowTable::kNoFlow && out.domain != kNoDomain);
    const bool option = in_cycle && out.tags.tagging() == Tagging::ipv6_option;
    Outer outer;
    outer.tcqf_hop_by_hop = option && out.option_header == config::OptionHeader::hop_by_hop;
    outer.tcqf_destination = option && out.option_header == config::OptionHeader::destination;
    outer.nrp = policy.nrp != kNoNrp &&
                tables_->nrps[policy.nrp].encapsulation == config::NrpEncapsulation::ipv6_option;
    outer.listed_segments = !policy.reduced          ? list.segment_count
                            : list.segment_count > 1 ? list.segment_count - 1u
                                                     : 0;

    const std::uint32_t octets = outer.octets();
    const std::uint32_t room = adjacency.label_count * kLabelOctets + octets;
    if (packet.l3_octets + room > out.mtu) {
        return ip_too_big(packet, adjacency, ttl, out.mtu - std::min(out.mtu, room), &policy);
    }
    if (!make_room(packet, room + kEthernetOctets)) {
        return;
    }
    if (packet.kind == Layer3::ipv4) {
        ipv4::set_ttl(packet.l3, ttl);
    } else {
        ipv6::set_hop_limit(packet.l3, ttl);
    }
    // RFC 6437 and 6438: the label tells the inner flow from others, and is never 0.
    const std::uint32_t hash = hash_of(packet);
    const std::uint32_t flow_label = std::max((hash ^ hash >> 20) & 0xfffff, 1u);
    // A mark that is a tag of the domain that the packet came from says nothing outside it.
    const bool tagged_by_dscp =
        packet.tag == packet.l3 && packet.cycle != 0 && packet.in->tags.tagging() == Tagging::dscp;
    const std::uint8_t marks =
        tagged_by_dscp
            ? static_cast<std::uint8_t>(packet.in->egress_dscp << 2 | (traffic_class(packet) & 3))
            : traffic_class(packet);
    const std::uint8_t inner = packet.kind == Layer3::ipv4 ? protocol::kIpv4 : protocol::kIpv6;

    std::uint8_t* ip = packet.l3 - octets;
    store32(ip, 6u << 28 | std::uint32_t{marks} << 20 | flow_label);
    store16(ip + 4, static_cast<std::uint16_t>(packet.l3_octets + octets - kIpv6Octets));
    ip[7] = kHopLimit;
    std::memcpy(ip + 8, tables_->srv6_source.data(), 16);
    const std::array<std::uint8_t, 16>* segments = list.segments;
    std::memcpy(ip + 24, segments[0].data(), 16);

    std::uint8_t* at = ip + kIpv6Octets;
    std::uint8_t* named_at = ip + 6;
    const auto begin_header = [&](std::uint8_t type, std::uint32_t header_octets) {
        *named_at = type;
        named_at = at;
        at[1] = static_cast<std::uint8_t>(header_octets / 8 - 1);
        return at + header_octets;
    };
    if (outer.hop_by_hop_octets() != 0) {
        std::uint8_t* end = begin_header(protocol::kHopByHop, outer.hop_by_hop_octets());
        std::uint8_t* free = at + 2;
        free = outer.tcqf_hop_by_hop ? write_tcqf_option(free, tables_->code_points) : free;
        free = outer.nrp ? write_nrp_option(free, tables_->nrps[policy.nrp], tables_->code_points)
                         : free;
        pad(free, end);
        at = end;
    }
    if (outer.tcqf_destination) {
        std::uint8_t* end = begin_header(protocol::kDestination, outer.destination_octets());
        pad(write_tcqf_option(at + 2, tables_->code_points), end);
        at = end;
    }
    if (outer.listed_segments != 0) {
        std::uint8_t* end = begin_header(protocol::kRouting, outer.routing_octets());
        at[2] = 4;
        at[3] = static_cast<std::uint8_t>(list.segment_count - 1);
        at[4] = static_cast<std::uint8_t>(outer.listed_segments - 1);
        at[5] = 0;
        store16(at + 6, 0);
        for (unsigned i = 0; i < outer.listed_segments; ++i) {
            std::memcpy(at + 8 + 16 * i, segments[list.segment_count - 1u - i].data(), 16);
        }
        at = end;
    }
    *named_at = inner;

    packet.l3 = ip;
    packet.l3_octets += octets;
    packet.kind = Layer3::ipv6;
    packet.own_option = option;
    packet.steered = false;  // the selector is in its place
    walk_extension_headers({packet.l3, packet.l3_octets}, tables_->code_points, packet.extensions);
    send_ip(packet, adjacency, kHopLimit);
}

}  // namespace tcqf::dataplane
