// From a file to a typed configuration: all of its errors, or a router.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/router.h"

namespace tcqf::config {

enum class Severity : std::uint8_t { error, warning };

/// One thing that is wrong: `FILE:LINE: PATH: what is wrong and what would be right`.
struct Diagnostic {
    Severity severity = Severity::error;
    std::string file;
    std::size_t line = 0;
    std::string path;  ///< e.g. /tcqf/domains[name='core']/cycles
    std::string message;

    std::string to_string() const;
};

/// `router` is null exactly where an error is among the diagnostics.
struct LoadResult {
    std::shared_ptr<const Router> router;
    std::vector<Diagnostic> diagnostics;  ///< in order of lines
};

/// Reads a YAML file. An unreadable file is one diagnostic, too.
LoadResult load_file(const std::string& path);

/// Reads YAML text; `name` stands in the diagnostics as the file.
LoadResult load_yaml(const std::string& text, const std::string& name);

}  // namespace tcqf::config
