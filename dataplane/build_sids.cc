// Local SIDs, and the index of those that a locator leads to. The others are routes of table "main"
// (build_routes.cc).

#include <algorithm>

#include "dataplane/table_builders.h"

namespace tcqf::dataplane {
namespace {

using Sids = SharedArray<SidAction, HopGroup>;

void set_sid(Build& build, Sids::Content& sids, std::size_t position) {
    const config::LocalSid& sid = build.config.srv6.local_sids[position];
    SidAction action;
    action.behavior = sid.behavior;
    action.flavors = sid.flavors;
    action.block_bits = sid.locator_block_bits;
    action.node_bits = sid.locator_node_bits;
    action.table = build.tables.table_numbers.at(sid.table);
    if (action.renews_destination() && !sid.flavors.next_csid) {
        action.plain_from = 1;
        action.popped_at = sid.flavors.psp ? 1 : 0;
    }
    action.counter = build.tables.sid_numbers->at(sid.sid);
    if (sid.policy) {
        action.policy = build.tables.policy_numbers->number_of.at(*sid.policy);
    }
    sids.owners[position] = build.adjacencies.group(sid.next_hops);
    action.hops = hop_set_of(sids.owners[position]);
    sids.elements[position] = action;
}

}  // namespace

void build_sids(Build& build) {
    const config::ListDifference& difference = build.difference.sids;
    const bool all = build.adjacencies_differ() || difference.keys();
    if (!all && !difference.any()) {
        build.tables.sids = build.before->sids;
        return;
    }
    Sids::Content sids;
    if (all) {
        const std::size_t count = build.config.srv6.local_sids.size();
        sids.elements.resize(count);
        sids.owners.resize(count);
        for (std::size_t i = 0; i < count; ++i) {
            set_sid(build, sids, i);
        }
    } else {
        sids = build.before->sids.content();
        for (const auto& changed : difference.changed) {
            set_sid(build, sids, changed.now);
        }
    }
    build.tables.sids = Sids(std::move(sids));
}

bool binding_addresses_differ(const Build& build) {
    const auto is_bound = [](const config::Router& router, std::uint32_t policy) {
        return binding_address(router.sr_policies[policy]) != nullptr;
    };
    const config::Router& before = *build.before->config;
    const config::Router& now = build.config;
    const config::ListDifference& policies = build.difference.policies;
    return std::any_of(policies.removed.begin(), policies.removed.end(),
                       [&](std::uint32_t removed) { return is_bound(before, removed); }) ||
           std::any_of(policies.added.begin(), policies.added.end(),
                       [&](std::uint32_t added) { return is_bound(now, added); }) ||
           std::any_of(policies.changed.begin(), policies.changed.end(), [&](const auto& changed) {
               return before.sr_policies[changed.before].binding_sid !=
                          now.sr_policies[changed.now].binding_sid &&
                      (is_bound(before, changed.before) || is_bound(now, changed.now));
           });
}

void number_sids(Build& build) {
    if (!build.from_nothing() && build.difference.sids.added.empty() &&
        !binding_addresses_differ(build)) {
        build.tables.sid_numbers = build.before->sid_numbers;
        return;
    }
    auto numbers = build.from_nothing() ? std::make_shared<SidNumbers>()
                                        : std::make_shared<SidNumbers>(*build.before->sid_numbers);
    const auto add = [&numbers](const config::IpPrefix& sid) {
        numbers->try_emplace(sid, static_cast<std::uint32_t>(numbers->size()));
    };
    for (const config::LocalSid& sid : build.config.srv6.local_sids) {
        add(sid.sid);
    }
    for (const config::SrPolicy& policy : build.config.sr_policies) {
        if (const config::IpAddress* sid = binding_address(policy)) {
            add({*sid, sid->bits()});
        }
    }
    build.tables.sid_numbers = std::move(numbers);
}

void build_sid_index(Build& build) {
    const RouteSet& prefixes = *build.tables.route_tables[kMainTable].routes(Family::ipv6).set;
    if (!build.from_nothing() && !build.difference.sids.keys() &&
        !binding_addresses_differ(build) &&
        &prefixes == build.before->route_tables[kMainTable].routes(Family::ipv6).set.get()) {
        build.tables.sid_index = build.before->sid_index;
        return;
    }
    std::vector<SidIndex::Entry> entries;
    const auto add = [&](const config::IpAddress& sid, const RouteAction& action) {
        if (prefixes.find(sid).kind == RouteKind::no_sid) {
            entries.emplace_back(sid, action);
        }
    };
    for (std::size_t i = 0; i < build.config.srv6.local_sids.size(); ++i) {
        const config::IpPrefix& sid = build.config.srv6.local_sids[i].sid;
        if (sid.length == sid.address.bits()) {
            add(sid.address, {.kind = RouteKind::sid, .index = static_cast<std::uint32_t>(i)});
        }
    }
    for (const config::SrPolicy& policy : build.config.sr_policies) {
        if (const config::IpAddress* sid = binding_address(policy)) {
            add(*sid, {.kind = RouteKind::binding_sid,
                       .index = build.tables.policy_numbers->number_of.at(policy.key),
                       .fallback = &SidIndex::kNoSid});
        }
    }
    build.tables.sid_index =
        std::make_shared<const SidIndex>(build.config.srv6.local_sids.size(), entries);
}

}  // namespace tcqf::dataplane
