// Local SIDs. Their prefixes are routes of table "main" (build_routes.cc).

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

}  // namespace tcqf::dataplane
