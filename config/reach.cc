#include "config/reach.h"

#include <algorithm>

#include "config/check_context.h"

namespace tcqf::config {

Reach::Reach(const CheckContext& context) : router_(context.router) {
    read_tables(context);
    read_policies_and_labels(context);
    read_own();
}

void Reach::read_own() {
    for (const Interface& interface : router_.interfaces) {
        for (const IpPrefix& own : interface.addresses) {
            own_.insert({own.address, own.address.bits()});
        }
    }
    for (const IpPrefix& locator : router_.srv6.locators) {
        own_.insert(locator.network());
    }
    for (const LocalSid& sid : router_.srv6.local_sids) {
        own_.insert(sid.sid.network());
    }
    for (const IpPrefix& own : own_) {
        lengths_.set(own.length);
    }
}

void Reach::read_tables(const CheckContext& context) {
    for_each_pair(
        context.top["routes"], router_.routes, [&](const Cursor& entry, const Route& route) {
            if (context.is_given(entry, "prefix") && context.are_right(entry, {"table"})) {
                tables_[route.table].push_back({route.prefix.network(), &route, 0});
            }
        });
    InterfaceIndex index = 0;
    for_each_pair(context.top["interfaces"], router_.interfaces,
                  [&](const Cursor& entry, const Interface& interface) {
                      for (const IpPrefix& own : interface.addresses) {
                          if (is_unicast(own.address) && context.are_right(entry, {"table"})) {
                              tables_[interface.table].push_back({own.network(), nullptr, index});
                          }
                      }
                      ++index;
                  });
    for (auto& [name, targets] : tables_) {
        std::sort(targets.begin(), targets.end(),
                  [](const Target& a, const Target& b) { return a.prefix < b.prefix; });
        for (const Target& target : targets) {
            lengths_.set(target.prefix.length);
        }
    }
}

void Reach::read_policies_and_labels(const CheckContext& context) {
    for_each_pair(context.top["sr-policies"], router_.sr_policies,
                  [&](const Cursor& entry, const SrPolicy& policy) {
                      if (context.is_given(entry, "color") && context.is_given(entry, "endpoint")) {
                          policies_.try_emplace(policy.key, &policy);
                      }
                  });
    for_each_pair(context.top["mpls"]["labels"], router_.mpls.labels,
                  [&](const Cursor& entry, const Label& label) {
                      if (context.is_given(entry, "label")) {
                          labels_.try_emplace(label.label, &label);
                      }
                  });
}

std::set<InterfaceIndex> Reach::interfaces_of(const Flow& flow) const {
    Interfaces result;
    if (flow.sr_policy) {
        add_policy(*flow.sr_policy, result, 0);
    } else if (flow.match.mpls_label) {
        add_label(*flow.match.mpls_label, result);
    } else if (flow.match.destination) {
        add_prefix(table_of(flow), flow.match.destination->network(), result, 0);
    } else {
        add_all(result);
    }
    return result;
}

std::vector<FirstHop> Reach::first_hops(const SegmentList& list) const {
    if (list.segments.empty()) {
        return {};
    }
    const auto* sid = std::get_if<IpAddress>(&list.segments.front());
    return sid != nullptr ? to_first_sid(*sid) : to_first_label(list.segments);
}

std::set<InterfaceIndex> Reach::interfaces_of(const SegmentList& list) const {
    Interfaces result;
    for (const FirstHop& hop : first_hops(list)) {
        result.insert(hop.interface);
    }
    return result;
}

/// By the longest prefix that a policy is not the only way of; a connected one goes before a route.
std::vector<FirstHop> Reach::to_first_sid(const IpAddress& sid) const {
    std::vector<FirstHop> hops;
    const auto found = tables_.find("main");
    if (found == tables_.end()) {
        return hops;
    }
    for (int length = sid.bits(); length >= 0 && hops.empty(); --length) {
        if (!lengths_.test(static_cast<std::size_t>(length))) {
            continue;
        }
        const IpPrefix prefix = IpPrefix{sid, static_cast<std::uint8_t>(length)}.network();
        if (own_.contains(prefix)) {
            return hops;
        }
        const Targets targets = targets_at(found->second, prefix);
        const auto connected =
            std::find_if(targets.begin(), targets.end(),
                         [](const Target& target) { return target.route == nullptr; });
        if (connected != targets.end()) {
            return {FirstHop{.interface = connected->interface}};
        }
        for (const Target& target : targets) {
            for (const NextHop& hop : target.route->next_hops) {
                if (is_known(hop)) {
                    hops.push_back({.interface = hop.interface, .labels = written(hop.labels)});
                }
            }
        }
    }
    return hops;
}

/// The router's own labels on top are taken off first.
std::vector<FirstHop> Reach::to_first_label(const std::vector<Segment>& labels) const {
    std::vector<FirstHop> hops;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const auto* value = std::get_if<std::uint32_t>(&labels[i]);
        const Label* entry = value == nullptr ? nullptr : label(*value);
        if (entry == nullptr) {
            break;
        }
        if (entry->operation == LabelOperation::pop_and_lookup) {
            continue;
        }
        for (const NextHop& hop : entry->next_hops) {
            if (is_known(hop)) {
                hops.push_back({.interface = hop.interface,
                                .labels = written(hop.labels) + written(entry->out_labels),
                                .beneath = labels.size() - i - 1});
            }
        }
        break;
    }
    return hops;
}

const Label* Reach::label(std::uint32_t label) const {
    const auto found = labels_.find(label);
    return found == labels_.end() ? nullptr : found->second;
}

std::vector<const Route*> Reach::steering_routes(const Flow& flow) const {
    std::vector<const Route*> routes;
    if (flow.sr_policy || flow.match.mpls_label) {
        return routes;
    }
    const auto visit = [&](const Target& target) {
        if (target.route != nullptr && target.route->sr_policy) {
            routes.push_back(target.route);
        }
    };
    if (flow.match.destination) {
        for_each_target(table_of(flow), flow.match.destination->network(), visit);
    } else {
        for_each_target(table_of(flow), {IpAddress{.octets = {}, .is_ipv6 = false}, 0}, visit);
        for_each_target(table_of(flow), {IpAddress{.octets = {}, .is_ipv6 = true}, 0}, visit);
    }
    return routes;
}

/// The route table that packets of the flow are looked up in.
const std::string& Reach::table_of(const Flow& flow) const {
    static const std::string main = "main";
    return flow.match.interface ? router_.interfaces[*flow.match.interface].table : main;
}

void Reach::add_all(Interfaces& result) const {
    for (std::size_t i = 0; i < router_.interfaces.size(); ++i) {
        result.insert(static_cast<InterfaceIndex>(i));
    }
}

template <class Visit>
bool Reach::for_each_target(const std::string& table, const IpPrefix& prefix,
                            const Visit& visit) const {
    const auto found = tables_.find(table);
    if (found == tables_.end()) {
        return true;
    }
    const std::vector<Target>& targets = found->second;
    const auto from = [&](const IpPrefix& first) {
        return std::lower_bound(
            targets.begin(), targets.end(), first,
            [](const Target& target, const IpPrefix& value) { return target.prefix < value; });
    };
    for (int length = prefix.length; length >= 0; --length) {
        if (!lengths_.test(static_cast<std::size_t>(length))) {
            continue;
        }
        const IpPrefix wider =
            IpPrefix{prefix.address, static_cast<std::uint8_t>(length)}.network();
        const auto target = from(wider);
        if (target != targets.end() && target->prefix == wider) {
            visit(*target);
            break;
        }
    }
    constexpr unsigned kMost = 4096;
    unsigned count = 0;
    for (auto target = from(prefix);
         target != targets.end() && prefix.contains(target->prefix.address); ++target) {
        if (++count > kMost) {
            return false;
        }
        visit(*target);
    }
    return true;
}

Reach::Targets Reach::targets_at(Targets targets, const IpPrefix& prefix) {
    return {std::ranges::lower_bound(targets, prefix, {}, &Target::prefix),
            std::ranges::upper_bound(targets, prefix, {}, &Target::prefix)};
}

bool Reach::is_known(const NextHop& next_hop) const {
    return !router_.interfaces[next_hop.interface].name.empty();
}

void Reach::add_next_hops(const std::vector<NextHop>& next_hops, Interfaces& result) const {
    for (const NextHop& next_hop : next_hops) {
        if (is_known(next_hop)) {
            result.insert(next_hop.interface);
        }
    }
}

void Reach::add_prefix(const std::string& table, const IpPrefix& prefix, Interfaces& result,
                       unsigned depth) const {
    if (!for_each_target(table, prefix,
                         [&](const Target& target) { add_target(target, result, depth); })) {
        add_all(result);  // with so many routes every interface is as good a guess
    }
}

void Reach::add_target(const Target& target, Interfaces& result, unsigned depth) const {
    if (target.route == nullptr) {
        result.insert(target.interface);
        return;
    }
    add_next_hops(target.route->next_hops, result);
    if (target.route->sr_policy) {
        add_policy(*target.route->sr_policy, result, depth);
    }
}

void Reach::add_policy(const PolicyKey& key, Interfaces& result, unsigned depth) const {
    constexpr unsigned kMostPolicies = 4;  // a policy whose list leads into a policy, and so on
    const auto policy = policies_.find(key);
    if (policy == policies_.end() || depth >= kMostPolicies) {
        return;
    }
    for (const CandidatePath& path : policy->second->candidate_paths) {
        for (const SegmentList& list : path.segment_lists) {
            if (list.segments.empty()) {
                continue;
            }
            if (const auto* label = std::get_if<std::uint32_t>(&list.segments[0])) {
                add_label(*label, result);
            } else {
                const IpAddress& sid = std::get<IpAddress>(list.segments[0]);
                add_prefix("main", {sid, sid.bits()}, result, depth + 1);
            }
        }
    }
}

void Reach::add_label(std::uint32_t label, Interfaces& result) const {
    const auto found = labels_.find(label);
    if (found == labels_.end()) {
        return;
    }
    add_next_hops(found->second->next_hops, result);
    if (found->second->next_hops.empty()) {
        add_all(result);
    }
}

}  // namespace tcqf::config
