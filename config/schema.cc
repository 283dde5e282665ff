#include "config/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace tcqf::config {
namespace {

std::vector<std::string> words(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> result;
    for (std::string word; stream >> word;) {
        result.push_back(word);
    }
    return result;
}

/// Argument of our extension, nothing where it is not used.
std::optional<std::string> extension(const lysc_ext_instance* instances, std::string_view name) {
    for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(instances); ++i) {
        if (name == instances[i].def->name) {
            return instances[i].argument == nullptr ? "" : instances[i].argument;
        }
    }
    return std::nullopt;
}

bool has_integers(const lysc_type* type) {
    if (type->basetype == LY_TYPE_UNION) {
        const auto* members = reinterpret_cast<const lysc_type_union*>(type)->types;
        return std::any_of(members, members + LY_ARRAY_COUNT(members), has_integers);
    }
    return (type->basetype >= LY_TYPE_UINT8 && type->basetype <= LY_TYPE_UINT64) ||
           (type->basetype >= LY_TYPE_INT8 && type->basetype <= LY_TYPE_INT64);
}

void take_kind(SchemaNode& node) {
    switch (node.compiled->nodetype) {
        case LYS_CONTAINER:
            node.kind = SchemaKind::container;
            node.has_presence = (node.compiled->flags & LYS_PRESENCE) != 0;
            break;
        case LYS_LIST: {
            const auto* list = reinterpret_cast<const lysc_node_list*>(node.compiled);
            node.kind = SchemaKind::list;
            node.min_elements = list->min;
            node.max_elements = list->max;
            break;
        }
        case LYS_LEAFLIST: {
            const auto* list = reinterpret_cast<const lysc_node_leaflist*>(node.compiled);
            node.kind = SchemaKind::leaf_list;
            node.min_elements = list->min;
            node.max_elements = list->max;
            break;
        }
        default:
            node.kind = SchemaKind::leaf;
            break;
    }
    // libyang stands for "no limit" with the largest number.
    node.max_elements = node.max_elements == UINT32_MAX ? 0 : node.max_elements;
}

void take_leaf(SchemaNode& node, const ly_ctx* context) {
    const auto* leaf = reinterpret_cast<const lysc_node_leaf*>(node.compiled);
    node.has_integers = has_integers(node.type());
    if (node.kind == SchemaKind::leaf && leaf->dflt != nullptr) {
        node.default_value = lyd_value_get_canonical(context, leaf->dflt);
    }
}

void take_list(SchemaNode& node) {
    const auto* list = reinterpret_cast<const lysc_node_list*>(node.compiled);
    const auto by_leaf = [&node](const lysc_node_leaf* leaf) { return node.child(leaf->name); };
    for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(list->uniques); ++i) {
        auto& unique = node.uniques.emplace_back();
        for (LY_ARRAY_COUNT_TYPE j = 0; j < LY_ARRAY_COUNT(list->uniques[i]); ++j) {
            unique.push_back(by_leaf(list->uniques[i][j]));
        }
    }
    for (const auto& child : node.children) {
        child->is_key = lysc_is_key(child->compiled);
        if (child->is_key && child->name != "index") {
            node.keys.push_back(child.get());
        }
    }
}

void take_musts(SchemaNode& node) {
    const lysc_must* musts = lysc_node_musts(node.compiled);
    for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(musts); ++i) {
        node.musts.push_back(
            {.compiled = &musts[i],
             .condition = lyxp_get_expr(musts[i].cond),
             .message = one_line(musts[i].emsg),
             .blamed = words(extension(musts[i].exts, "blames").value_or("")),
             .compared = words(extension(musts[i].exts, "compares").value_or(""))});
    }
}

std::unique_ptr<SchemaNode> build(const lysc_node* compiled, const SchemaNode* parent,
                                  const ly_ctx* context) {
    auto node = std::make_unique<SchemaNode>();
    node->name = compiled->name;
    node->compiled = compiled;
    node->parent = parent;
    node->is_mandatory = (compiled->flags & LYS_MAND_TRUE) != 0;
    node->is_bulk = extension(compiled->exts, "bulk").has_value();
    node->may_repeat = extension(compiled->exts, "repeats-allowed").has_value();
    node->default_value = extension(compiled->exts, "implied-key");
    node->sequence_form = extension(compiled->exts, "sequence-form").value_or("");
    take_kind(*node);
    take_musts(*node);
    for (const lysc_node* child = lysc_node_child(compiled); child != nullptr;
         child = child->next) {
        node->children.push_back(build(child, node.get(), context));
    }
    if (node->kind == SchemaKind::list) {
        take_list(*node);
    } else if (node->kind != SchemaKind::container) {
        take_leaf(*node, context);
    }
    return node;
}

}  // namespace

std::string one_line(const char* text) {
    std::string line;
    for (const std::string& word : words(text == nullptr ? "" : text)) {
        line += line.empty() ? word : " " + word;
    }
    return line;
}

bool SchemaNode::is_required() const {
    if (is_key) {
        return name != "index" && !default_value;
    }
    return kind == SchemaKind::leaf ? is_mandatory
                                    : kind != SchemaKind::container && min_elements > 0;
}

const SchemaNode* SchemaNode::child(std::string_view child_name) const {
    for (const auto& child : children) {
        if (child->name == child_name) {
            return child.get();
        }
    }
    return nullptr;
}

const lysc_type* SchemaNode::type() const {
    return kind == SchemaKind::leaf ? reinterpret_cast<const lysc_node_leaf*>(compiled)->type
                                    : reinterpret_cast<const lysc_node_leaflist*>(compiled)->type;
}

Schema::Schema() {
    const QuietLog quiet;
    ly_ctx* context = nullptr;
    constexpr auto kOptions = LY_CTX_NO_YANGLIBRARY | LY_CTX_DISABLE_SEARCHDIRS;
    if (ly_ctx_new(nullptr, kOptions, &context) != LY_SUCCESS) {
        throw std::runtime_error("libyang cannot be started");
    }
    context_.reset(context);
    lys_module* module = nullptr;
    const std::string text(module_text());
    if (lys_parse_mem(context, text.c_str(), LYS_IN_YANG, &module) != LY_SUCCESS) {
        const char* reason = ly_errmsg(context);
        throw std::runtime_error(
            fmt::format("the module tcqf-router: {}", reason == nullptr ? "invalid" : reason));
    }
    module_ = module;
    router_ = build(module->compiled->data, nullptr, context);
    resolve_references(*router_);
}

SchemaNode* Schema::find(const std::string& path) const {
    SchemaNode* node = nullptr;
    std::istringstream steps(path);
    for (std::string step; std::getline(steps, step, '/');) {
        if (step.empty()) {
            continue;
        }
        step.erase(0, step.find(':') + 1);
        node = node == nullptr ? router_.get() : const_cast<SchemaNode*>(node->child(step));
    }
    return node;
}

void Schema::resolve_references(SchemaNode& node) {
    if (node.kind == SchemaKind::leaf || node.kind == SchemaKind::leaf_list) {
        if (node.type()->basetype == LY_TYPE_LEAFREF) {
            const auto* leafref = reinterpret_cast<const lysc_type_leafref*>(node.type());
            SchemaNode* target = find(lyxp_get_expr(leafref->path));
            target->is_referred_to = true;
            node.refers_to = target;
        }
    }
    for (const auto& child : node.children) {
        resolve_references(*child);
    }
}

const Schema& Schema::instance() {
    static const Schema schema;
    return schema;
}

}  // namespace tcqf::config
