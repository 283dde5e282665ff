#include "config/report.h"

#include <fmt/format.h>

#include <algorithm>

namespace tcqf::config {
namespace {

/// Predicate that names an entry of a list, empty where its keys are not all there.
std::string key_predicate(const Document& document, NodeId entry, const SchemaNode& list) {
    std::string predicate;
    for (const SchemaNode* key : list.keys) {
        const NodeId value =
            document.kind(entry) == NodeKind::mapping ? document.child(entry, key->name) : kNoNode;
        if (value == kNoNode && key->default_value) {
            continue;
        }
        if (value == kNoNode || document.kind(value) != NodeKind::scalar) {
            return {};
        }
        predicate += fmt::format("[{}='{}']", key->name, document.text(value));
    }
    return predicate;
}

std::string step_of(const Document& document, NodeId node, const SchemaNode* schema) {
    const NodeId parent = document.parent(node);
    if (document.kind(parent) == NodeKind::sequence) {
        if (schema != nullptr && schema->kind == SchemaKind::list) {
            std::string predicate = key_predicate(document, node, *schema);
            if (!predicate.empty()) {
                return predicate;
            }
        }
        return fmt::format("[{}]", document.position(node) + 1);
    }
    return fmt::format("/{}", document.key(node));
}

}  // namespace

std::string path_of(const Document& document, NodeId node) {
    std::vector<NodeId> chain;
    for (NodeId id = node; id != kNoNode && document.parent(id) != kNoNode;
         id = document.parent(id)) {
        chain.push_back(id);
    }
    std::reverse(chain.begin(), chain.end());
    std::string path;
    const SchemaNode* schema = &Schema::instance().router();
    for (const NodeId id : chain) {
        const bool is_entry = document.kind(document.parent(id)) == NodeKind::sequence;
        if (!is_entry && schema != nullptr) {
            schema = schema->child(document.key(id));
        }
        path += step_of(document, id, schema);
    }
    return path.empty() ? "/" : path;
}

void Report::add(Entry entry) {
    errors_ += entry.severity == Severity::error ? 1 : 0;
    entries_.push_back(std::move(entry));
}

void Report::error(NodeId node, std::string message) {
    document_->mark_bad(node);
    add({Severity::error, node, {}, std::move(message)});
}

void Report::conflict(NodeId node, std::string message) {
    document_->mark_tainted(node);
    add({Severity::error, node, {}, std::move(message)});
}

void Report::missing(NodeId parent, std::string_view name, std::string message) {
    document_->mark_tainted(parent);
    add({Severity::error, parent, std::string(name), std::move(message)});
}

void Report::warning(NodeId node, std::string message) {
    add({Severity::warning, node, {}, std::move(message)});
}

/// In order of lines; of too many, warnings make room for errors.
std::vector<const Report::Entry*> Report::told() const {
    std::vector<const Entry*> ordered;
    for (const Entry& entry : entries_) {
        ordered.push_back(&entry);
    }
    const auto line_of = [this](const Entry* entry) { return document_->line(entry->node); };
    std::ranges::stable_sort(ordered, {}, line_of);
    std::size_t room = kMaxDiagnostics - std::min(errors_, kMaxDiagnostics);
    std::erase_if(ordered, [&](const Entry* entry) {
        const bool is_left_out = entry->severity == Severity::warning && room == 0;
        room -= entry->severity == Severity::warning && !is_left_out ? 1 : 0;
        return is_left_out;
    });
    ordered.resize(std::min(ordered.size(), kMaxDiagnostics));
    return ordered;
}

std::vector<Diagnostic> Report::diagnostics(const std::string& file) const {
    std::vector<Diagnostic> result;
    for (const Entry* entry : told()) {
        std::string path = path_of(*document_, entry->node);
        if (!entry->below.empty()) {
            path += (path == "/" ? "" : "/") + entry->below;
        }
        result.push_back(
            {entry->severity, file, document_->line(entry->node), std::move(path), entry->message});
    }
    if (const std::size_t left_out = entries_.size() - result.size(); left_out != 0) {
        const bool are_errors = errors_ > kMaxDiagnostics;
        result.push_back({are_errors ? Severity::error : Severity::warning, file,
                          result.back().line, "/",
                          fmt::format("{} more {} are left out: mend these first", left_out,
                                      are_errors ? "errors and warnings" : "warnings")});
    }
    return result;
}

}  // namespace tcqf::config
