// Queues behind the calendar: bounded FIFOs, and deficit round robin over the best effort of
// network resource partitions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "tcqf/packet_queue.h"
#include "tcqf/wire.h"

namespace tcqf {

/// What is reserved on an interface for one network resource partition (NRP).
struct Share {
    WireUnits cycle_units = 0;    ///< most that its TCQF packets occupy of a cycle
    std::uint32_t rate_mbps = 0;  ///< guaranteed to its best effort; 0: waits with the rest

    bool operator==(const Share&) const = default;
};

/// A queue and its place in the round.
template <class Packet>
struct Fifo {
    PacketQueue<Packet> queue;
    std::uint32_t length = 0;
    std::uint32_t next_active = 0;
    WireUnits quantum = 0;
    WireUnits deficit = 0;
};

/// Deficit round robin: each turn a queue may send its quantum and what it saved; a queue that runs
/// empty saves nothing. Quanta are in proportion to the rates, the smallest one holds a frame of
/// the interface's mtu, and the rest of the traffic has the smallest. With one queue alone there
/// are no turns.
template <class Packet>
class FairQueues {
  public:
    static constexpr WireUnits kUnlimited = std::numeric_limits<WireUnits>::max();

    FairQueues(const std::vector<Share>& shares, WireUnits mtu_frame_units)
        : queue_of_share_(shares.size() + 1, 0) {
        WireUnits smallest_rate = 0;
        for (const Share& share : shares) {
            if (share.rate_mbps != 0 && (smallest_rate == 0 || share.rate_mbps < smallest_rate)) {
                smallest_rate = share.rate_mbps;
            }
        }
        fifos_.resize(1);
        fifos_[0].quantum = mtu_frame_units;
        for (std::size_t i = 0; i < shares.size(); ++i) {
            if (shares[i].rate_mbps == 0) {
                continue;
            }
            queue_of_share_[i + 1] = static_cast<std::uint32_t>(fifos_.size());
            fifos_.emplace_back();
            fifos_.back().quantum = mtu_frame_units * shares[i].rate_mbps / smallest_rate;
        }
    }

    /// The queue of a share: 1.. are the partitions in order, any other is the rest.
    Fifo<Packet>& of_share(std::uint32_t share) {
        return fifos_[share < queue_of_share_.size() ? queue_of_share_[share] : 0];
    }
    std::vector<Fifo<Packet>>& fifos() { return fifos_; }

    /// Puts a queue that was empty at the end of the round.
    void activate(Fifo<Packet>& fifo) {
        fifo.deficit = 0;
        append(static_cast<std::uint32_t>(&fifo - fifos_.data()));
    }

    bool idle() const { return first_ == kNone; }

    /// The queue whose turn it is; only where not idle(). A turn lasts until end_turn(), over any
    /// number of calls, and gives the quantum once.
    Fifo<Packet>& turn() {
        Fifo<Packet>& fifo = fifos_[first_];
        if (!turn_began_) {
            fifo.deficit += fifo.quantum;
            turn_began_ = true;
        }
        return fifo;
    }

    WireUnits allowance(const Fifo<Packet>& fifo) const {
        return fifos_.size() == 1 ? kUnlimited : fifo.deficit;
    }

    void spend(Fifo<Packet>& fifo, WireUnits units) {
        if (fifos_.size() != 1) {
            fifo.deficit -= units;
        }
    }

    /// The queue whose turn it is leaves the round where it is empty, else goes to its end.
    void end_turn() {
        const std::uint32_t index = first_;
        first_ = fifos_[index].next_active;
        turn_began_ = false;
        if (first_ == kNone) {
            last_ = kNone;
        }
        if (!fifos_[index].queue.empty()) {
            append(index);
        }
    }

    /// Ends the round: every queue has been emptied.
    void clear() {
        first_ = last_ = kNone;
        turn_began_ = false;
    }

  private:
    static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

    void append(std::uint32_t index) {
        fifos_[index].next_active = kNone;
        (last_ == kNone ? first_ : fifos_[last_].next_active) = index;
        last_ = index;
    }

    std::vector<Fifo<Packet>> fifos_;
    std::vector<std::uint32_t> queue_of_share_;
    std::uint32_t first_ = kNone;
    std::uint32_t last_ = kNone;
    bool turn_began_ = false;
};

}  // namespace tcqf
