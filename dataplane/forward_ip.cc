// Forwarding by address (RFC 1812, RFC 8200).

#include <utility>

#include "dataplane/forwarder.h"
#include "dataplane/headers.h"

namespace tcqf::dataplane {

/// Addresses that no packet may be forwarded with.
bool Forwarder::is_martian(const Packet& packet) const {
    const std::uint8_t* ip = packet.l3;
    return packet.kind == Layer3::ipv4 ? ipv4::is_martian(ipv4::source(ip), ipv4::destination(ip))
                                       : ipv6::is_martian(ipv6::source(ip), ipv6::destination(ip));
}

/// Whether a packet's destination lies on the link that it came by: the kernel's, not to forward.
bool Forwarder::stays_on_link(const Packet& packet) {
    const std::uint8_t* ip = packet.l3;
    return packet.kind == Layer3::ipv4 ? ipv4::is_group(ipv4::destination(ip))
                                       : ipv6::is_multicast(ipv6::destination(ip)) ||
                                             ipv6::is_link_local(ipv6::destination(ip));
}

/// What is in force for a packet's destination.
const RouteAction& Forwarder::route_of(Packet& packet) const {
    const std::uint8_t* ip = packet.l3;
    const RouteAction* action = std::exchange(packet.route, nullptr);  // found on the short way
    if (action == nullptr) {
        action = packet.kind == Layer3::ipv4
                     ? &tables_->route(packet.route_table, ipv4::destination(ip))
                     : &tables_->route(packet.route_table, ipv6::destination(ip));
    }
    if (action->kind == RouteKind::no_sid) {
        action = &tables_->sid_index->find(ipv6::destination(ip));
    }
    return tables_->in_force(*action);
}

void Forwarder::forward_ip(Packet& packet) {
    if (stays_on_link(packet)) {
        return to_kernel(packet);
    }
    const RouteAction& route = route_of(packet);
    switch (route.kind) {
        case RouteKind::local:
            return deliver(packet);
        case RouteKind::sid:
            return endpoint(packet, tables_->sids[route.index]);
        case RouteKind::binding_sid:
            return endpoint(packet, binding_sid_of(route));
        case RouteKind::no_sid:
            icmp_error(packet, IcmpError::no_route());
            return drop(packet, DropReason::no_sid);
        case RouteKind::none:
            match_flow(packet);
            if (tables_->policy_for(packet.flow, route) ==
                kNoPolicy) {  // a flow's policy needs no route
                icmp_error(packet, IcmpError::no_route());
                return drop(packet, DropReason::no_route);
            }
            break;
        case RouteKind::forward:
        case RouteKind::policy:
        case RouteKind::unresolved:
            break;
    }
    forward_along(packet, route);
}

/// The SID that a policy's binding SID is (RFC 8986, 4.13 and 4.14).
SidAction Forwarder::binding_sid_of(const RouteAction& route) const {
    const PolicyAction& policy = tables_->policies[route.index];
    return {.behavior = policy.reduced ? config::SidBehavior::end_b6_encaps_red
                                       : config::SidBehavior::end_b6_encaps,
            .policy = route.index,
            .counter = policy.counter};
}

/// Sends a packet on that is not for this router.
void Forwarder::forward_along(Packet& packet, const RouteAction& route) {
    if (!accept_partition(packet)) [[unlikely]] {
        return drop(packet, DropReason::nrp_unknown);
    }
    const std::uint8_t ttl =
        std::min(packet.kind == Layer3::ipv4 ? ipv4::ttl(packet.l3) : ipv6::hop_limit(packet.l3),
                 packet.ttl_limit);
    if (ttl <= 1 && !packet.hop_limit_done) [[unlikely]] {
        icmp_error(packet, IcmpError::time_exceeded());
        return drop(packet, DropReason::ttl_expired);
    }
    if (route.kind == RouteKind::unresolved) [[unlikely]] {
        match_flow(packet);
        if (tables_->policy_for(packet.flow, route) ==
            kNoPolicy) {  // a flow's policy needs no neighbour
            icmp_error(packet, IcmpError::host_unreachable());
            return drop(packet, DropReason::no_neighbor);
        }
    }
    if (is_martian(packet)) [[unlikely]] {
        return drop(packet, DropReason::malformed);
    }
    const auto new_ttl = static_cast<std::uint8_t>(packet.hop_limit_done ? ttl : ttl - 1);
    const std::uint32_t policy = steered_into(packet, route);
    if (policy != kNoPolicy) {
        return steer(packet, tables_->policies[policy], new_ttl);
    }
    send_ip(packet, choose_hop(packet, route.hops), new_ttl);
}

/// The policy that a packet is steered into, which is matched against flows before: without a tag,
/// or on its way into another domain.
std::uint32_t Forwarder::steered_into(Packet& packet, const RouteAction& route) {
    match_flow(packet);
    const std::uint32_t policy = tables_->policy_for(packet.flow, route);
    if (packet.cycle != 0 && !tables_->flow_table->empty() &&
        match_flow_into(packet, way_out(packet, route, policy))) [[unlikely]] {
        return tables_->policy_for(packet.flow, route);
    }
    return policy;
}

/// The interface that a packet would leave through; its own where the policy is not valid.
config::InterfaceIndex Forwarder::way_out(const Packet& packet, const RouteAction& route,
                                          std::uint32_t policy) const {
    if (policy == kNoPolicy) {
        return choose_hop(packet, route.hops).oif;
    }
    const PolicyAction& action = tables_->policies[policy];
    return action.is_valid() ? choose_hop(packet, choose_list(packet, action).hops).oif
                             : packet.iif;
}

/// To an address of the router. A routing header that is not at its end is not for a host to
/// forward (RFC 8754, 4.3.2).
void Forwarder::deliver(Packet& packet) {
    if (packet.kind == Layer3::ipv6 && packet.extensions.routing != 0 &&
        packet.l3[packet.extensions.routing + 3] != 0) {
        icmp_error(packet, IcmpError::bad_field(packet.extensions.routing + 2u));
        return drop(packet, DropReason::malformed);
    }
    to_kernel(packet);
}

/// Whether a next hop can be sent to; if not, the packet is dropped.
bool Forwarder::reaches(Packet& packet, const Adjacency& adjacency) {
    if (!adjacency.resolved) [[unlikely]] {
        icmp_error(packet, IcmpError::host_unreachable());
        drop(packet, DropReason::no_neighbor);
        return false;
    }
    if (!shared_.state_of(adjacency.oif).link_up.load(std::memory_order_relaxed)) [[unlikely]] {
        drop(packet, DropReason::interface_down);
        return false;
    }
    return true;
}

/// Sends an IP packet to a next hop with `ttl` as its new TTL or hop limit.
void Forwarder::send_ip(Packet& packet, const Adjacency& adjacency, std::uint8_t ttl) {
    if (!reaches(packet, adjacency)) [[unlikely]] {
        return;
    }
    match_flow_into(packet, adjacency.oif);
    send_matched(packet, adjacency, ttl);
}

/// As send_ip(), of a packet that was looked at for flows, to a next hop that it can reach.
void Forwarder::send_matched(Packet& packet, const Adjacency& adjacency, std::uint8_t ttl) {
    const std::uint32_t labels_octets = pushed_octets(packet, adjacency);
    const std::uint32_t mtu = tables_->interfaces[adjacency.oif].mtu;
    if (packet.l3_octets + labels_octets > mtu) [[unlikely]] {
        return ip_too_big(packet, adjacency, ttl, mtu - std::min(mtu, labels_octets), nullptr);
    }
    if (packet.kind == Layer3::ipv4) {
        if (ipv4::ttl(packet.l3) != ttl) {
            ipv4::set_ttl(packet.l3, ttl);
        }
    } else {
        ipv6::set_hop_limit(packet.l3, ttl);
    }
    if (labels_octets != 0) {
        // What leaves a domain, or gets its tag further up, keeps none in the labels beneath.
        const std::uint8_t tc = packet.cycle != 0 ? packet.in->egress_tc : std::uint8_t{0};
        write_labels(packet, adjacency, mpls::entry(0, tc, true, ttl), tc, false);
        if (packet.kind == Layer3::other) {
            return;  // no room: dropped
        }
    }
    write_ethernet(packet, adjacency);
    output(packet, adjacency.oif);
}

/// Of the flow that takes a packet into a cycle of an interface, or refuses to.
const FlowProfile* Forwarder::profile_into(const Packet& packet, config::InterfaceIndex oif) const {
    const bool enters =
        packet.flow != FlowTable::kNoFlow && tables_->interfaces[oif].domain != kNoDomain;
    return enters ? &tables_->profile_of(packet.flow) : nullptr;
}

/// `mtu`: what is left for the IP packet. Policing and csize come before it. A TCQF packet is never
/// fragmented, nor is what came labelled.
void Forwarder::ip_too_big(Packet& packet, const Adjacency& adjacency, std::uint8_t ttl,
                           std::uint32_t mtu, const PolicyAction* policy) {
    const FlowProfile* flow = profile_into(packet, adjacency.oif);
    if (flow != nullptr && flow->refuses(packet.payload_octets(), packet.packet_bits())) {
        return output(packet, adjacency.oif);
    }
    if (flow != nullptr && flow->excess_to_best_effort && !flow->allows(packet.payload_octets()) &&
        !flow->has_service) {
        packet.flow = FlowTable::kNoFlow;
        flow = nullptr;
    }
    const bool deterministic =
        packet.cycle != 0 || service_of(packet) != nullptr || flow != nullptr;
    const bool may_fragment =
        packet.kind == Layer3::ipv4 && (ipv4::fragment_field(packet.l3) & ipv4::kDontFragment) == 0;
    if (may_fragment && !deterministic && !packet.came_labelled &&
        mtu >= ipv4::header_octets(packet.l3) + 8) {
        ipv4::set_ttl(packet.l3, ttl);
        return fragment(packet, adjacency, mtu, policy);
    }
    if (!may_fragment) {
        icmp_error(packet, IcmpError::too_big(mtu));
    }
    drop(packet, DropReason::mtu_exceeded);
}

}  // namespace tcqf::dataplane
