// What the workers of a router share, and who may touch it.
#pragma once

#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include <atomic>
#include <memory>
#include <memory_resource>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "dataplane/account.h"
#include "dataplane/flow_state.h"
#include "dataplane/huge_vector.h"
#include "dataplane/icmp_error.h"
#include "dataplane/packet.h"
#include "dataplane/passage.h"
#include "dataplane/router.h"
#include "dataplane/slot_array.h"
#include "dataplane/table_builder.h"
#include "dataplane/tables.h"
#include "dataplane/worker.h"
#include "tcqf/egress.h"

namespace tcqf::dataplane {

using PacketEgress = Egress<rte_mbuf*>;
using PacketChunks = ChunkPool<rte_mbuf*>;

/// The queues of one interface with the memory behind them.
struct Output {
    Output(const EgressConfig& config, const RouterOptions& options)
        : config(config),
          chunks(options.max_packets, config.slots + config.shares.size() + 3,
                 options.queue_memory),
          egress(config, chunks) {}

    EgressConfig config;
    PacketChunks chunks;
    PacketEgress egress;

    // While it drains: since when, how long, and the interface's overruns before and in that time.
    std::int64_t draining_since_ns = kNever;
    std::int64_t drained_ns = 0;
    std::uint64_t overruns_before = 0;
    std::uint64_t missed = 0;
    /// While they drain, the queues of the configuration after it; then those drained before it.
    std::unique_ptr<Output> next;
};

/// One interface. What is not atomic is touched by its owner alone, once the workers run.
struct InterfaceState {
    InterfaceState(const InterfacePorts& ports, unsigned owner, std::unique_ptr<Output> output)
        : ports(ports), owner(owner), output(std::move(output)) {}
    ~InterfaceState() {
        delete replacement.load(std::memory_order_relaxed);
        delete retired.load(std::memory_order_relaxed);
    }

    /// Owner: every queue in which something may wait, the oldest first.
    template <class Use>
    void for_each_queue(Use use) const {
        for (Output* old = draining.get(); old != nullptr; old = old->next.get()) {
            use(old->egress);
        }
        use(output->egress);
    }

    InterfacePorts ports;
    unsigned owner;
    std::unique_ptr<Output> output;
    /// Queues of configurations before, where their cycles or their link were others: sent first,
    /// one after the other.
    std::unique_ptr<Output> draining;
    /// Towards this interface, unless a flow's FlowState has it. Lengthened by the control thread.
    SlotArray<FlowCursor> cursors;
    std::atomic<bool> link_up = true;  // written by the control thread
    // Of what arrives there; for every worker that reads it.
    TokenBucket icmp_bucket;
    TokenBucket oam_bucket;  // copies (RFC 9259)
    /// From the control thread to the owner, which takes it with the next tables; and back for
    /// disposal.
    std::atomic<Output*> replacement = nullptr;
    std::atomic<Output*> retired = nullptr;
};

struct FreeQsbr {
    void operator()(rte_rcu_qsbr* qsbr) const { ::operator delete (qsbr, std::align_val_t{64}); }
};

/// Tables that workers may still read: free when all of them have been quiescent since `token`.
struct RetiredTables {
    std::unique_ptr<Snapshot> tables;
    std::uint64_t token = 0;
};

/// Of flows, by id.
using FlowNumbers = Numbers<std::uint32_t>;

/// Numbers of flows and SIDs that a change took away. They are given to others when no worker can
/// come across them any more.
struct GoneNumbers {
    std::vector<std::uint32_t> flows;
    std::vector<std::uint32_t> sids;
    PassageOfPackets passage;
};

struct SharedState {
    /// Of long arrivals; control thread alone.
    HugePageResource huge_pages;
    std::pmr::unsynchronized_pool_resource policer_memory{
        {.max_blocks_per_chunk = 1u << 18, .largest_required_pool_block = 4096}, &huge_pages};
    RouterOptions options;
    std::shared_ptr<const config::Router> config;  // control thread alone
    std::vector<std::unique_ptr<InterfaceState>> interfaces;
    std::vector<std::unique_ptr<Worker>> workers;
    /// rings[from * workers + to]: one producer, one consumer.
    std::vector<Ring> rings;
    SlotArray<FlowState> flow_states;  ///< each of the worker that its profile names
    /// Next sequence number of a flow's DetNet service; any worker takes from them.
    SlotArray<std::atomic<std::uint32_t>> sequences;
    /// By worker, which writes them, and the number of the SID.
    std::vector<std::unique_ptr<SlotArray<SidCounter>>> sid_counters;
    // Control thread alone.
    FlowNumbers flow_numbers;
    SidNumbers sid_numbers;
    std::vector<GoneNumbers> gone;  ///< the oldest first

    std::unique_ptr<rte_rcu_qsbr, FreeQsbr> qsbr;
    std::unique_ptr<Snapshot> owned;       // control thread alone
    std::vector<RetiredTables> retired;    // control thread alone
    std::vector<Router::Drained> drained;  // control thread alone
    std::atomic<const Snapshot*> current =
        nullptr;  // written by the control thread, read by workers
    std::vector<std::atomic<const Snapshot*>> in_use;  // by worker, which writes it

    unsigned worker_count() const { return options.workers; }
    InterfaceState& state_of(config::InterfaceIndex interface) const {
        return *interfaces[interface];
    }
    rte_ring* ring(unsigned from, unsigned to) const {
        return rings[from * options.workers + to].get();
    }
};

}  // namespace tcqf::dataplane
