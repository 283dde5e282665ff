#include "config/types.h"

#include <fmt/format.h>
#include <libyang/plugins_types.h>

#include <algorithm>
#include <charconv>

namespace tcqf::config {
namespace {

/// A hexadecimal number as a decimal one; anything else stays as it is.
void make_decimal(std::string& text) {
    if (text.size() < 3 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X')) {
        return;
    }
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + 2, end, value, 16);
    if (error == std::errc{} && rest == end) {
        text = std::to_string(value);
    }
}

/// A sentence of the module as the phrase that it starts with.
std::string phrase_of(const char* message) {
    const std::string line = one_line(message);
    return line.substr(0, std::min(line.find(" is needed"), line.find(" are needed")));
}

std::string range_text(const lysc_range* range, bool is_signed) {
    std::vector<std::string> parts;
    for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(range->parts); ++i) {
        const auto& part = range->parts[i];
        const std::string low =
            is_signed ? std::to_string(part.min_64) : std::to_string(part.min_u64);
        const std::string high =
            is_signed ? std::to_string(part.max_64) : std::to_string(part.max_u64);
        parts.push_back(low == high ? low : fmt::format("from {} to {}", low, high));
    }
    return fmt::format("{}", fmt::join(parts, " or "));
}

std::string integer_text(const lysc_type* type) {
    const auto* integer = reinterpret_cast<const lysc_type_num*>(type);
    const bool is_signed = type->basetype >= LY_TYPE_INT8 && type->basetype <= LY_TYPE_INT64;
    if (integer->range != nullptr) {
        return "a whole number " + range_text(integer->range, is_signed);
    }
    switch (type->basetype) {
        case LY_TYPE_UINT8:
            return "a whole number from 0 to 255";
        case LY_TYPE_UINT16:
            return "a whole number from 0 to 65535";
        case LY_TYPE_UINT32:
            return "a whole number from 0 to 4294967295";
        default:
            return is_signed ? "a whole number" : "a whole number from 0";
    }
}

/// The error message that the module has for a type, if any.
const char* own_message(const lysc_type* type) {
    switch (type->basetype) {
        case LY_TYPE_UINT8:
        case LY_TYPE_UINT16:
        case LY_TYPE_UINT32:
        case LY_TYPE_UINT64: {
            const auto* range = reinterpret_cast<const lysc_type_num*>(type)->range;
            return range == nullptr ? nullptr : range->emsg;
        }
        case LY_TYPE_STRING: {
            const auto* patterns = reinterpret_cast<const lysc_type_str*>(type)->patterns;
            return LY_ARRAY_COUNT(patterns) == 0 ? nullptr : patterns[0]->emsg;
        }
        default:
            return nullptr;
    }
}

std::vector<std::string> enum_names(const lysc_type* type) {
    const auto* enumeration = reinterpret_cast<const lysc_type_enum*>(type);
    std::vector<std::string> names;
    for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(enumeration->enums); ++i) {
        names.emplace_back(enumeration->enums[i].name);
    }
    return names;
}

/// Phrases for the types of ietf-inet-types, whose patterns nobody wants to read.
std::string string_text(const lysc_type* type) {
    const auto* text = reinterpret_cast<const lysc_type_str*>(type);
    for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(text->patterns); ++i) {
        if (text->patterns[i]->emsg != nullptr) {
            return phrase_of(text->patterns[i]->emsg);
        }
    }
    if (text->length != nullptr) {
        return fmt::format("a text of {} characters", range_text(text->length, false));
    }
    return "a text";
}

std::string type_text(const lysc_type* type);

/// libyang's plug-ins for addresses are known by name.
std::string address_text(const lysc_type* type) {
    const std::string_view plugin = type->plugin->id == nullptr ? "" : type->plugin->id;
    const bool is_prefix = plugin.find("prefix") != plugin.npos;
    if (plugin.find("ipv4") != plugin.npos) {
        return is_prefix ? "an IPv4 prefix such as 10.9.0.0/16"
                         : "an IPv4 address such as 10.0.1.1";
    }
    if (plugin.find("ipv6") != plugin.npos) {
        return is_prefix ? "an IPv6 prefix such as 2001:db8:9::/48"
                         : "an IPv6 address such as 2001:db8::1";
    }
    return {};
}

std::string union_text(const lysc_type* type) {
    const auto* members = reinterpret_cast<const lysc_type_union*>(type)->types;
    std::string result;
    for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(members); ++i) {
        result += (result.empty() ? "" : " or ") + type_text(members[i]);
    }
    return result;
}

std::string type_text(const lysc_type* type) {
    if (const char* message = own_message(type)) {
        return phrase_of(message);
    }
    switch (type->basetype) {
        case LY_TYPE_ENUM:
            return choices(enum_names(type));
        case LY_TYPE_BOOL:
            return "true or false";
        case LY_TYPE_UNION:
            return union_text(type);
        case LY_TYPE_LEAFREF:
            return type_text(reinterpret_cast<const lysc_type_leafref*>(type)->realtype);
        case LY_TYPE_STRING: {
            std::string text = address_text(type);
            return text.empty() ? string_text(type) : text;
        }
        default:
            return integer_text(type);
    }
}

/// Restrictions may carry a whole sentence; else the phrase becomes one.
std::string demand(const SchemaNode& leaf) {
    const lysc_type* type = leaf.type();
    if (const char* message = own_message(type)) {
        return one_line(message);
    }
    return expectation(leaf) + " is needed";
}

/// What no string of YANG holds (RFC 7950, 9.4), and libyang does not look for in a single value.
bool is_control(char c) {
    return static_cast<unsigned char>(c) < ' ' && c != '\t' && c != '\n' && c != '\r';
}

std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
            diagonal = above;
        }
    }
    return row[b.size()];
}

}  // namespace

CheckedValue TypeChecker::check(const SchemaNode& leaf, std::string_view text) {
    constexpr std::size_t kMostKnown = 256;
    Known& known = known_[&leaf];
    if (const auto found = known.find(text); found != known.end()) {
        return {found->second, {}};
    }
    if (std::any_of(text.begin(), text.end(), is_control)) {
        return {{}, fmt::format("is '{}': a text without control characters is needed", text)};
    }
    text_ = text;
    if (leaf.has_integers) {
        make_decimal(text_);
    }
    const char* canonical = nullptr;
    // A reference cannot be followed without data: that it is incomplete is no fault.
    const LY_ERR result = lyd_value_validate(nullptr, leaf.compiled, text_.data(), text_.size(),
                                             nullptr, nullptr, &canonical);
    if (result != LY_SUCCESS && result != LY_EINCOMPLETE) {
        return {{}, fmt::format("is '{}': {}", text, demand(leaf))};
    }
    canonical_ = canonical == nullptr ? text_ : canonical;
    if (canonical != nullptr) {
        lydict_remove(schema_->context(), canonical);
    }
    if (known.size() < kMostKnown) {
        known.emplace(text, canonical_);
    }
    return {canonical_, {}};
}

std::string expectation(const SchemaNode& leaf) {
    return type_text(leaf.type());
}

std::string choices(const std::vector<std::string>& names) {
    constexpr std::size_t kMost = 10;
    const std::size_t shown = std::min(names.size(), kMost);
    const std::vector<std::string> first(names.begin(), names.begin() + static_cast<long>(shown));
    if (names.size() > kMost) {
        return fmt::format("one of {} and {} more", fmt::join(first, ", "), names.size() - kMost);
    }
    return names.size() == 1 ? names[0] : fmt::format("one of {}", fmt::join(first, ", "));
}

std::string did_you_mean(std::string_view written, const std::vector<std::string>& names) {
    constexpr std::size_t kLongest = 64;
    if (written.empty() || written.size() > kLongest) {
        return {};
    }
    const std::string* best = nullptr;
    std::size_t least = written.size() / 3 + 2;
    for (const std::string& name : names) {
        const std::size_t apart = name.size() > kLongest ? kLongest : distance(written, name);
        if (apart < least) {
            least = apart;
            best = &name;
        }
    }
    return best == nullptr ? "" : fmt::format("; did you mean '{}'?", *best);
}

}  // namespace tcqf::config
