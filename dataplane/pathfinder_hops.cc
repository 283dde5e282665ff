// Where packets go: one of several next hops, and policies.

#include <array>
#include <optional>

#include "dataplane/flow_hash.h"
#include "dataplane/pathfinder_steps.h"
#include "dataplane/prefetch.h"

namespace tcqf::dataplane {

/// What a plain packet is spread over several next hops by, as Forwarder::spread_hash(); absent
/// where a SID changes it first.
std::optional<std::uint32_t> Pathfinder::spread_hash(const Plain& plain) const {
    const std::uint32_t seed = tables_->hash_seed;
    if (plain.flow != FlowTable::kNoFlow) {
        return flow_id_hash(tables_->flow_ids[plain.flow], seed);
    }
    switch (plain.kind) {
        case Layer3::ipv4:
            return ipv4_hash(plain.l3, plain.octets, seed);
        case Layer3::labelled:
            return label_hash(plain.l3, plain.octets, seed);
        default:
            break;
    }
    if (plain.segment != 0) {
        return std::nullopt;
    }
    return ipv6_hash(plain.l3, upper_of(plain), seed);
}

/// Of several next hops; nullptr where there are none, or where the long way has to choose.
[[gnu::noinline]] const Adjacency* Pathfinder::choose_hop(const Plain& plain,
                                                          const HopSet& hops) const {
    const std::optional<std::uint32_t> hash = hops.count > 1 ? spread_hash(plain) : std::nullopt;
    return hash ? &tables_->choose(hops, *hash) : nullptr;
}

/// Whether what a route is for may be sent on, by its next hops or by a policy. What a policy that
/// leaves nothing falls back on may be anything.
inline bool Pathfinder::is_way_out(const RouteAction& route) const {
    return route.kind == RouteKind::forward ||
           (route.kind == RouteKind::policy && !tables_->policies[route.index].leaves_nothing());
}

/// Sixth stage: policies that flows or routes lead into, and the way through them.
void Pathfinder::follow_policies(std::span<Plain> burst) const {
    std::array<Plain*, kReceiveBurst> steered;
    unsigned count = 0;
    for (Plain& plain : burst) {
        if (plain.route == nullptr || plain.sid != nullptr || plain.label_count != 0 ||
            !is_way_out(*plain.route)) {
            continue;
        }
        const std::uint32_t policy = tables_->policy_for(plain.flow, *plain.route);
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

/// As Forwarder::choose_list() and choose_hop().
[[gnu::noinline]] void Pathfinder::choose_way(Plain& plain) const {
    const std::optional<std::uint32_t> hash =
        plain.policy->is_valid() ? spread_hash(plain) : std::nullopt;
    if (!hash) {
        return;
    }
    const SegmentListAction& list = tables_->choose(*plain.policy, *hash);
    if (list.is_plain) {
        take_way(plain, way_through(list, tables_->choose(list.hops, *hash)));
    }
}

}  // namespace tcqf::dataplane
