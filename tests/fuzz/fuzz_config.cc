// A whole configuration as text: there is a router exactly where there is no error, every
// diagnostic names a line that exists, and the same text gives the same answer again.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "config/load.h"

using tcqf::config::Diagnostic;
using tcqf::config::LoadResult;
using tcqf::config::Severity;

namespace {

std::string all_of(const LoadResult& result) {
    std::string text;
    for (const Diagnostic& diagnostic : result.diagnostics) {
        text += diagnostic.to_string() + "\n";
    }
    return text;
}

void expect(bool condition) {
    if (!condition) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    // At least as many as YAML counts: it knows CR, NEL, LS and PS too (the last octet of each).
    constexpr std::string_view kLineEnds = "\n\r\x85\xa8\xa9";
    const auto lines = 1 + std::count_if(text.begin(), text.end(), [&](char c) {
                           return kLineEnds.find(c) != std::string_view::npos;
                       });
    const LoadResult result = tcqf::config::load_yaml(text, "input");
    bool wrong = false;
    for (const Diagnostic& diagnostic : result.diagnostics) {
        wrong |= diagnostic.severity == Severity::error;
        expect(!diagnostic.message.empty() && std::cmp_less_equal(diagnostic.line, lines));
    }
    expect((result.router == nullptr) == wrong);
    expect(all_of(tcqf::config::load_yaml(text, "input")) == all_of(result));
    return 0;
}
