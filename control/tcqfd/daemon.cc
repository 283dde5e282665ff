#include "control/tcqfd/daemon.h"

#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mempool.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <thread>

#include "config/load.h"
#include "control/account_json.h"
#include "control/stall_floor.h"
#include "control/tcqfd/eal_plan.h"
#include "control/tcqfd/huge_page_turn.h"
#include "control/tcqfd/messages.h"
#include "tcqf/wire.h"

namespace tcqf::control {

namespace {

constexpr std::int64_t kStallMeasurementNs = 200'000'000;
// Whoever shares a core comes back late: what the wire takes until then is handed over ahead.
constexpr std::int64_t kSharedCoreLookaheadNs = 1'000'000;
// A core of its own comes back within microseconds.
constexpr std::int64_t kOwnCoreLookaheadNs = 5'000;
constexpr timespec kTick{.tv_sec = 0, .tv_nsec = 100'000'000};

struct StallTask {
    double ticks_per_second = 0;
    StallStatistics result;
};

int measure_on_lcore(void* argument) {
    auto& task = *static_cast<StallTask*>(argument);
    task.result = measure_stalls(kStallMeasurementNs, task.ticks_per_second);
    return 0;
}

int run_loop(void* argument) {
    static_cast<WorkerLoop*>(argument)->run();
    return 0;
}

std::vector<unsigned> worker_lcores() {
    std::vector<unsigned> lcores;
    unsigned lcore;
    RTE_LCORE_FOREACH_WORKER(lcore) {
        lcores.push_back(lcore);
    }
    return lcores;
}

/// AF_XDP sockets take the packets' buffers, one after the other, where each fits into a page.
Status check_xdp_buffers(const rte_mempool& pool, const PacketBudget& budget) {
    constexpr std::uint64_t kXdpHeadroomOctets = 256;  // the kernel's, in front of a frame
    const auto page_octets = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    const std::uint64_t octets =
        std::uint64_t{pool.header_size} + pool.elt_size + pool.trailer_size;
    if (octets <= page_octets) {
        return Done{};
    }
    const std::uint64_t mtu = budget.frame_octets - kEthernetOctets - kFcsOctets;
    return system_refused(
        fmt::format("AF_XDP interfaces take buffers of at most {} octets, which an mtu of {} on "
                    "any interface exceeds; {} would do",
                    page_octets, mtu, mtu - (octets - page_octets) - kXdpHeadroomOctets));
}

/// systemd wants to know since when (sd_notify(3), Type=notify-reload).
void notify_reloading() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    sd_notifyf(
        0, "RELOADING=1\nMONOTONIC_USEC=%lld",
        static_cast<long long>(std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
}

/// Of several signals that wait the lowest comes first, which asks for a reload.
bool is_stop_pending() {
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1;
}

/// What a step of a reload says is wrong, or that it could not be done at all: a router that runs
/// goes on.
template <class Step>
std::string failure_of(const Step& step) {
    try {
        return step();
    } catch (const std::exception& error) {
        return words_of(error);
    }
}

}  // namespace

std::string needs_restart(const config::Router& running, const config::Router& wanted) {
    if (running.name != wanted.name) {
        return "/name";
    }
    if (running.clock.source != wanted.clock.source ||
        running.clock.device != wanted.clock.device) {
        return "/clock";
    }
    if (std::string fixed = dataplane::needs_new_router(running, wanted); !fixed.empty()) {
        return fixed;
    }
    for (std::size_t i = 0; i < running.interfaces.size(); ++i) {
        const config::Interface& was = running.interfaces[i];
        const config::Interface& is = wanted.interfaces[i];
        if (was.mac != is.mac || was.mtu != is.mtu) {
            return fmt::format("/interfaces[name='{}']/{}", was.name,
                               was.mac != is.mac ? "mac" : "mtu");
        }
    }
    return "";
}

dataplane::RouterOptions real_time_options(const config::Router& router, bool yield,
                                           std::int64_t lateness_ns) {
    dataplane::RouterOptions options;
    options.max_packets = packet_budget(router).packets;
    options.fib = dataplane::FibKind::fast;
    options.workers = router.workers.count;
    options.transmit_lookahead_ns = yield ? kSharedCoreLookaheadNs : kOwnCoreLookaheadNs;
    options.lateness_ns = lateness_ns;
    return options;
}

std::vector<std::string> clock_news(const ServoStatistics& before, const ServoStatistics& now) {
    std::vector<std::string> news;
    if (now.rebases != before.rebases) {
        news.push_back(fmt::format("the reference clock stepped by {} ns; cycles are re-based",
                                   now.last_step_ns));
    }
    const auto is_lost = [](const ServoStatistics& clock) {
        constexpr std::uint64_t kSamplesOfASecond = 100;
        return clock.unusable_in_a_row >= kSamplesOfASecond;
    };
    if (is_lost(now) != is_lost(before)) {
        news.emplace_back(is_lost(now)
                              ? "the reference clock cannot be read, or not closely enough; "
                                "cycles go on at the last rate"
                              : "the reference clock is followed again");
    }
    return news;
}

std::string drained_message(const std::string& interface,
                            const dataplane::Router::Drained& drained) {
    if (drained.lasted_ns == 0 && drained.missed == 0) {
        return "";
    }
    return fmt::format(
        "interface {}: what was queued before the reload left within {} us; {} packets missed "
        "their cycle behind it (cycle-overrun)",
        interface, drained.lasted_ns / 1000, drained.missed);
}

std::int64_t longest_drain_ns(const config::Router& router) {
    std::int64_t longest_ns = 0;
    for (const config::Domain& domain : router.domains) {
        std::int64_t cycles = domain.farthest_cycle();
        for (const config::Flow& flow : router.flows) {
            cycles = std::max<std::int64_t>(cycles, flow.max_backlog_cycles);
        }
        longest_ns = std::max(longest_ns, (cycles + 1) * domain.cycle_time_ns());
    }
    std::int64_t longest_queue_ns = 0;
    for (const config::Interface& interface : router.interfaces) {
        constexpr int kClasses = 3;
        const std::int64_t bits = std::int64_t{interface.best_effort_queue_packets} * kClasses *
                                  occupancy_bits(interface.mtu + kEthernetOctets);
        longest_queue_ns =
            std::max(longest_queue_ns, bits * 1000 / std::int64_t{interface.link_rate_mbps});
    }
    constexpr std::int64_t kMarginNs = 1'000'000'000;
    return longest_ns + 2 * longest_queue_ns + kMarginNs;
}

Result<std::unique_ptr<Daemon>> Daemon::start(const std::shared_ptr<const config::Router>& router,
                                              const DaemonOptions& options) {
    std::unique_ptr<Daemon> daemon(new Daemon(options));
    // Until everything that takes memory has taken it.
    std::optional<HugePageTurn> turn;
    if (may_use_huge_pages(options.eal_arguments)) {
        constexpr std::chrono::seconds kPatience{20};
        turn.emplace(kPatience);
    }
    const HostResources host = read_host_resources();
    if (Status status = check_cores(*router, options.eal_arguments, host); !status) {
        return status.failure();
    }
    const EalPlan plan = plan_eal(*router, options.eal_arguments, host,
                                  packet_budget(*router).mebibytes, options.yield);
    daemon->options_.yield = options.yield || plan.must_yield;
    for (const std::string& warning : plan.warnings) {
        print_warning(warning);
    }
    if (Status status = start_eal(plan); !status) {
        return status.failure();
    }
    if (worker_lcores().size() < router->workers.count) {
        return system_refused(fmt::format(
            "{} workers are configured and the EAL arguments leave {} lcores beside the main one; "
            "name more with --lcores, or leave them to tcqfd",
            router->workers.count, worker_lcores().size()));
    }
    if (Status status = daemon->start_clock(*router); !status) {
        return status.failure();
    }
    daemon->measure_stall_floor(*router);
    try {
        if (Status status = daemon->make_pool(*router); !status) {
            return status.failure();
        }
        if (Status status = daemon->start_router(router); !status) {
            return status.failure();
        }
    } catch (const std::runtime_error& error) {
        return system_refused(error.what());
    }
    return daemon;
}

Daemon::~Daemon() {
    phase_.store(WorkerPhase::stopped, std::memory_order_relaxed);
    if (!loops_.empty()) {
        rte_eal_mp_wait_lcore();
    }
}

Status Daemon::make_pool(const config::Router& router) {
    const bool has_af_xdp =
        std::any_of(router.interfaces.begin(), router.interfaces.end(),
                    [](const auto& each) { return dataplane::is_af_xdp(each.device); });
    const bool physical = rte_eal_iova_mode() == RTE_IOVA_PA;
    if (physical && has_af_xdp) {
        return system_refused(
            "AF_XDP interfaces need DPDK to work with virtual addresses; add -- --iova-mode=va, "
            "and give PCI devices an IOMMU");
    }
    constexpr unsigned kCache = 256;
    const PacketBudget budget = packet_budget(router);
    pool_ = dataplane::make_packet_pool(
        "packets", budget.packets, budget.frame_octets, kCache,
        physical ? dataplane::BufferLayout::within_pages : dataplane::BufferLayout::gapless);
    return has_af_xdp ? check_xdp_buffers(*pool_, budget) : Status(Done{});
}

Status Daemon::start_clock(const config::Router& router) {
    auto source = open_time_source(router.clock);
    if (!source) {
        return source.failure();
    }
    for (const std::string& warning :
         clock_warnings(router.clock, read_kernel_clock_state(router.clock))) {
        print_warning(warning);
    }
    clock_ = std::make_unique<ClockKeeper>(std::move(source.value()));
    return Done{};
}

void Daemon::measure_stall_floor(const config::Router& router) {
    StallTask task;
    task.ticks_per_second = clock_->statistics().ticks_per_second;
    const unsigned lcore = worker_lcores().front();
    rte_eal_remote_launch(measure_on_lcore, &task, lcore);
    rte_eal_wait_lcore(lcore);
    for (const std::string& warning : stall_warnings(router, task.result)) {
        print_warning(warning);
    }
    lateness_ns_ = advice_of(task.result).tx_guard_ns;
}

/// Says which guards hold where they have been measured, and again where a reload changes them.
void Daemon::print_guards() {
    std::vector<std::int64_t> guards_ns;
    for (std::size_t i = 0; i < router_->config().interfaces.size(); ++i) {
        guards_ns.push_back(router_->tx_guard_ns(static_cast<config::InterfaceIndex>(i)));
    }
    std::vector<std::string> messages = guard_messages(router_->config(), guards_ns);
    if (messages == guards_told_) {
        return;
    }
    for (const std::string& message : messages) {
        print_message(message);
    }
    guards_told_ = std::move(messages);
}

Status Daemon::start_router(const std::shared_ptr<const config::Router>& router) {
    auto devices = DeviceSet::open(*router, pool_.get(), options_.kernel_ports);
    if (!devices) {
        return devices.failure();
    }
    devices_ = std::move(devices.value());
    for (const std::string& sentence : devices_->spread_interfaces(*router)) {
        print_message(sentence);
    }
    for (const std::string& interface : devices_->use_stamps(*router, clock_->clock())) {
        print_message(fmt::format(
            "interface {}: packets arrive at the timestamps of the network card", interface));
    }
    dataplane::RouterOptions options = real_time_options(*router, options_.yield, lateness_ns_);
    options.pool = pool_.get();
    options.macs = devices_->macs();
    router_ = std::make_unique<dataplane::Router>(router, devices_->ports(), options);
    print_guards();
    update_links();
    start_workers();
    devices_->start_relay();
    const std::vector<Failure> failures = devices_->install_filters(*router);
    return failures.empty() ? Status(Done{}) : Status(failures.front());
}

void Daemon::start_workers() {
    const std::vector<unsigned> lcores = worker_lcores();
    for (unsigned i = 0; i < router_->workers(); ++i) {
        auto loop = std::make_unique<WorkerLoop>();
        loop->worker = &router_->worker(i);
        loop->clock = &clock_->clock();
        loop->phase = &phase_;
        loop->yield = options_.yield;
        rte_eal_remote_launch(run_loop, loop.get(), lcores[i]);
        loops_.push_back(std::move(loop));
    }
}

void Daemon::serve() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        sigaddset(&signals, signal);
    }
    for (;;) {
        const int signal = sigtimedwait(&signals, nullptr, &kTick);
        if (signal == SIGTERM || signal == SIGINT || is_stop_pending()) {
            return;
        }
        if (signal == SIGHUP) {
            notify_reloading();
            reload();
            sd_notify(0, "READY=1");
        }
        tick();
    }
}

void Daemon::reload() {
    if (const std::string refusal = failure_of([this] { return apply_file(); }); !refusal.empty()) {
        print_message("reload: nothing is changed: " + refusal);
        return;
    }
    const auto follow = [this] {
        follow_reload();
        return std::string();
    };
    if (const std::string failure = failure_of(follow); !failure.empty()) {
        print_warning("reload: addresses and filters of the host are behind: " + failure);
    }
    print_message("reloaded");
}

/// Returns why the router keeps the configuration that it has, or nothing.
std::string Daemon::apply_file() {
    // Whoever wrote into a pipe at start may be gone: to wait for another one would also keep the
    // router from being stopped.
    std::error_code unknown;
    if (std::filesystem::is_other(options_.config_file, unknown)) {
        return fmt::format("{}: is no file but a pipe or a device, which is read at start alone",
                           options_.config_file);
    }
    const config::LoadResult loaded = config::load_file(options_.config_file);
    print_diagnostics(loaded.diagnostics);
    if (!loaded.router) {
        return "the configuration in force stays";
    }
    if (const std::string fixed = needs_restart(router_->config(), *loaded.router);
        !fixed.empty()) {
        return fmt::format(
            "{}: {} takes effect only at a restart; put it back as it was, or restart tcqfd",
            options_.config_file, fixed);
    }
    wait_until_settled();
    reclaim();  // the new tables need the memory of those before the last ones
    return router_->apply(loaded.router);
}

/// A worker takes a round to go over to new tables, and much longer only where the host has stopped
/// it.
void Daemon::wait_until_settled() const {
    constexpr int kMostMilliseconds = 1000;
    for (int i = 0; i < kMostMilliseconds && !router_->is_settled(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

/// What is not the router's own goes after it.
void Daemon::follow_reload() {
    const config::Router& now = router_->config();
    for (const std::vector<Failure>& failures :
         {devices_->change_addresses(now.interfaces), devices_->install_filters(now)}) {
        for (const Failure& failure : failures) {
            print_warning(failure.message);
        }
    }
    if (const unsigned packets = packet_budget(now).packets; packets > pool_->size) {
        print_warning(fmt::format(
            "{} packets could wait and there are buffers for {}, made at start; restart tcqfd, or "
            "expect no-memory",
            packets, pool_->size));
    }
    print_guards();
}

void Daemon::reclaim() {
    router_->reclaim();
    for (const dataplane::Router::Drained& drained : router_->take_drained()) {
        const std::string message =
            drained_message(router_->config().interfaces[drained.interface].name, drained);
        if (!message.empty()) {
            print_message(message);
        }
    }
}

void Daemon::update_links() {
    const DeviceSet::LinkNews news = devices_->update_links(*router_);
    for (const std::string& change : news.changes) {
        print_message(change);
    }
    for (const std::string& warning : news.warnings) {
        print_warning(warning);
    }
}

void Daemon::tick() {
    update_links();
    reclaim();
    const ServoStatistics clock = clock_->statistics();
    for (const std::string& sentence : clock_news(clock_seen_, clock)) {
        print_warning(sentence);
    }
    clock_seen_ = clock;
}

std::string Daemon::stop() {
    sd_notify(0, "STOPPING=1");
    drain();
    rte_eal_mp_wait_lcore();
    reclaim();
    const KernelRelay::Counters lost = devices_->stop_relay();
    if (lost.lost_to_kernel != 0 || lost.lost_from_kernel != 0) {
        print_warning(fmt::format(
            "{} frames for the host's kernel and {} from it were lost between router and TAPs",
            lost.lost_to_kernel, lost.lost_from_kernel));
    }
    for (const std::string& sentence : devices_->filtered_frames(router_->config())) {
        print_message(sentence);
    }
    for (const std::string& sentence : devices_->lost_frames(router_->config())) {
        print_warning(sentence);
    }
    print_pauses();
    loops_.clear();
    return account_json(*router_);
}

void Daemon::print_pauses() const {
    for (std::size_t i = 0; i < loops_.size(); ++i) {
        const StallStatistics& pauses = loops_[i]->pauses;
        print_message(fmt::format(
            "worker {}: longest pause between two rounds {} us; all but one in 100000 within {} us",
            i, pauses.largest_ns() / 1000, pauses.quantile_ns(100'000) / 1000));
    }
}

void Daemon::drain() {
    phase_.store(WorkerPhase::draining, std::memory_order_relaxed);
    const auto deadline = std::chrono::steady_clock::now() +
                          std::chrono::nanoseconds(longest_drain_ns(router_->config()));
    // Twice in a row: what one worker hands to another may be on its way between two looks.
    unsigned looks = 0;
    while (looks < 2 && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        const bool drained = std::all_of(loops_.begin(), loops_.end(), [](const auto& loop) {
            return loop->drained.load(std::memory_order_relaxed);
        });
        looks = drained ? looks + 1 : 0;
    }
    phase_.store(WorkerPhase::stopped, std::memory_order_relaxed);
}

}  // namespace tcqf::control
