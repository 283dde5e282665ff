// A network namespace of the test's own: it and all in it are gone when the process ends, however
// it ends.
#pragma once

#include <sched.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

namespace tcqf::dataplane {

/// Moves the calling process into a fresh network namespace; says why where it may not.
inline std::string enter_private_network() {
    if (unshare(CLONE_NEWNET) != 0) {
        return std::string("network namespaces are forbidden here: ") + std::strerror(errno);
    }
    return "";
}

/// Runs a command; true where it succeeds.
inline bool run(const std::string& command) {
    return std::system(command.c_str()) == 0;
}

}  // namespace tcqf::dataplane
