#include "config/document.h"

namespace tcqf::config {

std::uint32_t Document::intern(std::string_view key) {
    const auto found = key_numbers_.find(key);
    if (found != key_numbers_.end()) {
        return found->second;
    }
    const auto number = static_cast<std::uint32_t>(keys_.size());
    key_numbers_.emplace(key, number);
    keys_.emplace_back(key);
    return number;
}

NodeId Document::add_detached(NodeId parent, std::string_view key, NodeKind kind,
                              std::uint32_t line) {
    const auto id = static_cast<NodeId>(nodes_.size());
    Node node;
    node.parent = parent;
    node.line = line;
    node.key = intern(key);
    node.kind = kind;
    nodes_.push_back(node);
    return id;
}

NodeId Document::add(NodeId parent, std::string_view key, NodeKind kind, std::uint32_t line) {
    const NodeId id = add_detached(parent, key, kind, line);
    if (parent != kNoNode) {
        const NodeId last = nodes_[parent].last_child;
        (last == kNoNode ? nodes_[parent].first_child : nodes_[last].next) = id;
        nodes_[parent].last_child = id;
    }
    return id;
}

void Document::set_text(NodeId node, std::string_view text) {
    nodes_[node].text_offset = static_cast<std::uint32_t>(arena_.size());
    nodes_[node].text_length = static_cast<std::uint32_t>(text.size());
    arena_.append(text);
}

NodeId Document::child(NodeId mapping, std::string_view key) const {
    for (NodeId id = first_child(mapping); id != kNoNode; id = next(id)) {
        if (this->key(id) == key) {
            return id;
        }
    }
    return kNoNode;
}

std::size_t Document::position(NodeId node) const {
    std::size_t position = 0;
    const NodeId parent = nodes_[node].parent;
    for (NodeId id = first_child(parent); id != node && id != kNoNode; id = next(id)) {
        ++position;
    }
    return position;
}

std::size_t Document::child_count(NodeId node) const {
    std::size_t count = 0;
    for (NodeId id = first_child(node); id != kNoNode; id = next(id)) {
        ++count;
    }
    return count;
}

void Document::mark_bad(NodeId node) {
    nodes_[node].bad = true;
    mark_tainted(node);
}

void Document::mark_tainted(NodeId node) {
    for (NodeId id = node; id != kNoNode && !nodes_[id].tainted; id = nodes_[id].parent) {
        nodes_[id].tainted = true;
    }
}

}  // namespace tcqf::config
