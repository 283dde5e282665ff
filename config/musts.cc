// The conditions of the module, evaluated by libyang on a data tree. Only what is right in itself
// goes into the tree, and lists marked as bulk stay out of it.

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <string_view>

#include "config/validate.h"

namespace tcqf::config {
namespace {

struct TreeDeleter {
    void operator()(lyd_node* tree) const { lyd_free_all(tree); }
};

/// Whether a condition has this name in it, as a whole word.
bool names(std::string_view condition, std::string_view name) {
    const auto is_part_of_name = [&](std::size_t at) {
        return at < condition.size() &&
               (std::isalnum(static_cast<unsigned char>(condition[at])) != 0 ||
                condition[at] == '-' || condition[at] == '_');
    };
    for (std::size_t at = condition.find(name); at != std::string_view::npos;
         at = condition.find(name, at + 1)) {
        if ((at == 0 || !is_part_of_name(at - 1)) && !is_part_of_name(at + name.size())) {
            return true;
        }
    }
    return false;
}

class MustChecker {
  public:
    MustChecker(const Schema& schema, Document& document, Report& report)
        : schema_(schema), document_(document), report_(report) {}

    void run() {
        const QuietLog quiet;
        lyd_node* router = nullptr;
        if (lyd_new_inner(nullptr, schema_.module(), "router", 0, &router) == LY_SUCCESS) {
            const std::unique_ptr<lyd_node, TreeDeleter> tree(router);
            fill(router, 0, schema_.router());
            lyd_new_implicit_tree(router, LYD_IMPLICIT_NO_STATE, nullptr);
            for (const auto& [data, node, schema] : built_) {
                evaluate(data, node, *schema);
            }
        }
    }

  private:
    struct Built {
        const lyd_node* data;
        NodeId node;
        const SchemaNode* schema;
    };

    void fill(lyd_node* parent, NodeId mapping, const SchemaNode& schema) {
        for (NodeId id = document_.first_child(mapping); id != kNoNode; id = document_.next(id)) {
            const SchemaNode* child = schema.child(document_.key(id));
            if (child == nullptr || child->is_bulk || child->is_key || document_.is_bad(id)) {
                continue;
            }
            add(parent, id, *child);
        }
    }

    void add(lyd_node* parent, NodeId id, const SchemaNode& child) {
        switch (child.kind) {
            case SchemaKind::container: {
                lyd_node* data = nullptr;
                if (lyd_new_inner(parent, nullptr, child.name.c_str(), 0, &data) == LY_SUCCESS) {
                    built_.push_back({data, id, &child});
                    fill(data, id, child);
                    // An empty container counts as a default itself, and within such a one
                    // lyd_new_implicit_tree() adds nothing.
                    data->flags &= ~std::uint32_t{LYD_DEFAULT};
                }
                break;
            }
            case SchemaKind::list: {
                unsigned position = 0;
                for (NodeId entry = document_.first_child(id); entry != kNoNode;
                     entry = document_.next(entry)) {
                    add_entry(parent, entry, child, ++position);
                }
                break;
            }
            case SchemaKind::leaf_list:
                for (NodeId entry = document_.first_child(id); entry != kNoNode;
                     entry = document_.next(entry)) {
                    add_value(parent, entry, child);
                }
                break;
            case SchemaKind::leaf:
                if (document_.kind(id) == NodeKind::scalar) {
                    add_value(parent, id, child);
                }
                break;
        }
    }

    void add_value(lyd_node* parent, NodeId id, const SchemaNode& child) {
        if (document_.is_bad(id)) {
            return;
        }
        lyd_node* data = nullptr;
        const std::string text(document_.text(id));
        if (lyd_new_term(parent, nullptr, child.name.c_str(), text.c_str(), 0, &data) ==
                LY_SUCCESS &&
            !child.musts.empty()) {
            built_.push_back({data, id, &child});
        }
    }

    void add_entry(lyd_node* parent, NodeId entry, const SchemaNode& list, unsigned position) {
        std::string keys;
        for (const auto& child : list.children) {
            if (!child->is_key) {
                continue;
            }
            const NodeId key = document_.child(entry, child->name);
            std::string value = std::to_string(position);
            if (child->name != "index") {
                value = key == kNoNode && child->default_value ? *child->default_value
                        : key == kNoNode || document_.is_bad(key)
                            ? fmt::format("unknown-{}", position)  // what it names does not matter
                            : std::string(document_.text(key));
            }
            keys += fmt::format("[{}='{}']", child->name, value);
        }
        lyd_node* data = nullptr;
        if (lyd_new_list2(parent, nullptr, list.name.c_str(), keys.c_str(), 0, &data) ==
            LY_SUCCESS) {
            built_.push_back({data, entry, &list});
            fill(data, entry, list);
        }
    }

    /// A condition on something that is wrong already would only find the same again, or what
    /// follows from it: so would one that names a child that is wrong, or missing.
    bool is_decidable(NodeId node, const SchemaNode& schema, const Must& must) const {
        return !document_.is_bad(node) &&
               std::all_of(schema.children.begin(), schema.children.end(), [&](const auto& child) {
                   const NodeId id = document_.child(node, child->name);
                   const bool is_right =
                       id == kNoNode ? !child->is_required() : !document_.is_bad(id);
                   return is_right || !names(must.condition, child->name);
               });
    }

    void evaluate(const lyd_node* data, NodeId node, const SchemaNode& schema) {
        for (const Must& must : schema.musts) {
            if (!is_decidable(node, schema, must)) {
                continue;
            }
            ly_bool holds = 1;
            const LY_ERR result =
                lyd_eval_xpath3(data, schema_.module(), must.condition.c_str(),
                                LY_VALUE_SCHEMA_RESOLVED, must.compiled->prefixes, nullptr, &holds);
            if (result != LY_SUCCESS || holds != 0) {
                continue;
            }
            report_must(node, schema, must, must.message + compared(data, must));
        }
    }

    /// The values that a condition holds the wrong one against.
    static std::string compared(const lyd_node* data, const Must& must) {
        std::string text;
        for (const std::string& path : must.compared) {
            ly_set* found = nullptr;
            if (lyd_find_xpath(data, path.c_str(), &found) == LY_SUCCESS && found->count == 1) {
                const lyd_node* leaf = found->dnodes[0];
                text += fmt::format("{} {} is {}", text.empty() ? ";" : ",", LYD_NAME(leaf),
                                    lyd_get_value(leaf));
            }
            ly_set_free(found, nullptr);
        }
        return text;
    }

    std::string describe(NodeId node) const {
        switch (document_.kind(node)) {
            case NodeKind::scalar:
                return fmt::format("is {}: ", document_.text(node));
            case NodeKind::sequence: {
                const std::size_t count = document_.child_count(node);
                return fmt::format("has {} {}: ", count, count == 1 ? "entry" : "entries");
            }
            default:
                return {};
        }
    }

    void report_must(NodeId node, const SchemaNode& schema, const Must& must,
                     const std::string& message) {
        for (const std::string& name : must.blamed) {
            const NodeId child = document_.child(node, name);
            if (child == kNoNode) {
                continue;
            }
            if (!document_.is_tainted(child)) {
                report_.conflict(child, describe(child) + message);
            }
            return;
        }
        if (schema.kind == SchemaKind::leaf || schema.kind == SchemaKind::leaf_list) {
            report_.conflict(node, fmt::format("is {}: {}", document_.text(node), message));
        } else if (!must.blamed.empty() || !document_.is_tainted(node)) {
            report_.conflict(node, message);
        }
    }

    const Schema& schema_;
    Document& document_;
    Report& report_;
    std::vector<Built> built_;
};

}  // namespace

void check_musts(const Schema& schema, Document& document, Report& report) {
    MustChecker(schema, document, report).run();
}

}  // namespace tcqf::config
