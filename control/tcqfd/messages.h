// What tcqfd says on stderr: one line each.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"

namespace tcqf::control {

void print_message(const std::string& message);
void print_warning(const std::string& message);
void print_error(const std::string& message);
/// `FILE:LINE: PATH: ...`, as the configuration's own.
void print_diagnostics(const std::vector<config::Diagnostic>& diagnostics);

}  // namespace tcqf::control
