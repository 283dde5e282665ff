// The command line of tcqf-meter as options of its commands. Each add_ function makes a subcommand
// and returns what builds the options once the line is parsed; wrong values throw
// CLI::ValidationError.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "control/meter/receive.h"
#include "control/meter/report.h"
#include "control/meter/send.h"

namespace tcqf::control::meter {

/// A subcommand and its result.
template <class Options>
struct Command {
    CLI::App* app = nullptr;
    std::function<Options()> options;
};

struct SendCommand {
    SendOptions send;
    std::string json;  ///< file for the result; empty: stdout
};

struct ReceiveCommand {
    ReceiveOptions receive;
    std::string json;
};

struct ReportCommand {
    ReportOptions report;
    std::string router;      ///< configuration of the last router; empty: no check
    std::string interface;   ///< its interface towards the receiver
    std::string json;        ///< empty: none
    std::string histograms;  ///< prefix of the files; empty: none
};

Command<SendCommand> add_send(CLI::App& app);
Command<ReceiveCommand> add_receive(CLI::App& app);
Command<ReportCommand> add_report(CLI::App& app);

}  // namespace tcqf::control::meter
