// The short way: packets in plain transit, a burst at a time.
//
// Most packets of a TCQF router need a look-up, a new tag and a place in a cycle, and nothing else.
// They are recognised here and finished without the context that the long way carries along.
// Nothing is changed and nothing is counted before a packet is known to be plain in every respect;
// all others are left to input(), which would do the same with a plain one
// (tests/dataplane/express_test.cc compares the two ways packet by packet).
//
// Each stage of a burst asks for the memory that the next one needs.

#include <array>
#include <cstring>

#include "dataplane/classify.h"
#include "dataplane/flow_hash.h"
#include "dataplane/forwarder.h"
#include "dataplane/headers.h"
#include "dataplane/network_actions.h"
#include "dataplane/prefetch.h"
#include "dataplane/segment_routing_header.h"
#include "dataplane/write_tag.h"

namespace tcqf::dataplane {

/// What a burst's stages find out about one packet. Without initialisers: recognise() fills it.
struct Forwarder::Plain {
    Layer3 kind;               ///< other: something about it is special
    std::uint8_t label_count;  ///< that are swapped
    CycleId cycle;             ///< identifier on the incoming interface; 0: not TCQF
    std::uint16_t option;      ///< offset of the option that is the tag; 0: there is none
    std::uint16_t routing;     ///< offset of the routing header; 0: there is none
    std::uint16_t segment;  ///< offset of the one that becomes the destination here; 0: none does
    std::uint32_t octets;   ///< of layer 3
    std::uint32_t nrp;
    std::uint32_t flow;
    std::uint8_t* l3;
    const SidAction* sid;      ///< that its destination is
    const RouteAction* route;  ///< of its destination, or of the segment that becomes it
    union {
        const LabelAction* label;  ///< of the top label
        SidCounter* sid_counter;   ///< where there is a SID
    };
    const PolicyAction* policy;  ///< that its route leads into
    const OuterHeader* outer;    ///< of that policy's one way
    const Adjacency* adjacency;  ///< the next hop, where there is only one
};

/// The packets of a burst, and those that are looked up by an address.
struct Forwarder::PlainBurst {
    std::uint64_t own_mac = 0;  ///< of the interface they came in by
    std::array<Plain, kReceiveBurst> packets;
    std::array<Plain*, kReceiveBurst> ipv4;
    std::array<std::uint32_t, kReceiveBurst> ipv4_destinations;
    std::array<Plain*, kReceiveBurst> ipv6;
    std::array<Plain*, kReceiveBurst> of_flows;
    unsigned ipv4_count = 0;
    unsigned ipv6_count = 0;
    unsigned of_flows_count = 0;

    std::span<Plain* const> ipv4_packets() const { return {ipv4.data(), ipv4_count}; }
    std::span<Plain* const> ipv6_packets() const { return {ipv6.data(), ipv6_count}; }
    std::span<Plain* const> packets_of_flows() const { return {of_flows.data(), of_flows_count}; }
};

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
    CycleNumber current = 0;  ///< cycle of oif
    PacketEgress* egress = nullptr;
};

namespace {

static_assert(kReceiveBurst <= FlowTable::kMaxBurst && kReceiveBurst <= SidIndex::kMaxBurst);

/// Ethernet's, in front of layer 3.
inline void write_addresses(const Adjacency& adjacency, std::uint8_t* l3) {
    std::memcpy(l3 - kEthernetOctets, adjacency.ethernet.data(), adjacency.ethernet.size());
}

inline bool is_plain_ipv6(const std::uint8_t* ip, std::uint32_t octets) {
    return ip[0] >> 4 == 6 && kIpv6Octets + ipv6::payload_octets(ip) == octets &&
           ipv6::hop_limit(ip) > 1 && ipv6::is_routable(ipv6::source(ip)) &&
           ipv6::is_routable(ipv6::destination(ip));
}

}  // namespace

/// The tag of the cycle that a TCQF packet gets.
inline std::uint8_t Forwarder::new_tag(const Lane& lane, const Plain& plain) {
    return lane.out->tags.tag_of(lane.map->oif_cycle(plain.cycle));
}

/// One hop less, and what was a tag on the way in becomes the domain's mark. The TTL that is left.
inline std::uint8_t Forwarder::leave_by_dscp(const InterfaceTable& in, const Plain& plain) {
    if (plain.kind == Layer3::ipv4) {
        ipv4::decrement_ttl_and_set_dscp(plain.l3, in.egress_dscp);
        return ipv4::ttl(plain.l3);
    }
    const auto limit = static_cast<std::uint8_t>(ipv6::hop_limit(plain.l3) - 1);
    ipv6::set_hop_limit(plain.l3, limit);
    ipv6::set_dscp(plain.l3, in.egress_dscp);
    return limit;
}

/// Whether headers may be put in front of a packet, without moving it.
inline bool Forwarder::has_room(const Lane& lane, const rte_mbuf* mbuf, const Plain& plain,
                                std::uint32_t octets) {
    return plain.octets + octets <= lane.mtu && rte_pktmbuf_headroom(mbuf) >= octets;
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

/// An Internet header without options and with nothing wrong, of a packet that fills its frame.
inline bool Forwarder::recognise_ipv4(const InterfaceTable& in, Plain& plain) {
    const std::uint8_t* ip = plain.l3;
    if (plain.octets < kIpv4Octets || ip[0] != 0x45 || ipv4::total_octets(ip) != plain.octets ||
        ipv4::ttl(ip) <= 1 || !ipv4::is_unicast(ipv4::source(ip)) ||
        !ipv4::is_unicast(ipv4::destination(ip)) || !ipv4::short_checksum_right(ip)) {
        return false;
    }
    if (in.tags.tagging() == Tagging::dscp) {
        plain.cycle = in.tags.cycle_of(ipv4::dscp(ip));
    }
    return true;
}

/// The tag is the DSCP, or an option in a hop-by-hop header of the usual layout.
inline bool Forwarder::recognise_ipv6(const InterfaceTable& in, Plain& plain) const {
    const std::uint8_t* ip = plain.l3;
    UsualOptions options;
    if (plain.octets < kIpv6Octets || !is_plain_ipv6(ip, plain.octets) ||
        (has_extension_headers(ipv6::next(ip)) &&
         !tables_->usual_layout.read(ip, plain.octets, options)) ||
        (options.nrp != 0 && !tables_->read_partition(ip + options.nrp, plain.nrp))) {
        return false;
    }
    if (in.tags.tagging() == Tagging::dscp) {
        plain.cycle = in.tags.cycle_of(ipv6::dscp(ip));
    } else if (in.tags.tagging() == Tagging::ipv6_option && options.tcqf != 0 &&
               in.option_header == config::OptionHeader::hop_by_hop) {
        plain.cycle = in.tags.cycle_of(ip[options.tcqf + kCycleIdOffset]);
        plain.option = options.tcqf;
    }
    plain.routing = options.routing;
    return true;
}

/// A TCQF packet whose stack has a bottom, and nothing in it that a transit router looks at.
inline bool Forwarder::recognise_label(const InterfaceTable& in, Plain& plain) const {
    if (in.tags.tagging() != Tagging::mpls_tc || plain.octets < kLabelOctets) {
        return false;
    }
    const std::uint32_t top = load32(plain.l3);
    std::uint32_t entry = top;
    for (std::uint32_t offset = kLabelOctets; !mpls::bottom(entry); offset += kLabelOctets) {
        if (offset + kLabelOctets > plain.octets) {
            return false;
        }
        entry = load32(plain.l3 + offset);
        if (mpls::label(entry) == kNetworkActionLabel && !tables_->nrps.empty()) {
            return false;
        }
    }
    plain.cycle = in.tags.cycle_of(mpls::tc(top));
    if (plain.cycle == 0 || mpls::ttl(top) <= 1) {
        return false;
    }
    plain.label_count = 1;
    plain.label = &tables_->labels.find(mpls::label(top));
    prefetch_entry(plain.label);
    return true;
}

/// First stage: what kind of packet it is, and the action of a label.
inline void Forwarder::recognise(const InterfaceTable& in, rte_mbuf* mbuf, Plain& plain,
                                 PlainBurst& burst) const {
    plain = {};
    plain.nrp = kNoNrp;
    plain.flow = FlowTable::kNoFlow;
    auto* frame = rte_pktmbuf_mtod(mbuf, std::uint8_t*);
    if (mbuf->pkt_len <= kMinFrameOctets || load64(frame) >> 16 != burst.own_mac ||
        mbuf->nb_segs != 1) [[unlikely]] {
        return;
    }
    plain.l3 = frame + kEthernetOctets;
    plain.octets = mbuf->pkt_len - kEthernetOctets;
    switch (load16(frame + 12)) {
        case ethertype::kIpv4:
            if (recognise_ipv4(in, plain)) {
                plain.kind = Layer3::ipv4;
                burst.ipv4_destinations[burst.ipv4_count] = ipv4::destination(plain.l3);
                burst.ipv4[burst.ipv4_count++] = &plain;
            }
            break;
        case ethertype::kIpv6:
            if (recognise_ipv6(in, plain)) {
                plain.kind = Layer3::ipv6;
                burst.ipv6[burst.ipv6_count++] = &plain;
            }
            break;
        case ethertype::kMpls:
            if (recognise_label(in, plain)) {
                plain.kind = Layer3::labelled;
            }
            break;
        default:
            break;
    }
}

/// Second stage: the SIDs among destinations. Only what has a routing header gets past one here.
void Forwarder::find_sids(const PlainBurst& burst) const {
    std::array<Plain*, kReceiveBurst> packets;
    std::array<std::uint32_t, kReceiveBurst> sids;
    unsigned count = 0;
    for (Plain* plain : burst.ipv6_packets()) {
        if (plain->routing != 0) {
            packets[count++] = plain;
        }
    }
    if (count == 0) {
        return;
    }
    tables_->sid_index->find_burst(
        count, [&](std::size_t i) { return ipv6::destination(packets[i]->l3); }, sids.data());
    const std::size_t known = tables_->sids.size();
    const SidAction* first = tables_->sids.begin();
    for (unsigned i = 0; i < count; ++i) {
        if (sids[i] < known) {
            packets[i]->sid = first + sids[i];
            prefetch_entry(packets[i]->sid);
        }
    }
}

/// Third stage: the flows of what has no cycle yet.
template <class Fields>
void Forwarder::match_flows(config::InterfaceIndex interface, PlainBurst& burst) const {
    std::array<Fields, kReceiveBurst> fields;
    std::array<Plain*, kReceiveBurst> packets;
    std::array<std::uint32_t, kReceiveBurst> flows;
    unsigned count = 0;
    for (Plain* plain : burst.ipv4_packets()) {
        if (plain->cycle == 0) {
            read_ipv4_flow_fields(plain->l3, plain->octets, fields[count]);
            fields[count].interface = interface;
            packets[count++] = plain;
        }
    }
    if (count == 0) {
        return;
    }
    tables_->flow_table->match_burst(std::span<const Fields>(fields.data(), count), flows.data());
    for (unsigned i = 0; i < count; ++i) {
        if (flows[i] != FlowTable::kNoFlow) {
            packets[i]->flow = flows[i];
            prefetch_entry(&tables_->flows[flows[i]]);
            burst.of_flows[burst.of_flows_count++] = packets[i];
        }
    }
}

/// A SID's packet to which nothing happens but that the next segment becomes its destination: the
/// offset of that segment, else 0. The order of the checks does not matter to one that passes all.
inline std::uint16_t Forwarder::next_plain_segment(const Plain& plain, const SidAction& sid) {
    const std::uint8_t* routing = plain.l3 + plain.routing;
    const std::uint8_t left = srh::segments_left(routing);
    if (left < sid.plain_from || srh::type(routing) != srh::kRoutingType ||
        (srh::flags(routing) & srh::kOamFlag) != 0 || !srh::segments_left_right(routing)) {
        return 0;
    }
    const std::uint8_t* segment = srh::segment(routing, left - 1u);
    return ipv6::is_routable(segment) ? static_cast<std::uint16_t>(segment - plain.l3)
                                      : std::uint16_t{0};
}

/// The address that a plain packet is looked up by: its destination or, at a SID of the plainest
/// kinds, the next segment (RFC 8986, 4.1); nullptr where no look-up is needed, or where the SID
/// makes the packet one that is not plain.
inline const std::uint8_t* Forwarder::onward_address(Plain& plain) const {
    if (plain.sid == nullptr) {
        return ipv6::destination(plain.l3);
    }
    plain.segment = next_plain_segment(plain, *plain.sid);
    if (plain.segment == 0) {
        plain.kind = Layer3::other;
        return nullptr;
    }
    plain.sid_counter = &counter_of(*plain.sid);
    prefetch_entry(plain.sid_counter);
    return plain.sid->behavior == config::SidBehavior::end_x ? nullptr : plain.l3 + plain.segment;
}

/// Fourth stage: IP destinations, all at once.
void Forwarder::look_up(config::InterfaceIndex interface, const PlainBurst& burst) const {
    std::array<std::array<std::uint8_t, 16>, kReceiveBurst> ipv6_destinations;
    std::array<Plain*, kReceiveBurst> ipv6_packets;
    unsigned ipv6_count = 0;
    for (Plain* plain : burst.ipv6_packets()) {
        if (const std::uint8_t* address = onward_address(*plain)) {
            std::memcpy(ipv6_destinations[ipv6_count].data(), address, 16);
            ipv6_packets[ipv6_count++] = plain;
        }
    }
    const RouteTable& table = tables_->route_tables[tables_->interfaces[interface].route_table];
    std::array<std::uint64_t, kReceiveBurst> values;
    const auto use = [&](Family family, Plain* const* packets, unsigned count) {
        const RouteActions& actions = table.routes(family).actions;
        for (unsigned i = 0; i < count; ++i) {
            packets[i]->route = &actions[values[i]];
            prefetch_shared(packets[i]->route);
        }
    };
    if (burst.ipv4_count != 0) {
        table.find_ipv4_bulk(burst.ipv4_destinations.data(), values.data(), burst.ipv4_count);
        use(Family::ipv4, burst.ipv4.data(), burst.ipv4_count);
    }
    if (ipv6_count != 0) {
        table.find_ipv6_bulk(ipv6_destinations.data(), values.data(), ipv6_count);
        use(Family::ipv6, ipv6_packets.data(), ipv6_count);
    }
}

/// Where a plain packet goes; nullptr: into a policy, or somewhere special.
inline const HopSet* Forwarder::hops_of(const Plain& plain) {
    if (plain.route == nullptr) {
        return plain.segment != 0 ? &plain.sid->hops : nullptr;  // End.X (RFC 8986, 4.2)
    }
    return &plain.route->hops;
}

/// Fifth stage: the next hop, where there is only one.
void Forwarder::find_adjacencies(std::span<Plain> burst) {
    for (Plain& plain : burst) {
        if (plain.kind == Layer3::labelled) {
            plain.adjacency = plain.label->sole_swap;
            prefetch_entry(plain.adjacency);
            continue;
        }
        const HopSet* hops = hops_of(plain);
        if (hops != nullptr && hops->count == 1) {
            plain.adjacency = hops->first;
            prefetch_shared(plain.adjacency);
        }
    }
}

/// Sixth stage: policies that routes lead into, and their only way, where there is one.
void Forwarder::follow_policies(std::span<Plain> burst) const {
    std::array<Plain*, kReceiveBurst> steered;
    unsigned count = 0;
    for (Plain& plain : burst) {
        if (plain.route != nullptr && plain.route->kind == RouteKind::policy &&
            plain.sid == nullptr) {
            plain.policy = &tables_->policies[plain.route->index];
            prefetch_entry(plain.policy);
            steered[count++] = &plain;
        }
    }
    for (unsigned i = 0; i < count; ++i) {
        Plain& plain = *steered[i];
        if (plain.cycle == 0 || plain.policy->sole.hop == nullptr) {
            continue;
        }
        const SoleWay& way = plain.policy->sole;
        plain.adjacency = way.hop;
        prefetch_shared(way.hop);
        const void* prepared = way.stack;
        if (way.outer != nullptr) {
            plain.outer =
                &way.outer->of(plain.policy->reduced, tables_->interfaces[way.oif].tcqf_place());
            prepared = plain.outer;
        }
        prefetch_entry(prepared);
        prefetch_entry(static_cast<const std::uint8_t*>(prepared) + 64);
    }
}

/// Seventh stage: the state of flows, as far as this worker may look at it: each policer and each
/// interface's cursors belong to one worker.
void Forwarder::prefetch_flows(const PlainBurst& burst) {
    config::InterfaceIndex oif = Lane::kNotChosen;
    SlotArray<FlowCursor>* cursors = nullptr;  // of oif, where they are this worker's
    for (const Plain* plain : burst.packets_of_flows()) {
        const FlowAction& flow = tables_->flows[plain->flow];
        if (flow.policing_worker == index_) {
            flow.policer.prefetch(policer_positions_[flow.slot]);
        }
        if (plain->adjacency == nullptr) {
            continue;
        }
        if (oif != plain->adjacency->oif) {
            oif = plain->adjacency->oif;
            const bool has_own =
                tables_->interfaces[oif].domain != kNoDomain && state(oif).owner == index_;
            cursors = has_own ? &state(oif).cursors : nullptr;
        }
        if (cursors != nullptr) {
            prefetch_entry(&(*cursors)[flow.slot]);
        }
    }
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
    lane.shares = tables_->shares_of(oif);
    lane.tracker = &tracker(oif, lane.now_ns);
    lane.in_cycle =
        lane.map != nullptr && lane.in->domain == lane.out->domain && lane.owned &&
        lane.longest_wait_ns <= lane.map->max_poll_gap_ns(lane.out->timing.cycle_time_ns);
    lane.transit = lane.in_cycle && lane.in->tags.tagging() == lane.out->tags.tagging() &&
                   lane.in->option_header == lane.out->option_header;
    lane.steers = lane.in_cycle && lane.in->tags.tagging() == Tagging::dscp;
    if (lane.in_cycle) {
        lane.instant = lane.map->at(lane.tracker->index());
        lane.current = lane.tracker->cycle();
        lane.egress = &out.output->egress;
    }
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
    if (plain.octets > lane.mtu || !adjacency.resolved ||
        adjacency.label_count != plain.label_count) [[unlikely]] {
        return false;
    }
    return plain.cycle != 0 ? forward_transit(lane, mbuf, plain)
                            : forward_ingress(lane, mbuf, plain);
}

[[gnu::always_inline]] inline bool Forwarder::forward_transit(const Lane& lane, rte_mbuf* mbuf,
                                                              const Plain& plain) {
    const std::uint32_t distance = lane.transit ? lane.instant.distance(plain.cycle) : 0;
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
                plain.sid_counter->count(plain.octets);
                --l3[plain.routing + 3];
                std::memcpy(l3 + 24, l3 + plain.segment, 16);
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
    const Refusal refusal = lane.egress->enqueue_in_cycle(lane.current + distance,
                                                          {mbuf, mbuf->pkt_len}, lane.shares[nrp]);
    if (refusal != Refusal::none) [[unlikely]] {
        refuse(lane.oif, mbuf, refusal);
    }
}

/// Into a policy with one way: a TCQF packet whose tag is its DSCP.
bool Forwarder::forward_steered(const Lane& lane, rte_mbuf* mbuf, const Plain& plain) {
    const std::uint32_t distance = lane.steers ? lane.instant.distance(plain.cycle) : 0;
    if (distance == 0) [[unlikely]] {
        return false;
    }
    if (!(plain.outer != nullptr ? encapsulate_plain(lane, mbuf, plain)
                                 : push_plain(lane, mbuf, plain))) [[unlikely]] {
        return false;
    }
    join_cycle(lane, mbuf, distance, plain.policy->nrp);
    return true;
}

/// As encapsulate().
inline bool Forwarder::encapsulate_plain(const Lane& lane, rte_mbuf* mbuf,
                                         const Plain& plain) const {
    const InterfaceTable& out = *lane.out;
    const OuterHeader& outer = *plain.outer;
    const bool is_ipv4 = plain.kind == Layer3::ipv4;
    if (out.tags.tagging() == Tagging::mpls_tc ||
        (!is_ipv4 && has_extension_headers(ipv6::next(plain.l3))) ||
        !has_room(lane, mbuf, plain, outer.octets)) [[unlikely]] {
        return false;
    }
    leave_by_dscp(*lane.in, plain);
    const std::uint32_t hash =
        is_ipv4 ? ipv4_hash(plain.l3, plain.octets, tables_->hash_seed)
                : ipv6_hash(plain.l3, upper_of_ipv6(plain.l3, plain.octets), tables_->hash_seed);
    std::uint8_t* ip = put_in_front(mbuf, plain, outer.octets, ethertype::kIpv6);
    outer.write(ip, is_ipv4 ? plain.l3[1] : ipv6::traffic_class(plain.l3), flow_label_of(hash),
                is_ipv4 ? protocol::kIpv4 : protocol::kIpv6, plain.octets);
    const std::uint16_t option = outer.extensions.tcqf(out.option_header);
    write_tag(out.tags.tagging(), ip + option, new_tag(lane, plain));
    return true;
}

/// As write_labels().
inline bool Forwarder::push_plain(const Lane& lane, rte_mbuf* mbuf, const Plain& plain) const {
    const LabelStack& stack = *plain.policy->sole.stack;
    const std::uint32_t octets = stack.count * kLabelOctets;
    if (lane.out->tags.tagging() != Tagging::mpls_tc || !has_room(lane, mbuf, plain, octets))
        [[unlikely]] {
        return false;
    }
    const std::uint8_t ttl = leave_by_dscp(*lane.in, plain);
    std::uint8_t* top = put_in_front(mbuf, plain, octets, ethertype::kMpls);
    stack.write(top, mpls::entry(0, lane.in->egress_tc, false,
                                 tables_->short_pipe ? std::uint8_t{255} : ttl));
    mpls::set_tc(top, new_tag(lane, plain));
    return true;
}

/// A flow's IPv4 packet that enters TCQF.
[[gnu::always_inline]] inline bool Forwarder::forward_ingress(const Lane& lane, rte_mbuf* mbuf,
                                                              const Plain& plain) {
    if (plain.flow == FlowTable::kNoFlow || !lane.ingress) {
        return false;
    }
    const FlowAction& flow = tables_->flows[plain.flow];
    if (flow.policy != kNoPolicy || flow.has_service) {
        return false;
    }
    write_addresses(*plain.adjacency, plain.l3);
    if (!lane.owned || !conforms_here(lane, plain, flow)) [[unlikely]] {
        ipv4::set_ttl(plain.l3, static_cast<std::uint8_t>(ipv4::ttl(plain.l3) - 1));
        dispatch(mbuf, plain_flow_decision(lane, mbuf, plain));
        return true;
    }
    const CycleId cycle = join_as_flow(mbuf, flow,
                                       {.now = lane.tracker,
                                        .packet_bits = plain.octets * 8,
                                        .octets = mbuf->pkt_len,
                                        .share = 0,
                                        .oif = lane.oif,
                                        .is_taggable = true});
    if (cycle != 0) [[likely]] {
        ipv4::decrement_ttl_and_set_dscp(plain.l3, lane.out->tags.tag_of(cycle));
    }
    return true;
}

/// Whether a flow's packet needs nobody else to be policed, and conforms. One that does not may be
/// asked again.
inline bool Forwarder::conforms_here(const Lane& lane, const Plain& plain, const FlowAction& flow) {
    return flow.policing_worker == index_ ? conforms(flow, lane.now_ns, plain.octets - kIpv4Octets)
                                          : !flow.is_policed();
}

/// As ingress().
Decision Forwarder::plain_flow_decision(const Lane& lane, const rte_mbuf* mbuf,
                                        const Plain& plain) const {
    Decision decision = flow_decision(plain.flow, lane.oif, lane.now_ns);
    decision.packet_bits = plain.octets * 8;
    decision.payload_octets = plain.octets - kIpv4Octets;
    decision.tag_place = plain.l3;
    decision.octets = mbuf->pkt_len;
    decision.traffic_class = class_of_dscp(ipv4::dscp(plain.l3));
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
    burst.own_mac = std::uint64_t{load32(lane.in->mac.data())} << 16 | load16(&lane.in->mac[4]);
    const std::span<Plain> packets(burst.packets.data(), mbufs.size());
    if (!shared_.options.short_way) [[unlikely]] {
        std::fill(packets.begin(), packets.end(), Plain{});
    } else {
        for (std::size_t i = 0; i < mbufs.size(); ++i) {
            recognise(*lane.in, mbufs[i], packets[i], burst);
        }
        if (lane.in->route_table == kMainTable && !tables_->sid_index->empty() &&
            inside_srv6_domain(interface)) {
            find_sids(burst);
        }
        if (!tables_->flow_table->empty()) {
            tables_->flow_table->is_plain_for_ipv4() ? match_flows<Ipv4FlowFields>(interface, burst)
                                                     : match_flows<FlowFields>(interface, burst);
        }
        look_up(interface, burst);
        find_adjacencies(packets);
        if (!tables_->policies.empty()) {
            follow_policies(packets);
        }
        prefetch_flows(burst);
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
