// What the checks of every subject work with.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/checks.h"
#include "config/cursor.h"
#include "config/reach.h"

namespace tcqf::config {

inline constexpr std::uint32_t kImplicitNull = 3;
/// How many of these labels are written: implicit null is not.
std::size_t written(const std::vector<std::uint32_t>& labels);

/// An entry of an interface in a domain, where its name is right.
struct Member {
    const Domain* domain;
    const DomainInterface* interface;
    Cursor domain_entry;
    Cursor entry;
};

/// A check looks at what it needs alone: something else that is wrong silences nothing.
struct CheckContext {
    CheckContext(const Document& document, const Schema& schema, Router& router, Report& report);

    const Document& document;
    Router& router;
    Report& report;
    Cursor top;  ///< the container router

    /// Where packets can go; looked up once, by the first check that asks.
    const Reach& reach();

    const std::string& name_of(InterfaceIndex interface) const {
        return router.interfaces[interface].name;
    }
    /// Whether these children of an interface are right.
    bool is_right(InterfaceIndex interface, std::initializer_list<std::string_view> names) const;
    /// The first domain that an interface is in; null where none names it.
    const Member* member(InterfaceIndex interface) const;
    /// Whether every interface of every domain is known.
    bool are_members_known() const { return are_members_known_; }
    /// Whether the length of a member's cycles is known, and how much of them is dead time.
    bool is_cycle_known(const Member& member) const {
        return is_given(member.domain_entry, "cycle-time-us") &&
               are_right(member.entry, {"dead-time-ns"});
    }

    /// Whether some policy has this key, or may have it: one whose key is wrong.
    bool may_exist(const PolicyKey& key) const;
    /// The policy, where its paths are right; else null.
    const SrPolicy* policy(const PolicyKey& key) const;
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

  private:
    struct NamedPolicy {
        const SrPolicy* policy;
        Cursor entry;
    };

    void read_members();
    void read_policies();

    std::vector<Cursor> interfaces_;
    std::map<InterfaceIndex, Member> members_;
    bool are_members_known_ = true;
    std::map<PolicyKey, NamedPolicy> policies_;
    std::vector<Cursor> unnamed_policies_;
    std::unique_ptr<const Reach> reach_;
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
/// Of a configuration without errors: what is wrong elsewhere may be the reason.
void warn_of_unusable_lists(CheckContext& context);

}  // namespace tcqf::config
