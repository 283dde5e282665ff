// tcqf-lab: the data plane in virtual time.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <string_view>
#include <system_error>

#include "config/load.h"
#include "control/lab/capture.h"
#include "control/lab/eal.h"
#include "control/lab/replay.h"
#include "control/program.h"
#include "control/second.h"

namespace {

using namespace tcqf;

constexpr const char* kVersion = "tcqf-lab " TCQF_VERSION;

/// What the command line says, as text.
struct ReplayArguments {
    std::string config;
    std::vector<std::string> arrivals;
    std::string out;
    bool until_drained = false;
    std::string processing_ns = "0";
    std::vector<std::string> stalls;
};

/// A whole number of nanoseconds, not negative, in digits alone.
std::int64_t nanoseconds(std::string_view text, const std::string& option) {
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
        throw CLI::ValidationError(
            option, fmt::format("'{}' is no number of nanoseconds; digits alone would be", text));
    }
    std::int64_t value = 0;
    const auto error = std::from_chars(text.data(), text.data() + text.size(), value).ec;
    if (error != std::errc() || value >= control::kEndOfPcapTimeNs) {
        throw CLI::ValidationError(option,
                                   fmt::format("{} is too large: less than {} would be right", text,
                                               control::kEndOfPcapTimeNs));
    }
    return value;
}

/// Cuts `text` at the first `separator`; neither part may be empty.
std::pair<std::string, std::string> halves(const std::string& text, char separator,
                                           const std::string& option, const char* form) {
    const std::size_t at = text.find(separator);
    if (at == std::string::npos || at == 0 || at + 1 == text.size()) {
        throw CLI::ValidationError(option, fmt::format("'{}' is not {}", text, form));
    }
    return {text.substr(0, at), text.substr(at + 1)};
}

control::ReplayOptions parse(const ReplayArguments& arguments) {
    control::ReplayOptions options;
    for (const std::string& text : arguments.arrivals) {
        auto [interface, capture] = halves(text, '=', "--rx", "IF=CAPTURE");
        for (const auto& other : options.arrivals) {
            if (other.interface == interface) {
                throw CLI::ValidationError("--rx", fmt::format("'{}' is given twice", interface));
            }
        }
        options.arrivals.push_back({std::move(interface), std::move(capture)});
    }
    for (const std::string& text : arguments.stalls) {
        const auto [at, length] = halves(text, ':', "--stall", "AT-NS:LENGTH-NS");
        options.stalls.push_back({nanoseconds(at, "--stall"), nanoseconds(length, "--stall")});
    }
    options.out_directory = arguments.out;
    options.until_drained = arguments.until_drained;
    options.processing_ns = nanoseconds(arguments.processing_ns, "--processing-ns");
    return options;
}

int run_replay(const ReplayArguments& arguments) {
    const control::ReplayOptions options = parse(arguments);
    const config::LoadResult loaded = config::load_file(arguments.config);
    for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
        control::say(diagnostic.to_string());
    }
    if (loaded.router == nullptr) {
        return exit_code_of(FailureKind::wrong_request);
    }
    control::start_lab_eal();
    control::replay(loaded.router, options);
    return 0;
}

std::string not_empty(const std::string& path) {
    return path.empty() ? "needs a name" : "";
}

void add_replay(CLI::App& app, ReplayArguments& arguments) {
    CLI::App* command = app.add_subcommand(
        "replay", "Runs one router in virtual time: captures in, captures and an account out");
    command->set_version_flag("--version", kVersion);
    command->add_option("--config", arguments.config, "The router's configuration (YAML)")
        ->required()
        ->check(not_empty)
        ->type_name("FILE");
    command
        ->add_option("--rx", arguments.arrivals,
                     "What arrives on an interface: pcap or pcapng, Ethernet; once an interface")
        ->required()
        ->type_name("IF=CAPTURE")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command
        ->add_option("--out", arguments.out,
                     "Directory for IF.pcap, IF.kernel.pcap and account.json; made if absent")
        ->required()
        ->check(not_empty)
        ->type_name("DIR");
    command->add_flag("--until-drained", arguments.until_drained,
                      "Go on until every queue is empty, not only to the last arrival");
    command
        ->add_option("--processing-ns", arguments.processing_ns,
                     "Time from a packet's arrival to its classification (0)")
        ->type_name("N");
    command
        ->add_option("--stall", arguments.stalls,
                     "The workers do nothing for a while; may be repeated. AT is nanoseconds since "
                     "1970 as in the captures")
        ->type_name("AT-NS:LENGTH-NS")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

int run(int argc, char** argv) {
    CLI::App app("The router's data plane in virtual time: deterministic, without devices.",
                 "tcqf-lab");
    app.set_version_flag("--version", kVersion);
    app.require_subcommand(0, 1);  // an unknown one is then named
    ReplayArguments arguments;
    add_replay(app, arguments);
    try {
        app.parse(argc, argv);
        if (app.get_subcommands().empty()) {
            throw CLI::RequiredError::Subcommand(1);
        }
        return run_replay(arguments);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : exit_code_of(FailureKind::wrong_usage);
    }
}

}  // namespace

int main(int argc, char** argv) {
    return control::run_program("", run, argc, argv);
}
