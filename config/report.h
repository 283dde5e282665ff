// What is found wrong with a document, collected until all of it is known.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/document.h"
#include "config/load.h"
#include "config/schema.h"

namespace tcqf::config {

/// XPath-like name of a node within the router's container: /tcqf/domains[name='core']/cycles.
/// Entries of lists are named by their keys, or by their position where the keys do not tell.
std::string path_of(const Document& document, NodeId node);

class Report {
  public:
    explicit Report(Document& document) : document_(&document) {}

    /// An error at a node; the node's own value is not used any more.
    void error(NodeId node, std::string message);
    /// An error at a node whose value is what it should be, but not beside the others.
    void conflict(NodeId node, std::string message);
    /// An error about something that is not there: `name` below `parent`.
    void missing(NodeId parent, std::string_view name, std::string message);
    void warning(NodeId node, std::string message);

    bool has_errors() const { return errors_ > 0; }

    /// Everything in order of lines, up to kMaxDiagnostics.
    std::vector<Diagnostic> diagnostics(const std::string& file) const;

  private:
    struct Entry {
        Severity severity = Severity::error;
        NodeId node = kNoNode;
        std::string below;  ///< name of what is missing
        std::string message;
    };

    void add(Entry entry);
    std::vector<const Entry*> told() const;

    Document* document_;
    std::vector<Entry> entries_;
    std::size_t errors_ = 0;
};

/// What goes beyond this many of one document is summed up in a last one.
inline constexpr std::size_t kMaxDiagnostics = 1000;

}  // namespace tcqf::config
