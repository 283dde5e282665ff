// What waits is sent in its time, and queues whose cycles or link have changed are drained.

#include "dataplane/sender.h"

#include <algorithm>

#include "dataplane/prefetch.h"

namespace tcqf::dataplane {

Sender::Sender(SharedState& shared, unsigned worker)
    : shared_(shared), index_(worker), counters_(shared.interfaces.size()) {
    for (std::size_t i = 0; i < shared.interfaces.size(); ++i) {
        const auto interface = static_cast<config::InterfaceIndex>(i);
        if (owns(interface)) {
            owned_.push_back(interface);
        }
    }
}

Sender::~Sender() {
    flush();
}

void Sender::drop(rte_mbuf* mbuf, DropReason reason) {
    counters_.dropped[static_cast<std::size_t>(reason)].add(1);
    rte_pktmbuf_free(mbuf);
}

void Sender::overrun(config::InterfaceIndex interface, rte_mbuf* mbuf) {
    counters_.interfaces[interface].cycle_overruns.add(1);
    drop(mbuf, DropReason::cycle_overrun);
}

/// From now on decisions are made and carried out with these tables.
void Sender::use(const Snapshot& tables) {
    tables_ = &tables;
    take_replacements();
    trackers_.clear();
    for (const InterfaceTable& interface : tables.interfaces) {
        trackers_.emplace_back(interface.timing);
    }
}

/// Queues whose cycles or link have changed: the old ones are sent first, then the new ones are
/// used.
void Sender::take_replacements() {
    for (const config::InterfaceIndex interface : owned_) {
        InterfaceState& out = shared_.state_of(interface);
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
void Sender::retire(config::InterfaceIndex interface) {
    InterfaceState& out = shared_.state_of(interface);
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

void Sender::advance(std::int64_t now_ns) {
    for (const config::InterfaceIndex interface : owned_) {
        advance(interface, now_ns);
    }
}

void Sender::advance(config::InterfaceIndex interface, std::int64_t now_ns) {
    shared_.state_of(interface).for_each_queue([&](PacketEgress& egress) {
        egress.advance(now_ns, [this, interface](rte_mbuf* mbuf) { overrun(interface, mbuf); });
    });
}

std::int64_t Sender::transmit(std::int64_t now_ns) {
    std::int64_t next_ns = kNever;
    for (const config::InterfaceIndex interface : owned_) {
        InterfaceState& out = shared_.state_of(interface);
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
std::int64_t Sender::drain(config::InterfaceIndex interface, std::int64_t now_ns) {
    InterfaceState& out = shared_.state_of(interface);
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

std::int64_t Sender::transmit_from(config::InterfaceIndex interface, PacketEgress& egress,
                                   std::int64_t now_ns) {
    Port& wire = *shared_.state_of(interface).ports.wire;
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

void Sender::flush() {
    for (const config::InterfaceIndex interface : owned_) {
        shared_.state_of(interface).for_each_queue([this](PacketEgress& egress) {
            egress.flush([this](rte_mbuf* mbuf) { drop(mbuf, DropReason::queue_full); });
        });
    }
}

std::uint64_t Sender::queued() const {
    std::uint64_t sum = 0;
    for (const config::InterfaceIndex interface : owned_) {
        shared_.interfaces[interface]->for_each_queue(
            [&sum](const PacketEgress& egress) { sum += egress.queued(); });
    }
    return sum;
}

}  // namespace tcqf::dataplane
