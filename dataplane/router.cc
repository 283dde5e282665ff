#include "dataplane/router.h"

#include <fmt/format.h>
#include <rte_errno.h>

#include <bit>
#include <stdexcept>

#include "dataplane/shared_state.h"

namespace tcqf::dataplane {
namespace {

/// Slots of a calendar: a power of two above every window's max towards the interface and every
/// backlog.
std::uint32_t slots_for(const config::Router& config, config::InterfaceIndex interface,
                        const config::Domain& domain) {
    std::uint32_t farthest = domain.cycles;
    for (const config::CycleMapEntry& map : domain.cycle_maps) {
        if (map.oif == interface) {
            farthest = std::max<std::uint32_t>(farthest, map.window.max);
        }
    }
    for (const config::Flow& flow : config.flows) {
        farthest = std::max<std::uint32_t>(farthest, flow.max_backlog_cycles);
    }
    return std::bit_ceil(farthest + 2);
}

EgressConfig egress_config(const config::Router& config, config::InterfaceIndex index) {
    const config::Interface& interface = config.interfaces[index];
    EgressConfig egress;
    egress.rate.mbps = interface.link_rate_mbps;
    egress.queue_limit_packets = interface.best_effort_queue_packets;
    egress.mtu_frame_octets = interface.mtu + 14;
    for (const config::Domain& domain : config.domains) {
        for (const config::DomainInterface& member : domain.interfaces) {
            if (member.interface == index) {
                egress.timing = domain.timing_of(member);
                egress.dead_time_ns = member.dead_time_ns;
                egress.slots = slots_for(config, index, domain);
            }
        }
    }
    return egress;
}

Ring make_ring(const void* owner, unsigned from, unsigned to) {
    constexpr unsigned kEntries = 4096;
    const std::string name =
        fmt::format("{:x}.{}.{}", reinterpret_cast<std::uintptr_t>(owner), from, to);
    Ring ring(
        rte_ring_create(name.c_str(), kEntries, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ));
    if (!ring) {
        throw std::runtime_error(
            fmt::format("no memory for the rings between workers: {}", rte_strerror(rte_errno)));
    }
    return ring;
}

/// State of flows outlives configurations: a flow keeps its slot, and its policer while its
/// specification stays the same.
std::vector<std::uint32_t> prepare_flows(SharedState& shared, const config::Router& config) {
    std::vector<std::uint32_t> slots;
    for (const config::Flow& flow : config.flows) {
        slots.push_back(
            shared.slot_of_flow
                .try_emplace(flow.id, static_cast<std::uint32_t>(shared.slot_of_flow.size()))
                .first->second);
    }
    const std::size_t count = shared.slot_of_flow.size();
    shared.policers.reserve(count);
    for (std::size_t i = 0; i < config.flows.size(); ++i) {
        const auto& specification = config.flows[i].traffic_specification;
        if (specification && !shared.specifications.contains(slots[i])) {
            shared.policers[slots[i]] = std::make_unique<Policer>(*specification);
            shared.specifications[slots[i]] = *specification;
        }
    }
    for (const config::Domain& domain : config.domains) {
        for (const config::DomainInterface& member : domain.interfaces) {
            shared.interfaces[member.interface]->cursors.reserve(count);
        }
    }
    return slots;
}

}  // namespace

Router::Router(std::shared_ptr<const config::Router> config, std::vector<InterfacePorts> ports,
               const RouterOptions& options)
    : shared_(std::make_unique<SharedState>()) {
    shared_->options = options;
    shared_->config = config;
    const unsigned workers = options.workers;
    std::vector<EgressConfig> egresses;
    std::vector<std::size_t> queues(workers);
    for (std::size_t i = 0; i < ports.size(); ++i) {
        egresses.push_back(egress_config(*config, static_cast<config::InterfaceIndex>(i)));
        queues[i % workers] += egresses[i].slots + egresses[i].shares.size() + 3;
    }
    for (unsigned worker = 0; worker < workers; ++worker) {
        shared_->chunks.push_back(
            std::make_unique<PacketChunks>(options.max_packets, queues[worker]));
    }
    for (std::size_t i = 0; i < ports.size(); ++i) {
        const auto owner = static_cast<unsigned>(i % workers);
        shared_->interfaces.push_back(std::make_unique<InterfaceState>(ports[i], owner, egresses[i],
                                                                       *shared_->chunks[owner]));
    }
    for (unsigned from = 0; from < workers; ++from) {
        for (unsigned to = 0; to < workers; ++to) {
            shared_->rings.push_back(from == to ? nullptr : make_ring(shared_.get(), from, to));
        }
    }
    BuildOptions build;
    build.fib = options.fib;
    build.flow_slots = prepare_flows(*shared_, *config);
    shared_->owned = build_tables(config, build);
    shared_->current.store(shared_->owned.get(), std::memory_order_release);
    for (unsigned worker = 0; worker < workers; ++worker) {
        shared_->workers.push_back(std::make_unique<Worker>(*shared_, worker));
    }
}

Router::~Router() {
    if (shared_) {
        shared_->workers.clear();
    }
}

unsigned Router::workers() const {
    return shared_->options.workers;
}
Worker& Router::worker(unsigned index) {
    return *shared_->workers[index];
}
unsigned Router::owner_of(config::InterfaceIndex interface) const {
    return shared_->interfaces[interface]->owner;
}
const config::Router& Router::config() const {
    return *shared_->config;
}

Account Router::account() const {
    Account account;
    account.interfaces.resize(shared_->interfaces.size());
    for (const auto& worker : shared_->workers) {
        const WorkerCounters& from = worker->counters();
        account.received += from.received.get();
        account.generated += from.generated.get();
        account.sent += from.sent.get();
        account.to_kernel += from.to_kernel.get();
        account.queued += worker->queued();
        account.handed_over_in += from.handed_over_in.get();
        account.handed_over_out += from.handed_over_out.get();
        for (std::size_t reason = 0; reason < kDropReasons; ++reason) {
            account.dropped[reason] += from.dropped[reason].get();
        }
        for (std::size_t i = 0; i < account.interfaces.size(); ++i) {
            account.interfaces[i].received += from.interfaces[i].received.get();
            account.interfaces[i].sent += from.interfaces[i].sent.get();
            account.interfaces[i].cycle_overruns += from.interfaces[i].cycle_overruns.get();
        }
    }
    // What lies in a ring between two workers waits, too.
    account.queued += account.handed_over_out - account.handed_over_in;
    account.handed_over_in = account.handed_over_out = 0;
    return account;
}

}  // namespace tcqf::dataplane
