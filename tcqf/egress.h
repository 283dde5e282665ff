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
#include <bit>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "tcqf/cycle_clock.h"
#include "tcqf/packet_queue.h"
#include "tcqf/wire.h"

namespace tcqf {

/// No event: nothing waits.
inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

/// Classes behind TCQF in strict order.
enum class TrafficClass : std::uint8_t { left_domain, control, best_effort };

enum class Refusal : std::uint8_t {
    none,
    frame_too_large,  ///< could never go: larger than a cycle
    cycle_full,
    nrp_quota,
    cycle_overrun,  ///< the cycle is over
    queue_full,
    no_memory,
};

/// What is reserved on the interface for one network resource partition; index 0 is the default
/// share.
struct Share {
    WireUnits cycle_units = 0;  ///< most that its TCQF packets occupy of a cycle
    std::uint32_t rate_mbps =
        0;  ///< guaranteed to its best effort; 0: it waits with the default share
};

struct EgressConfig {
    LinkRate rate;
    std::optional<CycleTiming> timing;  ///< absent outside every domain
    std::int64_t dead_time_ns = 0;
    std::uint32_t slots = 8;  ///< power of two above every window's max and every backlog
    std::uint32_t queue_limit_packets = 1024;  ///< of each queue behind the calendar
    std::uint32_t mtu_frame_octets = 1514;
    std::vector<Share> shares;  ///< of partitions; their indices here start with 1
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
        : config_(config), pool_(&pool), slots_(config.timing ? config.slots : 1) {
        if (config.timing) {
            tracker_ = CycleTracker(*config.timing);
            base_ns_ = tracker_.start_ns();
            capacity_ =
                cycle_capacity(config.rate, config.timing->cycle_time_ns, config.dead_time_ns);
            cycle_units_ = config.rate.from_ns(config.timing->cycle_time_ns);
        }
        limits_.assign(config.shares.size() + 1, capacity_);
        for (std::size_t i = 0; i < config.shares.size(); ++i) {
            limits_[i + 1] = config.shares[i].cycle_units;
            limits_[0] -= config.shares[i].cycle_units;
        }
        budgets_.resize(slots_.size() * limits_.size());
        set_up_shares();
    }

    bool in_domain() const { return config_.timing.has_value(); }
    const CycleTracker& tracker() const { return tracker_; }
    LinkRate rate() const { return config_.rate; }
    WireUnits capacity() const { return capacity_; }
    std::uint32_t slots() const { return static_cast<std::uint32_t>(slots_.size()); }
    std::uint64_t queued() const { return in_slots_ + waiting_; }
    std::uint64_t rebases() const { return rebases_; }

    /// Goes to the cycle that contains `now_ns`. What could not be sent in its cycle is given to
    /// `drop(Packet)`. Where time was set back over a boundary the calendar starts anew.
    template <class Drop>
    void advance(std::int64_t now_ns, Drop&& drop) {
        if (!in_domain()) {
            return;
        }
        const CycleNumber before = tracker_.cycle();
        tracker_.advance(now_ns);
        if (tracker_.cycle() != before) [[unlikely]] {
            change_cycle(before, drop);
        }
    }

    /// Appends a packet to a cycle; `share` is 0 or a partition's index.
    Refusal enqueue_in_cycle(CycleNumber cycle, const QueuedPacket<Packet>& entry,
                             std::uint32_t share = 0) {
        const WireUnits units = occupancy_units(entry.octets);
        if (units > capacity_) [[unlikely]] {
            return Refusal::frame_too_large;
        }
        if (cycle < tracker_.cycle()) [[unlikely]] {
            return Refusal::cycle_overrun;
        }
        const std::size_t slot = slot_of(cycle);
        Budget& budget = budgets_[slot * limits_.size() + share];
        const WireUnits used = budget.cycle == cycle ? budget.used : 0;
        if (used + units > limits_[share]) [[unlikely]] {
            return share == 0 ? Refusal::cycle_full : Refusal::nrp_quota;
        }
        if (!slots_[slot].push(*pool_, entry)) [[unlikely]] {
            return Refusal::no_memory;
        }
        budget = {cycle, used + units};
        ++in_slots_;
        return Refusal::none;
    }

    /// Appends a packet to the queue of a class; `share` matters to best effort alone.
    Refusal enqueue(TrafficClass traffic_class, const QueuedPacket<Packet>& entry,
                    std::uint32_t share = 0) {
        if (in_domain() && occupancy_units(entry.octets) > cycle_units_) [[unlikely]] {
            return Refusal::frame_too_large;
        }
        Fifo& fifo = fifo_of(traffic_class, share);
        if (fifo.length >= config_.queue_limit_packets) [[unlikely]] {
            return Refusal::queue_full;
        }
        if (!fifo.queue.push(*pool_, entry)) [[unlikely]] {
            return Refusal::no_memory;
        }
        if (fifo.length++ == 0 && traffic_class == TrafficClass::best_effort) {
            activate(fifo);
        }
        ++waiting_;
        return Refusal::none;
    }

    /// Hands over frames whose occupancy starts before now + max(lookahead, 1 ns): `send(const
    /// Burst&)` returns how many of the burst it took, from the first on; `drop(Packet)` gets TCQF
    /// packets that no longer fit into their cycle. Returns the next instant at which there is
    /// something to do.
    template <class Send, class Drop>
    std::int64_t transmit(std::int64_t now_ns, std::int64_t lookahead_ns, Send&& send,
                          Drop&& drop) {
        advance(now_ns, drop);
        if (queued() == 0) {
            return kNever;
        }
        settle_base(now_ns);
        // A frame may start at a fraction of a nanosecond: it belongs to the instant before it.
        const WireUnits now_units = config_.rate.from_ns(now_ns - base_ns_);
        const Horizon horizon{
            .now = now_units,
            .end = now_units + config_.rate.from_ns(std::max<std::int64_t>(lookahead_ns, 1)),
            .boundary = in_domain() ? cycle_units_ : std::numeric_limits<WireUnits>::max()};
        Progress progress = in_domain() ? send_slot(horizon, send, drop) : Progress::emptied;
        if (progress == Progress::emptied) {
            progress = send_queues(horizon, send);
        }
        return next_event(now_ns, lookahead_ns, progress);
    }

    /// Gives every queued packet to `drop(Packet)`.
    template <class Drop>
    void flush(Drop&& drop) {
        for (PacketQueue<Packet>& slot : slots_) {
            in_slots_ -= drain(slot, drop);
        }
        for (Fifo* fifo : {&left_domain_, &control_}) {
            waiting_ -= drain(fifo->queue, drop);
            fifo->length = 0;
        }
        for (Fifo& fifo : best_effort_) {
            waiting_ -= drain(fifo.queue, drop);
            fifo.length = 0;
        }
        active_head_ = active_tail_ = kNone;
        std::fill(budgets_.begin(), budgets_.end(), Budget{});
    }

  private:
    static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

    /// Occupancy that one share has in the cycle that a slot last held.
    struct Budget {
        CycleNumber cycle = std::numeric_limits<CycleNumber>::min();
        WireUnits used = 0;
    };
    struct Fifo {
        PacketQueue<Packet> queue;
        std::uint32_t length = 0;
        // Deficit round robin, best effort alone.
        WireUnits quantum = 0;
        WireUnits deficit = 0;
        std::uint32_t next_active = kNone;
    };
    /// What a transmit call may use: frames start in [now, end) and end by the boundary.
    struct Horizon {
        WireUnits now;
        WireUnits end;
        WireUnits boundary;
    };
    enum class Progress : std::uint8_t { emptied, wire_busy, must_wait_for_cycle, port_full };

    std::size_t slot_of(CycleNumber cycle) const {
        return static_cast<std::size_t>(cycle) & (slots_.size() - 1);
    }

    void set_up_shares() {
        WireUnits smallest_rate = 0;
        for (const Share& share : config_.shares) {
            if (share.rate_mbps != 0 && (smallest_rate == 0 || share.rate_mbps < smallest_rate)) {
                smallest_rate = share.rate_mbps;
            }
        }
        const WireUnits smallest_quantum = occupancy_units(config_.mtu_frame_octets);
        best_effort_.resize(1);
        best_effort_[0].quantum = smallest_quantum;
        queue_of_share_.assign(config_.shares.size() + 1, 0);
        for (std::size_t i = 0; i < config_.shares.size(); ++i) {
            if (config_.shares[i].rate_mbps == 0) {
                continue;
            }
            queue_of_share_[i + 1] = static_cast<std::uint32_t>(best_effort_.size());
            best_effort_.emplace_back();
            best_effort_.back().quantum =
                smallest_quantum * config_.shares[i].rate_mbps / smallest_rate;
        }
    }

    Fifo& fifo_of(TrafficClass traffic_class, std::uint32_t share) {
        switch (traffic_class) {
            case TrafficClass::left_domain:
                return left_domain_;
            case TrafficClass::control:
                return control_;
            case TrafficClass::best_effort:
                break;
        }
        return best_effort_[queue_of_share_[share]];
    }

    void activate(Fifo& fifo) {
        const auto index = static_cast<std::uint32_t>(&fifo - best_effort_.data());
        fifo.deficit = 0;
        fifo.next_active = kNone;
        (active_tail_ == kNone ? active_head_ : best_effort_[active_tail_].next_active) = index;
        active_tail_ = index;
    }

    template <class Drop>
    std::uint64_t drain(PacketQueue<Packet>& queue, Drop& drop) {
        std::uint64_t drained = 0;
        while (!queue.empty()) {
            drop(queue.front().packet);
            queue.pop(*pool_, 1);
            ++drained;
        }
        return drained;
    }

    template <class Drop>
    void change_cycle(CycleNumber before, Drop& drop) {
        const CycleNumber now = tracker_.cycle();
        if (in_slots_ != 0) {
            if (now < before) {
                for (PacketQueue<Packet>& slot : slots_) {
                    in_slots_ -= drain(slot, drop);
                }
            } else {
                const CycleNumber last =
                    std::min(now, before + static_cast<CycleNumber>(slots_.size()));
                for (CycleNumber cycle = before; cycle < last; ++cycle) {
                    in_slots_ -= drain(slots_[slot_of(cycle)], drop);
                }
            }
        }
        if (now < before) {
            std::fill(budgets_.begin(), budgets_.end(), Budget{});
            ++rebases_;
        }
        // The guard keeps every frame within its cycle, so the wire is free at a boundary.
        base_ns_ = tracker_.start_ns();
        free_ = 0;
    }

    /// Outside a domain nothing bounds the base's age: keep it within a second of now.
    void settle_base(std::int64_t now_ns) {
        if (in_domain()) {
            return;
        }
        const std::int64_t age_ns = now_ns - base_ns_;
        if (age_ns >= 0 && age_ns <= kMaxBaseAgeNs) [[likely]] {
            return;
        }
        const bool still_busy = age_ns >= 0 && age_ns <= config_.rate.to_ns(free_);
        free_ = still_busy ? free_ - config_.rate.from_ns(age_ns) : 0;
        base_ns_ = now_ns;
    }

    /// Sends from the front of one queue while frames start and end within the horizon and, where
    /// given, their sum stays within `allowance`.
    template <class Send>
    Progress send_run(PacketQueue<Packet>& queue, std::uint64_t& total, const Horizon& horizon,
                      WireUnits allowance, std::uint32_t& sent, WireUnits& sent_units, Send& send) {
        sent = 0;
        sent_units = 0;
        while (!queue.empty()) {
            Burst burst;
            burst.base_ns = base_ns_;
            std::array<WireUnits, kBurst> ends;
            WireUnits start = std::max(free_, horizon.now);
            WireUnits left = allowance - sent_units;
            Progress stop = Progress::emptied;
            for (const QueuedPacket<Packet>& entry : queue.front_run()) {
                const WireUnits units = occupancy_units(entry.octets);
                if (start >= horizon.end) {
                    stop = Progress::wire_busy;
                    break;
                }
                if (start + units > horizon.boundary) {
                    stop = Progress::must_wait_for_cycle;
                    break;
                }
                if (units > left || burst.count == kBurst) {
                    break;
                }
                left -= units;
                burst.packets[burst.count] = entry.packet;
                burst.starts[burst.count] = start;
                start += units;
                ends[burst.count++] = start;
            }
            if (burst.count == 0) {
                return stop;
            }
            const unsigned taken = send(static_cast<const Burst&>(burst));
            if (taken != 0) {
                sent_units += ends[taken - 1] - burst.starts[0];
                free_ = ends[taken - 1];
                queue.pop(*pool_, taken);
                sent += taken;
                total -= taken;
            }
            if (taken < burst.count) {
                return Progress::port_full;
            }
            if (stop != Progress::emptied) {
                return stop;
            }
        }
        return Progress::emptied;
    }

    template <class Send, class Drop>
    Progress send_slot(const Horizon& horizon, Send& send, Drop& drop) {
        PacketQueue<Packet>& slot = slots_[slot_of(tracker_.cycle())];
        std::uint32_t sent;
        WireUnits sent_units;
        for (;;) {
            const Progress progress =
                send_run(slot, in_slots_, horizon, kUnlimited, sent, sent_units, send);
            if (progress != Progress::must_wait_for_cycle) {
                return progress;
            }
            // Its cycle ends before it could: only after a stall.
            drop(slot.front().packet);
            slot.pop(*pool_, 1);
            --in_slots_;
        }
    }

    template <class Send>
    Progress send_queues(const Horizon& horizon, Send& send) {
        for (Fifo* fifo : {&left_domain_, &control_}) {
            std::uint32_t sent;
            WireUnits sent_units;
            const Progress progress =
                send_run(fifo->queue, waiting_, horizon, kUnlimited, sent, sent_units, send);
            fifo->length -= sent;
            if (progress != Progress::emptied) {
                return progress;
            }
        }
        return send_best_effort(horizon, send);
    }

    /// Deficit round robin over the queues that hold packets.
    template <class Send>
    Progress send_best_effort(const Horizon& horizon, Send& send) {
        const bool shared = best_effort_.size() > 1;
        while (active_head_ != kNone) {
            Fifo& fifo = best_effort_[active_head_];
            if (shared && !head_has_quantum_) {
                fifo.deficit += fifo.quantum;
                head_has_quantum_ = true;
            }
            std::uint32_t sent;
            WireUnits sent_units;
            const Progress progress =
                send_run(fifo.queue, waiting_, horizon, shared ? fifo.deficit : kUnlimited, sent,
                         sent_units, send);
            fifo.length -= sent;
            fifo.deficit -= shared ? sent_units : 0;
            if (progress != Progress::emptied) {
                return progress;
            }
            rotate_active(fifo);
        }
        return Progress::emptied;
    }

    /// Ends the turn of the first active queue: off the list where it is empty, else to its end.
    void rotate_active(Fifo& fifo) {
        const std::uint32_t index = active_head_;
        active_head_ = fifo.next_active;
        fifo.next_active = kNone;
        head_has_quantum_ = false;
        if (active_head_ == kNone) {
            active_tail_ = kNone;
        }
        if (!fifo.queue.empty()) {
            (active_tail_ == kNone ? active_head_ : best_effort_[active_tail_].next_active) = index;
            active_tail_ = index;
        }
    }

    std::int64_t next_event(std::int64_t now_ns, std::int64_t lookahead_ns,
                            Progress progress) const {
        std::int64_t next = in_slots_ != 0 ? tracker_.end_ns() : kNever;
        switch (progress) {
            case Progress::emptied:
                break;
            case Progress::wire_busy:
                next = std::min(next, base_ns_ + config_.rate.to_ns(free_) -
                                          std::max<std::int64_t>(lookahead_ns - 1, 0));
                break;
            case Progress::must_wait_for_cycle:
                next = tracker_.end_ns();
                break;
            case Progress::port_full:
                next = now_ns + 1;
                break;
        }
        return next;
    }

    static constexpr WireUnits kUnlimited = std::numeric_limits<WireUnits>::max();
    static constexpr std::int64_t kMaxBaseAgeNs = 1'000'000'000;

    EgressConfig config_;
    ChunkPool<Packet>* pool_;
    CycleTracker tracker_;
    std::int64_t base_ns_ = 0;
    WireUnits free_ = 0;  // the wire is free from base_ns_ + free_ on
    WireUnits capacity_ = std::numeric_limits<WireUnits>::max();
    WireUnits cycle_units_ = std::numeric_limits<WireUnits>::max();
    std::vector<PacketQueue<Packet>> slots_;
    std::vector<Budget> budgets_;  // slot-major, one a share
    std::vector<WireUnits> limits_;
    Fifo left_domain_;
    Fifo control_;
    std::vector<Fifo> best_effort_;
    std::vector<std::uint32_t> queue_of_share_;
    std::uint32_t active_head_ = kNone;
    std::uint32_t active_tail_ = kNone;
    bool head_has_quantum_ = false;
    std::uint64_t in_slots_ = 0;
    std::uint64_t waiting_ = 0;
    std::uint64_t rebases_ = 0;
};

}  // namespace tcqf
