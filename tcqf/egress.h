// Emission on one interface: the calendar of cycles, the queues behind it, and the wire that they
// share.
//
// TCQF packets of cycle n leave within it, back to back from its start, in order of arrival, ahead
// of everything else. The other classes follow in strict order; a head of theirs starts as soon as
// the wire is free and, on an interface of a domain, only where it ends no later than the next
// cycle starts. A stall of any length leaves the position a function of `now`: what is overdue is
// dropped, never sent in a wrong cycle.
//
// Time is an argument, nothing is allocated after set-up, and one thread owns an object.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "tcqf/calendar.h"
#include "tcqf/cycle_clock.h"
#include "tcqf/fair_queues.h"
#include "tcqf/packet_queue.h"
#include "tcqf/wire.h"

namespace tcqf {

/// No event: nothing waits.
inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

/// Classes behind TCQF in strict order.
enum class TrafficClass : std::uint8_t { left_domain, control, best_effort };

struct EgressConfig {
    LinkRate rate;
    std::optional<CycleTiming> timing;  ///< absent outside every domain
    std::int64_t dead_time_ns = 0;      ///< at the end of a cycle, not for TCQF packets
    /// From handing over to the wire: frames end that much before a boundary, those of the cycle as
    /// far as its dead time has room, for what was accepted fills it up to there. Less than a
    /// cycle.
    std::int64_t tx_guard_ns = 0;
    std::uint32_t slots = 8;  ///< power of two above every window's max and every backlog
    std::uint32_t queue_limit_packets = 1024;  ///< of each queue behind the calendar
    std::uint32_t mtu_frame_octets = 1514;
    std::vector<Share> shares;  ///< of partitions; their indices here start with 1

    bool operator==(const EgressConfig&) const = default;
};

template <class Packet>
class Egress {
  public:
    static constexpr unsigned kBurst = 32;
    /// Frames handed over in one call: the packets, and the start of each one's occupancy relative
    /// to base_ns.
    struct Burst {
        std::int64_t base_ns = 0;
        unsigned count = 0;
        std::array<Packet, kBurst> packets;
        std::array<WireUnits, kBurst> starts;
    };

    Egress(const EgressConfig& config, ChunkPool<Packet>& pool)
        : rate_(config.rate),
          in_domain_(config.timing.has_value()),
          queue_limit_packets_(config.queue_limit_packets),
          pool_(&pool),
          calendar_(in_domain_ ? config.slots : 1,
                    in_domain_ ? cycle_capacity(config.rate, config.timing->cycle_time_ns,
                                                config.dead_time_ns)
                               : kUnlimited,
                    config.shares),
          best_effort_(config.shares, occupancy_units(config.mtu_frame_octets)) {
        if (in_domain_) {
            tracker_ = CycleTracker(*config.timing);
            base_ns_ = tracker_.start_ns();
            const std::int64_t cycle_ns = config.timing->cycle_time_ns;
            boundary_ = rate_.from_ns(cycle_ns - config.tx_guard_ns);
            cycle_boundary_ =
                rate_.from_ns(cycle_ns - std::min(config.tx_guard_ns, config.dead_time_ns));
        }
    }

    bool in_domain() const { return in_domain_; }
    const CycleTracker& tracker() const { return tracker_; }
    LinkRate rate() const { return rate_; }
    WireUnits capacity() const { return calendar_.capacity(); }
    std::uint32_t slots() const { return calendar_.slots(); }
    std::uint64_t queued() const { return calendar_.queued() + waiting_; }
    /// How often time was set back over a boundary.
    std::uint64_t rebases() const { return rebases_; }

    /// Goes to the cycle that contains `now_ns`. What could not be sent in its cycle is given to
    /// `drop(Packet)`. Where time was set back over a boundary the calendar starts anew.
    template <class Drop>
    void advance(std::int64_t now_ns, Drop&& drop) {
        if (!in_domain_ || tracker_.contains(now_ns)) [[likely]] {
            return;
        }
        const CycleNumber before = tracker_.cycle();
        tracker_.advance(now_ns);
        if (tracker_.cycle() > before) {
            calendar_.drop_overdue(*pool_, before, tracker_.cycle(), drop);
        } else {
            calendar_.clear(*pool_, drop);
            rebases_ += started_;
        }
        started_ = true;
        // No frame crosses a boundary, so the wire is free there.
        base_ns_ = tracker_.start_ns();
        free_ = 0;
    }

    /// Appends a packet to a cycle, after advance(); `share` is 0 or a partition's index.
    [[gnu::always_inline]] Refusal enqueue_in_cycle(CycleNumber cycle,
                                                    const QueuedPacket<Packet>& entry,
                                                    std::uint32_t share = 0) {
        return calendar_.enqueue(*pool_, tracker_.cycle(), cycle, entry, share);
    }

    /// Appends a packet to the queue of a class; `share` matters to best effort alone.
    Refusal enqueue(TrafficClass traffic_class, const QueuedPacket<Packet>& entry,
                    std::uint32_t share = 0) {
        if (occupancy_units(entry.octets) > boundary_) [[unlikely]] {
            return Refusal::frame_too_large;
        }
        Fifo<Packet>& fifo = fifo_of(traffic_class, share);
        if (fifo.length >= queue_limit_packets_) [[unlikely]] {
            return Refusal::queue_full;
        }
        if (!fifo.queue.push(*pool_, entry)) [[unlikely]] {
            return Refusal::no_memory;
        }
        if (fifo.length++ == 0 && traffic_class == TrafficClass::best_effort) {
            best_effort_.activate(fifo);
        }
        ++waiting_;
        return Refusal::none;
    }

    /// Hands over frames whose occupancy starts before now + max(lookahead, 1 ns): `send(const
    /// Burst&)` returns how many of the burst it took, from the first on; `drop(Packet)` gets TCQF
    /// packets that no longer fit into their cycle. Neither may call back into this object. Returns
    /// the next instant at which there is something to do.
    template <class Send, class Drop>
    std::int64_t transmit(std::int64_t now_ns, std::int64_t lookahead_ns, Send&& send,
                          Drop&& drop) {
        advance(now_ns, drop);
        if (queued() == 0) {
            return kNever;
        }
        if (!in_domain_) {
            settle_base(now_ns);
        }
        // A frame may start at a fraction of a nanosecond: it belongs to the instant before it.
        lookahead_ns = std::max<std::int64_t>(lookahead_ns, 1);
        const WireUnits now_units = rate_.from_ns(now_ns - base_ns_);
        const Horizon horizon{.now = now_units, .end = now_units + rate_.from_ns(lookahead_ns)};
        Progress progress = send_cycle(horizon, send, drop);
        if (progress == Progress::emptied) {
            progress = send_queues(horizon, send);
        }
        return next_event(now_ns, lookahead_ns, progress);
    }

    /// Gives every queued packet to `drop(Packet)`.
    template <class Drop>
    void flush(Drop&& drop) {
        calendar_.clear(*pool_, drop);
        for (Fifo<Packet>* fifo : {&left_domain_, &control_}) {
            waiting_ -= fifo->queue.drain(*pool_, drop);
            fifo->length = 0;
        }
        for (Fifo<Packet>& fifo : best_effort_.fifos()) {
            waiting_ -= fifo.queue.drain(*pool_, drop);
            fifo.length = 0;
        }
        best_effort_.clear();
    }

  private:
    static constexpr WireUnits kUnlimited = FairQueues<Packet>::kUnlimited;
    static constexpr std::int64_t kMaxBaseAgeNs = 1'000'000'000;

    /// What a transmit call may use: frames start in [now, end).
    struct Horizon {
        WireUnits now;
        WireUnits end;
    };
    /// Why sending from a queue came to its end.
    enum class Progress : std::uint8_t { emptied, wire_busy, must_wait_for_cycle, port_full };
    struct Run {
        Progress progress = Progress::emptied;
        std::uint32_t taken = 0;
        WireUnits units = 0;
    };

    Fifo<Packet>& fifo_of(TrafficClass traffic_class, std::uint32_t share) {
        switch (traffic_class) {
            case TrafficClass::left_domain:
                return left_domain_;
            case TrafficClass::control:
                return control_;
            case TrafficClass::best_effort:
                break;
        }
        return best_effort_.of_share(share);
    }

    /// Outside a domain nothing bounds the base's age: keeps it within a second of now.
    void settle_base(std::int64_t now_ns) {
        const std::int64_t age_ns = now_ns - base_ns_;
        if (age_ns >= 0 && age_ns <= kMaxBaseAgeNs) [[likely]] {
            return;
        }
        const bool still_busy = age_ns >= 0 && age_ns <= rate_.to_ns(free_);
        free_ = still_busy ? free_ - rate_.from_ns(age_ns) : 0;
        base_ns_ = now_ns;
    }

    /// Sends frames that lie side by side at the front of a queue, one burst of them, while they
    /// start within the horizon, end by `boundary` and in all occupy no more than `allowance`. The
    /// caller removes what was taken.
    template <class Send>
    Run send_burst(const PacketQueue<Packet>& queue, const Horizon& horizon, WireUnits boundary,
                   WireUnits allowance, Send& send) {
        static_assert(kBurst >= PacketChunk<Packet>::kEntries);
        const std::span<const QueuedPacket<Packet>> waiting = queue.front_run();
        Burst burst;
        burst.base_ns = base_ns_;
        const WireUnits begin = std::max(free_, horizon.now);
        const WireUnits paid = allowance < kUnlimited - begin ? begin + allowance : kUnlimited;
        const WireUnits limit = std::min(paid, boundary);
        WireUnits start = begin;
        Run run;
        for (const QueuedPacket<Packet>& entry : waiting) {
            const WireUnits end = start + occupancy_units(entry.octets);
            if (start >= horizon.end || end > limit) {
                run.progress = start >= horizon.end ? Progress::wire_busy
                               : end > paid         ? Progress::emptied
                                                    : Progress::must_wait_for_cycle;
                break;
            }
            burst.packets[burst.count] = entry.packet;
            burst.starts[burst.count++] = start;
            start = end;
        }
        if (burst.count == 0) {
            return run;
        }
        run.taken = send(static_cast<const Burst&>(burst));
        if (run.taken < burst.count) {
            run.progress = Progress::port_full;
            start = burst.starts[run.taken];
        }
        if (run.taken != 0) {
            run.units = start - begin;
            free_ = start;
        }
        return run;
    }

    template <class Send, class Drop>
    Progress send_cycle(const Horizon& horizon, Send& send, Drop& drop) {
        const CycleNumber cycle = tracker_.cycle();
        const PacketQueue<Packet>& slot = calendar_.slot(cycle);
        while (!slot.empty()) {
            const Run run = send_burst(slot, horizon, cycle_boundary_, kUnlimited, send);
            if (run.taken != 0) {
                calendar_.pop(*pool_, cycle, run.taken);
            }
            if (run.progress == Progress::must_wait_for_cycle) {
                // Its cycle ends before it could: only after a stall.
                const Packet late = slot.front().packet;
                calendar_.pop(*pool_, cycle, 1);
                drop(late);
            } else if (run.progress != Progress::emptied) {
                return run.progress;
            }
        }
        return Progress::emptied;
    }

    template <class Send>
    Progress send_queues(const Horizon& horizon, Send& send) {
        for (Fifo<Packet>* fifo : {&left_domain_, &control_}) {
            while (fifo->length != 0) {
                const Progress progress = send_from(*fifo, horizon, kUnlimited, send).progress;
                if (progress != Progress::emptied) {
                    return progress;
                }
            }
        }
        return send_best_effort(horizon, send);
    }

    template <class Send>
    Progress send_best_effort(const Horizon& horizon, Send& send) {
        while (!best_effort_.idle()) {
            Fifo<Packet>& fifo = best_effort_.turn();
            const Run run = send_from(fifo, horizon, best_effort_.allowance(fifo), send);
            best_effort_.spend(fifo, run.units);
            if (run.progress != Progress::emptied) {
                return run.progress;
            }
            if (run.taken == 0 || fifo.length == 0) {
                best_effort_.end_turn();
            }
        }
        return Progress::emptied;
    }

    template <class Send>
    Run send_from(Fifo<Packet>& fifo, const Horizon& horizon, WireUnits allowance, Send& send) {
        const Run run = send_burst(fifo.queue, horizon, boundary_, allowance, send);
        if (run.taken != 0) {
            fifo.queue.pop(*pool_, run.taken);
            fifo.length -= run.taken;
            waiting_ -= run.taken;
        }
        return run;
    }

    std::int64_t next_event(std::int64_t now_ns, std::int64_t lookahead_ns,
                            Progress progress) const {
        const std::int64_t boundary = calendar_.queued() != 0 ? tracker_.end_ns() : kNever;
        switch (progress) {
            case Progress::emptied:
                break;
            case Progress::wire_busy:
                return std::min(boundary, base_ns_ + rate_.to_ns(free_) - (lookahead_ns - 1));
            case Progress::must_wait_for_cycle:
                return tracker_.end_ns();
            case Progress::port_full:
                return std::min(boundary, now_ns + 1);
        }
        return boundary;
    }

    LinkRate rate_;
    bool in_domain_;
    bool started_ = false;
    std::uint32_t queue_limit_packets_;
    ChunkPool<Packet>* pool_;
    CycleTracker tracker_;
    std::int64_t base_ns_ = 0;
    WireUnits free_ = 0;                     // the wire is free from base_ns_ + free_ on
    WireUnits boundary_ = kUnlimited;        // every frame ends by base_ns_ + boundary_
    WireUnits cycle_boundary_ = kUnlimited;  // the same for frames of the cycle
    std::uint64_t waiting_ = 0;              // in the queues behind the calendar
    std::uint64_t rebases_ = 0;
    Calendar<Packet> calendar_;
    Fifo<Packet> left_domain_;
    Fifo<Packet> control_;
    FairQueues<Packet> best_effort_;
};

}  // namespace tcqf
