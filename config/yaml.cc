#include "config/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <unordered_map>

namespace tcqf::config {
namespace {

/// Ends the reading of a text that is refused as a whole.
struct Refused {
    Finding finding;
};

std::uint32_t line_of(const YAML::Mark& mark) {
    return mark.line < 0 ? 1 : static_cast<std::uint32_t>(mark.line) + 1;
}

class DocumentBuilder final : public YAML::EventHandler {
  public:
    DocumentBuilder(const std::string& source, ParsedDocument& result)
        : source_(source), result_(result) {}

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++documents_ > 1) {
            throw Refused{{kNoNode, line_of(mark),
                           "a second YAML document starts here: a configuration is one document"}};
        }
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        // The parser has swallowed what was written: `null` may as well be a name.
        const std::string_view written = null_word(mark);
        if (expects_key()) {
            take_key(mark, written);
        } else {
            const auto kind = written.empty() ? NodeKind::null : NodeKind::scalar;
            const NodeId node = add(mark, kind, "?", anchor);
            document().set_text(node, written);
        }
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        if (expects_key()) {
            throw Refused{{kNoNode, line_of(mark), "an alias cannot be a key: write the name"}};
        }
        const NodeId node = add(mark, NodeKind::null, "?", 0);
        report(node, "aliases (*name) are not accepted: write the value itself");
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        if (expects_key()) {
            take_key(mark, value);
            return;
        }
        const NodeId node = add(mark, NodeKind::scalar, tag, anchor);
        document().set_text(node, value);
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, NodeKind::sequence, tag, anchor);
    }
    void OnSequenceEnd() override { levels_.pop_back(); }

    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, NodeKind::mapping, tag, anchor);
    }
    void OnMapEnd() override { levels_.pop_back(); }

  private:
    /// One mapping or sequence that is open.
    struct Level {
        NodeId node = kNoNode;
        bool is_mapping = false;
        bool has_key = false;
        bool is_duplicate = false;
        std::string key;
        std::uint32_t key_line = 0;
        std::unordered_map<std::string, std::uint32_t> key_lines;
    };

    Document& document() { return result_.document; }
    bool expects_key() const {
        return !levels_.empty() && levels_.back().is_mapping && !levels_.back().has_key;
    }
    void report(NodeId node, std::string message) {
        document().mark_bad(node);
        result_.findings.push_back({node, document().line(node), std::move(message)});
    }

    std::string_view null_word(const YAML::Mark& mark) const {
        if (mark.pos < 0 || static_cast<std::size_t>(mark.pos) >= source_.size()) {
            return {};
        }
        const auto rest = std::string_view(source_).substr(static_cast<std::size_t>(mark.pos));
        for (const std::string_view word : {"~", "null", "Null", "NULL"}) {
            if (rest.starts_with(word) &&
                (rest.size() == word.size() ||
                 std::string_view(" \t\r\n,]}:").find(rest[word.size()]) != rest.npos)) {
                return word;
            }
        }
        return {};
    }

    void take_key(const YAML::Mark& mark, std::string_view key) {
        Level& level = levels_.back();
        level.key = key;
        level.has_key = true;
        level.key_line = line_of(mark);
        const auto [entry, is_new] = level.key_lines.try_emplace(level.key, level.key_line);
        level.is_duplicate = !is_new;
        if (!is_new) {
            const NodeId node =
                document().add_detached(level.node, key, NodeKind::null, level.key_line);
            report(node, fmt::format("the key stands here a second time, after line {}: remove one "
                                     "of the two",
                                     entry->second));
            document().mark_tainted(level.node);
        }
    }

    NodeId add(const YAML::Mark& mark, NodeKind kind, const std::string& tag,
               YAML::anchor_t anchor) {
        const NodeId node = place(mark, kind);
        if (anchor != 0) {
            report(node, "anchors (&name) are not accepted: write the value wherever it is needed");
        }
        if (!tag.empty() && tag != "?" && tag != "!") {
            report(node,
                   fmt::format("the tag {} is not accepted: the key says the type, remove the tag",
                               tag));
        }
        return node;
    }

    NodeId place(const YAML::Mark& mark, NodeKind kind) {
        if (levels_.empty()) {
            return document().add(kNoNode, {}, kind, line_of(mark));
        }
        Level& level = levels_.back();
        if (!level.is_mapping) {
            return document().add(level.node, {}, kind, line_of(mark));
        }
        level.has_key = false;
        if (level.is_duplicate) {
            return document().add_detached(level.node, level.key, kind, level.key_line);
        }
        return document().add(level.node, level.key, kind, level.key_line);
    }

    void open(const YAML::Mark& mark, NodeKind kind, const std::string& tag,
              YAML::anchor_t anchor) {
        if (levels_.size() >= kMaxDepth) {
            throw Refused{{kNoNode, line_of(mark),
                           fmt::format("more than {} levels within one another are not accepted",
                                       kMaxDepth)}};
        }
        if (expects_key()) {
            throw Refused{{kNoNode, line_of(mark),
                           "a key must be a name, not a list or mapping; a text that starts with [ "
                           "or { needs quotes"}};
        }
        Level level;
        level.node = add(mark, kind, tag, anchor);
        level.is_mapping = kind == NodeKind::mapping;
        levels_.push_back(std::move(level));
    }

    const std::string& source_;
    ParsedDocument& result_;
    std::vector<Level> levels_;
    unsigned documents_ = 0;
};

/// What YAML is refused before the parser sees it.
std::optional<Finding> refuse_text(const std::string& text) {
    if (text.size() > kMaxDocumentOctets) {
        return Finding{kNoNode, 1,
                       fmt::format("{} octets are too much: at most {} (256 MiB) are accepted",
                                   text.size(), kMaxDocumentOctets)};
    }
    if (const std::size_t zero = text.find('\0'); zero != std::string::npos) {
        const auto lines = std::count(text.begin(), text.begin() + static_cast<long>(zero), '\n');
        return Finding{kNoNode, static_cast<std::uint32_t>(lines) + 1,
                       "an octet of value zero: the file is no UTF-8 text"};
    }
    return std::nullopt;
}

}  // namespace

ParsedDocument parse_yaml(const std::string& text) {
    ParsedDocument result;
    if (auto refused = refuse_text(text)) {
        result.findings.push_back(std::move(*refused));
        return result;
    }
    DocumentBuilder builder(text, result);
    try {
        std::istringstream stream(text);
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
        result.is_complete = true;
    } catch (const Refused& refused) {
        result.findings.push_back(refused.finding);
    } catch (const YAML::Exception& error) {
        result.findings.push_back(
            {kNoNode, line_of(error.mark), fmt::format("no valid YAML: {}", error.msg)});
    }
    return result;
}

}  // namespace tcqf::config
