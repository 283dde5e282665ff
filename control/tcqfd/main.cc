// tcqfd: the router.
#include <rte_eal.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <initializer_list>
#include <string>
#include <vector>

#include "config/load.h"
#include "control/program.h"
#include "control/tcqfd/daemon.h"
#include "control/tcqfd/messages.h"

namespace {

using tcqf::exit_code_of;
using tcqf::FailureKind;

struct Arguments {
    tcqf::control::DaemonOptions daemon;
    std::string socket;
    bool check = false;
};

void describe(CLI::App& app, Arguments& arguments) {
    app.add_option("--config", arguments.daemon.config_file, "configuration, YAML")
        ->required()
        ->type_name("FILE");
    app.add_option("--socket", arguments.socket,
                   "where the API will listen; there is none yet, so it changes nothing")
        ->type_name("PATH");
    app.add_flag("--check", arguments.check, "validate the configuration and exit");
    app.set_version_flag("--version", "tcqfd " TCQF_VERSION);
    app.add_flag("--yield", arguments.daemon.yield,
                 "share cores: workers poll, then give way to others, and sleep for up to 50 us "
                 "when idle");
    app.add_flag_callback(
        "--no-kernel-ports", [&arguments] { arguments.daemon.kernel_ports = false; },
        "make no TAP devices: what goes to the host's kernel is counted as such and freed");
    app.footer(
        "What follows -- goes to DPDK's environment (EAL); without it tcqfd uses free huge pages "
        "or, with a\nwarning, ordinary memory, and takes a core a worker.\n\n"
        "SIGHUP reloads FILE as one transaction. SIGTERM stops receiving, sends what is queued and "
        "prints the\nclosing account.\n\n"
        "Exit status: 0 done, 1 the configuration is wrong, 2 wrong usage, 3 the system refused.");
}

/// Every thread that follows leaves these to the control thread, which takes them when it serves.
void block(std::initializer_list<int> blocked) {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : blocked) {
        sigaddset(&signals, signal);
    }
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

int run_router(const Arguments& arguments) {
    namespace control = tcqf::control;
    if (!arguments.check) {
        signal(SIGPIPE, SIG_IGN);  // who reads stderr may go at any time; the router stays
        block({SIGHUP});  // what asks for a reload may not know that the first reading is under way
    }
    const tcqf::config::LoadResult loaded = tcqf::config::load_file(arguments.daemon.config_file);
    control::print_diagnostics(loaded.diagnostics);
    if (!loaded.router) {
        return exit_code_of(FailureKind::wrong_request);
    }
    if (arguments.check) {
        return 0;
    }
    if (!arguments.socket.empty()) {
        control::print_warning("--socket changes nothing: this version has no API yet");
    }
    block({SIGTERM, SIGINT});
    auto daemon = control::Daemon::start(loaded.router, arguments.daemon);
    if (!daemon) {
        control::print_error(daemon.failure().message);
        return exit_code_of(daemon.failure().kind);
    }
    sd_notify(0, "READY=1");
    control::say("ready");
    daemon.value()->serve();
    const std::string account = daemon.value()->stop();
    control::write_result(account);
    daemon.value().reset();
    rte_eal_cleanup();
    return 0;
}

int run(int argc, char** argv) {
    CLI::App app("Forwards IPv4, IPv6, MPLS and SRv6 with TCQF: tagged cyclic queuing.", "tcqfd");
    Arguments arguments;
    describe(app, arguments);
    // Everything behind -- is the EAL's, options included.
    char** const separator =
        std::find_if(argv, argv + argc, [](const char* text) { return std::string(text) == "--"; });
    if (separator != argv + argc) {
        arguments.daemon.eal_arguments.assign(separator + 1, argv + argc);
    }
    try {
        app.parse(static_cast<int>(separator - argv), argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : exit_code_of(FailureKind::wrong_usage);
    }
    return run_router(arguments);
}

}  // namespace

int main(int argc, char** argv) {
    return tcqf::control::run_program("tcqfd: error: ", run, argc, argv);
}
