// Decisions carried out by the owner of the outgoing interface: policed, shaped, queued.

#include "dataplane/headers.h"
#include "dataplane/plain.h"
#include "dataplane/prefetch.h"
#include "dataplane/sender.h"
#include "dataplane/tags.h"

namespace tcqf::dataplane {
namespace {

DropReason reason_of(Refusal refusal) {
    switch (refusal) {
        case Refusal::frame_too_large:
            return DropReason::mtu_exceeded;
        case Refusal::cycle_full:
            return DropReason::cycle_full;
        case Refusal::nrp_quota:
            return DropReason::nrp_quota;
        case Refusal::cycle_overrun:
            return DropReason::cycle_overrun;
        case Refusal::queue_full:
            return DropReason::queue_full;
        case Refusal::no_memory:
        case Refusal::none:
            break;
    }
    return DropReason::no_memory;
}

}  // namespace

Decision flow_decision(const Snapshot& tables, std::uint32_t flow, config::InterfaceIndex oif,
                       std::int64_t now_ns) {
    const FlowProfile& profile = tables.profile_of(flow);
    Decision decision;
    decision.stage = profile.is_policed ? Stage::police : Stage::shape;
    decision.oif = oif;
    decision.version = tables.interfaces[oif].version;
    decision.now_ns = now_ns;
    decision.flow = flow;
    decision.worker = profile.worker;
    return decision;
}

/// Sends a decision to the worker that carries out its stage.
void Sender::dispatch(rte_mbuf* mbuf, const Decision& decision) {
    const unsigned to =
        decision.stage == Stage::police ? decision.worker : shared_.state_of(decision.oif).owner;
    if (to == index_) [[likely]] {
        return carry_out(mbuf, decision);
    }
    hand_over(mbuf, decision, to);
}

void Sender::hand_over(rte_mbuf* mbuf, const Decision& decision, unsigned to) {
    *decision_of(mbuf) = decision;
    if (rte_ring_sp_enqueue(shared_.ring(index_, to), mbuf) != 0) {
        return drop(mbuf, DropReason::queue_full);
    }
    counters_.handed_over_out.add(1);
}

unsigned Sender::take_handed_over() {
    unsigned taken = 0;
    for (unsigned from = 0; from < shared_.worker_count(); ++from) {
        if (from == index_) {
            continue;
        }
        rte_mbuf* mbufs[kReceiveBurst];
        const unsigned count = rte_ring_sc_dequeue_burst(
            shared_.ring(from, index_), reinterpret_cast<void**>(mbufs), kReceiveBurst, nullptr);
        counters_.handed_over_in.add(count);
        for (unsigned i = 0; i < count; ++i) {
            const Decision decision = *decision_of(mbufs[i]);
            is_in_step(decision) ? carry_out(mbufs[i], decision) : out_of_step(mbufs[i], decision);
        }
        taken += count;
    }
    return taken;
}

/// Whether another worker decided with the cycles and the kind of tag that the owner of the
/// interface has: after a change one of them goes over to the new tables first.
bool Sender::is_in_step(const Decision& decision) const {
    return decision.version == tables_->interfaces[decision.oif].version ||
           shared_.state_of(decision.oif).owner != index_;
}

/// Its cycle is none of these queues', and the place for its tag may be another.
void Sender::out_of_step(rte_mbuf* mbuf, const Decision& decision) {
    if (decision.stage == Stage::in_cycle) {
        return overrun(decision.oif, mbuf);
    }
    excess(mbuf, decision);
}

void Sender::carry_out(rte_mbuf* mbuf, const Decision& decision) {
    // Policing happens on the flow's worker; only the interface's owner may look at its queues.
    if (decision.stage == Stage::police) {
        return police(mbuf, decision);
    }
    const QueuedPacket<rte_mbuf*> entry{mbuf, decision.octets};
    PacketEgress& egress = shared_.state_of(decision.oif).output->egress;
    Refusal refusal = Refusal::none;
    switch (decision.stage) {
        case Stage::in_cycle:
            refusal = egress.enqueue_in_cycle(decision.cycle, entry, decision.share);
            break;
        case Stage::queue:
            refusal = egress.enqueue(decision.traffic_class, entry, decision.share);
            break;
        case Stage::police:
            break;
        case Stage::shape:
            return shape(mbuf, decision);
    }
    if (refusal != Refusal::none) [[unlikely]] {
        refuse(decision.oif, mbuf, refusal);
    }
}

/// What a queue does not take is dropped for the reason it gives.
void Sender::refuse(config::InterfaceIndex oif, rte_mbuf* mbuf, Refusal refusal) {
    if (refusal == Refusal::cycle_overrun) {
        return overrun(oif, mbuf);
    }
    drop(mbuf, reason_of(refusal));
}

/// RFC 9016, 5.5.
void Sender::police(rte_mbuf* mbuf, const Decision& decision) {
    const FlowProfile* profile = tables_->find_profile(decision.flow);
    // Flow and specification may have gone since the packet was looked at.
    const bool unpoliced = profile == nullptr || !profile->is_policed;
    if (unpoliced ||
        conforms(known(decision.flow, *profile), decision.now_ns, decision.payload_octets)) {
        if (shared_.state_of(decision.oif).owner == index_) [[likely]] {
            return shape(mbuf, decision);
        }
        Decision next = decision;
        next.stage = Stage::shape;
        return dispatch(mbuf, next);
    }
    if (!profile->excess_to_best_effort) {
        return drop(mbuf, DropReason::policed);
    }
    excess(mbuf, decision);
}

/// What exceeds its flow's specification, or has lost its flow or cycle meanwhile, goes on as best
/// effort, cleaned like any other packet.
void Sender::excess(rte_mbuf* mbuf, const Decision& decision) {
    Packet packet;
    packet.mbuf = mbuf;
    packet.l3 = rte_pktmbuf_mtod(mbuf, std::uint8_t*) + kEthernetOctets;
    packet.l3_octets = mbuf->pkt_len - kEthernetOctets;
    switch (load16(packet.l3 - 2)) {
        case ethertype::kIpv4:
            packet.kind = Layer3::ipv4;
            break;
        case ethertype::kMpls:
            packet.kind = Layer3::labelled;
            break;
        case ethertype::kIpv6:
            packet.kind = Layer3::ipv6;
            if (has_extension_headers(ipv6::next(packet.l3))) {
                walk_extension_headers({packet.l3, packet.l3_octets}, tables_->code_points,
                                       packet.extensions);
            }
            break;
        default:
            break;
    }
    if (decision.own_option) {
        // Whoever put it there may have given it another type than these tables know.
        take_out_own_option(packet, static_cast<std::uint32_t>(decision.tag_place - packet.l3));
    }
    const InterfaceTable& out = tables_->interfaces[decision.oif];
    if (!clean(packet, out)) {
        return drop(mbuf, DropReason::untrusted_tag);
    }
    number(mbuf, decision.flow, decision.number_bits);
    Decision next = decision;
    next.stage = Stage::queue;
    next.own_option = false;  // whoever has newer tables comes here again
    next.number_bits = 0;
    next.version = out.version;
    next.octets = mbuf->pkt_len;
    dispatch(mbuf, next);
}

/// Flows of packets whose headers are finished.
void Sender::shape(rte_mbuf* mbuf, const Decision& decision) {
    const FlowProfile* profile = tables_->find_profile(decision.flow);
    if (profile == nullptr) [[unlikely]] {
        return excess(mbuf, decision);  // the flow has just been taken out of the configuration
    }
    const CycleId cycle =
        join_as_flow(mbuf, known(decision.flow, *profile),
                     {.now = &tracker(decision.oif, decision.now_ns),
                      .packet_bits = decision.packet_bits,
                      .octets = decision.octets,
                      .share = decision.share,
                      .oif = decision.oif,
                      .is_taggable = decision.tag_place != nullptr || decision.may_go_untagged});
    if (cycle == 0) {
        return;
    }
    number(mbuf, decision.flow, decision.number_bits);
    if (decision.tag_place != nullptr) {
        const TagTable& tags = tables_->interfaces[decision.oif].tags;
        write_tag(tags.tagging(), decision.tag_place, tags.tag_of(cycle));
    }
}

/// The next number of a flow's DetNet service, for a packet that is accepted: what the flow's
/// limits refuse must not look like a loss on the way.
void Sender::number(rte_mbuf* mbuf, std::uint32_t flow, std::uint8_t number_bits) {
    if (number_bits == 0) [[likely]] {
        return;
    }
    const std::uint32_t number = shared_.sequences[flow].fetch_add(1, std::memory_order_relaxed);
    std::uint8_t* stack = rte_pktmbuf_mtod(mbuf, std::uint8_t*) + kEthernetOctets;
    store32(stack + mpls::stack_octets(stack), number & ((1u << number_bits) - 1));
}

/// Leads the cursor at hand to another interface of this worker.
void Sender::lead_to(config::InterfaceIndex oif, const KnownFlow& flow) {
    FlowState& state = flow.state;
    if (state.oif != FlowState::kNowhere) {
        shared_.state_of(state.oif).cursors[flow.number] = state.cursor;
    }
    state.cursor = shared_.state_of(oif).cursors[flow.number];
    state.oif = oif;
}

/// What the state of this worker's flows leads to.
void Sender::prefetch_long_arrivals(const PlainBurst& burst) {
    for (const Plain* plain : burst.packets_of_flows()) {
        const FlowProfile& profile = tables_->profile_of(plain->flow);
        const std::int64_t* arrivals_ns = tables_->long_arrivals[plain->flow];
        if (arrivals_ns != nullptr && profile.worker == index_) {
            prefetch_entry(
                &arrivals_ns[profile.policer.next(shared_.flow_states[plain->flow].position)]);
        }
    }
}

/// Of several workers: the state of flows that is this one's.
void Sender::prefetch_own_flows(const PlainBurst& burst) {
    for (const Plain* plain : burst.packets_of_flows()) {
        const std::uint32_t flow = plain->flow;
        if (tables_->profile_of(flow).worker == index_) {
            prefetch_entry(&shared_.flow_states[flow]);
        } else if (plain->adjacency != nullptr && owns(plain->adjacency->oif) &&
                   tables_->interfaces[plain->adjacency->oif].domain != kNoDomain) {
            prefetch_entry(&shared_.state_of(plain->adjacency->oif).cursors[flow]);
        }
    }
}

}  // namespace tcqf::dataplane
