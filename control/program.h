// How a program ends: an exit status, and a sentence on stderr where it fails.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>

#include "control/standard_streams.h"
#include "dataplane/result.h"

namespace tcqf::control {

/// What was asked for is wrong; any other exception says that the system refused.
class WrongRequest : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// The body of main(). What `run` throws is told behind `prefix`.
inline int run_program(const std::string& prefix, int (*run)(int, char**), int argc, char** argv) {
    const auto fail = [&prefix](FailureKind kind, const std::exception& error) {
        say(prefix + words_of(error));
        return exit_code_of(kind);
    };
    open_standard_streams();
    try {
        return run(argc, argv);
    } catch (const WrongRequest& error) {
        return fail(FailureKind::wrong_request, error);
    } catch (const std::exception& error) {
        return fail(FailureKind::system_refused, error);
    }
}

}  // namespace tcqf::control
