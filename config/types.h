// Values of leafs: libyang says whether one is right, and this says it in words.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/schema.h"

namespace tcqf::config {

/// The canonical form of a value, or what is wrong with it.
struct CheckedValue {
    std::string_view canonical;  ///< valid until the next check
    std::string problem;         ///< empty: none
};

class TypeChecker {
  public:
    explicit TypeChecker(const Schema& schema) : schema_(&schema) {}

    /// Numbers are decimal (leading zeros do not make them octal) or hexadecimal with 0x, as in
    /// 0xB1; anything else is as YANG writes it.
    CheckedValue check(const SchemaNode& leaf, std::string_view text);

  private:
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    using Known = std::unordered_map<std::string, std::string, TextHash, std::equal_to<>>;

    const Schema* schema_;
    std::string text_;
    std::string canonical_;
    /// Right values seen before, a few of each leaf: a million routes name few interfaces.
    std::unordered_map<const SchemaNode*, Known> known_;
};

/// What a leaf takes, as a phrase: "a whole number from 2 to 255".
std::string expectation(const SchemaNode& leaf);

/// "one of a, b, c", shortened where they are many.
std::string choices(const std::vector<std::string>& names);

/// ", did you mean 'x'?" where one of the names is near to what was written, else empty.
std::string did_you_mean(std::string_view written, const std::vector<std::string>& names);

}  // namespace tcqf::config
