#include "dataplane/forwarder.h"

#include <array>

#include "dataplane/headers.h"
#include "dataplane/prefetch.h"

namespace tcqf::dataplane {

Forwarder::Forwarder(SharedState& shared, unsigned worker)
    : shared_(shared),
      index_(worker),
      counters_(shared.interfaces.size()),
      sid_counters_(*shared.sid_counters[worker]),
      policer_positions_(*shared.policer_positions[worker]) {
    for (std::size_t i = 0; i < shared.interfaces.size(); ++i) {
        const auto interface = static_cast<config::InterfaceIndex>(i);
        const InterfacePorts& ports = state(interface).ports;
        const unsigned owner = state(interface).owner;
        if (owner == worker) {
            owned_.push_back(interface);
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
    // First the report, then the look: the other way round a swap in between would be reported as
    // seen while the old tables stay in use for another round.
    if (shared_.qsbr) {
        rte_rcu_qsbr_quiescent(shared_.qsbr.get(), index_);
    }
    const Snapshot* current = shared_.current.load(std::memory_order_acquire);
    if (current != tables_) [[unlikely]] {
        tables_ = current;
        take_replacements();
        trackers_.clear();
        for (const InterfaceTable& interface : current->interfaces) {
            trackers_.emplace_back(interface.timing);
        }
        shared_.in_use[index_].store(current, std::memory_order_release);
    }
}

/// Queues whose cycles or link have changed: the old ones are sent first, then the new ones are
/// used.
void Forwarder::take_replacements() {
    for (const config::InterfaceIndex interface : owned_) {
        InterfaceState& out = state(interface);
        Output* replacement = out.replacement.exchange(nullptr, std::memory_order_acquire);
        if (replacement == nullptr) {
            continue;
        }
        out.output->overruns_before = counters_.interfaces[interface].cycle_overruns.get();
        std::unique_ptr<Output>* last = &out.draining;
        while (*last) {
            last = &(*last)->next;
        }
        *last = std::move(out.output);
        out.output.reset(replacement);
    }
}

/// Gives drained queues back to the control thread: nothing is freed on a worker's path.
void Forwarder::retire(config::InterfaceIndex interface) {
    InterfaceState& out = state(interface);
    std::unique_ptr<Output> old = std::move(out.draining);
    out.draining = std::move(old->next);
    const std::uint64_t overruns = counters_.interfaces[interface].cycle_overruns.get();
    old->missed = overruns - old->overruns_before;
    if (out.draining) {
        out.draining->overruns_before = overruns;
    }
    // The control thread only ever takes all of them.
    Output* earlier = out.retired.exchange(nullptr, std::memory_order_acquire);
    old->next.reset(earlier);
    out.retired.store(old.release(), std::memory_order_release);
}

void Forwarder::advance(std::int64_t now_ns) {
    for (const config::InterfaceIndex interface : owned_) {
        advance(interface, now_ns);
    }
}

void Forwarder::advance(config::InterfaceIndex interface, std::int64_t now_ns) {
    state(interface).for_each_queue([&](PacketEgress& egress) {
        egress.advance(now_ns, [this, interface](rte_mbuf* mbuf) { overrun(interface, mbuf); });
    });
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
    counters_.received.add(count);
    counters_.interfaces[source.interface].received.add(count);
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

std::int64_t Forwarder::transmit(std::int64_t now_ns) {
    std::int64_t next_ns = kNever;
    for (const config::InterfaceIndex interface : owned_) {
        InterfaceState& out = state(interface);
        if (out.draining) [[unlikely]] {
            next_ns = std::min(next_ns, drain(interface, now_ns));
            if (out.draining) {
                continue;
            }
        }
        if (out.output->egress.queued() != 0) {
            next_ns = std::min(next_ns, transmit_from(interface, out.output->egress, now_ns));
        }
    }
    return next_ns;
}

/// What was queued before changes; retired where nothing is left of it.
std::int64_t Forwarder::drain(config::InterfaceIndex interface, std::int64_t now_ns) {
    InterfaceState& out = state(interface);
    while (out.draining) {
        Output& old = *out.draining;
        if (old.draining_since_ns == kNever) {
            old.draining_since_ns = now_ns;
        }
        const std::int64_t next_ns = transmit_from(interface, old.egress, now_ns);
        old.drained_ns = now_ns - old.draining_since_ns;
        if (old.egress.queued() != 0) {
            return next_ns;
        }
        advance(interface, now_ns);  // what missed its cycle behind it is counted with it
        retire(interface);
    }
    return kNever;
}

std::int64_t Forwarder::transmit_from(config::InterfaceIndex interface, PacketEgress& egress,
                                      std::int64_t now_ns) {
    Port& wire = *state(interface).ports.wire;
    const auto send = [this, interface, &egress, &wire](const PacketEgress::Burst& burst) {
        // The port will free or map them; after hundreds of cycles they are in no cache.
        for (unsigned i = 0; i < burst.count; ++i) {
            prefetch_entry(burst.packets[i]);
            prefetch_entry(&burst.packets[i]->next);
        }
        const unsigned taken = wire.transmit({.packets = burst.packets.data(),
                                              .starts = burst.starts.data(),
                                              .base_ns = burst.base_ns,
                                              .rate = egress.rate(),
                                              .count = burst.count});
        counters_.sent.add(taken);
        counters_.interfaces[interface].sent.add(taken);
        return taken;
    };
    return egress.transmit(now_ns, shared_.options.transmit_lookahead_ns, send,
                           [this, interface](rte_mbuf* mbuf) { overrun(interface, mbuf); });
}

void Forwarder::flush() {
    for (const config::InterfaceIndex interface : owned_) {
        state(interface).for_each_queue([this](PacketEgress& egress) {
            egress.flush([this](rte_mbuf* mbuf) { drop(mbuf, DropReason::queue_full); });
        });
    }
}

std::uint64_t Forwarder::queued() const {
    std::uint64_t sum = 0;
    for (const config::InterfaceIndex interface : owned_) {
        shared_.interfaces[interface]->for_each_queue(
            [&sum](const PacketEgress& egress) { sum += egress.queued(); });
    }
    return sum;
}

}  // namespace tcqf::dataplane
