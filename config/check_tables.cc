// Checks of route tables by their names, which nothing declares: a table that packets are looked up
// in has something to find, and one that has routes is looked up in.

#include <fmt/format.h>

#include <map>
#include <vector>

#include "config/check_context.h"
#include "config/types.h"

namespace tcqf::config {
namespace {

class TableChecker {
  public:
    explicit TableChecker(CheckContext& context) : context_(context) {}

    /// Takes what belongs to tables; false where one of them is not known.
    bool read() {
        const Router& router = context_.router;
        return read(context_.top["interfaces"], router.interfaces) &&
               read(context_.top["routes"], router.routes) &&
               read(context_.top["srv6"]["local-sids"], router.srv6.local_sids);
    }

    void check() const {
        for (const auto& [name, table] : tables_) {
            if (name != "main") {
                check_table(name, table);
            }
        }
    }

  private:
    /// Where a table is named.
    struct Table {
        std::vector<NodeId> routes;  ///< the first one alone
        std::vector<NodeId> sids;
        std::vector<NodeId> interfaces;
        std::vector<std::string_view> names;  ///< of the interfaces
    };

    template <class List>
    bool read(const Cursor& list, const List& typed) {
        bool is_known = !list || !context_.document.is_bad(list.node());
        for_each_pair(list, typed, [&](const Cursor& entry, const auto& element) {
            is_known = is_known && !context_.document.is_bad(entry.node()) &&
                       context_.are_right(entry, {"table"});
            if (is_known) {
                take(entry["table"].node(), element);
            }
        });
        return is_known;
    }

    void take(NodeId node, const Interface& interface) {
        tables_[interface.table].interfaces.push_back(node);
        tables_[interface.table].names.push_back(interface.name);
    }

    void take(NodeId node, const Route& route) {
        std::vector<NodeId>& routes = tables_[route.table].routes;
        if (routes.empty()) {
            routes.push_back(node);
        }
    }

    void take(NodeId node, const LocalSid& sid) {
        if (node != kNoNode) {
            tables_[sid.table].sids.push_back(node);
        }
    }

    void check_table(const std::string& name, const Table& table) const {
        const std::string near = near_names(name);
        if (table.interfaces.empty() && table.sids.empty()) {
            context_.report.warning(
                table.routes.front(),
                fmt::format("no interface and no SID looks up in table '{}': its routes are never "
                            "used{}",
                            name, near));
        }
        if (table.interfaces.empty() && table.routes.empty()) {
            for (const NodeId sid : table.sids) {
                context_.report.warning(
                    sid, fmt::format("table '{}' has no route and no interface: what the SID looks "
                                     "up there is dropped, no-route{}",
                                     name, near));
            }
        }
        if (table.interfaces.size() == 1 && table.routes.empty() && table.sids.empty()) {
            context_.report.warning(
                table.interfaces.front(),
                fmt::format("nothing else is in table '{}', no route, interface or SID: what {} "
                            "brings goes nowhere else{}",
                            name, table.names.front(), near));
        }
    }

    std::string near_names(const std::string& name) const {
        std::vector<std::string> others;
        for (const auto& [other, table] : tables_) {
            if (other != name) {
                others.push_back(other);
            }
        }
        return did_you_mean(name, others);
    }

    CheckContext& context_;
    std::map<std::string, Table> tables_;
};

}  // namespace

void check_tables(CheckContext& context) {
    TableChecker checker(context);
    if (checker.read()) {
        checker.check();
    }
}

}  // namespace tcqf::config
