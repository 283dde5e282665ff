#include "config/yaml_reader.h"

#include <fmt/format.h>
#include <yaml.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_set>

namespace tcqf::config {
namespace {

/// Ends the reading of a text that is refused as a whole.
struct Refused {
    Finding finding;
};

std::string_view view_of(const yaml_char_t* text) {
    return text == nullptr ? std::string_view()
                           : std::string_view(reinterpret_cast<const char*>(text));
}

/// libyaml's parser, which hands out events one by one.
class EventReader {
  public:
    explicit EventReader(const std::string& text) : text_(text), last_line_(count_lines(text)) {
        if (yaml_parser_initialize(&parser_) == 0) {
            throw std::bad_alloc();
        }
        yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
        constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
        std::string_view rest = text;
        if (rest.starts_with(kByteOrderMark)) {
            rest.remove_prefix(kByteOrderMark.size());
        }
        yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(rest.data()),
                                     rest.size());
    }
    ~EventReader() {
        yaml_event_delete(&event_);
        yaml_parser_delete(&parser_);
    }
    EventReader(const EventReader&) = delete;
    EventReader& operator=(const EventReader&) = delete;

    const yaml_event_t& next() {
        yaml_event_delete(&event_);
        if (yaml_parser_parse(&parser_, &event_) == 0) {
            throw Refused{{kNoNode, line_of(parser_.problem_mark), describe_problem()}};
        }
        return event_;
    }

    /// The parser ends the last line by itself, and may find the end of the text on the one after.
    std::uint32_t line_of(const yaml_mark_t& mark) const {
        return std::min(static_cast<std::uint32_t>(mark.line) + 1, last_line_);
    }

  private:
    std::string describe_problem() const {
        const std::string_view problem = parser_.problem == nullptr ? "" : parser_.problem;
        if (parser_.error == YAML_READER_ERROR) {
            return fmt::format("the file is no UTF-8 text: {}, octet {}", problem,
                               parser_.problem_offset);
        }
        if (parser_.context == nullptr) {
            return fmt::format("no valid YAML: {}{}", problem, remedy());
        }
        return fmt::format("no valid YAML: {} {} that starts in line {}{}", problem,
                           parser_.context, line_of(parser_.context_mark), remedy());
    }

    /// The two slips that are behind most errors of syntax in such files.
    std::string_view remedy() const {
        std::string_view line = text_;
        for (std::uint32_t i = 1; i < line_of(parser_.problem_mark); ++i) {
            line.remove_prefix(line.find('\n') + 1);
        }
        line = line.substr(0, line.find('\n'));
        if (line.substr(0, line.find_first_not_of(" \t")).find('\t') != line.npos) {
            return "; indent with spaces, not with tabs";
        }
        for (auto colons = line.find("::"); colons != line.npos;
             colons = line.find("::", colons + 1)) {
            if (colons + 2 == line.size() ||
                std::string_view(" ,]}").find(line[colons + 2]) != line.npos) {
                return "; an address that ends in '::' needs quotes";
            }
        }
        return "";
    }

    static std::uint32_t count_lines(const std::string& text) {
        const auto breaks = static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n'));
        return std::max(1u, breaks + (text.ends_with('\n') ? 0 : 1));
    }

    const std::string& text_;
    std::uint32_t last_line_;
    yaml_parser_t parser_{};
    yaml_event_t event_{};
};

/// Keys that a mapping has had; few as a rule, but nothing grows with the square of their number.
class KeySet {
  public:
    /// False where the key has been there before.
    bool insert(std::uint32_t key) {
        constexpr std::size_t kFew = 16;
        if (few_.size() < kFew) {
            if (std::find(few_.begin(), few_.end(), key) != few_.end()) {
                return false;
            }
            few_.push_back(key);
            return true;
        }
        return std::find(few_.begin(), few_.end(), key) == few_.end() && many_.insert(key).second;
    }

  private:
    std::vector<std::uint32_t> few_;
    std::unordered_set<std::uint32_t> many_;
};

class DocumentBuilder {
  public:
    DocumentBuilder(const std::string& text, ParsedDocument& result)
        : reader_(text), result_(result) {}

    void run() {
        unsigned documents = 0;
        for (;;) {
            const yaml_event_t& event = reader_.next();
            switch (event.type) {
                case YAML_STREAM_END_EVENT:
                    return;
                case YAML_DOCUMENT_START_EVENT:
                    if (++documents > 1) {
                        refuse(
                            event,
                            "a second YAML document starts here: a configuration is one document");
                    }
                    break;
                case YAML_ALIAS_EVENT:
                    take_alias(event);
                    break;
                case YAML_SCALAR_EVENT:
                    take_scalar(event);
                    break;
                case YAML_SEQUENCE_START_EVENT:
                    open(event, NodeKind::sequence, event.data.sequence_start.tag,
                         event.data.sequence_start.anchor);
                    break;
                case YAML_MAPPING_START_EVENT:
                    open(event, NodeKind::mapping, event.data.mapping_start.tag,
                         event.data.mapping_start.anchor);
                    break;
                case YAML_SEQUENCE_END_EVENT:
                case YAML_MAPPING_END_EVENT:
                    levels_.pop_back();
                    break;
                default:
                    break;
            }
        }
    }

  private:
    /// One mapping or sequence that is open.
    struct Level {
        NodeId node = kNoNode;
        bool is_mapping = false;
        bool has_key = false;
        bool is_duplicate = false;
        std::string key;
        std::uint32_t key_line = 0;
        KeySet keys;
    };

    Document& document() { return result_.document; }
    bool expects_key() const {
        return !levels_.empty() && levels_.back().is_mapping && !levels_.back().has_key;
    }
    [[noreturn]] void refuse(const yaml_event_t& event, std::string message) const {
        throw Refused{{kNoNode, reader_.line_of(event.start_mark), std::move(message)}};
    }
    void report(NodeId node, std::string message) {
        document().mark_bad(node);
        result_.findings.push_back({node, document().line(node), std::move(message)});
    }

    void take_alias(const yaml_event_t& event) {
        if (expects_key()) {
            refuse(event, "an alias cannot be a key: write the name");
        }
        report(place(event, NodeKind::null),
               fmt::format("the alias *{} is not accepted: write the value that it stands for",
                           view_of(event.data.alias.anchor)));
    }

    void take_scalar(const yaml_event_t& event) {
        const auto& scalar = event.data.scalar;
        const std::string_view text(reinterpret_cast<const char*>(scalar.value), scalar.length);
        if (expects_key()) {
            take_key(event, text);
            return;
        }
        const bool is_absent = text.empty() && scalar.style == YAML_PLAIN_SCALAR_STYLE;
        const NodeId node = place(event, is_absent ? NodeKind::null : NodeKind::scalar);
        document().set_text(node, text);
        check_properties(node, scalar.tag, scalar.anchor);
    }

    void take_key(const yaml_event_t& event, std::string_view key) {
        Level& level = levels_.back();
        level.key = key;
        level.has_key = true;
        level.key_line = reader_.line_of(event.start_mark);
        level.is_duplicate = !level.keys.insert(document().intern(key));
        if (level.is_duplicate) {
            const std::uint32_t first = document().line(document().child(level.node, key));
            const NodeId node =
                document().add_detached(level.node, key, NodeKind::null, level.key_line);
            report(node, fmt::format("the key stands here a second time, first in line {}: remove "
                                     "one of the two",
                                     first));
        }
    }

    void check_properties(NodeId node, const yaml_char_t* tag, const yaml_char_t* anchor) {
        if (anchor != nullptr) {
            report(node, fmt::format("the anchor &{} is not accepted: write the value wherever it "
                                     "is needed",
                                     view_of(anchor)));
        }
        if (tag != nullptr) {
            report(node,
                   fmt::format("the tag {} is not accepted: the key says the type, remove the tag",
                               view_of(tag)));
        }
    }

    NodeId place(const yaml_event_t& event, NodeKind kind) {
        const std::uint32_t line = reader_.line_of(event.start_mark);
        if (levels_.empty()) {
            return document().add(kNoNode, {}, kind, line);
        }
        Level& level = levels_.back();
        if (!level.is_mapping) {
            return document().add(level.node, {}, kind, line);
        }
        level.has_key = false;
        if (level.is_duplicate) {
            return document().add_detached(level.node, level.key, kind, level.key_line);
        }
        return document().add(level.node, level.key, kind, level.key_line);
    }

    void open(const yaml_event_t& event, NodeKind kind, const yaml_char_t* tag,
              const yaml_char_t* anchor) {
        if (levels_.size() >= kMaxDepth) {
            refuse(event, too_deep());
        }
        if (expects_key()) {
            refuse(event,
                   "a key must be a name, not a list or mapping; a text that starts with [ or { "
                   "needs quotes");
        }
        Level level;
        level.node = place(event, kind);
        level.is_mapping = kind == NodeKind::mapping;
        check_properties(level.node, tag, anchor);
        levels_.push_back(std::move(level));
    }

    static std::string too_deep() {
        return fmt::format("more than {} levels within one another are not accepted", kMaxDepth);
    }

    EventReader reader_;
    ParsedDocument& result_;
    std::vector<Level> levels_;
};

std::uint32_t line_at(std::string_view text, std::size_t position) {
    const auto before = text.substr(0, position);
    return static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n')) + 1;
}

/// YAML 1.1 breaks lines at characters that no editor breaks them at: line numbers would be wrong,
/// and a comment could end where a person does not see it.
std::optional<Finding> find_odd_line_break(std::string_view text) {
    for (const std::string_view odd : {"\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"}) {
        if (const auto found = text.find(odd); found != text.npos) {
            return Finding{
                kNoNode, line_at(text, found),
                "a line break other than LF or CR LF (U+0085, U+2028 or U+2029): remove it"};
        }
    }
    for (auto found = text.find('\r'); found != text.npos; found = text.find('\r', found + 1)) {
        if (found + 1 >= text.size() || text[found + 1] != '\n') {
            return Finding{kNoNode, line_at(text, found),
                           "a carriage return without a line feed: end lines with LF or CR LF"};
        }
    }
    return std::nullopt;
}

std::optional<Finding> refuse_text(const std::string& text) {
    if (text.size() > kMaxDocumentOctets) {
        return Finding{
            kNoNode, 1,
            fmt::format("the file is too large: at most {} octets (256 MiB) are accepted",
                        kMaxDocumentOctets)};
    }
    return find_odd_line_break(text);
}

}  // namespace

ParsedDocument parse_yaml(const std::string& text) {
    ParsedDocument result;
    if (auto refused = refuse_text(text)) {
        result.findings.push_back(std::move(*refused));
        return result;
    }
    try {
        DocumentBuilder(text, result).run();
        result.is_complete = true;
    } catch (const Refused& refused) {
        result.findings.push_back(refused.finding);
    }
    return result;
}

}  // namespace tcqf::config
