// SR policies: the active path of each, with its segment lists and where they lead.

#include <algorithm>
#include <span>

#include "dataplane/table_builders.h"

namespace tcqf::dataplane {
namespace {

using Policies = SharedArray<PolicyAction, InstalledPolicy>;

class PolicyInstaller {
  public:
    explicit PolicyInstaller(const Snapshot& tables) : tables_(tables) {}

    /// The policy's path, or null where none is valid. The installed one itself, where it would be
    /// the same.
    InstalledPolicy install(const config::SrPolicy& policy, const InstalledPolicy& installed) {
        for (const config::CandidatePath* path :
             by_rank(policy, installed ? std::optional(installed->id) : std::nullopt)) {
            const std::uint32_t nrp = nrp_of(*path);
            std::vector<List> lists = valid_lists(nrp, *path);
            if (lists.empty()) {
                continue;
            }
            if (installed && installed->id == id_of(*path) && installed->nrp == nrp &&
                installed->lists == lists) {
                return installed;
            }
            auto made = std::make_shared<PolicyPath>(PolicyPath{
                .id = id_of(*path), .nrp = nrp, .lists = std::move(lists), .actions = {}});
            prepare(*made);
            return made;
        }
        return nullptr;
    }

  private:
    using List = PolicyPath::List;

    /// The lists that a candidate path may use; without any it is invalid (RFC 9256, 2.8).
    std::vector<List> valid_lists(std::uint32_t nrp, const config::CandidatePath& path) const {
        std::vector<List> lists;
        for (const config::SegmentList& list : path.segment_lists) {
            if (!is_well_formed(list)) {
                continue;
            }
            if (std::optional<List> resolved = resolve(nrp, list)) {
                lists.push_back(std::move(*resolved));
            }
        }
        return lists;
    }

    /// What workers take, for lists that are not installed already.
    static void prepare(PolicyPath& path) {
        std::uint32_t below = 0;
        for (List& list : path.lists) {
            if (list.spec) {
                list.outer = std::make_unique<const OuterHeaders>(outer_headers(*list.spec));
            }
            below += list.weight;
            path.actions.push_back({.below = below,
                                    .is_plain = is_plain(list),
                                    .outer = list.outer.get(),
                                    .stacks = list.outer ? nullptr : list.stacks.data(),
                                    .hops = hop_set_of(list.hops)});
        }
    }

    static bool is_plain(const List& list) {
        return std::ranges::all_of(*list.hops, [&](const Adjacency& hop) {
            return (hop.label_count == 0) == (list.outer != nullptr);
        });
    }

    std::uint32_t nrp_of(const config::CandidatePath& path) const {
        return path.nrp_id ? tables_.nrp_of_id.find(*path.nrp_id) : kNoNrp;
    }

    /// A segment list with its next hops; none where its first segment cannot be reached, it leaves
    /// no room for a packet in the mtu, or its partition has no resources on the way out.
    std::optional<List> resolve(std::uint32_t nrp, const config::SegmentList& segments) const {
        const config::Segment& first = segments.segments.front();
        List list;
        list.weight = segments.weight;
        if (const auto* sid = std::get_if<config::IpAddress>(&first)) {
            list.hops = hops_to_sid(*sid);
            list.spec = spec_of(nrp, segments);
        } else {
            list.hops = hops_to_labels(segments.segments);
        }
        if (list.hops == nullptr ||
            !std::all_of(list.hops->begin(), list.hops->end(), [&](const Adjacency& adjacency) {
                return is_usable(nrp, list, adjacency);
            })) {
            return std::nullopt;
        }
        for (const Adjacency& hop : *list.hops) {
            if (!list.spec) {
                list.stacks.push_back(label_stack(hop, tables_.pushed_selector(nrp, hop)));
            }
        }
        return list;
    }

    bool is_usable(std::uint32_t nrp, const List& list, const Adjacency& adjacency) const {
        return adjacency.resolved && (nrp == kNoNrp || tables_.share(nrp, adjacency.oif) != 0) &&
               least_octets(nrp, list, adjacency) + kLeastMtu <=
                   tables_.interfaces[adjacency.oif].mtu;
    }

    /// What a list puts in front of a packet at least: labels and selector, or the outer header of
    /// H.Encaps.Red beneath the labels of its next hop.
    std::uint32_t least_octets(std::uint32_t nrp, const List& list,
                               const Adjacency& adjacency) const {
        if (!list.spec) {
            return label_stack_octets(adjacency,
                                      tables_.pushed_selector(nrp, adjacency).has_value());
        }
        return outer_header(*list.spec, true, TcqfPlace::none).octets +
               label_stack_octets(adjacency, false);
    }

    OuterHeaderSpec spec_of(std::uint32_t nrp, const config::SegmentList& list) const {
        OuterHeaderSpec spec;
        spec.source = tables_.srv6_source;
        spec.code_points = tables_.code_points;
        for (const config::Segment& segment : list.segments) {
            spec.segments.push_back(std::get<config::IpAddress>(segment).octets);
        }
        if (nrp != kNoNrp &&
            tables_.nrps[nrp].encapsulation == config::NrpEncapsulation::ipv6_option) {
            spec.has_nrp = true;
            spec.strict = tables_.nrps[nrp].strict;
            spec.selector = tables_.nrps[nrp].selector;
        }
        return spec;
    }

    /// Through the routes of table "main", other than those into policies.
    HopGroup hops_to_sid(const config::IpAddress& sid) const {
        const RouteTable::Routes& routes =
            tables_.route_tables[kMainTable].routes(sid.is_ipv6 ? Family::ipv6 : Family::ipv4);
        const RouteAction* action = &routes.actions[routes.set->fib.lookup(sid)];
        while (action->kind == RouteKind::policy || action->kind == RouteKind::binding_sid) {
            action = action->fallback;
        }
        return action->kind == RouteKind::forward
                   ? routes.actions.content()
                         .owners[static_cast<std::size_t>(action - routes.actions.begin())]
                   : nullptr;
    }

    /// The top label goes through the label table, the others follow beneath what it becomes.
    HopGroup hops_to_labels(std::span<const config::Segment> segments) const {
        std::vector<std::uint32_t> labels;
        for (const config::Segment& segment : segments) {
            labels.push_back(std::get<std::uint32_t>(segment));
        }
        std::span<const std::uint32_t> beneath(labels);
        while (!beneath.empty()) {
            const std::uint32_t top = beneath.front();
            beneath = beneath.subspan(1);
            switch (tables_.labels.find(top).kind) {
                case LabelKind::pop_and_lookup:
                    continue;
                case LabelKind::swap:
                case LabelKind::pop:
                    return group_with(tables_.labels.hops_of(top), beneath);
                case LabelKind::none:
                case LabelKind::detnet_pop:
                case LabelKind::policy:
                    return nullptr;
            }
        }
        return nullptr;
    }

    static HopGroup group_with(const HopGroup& hops, std::span<const std::uint32_t> beneath) {
        if (beneath.empty()) {
            return hops;
        }
        std::vector<Adjacency> group = *hops;
        for (Adjacency& adjacency : group) {
            push_beneath(adjacency, beneath);
        }
        return std::make_shared<const std::vector<Adjacency>>(std::move(group));
    }

    const Snapshot& tables_;
};

/// Of a path that has no other.
PolicyWay sole_way(const PolicyPath& path) {
    const SegmentListAction& list = path.actions.front();
    const bool is_sole = path.actions.size() == 1 && list.hops.count == 1;
    return is_sole && list.is_plain ? way_through(list, *list.hops.first) : PolicyWay{};
}

void set_policy(Build& build, Policies::Content& policies, const config::SrPolicy& policy) {
    const std::uint32_t number = build.tables.policy_numbers->at(policy.key);
    InstalledPolicy& owner = policies.owners[number];
    owner = PolicyInstaller(build.tables).install(policy, owner);
    PolicyAction& action = policies.elements[number];
    action = {};
    action.drops_when_invalid = policy.drop_upon_invalid;
    action.reduced = policy.reduced_encapsulation;
    if (const config::IpAddress* sid = binding_address(policy)) {
        action.counter = build.options.sid_numbers->at({*sid, sid->bits()});
    }
    if (owner) {
        action.lists = owner->actions.data();
        action.list_count = static_cast<std::uint32_t>(owner->actions.size());
        action.total_weight = owner->actions.back().below;
        action.nrp = owner->nrp;
        action.sole = sole_way(*owner);
    }
}

bool mtus_differ(const Build& build) {
    const auto same = [](const InterfaceTable& a, const InterfaceTable& b) {
        return a.mtu == b.mtu;
    };
    const std::vector<InterfaceTable>& now = build.tables.interfaces;
    const std::vector<InterfaceTable>& before = build.before->interfaces;
    return !std::equal(now.begin(), now.end(), before.begin(), before.end(), same);
}

/// True where what policies are resolved with may be other than before.
bool surroundings_differ(const Build& build) {
    if (build.adjacencies_differ() || mtus_differ(build) || build.difference.nrps ||
        build.difference.labels.any() || build.tables.srv6_source != build.before->srv6_source ||
        build.tables.code_points != build.before->code_points) {
        return true;
    }
    const auto differ = [&](Family family) {
        return !build.tables.route_tables[kMainTable].routes(family).actions.same_as(
            build.before->route_tables[kMainTable].routes(family).actions);
    };
    return differ(Family::ipv4) || differ(Family::ipv6);
}

}  // namespace

void number_policies(Build& build) {
    const config::ListDifference& difference = build.difference.policies;
    if (!build.from_nothing() && difference.added.empty() && difference.removed.empty()) {
        build.tables.policy_numbers = build.before->policy_numbers;
        return;
    }
    std::vector<config::PolicyKey> keys;
    for (const config::SrPolicy& policy : build.config.sr_policies) {
        keys.push_back(policy.key);
    }
    build.tables.policy_numbers =
        renumbered(build.from_nothing() ? nullptr : build.before->policy_numbers.get(), keys);
}

void build_policies(Build& build) {
    const config::ListDifference& difference = build.difference.policies;
    const bool all = build.from_nothing() || surroundings_differ(build);
    if (!all && difference.changed.empty() && difference.added.empty() &&
        difference.removed.empty()) {
        build.tables.policies = build.before->policies;
        return;
    }
    Policies::Content policies;
    if (!build.from_nothing()) {
        policies = build.before->policies.content();
        for (const std::uint32_t removed : difference.removed) {
            const std::uint32_t number =
                build.before->policy_numbers->at(build.before->config->sr_policies[removed].key);
            policies.elements[number] = {};
            policies.owners[number] = nullptr;
        }
    }
    policies.elements.resize(build.tables.policy_numbers->count);
    policies.owners.resize(policies.elements.size());
    if (all) {
        for (const config::SrPolicy& policy : build.config.sr_policies) {
            set_policy(build, policies, policy);
        }
    } else {
        for (const auto& changed : difference.changed) {
            set_policy(build, policies, build.config.sr_policies[changed.now]);
        }
        for (const std::uint32_t added : difference.added) {
            set_policy(build, policies, build.config.sr_policies[added]);
        }
    }
    build.tables.policies = Policies(std::move(policies));
}

}  // namespace tcqf::dataplane
