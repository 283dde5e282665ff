// Routes: those of the configuration, connected prefixes, neighbours, the router's own addresses,
// locators, and what is found by address as well: local and binding SIDs.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "dataplane/table_builders.h"

namespace tcqf::dataplane {
namespace {

constexpr std::array kFamilies = {Family::ipv4, Family::ipv6};

constexpr std::uint32_t kMostTables = 1u << 16;

/// One family of one table.
using Place = std::pair<std::uint16_t, Family>;

config::IpPrefix host_prefix(const config::IpAddress& address) {
    return {address, address.bits()};
}

bool is_left_to_index(const RouteSet& set, const config::IpPrefix& sid) {
    return sid.length == 128 && set.find(sid.address).kind == RouteKind::no_sid;
}

/// True where SIDs that differ stand among the prefixes, or would have to.
bool sids_touch_prefixes(const Build& build) {
    const RouteSet& set = *build.before->route_tables[kMainTable].routes(Family::ipv6).set;
    const config::ListDifference& sids = build.difference.sids;
    if (set.has_sids && (sids.moved || !sids.removed.empty() || binding_addresses_differ(build))) {
        return true;
    }
    const auto stays_out = [&](const config::IpPrefix& sid) { return is_left_to_index(set, sid); };
    for (const std::uint32_t added : sids.added) {
        if (!stays_out(build.config.srv6.local_sids[added].sid)) {
            return true;
        }
    }
    return binding_addresses_differ(build) &&
           !std::all_of(build.config.sr_policies.begin(), build.config.sr_policies.end(),
                        [&](const config::SrPolicy& policy) {
                            const config::IpAddress* sid = binding_address(policy);
                            return sid == nullptr || stays_out(host_prefix(*sid));
                        });
}

/// The families in which a difference changes prefixes, or what they lead to.
std::set<Place> touched_by_difference(const Build& build) {
    const config::Router& before = *build.before->config;
    const config::Router& now = build.config;
    const config::Difference& difference = build.difference;
    std::set<Place> touched;
    const auto touch = [&](const config::Route& route) {
        if (build.tables.table_numbers->contains(route.table)) {
            touched.emplace(table_number(build, route.table), family_of(route.prefix));
        }
    };
    for (const std::uint32_t removed : difference.routes.removed) {
        touch(before.routes[removed]);
    }
    for (const std::uint32_t added : difference.routes.added) {
        touch(now.routes[added]);
    }
    for (const auto& changed : difference.routes.changed) {
        touch(now.routes[changed.now]);
    }
    if (difference.locators || sids_touch_prefixes(build)) {
        touched.emplace(kMainTable, Family::ipv6);
    }
    return touched;
}

/// Makes the prefix matches of the families that need new ones.
class RouteSetsBuilder {
  public:
    RouteSetsBuilder(Build& build, std::set<Place> places)
        : build_(build), config_(build.config), places_(std::move(places)) {}

    std::map<Place, std::shared_ptr<RouteSet>> run() {
        if (places_.empty()) {
            return {};
        }
        create_sets();
        add_plain_routes();
        add_connected();
        add_neighbors();
        add_locators();
        add_steered_routes();
        add_own_addresses();
        add_sids();
        return std::move(sets_);
    }

  private:
    std::uint16_t number(const std::string& table) const { return table_number(build_, table); }

    /// Null where the family keeps the routes that it has.
    RouteSet* set_for(std::uint16_t table, Family family) {
        const auto found = sets_.find({table, family});
        return found == sets_.end() ? nullptr : found->second.get();
    }

    void create_sets() {
        std::map<Place, FibSize> sizes;
        for (const config::Route& route : config_.routes) {
            sizes[{number(route.table), family_of(route.prefix)}].add(route.prefix);
        }
        const auto add_everywhere = [&](const config::IpPrefix& prefix) {
            for (const Place& place : places_) {
                if (place.second == family_of(prefix)) {
                    sizes[place].add(prefix);
                }
            }
        };
        for (const config::Neighbor& neighbor : config_.neighbors) {
            add_everywhere(host_prefix(neighbor.address));
        }
        for (const config::Interface& interface : config_.interfaces) {
            for (const config::IpPrefix& prefix : interface.addresses) {
                add_everywhere(prefix);
                add_everywhere(host_prefix(prefix.address));
            }
        }
        if (config_.srv6_source) {
            add_everywhere(host_prefix(*config_.srv6_source));
        }
        add_sids_to(sizes[{kMainTable, Family::ipv6}]);
        for (const Place& place : places_) {
            sets_[place] = std::make_shared<RouteSet>(
                place.second, place.first == kMainTable ? build_.options.fib : FibKind::compact,
                sizes[place]);
        }
    }

    /// SIDs that a locator leads to need no place.
    void add_sids_to(FibSize& size) const {
        for (const config::IpPrefix& locator : config_.srv6.locators) {
            size.add(locator);
        }
        const std::vector<config::IpPrefix> inner = prefixes_in_locators();
        const auto add = [&](const config::IpPrefix& sid) {
            const auto covers = [&](const auto& prefix) { return prefix.contains(sid.address); };
            if (sid.length < 128 || !is_in_locator(sid) ||
                std::any_of(inner.begin(), inner.end(), covers)) {
                size.add(sid);
            }
        };
        for (const config::LocalSid& sid : config_.srv6.local_sids) {
            add(sid.sid);
        }
        for (const config::SrPolicy& policy : config_.sr_policies) {
            if (const config::IpAddress* sid = binding_address(policy)) {
                add(host_prefix(*sid));
            }
        }
    }

    bool is_in_locator(const config::IpPrefix& prefix) const {
        return std::any_of(config_.srv6.locators.begin(), config_.srv6.locators.end(),
                           [&](const config::IpPrefix& locator) {
                               return locator.length <= prefix.length &&
                                      locator.contains(prefix.address);
                           });
    }

    /// Routes and SIDs that stand between a locator and the SIDs beneath them.
    std::vector<config::IpPrefix> prefixes_in_locators() const {
        std::vector<config::IpPrefix> inner;
        for (const config::Route& route : config_.routes) {
            if (route.prefix.address.is_ipv6 && is_in_locator(route.prefix)) {
                inner.push_back(route.prefix);
            }
        }
        for (const config::LocalSid& sid : config_.srv6.local_sids) {
            if (sid.sid.length < 128 && is_in_locator(sid.sid)) {
                inner.push_back(sid.sid);
            }
        }
        return inner;
    }

    static std::uint32_t add_spec(RouteSet& set, RouteSpec spec) {
        set.specs.push_back(std::move(spec));
        return static_cast<std::uint32_t>(set.specs.size() - 1);
    }

    /// Routes with the same next hops share one action.
    std::uint32_t forward_spec(RouteSet& set, const std::vector<config::NextHop>& next_hops) {
        const auto [entry, is_new] = forward_[&set].try_emplace(next_hops, 0);
        if (is_new) {
            entry->second = add_spec(set, {.kind = RouteKind::forward, .next_hops = next_hops});
        }
        return entry->second;
    }

    void add_plain_routes() {
        for (const config::Route& route : config_.routes) {
            RouteSet* set = set_for(number(route.table), family_of(route.prefix));
            if (set != nullptr && !route.next_hops.empty()) {
                set->fib.add(route.prefix, forward_spec(*set, route.next_hops));
            }
        }
    }

    void add_connected() {
        for (std::size_t i = 0; i < config_.interfaces.size(); ++i) {
            const config::Interface& interface = config_.interfaces[i];
            for (const config::IpPrefix& prefix : interface.addresses) {
                if (RouteSet* set = set_for(number(interface.table), family_of(prefix))) {
                    set->fib.add(
                        prefix,
                        add_spec(*set, {.kind = RouteKind::unresolved,
                                        .interface = static_cast<config::InterfaceIndex>(i)}));
                }
            }
        }
    }

    /// A neighbour is reached directly where the connected prefix of its interface is the best
    /// route.
    void add_neighbors() {
        for (const config::Neighbor& neighbor : config_.neighbors) {
            const config::IpPrefix host = host_prefix(neighbor.address);
            RouteSet* set =
                set_for(number(config_.interfaces[neighbor.interface].table), family_of(host));
            if (set == nullptr) {
                continue;
            }
            const RouteSpec& best = set->find(neighbor.address);
            if (best.kind == RouteKind::unresolved && best.interface == neighbor.interface) {
                set->fib.add(host, forward_spec(*set, {{.interface = neighbor.interface,
                                                        .address = neighbor.address,
                                                        .weight = 1,
                                                        .labels = {}}}));
            }
        }
    }

    void add_locators() {
        if (RouteSet* set = set_for(kMainTable, Family::ipv6)) {
            const std::uint32_t no_sid = add_spec(*set, {.kind = RouteKind::no_sid});
            for (const config::IpPrefix& locator : config_.srv6.locators) {
                set->fib.add(locator, no_sid);
            }
        }
    }

    /// The router's addresses count in every table, whatever routes there are to them; the source
    /// of its tunnels is one of them, to which errors about what it encapsulated come back.
    void add_own_addresses() {
        std::vector<config::IpPrefix> own;
        for (const config::Interface& interface : config_.interfaces) {
            for (const config::IpPrefix& prefix : interface.addresses) {
                own.push_back(host_prefix(prefix.address));
            }
        }
        if (config_.srv6_source) {
            own.push_back(host_prefix(*config_.srv6_source));
        }
        for (const auto& [place, set] : sets_) {
            const std::uint32_t local = add_spec(*set, {.kind = RouteKind::local});
            for (const config::IpPrefix& address : own) {
                if (family_of(address) == place.second) {
                    set->fib.add(address, local);
                }
            }
        }
    }

    /// Routes into policies, whether these are valid or not: that is looked at per packet, so that
    /// a change of a policy changes no route. Wide prefixes come before the narrow ones in them,
    /// which fall back on them.
    void add_steered_routes() {
        std::vector<const config::Route*> steered;
        for (const config::Route& route : config_.routes) {
            if (route.sr_policy && set_for(number(route.table), family_of(route.prefix))) {
                steered.push_back(&route);
            }
        }
        std::stable_sort(steered.begin(), steered.end(), [](const auto* left, const auto* right) {
            return left->prefix.length < right->prefix.length;
        });
        for (const config::Route* route : steered) {
            add_policy(*set_for(number(route->table), family_of(route->prefix)), route->prefix,
                       RouteKind::policy, *route->sr_policy);
        }
    }

    void add_policy(RouteSet& set, const config::IpPrefix& prefix, RouteKind kind,
                    const config::PolicyKey& key) {
        const std::uint32_t spec =
            add_spec(set, {.kind = kind, .index = build_.tables.policy_numbers->at(key)});
        set.specs[spec].fallback = set.fib.replace(prefix, spec);
    }

    /// What a locator leads to is left to the index of SIDs. Short prefixes first: what they cover
    /// is theirs.
    void add_sids() {
        RouteSet* set = set_for(kMainTable, Family::ipv6);
        if (set == nullptr) {
            return;
        }
        std::vector<std::size_t> order;
        for (std::size_t i = 0; i < config_.srv6.local_sids.size(); ++i) {
            order.push_back(i);
        }
        std::stable_sort(order.begin(), order.end(), [this](std::size_t left, std::size_t right) {
            return config_.srv6.local_sids[left].sid.length <
                   config_.srv6.local_sids[right].sid.length;
        });
        for (const std::size_t i : order) {
            const config::IpPrefix& sid = config_.srv6.local_sids[i].sid;
            if (!is_left_to_index(*set, sid)) {
                set->fib.add(sid, add_spec(*set, {.kind = RouteKind::sid,
                                                  .index = static_cast<std::uint32_t>(i)}));
                set->has_sids = true;
            }
        }
        for (const config::SrPolicy& policy : config_.sr_policies) {
            const config::IpAddress* sid = binding_address(policy);
            if (sid != nullptr && !is_left_to_index(*set, host_prefix(*sid))) {
                add_policy(*set, host_prefix(*sid), RouteKind::binding_sid, policy.key);
                set->has_sids = true;
            }
        }
    }

    Build& build_;
    const config::Router& config_;
    std::set<Place> places_;
    std::map<Place, std::shared_ptr<RouteSet>> sets_;
    std::map<const RouteSet*, std::map<std::vector<config::NextHop>, std::uint32_t>> forward_;
};

RouteActions resolve(Build& build, const std::vector<RouteSpec>& specs) {
    RouteActions::Content actions;
    actions.elements.resize(specs.size());
    actions.owners.resize(specs.size());
    for (std::size_t i = 0; i < specs.size(); ++i) {
        const RouteSpec& spec = specs[i];
        actions.owners[i] = build.adjacencies.group(spec.next_hops);
        actions.elements[i] = {.kind = spec.kind,
                               .interface = spec.interface,
                               .index = spec.index,
                               .hops = hop_set_of(actions.owners[i]),
                               .fallback = &actions.elements[spec.fallback]};
    }
    return RouteActions(std::move(actions));
}

/// The families that cannot take over their routes.
std::set<Place> places_to_build(const Build& build) {
    const bool all =
        build.from_nothing() || build.difference.addresses || build.difference.neighbors.keys();
    std::set<Place> places = all ? std::set<Place>() : touched_by_difference(build);
    for (const auto& [name, number] : build.tables.table_numbers->number_of) {
        for (const Family family : kFamilies) {
            if (all || !build.before->table_numbers->contains(name)) {
                places.emplace(number, family);
            }
        }
    }
    return places;
}

}  // namespace

void number_tables(Build& build) {
    const config::Difference& difference = build.difference;
    if (!build.from_nothing() && !difference.addresses && !difference.routes.keys() &&
        !difference.sids.any()) {
        build.tables.table_numbers = build.before->table_numbers;
        return;
    }
    std::vector<std::string> names = {"main"};
    std::set<std::string> known = {"main"};
    const auto add = [&](const std::string& name) {
        if (name != names.back() && known.insert(name).second) {
            names.push_back(name);
        }
    };
    for (const config::Interface& interface : build.config.interfaces) {
        add(interface.table);
    }
    for (const config::Route& route : build.config.routes) {
        add(route.table);
    }
    for (const config::LocalSid& sid : build.config.srv6.local_sids) {
        add(sid.table);
    }
    build.tables.table_numbers =
        renumbered(build.from_nothing() ? nullptr : build.before->table_numbers.get(), names);
    if (build.tables.table_numbers->count > kMostTables) {
        throw std::runtime_error(fmt::format("more than {} route tables", kMostTables));
    }
}

void build_routes(Build& build) {
    const std::map<Place, std::shared_ptr<RouteSet>> made =
        RouteSetsBuilder(build, places_to_build(build)).run();
    build.tables.route_tables.resize(build.tables.table_numbers->count);
    for (const auto& [name, table] : build.tables.table_numbers->number_of) {
        for (const Family family : kFamilies) {
            RouteTable::Routes& routes = build.tables.route_tables[table].routes(family);
            const auto found = made.find(Place{table, family});
            if (found == made.end()) {
                routes = build.before->route_tables[table].routes(family);
            } else {
                routes.set = found->second;
            }
            if (found != made.end() || build.adjacencies_differ()) {
                routes.actions = resolve(build, routes.set->specs);
            }
        }
    }
}

}  // namespace tcqf::dataplane
