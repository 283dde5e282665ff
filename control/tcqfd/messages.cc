#include "control/tcqfd/messages.h"

#include <fmt/format.h>

#include <cstdio>

namespace tcqf::control {

void print_message(const std::string& message) {
    fmt::print(stderr, "tcqfd: {}\n", message);
}

void print_warning(const std::string& message) {
    fmt::print(stderr, "tcqfd: warning: {}\n", message);
}

void print_error(const std::string& message) {
    fmt::print(stderr, "tcqfd: error: {}\n", message);
}

void print_diagnostics(const std::vector<config::Diagnostic>& diagnostics) {
    for (const config::Diagnostic& diagnostic : diagnostics) {
        fmt::print(stderr, "{}\n", diagnostic.to_string());
    }
}

}  // namespace tcqf::control
