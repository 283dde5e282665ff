// The short way: plain packets, a burst at a time.
//
// Most packets need a look-up, a new tag or mark, and a place in a cycle or a queue, and nothing
// else. They are recognised (plain_burst.cc) and finished here without the context that the long
// way carries along. Nothing is changed and nothing is counted before a packet is known to be plain
// in every respect; all others are left to input(), which would do the same with a plain one
// (tests/dataplane/express_test.cc compares the two ways packet by packet).

#include <algorithm>
#include <cstring>

#include "dataplane/flow_hash.h"
#include "dataplane/forwarder.h"
#include "dataplane/headers.h"
#include "dataplane/plain_burst.h"
#include "dataplane/prefetch.h"
#include "dataplane/segment_routing_header.h"
#include "dataplane/write_tag.h"

namespace tcqf::dataplane {

/// From the interface of a burst to another one, at one instant.
struct Forwarder::Lane {
    static constexpr config::InterfaceIndex kNotChosen = UINT16_MAX;

    config::InterfaceIndex iif = 0;
    config::InterfaceIndex oif = kNotChosen;  ///< what the rest is valid for
    bool in_cycle = false;                    ///< TCQF packets may go there
    bool transit = false;                     ///< and have the same kind of tag there
    bool steers = false;                      ///< in_cycle, from a domain whose tags are DSCPs
    bool ingress = false;                     ///< flows enter TCQF there, by DSCP
    bool owned = false;                       ///< this worker looks after oif
    std::uint32_t mtu = 0;                    ///< of oif; 0: nothing may go there
    Shares shares;                            ///< of oif
    std::int64_t now_ns = 0;
    std::int64_t longest_wait_ns = 0;  ///< as of a packet
    const InterfaceTable* in = nullptr;
    const InterfaceTable* out = nullptr;
    const CycleMap* map = nullptr;
    const CycleTracker* tracker = nullptr;  ///< of oif, at now_ns
    CycleMap::Instant instant;
    CycleNumber current = 0;         ///< cycle of oif
    PacketEgress* egress = nullptr;  ///< where it is owned
};

/// What a flow's packet needs that is finished but for its tag.
struct Forwarder::Untagged {
    std::uint8_t* tag_place = nullptr;
    std::uint32_t share = 0;
    TrafficClass traffic_class = TrafficClass::best_effort;  ///< where it gets no cycle
    bool own_option = false;  ///< the tag's place is an option that this router put in front
};

namespace {

/// Ethernet's, in front of layer 3.
inline void write_addresses(const Adjacency& adjacency, std::uint8_t* l3) {
    std::memcpy(l3 - kEthernetOctets, adjacency.ethernet.data(), adjacency.ethernet.size());
}

}  // namespace

/// The tag of the cycle that a TCQF packet gets.
inline std::uint8_t Forwarder::new_tag(const Lane& lane, const Plain& plain) {
    return lane.out->tags.tag_of(lane.map->oif_cycle(plain.cycle));
}

inline std::uint8_t Forwarder::dscp_of(const Plain& plain) {
    return plain.kind == Layer3::ipv4 ? ipv4::dscp(plain.l3) : ipv6::dscp(plain.l3);
}

/// One hop less, and this DSCP. The TTL that is left.
[[gnu::always_inline]] inline std::uint8_t Forwarder::pass_hop(const Plain& plain,
                                                               std::uint8_t dscp) {
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
inline bool Forwarder::has_room(const Lane& lane, const rte_mbuf* mbuf, const Plain& plain,
                                std::uint32_t octets) {
    return plain.octets + octets <= lane.mtu && rte_pktmbuf_headroom(mbuf) >= octets;
}

/// A frame that starts later, with layer 3 at `l3`.
inline void Forwarder::start_at(std::uint8_t* l3, std::uint16_t type, rte_mbuf* mbuf,
                                const Plain& plain) {
    const std::ptrdiff_t octets = l3 - kEthernetOctets - rte_pktmbuf_mtod(mbuf, std::uint8_t*);
    rte_pktmbuf_adj(mbuf, static_cast<std::uint16_t>(octets));
    write_addresses(*plain.adjacency, l3);
    store16(l3 - 2, type);
}

/// A frame that has `octets` more in front of layer 3, to be filled by the caller: where they
/// start.
inline std::uint8_t* Forwarder::put_in_front(rte_mbuf* mbuf, const Plain& plain,
                                             std::uint32_t octets, std::uint16_t type) {
    rte_pktmbuf_prepend(mbuf, static_cast<std::uint16_t>(octets));
    std::uint8_t* l3 = plain.l3 - octets;
    write_addresses(*plain.adjacency, l3);
    store16(l3 - 2, type);
    return l3;
}

/// Finds out whether and how packets go from the lane's interface to `oif`.
void Forwarder::choose_lane(Lane& lane, config::InterfaceIndex oif) {
    lane.oif = oif;
    lane.out = &tables_->interfaces[oif];
    lane.map = tables_->cycle_map(lane.iif, oif);
    InterfaceState& out = state(oif);
    lane.mtu = out.link_up.load(std::memory_order_relaxed) ? lane.out->mtu : 0;
    lane.ingress = lane.out->domain != kNoDomain && lane.out->tags.tagging() == Tagging::dscp;
    lane.owned = out.owner == index_;
    lane.egress = lane.owned ? &out.output->egress : nullptr;
    lane.shares = tables_->shares_of(oif);
    lane.tracker = &tracker(oif, lane.now_ns);
    lane.in_cycle =
        lane.map != nullptr && lane.in->domain == lane.out->domain &&
        lane.longest_wait_ns <= lane.map->max_poll_gap_ns(lane.out->timing.cycle_time_ns);
    lane.transit = lane.in_cycle && lane.in->tags.tagging() == lane.out->tags.tagging() &&
                   lane.in->option_header == lane.out->option_header;
    lane.steers = lane.in_cycle && lane.in->tags.tagging() == Tagging::dscp;
    if (lane.in_cycle) {
        lane.instant = lane.map->at(lane.tracker->index());
        lane.current = lane.tracker->cycle();
    }
}

/// Of a flow's packet: behind the IP header that it came with, which has no extension headers.
inline std::uint32_t Forwarder::payload_octets_of(const Plain& plain) {
    return plain.octets - (plain.kind == Layer3::ipv4 ? kIpv4Octets : kIpv6Octets);
}

/// A packet whose DSCP is to become its tag.
inline Forwarder::Untagged Forwarder::untagged_ip(const Plain& plain) {
    return {.tag_place = plain.l3, .traffic_class = class_of_dscp(dscp_of(plain))};
}

/// Last stage: forwards a packet that is plain in every respect; else changes nothing and returns
/// false.
[[gnu::always_inline]] inline bool Forwarder::forward_plain(Lane& lane, rte_mbuf* mbuf,
                                                            const Plain& plain) {
    if (plain.adjacency == nullptr) [[unlikely]] {
        return false;
    }
    const Adjacency& adjacency = *plain.adjacency;
    if (lane.oif != adjacency.oif) [[unlikely]] {
        choose_lane(lane, adjacency.oif);
    }
    if (plain.policy != nullptr) [[unlikely]] {
        return forward_steered(lane, mbuf, plain);
    }
    if (plain.octets > lane.mtu || !adjacency.resolved) [[unlikely]] {
        return false;
    }
    if (adjacency.label_count != plain.label_count) [[unlikely]] {
        return forward_unlike(lane, mbuf, plain);
    }
    if (plain.cycle != 0 && lane.transit) [[likely]] {
        return forward_transit(lane, mbuf, plain);
    }
    if (plain.cycle != 0 && lane.out->domain != kNoDomain) [[unlikely]] {
        return false;
    }
    if (plain.flow != FlowTable::kNoFlow) {
        return forward_ingress(lane, mbuf, plain);
    }
    forward_best_effort(lane, mbuf, plain);
    return true;
}

/// The segment that becomes the destination at a SID.
inline void Forwarder::next_segment(const Plain& plain) {
    plain.sid_counter->count(plain.octets);
    if (plain.segment == Plain::kCompressed) [[unlikely]] {
        next_compressed(plain, plain.l3 + ipv6::kDestinationAt);
        return;
    }
    --plain.l3[plain.routing + 3];
    ipv6::set_destination(plain.l3, plain.l3 + plain.segment);
}

[[gnu::always_inline]] inline bool Forwarder::forward_transit(const Lane& lane, rte_mbuf* mbuf,
                                                              const Plain& plain) {
    const std::uint32_t distance = lane.instant.distance(plain.cycle);
    if (distance == 0) [[unlikely]] {
        return false;
    }
    const std::uint8_t tag = new_tag(lane, plain);
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
    join_cycle(lane, mbuf, distance, plain.nrp);
    return true;
}

/// The end of a TCQF packet's short way: `distance` cycles ahead, among its partition's.
[[gnu::always_inline]] inline void Forwarder::join_cycle(const Lane& lane, rte_mbuf* mbuf,
                                                         std::uint32_t distance,
                                                         std::uint32_t nrp) {
    if (!lane.owned) [[unlikely]] {
        return hand_to_cycle(lane, mbuf, lane.current + distance, nrp);
    }
    const Refusal refusal = lane.egress->enqueue_in_cycle(lane.current + distance,
                                                          {mbuf, mbuf->pkt_len}, lane.shares[nrp]);
    if (refusal != Refusal::none) [[unlikely]] {
        refuse(lane.oif, mbuf, refusal);
    }
}

/// To whoever looks after the interface.
void Forwarder::hand_to_cycle(const Lane& lane, rte_mbuf* mbuf, CycleNumber cycle,
                              std::uint32_t nrp) {
    Decision decision;
    decision.stage = Stage::in_cycle;
    decision.oif = lane.oif;
    decision.version = lane.out->version;
    decision.share = lane.shares[nrp];
    decision.cycle = cycle;
    decision.octets = mbuf->pkt_len;
    hand_over(mbuf, decision, state(lane.oif).owner);
}

/// What a packet without a cycle has in the field that carries tags of this kind: no tag of the
/// interface that it leaves by and, where it leaves its domain, the domain's mark for its own.
inline std::uint8_t Forwarder::mark_of(const Lane& lane, const Plain& plain, Tagging tagging,
                                       std::uint8_t mark, std::uint8_t egress_mark) {
    if (plain.cycle != 0) {
        return lane.in->tags.tagging() == tagging ? egress_mark : mark;
    }
    return lane.out->tags.tagging() == tagging ? lane.out->tags.clean_of(mark) : mark;
}

/// A packet without a tag, or one out of all domains. As leave_domain() and best_effort().
void Forwarder::forward_best_effort(const Lane& lane, rte_mbuf* mbuf, const Plain& plain) {
    std::uint8_t* l3 = plain.l3;
    TrafficClass traffic_class = TrafficClass::best_effort;
    if (plain.kind == Layer3::labelled) {
        const std::uint32_t entry = load32(l3);
        store32(l3, mpls::swapped(entry, plain.adjacency->labels[0],
                                  mark_of(lane, plain, Tagging::mpls_tc, mpls::tc(entry),
                                          lane.in->egress_tc)));
    } else {
        const std::uint8_t dscp =
            mark_of(lane, plain, Tagging::dscp, dscp_of(plain), lane.in->egress_dscp);
        pass_hop(plain, dscp);
        traffic_class = class_of_dscp(dscp);
        if (plain.segment != 0) {
            next_segment(plain);
        }
        if (plain.option != 0) {
            retire_tcqf_options({l3, plain.octets}, tables_->code_points);
        }
    }
    if (plain.cycle != 0) {
        traffic_class = TrafficClass::left_domain;
    }
    write_addresses(*plain.adjacency, l3);
    join_queue(lane, mbuf, traffic_class, plain.nrp);
}

/// The end of another packet's short way, to whoever looks after the interface.
inline void Forwarder::join_queue(const Lane& lane, rte_mbuf* mbuf, TrafficClass traffic_class,
                                  std::uint32_t nrp) {
    const std::uint32_t share = lane.shares[nrp];
    if (!lane.owned) {
        return dispatch(mbuf, {.octets = mbuf->pkt_len,
                               .share = share,
                               .version = lane.out->version,
                               .oif = lane.oif,
                               .traffic_class = traffic_class});
    }
    const Refusal refusal = lane.egress->enqueue(traffic_class, {mbuf, mbuf->pkt_len}, share);
    if (refusal != Refusal::none) [[unlikely]] {
        refuse(lane.oif, mbuf, refusal);
    }
}

/// With more labels on the way out than on the way in, or less.
bool Forwarder::forward_unlike(const Lane& lane, rte_mbuf* mbuf, const Plain& plain) {
    if (plain.kind == Layer3::labelled) {
        return forward_popped(lane, mbuf, plain);
    }
    switch (plain.label_count) {
        case Plain::kExposed:
            return forward_exposed(lane, mbuf, plain);
        case Plain::kRoutingPopped:
            return forward_routing_popped(lane, mbuf, plain);
        default:
            return forward_pushed(lane, mbuf, plain);
    }
}

/// At a SID that takes the routing header off with the last segment (PSP): what is in front of it
/// moves over it. As remove_routing_header().
bool Forwarder::forward_routing_popped(const Lane& lane, rte_mbuf* mbuf, const Plain& plain) {
    const bool has_cycle = plain.cycle != 0 && lane.out->domain != kNoDomain;
    if (plain.adjacency->label_count != 0 ||
        (has_cycle && (!lane.transit || lane.instant.distance(plain.cycle) == 0))) [[unlikely]] {
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
        return forward_transit(lane, mbuf, popped);
    }
    forward_best_effort(lane, mbuf, popped);
    return true;
}

/// A label off another one, which gets the tag. As forward_label() and expose().
bool Forwarder::forward_popped(const Lane& lane, rte_mbuf* mbuf, const Plain& plain) {
    const std::uint32_t entry = load32(plain.l3);
    std::uint8_t* top = plain.l3 + kLabelOctets;
    if (plain.label->kind != LabelKind::pop || mpls::bottom(entry) ||
        plain.flow != FlowTable::kNoFlow || mpls::label(load32(top)) < mpls::kFirstUnreserved) {
        return false;
    }
    const bool leaves = plain.cycle != 0 && lane.out->domain == kNoDomain;
    const bool has_cycle = plain.cycle != 0 && !leaves;
    const std::uint32_t distance =
        has_cycle && lane.transit ? lane.instant.distance(plain.cycle) : 0;
    if (has_cycle && distance == 0) [[unlikely]] {
        return false;
    }
    const std::uint8_t own_tc = mpls::tc(load32(top));
    mpls::set_tc(top, has_cycle ? new_tag(lane, plain)
                                : mark_of(lane, plain, Tagging::mpls_tc, own_tc, own_tc));
    if (!tables_->short_pipe) {
        top[3] = std::min(top[3], static_cast<std::uint8_t>(mpls::ttl(entry) - 1));
    }
    start_at(top, ethertype::kMpls, mbuf, plain);
    if (has_cycle) {
        join_cycle(lane, mbuf, distance, plain.nrp);
    } else {
        join_queue(lane, mbuf, leaves ? TrafficClass::left_domain : TrafficClass::best_effort,
                   plain.nrp);
    }
    return true;
}

/// IP from beneath what carried its tag where it has a cycle: a label, or an outer header.
bool Forwarder::forward_exposed(const Lane& lane, rte_mbuf* mbuf, const Plain& plain) {
    const Tagging tagging = lane.out->tags.tagging();
    const bool leaves = plain.cycle != 0 && lane.out->domain == kNoDomain;
    const bool has_cycle = plain.cycle != 0 && !leaves;
    const std::uint32_t distance =
        has_cycle && lane.in_cycle ? lane.instant.distance(plain.cycle) : 0;
    if (plain.adjacency->label_count != 0 || (has_cycle && distance == 0)) [[unlikely]] {
        return false;
    }
    const bool is_ipv4 = plain.kind == Layer3::ipv4;
    const std::uint8_t own_dscp = dscp_of(plain);
    const std::uint8_t dscp = has_cycle ? tagging == Tagging::dscp ? new_tag(lane, plain) : own_dscp
                                        : mark_of(lane, plain, Tagging::dscp, own_dscp, own_dscp);
    if (is_ipv4 && ipv4::ttl(plain.l3) > plain.ttl_limit) {
        ipv4::set_ttl(plain.l3, plain.ttl_limit);
    } else if (!is_ipv4 && ipv6::hop_limit(plain.l3) > plain.ttl_limit) {
        ipv6::set_hop_limit(plain.l3, plain.ttl_limit);
    }
    pass_hop(plain, dscp);
    if (plain.sid != nullptr) {
        plain.sid_counter->count(mbuf->pkt_len - kEthernetOctets);
    }
    start_at(plain.l3, is_ipv4 ? ethertype::kIpv4 : ethertype::kIpv6, mbuf, plain);
    if (has_cycle) {
        join_cycle(lane, mbuf, distance, plain.nrp);
    } else {
        join_queue(lane, mbuf, leaves ? TrafficClass::left_domain : class_of_dscp(dscp), plain.nrp);
    }
    return true;
}

/// IP that gets the labels of its next hop: without a cycle, with one and a DSCP that was its tag,
/// or as a flow's. As send_matched() and write_labels().
bool Forwarder::forward_pushed(const Lane& lane, rte_mbuf* mbuf, const Plain& plain) {
    const Adjacency& adjacency = *plain.adjacency;
    const std::uint32_t octets = adjacency.label_count * kLabelOctets;
    const bool has_cycle = plain.cycle != 0;
    const TagTable& tags = lane.out->tags;
    const bool tags_labels = tags.tagging() == Tagging::mpls_tc;
    const std::uint32_t distance =
        has_cycle && lane.steers && tags_labels ? lane.instant.distance(plain.cycle) : 0;
    const bool enters = plain.flow != FlowTable::kNoFlow;
    if (plain.segment != 0 || (has_cycle && distance == 0) ||
        (enters && (!tags_labels || tables_->flows[plain.flow].has_service)) ||
        !has_room(lane, mbuf, plain, octets)) [[unlikely]] {
        return false;
    }
    const std::uint8_t dscp = has_cycle ? lane.in->egress_dscp : dscp_of(plain);
    const std::uint8_t ttl = pass_hop(plain, dscp);
    std::uint8_t* top = put_in_front(mbuf, plain, octets, ethertype::kMpls);
    write_labels_of(adjacency, top,
                    mpls::entry(0, has_cycle ? lane.in->egress_tc : std::uint8_t{0}, false,
                                tables_->short_pipe ? std::uint8_t{255} : ttl));
    if (has_cycle) {
        mpls::set_tc(top, new_tag(lane, plain));
        join_cycle(lane, mbuf, distance, plain.nrp);
    } else if (enters) {
        join_by_flow(lane, mbuf, plain, {.tag_place = top});
    } else {
        if (tags_labels) {
            mpls::set_tc(top, tags.clean_of(0));
        }
        join_queue(lane, mbuf, TrafficClass::best_effort, plain.nrp);
    }
    return true;
}

/// Into a policy: a TCQF packet whose tag is its DSCP, a flow's, or one without a tag.
bool Forwarder::forward_steered(const Lane& lane, rte_mbuf* mbuf, const Plain& plain) {
    if (plain.kind == Layer3::labelled) {
        return forward_label_steered(lane, mbuf, plain);
    }
    if (plain.flow != FlowTable::kNoFlow) {
        return forward_ingress_steered(lane, mbuf, plain);
    }
    if (plain.cycle == 0) {
        return forward_best_effort_steered(lane, mbuf, plain);
    }
    const std::uint32_t distance = lane.steers ? lane.instant.distance(plain.cycle) : 0;
    if (distance == 0) [[unlikely]] {
        return false;
    }
    std::uint8_t* place = put_policy_in_front(lane, mbuf, plain, lane.in->egress_dscp);
    if (place == nullptr) [[unlikely]] {
        return false;
    }
    write_tag(lane.out->tags.tagging(), place, new_tag(lane, plain));
    join_cycle(lane, mbuf, distance, plain.policy->nrp);
    return true;
}

/// A packet without a tag, in the headers of a policy.
bool Forwarder::forward_best_effort_steered(const Lane& lane, rte_mbuf* mbuf, const Plain& plain) {
    const std::uint8_t dscp = dscp_of(plain);
    std::uint8_t* l3 = put_policy_in_front(lane, mbuf, plain, dscp);
    if (l3 == nullptr) [[unlikely]] {
        return false;
    }
    const TagTable& tags = lane.out->tags;
    TrafficClass traffic_class = TrafficClass::best_effort;
    if (plain.outer != nullptr) {
        const std::uint8_t clean = tags.tagging() == Tagging::dscp ? tags.clean_of(dscp) : dscp;
        ipv6::set_dscp(l3, clean);
        traffic_class = class_of_dscp(clean);
    } else {
        mpls::set_tc(l3, tags.clean_of(0));
    }
    join_queue(lane, mbuf, traffic_class, plain.policy->nrp);
    return true;
}

/// A TCQF packet whose top label is a policy's binding SID: the policy's labels take its place. In
/// the uniform model they all have its TTL. As write_labels().
bool Forwarder::forward_label_steered(const Lane& lane, rte_mbuf* mbuf, const Plain& plain) {
    if (plain.outer != nullptr || tables_->short_pipe) {
        return false;
    }
    const LabelStack& stack = *plain.stack;
    const std::uint32_t octets = (stack.count - 1u) * kLabelOctets;
    const std::uint32_t distance = lane.transit ? lane.instant.distance(plain.cycle) : 0;
    if (distance == 0 || plain.adjacency->label_count == 0 || !has_room(lane, mbuf, plain, octets))
        [[unlikely]] {
        return false;
    }
    const std::uint32_t entry = load32(plain.l3);
    std::uint8_t* top = put_in_front(mbuf, plain, octets, ethertype::kMpls);
    stack.write(
        top,
        mpls::entry(0, lane.in->egress_tc, false, static_cast<std::uint8_t>(mpls::ttl(entry) - 1)),
        mpls::bottom(entry));
    mpls::set_tc(top, new_tag(lane, plain));
    join_cycle(lane, mbuf, distance, plain.policy->nrp != kNoNrp ? plain.policy->nrp : plain.nrp);
    return true;
}

/// A flow's packet that enters TCQF in the headers of a policy.
bool Forwarder::forward_ingress_steered(const Lane& lane, rte_mbuf* mbuf, const Plain& plain) {
    if (lane.out->domain == kNoDomain || tables_->flows[plain.flow].has_service) {
        return false;
    }
    const std::uint8_t dscp = dscp_of(plain);
    std::uint8_t* place = put_policy_in_front(lane, mbuf, plain, dscp);
    if (place == nullptr) [[unlikely]] {
        return false;
    }
    join_by_flow(
        lane, mbuf, plain,
        {.tag_place = place,
         .share = lane.shares[plain.policy->nrp],
         .traffic_class = plain.outer != nullptr ? class_of_dscp(dscp) : TrafficClass::best_effort,
         .own_option = lane.out->tags.tagging() == Tagging::ipv6_option});
    return true;
}

/// The headers of a policy, complete but for the tag, in front of a packet that gets this DSCP:
/// where the tag goes, or nullptr, and nothing is changed.
inline std::uint8_t* Forwarder::put_policy_in_front(const Lane& lane, rte_mbuf* mbuf,
                                                    const Plain& plain, std::uint8_t dscp) const {
    return plain.outer != nullptr ? encapsulate_plain(lane, mbuf, plain, dscp)
                                  : push_plain(lane, mbuf, plain, dscp);
}

/// As encapsulate().
inline std::uint8_t* Forwarder::encapsulate_plain(const Lane& lane, rte_mbuf* mbuf,
                                                  const Plain& plain, std::uint8_t dscp) const {
    const InterfaceTable& out = *lane.out;
    const OuterHeader& outer = *plain.outer;
    const bool is_ipv4 = plain.kind == Layer3::ipv4;
    if (out.tags.tagging() == Tagging::mpls_tc ||
        (!is_ipv4 && has_extension_headers(ipv6::next(plain.l3))) ||
        !has_room(lane, mbuf, plain, outer.octets)) [[unlikely]] {
        return nullptr;
    }
    pass_hop(plain, dscp);
    const std::uint32_t hash =
        is_ipv4 ? ipv4_hash(plain.l3, plain.octets, tables_->hash_seed)
                : ipv6_hash(plain.l3, upper_of_ipv6(plain.l3, plain.octets), tables_->hash_seed);
    std::uint8_t* ip = put_in_front(mbuf, plain, outer.octets, ethertype::kIpv6);
    outer.write(ip, is_ipv4 ? plain.l3[1] : ipv6::traffic_class(plain.l3), flow_label_of(hash),
                is_ipv4 ? protocol::kIpv4 : protocol::kIpv6, plain.octets);
    return ip + outer.extensions.tcqf(out.option_header);
}

/// As write_labels().
inline std::uint8_t* Forwarder::push_plain(const Lane& lane, rte_mbuf* mbuf, const Plain& plain,
                                           std::uint8_t dscp) const {
    const LabelStack& stack = *plain.stack;
    const std::uint32_t octets = stack.count * kLabelOctets;
    if (lane.out->tags.tagging() != Tagging::mpls_tc || !has_room(lane, mbuf, plain, octets))
        [[unlikely]] {
        return nullptr;
    }
    const std::uint8_t pushed_tc = plain.cycle != 0 ? lane.in->egress_tc : std::uint8_t{0};
    const std::uint8_t ttl = pass_hop(plain, dscp);
    std::uint8_t* top = put_in_front(mbuf, plain, octets, ethertype::kMpls);
    stack.write(
        top, mpls::entry(0, pushed_tc, false, tables_->short_pipe ? std::uint8_t{255} : ttl), true);
    return top;
}

/// A flow's packet that enters TCQF with its DSCP as the tag.
[[gnu::always_inline]] inline bool Forwarder::forward_ingress(const Lane& lane, rte_mbuf* mbuf,
                                                              const Plain& plain) {
    if (!lane.ingress) {
        return false;
    }
    const FlowAction& flow = tables_->flows[plain.flow];
    if (plain.kind != Layer3::ipv4 || flow.has_service) [[unlikely]] {
        return forward_ingress_ipv6(lane, mbuf, plain);
    }
    write_addresses(*plain.adjacency, plain.l3);
    if (!lane.owned || !conforms_here(lane, flow, plain.octets - kIpv4Octets)) [[unlikely]] {
        pass_hop(plain, ipv4::dscp(plain.l3));
        dispatch(mbuf, plain_flow_decision(lane, mbuf, plain, untagged_ip(plain)));
        return true;
    }
    const CycleId cycle = enter(lane, mbuf, plain, flow, 0);
    if (cycle != 0) [[likely]] {
        ipv4::decrement_ttl_and_set_dscp(plain.l3, lane.out->tags.tag_of(cycle));
    }
    return true;
}

bool Forwarder::forward_ingress_ipv6(const Lane& lane, rte_mbuf* mbuf, const Plain& plain) {
    if (plain.kind != Layer3::ipv6 || tables_->flows[plain.flow].has_service) {
        return false;
    }
    write_addresses(*plain.adjacency, plain.l3);
    pass_hop(plain, ipv6::dscp(plain.l3));
    join_by_flow(lane, mbuf, plain, untagged_ip(plain));
    return true;
}

/// The end of the short way of a flow's packet that is finished but for its tag. As ingress().
void Forwarder::join_by_flow(const Lane& lane, rte_mbuf* mbuf, const Plain& plain,
                             const Untagged& untagged) {
    const FlowAction& flow = tables_->flows[plain.flow];
    if (!lane.owned || !conforms_here(lane, flow, payload_octets_of(plain))) {
        return dispatch(mbuf, plain_flow_decision(lane, mbuf, plain, untagged));
    }
    const CycleId cycle = enter(lane, mbuf, plain, flow, untagged.share);
    if (cycle != 0) [[likely]] {
        write_tag(lane.out->tags.tagging(), untagged.tag_place, lane.out->tags.tag_of(cycle));
    }
}

/// Whether a flow's packet needs nobody else to be policed, and conforms. One that does not may be
/// asked again.
inline bool Forwarder::conforms_here(const Lane& lane, const FlowAction& flow,
                                     std::uint32_t payload_octets) {
    return flow.policing_worker == index_ ? conforms(flow, lane.now_ns, payload_octets)
                                          : !flow.is_policed();
}

/// As join_as_flow(), at the instant of the lane.
[[gnu::always_inline]] inline CycleId Forwarder::enter(const Lane& lane, rte_mbuf* mbuf,
                                                       const Plain& plain, const FlowAction& flow,
                                                       std::uint32_t share) {
    return join_as_flow(mbuf, flow,
                        {.now = lane.tracker,
                         .packet_bits = plain.octets * 8,
                         .octets = mbuf->pkt_len,
                         .share = share,
                         .oif = lane.oif,
                         .is_taggable = true});
}

/// For whoever polices the flow, or looks after the interface.
Decision Forwarder::plain_flow_decision(const Lane& lane, const rte_mbuf* mbuf, const Plain& plain,
                                        const Untagged& untagged) const {
    Decision decision = flow_decision(plain.flow, lane.oif, lane.now_ns);
    decision.packet_bits = plain.octets * 8;
    decision.payload_octets = payload_octets_of(plain);
    decision.tag_place = untagged.tag_place;
    decision.own_option = untagged.own_option;
    decision.share = untagged.share;
    decision.octets = mbuf->pkt_len;
    decision.traffic_class = untagged.traffic_class;
    return decision;
}

/// The packets of a burst, in their order, each on the short way or the long one.
void Forwarder::forward_burst(const Source& source, std::span<rte_mbuf* const> mbufs,
                              const std::int64_t* arrivals_ns, std::int64_t now_ns) {
    const config::InterfaceIndex interface = source.interface;
    Lane lane;
    lane.iif = interface;
    lane.in = &tables_->interfaces[interface];
    lane.now_ns = now_ns;
    if (arrivals_ns == nullptr && source.last_poll_ns != kNever) {
        lane.longest_wait_ns = now_ns - source.last_poll_ns;
    }
    PlainBurst burst;
    const std::span<Plain> packets(burst.packets.data(), mbufs.size());
    if (shared_.options.short_way) [[likely]] {
        find_out(interface, mbufs, burst);
    } else {
        std::fill(packets.begin(), packets.end(), Plain{});
    }
    for (std::size_t i = 0; i < mbufs.size(); ++i) {
        if (arrivals_ns != nullptr && arrivals_ns[i] != lane.now_ns) {
            lane.now_ns = arrivals_ns[i];
            lane.oif = Lane::kNotChosen;
        }
        if (forward_plain(lane, mbufs[i], packets[i])) [[likely]] {
            continue;
        }
        Packet packet;
        packet.mbuf = mbufs[i];
        packet.route = packets[i].sid == nullptr ? packets[i].route : nullptr;
        packet.now_ns = lane.now_ns;
        packet.iif = interface;
        packet.longest_wait_ns = lane.longest_wait_ns;
        input(packet);
    }
}

}  // namespace tcqf::dataplane
