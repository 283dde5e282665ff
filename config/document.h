// A configuration document before anyone knows what it means: a tree of mappings, sequences and
// scalars with the line of each. YAML is read into it, and JSON can be.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tcqf::config {

using NodeId = std::uint32_t;
inline constexpr NodeId kNoNode = std::numeric_limits<NodeId>::max();

enum class NodeKind : std::uint8_t { scalar, null, mapping, sequence };

/// Nodes live in one array and texts in one arena, because a document may have tens of millions of
/// them. Node 0 is the top level once it has been added.
class Document {
  public:
    /// Adds a node behind the last child of `parent` (none: the top level). `key` is its name where
    /// the parent is a mapping.
    NodeId add(NodeId parent, std::string_view key, NodeKind kind, std::uint32_t line);
    /// Adds a node that knows its parent but is no child of it: something to report, not to read.
    NodeId add_detached(NodeId parent, std::string_view key, NodeKind kind, std::uint32_t line);
    void set_text(NodeId node, std::string_view text);

    bool empty() const { return nodes_.empty(); }
    NodeKind kind(NodeId node) const { return nodes_[node].kind; }
    std::uint32_t line(NodeId node) const { return nodes_[node].line; }
    NodeId parent(NodeId node) const { return nodes_[node].parent; }
    NodeId first_child(NodeId node) const { return nodes_[node].first_child; }
    NodeId next(NodeId node) const { return nodes_[node].next; }
    std::string_view text(NodeId node) const {
        return std::string_view(arena_).substr(nodes_[node].text_offset, nodes_[node].text_length);
    }
    std::string_view key(NodeId node) const { return keys_[nodes_[node].key]; }
    /// Number of a key; same number, same key.
    std::uint32_t intern(std::string_view key);

    /// The child of a mapping; kNoNode where there is none.
    NodeId child(NodeId mapping, std::string_view key) const;
    /// Position of a child within its parent, from 0.
    std::size_t position(NodeId node) const;
    std::size_t child_count(NodeId node) const;

    /// Something about this very node is wrong: its value is not to be used.
    bool is_bad(NodeId node) const { return nodes_[node].bad; }
    /// Something about this node or one below it is wrong.
    bool is_tainted(NodeId node) const { return nodes_[node].tainted; }
    void mark_bad(NodeId node);
    /// What is missing below this node, or stands there twice, taints it without making it bad.
    void mark_tainted(NodeId node);

  private:
    struct Node {
        NodeId parent = kNoNode;
        NodeId next = kNoNode;
        NodeId first_child = kNoNode;
        NodeId last_child = kNoNode;
        std::uint32_t text_offset = 0;
        std::uint32_t text_length = 0;
        std::uint32_t line = 0;
        std::uint32_t key = 0;
        NodeKind kind = NodeKind::null;
        bool bad = false;
        bool tainted = false;
    };

    struct KeyHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view key) const {
            return std::hash<std::string_view>{}(key);
        }
    };

    std::vector<Node> nodes_;
    std::string arena_;
    std::vector<std::string> keys_;
    std::unordered_map<std::string, std::uint32_t, KeyHash, std::equal_to<>> key_numbers_;
};

}  // namespace tcqf::config
