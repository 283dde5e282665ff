// Tables after a change of the configuration: the same as after a start with it, and the same
// objects as before wherever nothing has changed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "config/difference.h"
#include "dataplane/table_builder.h"
#include "tests/dataplane/test_config.h"
#include "tests/dataplane/test_router.h"

namespace tcqf::test {
namespace {

using config::Router;
using dataplane::Family;
using dataplane::HopSet;
using dataplane::RouteAction;
using dataplane::RouteKind;
using dataplane::Snapshot;

config::IpAddress address(const std::string& text) {
    return *config::IpAddress::parse(text);
}
config::IpPrefix prefix(const std::string& text) {
    return *config::IpPrefix::parse(text);
}

std::unique_ptr<Snapshot> build(const Router& config, const Snapshot* before) {
    start_eal_once();
    dataplane::BuildOptions options;
    options.flows.resize(config.flows.size());
    for (std::size_t i = 0; i < config.flows.size(); ++i) {
        options.flows[i].number = config.flows[i].id % 100;
    }
    const auto numbers = dataplane::SidNumbers().next(dataplane::counted_sids(config));
    options.sid_numbers = &numbers;
    const auto shared = std::make_shared<const Router>(config);
    return before == nullptr ? dataplane::build_tables(shared, options)
                             : dataplane::build_tables(shared, options, *before,
                                                       config::difference(*before->config, config));
}

Router base() {
    return *load_or_throw(four_interfaces("ipv6-option", 4, segment_routing()));
}

/// What the tables say, in words, without the numbers that they use inside.
class Description {
  public:
    explicit Description(const Snapshot& tables) : tables_(tables) {
        for (const auto& [key, number] : tables.policy_numbers->number_of) {
            policy_names_[number] = fmt::format("{}/{}", key.color, key.endpoint.to_string());
        }
    }

    std::string text() {
        routes();
        for (std::uint32_t label = 99; label < 130; ++label) {
            add_label(label);
            add_label(label + 500);
        }
        sids();
        policies();
        partitions();
        flows();
        return text_;
    }

  private:
    template <class... Arguments>
    void add(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
        text_ += fmt::format(format, std::forward<Arguments>(arguments)...);
    }

    std::string name_of(std::uint32_t policy) const {
        const auto found = policy_names_.find(policy);
        return found == policy_names_.end() ? "?" : found->second;
    }

    bool is_named(const std::string& table) const {
        const auto names = [&table](const auto& entry) { return entry.table == table; };
        const Router& config = *tables_.config;
        return table == "main" || std::any_of(config.routes.begin(), config.routes.end(), names) ||
               std::any_of(config.interfaces.begin(), config.interfaces.end(), names);
    }

    void add_hops(const HopSet& hops) {
        for (unsigned i = 0; i < hops.count; ++i) {
            const dataplane::Adjacency& hop = hops.first[i];
            add(" [{} {:02x} {} {} {} {}]", hop.oif, fmt::join(hop.ethernet, ""), hop.resolved,
                hop.below, hop.reads_actions,
                fmt::join(hop.labels.begin(), hop.labels.begin() + hop.label_count, ","));
        }
    }

    void add_route(const RouteAction& route, const config::IpAddress& destination) {
        const RouteAction& found = route.kind == RouteKind::no_sid
                                       ? tables_.sid_index->find(destination.octets.data())
                                       : route;
        const RouteAction& action = tables_.in_force(found);
        add("{}", static_cast<int>(action.kind));
        switch (action.kind) {
            case RouteKind::unresolved:
                add(" on {}", action.interface);
                break;
            case RouteKind::sid:
                add(" {}", action.index);
                break;
            case RouteKind::policy:
            case RouteKind::binding_sid:
                add(" {}", name_of(action.index));
                break;
            default:
                break;
        }
        add_hops(action.hops);
        add("\n");
    }

    void routes() {
        for (const char* table : {"main", "red"}) {
            if (!is_named(table)) {
                continue;
            }
            const std::uint16_t number =
                static_cast<std::uint16_t>(tables_.table_numbers->at(table));
            for (unsigned high = 0; high < 12; ++high) {
                for (unsigned low = 0; low < 4; ++low) {
                    const auto ipv4 = address(fmt::format("10.{}.{}.2", high, low));
                    const auto ipv6 =
                        address(fmt::format("2001:db8:{}:{}::2", high < 6 ? 90 + high : high, low));
                    const auto sid = address(fmt::format("fc00:{}::{}", low, high));
                    add("{} {}: ", table, ipv4.to_string());
                    add_route(tables_.route(number, ipv4.ipv4()), ipv4);
                    add("{} {}: ", table, ipv6.to_string());
                    add_route(tables_.route(number, ipv6.octets.data()), ipv6);
                    add("{} {}: ", table, sid.to_string());
                    add_route(tables_.route(number, sid.octets.data()), sid);
                }
            }
        }
    }

    void add_label(std::uint32_t label) {
        const dataplane::LabelAction& action = tables_.labels.find(label);
        add("label {}: {} {}", label, static_cast<int>(action.kind), action.sequence_bits);
        if (action.kind == dataplane::LabelKind::policy) {
            add(" {}", name_of(action.policy));
        }
        add_hops(action.hops);
        add("\n");
    }

    void sids() {
        for (const dataplane::SidAction& sid : tables_.sids) {
            add("sid {} {} {}", static_cast<int>(sid.behavior), sid.flavors.psp, sid.table);
            if (sid.behavior == config::SidBehavior::end_b6_encaps) {
                add(" {}", name_of(sid.policy));
            }
            add_hops(sid.hops);
            add("\n");
        }
    }

    void policies() {
        for (const auto& [key, number] : tables_.policy_numbers->number_of) {
            const dataplane::PolicyAction& policy = tables_.policies[number];
            add("policy {}: {} {} {} {}\n", name_of(number), policy.total_weight, policy.nrp,
                policy.reduced, policy.drops_when_invalid);
            for (unsigned i = 0; i < policy.list_count; ++i) {
                const dataplane::SegmentListAction& list = policy.lists[i];
                add("  {}", list.below);
                if (list.is_srv6()) {
                    add_outer(*list.outer);
                }
                add_hops(list.hops);
                add("\n");
            }
            if (policy.sole.stack != nullptr) {
                const dataplane::LabelStack& stack = *policy.sole.stack;
                add("  {:x} {:08x}\n", stack.marked, fmt::join(stack.entries, " "));
            }
            add("  {}\n", policy.sole.hop != nullptr ? policy.sole.hop->oif : -1);
        }
    }

    void add_outer(const dataplane::OuterHeaders& headers) {
        for (const dataplane::OuterHeader& header : headers.all) {
            add(" {} {} {:02x}", header.octets, header.inner_named_at, fmt::join(header.bytes, ""));
        }
    }

    void partitions() {
        for (const dataplane::NrpAction& nrp : tables_.nrps) {
            add("nrp {} {}", nrp.selector, tables_.nrp_of_selector.find(nrp.selector));
            for (config::InterfaceIndex i = 0; i < 4; ++i) {
                add(" {}", tables_.share(tables_.nrp_of_selector.find(nrp.selector), i));
            }
            add("\n");
        }
    }

    void flows() {
        for (std::uint32_t i = 0; i < tables_.profile_of_flow.size() + 2; ++i) {
            if (const dataplane::FlowProfile* profile = tables_.find_profile(i)) {
                add("flow {} {} {} {}\n", i, tables_.flow_ids[i], profile->shape.cycle_size_bits,
                    name_of(profile->policy));
            }
        }
        dataplane::FlowFields fields{};
        fields.family = 4;
        fields.protocol = 17;
        fields.source = address("10.3.0.5").octets;
        for (fields.interface = 0; fields.interface < 4; ++fields.interface) {
            add("match {}\n", tables_.flow_table->match(fields));
        }
    }

    const Snapshot& tables_;
    std::map<std::uint32_t, std::string> policy_names_;
    std::string text_;
};

std::string describe(const Snapshot& tables) {
    return Description(tables).text();
}

/// Changes one thing at random, in a universe so small that changes meet.
class Mutation {
  public:
    explicit Mutation(unsigned seed) : random_(seed) {}

    void apply(Router& router) {
        switch (pick(15)) {
            case 0:
                return change(
                    router.routes, [this](auto& route) { renew(route); },
                    [](auto& a, auto& b) { return a.table == b.table && a.prefix == b.prefix; });
            case 1:
                return change(
                    router.mpls.labels, [this](auto& label) { renew(label); },
                    [](auto& a, auto& b) { return a.label == b.label; });
            case 2:
                return change(
                    router.srv6.local_sids, [this](auto& sid) { renew(sid); },
                    [](auto& a, auto& b) { return a.sid == b.sid; });
            case 3:
            case 4:
            case 5:
                return change_policies(router);
            case 6:
                some(router.neighbors).mac[5] = static_cast<std::uint8_t>(pick(4));
                return;
            case 7:
                std::swap(some(router.neighbors), some(router.neighbors));
                return;
            case 8:
                some(router.interfaces).mac = config::MacAddress{2, 0, 0, 0, 1, pick8(4)};
                return;
            case 9:
                std::swap(some(router.nrps), some(router.nrps));
                some(router.nrps).interfaces.front().interface = pick8(4);
                return;
            case 10:
                some(router.flows).cycle_size_bits = 12000 + pick(3);
                return;
            case 11:
                some(router.nrps).strict = pick(2) == 0;
                router.code_points.mna_nrp_opcode = static_cast<std::uint8_t>(115 + pick(2));
                return;
            case 12:
                router.srv6_source = address(fmt::format("2001:db8::{}", 1 + pick(2)));
                return;
            case 13:
                // Too little for an outer header of two segments (132), enough for labels.
                some(router.interfaces).mtu = pick(2) == 0 ? 1500 : 130;
                return;
            default:
                some(router.interfaces).table = pick(2) == 0 ? "main" : "red";
                return;
        }
    }

  private:
    unsigned pick(unsigned count) { return static_cast<unsigned>(random_() % count); }
    std::uint8_t pick8(unsigned count) { return static_cast<std::uint8_t>(pick(count)); }
    template <class Entry>
    Entry& some(std::vector<Entry>& entries) {
        return entries[pick(static_cast<unsigned>(entries.size()))];
    }

    /// Adds, takes out, renews or moves an entry; no key stands twice.
    template <class Entry, class Renew, class SameKey>
    void change(std::vector<Entry>& entries, const Renew& renew, const SameKey& same_key) {
        switch (pick(4)) {
            case 0:
                if (entries.size() > 2) {
                    entries.erase(entries.begin() + pick(static_cast<unsigned>(entries.size())));
                }
                return;
            case 1:
                return std::swap(some(entries), some(entries));
            default: {
                Entry entry = some(entries);
                renew(entry);
                for (Entry& old : entries) {
                    if (same_key(old, entry)) {
                        old = entry;
                        return;
                    }
                }
                entries.insert(entries.begin() + pick(static_cast<unsigned>(entries.size() + 1)),
                               entry);
            }
        }
    }

    config::NextHop hop() {
        const unsigned interface = pick(3);
        return {.interface = static_cast<config::InterfaceIndex>(interface),
                .address = address(fmt::format("10.0.{}.{}", interface + 1, 2 + pick(5) / 4)),
                .weight = 1 + pick(3),
                .labels = {}};
    }

    void renew(config::Route& route) {
        constexpr const char* kForms[] = {"10.{}.0.0/16", "10.{}.{}.0/24", "2001:db8:{}::/48",
                                          "2001:db8:{}:{}::/64", "fc00:{}::/32"};
        route.prefix = prefix(fmt::format(fmt::runtime(kForms[pick(5)]), 6 + pick(3), pick(3)));
        route.table = pick(3) == 0 ? "red" : "main";
        route.sr_policy.reset();
        route.next_hops = {hop()};
        if (pick(2) == 0) {
            route.next_hops.push_back(hop());
        }
        if (pick(2) == 0) {
            route.next_hops.clear();
            route.sr_policy = config::PolicyKey{1 + pick(2), address("2001:db8:9::9")};
        }
    }

    void renew(config::Label& label) {
        label.label = 100 + pick(8);
        label.operation = pick(4) == 0 ? config::LabelOperation::pop : config::LabelOperation::swap;
        label.out_labels.clear();
        if (label.operation == config::LabelOperation::swap) {
            label.out_labels = {200 + pick(3)};
        }
        label.next_hops = {hop()};
    }

    void renew(config::LocalSid& sid) {
        sid = {};
        sid.sid = prefix(fmt::format("fc00:1::{}/128", 3 + pick(6)));
        sid.flavors.psp = pick(2) == 0;
        if (pick(2) == 0) {
            sid.behavior = config::SidBehavior::end_x;
            sid.next_hops = {hop()};
        } else if (pick(3) == 0) {
            sid.behavior = config::SidBehavior::end_b6_encaps;
            sid.policy = config::PolicyKey{1, address("2001:db8:9::9")};
        }
    }

    /// The first two policies stay: routes, SIDs and flows lead into them.
    void change_policies(Router& router) {
        auto& policies = router.sr_policies;
        const unsigned kind = pick(4);
        if (kind == 0 && policies.size() > 2) {
            policies.pop_back();
        } else if (kind == 1 && policies.size() < 6) {
            const config::SrPolicy policy = some(policies);
            policies.insert(policies.begin() + 2, policy);
        } else {
            renew(some(policies));
        }
        for (std::size_t i = 2; i < policies.size(); ++i) {
            policies[i].key.color = 10 + static_cast<unsigned>(i);
            bind(policies[i], std::holds_alternative<std::uint32_t>(*policies[i].binding_sid));
        }
    }

    /// Gives a policy a binding SID of its own.
    static void bind(config::SrPolicy& policy, bool by_label) {
        const std::uint32_t color = policy.key.color;
        policy.binding_sid = by_label ? config::Segment(600 + color)
                                      : config::Segment(address(fmt::format("fc00:1::{}", color)));
    }

    void renew(config::SrPolicy& policy) {
        policy.drop_upon_invalid = pick(3) == 0;
        if (pick(3) == 0) {
            bind(policy, pick(2) == 0);
        }
        config::CandidatePath& path = policy.candidate_paths.front();
        path.nrp_id = pick(2) == 0 ? std::optional<std::uint32_t>(5 + pick(2)) : std::nullopt;
        path.segment_lists.clear();
        for (unsigned i = 0; i <= pick(2); ++i) {
            config::SegmentList& list = path.segment_lists.emplace_back();
            list.weight = pick(3);
            if (pick(2) == 0) {
                list.segments = {address(fmt::format("2001:db8:{}::2", 6 + pick(3))),
                                 address("fc00:9::d6")};
            } else {
                list.segments = {100 + pick(8), std::uint32_t{16000}};
            }
        }
    }

    std::mt19937 random_;
};

class TablesAfterChanges : public testing::TestWithParam<unsigned> {};

// 256 interfaces of a domain have as many pairs as 16 bits have values.
TEST(Tables, HaveEveryCycleMapOfALargeDomain) {
    Router config = base();
    std::vector<config::CycleMapEntry>& maps = config.domains[0].cycle_maps;
    config::CycleMapEntry last = maps[0];
    last.map = {1, 2, 3, 4};
    ASSERT_NE(maps[1].map, last.map);
    maps.assign(1 << 16, maps[1]);
    maps.push_back(last);
    const std::unique_ptr<Snapshot> tables = build(config, nullptr);
    const CycleMap* map = tables->cycle_map(last.iif, last.oif);
    ASSERT_NE(map, nullptr);
    EXPECT_EQ(map->oif_cycle(1), 1);
}

TEST_P(TablesAfterChanges, AreThoseOfAStart) {
    Mutation mutation(GetParam());
    Router config = base();
    std::unique_ptr<Snapshot> tables = build(config, nullptr);
    for (int change = 0; change < 150; ++change) {
        mutation.apply(config);
        tables = build(config, tables.get());
        ASSERT_EQ(describe(*tables), describe(*build(config, nullptr))) << "change " << change;
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, TablesAfterChanges, testing::Range(1u, 7u));

/// Which parts of the tables are other objects than before.
std::string renewed(const Snapshot& before, const Snapshot& now) {
    std::string parts;
    for (const Family family : {Family::ipv4, Family::ipv6}) {
        const auto& old_routes = before.route_tables[0].routes(family);
        const auto& new_routes = now.route_tables[0].routes(family);
        const char* name = family == Family::ipv4 ? "ipv4" : "ipv6";
        parts += old_routes.set == new_routes.set ? "" : fmt::format("{}-prefixes ", name);
        parts += old_routes.actions.same_as(new_routes.actions) ? "" : fmt::format("{} ", name);
    }
    const auto note = [&parts](bool same, const char* name) { parts += same ? "" : name; };
    note(before.labels.shares_page(now.labels, 100), "labels ");
    note(before.sids.same_as(now.sids), "sids ");
    note(before.sid_index == now.sid_index, "index ");
    note(before.policies.same_as(now.policies), "policies ");
    note(before.nrps.same_as(now.nrps) && before.shares.same_as(now.shares), "nrps ");
    note(before.flow_table == now.flow_table && before.profile_of_flow.same_as(now.profile_of_flow),
         "flows ");
    return parts;
}

struct Change {
    const char* what;
    std::function<void(Router&)> make;
    const char* renews;
};

TEST(TablesAfterAChange, WhatDidNotChangeIsTheSameObject) {
    const Change changes[] = {
        {"nothing", [](Router&) {}, ""},
        {"mtu", [](Router& router) { router.interfaces[0].mtu = 1400; }, ""},
        {"policy",
         [](Router& router) {
             router.sr_policies[0].candidate_paths[0].segment_lists[0].weight = 7;
         },
         "policies "},
        {"label of another page",
         [](Router& router) {
             router.mpls.labels.push_back(router.mpls.labels[0]);
             router.mpls.labels.back().label = 5000;
         },
         ""},
        {"label", [](Router& router) { router.mpls.labels[0].out_labels = {222}; }, "labels "},
        {"SID", [](Router& router) { router.srv6.local_sids[0].flavors.psp = true; }, "sids "},
        {"new SID",
         [](Router& router) {
             router.srv6.local_sids.push_back(router.srv6.local_sids[0]);
             router.srv6.local_sids.back().sid = prefix("fc00:1::99/128");
         },
         "sids index "},
        {"new SID outside the locators",
         [](Router& router) {
             router.srv6.local_sids.push_back(router.srv6.local_sids[0]);
             router.srv6.local_sids.back().sid = prefix("fc00:7::99/128");
         },
         "ipv6-prefixes ipv6 sids index "},
        {"IPv4 route", [](Router& router) { router.routes[0].next_hops[0].weight = 2; },
         "ipv4-prefixes ipv4 "},
        {"partition", [](Router& router) { router.nrps[0].interfaces[0].cycle_bits /= 2; },
         "nrps "},
        {"flow", [](Router& router) { router.flows[0].cycle_size_bits = 9999; }, "flows "},
        {"neighbour's address", [](Router& router) { router.neighbors[0].mac[5] = 99; },
         "ipv4 ipv6 labels sids "},
    };
    const Router config = base();
    const std::unique_ptr<Snapshot> before = build(config, nullptr);
    for (const Change& change : changes) {
        Router changed = config;
        change.make(changed);
        const std::unique_ptr<Snapshot> now = build(changed, before.get());
        std::string parts = renewed(*before, *now);
        if (change.what != std::string("policy")) {
            // Policies that are resolved anew are the same ones where the outcome is the same.
            EXPECT_EQ(before->policies.content().owners, now->policies.content().owners)
                << change.what;
            if (const std::size_t at = parts.find("policies "); at != std::string::npos) {
                parts.erase(at, 9);
            }
        }
        EXPECT_EQ(parts, change.renews) << change.what;
    }
}

TEST(TablesAfterAChange, APolicyWithoutRoomInAnMtuBecomesInvalid) {
    const Router config = base();
    Router narrow = config;
    narrow.interfaces[1].mtu = 130;
    const std::unique_ptr<Snapshot> before = build(config, nullptr);
    const std::unique_ptr<Snapshot> now = build(narrow, before.get());
    EXPECT_TRUE(before->policies[0].is_valid());
    EXPECT_FALSE(now->policies[0].is_valid());
    EXPECT_TRUE(build(config, now.get())->policies[0].is_valid());
}

TEST(TablesAfterAChange, MoreTablesOfRoutesThanHaveNumbersAreRefused) {
    Router config = base();
    const std::unique_ptr<Snapshot> before = build(config, nullptr);
    for (unsigned i = 0; i < 1U << 16; ++i) {
        config.routes.push_back(config.routes[0]);
        config.routes.back().table = fmt::format("t{}", i);
    }
    EXPECT_THROW(build(config, before.get()), std::runtime_error);
}

TEST(TablesAfterAChange, APageOfLabelsThatAreGoneIsFreed) {
    const Router config = base();
    Router more = config;
    more.mpls.labels.push_back(more.mpls.labels[0]);
    more.mpls.labels.back().label = 5000;
    const std::unique_ptr<Snapshot> before = build(config, nullptr);
    const std::unique_ptr<Snapshot> between = build(more, before.get());
    const std::unique_ptr<Snapshot> after = build(config, between.get());
    EXPECT_FALSE(between->labels.shares_page(before->labels, 5000));
    EXPECT_TRUE(after->labels.shares_page(before->labels, 5000));
    EXPECT_TRUE(after->labels.shares_page(between->labels, 100));
}

TEST(TablesAfterAChange, OnePolicyOfManyIsReplacedAlone) {
    Router config = base();
    for (std::uint32_t color = 10; color < 60; ++color) {
        config.sr_policies.push_back(config.sr_policies[0]);
        config.sr_policies.back().key.color = color;
        config.sr_policies.back().binding_sid.reset();
    }
    const std::unique_ptr<Snapshot> before = build(config, nullptr);
    config.sr_policies[20].candidate_paths[0].segment_lists[0].segments.pop_back();
    const std::unique_ptr<Snapshot> now = build(config, before.get());
    const auto& old_owners = before->policies.content().owners;
    const auto& new_owners = now->policies.content().owners;
    ASSERT_EQ(old_owners.size(), new_owners.size());
    for (std::size_t i = 0; i < old_owners.size(); ++i) {
        EXPECT_EQ(old_owners[i] != new_owners[i], i == 20) << i;
    }
}

TEST(Tables, FlowsThatDifferInTheirMatchAloneShareAProfile) {
    Router config = base();
    const config::Flow first = config.flows.at(0);
    const auto add = [&](auto change) {
        config::Flow& flow = config.flows.emplace_back(first);
        flow.id = static_cast<std::uint32_t>(config.flows.size());
        flow.match.destination = prefix(fmt::format("10.99.0.{}/32", flow.id));
        change(flow);
        const auto tables = build(config, nullptr);
        return &tables->profile_of(flow.id) - &tables->profile_of(first.id);
    };
    config.flows.resize(1);
    EXPECT_EQ(add([](config::Flow&) {}), 0);
    EXPECT_EQ(add([](config::Flow& flow) { ++flow.cycle_size_bits; }), 1);
    EXPECT_EQ(add([](config::Flow& flow) { ++flow.max_backlog_cycles; }), 2);
    EXPECT_EQ(add([](config::Flow& flow) { flow.interleaving = {8, {0, 4}}; }), 3);
    EXPECT_EQ(add([](config::Flow& flow) { flow.interleaving = {8, {0, 5}}; }), 4);
    EXPECT_EQ(add([](config::Flow& flow) { flow.traffic_specification = {1000, 4, 99}; }), 5);
    EXPECT_EQ(add([](config::Flow& flow) { flow.traffic_specification = {1000, 4, 98}; }), 6);
    EXPECT_EQ(
        add([](config::Flow& flow) { flow.excess_action = config::ExcessAction::best_effort; }), 7);
    EXPECT_EQ(add([](config::Flow& flow) { flow.mpls_service = config::MplsService{500, 16}; }), 8);
    EXPECT_EQ(add([](config::Flow& flow) { flow.mpls_service = config::MplsService{501, 16}; }), 9);
    EXPECT_EQ(add([](config::Flow& flow) { flow.traffic_specification = {1000, 4, 98}; }), 6);
}

}  // namespace
}  // namespace tcqf::test
