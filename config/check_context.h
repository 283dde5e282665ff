// What the checks of every subject work with.
#pragma once

#include <initializer_list>
#include <string_view>

#include "config/checks.h"
#include "config/cursor.h"

namespace tcqf::config {

struct CheckContext {
    const Document& document;
    Router& router;
    Report& report;
    Cursor top;  ///< the container router

    const std::string& name_of(InterfaceIndex interface) const {
        return router.interfaces[interface].name;
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
    list.each([&](Cursor entry) { visit(entry, typed[position++]); });
}

void check_globals(CheckContext& context);
void check_interfaces(CheckContext& context);
void check_domains(CheckContext& context);
void check_routing(CheckContext& context);
void check_labels(CheckContext& context);
void check_sids(CheckContext& context);
void check_flows(CheckContext& context);
void check_nrps(CheckContext& context);
void check_policies(CheckContext& context);

}  // namespace tcqf::config
