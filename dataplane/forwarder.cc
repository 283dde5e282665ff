#include "dataplane/forwarder.h"

#include <array>

namespace tcqf::dataplane {

Forwarder::Forwarder(SharedState& shared, unsigned worker)
    : shared_(shared), index_(worker), counters_(shared.interfaces.size()) {
    for (std::size_t i = 0; i < shared.interfaces.size(); ++i) {
        const auto interface = static_cast<config::InterfaceIndex>(i);
        if (state(interface).owner == worker) {
            owned_.push_back(interface);
        }
    }
    icmp_buckets_.resize(shared.interfaces.size());
    refresh();
}

Forwarder::~Forwarder() {
    flush();
}

void Forwarder::drop(rte_mbuf* mbuf, DropReason reason) {
    counters_.dropped[static_cast<std::size_t>(reason)].add(1);
    rte_pktmbuf_free(mbuf);
}

void Forwarder::overrun(config::InterfaceIndex interface, rte_mbuf* mbuf) {
    counters_.interfaces[interface].cycle_overruns.add(1);
    drop(mbuf, DropReason::cycle_overrun);
}

/// Goes over to the newest tables. Between two calls a worker holds references to one snapshot
/// alone.
void Forwarder::refresh() {
    const Snapshot* current = shared_.current.load(std::memory_order_acquire);
    if (current != tables_) [[unlikely]] {
        tables_ = current;
        trackers_.clear();
        for (const InterfaceTable& interface : current->interfaces) {
            trackers_.emplace_back(interface.timing);
        }
    }
    if (shared_.qsbr) {
        rte_rcu_qsbr_quiescent(shared_.qsbr.get(), index_);
    }
}

void Forwarder::advance(std::int64_t now_ns) {
    for (const config::InterfaceIndex interface : owned_) {
        state(interface).egress.advance(
            now_ns, [this, interface](rte_mbuf* mbuf) { overrun(interface, mbuf); });
    }
}

unsigned Forwarder::receive_from(config::InterfaceIndex interface, std::int64_t now_ns) {
    InterfaceState& in = state(interface);
    std::array<rte_mbuf*, kReceiveBurst> mbufs;
    std::array<std::int64_t, kReceiveBurst> arrivals_ns;
    const bool has_times = in.ports.wire->has_arrival_times();
    const unsigned count =
        in.ports.wire->receive(now_ns, mbufs.data(), arrivals_ns.data(), kReceiveBurst);
    counters_.received.add(count);
    counters_.interfaces[interface].received.add(count);
    for (unsigned i = 0; i < count; ++i) {
        Packet packet;
        packet.mbuf = mbufs[i];
        packet.now_ns = has_times ? arrivals_ns[i] : now_ns;
        packet.iif = interface;
        packet.age_unknown = !has_times;
        input(packet);
    }
    in.last_poll_ns = now_ns;
    receive_from_kernel(interface, now_ns);
    return count;
}

std::int64_t Forwarder::transmit(std::int64_t now_ns) {
    std::int64_t next_ns = kNever;
    for (const config::InterfaceIndex interface : owned_) {
        InterfaceState& out = state(interface);
        const auto drop_overrun = [this, interface](rte_mbuf* mbuf) { overrun(interface, mbuf); };
        if (out.egress.queued() == 0) {
            continue;
        }
        const auto send = [this, interface, &out](const PacketEgress::Burst& burst) {
            const unsigned taken = out.ports.wire->transmit({.packets = burst.packets.data(),
                                                             .starts = burst.starts.data(),
                                                             .base_ns = burst.base_ns,
                                                             .rate = out.egress.rate(),
                                                             .count = burst.count});
            counters_.sent.add(taken);
            counters_.interfaces[interface].sent.add(taken);
            return taken;
        };
        next_ns = std::min(
            next_ns,
            out.egress.transmit(now_ns, shared_.options.transmit_lookahead_ns, send, drop_overrun));
    }
    return next_ns;
}

void Forwarder::flush() {
    for (const config::InterfaceIndex interface : owned_) {
        state(interface).egress.flush(
            [this](rte_mbuf* mbuf) { drop(mbuf, DropReason::cycle_overrun); });
    }
}

std::uint64_t Forwarder::queued() const {
    std::uint64_t sum = 0;
    for (const config::InterfaceIndex interface : owned_) {
        sum += shared_.interfaces[interface]->egress.queued();
    }
    return sum;
}

}  // namespace tcqf::dataplane
