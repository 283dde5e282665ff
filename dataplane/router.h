// A router: its workers, their tables and queues. The same class runs under DPDK in real time and,
// many at once, in virtual time; whoever owns it brings the ports and the time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/difference.h"
#include "config/router.h"
#include "dataplane/account.h"
#include "dataplane/fib.h"
#include "dataplane/port.h"
#include "tcqf/packet_queue.h"

struct rte_mempool;

namespace tcqf::dataplane {

class Worker;
class Snapshot;
struct SharedState;

/// The two sides of one interface: the wire, and the host's kernel. Without a kernel port what
/// would go to the kernel is counted as such and freed.
struct InterfacePorts {
    Port* wire = nullptr;
    Port* kernel = nullptr;  ///< every worker that reads the interface may transmit
    /// Further receive queues of the wire: the first is the next worker's after the owner, and so
    /// on around. A device that spreads what it receives keeps the packets of a flow in one queue.
    std::vector<ReceivePort*> further_queues = {};
};

struct RouterOptions {
    rte_mempool* pool = nullptr;       ///< packets that the router generates
    std::size_t max_packets = 65'536;  ///< packets that can wait at once, all pools together
    PoolMemory queue_memory = PoolMemory::touched_at_once;
    FibKind fib = FibKind::compact;
    unsigned workers = 1;
    std::vector<config::MacAddress> macs{};  ///< of the devices, where the configuration names none
    /// How far ahead of now frames are handed to the ports: at least what the wire carries between
    /// two polls; 0 in virtual time.
    std::int64_t transmit_lookahead_ns = 0;
    bool short_way = true;  ///< false: plain packets go the long way, for comparison
    /// How late what is handed over usually reaches the wire: the guard of interfaces that have no
    /// tx-guard-ns. Absent in virtual time, which knows no guard at all.
    std::optional<std::int64_t> lateness_ns = {};
};

/// What of a router's configuration another one must leave as it is, by its path, because it needs
/// other ports or other workers; empty where it does.
std::string needs_new_router(const config::Router& running, const config::Router& wanted);

class Router {
  public:
    /// `ports` in the order of config.interfaces. Throws std::runtime_error where memory is short.
    Router(const std::shared_ptr<const config::Router>& config, std::vector<InterfacePorts> ports,
           const RouterOptions& options);
    ~Router();
    Router(const Router&) = delete;
    Router& operator=(const Router&) = delete;

    unsigned workers() const;
    Worker& worker(unsigned index);
    /// The worker that sends to an interface and reads its first receive queue.
    unsigned owner_of(config::InterfaceIndex interface) const;

    /// Installs another configuration while packets flow; returns what is wrong, or nothing. Old
    /// tables are freed when no worker uses them any more.
    std::string apply(std::shared_ptr<const config::Router> config);
    /// The same for who knows the difference from config() already.
    std::string apply(std::shared_ptr<const config::Router> config,
                      const config::Difference& difference);
    /// The tables that the workers go over to, for tests and benchmarks.
    const Snapshot& tables() const;
    /// Frees old tables that no worker can see any more, and gives away what flows and SIDs that
    /// are gone had; from the control thread after each change and now and then. Not part of a
    /// change: freeing large tables takes longer.
    void reclaim();
    /// Queues of an interface that gave way to others whose cycles or link are different.
    struct Drained {
        config::InterfaceIndex interface = 0;
        std::int64_t lasted_ns = 0;  ///< until the last packet was sent, from the first round on
        std::uint64_t missed = 0;    ///< packets that became cycle-overrun in that time
    };
    /// What reclaim() found drained since the last call.
    std::vector<Drained> take_drained();
    /// Old tables that are not free yet.
    std::size_t retired_tables() const;
    /// Whether every worker has gone over to the last change. A change before that is safe, but for
    /// one round a worker may send from new queues by the tables before them.
    bool is_settled() const;
    /// Tells the workers of a link that went up or down.
    void set_link(config::InterfaceIndex interface, bool up);
    const config::Router& config() const;
    /// The guard in force before each boundary of an interface's cycles; 0 outside every domain.
    std::int64_t tx_guard_ns(config::InterfaceIndex interface) const;

    /// What a SID or a binding SID of the configuration took, by its prefix; only what took
    /// anything.
    struct SidAccount {
        std::uint64_t packets = 0;
        std::uint64_t octets = 0;
    };
    std::map<config::IpPrefix, SidAccount> sid_account() const;

    /// Sum over the workers. `queued` is exact only while no worker runs.
    Account account() const;

  private:
    std::unique_ptr<SharedState> shared_;
};

}  // namespace tcqf::dataplane
