// A program that measures ends in order when it is told to.
#pragma once

namespace tcqf::control::meter {

/// From now on SIGINT and SIGTERM only make stop_asked() true and wake a sleep.
void catch_stop_signals();
bool stop_asked();

}  // namespace tcqf::control::meter
