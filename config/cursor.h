// Reads a validated document by the names of the module: what is absent or wrong has its default.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

#include "config/address.h"
#include "config/document.h"
#include "config/schema.h"

namespace tcqf::config {

class Cursor {
  public:
    Cursor(const Document& document, NodeId node, const SchemaNode& schema)
        : document_(&document), node_(node), schema_(&schema) {}

    NodeId node() const { return node_; }
    /// False for what the document does not have: children of it are absent, too.
    bool exists() const { return node_ != kNoNode; }
    explicit operator bool() const { return exists(); }

    Cursor operator[](std::string_view name) const {
        const SchemaNode* child = schema_->child(name);
        const bool is_mapping = exists() && document_->kind(node_) == NodeKind::mapping;
        return {*document_, is_mapping ? document_->child(node_, name) : kNoNode, *child};
    }

    /// The canonical value; the default where there is none; empty where there is no default.
    std::string_view text() const {
        if (exists() && document_->kind(node_) == NodeKind::scalar && !document_->is_bad(node_)) {
            return document_->text(node_);
        }
        return schema_->default_value ? std::string_view(*schema_->default_value)
                                      : std::string_view();
    }

    template <class Integer>
    Integer number() const {
        return to_number<Integer>(text());
    }
    template <class Integer>
    std::optional<Integer> optional_number() const {
        const auto value = text();
        return value.empty() ? std::nullopt : std::optional(to_number<Integer>(value));
    }
    bool is_true() const { return text() == "true"; }
    IpAddress address() const { return IpAddress::parse(text()).value_or(IpAddress{}); }
    IpPrefix prefix() const { return IpPrefix::parse(text()).value_or(IpPrefix{}); }

    /// Calls `take(Cursor)` for each entry of a list or leaf-list, wrong ones included, so that
    /// positions stay what they are.
    template <class Take>
    void each(Take&& take) const {
        if (!exists() || document_->kind(node_) != NodeKind::sequence) {
            return;
        }
        for (NodeId id = document_->first_child(node_); id != kNoNode; id = document_->next(id)) {
            take(Cursor(*document_, id, *schema_));
        }
    }

    template <class Integer>
    static Integer to_number(std::string_view text) {
        Integer value{};
        std::from_chars(text.data(), text.data() + text.size(), value);
        return value;
    }

  private:
    const Document* document_;
    NodeId node_;
    const SchemaNode* schema_;
};

}  // namespace tcqf::config
