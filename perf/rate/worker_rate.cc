// How fast one worker forwards: runs it between DPDK ports on one core, in real time, and prints
// one JSON object. perf/run makes its input and reads its output.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ctime>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "config/load.h"
#include "control/clock_servo.h"
#include "control/program.h"
#include "control/tcqfd/daemon.h"
#include "control/time_source.h"
#include "dataplane/ethdev_port.h"
#include "dataplane/packet_pool.h"
#include "dataplane/result.h"
#include "dataplane/router.h"
#include "dataplane/worker.h"
#include "perf/rate/entries.h"
#include "perf/rate/rig_clock.h"
#include "perf/start_eal.h"

namespace {

using namespace tcqf;
using dataplane::Account;

struct Arguments {
    std::string config;
    std::string entries;
    double seconds = 1;
    double warm_up_seconds = 0.2;
    std::uint64_t packets = 0;       ///< instead of a time
    std::int64_t paced_step_ns = 0;  ///< of each of a round's two halves; 0: real time
    std::int64_t longest_step_ns = 2500;
    std::int64_t lookahead_ns = 10'000;
    unsigned buffers = 16'383;
    std::vector<std::string> eal;
};

std::shared_ptr<const config::Router> load(const Arguments& arguments) {
    const config::LoadResult loaded = config::load_file(arguments.config);
    if (loaded.router == nullptr) {
        for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
            fmt::print(stderr, "{}\n", diagnostic.to_string());
        }
        throw std::runtime_error("the configuration is wrong");
    }
    auto router = std::make_shared<config::Router>(*loaded.router);
    if (!arguments.entries.empty()) {
        perf::add_entries(arguments.entries, *router);
    }
    return router;
}

/// The clock as the control thread of tcqfd publishes it first; nothing corrects it afterwards.
double publish_clock(control::SharedClock& clock) {
    const auto source = control::open_time_source({});
    if (!source) {
        throw std::runtime_error(source.failure().message);
    }
    const control::ClockSample first = source.value()->sample();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    const control::ClockServo servo(first, source.value()->sample());
    clock.publish(servo.snapshot());
    return servo.statistics().ticks_per_second;
}

double seconds_of(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// Enough rounds to forget what the checks between them cost.
constexpr unsigned kRoundsAtOnce = 1024;

/// What is measured, and what callgrind is told to count.
template <class Clock>
[[gnu::noinline]] std::uint64_t run_rounds(dataplane::Worker& worker, Clock& clock,
                                           unsigned rounds) {
    std::uint64_t received = 0;
    for (unsigned round = 0; round < rounds; ++round) {
        worker.transmit(clock.now());
        received += worker.receive(clock.now());
    }
    return received;
}

template <class Clock>
void run_for(dataplane::Worker& worker, Clock& clock, double seconds) {
    const double end = seconds_of(CLOCK_MONOTONIC) + seconds;
    do {
        run_rounds(worker, clock, kRoundsAtOnce);
    } while (seconds_of(CLOCK_MONOTONIC) < end);
}

nlohmann::json drops_of(const Account& account) {
    nlohmann::json drops = nlohmann::json::object();
    for (std::size_t reason = 0; reason < dataplane::kDropReasons; ++reason) {
        if (account.dropped[reason] != 0) {
            drops[std::string(dataplane::kDropReasonNames[reason])] = account.dropped[reason];
        }
    }
    return drops;
}

template <class Clock>
nlohmann::json measure(dataplane::Router& router, Clock& clock, const Arguments& arguments,
                       double ticks_per_second) {
    dataplane::Worker& worker = router.worker(0);
    if (arguments.packets == 0) {
        run_for(worker, clock, arguments.warm_up_seconds);
    }
    fmt::print(stderr, "measuring\n");  // perf/run waits for this line and for the next one
    const Account before = router.account();
    const std::uint64_t stalls = clock.stalls();
    const std::uint64_t left_out = clock.left_out_ticks();
    const double wall = seconds_of(CLOCK_MONOTONIC);
    const double processor = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    if (arguments.packets != 0) {
        std::uint64_t received = 0;
        while (received < arguments.packets) {
            received += run_rounds(worker, clock, 1);
        }
    } else {
        run_for(worker, clock, arguments.seconds);
    }
    const double processor_seconds = seconds_of(CLOCK_THREAD_CPUTIME_ID) - processor;
    const double wall_seconds = seconds_of(CLOCK_MONOTONIC) - wall;
    fmt::print(stderr, "measured\n");
    const Account after = router.account();
    const auto sent = static_cast<double>(after.sent - before.sent);
    return {{"received", after.received - before.received},
            {"sent", after.sent - before.sent},
            {"received-in-all", after.received},
            {"queued", after.queued},
            {"dropped", drops_of(after)},
            {"to-kernel", after.to_kernel},
            {"balances", after.balances()},
            {"wall-seconds", wall_seconds},
            {"processor-seconds", processor_seconds},
            {"packets-per-second", sent / processor_seconds},
            {"clocks-per-packet", processor_seconds * ticks_per_second / sent},
            {"stalls", clock.stalls() - stalls},
            {"stalled-seconds",
             static_cast<double>(clock.left_out_ticks() - left_out) / ticks_per_second}};
}

nlohmann::json run(const Arguments& arguments) {
    const auto config = load(arguments);
    perf::start_eal("worker_rate", arguments.eal);
    control::SharedClock shared_clock;
    const double ticks_per_second = publish_clock(shared_clock);
    const auto ticks = [ticks_per_second](std::int64_t ns) {
        return static_cast<std::uint64_t>(static_cast<double>(ns) * 1e-9 * ticks_per_second);
    };

    constexpr std::uint32_t kFrameOctets = 2048;
    const auto pool = dataplane::make_packet_pool("rate", arguments.buffers, kFrameOctets);
    std::vector<std::unique_ptr<dataplane::EthdevPort>> ports;
    std::vector<dataplane::InterfacePorts> wires;
    for (const config::Interface& interface : config->interfaces) {
        auto port = dataplane::EthdevPort::open({.interface = interface.name,
                                                 .device = interface.device,
                                                 .mac = interface.mac,
                                                 .mtu = interface.mtu,
                                                 .pool = pool.get(),
                                                 .xdp_program_path = {}});
        if (!port) {
            throw std::runtime_error(port.failure().message);
        }
        ports.push_back(std::move(port.value()));
        wires.push_back({.wire = ports.back().get()});
    }
    // As tcqfd makes its router, so that what is measured is what runs.
    dataplane::RouterOptions options = control::real_time_options(*config, false, 0);
    options.pool = pool.get();
    options.max_packets = arguments.buffers;
    options.transmit_lookahead_ns = arguments.lookahead_ns;
    dataplane::Router router(config, wires, options);

    nlohmann::json result;
    if (arguments.paced_step_ns != 0) {
        perf::PacedClock clock(shared_clock, ticks(arguments.paced_step_ns));
        result = measure(router, clock, arguments, ticks_per_second);
    } else {
        perf::RigClock clock(shared_clock, ticks(arguments.longest_step_ns));
        result = measure(router, clock, arguments, ticks_per_second);
    }
    result["ticks-per-second"] = ticks_per_second;
    result["routes"] = config->routes.size();
    result["labels"] = config->mpls.labels.size();
    result["flows"] = config->flows.size();
    return result;
}

void add_options(CLI::App& app, Arguments& arguments) {
    app.add_option("--config", arguments.config, "The router's configuration (YAML)")->required();
    app.add_option("--entries", arguments.entries, "Further routes, labels and flows, one a line");
    app.add_option("--seconds", arguments.seconds, "How long to measure (1)");
    app.add_option("--warm-up-seconds", arguments.warm_up_seconds, "How long to run before (0.2)");
    app.add_option("--packets", arguments.packets,
                   "Count from the start, as many packets, instead of a time");
    app.add_option("--paced-step-ns", arguments.paced_step_ns,
                   "Let time go on by this in each half of a round, whatever the clock says");
    app.add_option("--longest-step-ns", arguments.longest_step_ns,
                   "Longer gaps between two readings are left out of the router's time (2500)");
    app.add_option("--lookahead-ns", arguments.lookahead_ns,
                   "How far ahead of now frames are handed to the ports (10000)");
    app.add_option("--buffers", arguments.buffers, "Packet buffers (16383)");
    app.add_option("eal", arguments.eal, "Arguments of DPDK's environment, after --");
}

int measure(int argc, char** argv) {
    CLI::App app("Forwards with one worker between DPDK ports and prints how fast, as JSON.",
                 "worker_rate");
    Arguments arguments;
    add_options(app, arguments);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    fmt::print("{}\n", run(arguments).dump());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return control::run_program("worker_rate: ", measure, argc, argv);
}
