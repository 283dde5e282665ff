// Where packets go: what is beneath labels, and behind SIDs.

#include <algorithm>
#include <array>

#include "dataplane/headers.h"
#include "dataplane/pathfinder_steps.h"
#include "dataplane/prefetch.h"
#include "dataplane/segment_routing_header.h"

namespace tcqf::dataplane {
namespace {

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

}  // namespace

/// Where End.X and End.T send a packet that has a new destination: to the SID's own next hops, or
/// by its table.
void Pathfinder::look_up_at_sid(Plain& plain, const std::uint8_t* destination) const {
    plain.route = plain.sid->behavior == config::SidBehavior::end_t
                      ? &tables_->route(plain.sid->table, destination)
                      : nullptr;
}

/// A SID with an argument, in which the next one is: as Forwarder::next_csid(). No flow is told by
/// what its destination was before.
inline void Pathfinder::take_compressed(Plain& plain, PlainBurst& burst) const {
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
inline void Pathfinder::take_binding_sid(Plain& plain, const PlainBurst& burst) const {
    if (plain.routing == 0 || !burst.inside_srv6_domain ||
        (plain.cycle == 0 && !tables_->flow_table->empty())) {
        return;
    }
    const PolicyAction& policy = tables_->policies[plain.route->index];
    plain.segment = next_plain_segment(plain, 1);
    if (plain.segment == 0 || !policy.is_valid() || policy.sole.outer == nullptr) {
        return burst.leave(plain);
    }
    plain.sid_counter = &(*sid_counters_)[policy.counter];
    prefetch_entry(plain.sid_counter);
    plain.policy = &policy;
    take_way(plain, policy.sole);
}

/// A route that is a SID.
[[gnu::noinline]] void Pathfinder::take_sid_route(Plain& plain, PlainBurst& burst) const {
    plain.route->kind == RouteKind::sid ? take_compressed(plain, burst)
                                        : take_binding_sid(plain, burst);
}

/// Labels of ours on top and explicit nulls, with the control word of a DetNet service that ends
/// here (RFC 8964, 4.2), down to the packet that is beneath them: octets, or 0 where anything else
/// is among them.
[[gnu::noinline]] std::uint32_t Pathfinder::own_labels_octets(const Plain& plain,
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
inline void Pathfinder::pop(Plain& plain, PlainBurst& burst) const {
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
        go_beneath(plain, octets) ? burst.add(plain) : burst.leave(plain);
    }
}

/// Goes over to what lies beneath `octets` that go. False where it is not plain.
bool go_beneath(Plain& plain, std::uint32_t octets) {
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

/// As Forwarder::decapsulate(), of a packet to a SID that ends it, with nothing to be done for
/// congestion marks (RFC 6040, 4.2).
[[gnu::noinline]] void Pathfinder::decapsulate(Plain& plain, PlainBurst& burst) const {
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
    go_beneath(plain, plain.octets - inner.octets) ? find_way_of_inner(plain, burst)
                                                   : burst.leave(plain);
}

/// To the SID's own next hops, or by the address in its table.
inline void Pathfinder::find_way_of_inner(Plain& plain, PlainBurst& burst) const {
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
[[gnu::noinline]] void Pathfinder::take_other_label(Plain& plain, PlainBurst& burst) const {
    if (plain.label->is_plain) {
        plain.adjacency = choose_hop(plain, plain.label->hops);
    } else if (plain.label->kind == LabelKind::policy) {
        plain.policy = &tables_->policies[plain.label->policy];
        follow_policy(plain);
    } else {
        pop(plain, burst);
    }
}

}  // namespace tcqf::dataplane
