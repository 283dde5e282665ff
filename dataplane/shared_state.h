// What the workers of a router share, and who may touch it.
#pragma once

#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include <atomic>
#include <map>
#include <memory>
#include <vector>

#include "dataplane/packet.h"
#include "dataplane/router.h"
#include "dataplane/slot_array.h"
#include "dataplane/tables.h"
#include "dataplane/worker.h"
#include "tcqf/egress.h"
#include "tcqf/policer.h"

namespace tcqf::dataplane {

using PacketEgress = Egress<rte_mbuf*>;
using PacketChunks = ChunkPool<rte_mbuf*>;

/// One interface. Everything but `link_up` is touched by its owner alone, once the workers run.
struct InterfaceState {
    InterfaceState(const InterfacePorts& ports, unsigned owner, const EgressConfig& config,
                   PacketChunks& chunks)
        : ports(ports), owner(owner), egress(config, chunks) {}

    InterfacePorts ports;
    unsigned owner;
    PacketEgress egress;
    SlotArray<FlowCursor> cursors;  // lengthened by the control thread
    std::int64_t last_poll_ns = kNever;
    std::atomic<bool> link_up = true;  // written by the control thread
};

struct FreeRing {
    void operator()(rte_ring* ring) const { rte_ring_free(ring); }
};
using Ring = std::unique_ptr<rte_ring, FreeRing>;

struct FreeQsbr {
    void operator()(rte_rcu_qsbr* qsbr) const { ::operator delete (qsbr, std::align_val_t{64}); }
};

struct SharedState {
    RouterOptions options;
    std::shared_ptr<const config::Router> config;  // control thread alone
    std::vector<std::unique_ptr<InterfaceState>> interfaces;
    std::vector<std::unique_ptr<PacketChunks>> chunks;  // one a worker
    std::vector<std::unique_ptr<Worker>> workers;
    /// rings[from * workers + to]: one producer, one consumer.
    std::vector<Ring> rings;

    /// Policing of a flow's packets happens on one worker: slot mod workers.
    SlotArray<std::unique_ptr<Policer>> policers;         // lengthened by the control thread
    std::map<std::uint32_t, std::uint32_t> slot_of_flow;  // control thread alone
    std::map<std::uint32_t, TrafficSpecification> specifications;  // control thread alone

    std::unique_ptr<rte_rcu_qsbr, FreeQsbr> qsbr;
    std::unique_ptr<Snapshot> owned;  // control thread alone
    std::atomic<const Snapshot*> current =
        nullptr;  // written by the control thread, read by workers

    unsigned worker_count() const { return options.workers; }
    rte_ring* ring(unsigned from, unsigned to) const {
        return rings[from * options.workers + to].get();
    }
};

}  // namespace tcqf::dataplane
