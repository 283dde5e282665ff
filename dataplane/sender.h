// A worker's second half: decisions about packets are carried out, and what waits is sent.
//
// An interface's queues, the cursors of flows towards it and a flow's policer belong to one worker
// each: a decision that needs another one's goes there in a ring.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/account.h"
#include "dataplane/packet.h"
#include "dataplane/shared_state.h"

namespace tcqf::dataplane {

struct PlainBurst;

/// A packet's flow: what is configured and what is remembered of it. The state may be another
/// worker's.
struct KnownFlow {
    std::uint32_t number;
    const FlowProfile& profile;
    FlowState& state;
};

/// A flow's packet that has conformed, at the owner of the interface that it leaves by.
struct FlowEntry {
    const CycleTracker* now = nullptr;  ///< of oif, at the packet's arrival
    std::uint32_t packet_bits = 0;
    std::uint32_t octets = 0;  ///< of the frame
    std::uint32_t share = 0;
    config::InterfaceIndex oif = 0;
    bool is_taggable = false;
};

/// What whoever polices and shapes a flow's packet needs to know of the flow.
Decision flow_decision(const Snapshot& tables, std::uint32_t flow, config::InterfaceIndex oif,
                       std::int64_t now_ns);

class Sender {
  public:
    Sender(SharedState& shared, unsigned worker);
    /// Gives up every packet that waits.
    ~Sender();
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;

    // sender.cc: what waits; as those of Worker, but for use()
    void use(const Snapshot& tables);
    void advance(std::int64_t now_ns);
    std::int64_t transmit(std::int64_t now_ns);
    void flush();
    std::uint64_t queued() const;
    void drop(rte_mbuf* mbuf, DropReason reason);

    // commit.cc: decisions, of this worker or handed over by others
    unsigned take_handed_over();
    void dispatch(rte_mbuf* mbuf, const Decision& decision);
    void hand_over(rte_mbuf* mbuf, const Decision& decision, unsigned to);
    void refuse(config::InterfaceIndex oif, rte_mbuf* mbuf, Refusal refusal);
    KnownFlow known(std::uint32_t flow, const FlowProfile& profile) {
        return {flow, profile, shared_.flow_states[flow]};
    }
    CycleId join_as_flow(rte_mbuf* mbuf, const KnownFlow& flow, const FlowEntry& entry);
    void number(rte_mbuf* mbuf, std::uint32_t flow, std::uint8_t number_bits);
    void prefetch_long_arrivals(const PlainBurst& burst);
    void prefetch_own_flows(const PlainBurst& burst);
    /// Whether a flow's packet needs nobody else to be policed, and conforms. One that does not may
    /// be asked again.
    bool conforms_here(const KnownFlow& flow, std::int64_t now_ns, std::uint32_t payload_octets) {
        return !flow.profile.is_policed ||
               (flow.profile.worker == index_ && conforms(flow, now_ns, payload_octets));
    }

    /// Whether this worker sends on an interface.
    bool owns(config::InterfaceIndex interface) const {
        return shared_.state_of(interface).owner == index_;
    }
    const std::vector<config::InterfaceIndex>& interfaces() const { return owned_; }
    /// The cycle of an interface, this worker's or not, at a packet's arrival.
    CycleTracker& tracker(config::InterfaceIndex interface, std::int64_t now_ns) {
        trackers_[interface].advance(now_ns);
        return trackers_[interface];
    }
    /// Of the worker: the first half counts there as well.
    WorkerCounters& counters() { return counters_; }
    const WorkerCounters& counters() const { return counters_; }

  private:
    // sender.cc
    void take_replacements();
    void advance(config::InterfaceIndex interface, std::int64_t now_ns);
    void retire(config::InterfaceIndex interface);
    std::int64_t drain(config::InterfaceIndex interface, std::int64_t now_ns);
    std::int64_t transmit_from(config::InterfaceIndex interface, PacketEgress& egress,
                               std::int64_t now_ns);
    void overrun(config::InterfaceIndex interface, rte_mbuf* mbuf);

    // commit.cc
    bool is_in_step(const Decision& decision) const;
    void out_of_step(rte_mbuf* mbuf, const Decision& decision);
    void carry_out(rte_mbuf* mbuf, const Decision& decision);
    void police(rte_mbuf* mbuf, const Decision& decision);
    void shape(rte_mbuf* mbuf, const Decision& decision);
    void excess(rte_mbuf* mbuf, const Decision& decision);
    bool conforms(const KnownFlow& flow, std::int64_t now_ns, std::uint32_t payload_octets) {
        const Policer& policer = flow.profile.policer;
        std::int64_t* arrivals_ns = policer.arrivals() <= FlowState::kArrivals
                                        ? flow.state.arrivals_ns.data()
                                        : tables_->long_arrivals[flow.number];
        return policer.conforms(arrivals_ns, flow.state.position, now_ns, payload_octets);
    }
    FlowCursor& cursor_of(const KnownFlow& flow, config::InterfaceIndex oif);
    void lead_to(config::InterfaceIndex oif, const KnownFlow& flow);

    SharedState& shared_;
    const unsigned index_;
    const Snapshot* tables_ = nullptr;
    std::vector<config::InterfaceIndex> owned_;
    std::vector<CycleTracker> trackers_;  // of every interface, for arrivals
    WorkerCounters counters_;
};

/// Of an interface of this worker: at hand where the worker polices the flow as well.
[[gnu::always_inline]] inline FlowCursor& Sender::cursor_of(const KnownFlow& flow,
                                                            config::InterfaceIndex oif) {
    if (flow.profile.worker != index_) [[unlikely]] {
        return shared_.state_of(oif).cursors[flow.number];
    }
    if (flow.state.oif != oif) [[unlikely]] {
        lead_to(oif, flow);
    }
    return flow.state.cursor;
}

/// draft-eckert-detnet-tcqf-10, 5.1, in the order csize, backlog, place for the tag, cycle.
/// Identifier of the cycle that the packet joins, or 0: it is dropped.
[[gnu::always_inline]] inline CycleId Sender::join_as_flow(rte_mbuf* mbuf, const KnownFlow& flow,
                                                           const FlowEntry& entry) {
    InterfaceState& out = shared_.state_of(entry.oif);
    FlowCursor& cursor = cursor_of(flow, entry.oif);
    const CycleTracker& now = *entry.now;
    const IngressPlan plan =
        plan_ingress(flow.profile.shape, cursor, now.cycle(), entry.packet_bits);
    if (plan.verdict != IngressVerdict::admitted) [[unlikely]] {
        drop(mbuf, plan.verdict == IngressVerdict::backlog ? DropReason::flow_backlog
                                                           : DropReason::flow_packet_too_big);
        return 0;
    }
    if (!entry.is_taggable) [[unlikely]] {
        drop(mbuf, DropReason::untaggable);
        return 0;
    }
    const Refusal refusal =
        out.output->egress.enqueue_in_cycle(plan.next.cycle, {mbuf, entry.octets}, entry.share);
    if (refusal != Refusal::none) [[unlikely]] {
        // A cycle that ended before the packet was looked at (a stall) was the flow's all the same:
        // those behind it go on to the next.
        if (refusal == Refusal::cycle_overrun) {
            cursor = plan.next;
        }
        refuse(entry.oif, mbuf, refusal);
        return 0;
    }
    cursor = plan.next;
    return now.id_ahead(static_cast<std::uint32_t>(plan.next.cycle - now.cycle()));
}

}  // namespace tcqf::dataplane
