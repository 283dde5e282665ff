// SRv6 endpoint behaviors (RFC 8986, RFC 8754, RFC 9800).

#include <array>
#include <cstring>

#include "dataplane/forwarder.h"
#include "dataplane/headers.h"
#include "dataplane/segment_routing_header.h"

namespace tcqf::dataplane {
namespace {

using config::SidBehavior;

/// A packet that its own list of local SIDs keeps here is stopped after that many.
constexpr unsigned kMaxEndpoints = 32;

/// Whether a behavior ends the outer packet, whatever segments are left.
bool ends_here(SidBehavior behavior) {
    switch (behavior) {
        case SidBehavior::end:
        case SidBehavior::end_x:
        case SidBehavior::end_t:
        case SidBehavior::end_b6_encaps:
        case SidBehavior::end_b6_encaps_red:
            return false;
        case SidBehavior::end_dt4:
        case SidBehavior::end_dt6:
        case SidBehavior::end_dt46:
        case SidBehavior::end_dx4:
        case SidBehavior::end_dx6:
            return true;
    }
    return true;
}

bool takes(const SidAction& sid, Layer3 inner) {
    const bool ipv4 = inner == Layer3::ipv4;
    switch (sid.behavior) {
        case SidBehavior::end_dt4:
        case SidBehavior::end_dx4:
            return ipv4;
        case SidBehavior::end_dt6:
        case SidBehavior::end_dx6:
            return !ipv4;
        case SidBehavior::end_dt46:
            return true;
        case SidBehavior::end:
        case SidBehavior::end_x:
        case SidBehavior::end_t:
            return sid.flavors.usd;
        case SidBehavior::end_b6_encaps:
        case SidBehavior::end_b6_encaps_red:
            break;
    }
    return false;
}

/// Whether all of the upper layer is in this packet: SIDs reassemble nothing (RFC 8200, 4.5).
bool is_whole(const Packet& packet) {
    constexpr std::uint16_t kOffsetOrMore = 0xfff9;
    return packet.extensions.fragment == 0 ||
           (load16(packet.l3 + packet.extensions.fragment + 2) & kOffsetOrMore) == 0;
}

/// Congestion marks where a tunnel ends (RFC 6040, 4.2); false where the packet must be dropped.
bool combine_ecn(std::uint8_t outer, Layer3 kind, std::uint8_t* inner) {
    constexpr std::uint8_t kNotEct = 0;
    constexpr std::uint8_t kEct1 = 1;
    constexpr std::uint8_t kCe = 3;
    const std::uint8_t own = kind == Layer3::ipv4 ? inner[1] & 3 : ipv6::traffic_class(inner) & 3;
    if (own == kNotEct) {
        return outer != kCe;
    }
    if (own == kCe || (outer != kCe && outer != kEct1)) {
        return true;
    }
    if (kind == Layer3::ipv4) {
        ipv4::replace_word(inner, 0,
                           static_cast<std::uint16_t>(inner[0] << 8 | (inner[1] & 0xfc) | outer));
    } else {
        store16(inner, static_cast<std::uint16_t>((load16(inner) & 0xffcf) | outer << 4));
    }
    return true;
}

}  // namespace

/// The destination is a SID of ours. The order of the checks is that of RFC 8986, 4.1.
void Forwarder::endpoint(Packet& packet, const SidAction& sid) {
    if (!tables_->inside_srv6_domain(packet.iif)) {
        return drop(packet, DropReason::untrusted_source);
    }
    if (++packet.endpoints > kMaxEndpoints) {
        return drop(packet, DropReason::ttl_expired);
    }
    if (!accept_partition(packet)) {
        return drop(packet, DropReason::nrp_unknown);
    }
    // The one in the destination address looks at them (RFC 8200, 4.6).
    if (!accept_option(packet, packet.extensions.unknown_destination_option)) {
        return;
    }
    std::uint8_t* routing =
        packet.extensions.routing != 0 ? packet.l3 + packet.extensions.routing : nullptr;
    if (routing != nullptr && srh::type(routing) == srh::kRoutingType && srh::is_for_oam(routing)) {
        oam_copy(packet);
    }
    if (sid.flavors.next_csid && !ends_here(sid.behavior) && next_csid(packet, sid)) {
        return;
    }
    if (routing == nullptr || srh::segments_left(routing) == 0) {
        return upper_layer(packet, sid);
    }
    const std::uint32_t at = packet.extensions.routing;
    if (srh::type(routing) != srh::kRoutingType) {
        icmp_error(packet, IcmpError::bad_field(at + 2));
        return drop(packet, DropReason::malformed);
    }
    if (ends_here(sid.behavior)) {
        icmp_error(packet, IcmpError::bad_field(at + 3));
        return drop(packet, DropReason::malformed);
    }
    if (advance_segment(packet, sid, routing)) {
        forward_from_sid(packet, sid);
    }
}

/// The next compressed SID of the container moves to the front (RFC 9800, 4.1). False where the
/// argument is zero: the container is used up.
bool Forwarder::next_csid(Packet& packet, const SidAction& sid) {
    std::array<std::uint8_t, 16> next;
    if (!srh::next_compressed(ipv6::destination(packet.l3), sid.block_bits, sid.node_bits,
                              next.data())) {
        return false;
    }
    if (ipv6::hop_limit(packet.l3) <= 1) {
        icmp_error(packet, IcmpError::time_exceeded());
        drop(packet, DropReason::ttl_expired);
        return true;
    }
    keep_headers(packet);
    ipv6::set_destination(packet.l3, next.data());
    ipv6::set_hop_limit(packet.l3, static_cast<std::uint8_t>(ipv6::hop_limit(packet.l3) - 1));
    packet.hop_limit_done = true;
    forward_from_sid(packet, sid);
    return true;
}

/// End, S02 to S14: the next segment becomes the destination. False where the packet was dropped.
bool Forwarder::advance_segment(Packet& packet, const SidAction& sid, std::uint8_t* routing) {
    if (ipv6::hop_limit(packet.l3) <= 1) {
        icmp_error(packet, IcmpError::time_exceeded());
        drop(packet, DropReason::ttl_expired);
        return false;
    }
    const int left = srh::segments_left(routing);
    if (!srh::segments_left_right(routing)) {
        icmp_error(packet, IcmpError::bad_field(packet.extensions.routing + 3u));
        drop(packet, DropReason::malformed);
        return false;
    }
    keep_headers(packet);
    ipv6::set_hop_limit(packet.l3, static_cast<std::uint8_t>(ipv6::hop_limit(packet.l3) - 1));
    packet.hop_limit_done = true;
    srh::set_segments_left(routing, static_cast<unsigned>(left - 1));
    ipv6::set_destination(packet.l3, srh::segment(routing, static_cast<unsigned>(left - 1)));
    if (sid.flavors.psp && left == 1) {
        remove_routing_header(packet);
    }
    return true;
}

/// Where a packet goes on whose destination a SID has renewed.
void Forwarder::forward_from_sid(Packet& packet, const SidAction& sid) {
    count_at_sid(sid, packet.l3_octets);
    switch (sid.behavior) {
        case SidBehavior::end_x:
            return send_to_hops(packet, sid.hops);
        case SidBehavior::end_t:
            packet.route_table = sid.table;
            return forward_ip(packet);
        case SidBehavior::end_b6_encaps:
        case SidBehavior::end_b6_encaps_red: {
            if (is_martian(packet)) [[unlikely]] {
                return drop(packet, DropReason::malformed);
            }
            PolicyAction policy = tables_->policies[sid.policy];
            policy.reduced = sid.behavior == SidBehavior::end_b6_encaps_red;
            match_flow(packet);
            return steer(packet, policy, ipv6::hop_limit(packet.l3));
        }
        default:
            return forward_ip(packet);
    }
}

void Forwarder::send_to_hops(Packet& packet, const HopSet& hops) {
    if (!accept_partition(packet)) {
        return drop(packet, DropReason::nrp_unknown);
    }
    const std::uint8_t ttl =
        packet.kind == Layer3::ipv4 ? ipv4::ttl(packet.l3) : ipv6::hop_limit(packet.l3);
    if (ttl <= 1 && !packet.hop_limit_done) {
        icmp_error(packet, IcmpError::time_exceeded());
        return drop(packet, DropReason::ttl_expired);
    }
    if (is_martian(packet)) [[unlikely]] {
        return drop(packet, DropReason::malformed);
    }
    match_flow(packet);
    send_ip(packet, choose_hop(packet, hops),
            static_cast<std::uint8_t>(packet.hop_limit_done ? ttl : ttl - 1));
}

/// No segment is left: what follows decides (RFC 8986, 4.1.1 and 4.4 to 4.8).
void Forwarder::upper_layer(Packet& packet, const SidAction& sid) {
    switch (packet.extensions.upper_protocol) {
        case protocol::kIpv4:
            if (takes(sid, Layer3::ipv4) && is_whole(packet)) {
                return decapsulate(packet, sid, Layer3::ipv4);
            }
            break;
        case protocol::kIpv6:
            if (takes(sid, Layer3::ipv6) && is_whole(packet)) {
                return decapsulate(packet, sid, Layer3::ipv6);
            }
            break;
        case protocol::kIcmpv6:  // ping and traceroute to a SID (RFC 9259, 2.2)
            count_at_sid(sid, packet.l3_octets);
            if (sid.flavors.usp && packet.extensions.routing != 0) {
                remove_routing_header(packet);
            }
            return to_kernel(packet);
        default:
            break;
    }
    icmp_error(packet, IcmpError::upper_layer(packet.extensions.upper));
    drop(packet, DropReason::malformed);
}

/// Takes the outer header and all that belongs to it off, and sends on what was inside.
void Forwarder::decapsulate(Packet& packet, const SidAction& sid, Layer3 inner) {
    const std::uint32_t outer_octets = packet.l3_octets;
    const std::uint8_t outer_ecn = ipv6::traffic_class(packet.l3) & 3;
    const std::uint16_t octets = packet.extensions.upper;
    if (packet.tag != nullptr && packet.tag < packet.l3 + octets) {
        packet.tag = nullptr;
        packet.tag_header_removed = packet.cycle != 0;
    }
    packet.l3 += octets;
    packet.l3_octets -= octets;
    packet.received_l3 = packet.l3;
    packet.came_labelled = false;
    packet.hop_limit_done = false;
    packet.headers_kept = false;
    packet.ttl_limit = 255;
    packet.nrp = kNoNrp;
    if (!(inner == Layer3::ipv4 ? check_ipv4(packet) : check_ipv6(packet))) {
        return;
    }
    if (!combine_ecn(outer_ecn, inner, packet.l3)) {
        return drop(packet, DropReason::malformed);
    }
    count_at_sid(sid, outer_octets);
    if (inner == Layer3::ipv6 && !accept_option(packet, packet.extensions.unknown_option))
        [[unlikely]] {
        return;
    }
    switch (sid.behavior) {
        case SidBehavior::end_dx4:
        case SidBehavior::end_dx6:
        case SidBehavior::end_x:
            return send_to_hops(packet, sid.hops);
        case SidBehavior::end:
            return forward_ip(packet);
        default:
            packet.route_table = sid.table;
            return forward_ip(packet);
    }
}

/// PSP and USP (RFC 8986, 4.16.1 and 4.16.2): what is in front of the header moves over it.
void Forwarder::remove_routing_header(Packet& packet) {
    const std::uint16_t at = packet.extensions.routing;
    const std::uint32_t octets = srh::octets(packet.l3 + at);
    packet.l3[packet.extensions.routing_named_at] = packet.l3[at];
    ipv6::set_payload_octets(packet.l3, ipv6::payload_octets(packet.l3) - octets);
    const bool tag_in_front = packet.tag != nullptr && packet.tag < packet.l3 + at;
    std::memmove(packet.l3 + octets, packet.l3, at);
    packet.l3 += octets;
    packet.l3_octets -= octets;
    packet.received_l3 += octets;
    packet.tag = tag_in_front ? packet.tag + octets : packet.tag;
    packet.tag_header = packet.tag_header == nullptr ? nullptr : packet.l3;
    walk_extension_headers({packet.l3, packet.l3_octets}, tables_->code_points, packet.extensions);
}

/// A copy for OAM before the SID is processed; never answered, rate limited (RFC 9259, 2.1.1).
void Forwarder::oam_copy(Packet& packet) {
    if (!shared_.state_of(packet.iif).oam_bucket.take(packet.now_ns)) {
        return;
    }
    rte_mbuf* mbuf = rte_pktmbuf_copy(packet.mbuf, shared_.options.pool, 0, UINT32_MAX);
    if (mbuf == nullptr || mbuf->nb_segs != 1) {
        rte_pktmbuf_free(mbuf);
        return;
    }
    counters().generated.add(1);
    Packet copy = packet;
    copy.mbuf = mbuf;
    const std::ptrdiff_t at = packet.l3 - rte_pktmbuf_mtod(packet.mbuf, std::uint8_t*);
    copy.l3 = rte_pktmbuf_mtod(mbuf, std::uint8_t*) + at;
    copy.received_l3 = copy.l3;
    copy.tag = packet.tag == nullptr ? nullptr : copy.l3 + (packet.tag - packet.l3);
    copy.tag_header = packet.tag_header == nullptr ? nullptr : copy.l3;
    to_kernel(copy);
}

}  // namespace tcqf::dataplane
