#include "control/tcqfd/messages.h"

#include "control/standard_streams.h"

namespace tcqf::control {

void print_message(const std::string& message) {
    say("tcqfd: " + message);
}

void print_warning(const std::string& message) {
    say("tcqfd: warning: " + message);
}

void print_error(const std::string& message) {
    say("tcqfd: error: " + message);
}

void print_diagnostics(const std::vector<config::Diagnostic>& diagnostics) {
    for (const config::Diagnostic& diagnostic : diagnostics) {
        say(diagnostic.to_string());
    }
}

}  // namespace tcqf::control
