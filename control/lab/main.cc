// tcqf-lab: the data plane in virtual time.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

#include "config/load.h"
#include "control/lab/capture.h"
#include "control/lab/eal.h"
#include "control/lab/replay.h"

namespace {

using namespace tcqf;

enum ExitCode : int { kDone = 0, kWrongThing = 1, kWrongUsage = 2, kRefused = 3 };

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
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    // Twice of it must still be an instant.
    constexpr std::int64_t kMost = std::int64_t{1} << 62;
    if (error != std::errc() || end != text.data() + text.size() || value < 0 || value >= kMost) {
        throw CLI::ValidationError(
            option, fmt::format("'{}' is no number of nanoseconds; digits alone would be", text));
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
        fmt::print(stderr, "{}\n", diagnostic.to_string());
    }
    if (loaded.router == nullptr) {
        return kWrongThing;
    }
    try {
        control::start_lab_eal();
        control::replay(loaded.router, options);
    } catch (const control::CaptureError& error) {
        fmt::print(stderr, "{}\n", error.what());
        return kWrongThing;
    } catch (const std::exception& error) {
        fmt::print(stderr, "{}\n", error.what());
        return kRefused;
    }
    return kDone;
}

void add_replay(CLI::App& app, ReplayArguments& arguments) {
    CLI::App* command = app.add_subcommand(
        "replay", "Runs one router in virtual time: captures in, captures and an account out");
    command->add_option("--config", arguments.config, "The router's configuration (YAML)")
        ->required()
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

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("The router's data plane in virtual time: deterministic, without devices.",
                 "tcqf-lab");
    app.set_version_flag("--version", "tcqf-lab " TCQF_VERSION);
    app.require_subcommand(1);
    ReplayArguments arguments;
    add_replay(app, arguments);
    try {
        app.parse(argc, argv);
        return run_replay(arguments);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : kWrongUsage;
    }
}
