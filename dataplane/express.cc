// The short way: packets in plain transit, a burst at a time.
//
// Most packets of a TCQF router need a look-up, a new tag and a place in a cycle, and nothing else.
// They are recognised here and finished without the context that the long way carries along.
// Nothing is changed and nothing is counted before a packet is known to be plain in every respect;
// all others are left to input(), which would do the same with a plain one
// (tests/dataplane/express_test.cc compares the two ways packet by packet).
//
// Each stage of a burst asks for the memory that the next one needs.

#include <rte_prefetch.h>

#include <array>
#include <cstring>

#include "dataplane/forwarder.h"
#include "dataplane/headers.h"
#include "dataplane/network_actions.h"

namespace tcqf::dataplane {

/// What the look-ups of a burst found for one packet.
struct Forwarder::Found {
    const RouteAction* route = nullptr;    ///< of an IP packet
    const LabelAction* label = nullptr;    ///< of the top label
    const Adjacency* adjacency = nullptr;  ///< the only next hop, where there is one
};

/// From the interface of a burst to another one of its domain, at one instant.
struct Forwarder::Lane {
    config::InterfaceIndex iif = 0;
    config::InterfaceIndex oif = 0;
    bool chosen = false;  ///< the rest is valid
    bool age_unknown = false;
    std::uint32_t mtu = 0;  ///< of oif; 0: plain packets may not go there
    std::int64_t now_ns = 0;
    const InterfaceTable* in = nullptr;
    const InterfaceTable* out = nullptr;
    const CycleMap* map = nullptr;
    CycleMap::Instant instant;
    CycleNumber current = 0;  ///< cycle of oif
    PacketEgress* egress = nullptr;
};

/// What a packet is that may be plain: a cycle of 0 says that it is not.
struct Forwarder::Plain {
    CycleId cycle = 0;  ///< identifier on the incoming interface
    Layer3 kind = Layer3::other;
    std::uint16_t option =
        0;  ///< offset of the option that is the tag; 0: the kind's own marks are
    std::uint32_t nrp = kNoNrp;
};

namespace {

/// Whether addresses that start with this octet are forwarded without a second look: neither groups
/// and what lies beyond them, nor this network, nor loopback.
constexpr bool is_ordinary_ipv4(std::uint8_t first_octet) {
    return first_octet - 1u < 223u && first_octet != 127;
}

inline bool is_plain_ipv6(const std::uint8_t* ip, std::uint32_t octets) {
    return ip[0] >> 4 == 6 && kIpv6Octets + ipv6::payload_octets(ip) == octets &&
           ipv6::hop_limit(ip) > 1 && !ipv6::is_martian(ipv6::source(ip), ipv6::destination(ip)) &&
           !ipv6::is_multicast(ipv6::destination(ip)) &&
           !ipv6::is_link_local(ipv6::destination(ip));
}

}  // namespace

/// Looks up what a burst's packets are for: IP destinations all at once.
void Forwarder::look_up(config::InterfaceIndex interface, std::span<rte_mbuf* const> mbufs,
                        Found* found) const {
    std::array<std::uint32_t, kReceiveBurst> ipv4_destinations;
    std::array<std::array<std::uint8_t, 16>, kReceiveBurst> ipv6_destinations;
    std::array<std::uint8_t, kReceiveBurst> ipv4_positions;
    std::array<std::uint8_t, kReceiveBurst> ipv6_positions;
    unsigned ipv4_count = 0;
    unsigned ipv6_count = 0;
    for (std::size_t i = 0; i < mbufs.size(); ++i) {
        found[i] = {};
        const auto* frame = rte_pktmbuf_mtod(mbufs[i], const std::uint8_t*);
        const std::uint8_t* l3 = frame + kEthernetOctets;
        const std::uint32_t octets = mbufs[i]->pkt_len;
        if (octets < kEthernetOctets + kIpv4Octets) [[unlikely]] {
            continue;
        }
        switch (load16(frame + 12)) {
            case ethertype::kIpv4:
                ipv4_destinations[ipv4_count] = ipv4::destination(l3);
                ipv4_positions[ipv4_count++] = static_cast<std::uint8_t>(i);
                break;
            case ethertype::kIpv6:
                if (octets >= kEthernetOctets + kIpv6Octets) {
                    std::memcpy(ipv6_destinations[ipv6_count].data(), ipv6::destination(l3), 16);
                    ipv6_positions[ipv6_count++] = static_cast<std::uint8_t>(i);
                }
                break;
            case ethertype::kMpls:
                found[i].label = &tables_->labels.find(mpls::label(load32(l3)));
                rte_prefetch0(found[i].label);
                break;
            default:
                break;
        }
    }
    const RouteTable& table = tables_->route_tables[tables_->interfaces[interface].route_table];
    std::array<std::uint64_t, kReceiveBurst> values;
    const auto use = [&](Family family, const std::uint8_t* positions, unsigned count) {
        const RouteActions& actions = table.routes(family).actions;
        for (unsigned i = 0; i < count; ++i) {
            found[positions[i]].route = &actions[values[i]];
            rte_prefetch0(found[positions[i]].route);
        }
    };
    if (ipv4_count != 0) {
        table.find_ipv4_bulk(ipv4_destinations.data(), values.data(), ipv4_count);
        use(Family::ipv4, ipv4_positions.data(), ipv4_count);
    }
    if (ipv6_count != 0) {
        table.find_ipv6_bulk(ipv6_destinations.data(), values.data(), ipv6_count);
        use(Family::ipv6, ipv6_positions.data(), ipv6_count);
    }
}

/// Where what was found leads to a single next hop that is known.
void Forwarder::find_adjacencies(std::span<Found> burst) const {
    for (Found& found : burst) {
        const HopSet* hops = nullptr;
        if (found.label != nullptr) {
            hops = found.label->kind == LabelKind::swap ? &found.label->hops : nullptr;
        } else if (found.route != nullptr) {
            hops = found.route->kind == RouteKind::forward ? &found.route->hops : nullptr;
        }
        if (hops != nullptr && hops->count == 1) {
            found.adjacency = &tables_->choose(*hops, 0);
            rte_prefetch0(found.adjacency);
        }
    }
}

/// Finds out whether and how plain packets go from the lane's interface to `oif`.
void Forwarder::choose_lane(Lane& lane, config::InterfaceIndex oif) {
    lane.chosen = true;
    lane.oif = oif;
    lane.out = &tables_->interfaces[oif];
    lane.map = tables_->cycle_map(lane.iif, oif);
    InterfaceState& out = state(oif);
    const bool open =
        lane.map != nullptr && lane.in->domain == lane.out->domain &&
        lane.in->tags.tagging() == lane.out->tags.tagging() &&
        lane.in->option_header == lane.out->option_header && out.owner == index_ &&
        out.link_up.load(std::memory_order_relaxed) &&
        !(lane.age_unknown && lane.now_ns - state(lane.iif).last_poll_ns >
                                  lane.map->max_poll_gap_ns(lane.out->timing.cycle_time_ns));
    lane.mtu = open ? lane.out->mtu : 0;
    if (open) {
        const CycleTracker& now = tracker(oif, lane.now_ns);
        lane.instant = lane.map->at(now.index());
        lane.current = now.cycle();
        lane.egress = &out.output->egress;
    }
}

/// An Internet header without options and with nothing wrong, of a packet that fills its frame.
inline Forwarder::Plain Forwarder::recognise_ipv4(const InterfaceTable& in, const std::uint8_t* ip,
                                                  std::uint32_t octets) {
    const bool plain = in.tags.tagging() == Tagging::dscp && ip[0] == 0x45 &&
                       ipv4::total_octets(ip) == octets && ipv4::ttl(ip) > 1 &&
                       is_ordinary_ipv4(ip[12]) && is_ordinary_ipv4(ip[16]) &&
                       ipv4::checksum_right(ip);
    return {.cycle = plain ? in.tags.cycle_of(ipv4::dscp(ip)) : CycleId{0}, .kind = Layer3::ipv4};
}

/// The tag is the DSCP, or an option in a hop-by-hop header of the usual layout.
inline Forwarder::Plain Forwarder::recognise_ipv6(const InterfaceTable& in, const std::uint8_t* ip,
                                                  std::uint32_t octets) const {
    UsualOptions options;
    if (!is_plain_ipv6(ip, octets) ||
        (has_extension_headers(ipv6::next(ip)) &&
         !read_usual_options({ip, octets}, tables_->code_points, options))) {
        return {};
    }
    Plain plain{.kind = Layer3::ipv6};
    if (options.nrp != 0 && !read_partition(ip + options.nrp, plain.nrp)) {
        return {};
    }
    if (in.tags.tagging() == Tagging::dscp) {
        plain.cycle = in.tags.cycle_of(ipv6::dscp(ip));
    } else if (in.tags.tagging() == Tagging::ipv6_option && options.tcqf != 0 &&
               in.option_header == config::OptionHeader::hop_by_hop) {
        plain.cycle = in.tags.cycle_of(ip[options.tcqf + kCycleIdOffset]);
        plain.option = options.tcqf;
    }
    return plain;
}

/// A stack that has a bottom, and nothing in it that a transit router looks at.
inline bool Forwarder::is_plain_stack(const std::uint8_t* top, std::uint32_t octets) const {
    for (std::uint32_t offset = 0; offset + kLabelOctets <= octets; offset += kLabelOctets) {
        const std::uint32_t entry = load32(top + offset);
        if (mpls::label(entry) == kNetworkActionLabel && !tables_->nrps.empty()) {
            return false;
        }
        if (mpls::bottom(entry)) {
            return true;
        }
    }
    return false;
}

inline Forwarder::Plain Forwarder::recognise_label(const InterfaceTable& in,
                                                   const std::uint8_t* top,
                                                   std::uint32_t octets) const {
    const std::uint32_t entry = load32(top);
    const bool plain = in.tags.tagging() == Tagging::mpls_tc && mpls::ttl(entry) > 1 &&
                       is_plain_stack(top, octets);
    return {.cycle = plain ? in.tags.cycle_of(mpls::tc(entry)) : CycleId{0},
            .kind = Layer3::labelled};
}

/// A hop less to live, the tag of the cycle that it leaves in, and its new label.
inline void Forwarder::edit_plain(const Plain& plain, std::uint8_t* l3, std::uint8_t tag,
                                  const Adjacency& adjacency) {
    switch (plain.kind) {
        case Layer3::ipv4:
            return ipv4::set_ttl_and_dscp(l3, static_cast<std::uint8_t>(ipv4::ttl(l3) - 1), tag);
        case Layer3::ipv6:
            ipv6::set_hop_limit(l3, static_cast<std::uint8_t>(ipv6::hop_limit(l3) - 1));
            if (plain.option != 0) {
                l3[plain.option + kCycleIdOffset] = tag;
            } else {
                ipv6::set_dscp(l3, tag);
            }
            return;
        case Layer3::labelled: {
            const std::uint32_t entry = load32(l3);
            const auto ttl = static_cast<std::uint8_t>(mpls::ttl(entry) - 1);
            return store32(l3, mpls::entry(adjacency.labels[0], tag, mpls::bottom(entry), ttl));
        }
        case Layer3::other:
            break;
    }
}

/// Forwards a packet if it is plain; else changes nothing and returns false.
inline bool Forwarder::forward_plain(Lane& lane, rte_mbuf* mbuf, const Found& found) {
    auto* frame = rte_pktmbuf_mtod(mbuf, std::uint8_t*);
    if (found.adjacency == nullptr || mbuf->pkt_len <= kMinFrameOctets ||
        std::memcmp(frame, lane.in->mac.data(), lane.in->mac.size()) != 0) [[unlikely]] {
        return false;
    }
    const Adjacency& adjacency = *found.adjacency;
    std::uint8_t* l3 = frame + kEthernetOctets;
    const std::uint32_t octets = mbuf->pkt_len - kEthernetOctets;
    const Plain plain = found.label != nullptr ? recognise_label(*lane.in, l3, octets)
                        : l3[0] >> 4 == 4      ? recognise_ipv4(*lane.in, l3, octets)
                                               : recognise_ipv6(*lane.in, l3, octets);
    const unsigned labels = found.label != nullptr ? 1 : 0;
    if (!lane.chosen || lane.oif != adjacency.oif) [[unlikely]] {
        choose_lane(lane, adjacency.oif);
    }
    if (plain.cycle == 0 || octets > lane.mtu || !adjacency.resolved ||
        adjacency.label_count != labels) [[unlikely]] {
        return false;
    }
    const std::uint32_t distance = lane.instant.distance(plain.cycle);
    if (distance == 0) [[unlikely]] {
        return false;
    }
    edit_plain(plain, l3, lane.out->tags.tag_of(lane.map->oif_cycle(plain.cycle)), adjacency);
    std::memcpy(frame, adjacency.ethernet.data(), adjacency.ethernet.size());
    const Refusal refusal = lane.egress->enqueue_in_cycle(
        lane.current + distance, {mbuf, mbuf->pkt_len}, tables_->share(plain.nrp, lane.oif));
    if (refusal != Refusal::none) [[unlikely]] {
        refuse(lane.oif, mbuf, refusal);
    }
    return true;
}

/// The packets of a burst, in their order, each on the short way or the long one.
void Forwarder::forward_burst(config::InterfaceIndex interface, std::span<rte_mbuf* const> mbufs,
                              const std::int64_t* arrivals_ns, std::int64_t now_ns) {
    std::array<Found, kReceiveBurst> found;
    look_up(interface, mbufs, found.data());
    Lane lane;
    lane.iif = interface;
    lane.in = &tables_->interfaces[interface];
    lane.age_unknown = arrivals_ns == nullptr;
    lane.now_ns = now_ns;
    const bool short_way = shared_.options.short_way && lane.in->domain != kNoDomain;
    if (short_way) {
        find_adjacencies({found.data(), mbufs.size()});
    }
    for (std::size_t i = 0; i < mbufs.size(); ++i) {
        if (arrivals_ns != nullptr && arrivals_ns[i] != lane.now_ns) {
            lane.now_ns = arrivals_ns[i];
            lane.chosen = false;
        }
        if (short_way && forward_plain(lane, mbufs[i], found[i])) [[likely]] {
            continue;
        }
        Packet packet;
        packet.mbuf = mbufs[i];
        packet.route = found[i].route;
        packet.now_ns = lane.now_ns;
        packet.iif = interface;
        packet.age_unknown = lane.age_unknown;
        input(packet);
    }
}

}  // namespace tcqf::dataplane
