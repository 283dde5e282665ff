// A whole configuration as text: there is a router exactly where there is no error, every
// diagnostic names a line that exists, and the same text gives the same answer again.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

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
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    const LoadResult result = tcqf::config::load_yaml(text, "input");
    bool wrong = false;
    for (const Diagnostic& diagnostic : result.diagnostics) {
        wrong |= diagnostic.severity == Severity::error;
        expect(!diagnostic.message.empty() && diagnostic.line <= lines);
    }
    expect((result.router == nullptr) == wrong);
    expect(all_of(tcqf::config::load_yaml(text, "input")) == all_of(result));
    return 0;
}
