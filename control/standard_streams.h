// stdin, stdout and stderr as a program finds them: full, closed, or with nobody behind them.
#pragma once

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

namespace tcqf::control {

/// Where one is closed, what is opened next would take its number, and messages would end up in a
/// capture or on a wire.
inline void open_standard_streams() {
    for (const int number : {0, 1, 2}) {
        if (fcntl(number, F_GETFD) < 0) {
            open("/dev/null", O_RDWR);
        }
    }
}

/// One line on stderr. Nothing depends on whether it can be written.
inline void say(const std::string& line) {
    std::fputs((line + "\n").c_str(), stderr);
}

/// What a program was asked for, on stdout. Throws std::system_error where it cannot be written.
inline void write_result(const std::string& text) {
    if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
        throw std::system_error(errno, std::generic_category(), "stdout cannot be written");
    }
}

}  // namespace tcqf::control
