#include "config/load.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include "config/checks.h"
#include "config/convert.h"
#include "config/report.h"
#include "config/validate.h"
#include "config/yaml_reader.h"

namespace tcqf::config {
namespace {

/// Text of a file with its control characters written as YAML writes them: an error stays one line
/// and tells a terminal nothing.
std::string printable(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto octet = static_cast<unsigned char>(text[i]);
        const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
        if (octet < 0x20 || octet == 0x7F) {
            result += fmt::format("\\x{:02X}", octet);
        } else if (octet == 0xC2 && next < 0xA0) {  // U+0080 to U+009F
            result += fmt::format("\\x{:02X}", next);
            ++i;
        } else {
            result += text[i];
        }
    }
    return result;
}

LoadResult refused(const std::string& name, std::string message) {
    return {nullptr, {{Severity::error, name, 1, "/", std::move(message)}}};
}

/// From any front end on: the document is complete, and what it was written in does not matter.
LoadResult finish(Document& document, Report& report, const std::string& name) {
    const Schema& schema = Schema::instance();
    validate(schema, document, report);
    Router router;
    if (document.kind(0) == NodeKind::mapping) {
        router = convert(schema, document);
        if (report.has_errors()) {
            router.interfaces.emplace_back();  // for names that lead to none; it has none itself
        }
        check(schema, document, router, report);
    }
    LoadResult result;
    if (!report.has_errors()) {
        result.router = std::make_shared<const Router>(std::move(router));
    }
    result.diagnostics = report.diagnostics(name);
    return result;
}

}  // namespace

std::string Diagnostic::to_string() const {
    return fmt::format("{}:{}: {}: {}{}", file, line, printable(path),
                       severity == Severity::warning ? "warning: " : "", printable(message));
}

LoadResult load_yaml(const std::string& text, const std::string& name) {
    ParsedDocument parsed = parse_yaml(text);
    if (!parsed.is_complete) {
        LoadResult result;
        for (const Finding& finding : parsed.findings) {
            const std::string path =
                finding.node == kNoNode ? "/" : path_of(parsed.document, finding.node);
            result.diagnostics.push_back(
                {Severity::error, name, finding.line, path, finding.message});
        }
        return result;
    }
    if (parsed.document.empty()) {
        return refused(name, "the file is empty: at least name and interfaces are needed");
    }
    Report report(parsed.document);
    for (Finding& finding : parsed.findings) {
        report.error(finding.node, std::move(finding.message));
    }
    return finish(parsed.document, report, name);
}

LoadResult load_file(const std::string& path) {
    std::error_code unknown;
    if (std::filesystem::is_directory(path, unknown)) {
        return refused(path, "this is a directory: the configuration is one file");
    }
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return refused(path, fmt::format("the file cannot be read: {}", std::strerror(errno)));
    }
    // A pipe has no size to ask for.
    constexpr std::size_t kStep = 1 << 20;
    std::string text;
    while (file && text.size() <= kMaxDocumentOctets) {
        const std::size_t so_far = text.size();
        text.resize(so_far + kStep);
        file.read(text.data() + so_far, kStep);
        text.resize(so_far + static_cast<std::size_t>(file.gcount()));
    }
    if (file.bad()) {
        return refused(path, fmt::format("the file cannot be read: {}", std::strerror(errno)));
    }
    return load_yaml(text, path);
}

}  // namespace tcqf::config
