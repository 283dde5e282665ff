#include <fmt/format.h>
#include <rte_jhash.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "dataplane/headers.h"
#include "dataplane/sr_policy.h"
#include "dataplane/tables.h"

namespace tcqf::dataplane {

void LabelTable::set(std::uint32_t label, const LabelAction& action) {
    auto& page = pages_[label / kPage];
    if (!page) {
        page = std::make_unique<Page>();
    }
    (*page)[label % kPage] = action;
}

std::uint32_t Snapshot::find_nrp(std::uint32_t selector) const {
    const auto found = std::lower_bound(nrp_of_selector.begin(), nrp_of_selector.end(),
                                        std::pair<std::uint32_t, std::uint32_t>{selector, 0});
    return found != nrp_of_selector.end() && found->first == selector ? found->second : kNoNrp;
}

std::vector<const config::NrpInterface*> partitions_on(const config::Router& config,
                                                       config::InterfaceIndex interface) {
    std::vector<const config::NrpInterface*> partitions;
    for (const config::Nrp& nrp : config.nrps) {
        for (const config::NrpInterface& on : nrp.interfaces) {
            if (on.interface == interface) {
                partitions.push_back(&on);
            }
        }
    }
    return partitions;
}

namespace {

using config::InterfaceIndex;

class TableBuilder {
  public:
    TableBuilder(std::shared_ptr<const config::Router> config, const BuildOptions& options)
        : tables_(std::make_unique<Snapshot>()), router_(*config), options_(options) {
        tables_->config = std::move(config);
    }

    std::unique_ptr<Snapshot> build() {
        tables_->generation = options_.generation;
        tables_->code_points = router_.code_points;
        tables_->discards_unknown_options =
            router_.unknown_option_action == config::UnknownOptionAction::discard;
        tables_->short_pipe = router_.mpls.ttl_model == config::TtlModel::short_pipe;
        // Tiers of routers with equal seeds would all choose alike and leave paths unused.
        tables_->hash_seed =
            rte_jhash(router_.name.data(), static_cast<std::uint32_t>(router_.name.size()), 0x7c0f);
        build_interfaces();
        build_domains();
        index_neighbors();
        build_nrps();
        build_routes();
        build_labels();
        build_policies();
        steer_routes();
        build_sids();
        build_flows();
        return std::move(tables_);
    }

  private:
    std::string name(std::string_view what) const {
        return fmt::format("{:x}.{}", reinterpret_cast<std::uintptr_t>(tables_.get()), what);
    }

    std::uint16_t table_index(const std::string& table) {
        const auto [entry, is_new] =
            table_indices_.try_emplace(table, static_cast<std::uint16_t>(table_indices_.size()));
        return entry->second;
    }

    void build_interfaces() {
        table_index("main");
        for (std::size_t i = 0; i < router_.interfaces.size(); ++i) {
            const config::Interface& from = router_.interfaces[i];
            InterfaceTable& to = tables_->interfaces.emplace_back();
            to.mac = from.mac
                         ? *from.mac
                         : (i < options_.macs.size() ? options_.macs[i] : config::MacAddress{});
            to.mtu = from.mtu;
            to.route_table = table_index(from.table);
            for (const config::IpPrefix& prefix : from.addresses) {
                auto& source = prefix.address.is_ipv6 ? to.source_ipv6 : to.source_ipv4;
                if (!source) {
                    source = prefix.address;
                }
            }
        }
        // An interface without an address of the family answers with another one's.
        const auto any = [this](auto member) {
            for (const InterfaceTable& interface : tables_->interfaces) {
                if (interface.*member) {
                    return interface.*member;
                }
            }
            return std::optional<config::IpAddress>{};
        };
        const auto any_ipv4 = any(&InterfaceTable::source_ipv4);
        const auto any_ipv6 = any(&InterfaceTable::source_ipv6);
        for (InterfaceTable& interface : tables_->interfaces) {
            interface.source_ipv4 = interface.source_ipv4 ? interface.source_ipv4 : any_ipv4;
            interface.source_ipv6 = router_.srv6_source     ? router_.srv6_source
                                    : interface.source_ipv6 ? interface.source_ipv6
                                                            : any_ipv6;
        }
    }

    void build_domains() {
        const std::size_t count = router_.interfaces.size();
        tables_->map_of.assign(count * count, kNoMap);
        for (std::size_t d = 0; d < router_.domains.size(); ++d) {
            const config::Domain& domain = router_.domains[d];
            for (const config::DomainInterface& member : domain.interfaces) {
                InterfaceTable& interface = tables_->interfaces[member.interface];
                interface.domain = static_cast<std::uint16_t>(d);
                interface.option_header = member.option_header;
                interface.egress_dscp = domain.egress_dscp;
                interface.egress_tc = domain.egress_tc;
                interface.drops_outside_window =
                    domain.outside_window_action == config::OutsideWindowAction::drop;
                interface.timing = domain.timing_of(member);
                interface.tags = TagTable(member.tagging, member.tags);
            }
            for (const config::CycleMapEntry& entry : domain.cycle_maps) {
                tables_->map_of[entry.iif * count + entry.oif] =
                    static_cast<std::uint16_t>(tables_->cycle_maps.size());
                tables_->cycle_maps.emplace_back(entry.map, entry.window, domain.cycles);
            }
        }
    }

    void index_neighbors() {
        for (const config::Neighbor& neighbor : router_.neighbors) {
            neighbors_[{neighbor.interface, neighbor.address}] = &neighbor;
        }
    }

    std::uint32_t adjacency(const config::NextHop& hop, const std::vector<std::uint32_t>& beneath) {
        Adjacency to;
        to.oif = hop.interface;
        const auto neighbor = neighbors_.find({hop.interface, hop.address});
        to.resolved = neighbor != neighbors_.end();
        if (to.resolved) {
            const config::Neighbor& found = *neighbor->second;
            std::copy(found.mac.begin(), found.mac.end(), to.ethernet.begin());
            to.reads_actions = found.mna;
            to.readable_depth = found.readable_label_depth;
        }
        const config::MacAddress& own = tables_->interfaces[hop.interface].mac;
        std::copy(own.begin(), own.end(), to.ethernet.begin() + 6);
        for (const std::vector<std::uint32_t>* labels : {&hop.labels, &beneath}) {
            for (const std::uint32_t label : *labels) {
                // Label 3 is never on the wire: it says that there is nothing to push.
                if (label == mpls::kImplicitNull) {
                    continue;
                }
                if (to.label_count == kMaxPushedLabels) {
                    throw std::runtime_error(
                        fmt::format("a next hop pushes more than {} labels", kMaxPushedLabels));
                }
                to.labels[to.label_count++] = label;
            }
        }
        tables_->adjacencies.push_back(to);
        return static_cast<std::uint32_t>(tables_->adjacencies.size() - 1);
    }

    HopSet hop_set(const std::vector<config::NextHop>& hops,
                   const std::vector<std::uint32_t>& beneath) {
        HopSet set{.first = static_cast<std::uint32_t>(tables_->hops.size()),
                   .total_weight = 0,
                   .count = static_cast<std::uint16_t>(hops.size())};
        for (const config::NextHop& hop : hops) {
            set.total_weight += hop.weight;
            tables_->hops.push_back({set.total_weight, adjacency(hop, beneath)});
        }
        return set;
    }

    std::uint32_t add_action(const RouteAction& action) {
        tables_->routes.push_back(action);
        return static_cast<std::uint32_t>(tables_->routes.size() - 1);
    }

    /// Routes with the same next hops share one action.
    std::uint32_t forward_action(const std::vector<config::NextHop>& hops) {
        std::string key;
        for (const config::NextHop& hop : hops) {
            key += fmt::format("{} {} {} {};", hop.interface, hop.address.to_string(), hop.weight,
                               fmt::join(hop.labels, ","));
        }
        const auto [entry, is_new] = forward_actions_.try_emplace(key, 0);
        if (is_new) {
            entry->second = add_action({.kind = RouteKind::forward, .hops = hop_set(hops, {})});
        }
        return entry->second;
    }

    void count(std::map<std::uint16_t, std::array<std::uint32_t, 2>>& routes, std::uint16_t table,
               const config::IpAddress& address) {
        ++routes[table][address.is_ipv6 ? 1 : 0];
    }

    void create_tables() {
        for (const config::Route& route : router_.routes) {
            table_index(route.table);
        }
        for (const config::LocalSid& sid : router_.srv6.local_sids) {
            table_index(sid.table);
        }
        std::map<std::uint16_t, std::array<std::uint32_t, 2>> routes;
        for (const config::Route& route : router_.routes) {
            count(routes, table_index(route.table), route.prefix.address);
        }
        std::array<std::uint32_t, 2> everywhere{};  // what stands in each table
        for (const config::Interface& interface : router_.interfaces) {
            for (const config::IpPrefix& prefix : interface.addresses) {
                everywhere[prefix.address.is_ipv6 ? 1 : 0] += 2;
            }
        }
        everywhere[0] += static_cast<std::uint32_t>(router_.neighbors.size());
        everywhere[1] +=
            static_cast<std::uint32_t>(router_.neighbors.size() + router_.srv6.locators.size() +
                                       router_.srv6.local_sids.size());
        for (const auto& [table, index] : table_indices_) {
            names_by_index_.resize(std::max<std::size_t>(names_by_index_.size(), index + 1u));
            names_by_index_[index] = table;
        }
        for (std::size_t index = 0; index < names_by_index_.size(); ++index) {
            const FibKind kind = index == 0 ? options_.fib : FibKind::compact;
            tables_->route_tables.push_back(std::make_unique<RouteTable>(
                name(fmt::format("{}", index)), kind, routes[index][0] + everywhere[0],
                routes[index][1] + everywhere[1]));
        }
    }

    void build_nrps() {
        const std::size_t count = router_.interfaces.size();
        tables_->shares.assign(router_.nrps.size() * count, 0);
        for (std::size_t interface = 0; interface < count; ++interface) {
            std::uint16_t share = 0;
            for (std::size_t n = 0; n < router_.nrps.size(); ++n) {
                for (const config::NrpInterface& on : router_.nrps[n].interfaces) {
                    if (on.interface == interface) {
                        tables_->shares[n * count + interface] = ++share;
                    }
                }
            }
        }
        for (std::size_t n = 0; n < router_.nrps.size(); ++n) {
            const config::Nrp& nrp = router_.nrps[n];
            tables_->nrps.push_back({nrp.selector, nrp.strict, nrp.encapsulation});
            tables_->nrp_of_selector.emplace_back(nrp.selector, static_cast<std::uint32_t>(n));
            nrp_by_id_[nrp.id] = static_cast<std::uint32_t>(n);
        }
        std::sort(tables_->nrp_of_selector.begin(), tables_->nrp_of_selector.end());
        if (!router_.srv6_domain.empty()) {
            tables_->in_srv6_domain.resize(count);
            for (const InterfaceIndex inside : router_.srv6_domain) {
                tables_->in_srv6_domain[inside] = true;
            }
        }
        if (router_.srv6_source) {
            tables_->srv6_source = router_.srv6_source->octets;
        }
    }

    void build_routes() {
        add_action({});  // number 0: no route
        create_tables();
        for (const config::Route& route : router_.routes) {
            // A route into a policy is added when it is known whether the policy is valid.
            if (!route.next_hops.empty()) {
                table(route.table).add(route.prefix, forward_action(route.next_hops));
            }
        }
        add_connected();
        add_neighbors();
        add_locators();
        const std::uint32_t local = add_action({.kind = RouteKind::local});
        for (const config::Interface& interface : router_.interfaces) {
            for (const config::IpPrefix& prefix : interface.addresses) {
                for (const auto& each : tables_->route_tables) {
                    each->add({prefix.address, prefix.address.bits()}, local);
                }
            }
        }
    }

    RouteTable& table(const std::string& table_name) {
        return *tables_->route_tables[table_index(table_name)];
    }

    void add_connected() {
        for (std::size_t i = 0; i < router_.interfaces.size(); ++i) {
            const config::Interface& interface = router_.interfaces[i];
            const std::uint32_t action = add_action(
                {.kind = RouteKind::unresolved, .interface = static_cast<InterfaceIndex>(i)});
            for (const config::IpPrefix& prefix : interface.addresses) {
                table(interface.table).add(prefix, action);
            }
        }
    }

    /// A neighbour is reached directly where the connected prefix of its interface is the best
    /// route.
    void add_neighbors() {
        for (const config::Neighbor& neighbor : router_.neighbors) {
            RouteTable& routes = table(router_.interfaces[neighbor.interface].table);
            const RouteAction& best = tables_->routes[routes.lookup(neighbor.address)];
            if (best.kind == RouteKind::unresolved && best.interface == neighbor.interface) {
                routes.add({neighbor.address, neighbor.address.bits()},
                           forward_action({{.interface = neighbor.interface,
                                            .address = neighbor.address,
                                            .weight = 1,
                                            .labels = {}}}));
            }
        }
    }

    void add_locators() {
        const std::uint32_t no_sid = add_action({.kind = RouteKind::no_sid});
        for (const config::IpPrefix& locator : router_.srv6.locators) {
            table("main").add(locator, no_sid);
        }
    }

    void build_labels() {
        for (const config::Label& label : router_.mpls.labels) {
            label_configs_[label.label] = &label;
            LabelAction action;
            switch (label.operation) {
                case config::LabelOperation::swap:
                    action.kind = LabelKind::swap;
                    break;
                case config::LabelOperation::pop:
                    action.kind = LabelKind::pop;
                    break;
                case config::LabelOperation::pop_and_lookup:
                    action.kind = LabelKind::pop_and_lookup;
                    break;
                case config::LabelOperation::detnet_pop:
                    action.kind = LabelKind::detnet_pop;
                    action.sequence_bits = label.sequence_bits;
                    break;
            }
            if (action.kind == LabelKind::swap &&
                std::all_of(label.out_labels.begin(), label.out_labels.end(),
                            [](std::uint32_t out) { return out == mpls::kImplicitNull; })) {
                action.kind = LabelKind::pop;
            }
            if (!label.next_hops.empty()) {
                action.hops = hop_set(label.next_hops, label.out_labels);
            }
            tables_->labels.set(label.label, action);
        }
    }

    /// The next hops of a segment list; nothing where its first segment cannot be reached, it is
    /// too deep, or its partition has no resources on the way out.
    std::optional<HopSet> hops_of(const config::CandidatePath& path,
                                  const config::SegmentList& list) {
        const std::optional<HopSet> hops =
            std::holds_alternative<config::IpAddress>(list.segments.front())
                ? hops_to_sid(std::get<config::IpAddress>(list.segments.front()))
                : hops_to_labels(list.segments);
        if (!hops) {
            return std::nullopt;
        }
        for (std::uint32_t i = 0; i < hops->count; ++i) {
            const Adjacency& adjacency =
                tables_->adjacencies[tables_->hops[hops->first + i].adjacency];
            if (!adjacency.resolved ||
                (path.nrp_id && tables_->share(nrp_by_id_.at(*path.nrp_id), adjacency.oif) == 0)) {
                return std::nullopt;
            }
        }
        return hops;
    }

    std::optional<HopSet> hops_to_sid(const config::IpAddress& sid) {
        const RouteAction& route = tables_->routes[table("main").lookup(sid)];
        return route.kind == RouteKind::forward ? std::optional(route.hops) : std::nullopt;
    }

    /// The top label goes through the label table, the others follow beneath what it becomes.
    std::optional<HopSet> hops_to_labels(std::span<const config::Segment> segments) {
        std::vector<std::uint32_t> beneath;
        for (const config::Segment& segment : segments.subspan(1)) {
            beneath.push_back(std::get<std::uint32_t>(segment));
        }
        const auto found = label_configs_.find(std::get<std::uint32_t>(segments.front()));
        if (found == label_configs_.end()) {
            return std::nullopt;
        }
        const config::Label& label = *found->second;
        switch (label.operation) {
            case config::LabelOperation::pop_and_lookup:
                return segments.size() > 1 ? hops_to_labels(segments.subspan(1)) : std::nullopt;
            case config::LabelOperation::detnet_pop:
                return std::nullopt;
            case config::LabelOperation::swap:
                beneath.insert(beneath.begin(), label.out_labels.begin(), label.out_labels.end());
                break;
            case config::LabelOperation::pop:
                break;
        }
        for (const config::NextHop& hop : label.next_hops) {
            if (hop.labels.size() + beneath.size() > kMaxPushedLabels) {
                return std::nullopt;
            }
        }
        return hop_set(label.next_hops, beneath);
    }

    void build_policies() {
        for (std::size_t i = 0; i < router_.sr_policies.size(); ++i) {
            const config::SrPolicy& policy = router_.sr_policies[i];
            policy_indices_[policy.key] = static_cast<std::uint32_t>(i);
            const auto installed = options_.installed.find(policy.key);
            const config::CandidatePath* path = active_path(
                policy,
                installed == options_.installed.end() ? std::nullopt
                                                      : std::optional(installed->second),
                [this](const config::CandidatePath& candidate, const config::SegmentList& list) {
                    return hops_of(candidate, list).has_value();
                });
            tables_->policies.push_back(path == nullptr ? PolicyAction{} : install(policy, *path));
        }
    }

    PolicyAction install(const config::SrPolicy& policy, const config::CandidatePath& path) {
        tables_->active_paths[policy.key] = id_of(path);
        PolicyAction action;
        action.first_list = static_cast<std::uint32_t>(tables_->segment_lists.size());
        action.nrp = path.nrp_id ? nrp_by_id_.at(*path.nrp_id) : kNoNrp;
        for (const config::SegmentList& list : path.segment_lists) {
            const std::optional<HopSet> hops =
                is_well_formed(list) ? hops_of(path, list) : std::nullopt;
            if (!hops) {
                continue;
            }
            action.total_weight += list.weight;
            ++action.list_count;
            SegmentListAction& to = tables_->segment_lists.emplace_back();
            to.below = action.total_weight;
            to.hops = *hops;
            to.is_srv6 = std::holds_alternative<config::IpAddress>(list.segments.front());
            to.segment_count = static_cast<std::uint16_t>(list.segments.size());
            to.first_segment = static_cast<std::uint32_t>(tables_->segments.size());
            for (const config::Segment& segment : list.segments) {
                if (to.is_srv6) {
                    tables_->segments.push_back(std::get<config::IpAddress>(segment).octets);
                }
            }
        }
        return action;
    }

    bool policy_is_valid(std::uint32_t index) const {
        return tables_->policies[index].list_count != 0;
    }

    /// Steering by route and by binding SID. An invalid policy leaves nothing behind, so that
    /// traffic is routed as usual, or drops what is steered into it.
    void steer_routes() {
        for (const config::Route& route : router_.routes) {
            if (!route.sr_policy) {
                continue;
            }
            const std::uint32_t index = policy_indices_.at(*route.sr_policy);
            if (policy_is_valid(index)) {
                table(route.table)
                    .add(route.prefix, add_action({.kind = RouteKind::policy, .index = index}));
            } else if (router_.sr_policies[index].drop_upon_invalid) {
                table(route.table)
                    .add(route.prefix, add_action({.kind = RouteKind::policy_invalid}));
            }
        }
        for (std::size_t i = 0; i < router_.sr_policies.size(); ++i) {
            const config::SrPolicy& policy = router_.sr_policies[i];
            const auto index = static_cast<std::uint32_t>(i);
            if (!policy.binding_sid || (!policy_is_valid(index) && !policy.drop_upon_invalid)) {
                continue;
            }
            if (const auto* label = std::get_if<std::uint32_t>(&*policy.binding_sid)) {
                tables_->labels.set(
                    *label,
                    {.kind = policy_is_valid(index) ? LabelKind::policy : LabelKind::policy_invalid,
                     .policy = index});
                continue;
            }
            add_sid({std::get<config::IpAddress>(*policy.binding_sid), 128},
                    {.behavior = config::SidBehavior::end_b6_encaps_red,
                     .policy_valid = policy_is_valid(index),
                     .policy = index});
        }
    }

    void add_sid(const config::IpPrefix& sid, const SidAction& action) {
        tables_->sids.push_back(action);
        table("main").add(
            sid, add_action({.kind = RouteKind::sid,
                             .index = static_cast<std::uint32_t>(tables_->sids.size() - 1)}));
    }

    void build_sids() {
        for (const config::LocalSid& sid : router_.srv6.local_sids) {
            SidAction action;
            action.behavior = sid.behavior;
            action.flavors = sid.flavors;
            action.block_bits = sid.locator_block_bits;
            action.node_bits = sid.locator_node_bits;
            action.table = table_index(sid.table);
            if (sid.policy) {
                action.policy = policy_indices_.at(*sid.policy);
                action.policy_valid = policy_is_valid(action.policy);
            }
            if (!sid.next_hops.empty()) {
                action.hops = hop_set(sid.next_hops, {});
            }
            add_sid(sid.sid, action);
        }
    }

    void build_flows() {
        tables_->flow_table = std::make_unique<FlowTable>(name("f"), router_.flows);
        for (std::size_t i = 0; i < router_.flows.size(); ++i) {
            const config::Flow& from = router_.flows[i];
            FlowAction& to = tables_->flows.emplace_back();
            to.shape.cycle_size_bits = from.cycle_size_bits;
            to.shape.max_backlog_cycles = from.max_backlog_cycles;
            if (from.interleaving) {
                to.shape.interleaving =
                    Interleaving(from.interleaving->period_cycles, from.interleaving->cycles);
            }
            to.id = from.id;
            to.slot = options_.flows[i].slot;
            to.policer = options_.flows[i].policer;
            if (tables_->flow_of_slot.size() <= to.slot) {
                tables_->flow_of_slot.resize(to.slot + 1, FlowTable::kNoFlow);
            }
            tables_->flow_of_slot[to.slot] = static_cast<std::uint32_t>(i);
            if (from.sr_policy) {
                // An invalid policy drops what is steered into it, or is as if it were not there.
                const std::uint32_t policy = policy_indices_.at(*from.sr_policy);
                to.policy = policy_is_valid(policy) || router_.sr_policies[policy].drop_upon_invalid
                                ? policy
                                : kNoPolicy;
            }
            to.service = from.mpls_service;
            to.excess_to_best_effort = from.excess_action == config::ExcessAction::best_effort;
        }
    }

    std::unique_ptr<Snapshot> tables_;
    const config::Router& router_;
    const BuildOptions& options_;
    std::map<std::string, std::uint16_t> table_indices_;
    std::vector<std::string> names_by_index_;
    std::map<std::pair<InterfaceIndex, config::IpAddress>, const config::Neighbor*> neighbors_;
    std::map<std::string, std::uint32_t> forward_actions_;
    std::map<std::uint32_t, const config::Label*> label_configs_;
    std::map<config::PolicyKey, std::uint32_t> policy_indices_;
    std::map<std::uint32_t, std::uint32_t> nrp_by_id_;
};

}  // namespace

std::unique_ptr<Snapshot> build_tables(std::shared_ptr<const config::Router> config,
                                       const BuildOptions& options) {
    return TableBuilder(std::move(config), options).build();
}

}  // namespace tcqf::dataplane
