// The YANG module tcqf-router as libyang has compiled it, in the shape that the loader walks.
#pragma once

#include <libyang/libyang.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tcqf::config {

/// libyang says nothing on its own while this lives.
class QuietLog {
  public:
    QuietLog() { ly_temp_log_options(&options_); }
    ~QuietLog() { ly_temp_log_options(nullptr); }
    QuietLog(const QuietLog&) = delete;
    QuietLog& operator=(const QuietLog&) = delete;

  private:
    std::uint32_t options_ = LY_LOSTORE_LAST;
};

enum class SchemaKind : std::uint8_t { container, list, leaf, leaf_list };

struct Must {
    const lysc_must* compiled = nullptr;
    std::string condition;
    std::string message;
    std::vector<std::string> blamed;    ///< children; the first that is there has the error's line
    std::vector<std::string> compared;  ///< paths of leaves that the error shows, too
};

/// One node of the schema. Children are in the order of the module.
struct SchemaNode {
    std::string name;
    SchemaKind kind = SchemaKind::leaf;
    const lysc_node* compiled = nullptr;
    const SchemaNode* parent = nullptr;
    std::vector<std::unique_ptr<SchemaNode>> children;
    std::vector<Must> musts;

    bool is_mandatory = false;
    bool has_presence = false;
    bool is_key = false;
    bool is_bulk = false;
    bool may_repeat = false;
    std::string sequence_form;  ///< name of a sibling, see the module
    std::optional<std::string> default_value;
    const SchemaNode* refers_to = nullptr;  ///< leafref
    bool is_referred_to = false;
    bool has_integers = false;  ///< of the type, or of a member of the union

    std::vector<const SchemaNode*> keys;  ///< of a list; empty where the position is the key
    std::vector<std::vector<const SchemaNode*>> uniques;
    std::uint32_t min_elements = 0;
    std::uint32_t max_elements = 0;  ///< 0: any number

    /// Whether a document has to say it.
    bool is_required() const;
    /// Null where there is no such child.
    const SchemaNode* child(std::string_view child_name) const;
    const lysc_type* type() const;
};

/// The module, compiled once; immutable.
class Schema {
  public:
    Schema();
    Schema(const Schema&) = delete;
    Schema& operator=(const Schema&) = delete;

    const SchemaNode& router() const { return *router_; }
    const lys_module* module() const { return module_; }
    ly_ctx* context() const { return context_.get(); }

    /// The one that every load shares: compiling takes milliseconds, and nothing in it changes.
    static const Schema& instance();

  private:
    struct ContextDeleter {
        void operator()(ly_ctx* context) const { ly_ctx_destroy(context); }
    };

    void resolve_references(SchemaNode& node);
    SchemaNode* find(const std::string& path) const;

    std::unique_ptr<ly_ctx, ContextDeleter> context_;
    const lys_module* module_ = nullptr;
    std::unique_ptr<SchemaNode> router_;
};

/// The words of a text in the module, which may be broken into lines; nothing of null.
std::string one_line(const char* text);

/// Text of the module, embedded when the project is built.
std::string_view module_text();

}  // namespace tcqf::config
