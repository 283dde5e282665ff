#include "control/meter/stop_signal.h"

#include <csignal>

namespace tcqf::control::meter {

namespace {

// A handler has nothing else that it could reach.
volatile std::sig_atomic_t asked = 0;

void remember(int) {
    asked = 1;
}

}  // namespace

void catch_stop_signals() {
    struct sigaction action {};
    action.sa_handler = remember;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

bool stop_asked() {
    return asked != 0;
}

}  // namespace tcqf::control::meter
