// What the checks of every subject work with.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "config/checks.h"
#include "config/cursor.h"
#include "config/reach.h"

namespace tcqf::config {

struct CheckContext {
    const Document& document;
    Router& router;
    Report& report;
    Cursor top;  ///< the container router
    std::map<PolicyKey, const SrPolicy*> policies = {};
    std::unique_ptr<const Reach> known_reach = nullptr;

    /// Where packets can go; looked up once, by the first check that asks.
    const Reach& reach() {
        if (!known_reach) {
            known_reach = std::make_unique<const Reach>(router);
        }
        return *known_reach;
    }
    /// Whether these children of every interface are right.
    bool are_interfaces_right(std::initializer_list<std::string_view> names) const {
        bool are_all = true;
        top["interfaces"].each(
            [&](const Cursor& entry) { are_all = are_all && are_right(entry, names); });
        return are_all;
    }
    /// Whether the cycles of every domain are known, and which interfaces belong to it.
    bool are_cycles_right() const {
        bool are_all = true;
        top["tcqf"]["domains"].each([&](const Cursor& domain) {
            are_all = are_all && domain["cycles"] && domain["cycle-time-us"] &&
                      are_right(domain, {"cycles", "cycle-time-us"});
            domain["interfaces"].each([&](const Cursor& entry) {
                are_all = are_all && entry["name"] && are_right(entry, {"name", "dead-time-ns"});
            });
        });
        return are_all;
    }

    const std::string& name_of(InterfaceIndex interface) const {
        return router.interfaces[interface].name;
    }
    /// Null where no policy has this key.
    const SrPolicy* policy(const PolicyKey& key) const {
        const auto found = policies.find(key);
        return found == policies.end() ? nullptr : found->second;
    }
    /// Whether what stands below these children is right in itself: only then is it worth while to
    /// compare it with anything. A child that is not there is right, for it has a default.
    bool are_right(const Cursor& parent, std::initializer_list<std::string_view> names) const {
        for (const std::string_view name : names) {
            const Cursor child = parent[name];
            if (child && document.is_tainted(child.node())) {
                return false;
            }
        }
        return parent.exists();
    }
    /// Right, and there.
    bool is_given(const Cursor& parent, std::string_view name) const {
        return parent[name] && are_right(parent, {name});
    }
    /// The child where it is there, else the parent: the line that an error is about.
    NodeId at(const Cursor& parent, std::string_view name) const {
        const Cursor child = parent[name];
        return child ? child.node() : parent.node();
    }
};

/// Calls `visit(Cursor, typed entry)` for each entry of a list and its counterpart.
template <class List, class Visit>
void for_each_pair(const Cursor& list, List& typed, Visit&& visit) {
    std::size_t position = 0;
    list.each([&](const Cursor& entry) { visit(entry, typed[position++]); });
}

/// Whether a path of a policy has a segment list of this kind: labels (std::uint32_t) or SIDs
/// (IpAddress).
template <class Kind>
bool has_list_of(const SrPolicy& policy) {
    const auto is_of_kind = [](const SegmentList& list) {
        return !list.segments.empty() && std::holds_alternative<Kind>(list.segments[0]);
    };
    return std::any_of(policy.candidate_paths.begin(), policy.candidate_paths.end(),
                       [&](const CandidatePath& path) {
                           return std::any_of(path.segment_lists.begin(), path.segment_lists.end(),
                                              is_of_kind);
                       });
}

bool is_unicast(const IpAddress& address);
bool is_link_local(const IpAddress& address);

/// A policy that is named exists.
void check_policy_reference(CheckContext& context, const Cursor& reference,
                            const std::optional<PolicyKey>& key);

void check_globals(CheckContext& context);
void check_interfaces(CheckContext& context);
void check_domains(CheckContext& context);
void check_routing(CheckContext& context);
void check_tables(CheckContext& context);
void check_sids(CheckContext& context);
void check_flows(CheckContext& context);
void check_nrps(CheckContext& context);
void check_policies(CheckContext& context);

}  // namespace tcqf::config
