#include "config/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "config/address.h"
#include "config/types.h"

namespace tcqf::config {
namespace {

class Validator {
  public:
    Validator(const Schema& schema, Document& document, Report& report)
        : schema_(schema), document_(document), report_(report), types_(schema) {}

    void run() {
        if (document_.kind(0) != NodeKind::mapping) {
            report_.error(0, "a mapping of keys is needed at the top level, e.g. name: r1");
            return;
        }
        walk_mapping(0, schema_.router());
        check_references();
    }

  private:
    void walk_mapping(NodeId mapping, const SchemaNode& schema);
    void walk_child(NodeId node, const SchemaNode& child);
    void walk_list(NodeId node, const SchemaNode& list);
    void walk_leaf_list(NodeId node, const SchemaNode& list);
    void check_repeats(NodeId list);
    void walk_value(NodeId node, const SchemaNode& leaf);
    void check_missing(NodeId mapping, const SchemaNode& schema);
    void check_count(NodeId node, const SchemaNode& list, std::size_t count);
    NodeId what_repeats(NodeId entry, const std::vector<const SchemaNode*>& leafs) const;
    void check_unique(NodeId node, const SchemaNode& list,
                      const std::vector<const SchemaNode*>& leafs, bool is_key);
    void check_references();
    void warn_leading_zero(NodeId node, const SchemaNode& leaf);
    void warn_host_bits(NodeId node, std::string_view canonical);
    void refuse_unknown(NodeId node, const SchemaNode& schema);
    bool values_of(NodeId entry, const std::vector<const SchemaNode*>& leafs, bool is_key,
                   std::string& values) const;

    const Schema& schema_;
    Document& document_;
    Report& report_;
    TypeChecker types_;
    std::vector<std::pair<NodeId, const SchemaNode*>> references_;
    std::unordered_map<const SchemaNode*, std::unordered_set<std::string>> names_;
};

std::vector<std::string> child_names(const SchemaNode& schema) {
    std::vector<std::string> names;
    for (const auto& child : schema.children) {
        if (child->name != "index") {
            names.push_back(child->name);
        }
    }
    return names;
}

/// A key that each such mapping has; else the first.
const std::string& typical_key(const SchemaNode& schema) {
    const auto required = std::ranges::find_if(
        schema.children, [](const auto& child) { return child->is_required(); });
    return (required != schema.children.end() ? *required : schema.children.front())->name;
}

void Validator::refuse_unknown(NodeId node, const SchemaNode& schema) {
    const auto names = child_names(schema);
    const std::string near = did_you_mean(document_.key(node), names);
    report_.error(node, near.empty()
                            ? fmt::format("unknown key; known here: {}", fmt::join(names, ", "))
                            : "unknown key" + near);
}

void Validator::walk_mapping(NodeId mapping, const SchemaNode& schema) {
    for (NodeId id = document_.first_child(mapping); id != kNoNode; id = document_.next(id)) {
        const SchemaNode* child = schema.child(document_.key(id));
        if (child == nullptr) {
            refuse_unknown(id, schema);
        } else if (!document_.is_bad(id)) {
            walk_child(id, *child);
        }
    }
    check_missing(mapping, schema);
}

void Validator::walk_child(NodeId node, const SchemaNode& child) {
    const NodeKind kind = document_.kind(node);
    switch (child.kind) {
        case SchemaKind::container:
            if (kind == NodeKind::mapping) {
                walk_mapping(node, child);
            } else if (kind == NodeKind::null) {
                report_.error(node, "has no value: write what belongs to it, or remove the key");
            } else {
                report_.error(node, fmt::format("a mapping is needed, with keys such as {}",
                                                typical_key(child)));
            }
            break;
        case SchemaKind::list:
            walk_list(node, child);
            break;
        case SchemaKind::leaf_list:
            walk_leaf_list(node, child);
            break;
        case SchemaKind::leaf:
            if (kind == NodeKind::sequence && !child.sequence_form.empty()) {
                walk_leaf_list(node, *child.parent->child(child.sequence_form));
            } else {
                walk_value(node, child);
            }
            break;
    }
}

void Validator::check_count(NodeId node, const SchemaNode& list, std::size_t count) {
    if (count < list.min_elements) {
        report_.error(node, fmt::format("is empty: at least {} {} needed", list.min_elements,
                                        list.min_elements == 1 ? "entry is" : "entries are"));
    } else if (list.max_elements != 0 && count > list.max_elements) {
        report_.error(
            node, fmt::format("has {} entries: at most {} are possible", count, list.max_elements));
    }
}

void Validator::walk_list(NodeId node, const SchemaNode& list) {
    if (document_.kind(node) == NodeKind::null) {
        report_.error(node, "has no value: write its entries, [] for none, or remove the key");
        return;
    }
    if (document_.kind(node) != NodeKind::sequence) {
        report_.error(node,
                      fmt::format("a list is needed: one or more entries with '- ', each with "
                                  "keys such as {}",
                                  typical_key(list)));
        return;
    }
    std::size_t count = 0;
    for (NodeId id = document_.first_child(node); id != kNoNode; id = document_.next(id)) {
        ++count;
        if (document_.kind(id) == NodeKind::mapping) {
            walk_mapping(id, list);
        } else if (!document_.is_bad(id)) {
            report_.error(
                id, fmt::format("a mapping is needed, with keys such as {}", typical_key(list)));
        }
    }
    check_count(node, list, count);
    if (!list.keys.empty()) {
        check_unique(node, list, list.keys, true);
    }
    for (const auto& unique : list.uniques) {
        check_unique(node, list, unique, false);
    }
}

void Validator::walk_leaf_list(NodeId node, const SchemaNode& list) {
    if (document_.kind(node) != NodeKind::sequence) {
        report_.error(node, document_.kind(node) == NodeKind::scalar
                                ? fmt::format("a list is needed: write [{}]", document_.text(node))
                                : "a list is needed, e.g. [...]");
        return;
    }
    std::size_t count = 0;
    for (NodeId id = document_.first_child(node); id != kNoNode; id = document_.next(id)) {
        ++count;
        if (document_.is_bad(id)) {
            continue;
        }
        walk_value(id, list);
    }
    check_count(node, list, count);
    if (!list.may_repeat) {
        check_repeats(node);
    }
}

void Validator::check_repeats(NodeId node) {
    std::unordered_map<std::string_view, std::size_t> seen;
    std::size_t position = 0;
    for (NodeId id = document_.first_child(node); id != kNoNode; id = document_.next(id)) {
        ++position;
        if (document_.is_bad(id)) {
            continue;
        }
        const auto [entry, is_new] = seen.try_emplace(document_.text(id), position);
        if (!is_new) {
            report_.error(id,
                          fmt::format("is {}, as entry {} of the list already is: each value may "
                                      "stand there once",
                                      document_.text(id), entry->second));
        }
    }
}

void Validator::walk_value(NodeId node, const SchemaNode& leaf) {
    switch (document_.kind(node)) {
        case NodeKind::null:
            report_.error(node, fmt::format("has no value: {} is needed", expectation(leaf)));
            return;
        case NodeKind::scalar:
            break;
        default:
            report_.error(node, fmt::format("one value is needed, not a list or mapping: {}",
                                            expectation(leaf)));
            return;
    }
    warn_leading_zero(node, leaf);
    CheckedValue value = types_.check(leaf, document_.text(node));
    if (!value.problem.empty()) {
        report_.error(node, std::move(value.problem));
        return;
    }
    if (value.canonical != document_.text(node)) {
        warn_host_bits(node, value.canonical);
        document_.set_text(node, value.canonical);
    }
    if (leaf.is_referred_to) {
        names_[&leaf].insert(std::string(value.canonical));
    }
    if (leaf.refers_to != nullptr) {
        references_.emplace_back(node, leaf.refers_to);
    }
}

/// 010 is ten; who thinks of C or of older YAML takes it for eight.
void Validator::warn_leading_zero(NodeId node, const SchemaNode& leaf) {
    const std::string_view text = document_.text(node);
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (leaf.has_integers && text.size() > 1 && text[0] == '0' &&
        std::all_of(text.begin(), text.end(), is_digit)) {
        report_.warning(
            node, fmt::format("{} is read as a decimal number: leave the leading zero out", text));
    }
}

/// 10.9.1.0/16 is read as 10.9.0.0/16; it may as well be a slip of the pen.
void Validator::warn_host_bits(NodeId node, std::string_view canonical) {
    const auto written = IpPrefix::parse(document_.text(node));
    const auto read = IpPrefix::parse(canonical);
    if (written && read && *written != *read) {
        report_.warning(node, fmt::format("is {}, with bits set behind the prefix: {} is meant?",
                                          document_.text(node), canonical));
    }
}

void Validator::check_missing(NodeId mapping, const SchemaNode& schema) {
    for (const auto& child : schema.children) {
        if (child->is_required() && document_.child(mapping, child->name) == kNoNode) {
            const bool is_leaf = child->kind == SchemaKind::leaf;
            report_.missing(mapping, child->name,
                            is_leaf ? fmt::format("is missing: {} is needed", expectation(*child))
                            : child->kind == SchemaKind::leaf_list
                                ? fmt::format("is missing: a list is needed, each entry {}",
                                              expectation(*child))
                                : std::string("is missing: a list is needed"));
        }
    }
}

/// Joins the values of leafs; false where one of them is not there or wrong.
bool Validator::values_of(NodeId entry, const std::vector<const SchemaNode*>& leafs, bool is_key,
                          std::string& values) const {
    values.clear();
    for (const SchemaNode* leaf : leafs) {
        const NodeId node = document_.child(entry, leaf->name);
        if (node == kNoNode ? !(is_key && leaf->default_value) : document_.is_bad(node)) {
            return false;
        }
        if (node == kNoNode) {
            values += *leaf->default_value;
        } else {
            values += document_.text(node);
        }
        values += '\0';
    }
    return true;
}

/// What repeats an earlier entry: the value that was written; of several, the whole entry.
NodeId Validator::what_repeats(NodeId entry, const std::vector<const SchemaNode*>& leafs) const {
    NodeId written = kNoNode;
    for (const SchemaNode* leaf : leafs) {
        const NodeId node = document_.child(entry, leaf->name);
        if (node != kNoNode && written != kNoNode) {
            return entry;
        }
        written = node != kNoNode ? node : written;
    }
    return written != kNoNode ? written : entry;
}

void Validator::check_unique(NodeId node, const SchemaNode& list,
                             const std::vector<const SchemaNode*>& leafs, bool is_key) {
    std::unordered_map<std::string, NodeId> seen;
    std::string values;
    std::vector<std::string> names;
    names.reserve(leafs.size());
    for (const SchemaNode* leaf : leafs) {
        names.push_back(leaf->name);
    }
    for (NodeId id = document_.first_child(node); id != kNoNode; id = document_.next(id)) {
        if (document_.kind(id) != NodeKind::mapping || !values_of(id, leafs, is_key, values)) {
            continue;
        }
        const auto [entry, is_new] = seen.try_emplace(values, id);
        if (!is_new) {
            std::replace(values.begin(), values.end(), '\0', ' ');
            values.pop_back();
            report_.conflict(what_repeats(id, leafs),
                             fmt::format("{} '{}' occurs twice in {}, first in line {}: each may "
                                         "occur once",
                                         fmt::join(names, " and "), values, list.name,
                                         document_.line(entry->second)));
        }
    }
}

/// What the entries of a list are called in a sentence.
std::string_view noun_of(const SchemaNode& target) {
    const std::string_view list = target.parent->name;
    return list == "interfaces" ? "interface" : list == "nrps" ? "NRP" : list;
}

/// A few names in full; of many, the one that may have been meant.
std::string known_names(std::string_view written, const std::vector<std::string>& known) {
    constexpr std::size_t kFew = 10;
    return known.empty()          ? std::string("; none is")
           : known.size() <= kFew ? fmt::format("; configured: {}", fmt::join(known, ", "))
                                  : did_you_mean(written, known);
}

void Validator::check_references() {
    for (const auto& [node, target] : references_) {
        const auto& names = names_[target];
        if (names.contains(std::string(document_.text(node)))) {
            continue;
        }
        std::vector<std::string> known(names.begin(), names.end());
        std::sort(known.begin(), known.end());
        report_.error(node,
                      fmt::format("names {} '{}', which is not configured{}", noun_of(*target),
                                  document_.text(node), known_names(document_.text(node), known)));
    }
}

}  // namespace

void validate(const Schema& schema, Document& document, Report& report) {
    Validator(schema, document, report).run();
    if (document.kind(0) == NodeKind::mapping) {
        check_musts(schema, document, report);
    }
}

}  // namespace tcqf::config
