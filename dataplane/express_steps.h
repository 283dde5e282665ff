// What the parts of the short way's second half share.
#pragma once

#include <cstring>

#include "dataplane/express.h"
#include "dataplane/headers.h"
#include "dataplane/plain.h"

namespace tcqf::dataplane {

/// Ethernet's, in front of layer 3.
inline void write_addresses(const Adjacency& adjacency, std::uint8_t* l3) {
    std::memcpy(l3 - kEthernetOctets, adjacency.ethernet.data(), adjacency.ethernet.size());
}

/// The tag of the cycle that a TCQF packet gets.
inline std::uint8_t Express::new_tag(const Plain& plain) const {
    return lane_.out->tags.tag_of(lane_.map->oif_cycle(plain.cycle));
}

inline std::uint8_t dscp_of(const Plain& plain) {
    return plain.kind == Layer3::ipv4 ? ipv4::dscp(plain.l3) : ipv6::dscp(plain.l3);
}

inline std::uint8_t ttl_of(const Plain& plain) {
    return plain.kind == Layer3::ipv4 ? ipv4::ttl(plain.l3) : ipv6::hop_limit(plain.l3);
}

inline void set_ttl_and_dscp(const Plain& plain, std::uint8_t ttl, std::uint8_t dscp) {
    if (plain.kind == Layer3::ipv4) {
        return ipv4::set_ttl_and_dscp(plain.l3, ttl, dscp);
    }
    ipv6::set_hop_limit(plain.l3, ttl);
    ipv6::set_dscp(plain.l3, dscp);
}

/// One hop less, and this DSCP. The TTL that is left.
[[gnu::always_inline]] inline std::uint8_t pass_hop(const Plain& plain, std::uint8_t dscp) {
    if (plain.kind == Layer3::ipv4) {
        ipv4::decrement_ttl_and_set_dscp(plain.l3, dscp);
        return ipv4::ttl(plain.l3);
    }
    const auto limit = static_cast<std::uint8_t>(ipv6::hop_limit(plain.l3) - 1);
    ipv6::set_hop_limit(plain.l3, limit);
    ipv6::set_dscp(plain.l3, dscp);
    return limit;
}

/// Whether headers may be put in front of a packet, without moving it.
inline bool Express::has_room(const rte_mbuf* mbuf, const Plain& plain,
                              std::uint32_t octets) const {
    return plain.octets + octets <= lane_.mtu && rte_pktmbuf_headroom(mbuf) >= octets;
}

/// A frame that starts later, with layer 3 at `l3`.
inline void start_at(std::uint8_t* l3, std::uint16_t type, rte_mbuf* mbuf, const Plain& plain) {
    const std::ptrdiff_t octets = l3 - kEthernetOctets - rte_pktmbuf_mtod(mbuf, std::uint8_t*);
    rte_pktmbuf_adj(mbuf, static_cast<std::uint16_t>(octets));
    write_addresses(*plain.adjacency, l3);
    store16(l3 - 2, type);
}

/// A frame that has `octets` more in front of layer 3, to be filled by the caller: where they
/// start.
[[gnu::always_inline]] inline std::uint8_t* put_in_front(rte_mbuf* mbuf, const Plain& plain,
                                                         std::uint32_t octets, std::uint16_t type) {
    rte_pktmbuf_prepend(mbuf, static_cast<std::uint16_t>(octets));
    std::uint8_t* l3 = plain.l3 - octets;
    write_addresses(*plain.adjacency, l3);
    store16(l3 - 2, type);
    return l3;
}

/// The DetNet service that a flow's packet enters (RFC 8964).
inline const config::MplsService* Express::service_of(const Plain& plain) const {
    const FlowProfile& flow = tables_->profile_of(plain.flow);
    return flow.has_service ? &flow.service : nullptr;
}

/// S-label and control word, which gets its number when the packet is accepted. As
/// Forwarder::write_labels().
inline void write_service(const config::MplsService& service, std::uint8_t* at,
                          std::uint32_t marks) {
    store32(at, service.s_label << 12 | marks | mpls::kBottom);
    store32(at + kLabelOctets, 0);
}

/// The segment that becomes the destination at a SID.
[[gnu::always_inline]] inline void next_segment(const Plain& plain) {
    plain.sid_counter->count(plain.octets);
    if (plain.segment == Plain::kCompressed) [[unlikely]] {
        next_compressed(plain, plain.l3 + ipv6::kDestinationAt);
        return;
    }
    std::uint8_t* routing = plain.l3 + plain.routing;
    srh::set_segments_left(routing, srh::segments_left(routing) - 1u);
    ipv6::set_destination(plain.l3, plain.l3 + plain.segment);
}

/// The DSCP of a TCQF packet that goes beneath something else: no tag any more where it was one.
inline std::uint8_t Express::dscp_beneath(const Plain& plain) const {
    return plain.option == 0 ? lane_.in->egress_dscp : dscp_of(plain);
}

/// The option that was a packet's tag, where it was one. As retire_tcqf_options(), of one that has
/// no E flag.
inline void Express::retire_option(const Plain& plain) const {
    if (plain.option != 0) [[unlikely]] {
        std::uint8_t* option = plain.l3 + plain.option;
        option[0] = tables_->code_points.retired_option;
        store16(option + 2, 0);
    }
}

/// What a packet without a cycle has in the field that carries tags of this kind: no tag of the
/// interface that it leaves by and, where it leaves its domain, the domain's mark for its own.
inline std::uint8_t Express::mark_of(const Plain& plain, Tagging tagging, std::uint8_t mark,
                                     std::uint8_t egress_mark) const {
    if (plain.cycle != 0) {
        return lane_.in->tags.tagging() == tagging ? egress_mark : mark;
    }
    return lane_.out->tags.tagging() == tagging ? lane_.out->tags.clean_of(mark) : mark;
}

/// The end of a TCQF packet's short way: `distance` cycles ahead, among its partition's.
[[gnu::always_inline]] inline void Express::join_cycle(rte_mbuf* mbuf, std::uint32_t distance,
                                                       std::uint32_t nrp) {
    if (!lane_.owned) [[unlikely]] {
        return hand_to_cycle(mbuf, lane_.current + distance, nrp);
    }
    const Refusal refusal = lane_.egress->enqueue_in_cycle(
        lane_.current + distance, {mbuf, mbuf->pkt_len}, lane_.shares[nrp]);
    if (refusal != Refusal::none) [[unlikely]] {
        sender_.refuse(lane_.oif, mbuf, refusal);
    }
}

/// The end of another packet's short way, to whoever looks after the interface.
inline void Express::join_queue(rte_mbuf* mbuf, TrafficClass traffic_class, std::uint32_t nrp) {
    const std::uint32_t share = lane_.shares[nrp];
    if (!lane_.owned) {
        return sender_.dispatch(mbuf, {.octets = mbuf->pkt_len,
                                       .share = share,
                                       .version = lane_.out->version,
                                       .oif = lane_.oif,
                                       .traffic_class = traffic_class});
    }
    const Refusal refusal = lane_.egress->enqueue(traffic_class, {mbuf, mbuf->pkt_len}, share);
    if (refusal != Refusal::none) [[unlikely]] {
        sender_.refuse(lane_.oif, mbuf, refusal);
    }
}

/// `keeps_cycle`: whether a TCQF packet may go out of this interface in one.
[[gnu::always_inline]] inline Onward Express::onward(const Plain& plain, bool keeps_cycle) const {
    Onward onward;
    onward.leaves = plain.cycle != 0 && lane_.out->domain == kNoDomain;
    onward.has_cycle = plain.cycle != 0 && !onward.leaves;
    onward.distance = onward.has_cycle && keeps_cycle ? lane_.instant.distance(plain.cycle) : 0;
    return onward;
}

/// `traffic_class`: of a packet that never had a cycle.
[[gnu::always_inline]] inline void Express::join(rte_mbuf* mbuf, const Onward& onward,
                                                 TrafficClass traffic_class, std::uint32_t nrp) {
    if (onward.has_cycle) {
        return join_cycle(mbuf, onward.distance, nrp);
    }
    join_queue(mbuf, onward.leaves ? TrafficClass::left_domain : traffic_class, nrp);
}

}  // namespace tcqf::dataplane
