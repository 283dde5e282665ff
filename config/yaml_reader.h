// YAML text into a Document: the subset that leaves no doubt.
#pragma once

#include <string>
#include <vector>

#include "config/document.h"

namespace tcqf::config {

inline constexpr std::size_t kMaxDocumentOctets = std::size_t{256} << 20;
inline constexpr unsigned kMaxDepth = 32;

/// Something that the front end refuses; `node` says where.
struct Finding {
    NodeId node = kNoNode;   ///< kNoNode: the line alone
    std::uint32_t line = 1;  ///< counts where there is no node
    std::string message;
};

struct ParsedDocument {
    Document document;
    std::vector<Finding> findings;
    bool is_complete = false;  ///< false: reading stopped, the rest of the text is unknown
};

/// Reads one YAML document. Scalars stay text, whether quoted or not: what `no`, `010` or `1e3` is,
/// only the type of its place says. Refused are duplicate keys, keys that are no scalars, merge
/// keys, anchors, aliases, tags, more than one document, a depth beyond kMaxDepth and a text beyond
/// kMaxDocumentOctets.
ParsedDocument parse_yaml(const std::string& text);

}  // namespace tcqf::config
