// The short way, first part: which packets of a burst are plain, and where they go.
//
// Nothing is changed here and nothing is counted. Each stage asks for the memory that the next one
// needs.

#include "dataplane/plain_burst.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "dataplane/classify.h"
#include "dataplane/flow_hash.h"
#include "dataplane/forwarder.h"
#include "dataplane/headers.h"
#include "dataplane/network_actions.h"
#include "dataplane/prefetch.h"
#include "dataplane/segment_routing_header.h"

namespace tcqf::dataplane {
namespace {

static_assert(kReceiveBurst <= FlowTable::kMaxBurst && kReceiveBurst <= SidIndex::kMaxBurst);

/// An Internet header without options and with nothing wrong, of a packet that fills its frame.
inline bool is_plain_ipv4(const std::uint8_t* ip, std::uint32_t octets) {
    return octets >= kIpv4Octets && ip[0] == 0x45 && ipv4::total_octets(ip) == octets &&
           ipv4::ttl(ip) > 1 && ipv4::is_unicast(ipv4::source(ip)) &&
           ipv4::is_unicast(ipv4::destination(ip)) && ipv4::short_checksum_right(ip);
}

inline bool is_plain_ipv6(const std::uint8_t* ip, std::uint32_t octets) {
    return octets >= kIpv6Octets && ip[0] >> 4 == 6 &&
           kIpv6Octets + ipv6::payload_octets(ip) == octets && ipv6::hop_limit(ip) > 1 &&
           ipv6::is_routable(ipv6::source(ip)) && ipv6::is_routable(ipv6::destination(ip));
}

/// Of a plain IPv6 packet without routing header.
inline bool has_options(const std::uint8_t* ip) {
    return ipv6::next(ip) == protocol::kHopByHop;
}
inline std::uint8_t behind_options(const std::uint8_t* ip) {
    return has_options(ip) ? ip[kIpv6Octets] : ipv6::next(ip);
}
inline bool carries_ip(const std::uint8_t* ip) {
    const std::uint8_t upper = behind_options(ip);
    return upper == protocol::kIpv4 || upper == protocol::kIpv6;
}

/// Whether a SID ends packets with this inside, without any flavor.
inline bool ends_ip(config::SidBehavior behavior, std::uint8_t protocol) {
    switch (behavior) {
        case config::SidBehavior::end_dt4:
        case config::SidBehavior::end_dx4:
            return protocol == protocol::kIpv4;
        case config::SidBehavior::end_dt6:
        case config::SidBehavior::end_dx6:
            return protocol == protocol::kIpv6;
        case config::SidBehavior::end_dt46:
            return protocol == protocol::kIpv4 || protocol == protocol::kIpv6;
        default:
            return false;
    }
}

/// Whether a label is an explicit null (RFC 3032, 2.1), anywhere in a stack (RFC 4182), that what
/// is `beneath` the last one does not contradict.
inline bool is_explicit_null(std::uint32_t entry, std::span<const std::uint8_t> beneath) {
    const unsigned version = mpls::label(entry) == mpls::kExplicitNullIpv4   ? 4
                             : mpls::label(entry) == mpls::kExplicitNullIpv6 ? 6
                                                                             : 0;
    return version != 0 &&
           (!mpls::bottom(entry) || (!beneath.empty() && beneath[0] >> 4 == version));
}

/// What a plain packet is matched against flows by, but for its interface.
inline void read_flow_fields(Layer3, const std::uint8_t* ip, std::uint32_t octets,
                             Ipv4FlowFields& fields) {
    read_ipv4_flow_fields(ip, octets, fields);
}
inline void read_flow_fields(Layer3 kind, const std::uint8_t* l3, std::uint32_t octets,
                             FlowFields& fields) {
    switch (kind) {
        case Layer3::ipv4:
            return read_ipv4_flow_fields(l3, octets, fields);
        case Layer3::ipv6:
            return read_ipv6_flow_fields(l3, octets, fields);
        default:
            fields = {};
            fields.has_mpls_label = true;
            fields.mpls_label = mpls::label(load32(l3));
            return;
    }
}

}  // namespace

inline bool Forwarder::recognise_ipv4(const InterfaceTable& in, Plain& plain) {
    if (!is_plain_ipv4(plain.l3, plain.octets)) {
        return false;
    }
    if (in.tags.tagging() == Tagging::dscp) {
        plain.cycle = in.tags.cycle_of(ipv4::dscp(plain.l3));
    }
    return true;
}

/// The tag is the DSCP, or an option in a hop-by-hop header of the usual layout.
inline bool Forwarder::recognise_ipv6(const InterfaceTable& in, Plain& plain) const {
    const std::uint8_t* ip = plain.l3;
    UsualOptions options;
    if (!is_plain_ipv6(ip, plain.octets) ||
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
    // Without a cycle it may be a flow's, and an option is not to be trusted everywhere.
    return plain.cycle != 0 || (options.tcqf == 0 && (tables_->flow_table->is_for_ipv4_alone() ||
                                                      !has_extension_headers(ipv6::next(ip))));
}

/// A stack that has a bottom, and nothing in it that a transit router looks at.
inline bool Forwarder::recognise_label(const InterfaceTable& in, Plain& plain) const {
    if (plain.octets < kLabelOctets) {
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
    if (in.tags.tagging() == Tagging::mpls_tc) {
        plain.cycle = in.tags.cycle_of(mpls::tc(top));
    }
    if (mpls::ttl(top) <= 1) {
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
                burst.add_ipv4(plain);
            }
            break;
        case ethertype::kIpv6:
            if (recognise_ipv6(in, plain)) {
                burst.add_ipv6(plain);
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

/// Second stage: the SIDs among destinations. Only what has a routing header or carries IP gets
/// past one here.
void Forwarder::find_sids(const PlainBurst& burst) const {
    std::array<Plain*, kReceiveBurst> packets;
    std::array<std::uint32_t, kReceiveBurst> sids;
    unsigned count = 0;
    for (Plain* plain : burst.ipv6_packets()) {
        if (plain->routing != 0 || carries_ip(plain->l3)) {
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
        } else if (sids[i] != SidIndex::kNone) {
            packets[i]->route = &tables_->sid_index->action(sids[i]);
            prefetch_entry(packets[i]->route);
        }
    }
}

/// Third stage: the flows of what has no cycle yet.
template <class Fields>
void Forwarder::match_flows(config::InterfaceIndex interface, std::span<Plain* const> packets,
                            PlainBurst& burst) const {
    std::array<Fields, kReceiveBurst> fields;
    std::array<Plain*, kReceiveBurst> matched;
    std::array<std::uint32_t, kReceiveBurst> flows;
    unsigned count = 0;
    for (Plain* plain : packets) {
        if (plain->cycle == 0) {
            read_flow_fields(plain->kind, plain->l3, plain->octets, fields[count]);
            fields[count].interface = interface;
            matched[count++] = plain;
        }
    }
    if (count == 0) {
        return;
    }
    tables_->flow_table->match_burst(std::span<const Fields>(fields.data(), count), flows.data());
    for (unsigned i = 0; i < count; ++i) {
        if (flows[i] != FlowTable::kNoFlow) {
            matched[i]->flow = flows[i];
            prefetch_entry(&tables_->flows[flows[i]]);
            burst.of_flows[burst.of_flows_count++] = matched[i];
        }
    }
}

/// Those of IPv6 and of labelled packets.
[[gnu::noinline]] void Forwarder::match_other_flows(config::InterfaceIndex interface,
                                                    std::span<Plain> packets,
                                                    PlainBurst& burst) const {
    std::array<Plain*, kReceiveBurst> others;
    unsigned count = 0;
    for (Plain& plain : packets) {
        if (plain.kind == Layer3::ipv6 || plain.kind == Layer3::labelled) {
            others[count++] = &plain;
        }
    }
    match_flows<FlowFields>(interface, {others.data(), count}, burst);
}

/// A SID's packet to which nothing happens but that the next segment becomes its destination: the
/// offset of that segment, else 0. The order of the checks does not matter to one that passes all.
inline std::uint16_t Forwarder::next_plain_segment(const Plain& plain, unsigned plain_from) {
    const std::uint8_t* routing = plain.l3 + plain.routing;
    const std::uint8_t left = srh::segments_left(routing);
    if (left < plain_from || srh::type(routing) != srh::kRoutingType || srh::is_for_oam(routing) ||
        !srh::segments_left_right(routing)) {
        return 0;
    }
    const std::uint8_t* segment = srh::segment(routing, left - 1u);
    return ipv6::is_routable(segment) ? static_cast<std::uint16_t>(segment - plain.l3)
                                      : std::uint16_t{0};
}

/// The address that a plain packet is looked up by: its destination or, at a SID of the plainest
/// kinds, the next segment (RFC 8986, 4.1), which there is `room` for where it has to be computed;
/// nullptr where no look-up is needed, or where the SID makes the packet one that is not plain.
inline const std::uint8_t* Forwarder::onward_address(Plain& plain, std::uint8_t* room) const {
    if (plain.sid == nullptr) {
        return plain.route == nullptr ? ipv6::destination(plain.l3) : nullptr;
    }
    if (plain.segment == Plain::kCompressed) [[unlikely]] {
        next_compressed(plain, room);
        return room;
    }
    if (plain.routing == 0) [[unlikely]] {
        if (plain.label_count == Plain::kExposed) {
            return ipv6::destination(plain.l3);
        }
        plain.kind = Layer3::other;  // until it is exposed
        return nullptr;
    }
    plain.segment = next_plain_segment(plain, plain.sid->plain_from);
    if (plain.segment == 0) {
        plain.kind = Layer3::other;
        return nullptr;
    }
    if (srh::segments_left(plain.l3 + plain.routing) == plain.sid->popped_at) [[unlikely]] {
        plain.label_count = Plain::kRoutingPopped;
    }
    plain.sid_counter = &counter_of(*plain.sid);
    prefetch_entry(plain.sid_counter);
    if (plain.sid->behavior == config::SidBehavior::end) [[likely]] {
        return plain.l3 + plain.segment;
    }
    look_up_at_sid(plain, plain.l3 + plain.segment);
    return nullptr;
}

/// Where End.X and End.T send a packet that has a new destination: to the SID's own next hops, or
/// by its table.
void Forwarder::look_up_at_sid(Plain& plain, const std::uint8_t* destination) const {
    plain.route = plain.sid->behavior == config::SidBehavior::end_t
                      ? &tables_->route(plain.sid->table, destination)
                      : nullptr;
}

/// Fourth stage: IP destinations, all at once.
void Forwarder::look_up(config::InterfaceIndex interface, const PlainBurst& burst) const {
    std::array<std::array<std::uint8_t, 16>, kReceiveBurst> ipv6_destinations;
    std::array<Plain*, kReceiveBurst> ipv6_packets;
    std::array<std::uint8_t, 16> room;
    unsigned ipv6_count = 0;
    for (Plain* plain : burst.ipv6_packets()) {
        if (const std::uint8_t* address = onward_address(*plain, room.data())) {
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

/// What a plain packet is spread over several next hops by, as spread_hash(); absent where a SID
/// changes it first.
std::optional<std::uint32_t> Forwarder::plain_hash(const Plain& plain) const {
    const std::uint32_t seed = tables_->hash_seed;
    if (plain.flow != FlowTable::kNoFlow) {
        return flow_id_hash(tables_->flows[plain.flow].id, seed);
    }
    switch (plain.kind) {
        case Layer3::ipv4:
            return ipv4_hash(plain.l3, plain.octets, seed);
        case Layer3::labelled:
            return label_hash(plain.l3, seed);
        default:
            break;
    }
    if (plain.segment != 0) {
        return std::nullopt;
    }
    return ipv6_hash(plain.l3, upper_of(plain), seed);
}

/// Of several next hops; nullptr where there are none, or where the long way has to choose.
[[gnu::noinline]] const Adjacency* Forwarder::choose_plain_hop(const Plain& plain,
                                                               const HopSet& hops) const {
    const std::optional<std::uint32_t> hash = hops.count > 1 ? plain_hash(plain) : std::nullopt;
    return hash ? &tables_->choose(hops, *hash) : nullptr;
}

/// False where its route or SID names no next hop.
inline bool Forwarder::find_hop(Plain& plain) const {
    const HopSet* hops = hops_of(plain);
    if (hops == nullptr || hops->count == 0) {
        return false;
    }
    take_hop(plain, *hops);
    return true;
}

inline void Forwarder::take_hop(Plain& plain, const HopSet& hops) const {
    plain.adjacency = hops.count == 1 ? hops.first : choose_plain_hop(plain, hops);
    prefetch_shared(plain.adjacency);
}

inline void Forwarder::find_adjacency(Plain& plain, PlainBurst& burst) const {
    if (find_hop(plain)) [[likely]] {
        return;
    }
    if (plain.sid != nullptr) {
        decapsulate_plain(plain, burst);
    } else if (plain.route != nullptr && (plain.route->kind == RouteKind::sid ||
                                          plain.route->kind == RouteKind::binding_sid)) {
        take_sid_route(plain, burst);
    }
}

/// A SID with an argument, in which the next one is: as next_csid(). No flow is told by what its
/// destination was before.
inline void Forwarder::take_compressed(Plain& plain, PlainBurst& burst) const {
    const SidAction& sid = tables_->sids[plain.route->index];
    const std::uint8_t* routing = plain.l3 + plain.routing;
    const bool is_oam = plain.routing != 0 && srh::is_for_oam(routing);
    std::array<std::uint8_t, 16> next;
    if (!sid.renews_destination() || !sid.flavors.next_csid || !burst.inside_srv6_domain ||
        is_oam || (plain.cycle == 0 && !tables_->flow_table->empty()) ||
        !srh::next_compressed(ipv6::destination(plain.l3), sid.block_bits, sid.node_bits,
                              next.data()) ||
        !ipv6::is_routable(next.data())) {
        return;
    }
    plain.sid = &sid;
    plain.segment = Plain::kCompressed;
    plain.sid_counter = &counter_of(sid);
    prefetch_entry(plain.sid_counter);
    if (sid.behavior == config::SidBehavior::end) {
        plain.route = nullptr;
        burst.add_ipv6(plain);
    } else {
        look_up_at_sid(plain, next.data());
        find_hop(plain);
    }
}

/// A policy's binding SID: the next segment becomes the destination, and the policy's headers go in
/// front (RFC 8986, 4.13 and 4.14).
inline void Forwarder::take_binding_sid(Plain& plain, const PlainBurst& burst) const {
    if (plain.routing == 0 || !burst.inside_srv6_domain ||
        (plain.cycle == 0 && !tables_->flow_table->empty())) {
        return;
    }
    const PolicyAction& policy = tables_->policies[plain.route->index];
    plain.segment = next_plain_segment(plain, 1);
    if (plain.segment == 0 || !policy.is_valid() || policy.sole.outer == nullptr) {
        return burst.leave(plain);
    }
    plain.sid_counter = &sid_counters_[policy.counter];
    prefetch_entry(plain.sid_counter);
    plain.policy = &policy;
    take_way(plain, policy.sole);
}

/// A route that is a SID.
[[gnu::noinline]] void Forwarder::take_sid_route(Plain& plain, PlainBurst& burst) const {
    plain.route->kind == RouteKind::sid ? take_compressed(plain, burst)
                                        : take_binding_sid(plain, burst);
}

/// Labels of ours on top and explicit nulls, with the control word of a DetNet service that ends
/// here (RFC 8964, 4.2), down to the packet that is beneath them: octets, or 0 where anything else
/// is among them.
[[gnu::noinline]] std::uint32_t Forwarder::own_labels_octets(const Plain& plain,
                                                             std::uint8_t& ttl_limit) const {
    const LabelAction* action = plain.label;
    for (std::uint32_t octets = 0;;) {
        const std::uint32_t entry = load32(plain.l3 + octets);
        octets += kLabelOctets;
        ttl_limit = tables_->short_pipe ? ttl_limit : std::min(ttl_limit, mpls::ttl(entry));
        if (action->kind == LabelKind::detnet_pop) {
            const bool has_word = mpls::bottom(entry) &&
                                  plain.octets >= octets + kControlWordOctets &&
                                  load32(plain.l3 + octets) >> action->sequence_bits == 0;
            return has_word ? octets + kControlWordOctets : 0;
        }
        if (action->kind != LabelKind::pop_and_lookup &&
            !is_explicit_null(entry, {plain.l3 + octets, plain.octets - octets})) {
            return 0;
        }
        if (mpls::bottom(entry)) {
            return octets;
        }
        action = &tables_->labels.find(mpls::label(load32(plain.l3 + octets)));
    }
}

/// What is beneath labels of ours is forwarded by its address. Flows may be told apart by the first
/// label, too.
inline void Forwarder::pop_plain(Plain& plain, PlainBurst& burst) const {
    plain.kind = Layer3::other;
    if (plain.cycle == 0 && !tables_->flow_table->empty()) {
        return;
    }
    const std::uint32_t entry = load32(plain.l3);
    const bool is_alone = plain.label->kind == LabelKind::pop_and_lookup && mpls::bottom(entry);
    plain.ttl_limit = tables_->short_pipe ? std::uint8_t{255} : mpls::ttl(entry);
    const std::uint32_t octets =
        is_alone ? kLabelOctets : own_labels_octets(plain, plain.ttl_limit);
    if (octets != 0 && plain.ttl_limit > 1) {
        expose(plain, octets) ? burst.add(plain) : burst.leave(plain);
    }
}

/// Goes over to what lies beneath `octets` that go. False where it is not plain.
bool Forwarder::expose(Plain& plain, std::uint32_t octets) {
    plain.label_count = Plain::kExposed;
    plain.l3 += octets;
    plain.octets -= octets;
    if (is_plain_ipv4(plain.l3, plain.octets)) {
        plain.kind = Layer3::ipv4;
        return true;
    }
    plain.kind = Layer3::ipv6;
    return is_plain_ipv6(plain.l3, plain.octets) && !has_extension_headers(ipv6::next(plain.l3));
}

/// As decapsulate(), of a packet to a SID that ends it, with nothing to be done for congestion
/// marks (RFC 6040, 4.2).
[[gnu::noinline]] void Forwarder::decapsulate_plain(Plain& plain, PlainBurst& burst) const {
    const std::uint8_t* outer = plain.l3;
    const std::uint8_t* routing = outer + plain.routing;
    if ((plain.routing != 0 && (srh::segments_left(routing) != 0 || srh::is_for_oam(routing))) ||
        (plain.cycle == 0 && !tables_->flow_table->empty())) {
        return;
    }
    const UpperLayer inner = upper_of(plain);
    const bool is_ipv4 = inner.protocol == protocol::kIpv4;
    if (!ends_ip(plain.sid->behavior, inner.protocol) || inner.octets < kIpv4Octets ||
        inner.start[0] >> 4 != (is_ipv4 ? 4 : 6)) {
        return;
    }
    const std::uint8_t marks = is_ipv4 ? inner.start[1] : ipv6::traffic_class(inner.start);
    const std::uint8_t outer_ecn = ipv6::traffic_class(outer) & 3;
    if (outer_ecn != 0 && outer_ecn != (marks & 3)) {
        return;
    }
    plain.sid_counter = &counter_of(*plain.sid);
    prefetch_entry(plain.sid_counter);
    plain.ttl_limit = 255;
    plain.nrp = kNoNrp;
    plain.routing = 0;
    expose(plain, plain.octets - inner.octets) ? find_way_of_inner(plain, burst)
                                               : burst.leave(plain);
}

/// To the SID's own next hops, or by the address in its table.
inline void Forwarder::find_way_of_inner(Plain& plain, PlainBurst& burst) const {
    const SidAction& sid = *plain.sid;
    if (sid.behavior == config::SidBehavior::end_dx4 ||
        sid.behavior == config::SidBehavior::end_dx6) {
        take_hop(plain, sid.hops);
    } else if (sid.table == kMainTable) {
        burst.add(plain);
    } else {
        plain.route = plain.kind == Layer3::ipv4
                          ? &tables_->route(sid.table, ipv4::destination(plain.l3))
                          : &tables_->route(sid.table, ipv6::destination(plain.l3));
        find_hop(plain);
    }
}

/// A label without a sole next hop: of several, of none (one of ours), or a policy's binding SID.
[[gnu::noinline]] void Forwarder::take_other_label(Plain& plain, PlainBurst& burst) const {
    if (plain.label->is_plain) {
        plain.adjacency = choose_plain_hop(plain, plain.label->hops);
    } else if (plain.label->kind == LabelKind::policy) {
        plain.policy = &tables_->policies[plain.label->policy];
        follow_policy(plain);
    } else {
        pop_plain(plain, burst);
    }
}

/// Fifth stage: the next hop; of what is beneath a label of ours only when it is looked up, too.
inline void Forwarder::find_adjacencies(std::span<Plain> packets, PlainBurst& burst) const {
    for (Plain& plain : packets) {
        if (plain.kind != Layer3::labelled) {
            find_adjacency(plain, burst);
            continue;
        }
        plain.adjacency = plain.label->sole_hop;
        prefetch_entry(plain.adjacency);
        if (plain.adjacency == nullptr) [[unlikely]] {
            take_other_label(plain, burst);
        }
    }
}

/// Whether what a route is for may be sent on, by its next hops or by a policy. What a policy that
/// leaves nothing falls back on may be anything.
inline bool Forwarder::is_way_out(const RouteAction& route) const {
    return route.kind == RouteKind::forward ||
           (route.kind == RouteKind::policy && !tables_->policies[route.index].leaves_nothing());
}

/// Sixth stage: policies that flows or routes lead into, and the way through them.
void Forwarder::follow_policies(std::span<Plain> burst) const {
    std::array<Plain*, kReceiveBurst> steered;
    unsigned count = 0;
    for (Plain& plain : burst) {
        if (plain.route == nullptr || plain.sid != nullptr || plain.label_count != 0 ||
            !is_way_out(*plain.route)) {
            continue;
        }
        const std::uint32_t policy = policy_for(plain.flow, *plain.route);
        if (policy != kNoPolicy) {
            plain.policy = &tables_->policies[policy];
            prefetch_entry(plain.policy);
            steered[count++] = &plain;
        }
    }
    for (unsigned i = 0; i < count; ++i) {
        steered[i]->adjacency = nullptr;
        follow_policy(*steered[i]);
    }
}

inline void Forwarder::follow_policy(Plain& plain) const {
    if (plain.policy->sole.hop != nullptr) {
        take_way(plain, plain.policy->sole);
    } else {
        choose_way(plain);
    }
}

inline void Forwarder::take_way(Plain& plain, const PolicyWay& way) const {
    plain.adjacency = way.hop;
    prefetch_shared(way.hop);
    const void* prepared = way.stack;
    if (way.outer != nullptr) {
        const bool has_tag = plain.cycle != 0 || plain.flow != FlowTable::kNoFlow;
        const TcqfPlace place =
            has_tag ? tables_->interfaces[way.oif].tcqf_place() : TcqfPlace::none;
        plain.outer = &way.outer->of(plain.policy->reduced, place);
        prepared = plain.outer;
    } else {
        plain.stack = way.stack;
    }
    prefetch_entry(prepared);
    prefetch_entry(static_cast<const std::uint8_t*>(prepared) + 64);
}

/// As choose_list() and choose_hop().
[[gnu::noinline]] void Forwarder::choose_way(Plain& plain) const {
    const std::optional<std::uint32_t> hash =
        plain.policy->is_valid() ? plain_hash(plain) : std::nullopt;
    if (!hash) {
        return;
    }
    const SegmentListAction& list = tables_->choose(*plain.policy, *hash);
    if (list.is_plain) {
        take_way(plain, way_through(list, tables_->choose(list.hops, *hash)));
    }
}

/// Seventh stage: the state of flows, as far as this worker may look at it: each policer and each
/// interface's cursors belong to one worker.
void Forwarder::prefetch_flows(const PlainBurst& burst) {
    config::InterfaceIndex oif = UINT16_MAX;   // none yet
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

/// All stages; what is not plain is of kind `other` then, or has no next hop.
void Forwarder::find_out(config::InterfaceIndex interface, std::span<rte_mbuf* const> mbufs,
                         PlainBurst& burst) {
    const InterfaceTable& in = tables_->interfaces[interface];
    burst.own_mac = std::uint64_t{load32(in.mac.data())} << 16 | load16(&in.mac[4]);
    const std::span<Plain> packets(burst.packets.data(), mbufs.size());
    for (std::size_t i = 0; i < mbufs.size(); ++i) {
        recognise(in, mbufs[i], packets[i], burst);
    }
    burst.inside_srv6_domain = inside_srv6_domain(interface);
    if (in.route_table == kMainTable && !tables_->sid_index->empty() && burst.inside_srv6_domain) {
        find_sids(burst);
    }
    const FlowTable& flow_table = *tables_->flow_table;
    if (!flow_table.empty()) {
        flow_table.is_plain_for_ipv4()
            ? match_flows<Ipv4FlowFields>(interface, burst.ipv4_packets(), burst)
            : match_flows<FlowFields>(interface, burst.ipv4_packets(), burst);
        if (!flow_table.is_for_ipv4_alone()) {
            match_other_flows(interface, packets, burst);
        }
    }
    look_up(interface, burst);
    burst.ipv4_count = burst.ipv6_count = 0;
    find_adjacencies(packets, burst);
    // What was beneath something, or has another destination now: once, a second time is not plain.
    if (burst.ipv4_count + burst.ipv6_count != 0) {
        look_up(interface, burst);
        for (const auto& found_later : {burst.ipv4_packets(), burst.ipv6_packets()}) {
            for (Plain* plain : found_later) {
                find_hop(*plain);
            }
        }
    }
    if (!tables_->policies.empty()) {
        follow_policies(packets);
    }
    prefetch_flows(burst);
}

}  // namespace tcqf::dataplane
