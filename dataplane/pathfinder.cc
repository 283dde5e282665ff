// Where packets go: the stages, from what a packet is to its next hop. Each asks for the memory
// that the next one needs.

#include <array>
#include <cstring>

#include "dataplane/classify.h"
#include "dataplane/headers.h"
#include "dataplane/network_actions.h"
#include "dataplane/pathfinder_steps.h"
#include "dataplane/prefetch.h"
#include "dataplane/segment_routing_header.h"

namespace tcqf::dataplane {
namespace {

static_assert(kReceiveBurst <= FlowTable::kMaxBurst);

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

inline bool Pathfinder::recognise_ipv4(const InterfaceTable& in, Plain& plain) {
    if (!is_plain_ipv4(plain.l3, plain.octets)) {
        return false;
    }
    if (in.tags.tagging() == Tagging::dscp) {
        plain.cycle = in.tags.cycle_of(ipv4::dscp(plain.l3));
    }
    return true;
}

/// The tag is the DSCP, or an option in a hop-by-hop header of the usual layout.
inline bool Pathfinder::recognise_ipv6(const InterfaceTable& in, Plain& plain) const {
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
inline bool Pathfinder::recognise_label(const InterfaceTable& in, Plain& plain) const {
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
inline void Pathfinder::recognise(const InterfaceTable& in, rte_mbuf* mbuf, Plain& plain,
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
void Pathfinder::find_sids(const PlainBurst& burst) const {
    const SidIndex& index = *tables_->sid_index;
    std::array<SidIndex::Search, kReceiveBurst> searches;
    std::array<Plain*, kReceiveBurst> searched;
    unsigned count = 0;
    for (Plain* plain : burst.ipv6_packets()) {
        if (plain->routing != 0 || carries_ip(plain->l3)) {
            searches[count] = index.ask_for(ipv6::destination(plain->l3));
            searched[count++] = plain;
        }
    }
    const std::size_t known = tables_->sids.size();
    const SidAction* first = tables_->sids.begin();
    for (unsigned i = 0; i < count; ++i) {
        Plain& plain = *searched[i];
        const std::uint32_t position = index.find(searches[i]);
        if (position < known) {
            plain.sid = first + position;
            prefetch_entry(plain.sid);
        } else if (position != SidIndex::kNone) {
            plain.route = &index.action(position);
            prefetch_entry(plain.route);
        }
    }
}

/// Third stage: the flows of what has no cycle yet.
template <class Fields>
void Pathfinder::match_flows(config::InterfaceIndex interface, std::span<Plain* const> packets,
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
        take_flow(*matched[i], flows[i], burst);
    }
}

/// The same of IPv4 packets where one index has all their flows: each is asked for as soon as its
/// key is known, so that little time is spent on nothing but waiting for memory.
[[gnu::noinline]] void Pathfinder::match_flows(config::InterfaceIndex interface,
                                               const Ipv4FlowIndex& index,
                                               PlainBurst& burst) const {
    std::array<Ipv4FlowIndex::Search, kReceiveBurst> searches;
    std::array<Plain*, kReceiveBurst> searched;
    unsigned count = 0;
    for (Plain* plain : burst.ipv4_packets()) {
        if (plain->cycle == 0) {
            searches[count] = index.ask_for(
                ipv4_flow_key(interface, plain->l3, upper_of_ipv4(plain->l3, plain->octets)));
            searched[count++] = plain;
        }
    }
    for (unsigned i = 0; i < count; ++i) {
        take_flow(*searched[i], index.find(searches[i], FlowTable::kNoFlow), burst);
    }
}

/// Asks for what the flow's packets need.
[[gnu::always_inline]] inline void Pathfinder::take_flow(Plain& plain, std::uint32_t flow,
                                                         PlainBurst& burst) const {
    if (flow == FlowTable::kNoFlow) {
        return;
    }
    plain.flow = flow;
    burst.of_flows[burst.of_flows_count++] = &plain;
    prefetch_entry(&tables_->profile_of_flow[flow]);
    if (flow_states_ != nullptr) [[likely]] {
        prefetch_entry(&(*flow_states_)[flow]);
    }
    if (!tables_->long_arrivals.empty()) {
        prefetch_entry(&tables_->long_arrivals[flow]);
    }
}

/// Those of IPv6 and of labelled packets.
[[gnu::noinline]] void Pathfinder::match_other_flows(config::InterfaceIndex interface,
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

/// The address that a plain packet is looked up by: its destination or, at a SID of the plainest
/// kinds, the next segment (RFC 8986, 4.1), which there is `room` for where it has to be computed;
/// nullptr where no look-up is needed, or where the SID makes the packet one that is not plain.
inline const std::uint8_t* Pathfinder::onward_address(Plain& plain, std::uint8_t* room) const {
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

/// Fourth stage: IP destinations, all at once.
void Pathfinder::look_up(config::InterfaceIndex interface, const PlainBurst& burst) const {
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

inline void Pathfinder::find_adjacency(Plain& plain, PlainBurst& burst) const {
    if (find_hop(plain)) [[likely]] {
        return;
    }
    if (plain.sid != nullptr) {
        decapsulate(plain, burst);
    } else if (plain.route != nullptr && (plain.route->kind == RouteKind::sid ||
                                          plain.route->kind == RouteKind::binding_sid)) {
        take_sid_route(plain, burst);
    }
}

/// Fifth stage: the next hop; of what is beneath a label of ours only when it is looked up, too.
inline void Pathfinder::find_adjacencies(std::span<Plain> packets, PlainBurst& burst) const {
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

/// All stages; what is not plain is of kind `other` then, or has no next hop.
void Pathfinder::find_out(config::InterfaceIndex interface, std::span<rte_mbuf* const> mbufs,
                          PlainBurst& burst) const {
    const InterfaceTable& in = tables_->interfaces[interface];
    burst.own_mac = std::uint64_t{load32(in.mac.data())} << 16 | load16(&in.mac[4]);
    const std::span<Plain> packets(burst.packets.data(), mbufs.size());
    for (std::size_t i = 0; i < mbufs.size(); ++i) {
        recognise(in, mbufs[i], packets[i], burst);
    }
    burst.inside_srv6_domain = tables_->inside_srv6_domain(interface);
    if (in.route_table == kMainTable && !tables_->sid_index->empty() && burst.inside_srv6_domain) {
        find_sids(burst);
    }
    const FlowTable& flow_table = *tables_->flow_table;
    if (!flow_table.empty()) {
        if (flow_table.ipv4_index()) {
            match_flows(interface, *flow_table.ipv4_index(), burst);
        } else if (flow_table.is_plain_for_ipv4()) {
            match_flows<Ipv4FlowFields>(interface, burst.ipv4_packets(), burst);
        } else {
            match_flows<FlowFields>(interface, burst.ipv4_packets(), burst);
        }
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
}

}  // namespace tcqf::dataplane
