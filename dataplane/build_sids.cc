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
    action.table = table_number(build, sid.table);
    if (action.renews_destination() && !sid.flavors.next_csid) {
        action.plain_from = 1;
        action.popped_at = sid.flavors.psp ? 1 : 0;
    }
    action.counter = build.options.sid_numbers->at(sid.sid);
    if (sid.policy) {
        action.policy = build.tables.policy_numbers->at(*sid.policy);
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

bool binding_addresses_differ(const config::Router& before, const config::Router& now,
                              const config::ListDifference& policies) {
    const auto is_bound = [](const config::Router& router, std::uint32_t policy) {
        return binding_address(router.sr_policies[policy]) != nullptr;
    };
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

bool binding_addresses_differ(const Build& build) {
    return binding_addresses_differ(*build.before->config, build.config, build.difference.policies);
}

std::vector<config::IpPrefix> counted_sids(const config::Router& config) {
    std::vector<config::IpPrefix> sids;
    for (const config::LocalSid& sid : config.srv6.local_sids) {
        sids.push_back(sid.sid);
    }
    for (const config::SrPolicy& policy : config.sr_policies) {
        if (const config::IpAddress* sid = binding_address(policy)) {
            sids.push_back({*sid, sid->bits()});
        }
    }
    return sids;
}

bool counted_sids_differ(const config::Router& before, const config::Router& now,
                         const config::Difference& difference) {
    return difference.sids.keys() || binding_addresses_differ(before, now, difference.policies);
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
                       .index = build.tables.policy_numbers->at(policy.key),
                       .fallback = &SidIndex::kNoSid});
        }
    }
    build.tables.sid_index =
        std::make_shared<const SidIndex>(build.config.srv6.local_sids.size(), entries);
}

}  // namespace tcqf::dataplane
