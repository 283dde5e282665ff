// Where a packet leaves: in which cycle or class, with which tag, and cleaned of which old one.

#include <cstring>

#include "dataplane/forwarder.h"
#include "dataplane/headers.h"
#include "dataplane/outer_header.h"
#include "dataplane/write_tag.h"

namespace tcqf::dataplane {
namespace {

void set_ip_dscp(Layer3 kind, std::uint8_t* ip, std::uint8_t dscp) {
    kind == Layer3::ipv4 ? ipv4::set_dscp(ip, dscp) : ipv6::set_dscp(ip, dscp);
}

std::uint8_t ip_dscp(Layer3 kind, const std::uint8_t* ip) {
    return kind == Layer3::ipv4 ? ipv4::dscp(ip) : ipv6::dscp(ip);
}

bool is_ip(Layer3 kind) {
    return kind == Layer3::ipv4 || kind == Layer3::ipv6;
}

void forget_options(Packet& packet) {
    packet.extensions.has_tcqf = false;
    packet.extensions.tcqf_hop_by_hop = 0;
    packet.extensions.tcqf_destination = 0;
}

}  // namespace

/// Writes a cycle's tag into a place that tag_place() gave.
void write_tag(Tagging tagging, std::uint8_t* place, std::uint8_t tag) {
    switch (tagging) {
        case Tagging::mpls_tc:
            return mpls::set_tc(place, tag);
        case Tagging::dscp:
            return set_ip_dscp(place[0] >> 4 == 4 ? Layer3::ipv4 : Layer3::ipv6, place, tag);
        case Tagging::ipv6_option:
            place[kCycleIdOffset] = tag;
            return;
        case Tagging::none:
            return;
    }
}

void Forwarder::output(Packet& packet, config::InterfaceIndex oif) {
    const InterfaceTable& out = tables_->interfaces[oif];
    if (packet.cycle != 0) {
        if (out.domain == packet.in->domain) [[likely]] {
            return transit(packet, oif);
        }
        // Into another domain: first it leaves its own, then it is an ingress packet.
        leave_domain(packet);
    }
    if (packet.flow != FlowTable::kNoFlow && out.domain != kNoDomain) {
        return ingress(packet, oif);
    }
    best_effort(packet, oif);
}

/// draft-eckert-detnet-tcqf-10, 4.6: the cycle of the incoming tag becomes one of the outgoing
/// interface.
void Forwarder::transit(Packet& packet, config::InterfaceIndex oif) {
    const CycleMap* map = tables_->cycle_map(packet.iif, oif);
    if (map == nullptr) [[unlikely]] {
        return drop(packet, DropReason::no_cycle_map);
    }
    const InterfaceTable& out = tables_->interfaces[oif];
    if (packet.longest_wait_ns > map->max_poll_gap_ns(out.timing.cycle_time_ns)) [[unlikely]] {
        return drop(packet, DropReason::arrival_unknown);
    }
    const CycleTracker& now = tracker(oif, packet.now_ns);
    const std::uint32_t distance = map->distance(packet.cycle, now.index());
    if (distance == 0) [[unlikely]] {
        if (out.drops_outside_window) {
            return drop(packet, DropReason::outside_window);
        }
        leave_domain(packet);
        return best_effort(packet, oif);
    }
    std::uint8_t* place = tag_place(packet, out);
    if (place == nullptr && !packet.tag_header_removed) [[unlikely]] {
        return drop(packet, DropReason::untaggable);
    }
    if (place != packet.tag && packet.tag != nullptr) {
        clear_old_tag(packet, place);
    }
    if (place != nullptr) {
        write_tag(out.tags.tagging(), place, out.tags.tag_of(map->oif_cycle(packet.cycle)));
    }
    Decision decision;
    decision.stage = Stage::in_cycle;
    decision.oif = oif;
    decision.version = out.version;
    decision.share = tables_->share(packet.nrp, oif);
    decision.cycle = now.cycle() + distance;
    decision.octets = packet.mbuf->pkt_len;
    dispatch(packet.mbuf, decision);
}

/// What whoever polices and shapes a flow's packet needs to know of the flow.
Decision Forwarder::flow_decision(std::uint32_t flow, config::InterfaceIndex oif,
                                  std::int64_t now_ns) const {
    const FlowAction& action = tables_->flows[flow];
    Decision decision;
    decision.stage = action.is_policed() ? Stage::police : Stage::shape;
    decision.oif = oif;
    decision.version = tables_->interfaces[oif].version;
    decision.now_ns = now_ns;
    decision.flow_slot = action.slot;
    decision.flow = flow;
    decision.policing_worker = action.policing_worker;
    return decision;
}

/// A flow's packet enters TCQF: its cycle is known to the owner of the interface alone, which
/// writes the tag, too.
void Forwarder::ingress(Packet& packet, config::InterfaceIndex oif) {
    const InterfaceTable& out = tables_->interfaces[oif];
    Decision decision = flow_decision(packet.flow, oif, packet.now_ns);
    decision.packet_bits = packet.packet_bits();
    decision.payload_octets = packet.payload_octets();
    decision.tag_place = tag_place(packet, out);
    decision.may_go_untagged = packet.tag_header_removed;
    decision.own_option = packet.own_option;
    decision.number_bits = packet.number_bits;
    decision.share = tables_->share(packet.nrp, oif);
    decision.octets = packet.mbuf->pkt_len;
    decision.traffic_class = class_of(packet);
    dispatch(packet.mbuf, decision);
}

void Forwarder::best_effort(Packet& packet, config::InterfaceIndex oif) {
    if (packet.own_option) [[unlikely]] {
        take_out_own_option(packet);
    }
    const InterfaceTable& out = tables_->interfaces[oif];
    if (!clean(packet, out)) {
        return drop(packet, DropReason::untrusted_tag);
    }
    if (packet.number_bits != 0) [[unlikely]] {
        number(packet.mbuf, tables_->flows[packet.flow].slot, packet.number_bits);
    }
    Decision decision;
    decision.stage = Stage::queue;
    decision.oif = oif;
    decision.version = out.version;
    decision.share = tables_->share(packet.nrp, oif);
    decision.traffic_class = class_of(packet);
    decision.octets = packet.mbuf->pkt_len;
    dispatch(packet.mbuf, decision);
}

/// An option that this router put in front for a cycle that the packet does not get. The outer
/// header is this router's, so nothing has to be left in its place.
void Forwarder::take_out_own_option(Packet& packet) {
    const std::uint32_t octets = take_out_tcqf_option(packet.l3, packet.extensions);
    if (octets != 0) {
        auto* frame = rte_pktmbuf_mtod(packet.mbuf, std::uint8_t*);
        std::memmove(frame + octets, frame, kEthernetOctets);
        rte_pktmbuf_adj(packet.mbuf, static_cast<std::uint16_t>(octets));
        packet.l3 += octets;
        packet.l3_octets -= octets;
    }
    packet.extensions = {};
}

/// Strict classes behind TCQF: what left a domain, control (CS6, CS7, the kernel's), the rest.
TrafficClass Forwarder::class_of(const Packet& packet) const {
    if (packet.left_domain) {
        return TrafficClass::left_domain;
    }
    if (packet.from_kernel) {
        return TrafficClass::control;
    }
    return is_ip(packet.kind) ? class_of_dscp(ip_dscp(packet.kind, packet.l3))
                              : TrafficClass::best_effort;
}

TrafficClass Forwarder::class_of_dscp(std::uint8_t dscp) {
    return (dscp & 0x37) == 0x30 ? TrafficClass::control : TrafficClass::best_effort;
}

/// From here on the packet is not TCQF: the place that carried its tag gets the domain's egress
/// marks.
void Forwarder::leave_domain(Packet& packet) {
    if (packet.tag != nullptr) {
        clear_old_tag(packet, nullptr);
        packet.tag = nullptr;
    }
    packet.cycle = 0;
    packet.left_domain = true;
}

/// `place`: where the new tag goes, nullptr where there is none.
void Forwarder::clear_old_tag(Packet& packet, const std::uint8_t* place) {
    switch (packet.in->tags.tagging()) {
        case Tagging::mpls_tc:
            mpls::set_tc(packet.tag, packet.in->egress_tc);
            break;
        case Tagging::dscp:
            set_ip_dscp(packet.tag[0] >> 4 == 4 ? Layer3::ipv4 : Layer3::ipv6, packet.tag,
                        packet.in->egress_dscp);
            break;
        case Tagging::ipv6_option: {
            // Of several options every one goes; they lie behind the IPv6 header that carried the
            // tag.
            std::uint8_t* end = rte_pktmbuf_mtod(packet.mbuf, std::uint8_t*) + packet.mbuf->pkt_len;
            retire_tcqf_options({packet.tag_header, end}, tables_->code_points, place);
            if (packet.tag_header == packet.l3) {
                forget_options(packet);
            }
            break;
        }
        case Tagging::none:
            break;
    }
}

/// Where the outgoing interface's kind of tag goes; nullptr where the packet has no place for it.
std::uint8_t* Forwarder::tag_place(Packet& packet, const InterfaceTable& out) const {
    switch (out.tags.tagging()) {
        case Tagging::mpls_tc:
            return packet.kind == Layer3::labelled ? packet.l3 : nullptr;
        case Tagging::dscp:
            return is_ip(packet.kind) ? packet.l3 : nullptr;
        case Tagging::ipv6_option: {
            const std::uint16_t offset = packet.kind == Layer3::ipv6
                                             ? packet.extensions.tcqf(out.option_header)
                                             : std::uint16_t{0};
            // An option whose length contradicts its flag has no octet for the Cycle Id.
            return offset != 0 && tcqf_option_well_formed(packet.l3 + offset) ? packet.l3 + offset
                                                                              : nullptr;
        }
        case Tagging::none:
            break;
    }
    return nullptr;
}

/// Tag hygiene: what is not TCQF never leaves with a tag. False where it must not leave at all.
bool Forwarder::clean(Packet& packet, const InterfaceTable& out) {
    switch (out.tags.tagging()) {
        case Tagging::mpls_tc:
            if (packet.kind == Layer3::labelled) {
                mpls::set_tc(packet.l3, out.tags.clean_of(mpls::tc(load32(packet.l3))));
            }
            break;
        case Tagging::dscp:
            if (is_ip(packet.kind)) {
                const std::uint8_t dscp = ip_dscp(packet.kind, packet.l3);
                const std::uint8_t cleaned = out.tags.clean_of(dscp);
                if (cleaned != dscp) {
                    set_ip_dscp(packet.kind, packet.l3, cleaned);
                }
            }
            break;
        case Tagging::ipv6_option:
            return packet.kind != Layer3::ipv6 || !packet.extensions.has_tcqf;
        case Tagging::none:
            break;
    }
    return true;
}

}  // namespace tcqf::dataplane
