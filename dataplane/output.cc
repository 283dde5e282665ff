// Where a packet leaves: in which cycle or class, with which tag, and cleaned of which old one.

#include "dataplane/forwarder.h"
#include "dataplane/headers.h"
#include "dataplane/tags.h"

namespace tcqf::dataplane {
namespace {

void forget_options(Packet& packet) {
    packet.extensions.has_tcqf = false;
    packet.extensions.tcqf_hop_by_hop = 0;
    packet.extensions.tcqf_destination = 0;
}

}  // namespace

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
    const CycleTracker& now = sender_.tracker(oif, packet.now_ns);
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
    sender_.dispatch(packet.mbuf, decision);
}

/// A flow's packet enters TCQF: its cycle is known to the owner of the interface alone, which
/// writes the tag, too.
void Forwarder::ingress(Packet& packet, config::InterfaceIndex oif) {
    const InterfaceTable& out = tables_->interfaces[oif];
    Decision decision = flow_decision(*tables_, packet.flow, oif, packet.now_ns);
    decision.packet_bits = packet.packet_bits();
    decision.payload_octets = packet.payload_octets();
    decision.tag_place = tag_place(packet, out);
    decision.may_go_untagged = packet.tag_header_removed;
    decision.own_option = packet.own_option;
    decision.number_bits = packet.number_bits;
    decision.share = tables_->share(packet.nrp, oif);
    decision.octets = packet.mbuf->pkt_len;
    decision.traffic_class = class_of(packet);
    sender_.dispatch(packet.mbuf, decision);
}

void Forwarder::best_effort(Packet& packet, config::InterfaceIndex oif) {
    if (packet.own_option) [[unlikely]] {
        const ExtensionHeaders& found = packet.extensions;
        take_out_own_option(
            packet, found.tcqf_hop_by_hop != 0 ? found.tcqf_hop_by_hop : found.tcqf_destination);
    }
    const InterfaceTable& out = tables_->interfaces[oif];
    if (!clean(packet, out)) {
        return drop(packet, DropReason::untrusted_tag);
    }
    if (packet.number_bits != 0) [[unlikely]] {
        sender_.number(packet.mbuf, packet.flow, packet.number_bits);
    }
    Decision decision;
    decision.stage = Stage::queue;
    decision.oif = oif;
    decision.version = out.version;
    decision.share = tables_->share(packet.nrp, oif);
    decision.traffic_class = class_of(packet);
    decision.octets = packet.mbuf->pkt_len;
    sender_.dispatch(packet.mbuf, decision);
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

}  // namespace tcqf::dataplane
