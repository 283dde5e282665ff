// The router as a process: from a configuration to running workers, and down again.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "config/router.h"
#include "control/tcqfd/clock_keeper.h"
#include "control/tcqfd/device_set.h"
#include "control/tcqfd/worker_loop.h"
#include "dataplane/packet_pool.h"
#include "dataplane/result.h"
#include "dataplane/router.h"

namespace tcqf::control {

struct DaemonOptions {
    std::string config_file;
    std::vector<std::string> eal_arguments;
    bool yield = false;
    bool kernel_ports = true;
};

/// One a process, because DPDK's environment is.
class Daemon {
  public:
    /// Starts DPDK, the clock, the devices and the workers. Warnings go to stderr.
    static Result<std::unique_ptr<Daemon>> start(
        const std::shared_ptr<const config::Router>& router, const DaemonOptions& options);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    /// Serves until SIGTERM or SIGINT; SIGHUP reloads. Both must be blocked in every thread.
    void serve();
    /// Stops receiving, sends what is queued, and returns the closing account as JSON.
    std::string stop();

  private:
    explicit Daemon(const DaemonOptions& options) : options_(options) {}

    Status make_pool(const config::Router& router);
    Status start_clock(const config::Router& router);
    Status start_router(const std::shared_ptr<const config::Router>& router);
    void measure_stall_floor(const config::Router& router);
    void print_guards();
    void start_workers();
    void drain();
    void print_pauses() const;
    void reload();
    std::string apply_file();
    void follow_reload();
    void wait_until_settled() const;
    void reclaim();
    void update_links();
    void tick();

    DaemonOptions options_;
    dataplane::PacketPool pool_;
    std::unique_ptr<ClockKeeper> clock_;
    std::unique_ptr<DeviceSet> devices_;
    std::unique_ptr<dataplane::Router> router_;
    std::atomic<WorkerPhase> phase_{WorkerPhase::running};
    std::vector<std::unique_ptr<WorkerLoop>> loops_;
    std::int64_t lateness_ns_ = 0;  // measured at start
    std::vector<std::string> guards_told_;
    ServoStatistics clock_seen_;
};

/// What of a running router's configuration a new one must leave as it is; empty where it does.
std::string needs_restart(const config::Router& running, const config::Router& wanted);

/// What a router in real time is made with, but for its packets and devices.
dataplane::RouterOptions real_time_options(const config::Router& router, bool yield,
                                           std::int64_t lateness_ns);

/// What a person is told of the reference clock, one sentence each: a step, and where it cannot be
/// followed for a second.
std::vector<std::string> clock_news(const ServoStatistics& before, const ServoStatistics& now);

/// What a change of an interface's cycles or link cost; empty where nothing waited.
std::string drained_message(const std::string& interface,
                            const dataplane::Router::Drained& drained);

/// How long the packets that may be queued can take to leave.
std::int64_t longest_drain_ns(const config::Router& router);

}  // namespace tcqf::control
