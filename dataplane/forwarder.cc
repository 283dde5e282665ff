// What a worker reads, and with which tables.

#include "dataplane/forwarder.h"

#include <array>

namespace tcqf::dataplane {

Forwarder::Forwarder(SharedState& shared, unsigned worker)
    : shared_(shared),
      index_(worker),
      sid_counters_(*shared.sid_counters[worker]),
      sender_(shared, worker) {
    for (std::size_t i = 0; i < shared.interfaces.size(); ++i) {
        const auto interface = static_cast<config::InterfaceIndex>(i);
        const InterfacePorts& ports = shared.state_of(interface).ports;
        const unsigned owner = shared.state_of(interface).owner;
        if (owner == worker) {
            sources_.push_back({.interface = interface, .queue = ports.wire, .has_kernel = true});
        }
        for (std::size_t queue = 0; queue < ports.further_queues.size(); ++queue) {
            if ((owner + 1 + queue) % shared.worker_count() == worker) {
                sources_.push_back({.interface = interface,
                                    .queue = ports.further_queues[queue],
                                    .has_kernel = false});
            }
        }
    }
    refresh();
}

/// Goes over to the newest tables. Between two calls a worker holds references to one snapshot
/// alone.
void Forwarder::refresh() {
    // First the report, then the look: the other way round a swap in between would be reported as
    // seen while the old tables stay in use for another round.
    if (shared_.qsbr) {
        rte_rcu_qsbr_quiescent(shared_.qsbr.get(), index_);
    }
    const Snapshot* current = shared_.current.load(std::memory_order_acquire);
    if (current != tables_) [[unlikely]] {
        tables_ = current;
        sender_.use(*current);
        shared_.in_use[index_].store(current, std::memory_order_release);
    }
}

unsigned Forwarder::receive(std::int64_t now_ns) {
    unsigned packets = 0;
    for (Source& source : sources_) {
        packets += receive_from(source, now_ns);
    }
    return packets;
}

unsigned Forwarder::receive_from(config::InterfaceIndex interface, std::int64_t now_ns) {
    unsigned packets = 0;
    for (Source& source : sources_) {
        packets += source.interface == interface ? receive_from(source, now_ns) : 0;
    }
    return packets;
}

unsigned Forwarder::receive_from(Source& source, std::int64_t now_ns) {
    std::array<rte_mbuf*, kReceiveBurst> mbufs;
    std::array<std::int64_t, kReceiveBurst> arrivals_ns;
    const unsigned count =
        source.queue->receive(now_ns, mbufs.data(), arrivals_ns.data(), kReceiveBurst);
    counters().received.add(count);
    counters().interfaces[source.interface].received.add(count);
    if (count != 0) {
        forward_burst(source, {mbufs.data(), count},
                      source.queue->has_arrival_times() ? arrivals_ns.data() : nullptr, now_ns);
    }
    source.last_poll_ns = now_ns;
    if (source.has_kernel) {
        receive_from_kernel(source.interface, now_ns);
    }
    return count;
}

}  // namespace tcqf::dataplane
