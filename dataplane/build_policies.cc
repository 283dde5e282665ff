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
        const config::CandidatePath* path = active_path(
            policy, installed ? std::optional(installed->id) : std::nullopt,
            [this](const config::CandidatePath& candidate, const config::SegmentList& list) {
                return hops_of(candidate, list) != nullptr;
            });
        if (path == nullptr) {
            return nullptr;
        }
        InstalledPolicy made = make(*path);
        return installed && is_same(*installed, *made) ? installed : made;
    }

  private:
    InstalledPolicy make(const config::CandidatePath& path) {
        auto made = std::make_shared<PolicyPath>();
        made->id = id_of(path);
        made->nrp = nrp_of(path);
        for (const config::SegmentList& list : path.segment_lists) {
            if (HopGroup hops = is_well_formed(list) ? hops_of(path, list) : nullptr) {
                add_list(*made, list, std::move(hops));
            }
        }
        return made;
    }

    void add_list(PolicyPath& path, const config::SegmentList& list, HopGroup hops) const {
        PolicyPath::List& owner = path.lists.emplace_back();
        owner.hops = std::move(hops);
        if (std::holds_alternative<config::IpAddress>(list.segments.front())) {
            owner.outer = outer_of(path, list);
        } else {
            for (const Adjacency& hop : *owner.hops) {
                owner.stacks.push_back(label_stack(hop, tables_.pushed_selector(path.nrp, hop)));
            }
        }
        const std::uint32_t below = path.actions.empty() ? 0 : path.actions.back().below;
        path.actions.push_back({.below = below + list.weight,
                                .outer = owner.outer.get(),
                                .hops = hop_set_of(owner.hops)});
    }

    std::unique_ptr<const OuterHeaders> outer_of(const PolicyPath& path,
                                                 const config::SegmentList& list) const {
        std::vector<SegmentIdentifier> segments;
        for (const config::Segment& segment : list.segments) {
            segments.push_back(std::get<config::IpAddress>(segment).octets);
        }
        OuterHeaderSpec spec{.source = tables_.srv6_source, .segments = segments};
        if (path.nrp != kNoNrp) {
            const NrpAction& nrp = tables_.nrps[path.nrp];
            spec.has_nrp = nrp.encapsulation == config::NrpEncapsulation::ipv6_option;
            spec.strict = nrp.strict;
            spec.selector = nrp.selector;
        }
        return std::make_unique<const OuterHeaders>(outer_headers(spec, tables_.code_points));
    }

    static bool is_same(const PolicyPath& left, const PolicyPath& right) {
        return left.id == right.id && left.nrp == right.nrp && left.lists == right.lists &&
               std::equal(left.actions.begin(), left.actions.end(), right.actions.begin(),
                          right.actions.end(),
                          [](const auto& a, const auto& b) { return a.below == b.below; });
    }

    std::uint32_t nrp_of(const config::CandidatePath& path) const {
        return path.nrp_id ? tables_.nrp_of_id.find(*path.nrp_id) : kNoNrp;
    }

    /// What a list puts in front of a packet at least: labels and selector, or the outer header of
    /// H.Encaps.Red.
    std::uint32_t least_octets(std::uint32_t nrp, const config::SegmentList& list,
                               const Adjacency& adjacency) const {
        const bool has_nrp = nrp != kNoNrp;
        if (std::holds_alternative<std::uint32_t>(list.segments.front())) {
            return label_stack(adjacency, tables_.pushed_selector(nrp, adjacency)).count *
                   kLabelOctets;
        }
        constexpr std::uint32_t kNrpHeader = 16;
        const bool option =
            has_nrp && tables_.nrps[nrp].encapsulation == config::NrpEncapsulation::ipv6_option;
        const auto listed = static_cast<std::uint32_t>(list.segments.size() - 1);
        return kIpv6Octets + (option ? kNrpHeader : 0) + (listed == 0 ? 0 : 8 + 16 * listed);
    }

    /// The next hops of a segment list; null where its first segment cannot be reached, it is too
    /// deep or leaves no room for a packet in the mtu, or its partition has no resources on the way
    /// out.
    HopGroup hops_of(const config::CandidatePath& path, const config::SegmentList& list) const {
        const config::Segment& first = list.segments.front();
        const HopGroup hops = std::holds_alternative<config::IpAddress>(first)
                                  ? hops_to_sid(std::get<config::IpAddress>(first))
                                  : hops_to_labels(list.segments);
        const std::uint32_t nrp = nrp_of(path);
        constexpr std::uint32_t kLeastPacket = 68;  // what every link must carry (RFC 791, 3.2)
        const auto is_usable = [&](const Adjacency& adjacency) {
            return adjacency.resolved &&
                   (nrp == kNoNrp || tables_.share(nrp, adjacency.oif) != 0) &&
                   least_octets(nrp, list, adjacency) + kLeastPacket <=
                       tables_.interfaces[adjacency.oif].mtu;
        };
        return hops != nullptr && std::all_of(hops->begin(), hops->end(), is_usable) ? hops
                                                                                     : nullptr;
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
            if (!push_beneath(adjacency, beneath)) {
                return nullptr;
            }
        }
        return std::make_shared<const std::vector<Adjacency>>(std::move(group));
    }

    const Snapshot& tables_;
};

/// Of a path that has no other: an outer header right behind Ethernet, or labels.
SoleWay sole_way(const PolicyPath& path) {
    const PolicyPath::List& list = path.lists.front();
    if (path.lists.size() != 1 || list.hops->size() != 1) {
        return {};
    }
    const Adjacency& hop = list.hops->front();
    if (list.outer ? hop.label_count != 0 : list.stacks.front().count == 0) {
        return {};
    }
    return {.hop = &hop,
            .outer = list.outer.get(),
            .stack = list.stacks.empty() ? nullptr : list.stacks.data(),
            .oif = hop.oif};
}

void set_policy(Build& build, Policies::Content& policies, const config::SrPolicy& policy) {
    const std::uint32_t number = build.tables.policy_numbers->number_of.at(policy.key);
    InstalledPolicy& owner = policies.owners[number];
    owner = PolicyInstaller(build.tables).install(policy, owner);
    PolicyAction& action = policies.elements[number];
    action = {};
    action.drops_when_invalid = policy.drop_upon_invalid;
    action.reduced = policy.reduced_encapsulation;
    if (const config::IpAddress* sid = binding_address(policy)) {
        action.counter = build.tables.sid_numbers->at({*sid, sid->bits()});
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

/// A policy keeps its number as long as it exists; those of policies that are gone are used again.
void number_policies(Build& build) {
    const config::ListDifference& difference = build.difference.policies;
    if (!build.from_nothing() && difference.added.empty() && difference.removed.empty()) {
        build.tables.policy_numbers = build.before->policy_numbers;
        return;
    }
    auto numbers = std::make_shared<PolicyNumbers>();
    if (!build.from_nothing()) {
        *numbers = *build.before->policy_numbers;
        for (const std::uint32_t removed : difference.removed) {
            const auto gone =
                numbers->number_of.find(build.before->config->sr_policies[removed].key);
            numbers->free.push_back(gone->second);
            numbers->number_of.erase(gone);
        }
    }
    for (const config::SrPolicy& policy : build.config.sr_policies) {
        const auto next = static_cast<std::uint32_t>(numbers->number_of.size());
        const auto [entry, is_new] = numbers->number_of.try_emplace(policy.key, next);
        if (is_new && !numbers->free.empty()) {
            entry->second = numbers->free.back();
            numbers->free.pop_back();
        }
    }
    build.tables.policy_numbers = std::move(numbers);
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
            const std::uint32_t number = build.before->policy_numbers->number_of.at(
                build.before->config->sr_policies[removed].key);
            policies.elements[number] = {};
            policies.owners[number] = nullptr;
        }
    }
    const PolicyNumbers& numbers = *build.tables.policy_numbers;
    const std::size_t count = numbers.number_of.size() + numbers.free.size();
    policies.elements.resize(std::max(count, policies.elements.size()));
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
