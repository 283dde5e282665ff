// What the stages of a Pathfinder share.
#pragma once

#include "dataplane/headers.h"
#include "dataplane/pathfinder.h"
#include "dataplane/prefetch.h"
#include "dataplane/segment_routing_header.h"

namespace tcqf::dataplane {

/// A SID's packet to which nothing happens but that the next segment becomes its destination: the
/// offset of that segment, else 0. The order of the checks does not matter to one that passes all.
inline std::uint16_t next_plain_segment(const Plain& plain, unsigned plain_from) {
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

/// Where a plain packet goes; nullptr: into a policy, or somewhere special.
inline const HopSet* hops_of(const Plain& plain) {
    if (plain.route == nullptr) {
        return plain.segment != 0 ? &plain.sid->hops : nullptr;  // End.X (RFC 8986, 4.2)
    }
    return &plain.route->hops;
}

/// False where its route or SID names no next hop.
inline bool Pathfinder::find_hop(Plain& plain) const {
    const HopSet* hops = hops_of(plain);
    if (hops == nullptr || hops->count == 0) {
        return false;
    }
    take_hop(plain, *hops);
    return true;
}

inline void Pathfinder::take_hop(Plain& plain, const HopSet& hops) const {
    plain.adjacency = hops.count == 1 ? hops.first : choose_hop(plain, hops);
    prefetch_shared(plain.adjacency);
}

inline void Pathfinder::follow_policy(Plain& plain) const {
    if (plain.policy->sole.hop != nullptr) {
        take_way(plain, plain.policy->sole);
    } else {
        choose_way(plain);
    }
}

inline void Pathfinder::take_way(Plain& plain, const PolicyWay& way) const {
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

}  // namespace tcqf::dataplane
