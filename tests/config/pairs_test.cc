// All errors of a file are told in one go: of two wrong files, put into one, each error that either
// has alone is told again.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "config/load.h"

namespace tcqf::config {
namespace {

using Lines = std::vector<std::string>;

/// A key of a mapping in block style, with what follows it on its line and the lines beneath it.
struct Section {
    std::string key;
    std::string value;
    Lines beneath;

    bool operator==(const Section&) const = default;
};
using Sections = std::vector<Section>;

Lines lines_of(const std::string& text) {
    Lines lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        if (!line.starts_with('#')) {
            lines.push_back(line);
        }
    }
    return lines;
}

Lines lines_of(const Sections& sections, std::size_t indent) {
    Lines lines;
    for (const Section& section : sections) {
        lines.push_back(std::string(indent, ' ') + section.key + ":" + section.value);
        lines.insert(lines.end(), section.beneath.begin(), section.beneath.end());
    }
    return lines;
}

std::string text_of(const Sections& sections) {
    std::string text;
    for (const std::string& line : lines_of(sections, 0)) {
        text += line + "\n";
    }
    return text;
}

/// The mapping that stands `indent` deep; nothing where the lines are none in block style. A list
/// of one mapping on the line of its key becomes one in block style.
std::optional<Sections> sections_of(const Lines& lines, std::size_t indent) {
    static const std::regex one_mapping(R"( \[(\{.*\})\])");
    Sections sections;
    for (const std::string& line : lines) {
        const std::size_t depth = line.find_first_not_of(' ');
        const std::size_t colon = line.find(':');
        if (depth > indent && !sections.empty()) {
            sections.back().beneath.push_back(line);
            continue;
        }
        if (depth != indent || line[depth] == '-' || colon == line.npos) {
            return std::nullopt;
        }
        Section section{line.substr(depth, colon - depth), line.substr(colon + 1), {}};
        std::smatch inner;
        if (std::regex_match(section.value, inner, one_mapping) &&
            section.value.find("}, {") == section.value.npos) {
            section.beneath.push_back(std::string(indent, ' ') + "  - " + inner[1].str());
            section.value.clear();
        }
        sections.push_back(std::move(section));
    }
    return sections;
}

bool is_list(const Section& section) {
    const std::string& first = section.beneath.front();
    return first[first.find_first_not_of(' ')] == '-';
}

std::optional<Sections> merged(const Sections& one, const Sections& other, std::size_t indent);

/// Mappings key by key, lists one behind the other; nothing where one of them alone can stand
/// there.
std::optional<Section> merged(const Section& one, const Section& other, std::size_t indent) {
    if (one == other) {
        return one;
    }
    if (!one.value.empty() || !other.value.empty() || one.beneath.empty() ||
        other.beneath.empty() || is_list(one) != is_list(other)) {
        return std::nullopt;
    }
    Section both{one.key, {}, one.beneath};
    if (is_list(one)) {
        both.beneath.insert(both.beneath.end(), other.beneath.begin(), other.beneath.end());
        return both;
    }
    const auto inner = sections_of(one.beneath, indent + 2);
    const auto other_inner = sections_of(other.beneath, indent + 2);
    const auto beneath =
        inner && other_inner ? merged(*inner, *other_inner, indent + 2) : std::nullopt;
    if (!beneath) {
        return std::nullopt;
    }
    both.beneath = lines_of(*beneath, indent + 2);
    return both;
}

std::optional<Sections> merged(const Sections& one, const Sections& other, std::size_t indent) {
    Sections both;
    for (const Section& section : one) {
        const auto same = std::ranges::find(other, section.key, &Section::key);
        const auto merge =
            same == other.end() ? std::optional(section) : merged(section, *same, indent);
        if (!merge) {
            return std::nullopt;
        }
        both.push_back(*merge);
    }
    for (const Section& section : other) {
        if (std::ranges::find(one, section.key, &Section::key) == one.end()) {
            both.push_back(section);
        }
    }
    return both;
}

/// Other names and addresses throughout, so that nothing is the same as in another file.
std::string renamed(std::string text) {
    const std::vector<std::pair<std::regex, std::string>> changes = {
        {std::regex(R"(\bge(\d))"), "xe$1"},
        {std::regex(R"(\bname: (core|edge|gold|silver)\b)"), "name: $1-x"},
        {std::regex(R"(\b10\.)"), "172."},
        {std::regex(R"(2001:db8)"), "2001:dba"},
        {std::regex(R"(fc00:)"), "fd00:"},
        {std::regex(R"(FC00:)"), "FD00:"},
        {std::regex(R"(\b(id|color|nrp|selector): ([1-9]\d{0,3})\b)"), "$1: 9$2"},
    };
    for (const auto& [from, to] : changes) {
        text = std::regex_replace(text, from, to);
    }
    return text;
}

/// The errors, without what depends on the rest of the file: lines, positions, other names.
std::multiset<std::string> errors_of(const std::string& text) {
    const std::vector<std::pair<std::regex, std::string>> changes = {
        {std::regex(R"(\[\d+\])"), "[]"},
        {std::regex(R"(\bline \d+)"), "line"},
        {std::regex("; (configured: .*|none is)"), ""},
        {std::regex(R"([;,] did you mean .*)"), ""},
    };
    std::multiset<std::string> errors;
    for (const Diagnostic& diagnostic : load_yaml(text, "r.yaml").diagnostics) {
        if (diagnostic.severity != Severity::error) {
            continue;
        }
        std::string error = diagnostic.path + ": " + diagnostic.message;
        for (const auto& [from, to] : changes) {
            error = std::regex_replace(error, from, to);
        }
        errors.insert(error);
    }
    return errors;
}

struct WrongText {
    std::string name;
    Sections sections;  ///< empty: it is no mapping in block style
    std::multiset<std::string> errors;

    bool is_about(const std::string& key) const {
        return std::ranges::any_of(errors, [&](const std::string& error) {
            return error.starts_with("/" + key + ":") || error.starts_with("/" + key + "/") ||
                   error.starts_with("/" + key + "[");
        });
    }
    bool has(const std::string& key) const {
        return std::ranges::find(sections, key, &Section::key) != sections.end();
    }
    /// Without those values that other files may have otherwise, for no error is about them.
    Sections without_values_of(const WrongText& other) const {
        Sections left;
        std::ranges::copy_if(sections, std::back_inserter(left), [&](const Section& section) {
            return section.value.empty() || !other.has(section.key) || is_about(section.key);
        });
        return left;
    }
};

WrongText wrong_text(const std::filesystem::path& path, bool rename) {
    std::ifstream file(path);
    std::ostringstream in;
    in << file.rdbuf();
    const std::string text = rename ? renamed(in.str()) : in.str();
    return {path.stem(), sections_of(lines_of(text), 0).value_or(Sections{}), errors_of(text)};
}

std::optional<Sections> merged(const WrongText& one, const WrongText& other) {
    const Sections left = one.without_values_of(other);
    const Sections right =
        std::ranges::find_if(left,
                             [&](const Section& section) {
                                 return !section.value.empty() && other.has(section.key);
                             }) == left.end()
            ? other.sections
            : other.without_values_of(one);
    return merged(left, right, 0);
}

/// What a file of both must be told of one: all but that something is missing which the other has.
std::multiset<std::string> wanted_of(const WrongText& one, const WrongText& other) {
    std::multiset<std::string> wanted;
    std::ranges::copy_if(one.errors, std::inserter(wanted, wanted.end()),
                         [&](const std::string& error) {
                             return !other.has(error.substr(1, error.find(": is missing") - 1));
                         });
    return wanted;
}

std::vector<std::string> missing_in(const std::multiset<std::string>& told,
                                    const std::multiset<std::string>& wanted) {
    std::vector<std::string> missing;
    std::ranges::set_difference(wanted, told, std::back_inserter(missing));
    return missing;
}

/// Every file that is YAML of mappings, as it is or with other names.
std::vector<WrongText> wrong_texts(bool rename) {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(
             std::filesystem::path(TCQF_SOURCE_ROOT) / "tests/config/wrong")) {
        if (entry.path().extension() == ".yaml") {
            paths.push_back(entry.path());
        }
    }
    std::ranges::sort(paths);
    std::vector<WrongText> texts;
    for (const auto& path : paths) {
        WrongText text = wrong_text(path, rename);
        if (!text.sections.empty() && !text.is_about("")) {
            texts.push_back(std::move(text));
        }
    }
    return texts;
}

TEST(Pairs, OfWrongFilesTellTheErrorsOfBoth) {
    const std::vector<WrongText> texts = wrong_texts(false);
    const std::vector<WrongText> others = wrong_texts(true);
    ASSERT_EQ(texts.size(), others.size());
    std::size_t compared = 0;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        EXPECT_EQ(texts[i].errors.size(), others[i].errors.size()) << texts[i].name;
        for (std::size_t j = 0; j < others.size(); ++j) {
            const auto both = merged(texts[i], others[j]);
            if (i == j || !both) {
                continue;
            }
            ++compared;
            const std::multiset<std::string> told = errors_of(text_of(*both));
            EXPECT_THAT(missing_in(told, wanted_of(texts[i], others[j])), testing::IsEmpty())
                << texts[i].name << " beside " << others[j].name;
            EXPECT_THAT(missing_in(told, wanted_of(others[j], texts[i])), testing::IsEmpty())
                << others[j].name << " beside " << texts[i].name;
        }
    }
    // The others have something in one place that leaves no room for two.
    EXPECT_GT(compared, texts.size() * (texts.size() - 1) * 9 / 10);
}

}  // namespace
}  // namespace tcqf::config
