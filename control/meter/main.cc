// tcqf-meter: generates and analyses traffic that shows what a chain of routers does.
#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <system_error>

#include "config/load.h"
#include "control/meter/arguments.h"
#include "control/meter/stop_signal.h"
#include "control/program.h"

namespace {

using namespace tcqf;
using namespace tcqf::control;
using namespace tcqf::control::meter;

void write(const std::string& path, const std::string& text) {
    if (path.empty()) {
        write_result(text);
        return;
    }
    std::ofstream file(path);
    file << text;
    file.close();
    if (!file) {
        throw std::system_error(errno, std::generic_category(), path);
    }
}

int run_send(const SendCommand& command) {
    catch_stop_signals();
    write(command.json, to_json(command.send, send(command.send)));
    return 0;
}

int run_receive(const ReceiveCommand& command) {
    catch_stop_signals();
    const ReceiveResult result = receive(command.receive);
    write(command.json, to_json(result));
    if (result.is_interface_gone) {
        say(fmt::format("tcqf-meter: interface {} has been removed; {} holds what arrived before",
                        command.receive.interface, command.receive.capture));
        return exit_code_of(FailureKind::system_refused);
    }
    return 0;
}

/// The check against a router's interface; says on stderr what is wrong where there is none.
std::optional<CycleCheck> load_check(const std::string& path, const std::string& name) {
    const config::LoadResult loaded = config::load_file(path);
    for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
        if (diagnostic.severity == config::Severity::error) {
            say(diagnostic.to_string());
        }
    }
    if (loaded.router == nullptr) {
        return std::nullopt;
    }
    for (const config::Domain& domain : loaded.router->domains) {
        for (const config::DomainInterface& interface : domain.interfaces) {
            if (loaded.router->interfaces[interface.interface].name == name) {
                return CycleCheck(domain, interface);
            }
        }
    }
    say(fmt::format("{}: no domain has the interface {}; name one that a domain lists", path,
                    name));
    return std::nullopt;
}

int run_report(ReportCommand command) {
    if (!command.router.empty()) {
        command.report.check = load_check(command.router, command.interface);
        if (!command.report.check) {
            return exit_code_of(FailureKind::wrong_request);
        }
    }
    const std::vector<FlowReport> reports = make_reports(command.report);
    write_result(to_table(reports, command.report));
    if (!command.json.empty()) {
        write(command.json, to_json(reports, command.report));
    }
    if (!command.histograms.empty()) {
        for (const FlowReport& report : reports) {
            write(fmt::format("{}-{}.dat", command.histograms, report.stream),
                  to_histogram_data(report.histogram));
        }
    }
    return 0;
}

int run(int argc, char** argv) {
    CLI::App app("Generates and analyses traffic that shows what a chain of routers does.",
                 "tcqf-meter");
    app.require_subcommand(0, 1);  // an unknown one is then named
    const auto send = add_send(app);
    const auto receive = add_receive(app);
    const auto report = add_report(app);
    for (CLI::App* each : {&app, send.app, receive.app, report.app}) {
        each->set_version_flag("--version", "tcqf-meter " TCQF_VERSION);
    }
    try {
        app.parse(argc, argv);
        if (app.get_subcommands().empty()) {
            throw CLI::RequiredError::Subcommand(1);
        }
        if (send.app->parsed()) {
            return run_send(send.options());
        }
        return receive.app->parsed() ? run_receive(receive.options())
                                     : run_report(report.options());
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : exit_code_of(FailureKind::wrong_usage);
    }
}

}  // namespace

int main(int argc, char** argv) {
    return run_program("tcqf-meter: ", run, argc, argv);
}
