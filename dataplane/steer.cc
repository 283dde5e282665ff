// Steering into SR policies: labels pushed, or an outer IPv6 header put in front (RFC 8986, 5;
// RFC 9256), with the selector of the policy's partition (draft-jiang-spring-sr-policy-nrp-05).

#include <algorithm>

#include "dataplane/flow_hash.h"
#include "dataplane/forwarder.h"
#include "dataplane/headers.h"

namespace tcqf::dataplane {
namespace {

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
    return tables_->read_partition(packet.l3 + packet.extensions.nrp_option, packet.nrp);
}

/// Sends a packet along one of a policy's lists; `ttl` is what it has behind this router.
void Forwarder::steer(Packet& packet, const PolicyAction& policy, std::uint8_t ttl) {
    if (!policy.is_valid()) [[unlikely]] {
        return drop(packet, DropReason::policy_invalid);
    }
    const SegmentListAction& list = choose_list(packet, policy);
    packet.nrp = policy.nrp;
    packet.steered = true;
    if (list.is_srv6()) {
        return encapsulate(packet, policy, list, ttl);
    }
    send_ip(packet, choose_hop(packet, list.hops), ttl);
}

/// H.Encaps and H.Encaps.Red (RFC 8986, 5.1 and 5.2).
void Forwarder::encapsulate(Packet& packet, const PolicyAction& policy,
                            const SegmentListAction& list, std::uint8_t ttl) {
    const Adjacency& adjacency = choose_hop(packet, list.hops);
    if (!reaches(packet, adjacency)) [[unlikely]] {
        return;
    }
    const InterfaceTable& out = tables_->interfaces[adjacency.oif];
    match_flow_into(packet, adjacency.oif);
    if (service_of(packet) != nullptr) [[unlikely]] {
        // S-label and control word go beneath labels (RFC 8964, 4.2), not around an IPv6 header.
        return drop(packet, DropReason::policy_invalid);
    }
    const bool in_cycle = (packet.cycle != 0 && out.domain == packet.in->domain) ||
                          (packet.flow != FlowTable::kNoFlow && out.domain != kNoDomain);
    // Beneath labels an option could not carry the tag.
    const TcqfPlace place =
        in_cycle && adjacency.label_count == 0 ? out.tcqf_place() : TcqfPlace::none;
    const OuterHeader& outer = list.outer->of(policy.reduced, place);

    const std::uint32_t room = adjacency.label_count * kLabelOctets + outer.octets;
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
    // A mark that is a tag of the domain that the packet came from says nothing outside it.
    const bool tagged_by_dscp =
        packet.tag == packet.l3 && packet.cycle != 0 && packet.in->tags.tagging() == Tagging::dscp;
    const std::uint8_t marks =
        tagged_by_dscp
            ? static_cast<std::uint8_t>(packet.in->egress_dscp << 2 | (traffic_class(packet) & 3))
            : traffic_class(packet);
    const std::uint8_t inner = packet.kind == Layer3::ipv4 ? protocol::kIpv4 : protocol::kIpv6;
    // The label tells the inner flow from others (RFC 6438).
    const std::uint32_t flow_label = flow_label_of(hash_of(packet));
    packet.l3 -= outer.octets;
    outer.write(packet.l3, marks, flow_label, inner, packet.l3_octets);
    packet.l3_octets += outer.octets;
    packet.kind = Layer3::ipv6;
    packet.own_option = place != TcqfPlace::none;
    packet.steered = false;  // the selector is in its place
    packet.extensions = outer.extensions;
    packet.extensions.upper_protocol = inner;
    send_matched(packet, adjacency, ipv6::hop_limit(packet.l3));
}

}  // namespace tcqf::dataplane
