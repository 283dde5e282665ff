// The short way: plain packets, a burst at a time.
//
// Most packets need a look-up, a new tag or mark, and a place in a cycle or a queue, and nothing
// else. They are recognised (pathfinder.h) and finished here without the context that the long
// way carries along. Nothing is changed and nothing is counted before a packet is known to be plain
// in every respect; all others are left to input(), which would do the same with a plain one
// (tests/dataplane/two_ways.h compares the two packet by packet).

#include <algorithm>
#include <cstring>

#include "dataplane/express_steps.h"
#include "dataplane/forwarder.h"
#include "dataplane/headers.h"
#include "dataplane/pathfinder.h"
#include "dataplane/plain.h"
#include "dataplane/segment_routing_header.h"
#include "dataplane/tags.h"
#include "dataplane/upper_layer.h"

namespace tcqf::dataplane {
namespace {

/// Of a flow's packet that came without labels: behind its IP header, as it has no extension
/// headers.
inline std::uint32_t payload_octets_of_ip(const Plain& plain) {
    return plain.octets - (plain.kind == Layer3::ipv4 ? kIpv4Octets : kIpv6Octets);
}

/// Of any. As note_headers(), of a labelled one.
inline std::uint32_t payload_octets_of(const Plain& plain) {
    if (plain.kind == Layer3::labelled) {
        const std::uint32_t stack_octets = mpls::stack_octets(plain.l3);
        return plain.octets -
               std::min(plain.octets, stack_octets + ip_header_octets(plain.l3 + stack_octets,
                                                                      plain.octets - stack_octets));
    }
    return payload_octets_of_ip(plain);
}

}  // namespace

/// Finds out whether and how packets go from the lane's interface to `oif`.
void Express::choose_lane(config::InterfaceIndex oif) {
    lane_.oif = oif;
    lane_.out = &tables_->interfaces[oif];
    lane_.map = tables_->cycle_map(lane_.iif, oif);
    InterfaceState& out = shared_.state_of(oif);
    lane_.mtu = out.link_up.load(std::memory_order_relaxed) ? lane_.out->mtu : 0;
    lane_.ingress = lane_.out->domain != kNoDomain && lane_.out->tags.tagging() == Tagging::dscp;
    lane_.owned = sender_.owns(oif);
    lane_.egress = lane_.owned ? &out.output->egress : nullptr;
    lane_.shares = tables_->shares_of(oif);
    lane_.tracker = &sender_.tracker(oif, lane_.now_ns);
    lane_.in_cycle =
        lane_.map != nullptr && lane_.in->domain == lane_.out->domain &&
        lane_.longest_wait_ns <= lane_.map->max_poll_gap_ns(lane_.out->timing.cycle_time_ns);
    lane_.transit = lane_.in_cycle && lane_.in->tags.tagging() == lane_.out->tags.tagging() &&
                    lane_.in->option_header == lane_.out->option_header;
    lane_.steers = lane_.in_cycle && lane_.in->tags.tagging() != Tagging::mpls_tc;
    if (lane_.in_cycle) {
        lane_.instant = lane_.map->at(lane_.tracker->index());
        lane_.current = lane_.tracker->cycle();
    }
}

/// Last stage: forwards a packet that is plain in every respect; else changes nothing and returns
/// false.
[[gnu::always_inline]] inline bool Express::forward(rte_mbuf* mbuf, const Plain& plain) {
    if (plain.adjacency == nullptr) [[unlikely]] {
        return false;
    }
    const Adjacency& adjacency = *plain.adjacency;
    if (lane_.oif != adjacency.oif) [[unlikely]] {
        choose_lane(adjacency.oif);
    }
    if (plain.policy != nullptr) [[unlikely]] {
        return forward_steered(mbuf, plain);
    }
    if (plain.octets > lane_.mtu || !adjacency.resolved) [[unlikely]] {
        return false;
    }
    if (adjacency.label_count != plain.label_count) [[unlikely]] {
        return forward_unlike(mbuf, plain);
    }
    if (plain.cycle != 0 && lane_.transit) [[likely]] {
        return forward_transit(mbuf, plain);
    }
    if (plain.cycle != 0 && lane_.out->domain != kNoDomain) [[unlikely]] {
        return false;
    }
    if (plain.flow != FlowTable::kNoFlow) {
        return forward_ingress(mbuf, plain);
    }
    forward_best_effort(mbuf, plain);
    return true;
}

[[gnu::always_inline]] inline bool Express::forward_transit(rte_mbuf* mbuf, const Plain& plain) {
    const std::uint32_t distance = lane_.instant.distance(plain.cycle);
    if (distance == 0) [[unlikely]] {
        return false;
    }
    const std::uint8_t tag = new_tag(plain);
    std::uint8_t* l3 = plain.l3;
    switch (plain.kind) {
        case Layer3::ipv4:
            ipv4::decrement_ttl_and_set_dscp(l3, tag);
            break;
        case Layer3::ipv6:
            ipv6::set_hop_limit(l3, static_cast<std::uint8_t>(ipv6::hop_limit(l3) - 1));
            if (plain.segment != 0) {
                next_segment(plain);
            }
            if (plain.option != 0) {
                l3[plain.option + kCycleIdOffset] = tag;
            } else {
                ipv6::set_dscp(l3, tag);
            }
            break;
        default: {
            const std::uint32_t label = plain.adjacency->labels[0];
            store32(l3, mpls::swapped(load32(l3), label, tag));
            break;
        }
    }
    write_addresses(*plain.adjacency, l3);
    join_cycle(mbuf, distance, plain.nrp);
    return true;
}

/// To whoever looks after the interface.
void Express::hand_to_cycle(rte_mbuf* mbuf, CycleNumber cycle, std::uint32_t nrp) {
    Decision decision;
    decision.stage = Stage::in_cycle;
    decision.oif = lane_.oif;
    decision.version = lane_.out->version;
    decision.share = lane_.shares[nrp];
    decision.cycle = cycle;
    decision.octets = mbuf->pkt_len;
    sender_.hand_over(mbuf, decision, shared_.state_of(lane_.oif).owner);
}

/// A packet without a tag, or one out of all domains. As Forwarder::leave_domain() and
/// best_effort().
void Express::forward_best_effort(rte_mbuf* mbuf, const Plain& plain) {
    std::uint8_t* l3 = plain.l3;
    TrafficClass traffic_class = TrafficClass::best_effort;
    if (plain.kind == Layer3::labelled) {
        const std::uint32_t entry = load32(l3);
        store32(l3, mpls::swapped(
                        entry, plain.adjacency->labels[0],
                        mark_of(plain, Tagging::mpls_tc, mpls::tc(entry), lane_.in->egress_tc)));
    } else {
        const std::uint8_t dscp =
            mark_of(plain, Tagging::dscp, dscp_of(plain), lane_.in->egress_dscp);
        pass_hop(plain, dscp);
        traffic_class = class_of_dscp(dscp);
        if (plain.segment != 0) {
            next_segment(plain);
        }
        retire_option(plain);
    }
    if (plain.cycle != 0) {
        traffic_class = TrafficClass::left_domain;
    }
    write_addresses(*plain.adjacency, l3);
    join_queue(mbuf, traffic_class, plain.nrp);
}

/// At a SID that takes the routing header off with the last segment (PSP): what is in front of it
/// moves over it. As Forwarder::remove_routing_header().
bool Express::forward_routing_popped(rte_mbuf* mbuf, const Plain& plain) {
    const bool has_cycle = plain.cycle != 0 && lane_.out->domain != kNoDomain;
    if (plain.adjacency->label_count != 0 ||
        (has_cycle && (!lane_.transit || lane_.instant.distance(plain.cycle) == 0))) [[unlikely]] {
        return false;
    }
    const std::uint8_t* routing = plain.l3 + plain.routing;
    const std::uint32_t octets = srh::octets(routing);
    ipv6::set_destination(plain.l3, plain.l3 + plain.segment);
    plain.l3[plain.routing == kIpv6Octets ? ipv6::kNextAt : kIpv6Octets] = routing[0];
    ipv6::set_payload_octets(plain.l3, ipv6::payload_octets(plain.l3) - octets);
    std::memmove(plain.l3 + octets, plain.l3, plain.routing);
    Plain popped = plain;
    popped.l3 += octets;
    popped.octets -= octets;
    popped.segment = 0;
    popped.sid_counter->count(popped.octets);
    start_at(popped.l3, ethertype::kIpv6, mbuf, popped);
    if (has_cycle) {
        return forward_transit(mbuf, popped);
    }
    forward_best_effort(mbuf, popped);
    return true;
}

/// A packet whose DSCP is to become its tag.
inline Untagged Express::untagged_ip(const Plain& plain) {
    return {.tag_place = plain.l3, .traffic_class = class_of_dscp(dscp_of(plain))};
}

[[gnu::always_inline]] inline KnownFlow Express::flow_of(const Plain& plain) {
    return sender_.known(plain.flow, tables_->profile_of(plain.flow));
}

/// A flow's packet that enters TCQF with its DSCP as the tag.
[[gnu::always_inline]] inline bool Express::forward_ingress(rte_mbuf* mbuf, const Plain& plain) {
    const KnownFlow flow = flow_of(plain);
    if (!lane_.ingress || plain.kind == Layer3::labelled || flow.profile.has_service) [[unlikely]] {
        return forward_labelled_ingress(mbuf, plain);
    }
    write_addresses(*plain.adjacency, plain.l3);
    if (!lane_.owned || !sender_.conforms_here(flow, lane_.now_ns, payload_octets_of_ip(plain)))
        [[unlikely]] {
        pass_hop(plain, dscp_of(plain));
        sender_.dispatch(mbuf, plain_flow_decision(mbuf, plain, untagged_ip(plain)));
        return true;
    }
    const CycleId cycle = enter(mbuf, plain, flow, 0);
    if (cycle != 0) [[likely]] {
        pass_hop(plain, lane_.out->tags.tag_of(cycle));
    }
    return true;
}

/// One whose tag is in a label: its own, which is swapped, or that of a DetNet service that it
/// enters without a label above the service's.
bool Express::forward_labelled_ingress(rte_mbuf* mbuf, const Plain& plain) {
    if (lane_.out->tags.tagging() != Tagging::mpls_tc) {
        return false;
    }
    if (plain.kind != Layer3::labelled) {
        return service_of(plain) != nullptr && forward_pushed(mbuf, plain);
    }
    const std::uint32_t entry = load32(plain.l3);
    store32(plain.l3, mpls::swapped(entry, plain.adjacency->labels[0], mpls::tc(entry)));
    write_addresses(*plain.adjacency, plain.l3);
    join_by_flow(mbuf, plain, {.tag_place = plain.l3});
    return true;
}

/// The end of the short way of a flow's packet that is finished but for its tag. As
/// Forwarder::ingress().
void Express::join_by_flow(rte_mbuf* mbuf, const Plain& plain, const Untagged& untagged) {
    const KnownFlow flow = flow_of(plain);
    if (!lane_.owned || !sender_.conforms_here(flow, lane_.now_ns, payload_octets_of(plain))) {
        return sender_.dispatch(mbuf, plain_flow_decision(mbuf, plain, untagged));
    }
    const CycleId cycle = enter(mbuf, plain, flow, untagged.share);
    if (cycle != 0) [[likely]] {
        sender_.number(mbuf, plain.flow, untagged.number_bits());
        write_tag(lane_.out->tags.tagging(), untagged.tag_place, lane_.out->tags.tag_of(cycle));
    }
}

/// As sender_.join_as_flow(), at the instant of the lane_.
[[gnu::always_inline]] inline CycleId Express::enter(rte_mbuf* mbuf, const Plain& plain,
                                                     const KnownFlow& flow, std::uint32_t share) {
    return sender_.join_as_flow(mbuf, flow,
                                {.now = lane_.tracker,
                                 .packet_bits = plain.octets * 8,
                                 .octets = mbuf->pkt_len,
                                 .share = share,
                                 .oif = lane_.oif,
                                 .is_taggable = true});
}

/// For whoever polices the flow, or looks after the interface.
Decision Express::plain_flow_decision(const rte_mbuf* mbuf, const Plain& plain,
                                      const Untagged& untagged) const {
    Decision decision = flow_decision(*tables_, plain.flow, lane_.oif, lane_.now_ns);
    decision.packet_bits = plain.octets * 8;
    decision.payload_octets = payload_octets_of(plain);
    decision.tag_place = untagged.tag_place;
    decision.own_option = untagged.own_option;
    decision.share = untagged.share;
    decision.octets = mbuf->pkt_len;
    decision.traffic_class = untagged.traffic_class;
    decision.number_bits = untagged.number_bits();
    return decision;
}

/// The packets of a burst, in their order, each on the short way or the long one.
void Forwarder::forward_burst(const Source& source, std::span<rte_mbuf* const> mbufs,
                              const std::int64_t* arrivals_ns, std::int64_t now_ns) {
    const config::InterfaceIndex interface = source.interface;
    const bool is_known = arrivals_ns != nullptr || source.last_poll_ns == kNever;
    const std::int64_t longest_wait_ns = is_known ? 0 : now_ns - source.last_poll_ns;
    PlainBurst burst;
    const std::span<Plain> packets(burst.packets.data(), mbufs.size());
    if (shared_.options.short_way) [[likely]] {
        const bool is_alone = shared_.worker_count() == 1;
        Pathfinder(*tables_, sid_counters_, is_alone ? &shared_.flow_states : nullptr)
            .find_out(interface, mbufs, burst);
        if (!is_alone) {
            sender_.prefetch_own_flows(burst);
        }
        if (!tables_->long_arrivals.empty()) {
            sender_.prefetch_long_arrivals(burst);
        }
    } else {
        std::fill(packets.begin(), packets.end(), Plain{});
    }
    Express express(*tables_, shared_, sender_, interface, longest_wait_ns);
    express.set_now(now_ns);
    for (std::size_t i = 0; i < mbufs.size(); ++i) {
        if (arrivals_ns != nullptr) {
            express.set_now(arrivals_ns[i]);
        }
        if (express.forward(mbufs[i], packets[i])) [[likely]] {
            continue;
        }
        counters().long_way.add(1);
        Packet packet;
        packet.mbuf = mbufs[i];
        packet.route = packets[i].sid == nullptr ? packets[i].route : nullptr;
        packet.now_ns = express.now_ns();
        packet.iif = interface;
        packet.longest_wait_ns = longest_wait_ns;
        input(packet);
    }
}

}  // namespace tcqf::dataplane
