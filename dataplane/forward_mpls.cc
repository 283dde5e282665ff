// Forwarding by label (RFC 3032, RFC 3443, RFC 6790).

#include "dataplane/forwarder.h"
#include "dataplane/headers.h"
#include "dataplane/network_actions.h"

namespace tcqf::dataplane {
namespace {

/// The top entry is about to go, and with it the tag that it may carry.
void forget_tag_on_top(Packet& packet) {
    if (packet.tag == packet.l3) {
        packet.tag = nullptr;
        packet.tag_header_removed = packet.cycle != 0;
    }
}

/// What an entropy label and its indicator beneath the top entry take.
std::uint32_t entropy_octets_beneath(const std::uint8_t* top) {
    if (mpls::bottom(load32(top))) {
        return 0;
    }
    const std::uint32_t next = load32(top + kLabelOctets);
    return mpls::label(next) == mpls::kEntropyIndicator && !mpls::bottom(next) ? 2 * kLabelOctets
                                                                               : 0;
}

}  // namespace

/// Takes the top label off. In the uniform model its TTL limits what is beneath (RFC 3443, 3.4).
void Forwarder::pop_label(Packet& packet) {
    forget_tag_on_top(packet);
    if (!tables_->short_pipe) {
        packet.ttl_limit = std::min(packet.ttl_limit, mpls::ttl(load32(packet.l3)));
    }
    packet.l3 += kLabelOctets;
    packet.l3_octets -= kLabelOctets;
}

/// What is to be forwarded after a label was looked at.
enum class Forwarder::Beneath : std::uint8_t { label, payload, nothing };

/// check_labels() has made sure that the stack has a bottom.
void Forwarder::forward_labels(Packet& packet) {
    Layer3 payload = Layer3::other;
    Beneath beneath = Beneath::label;
    while (beneath == Beneath::label) {
        const std::uint32_t entry = load32(packet.l3);
        beneath = mpls::label(entry) < mpls::kFirstUnreserved
                      ? take_reserved_label(packet, entry, payload)
                      : take_label(packet, entry);
    }
    if (beneath == Beneath::payload) {
        forward_payload(packet, payload);
    }
}

/// `entry` is on top. Its label is one of those that the configuration gives a meaning.
Forwarder::Beneath Forwarder::take_label(Packet& packet, std::uint32_t entry) {
    const LabelAction& action = tables_->labels.find(mpls::label(entry));
    switch (action.kind) {
        case LabelKind::none:
            drop(packet, DropReason::no_label);
            break;
        case LabelKind::detnet_pop:
            detnet_pop(packet, entry, action.sequence_bits);
            break;
        case LabelKind::swap:
        case LabelKind::pop:
            forward_label(packet, entry, action);
            break;
        case LabelKind::policy:
            forward_binding_label(packet, entry, tables_->policies[action.policy]);
            break;
        case LabelKind::pop_and_lookup:
            pop_label(packet);
            return mpls::bottom(entry) ? Beneath::payload : Beneath::label;
    }
    return Beneath::nothing;
}

/// `entry` is on top. `payload`: what it says of that beneath the stack.
Forwarder::Beneath Forwarder::take_reserved_label(Packet& packet, std::uint32_t entry,
                                                  Layer3& payload) {
    bool bottom = mpls::bottom(entry);
    switch (mpls::label(entry)) {
        case mpls::kExplicitNullIpv4:  // RFC 4182: anywhere in the stack
            pop_label(packet);
            payload = bottom ? Layer3::ipv4 : Layer3::other;
            break;
        case mpls::kExplicitNullIpv6:
            pop_label(packet);
            payload = bottom ? Layer3::ipv6 : Layer3::other;
            break;
        case mpls::kRouterAlert:
            deliver_labelled(packet);
            return Beneath::nothing;
        case mpls::kEntropyIndicator:
            if (!take_entropy(packet, bottom)) {
                return Beneath::nothing;
            }
            break;
        case kNetworkActionLabel:
            if (!take_actions(packet, bottom)) {
                return Beneath::nothing;
            }
            break;
        default:
            drop(packet, DropReason::no_label);
            return Beneath::nothing;
    }
    return bottom ? Beneath::payload : Beneath::label;
}

/// To the kernel, with all labels that it came with.
void Forwarder::deliver_labelled(Packet& packet) {
    packet.l3_octets += static_cast<std::uint32_t>(packet.l3 - packet.received_l3);
    packet.l3 = packet.received_l3;
    if (packet.tag_header_removed) {
        packet.tag = packet.l3;  // the label that carries it is there again
    }
    to_kernel(packet);
}

/// What lies behind the bottom of a stack that ended here. `expected` is `other` where the label
/// does not say.
void Forwarder::forward_payload(Packet& packet, Layer3 expected) {
    const unsigned version = packet.l3_octets != 0 ? packet.l3[0] >> 4 : 0;
    if (version == 4 && expected != Layer3::ipv6) {
        return check_ipv4(packet) ? forward_ip(packet) : void();
    }
    if (version == 6 && expected != Layer3::ipv4) {
        return check_ipv6(packet) && accept_option(packet, packet.extensions.unknown_option)
                   ? forward_ip(packet)
                   : void();
    }
    drop(packet, DropReason::malformed);
}

/// Swap or pop towards a next hop; one that pushes nothing leaves nothing to swap for.
void Forwarder::forward_label(Packet& packet, std::uint32_t entry, const LabelAction& action) {
    const std::uint8_t ttl = std::min(mpls::ttl(entry), packet.ttl_limit);
    if (ttl <= 1) [[unlikely]] {
        icmp_error(packet, IcmpError::time_exceeded());
        return drop(packet, DropReason::ttl_expired);
    }
    match_flow(packet);
    const Adjacency& adjacency = choose_hop(packet, action.hops);
    if (!reaches(packet, adjacency)) [[unlikely]] {
        return;
    }
    match_flow_into(packet, adjacency.oif);
    const bool pops = action.kind == LabelKind::pop || adjacency.label_count == 0;
    const std::uint32_t pushed = pushed_octets(packet, adjacency);
    const std::uint32_t removed = kLabelOctets + (pops ? entropy_octets_beneath(packet.l3) : 0);
    if (packet.l3_octets - removed + pushed > tables_->interfaces[adjacency.oif].mtu) [[unlikely]] {
        return labelled_too_big(packet, adjacency,
                                mpls::stack_octets(packet.l3) - removed + pushed);
    }

    const auto out_ttl = static_cast<std::uint8_t>(ttl - 1);
    const bool was_bottom = mpls::bottom(entry);
    const std::uint8_t pushed_tc = packet.cycle != 0 ? packet.in->egress_tc : mpls::tc(entry);
    const std::uint32_t out_entry = mpls::entry(0, mpls::tc(entry), was_bottom, out_ttl);
    if (pops) {
        pop_label(packet);
        packet.ttl_limit = out_ttl;
        if (!expose(packet, was_bottom, adjacency)) {
            return;
        }
        if (pushed != 0) {
            write_labels(packet, adjacency, out_entry, pushed_tc, false);
        }
    } else {
        write_labels(packet, adjacency, out_entry, pushed_tc, true);
    }
    if (packet.kind == Layer3::other) {
        return;  // no room: dropped
    }
    write_ethernet(packet, adjacency);
    output(packet, adjacency.oif);
}

/// `stack_octets`: of the labels that it would leave with. Policing and csize come before it.
void Forwarder::labelled_too_big(Packet& packet, const Adjacency& adjacency,
                                 std::uint32_t stack_octets) {
    const FlowProfile* flow = profile_into(packet, adjacency.oif);
    if (flow != nullptr && flow->refuses(packet.payload_octets(), packet.packet_bits())) {
        return output(packet, adjacency.oif);
    }
    const std::uint32_t mtu = tables_->interfaces[adjacency.oif].mtu;
    icmp_error(packet, IcmpError::too_big(mtu - std::min(mtu, stack_octets)));
    drop(packet, DropReason::mtu_exceeded);
}

/// A label that is a policy's binding SID: the policy's labels take its place, or the packet
/// beneath it is put into the policy's outer header.
void Forwarder::forward_binding_label(Packet& packet, std::uint32_t entry,
                                      const PolicyAction& policy) {
    if (!policy.is_valid()) [[unlikely]] {
        return drop(packet,
                    policy.leaves_nothing() ? DropReason::no_label : DropReason::policy_invalid);
    }
    const SegmentListAction& list = choose_list(packet, policy);
    packet.steered = policy.nrp != kNoNrp;
    if (packet.steered) {
        packet.nrp = policy.nrp;  // else what came along goes on counting, beneath its labels
    }
    if (!list.is_srv6()) {
        return forward_label(packet, entry, {.kind = LabelKind::swap, .hops = list.hops});
    }
    if (!mpls::bottom(entry)) {
        return drop(packet, DropReason::no_label);
    }
    pop_label(packet);
    const unsigned version = packet.l3_octets != 0 ? packet.l3[0] >> 4 : 0;
    if ((version == 4 && !check_ipv4(packet)) || (version == 6 && !check_ipv6(packet))) {
        return;
    }
    if (version != 4 && version != 6) {
        return drop(packet, DropReason::malformed);
    }
    const std::uint8_t ttl = std::min(
        version == 4 ? ipv4::ttl(packet.l3) : ipv6::hop_limit(packet.l3), packet.ttl_limit);
    if (ttl <= 1) {
        icmp_error(packet, IcmpError::time_exceeded());
        return drop(packet, DropReason::ttl_expired);
    }
    if (is_martian(packet)) [[unlikely]] {
        return drop(packet, DropReason::malformed);
    }
    match_flow(packet);
    encapsulate(packet, policy, list, static_cast<std::uint8_t>(ttl - 1));
}

/// Network actions that a pop brings to the top. Those of select scope are for this router. What is
/// left of a stack without a label beneath them stays for a neighbour that reads it; all others are
/// taken off: never on top where the next router cannot read them, and beneath a label the copy
/// further down is in reach (RFC 9994, 7 and 9). False where the packet was dropped.
bool Forwarder::expose_actions(Packet& packet, bool& bottom, const Adjacency& adjacency) {
    const std::uint32_t stack_octets = mpls::stack_octets(packet.l3);
    std::uint32_t octets = 0;
    std::uint32_t select_octets = 0;  // in front of all others
    while (octets < stack_octets &&
           mpls::label(load32(packet.l3 + octets)) == kNetworkActionLabel) {
        const NetworkActions actions = read_network_actions(
            {packet.l3 + octets, stack_octets - octets}, tables_->code_points.mna_nrp_opcode);
        if (actions.entries == 0) {
            drop(packet, DropReason::malformed);
            return false;
        }
        if (actions.is_select && actions.must_drop) {
            drop(packet, DropReason::unknown_option);
            return false;
        }
        if (actions.is_select && select_octets == octets) {
            select_octets += actions.entries * kLabelOctets;
        }
        octets += actions.entries * kLabelOctets;
    }
    const bool stay = octets == stack_octets && adjacency.reads_actions;
    const std::uint32_t removed = stay ? select_octets : octets;
    bottom = removed == stack_octets;
    packet.l3 += removed;
    packet.l3_octets -= removed;
    return true;
}

/// Network actions on top: read, and taken off. False where the packet was dropped.
bool Forwarder::take_actions(Packet& packet, bool& bottom) {
    const NetworkActions actions = read_network_actions({packet.l3, mpls::stack_octets(packet.l3)},
                                                        tables_->code_points.mna_nrp_opcode);
    if (actions.entries == 0) {
        drop(packet, DropReason::malformed);
        return false;
    }
    if (actions.must_drop) {
        drop(packet, DropReason::unknown_option);
        return false;
    }
    pop_label(packet);  // format A is an entry like any other, with its TTL; the rest is data
    const std::uint32_t data_octets = (actions.entries - 1) * kLabelOctets;
    packet.l3 += data_octets;
    packet.l3_octets -= data_octets;
    bottom = actions.bottom;
    return true;
}

/// The entropy label and its indicator, which is on top, go; `bottom`: they were the last of the
/// stack. False where the packet was dropped.
bool Forwarder::take_entropy(Packet& packet, bool& bottom) {
    if (mpls::bottom(load32(packet.l3))) {
        drop(packet, DropReason::malformed);
        return false;
    }
    bottom = mpls::bottom(load32(packet.l3 + kLabelOctets));
    // The entropy label's TTL is 0 and says nothing (RFC 6790, 4.2).
    const std::uint8_t limit = packet.ttl_limit;
    pop_label(packet);
    pop_label(packet);
    packet.ttl_limit = limit;
    return true;
}

/// A DetNet service ends here: its label and control word are checked and removed (RFC 8964, 4.2).
/// An entropy label may lie between them (4.2.2).
void Forwarder::detnet_pop(Packet& packet, std::uint32_t entry, std::uint8_t sequence_bits) {
    pop_label(packet);
    bool bottom = mpls::bottom(entry);
    if (!bottom && mpls::label(load32(packet.l3)) == mpls::kEntropyIndicator &&
        !take_entropy(packet, bottom)) {
        return;
    }
    if (!bottom || packet.l3_octets < kControlWordOctets ||
        load32(packet.l3) >> sequence_bits != 0) {
        return drop(packet, DropReason::malformed);
    }
    packet.l3 += kControlWordOctets;
    packet.l3_octets -= kControlWordOctets;
    note_headers(packet, 0);
    forward_payload(packet, Layer3::other);
}

/// Penultimate hop popping: what comes to the top is sent on, its TTL never raised (RFC 3443, 3.5).
/// packet.ttl_limit is the outgoing TTL. An entropy label goes with the label above it: the segment
/// that it spread over equal paths ends here or at the next hop. False where the packet was
/// dropped.
bool Forwarder::expose(Packet& packet, bool was_bottom, const Adjacency& adjacency) {
    if (!was_bottom && mpls::label(load32(packet.l3)) == mpls::kEntropyIndicator &&
        !take_entropy(packet, was_bottom)) {
        return false;
    }
    if (!was_bottom && mpls::label(load32(packet.l3)) == kNetworkActionLabel &&
        !expose_actions(packet, was_bottom, adjacency)) {
        return false;
    }
    if (!was_bottom) {
        if (!tables_->short_pipe) {
            packet.l3[3] = std::min(packet.l3[3], packet.ttl_limit);
        }
        return true;
    }
    const unsigned version = packet.l3_octets != 0 ? packet.l3[0] >> 4 : 0;
    if (version == 4) {
        if (!check_ipv4(packet)) {
            return false;
        }
        if (!tables_->short_pipe && ipv4::ttl(packet.l3) > packet.ttl_limit) {
            ipv4::set_ttl(packet.l3, packet.ttl_limit);
        }
        return true;
    }
    if (version == 6) {
        if (!check_ipv6(packet)) {
            return false;
        }
        if (!tables_->short_pipe && ipv6::hop_limit(packet.l3) > packet.ttl_limit) {
            ipv6::set_hop_limit(packet.l3, packet.ttl_limit);
        }
        return true;
    }
    drop(packet, DropReason::malformed);
    return false;
}

}  // namespace tcqf::dataplane
