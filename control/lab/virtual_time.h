// Virtual time of one router: which instant comes next, and what happens in it.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "control/lab/virtual_port.h"
#include "dataplane/router.h"

namespace tcqf::control {

/// When the workers do nothing: [begin, end) of each.
class Stalls {
  public:
    void add(std::int64_t begin_ns, std::int64_t end_ns);
    /// The first instant from `now_ns` on at which the workers work.
    std::int64_t awake_from(std::int64_t now_ns) const;

  private:
    std::vector<std::pair<std::int64_t, std::int64_t>> stalls_;  // by begin, apart from each other
};

class VirtualTime {
  public:
    /// `wires` in the order of the router's interfaces.
    VirtualTime(dataplane::Router& router, std::vector<VirtualWire*> wires, Stalls stalls);

    /// Runs to the classification of the last arrival, `last_arrival_ns`: what would start to be
    /// sent in this instant is not sent any more.
    void run_until(std::int64_t last_arrival_ns);
    /// Runs until nothing arrives any more and every queue is empty.
    void run_until_drained();

  private:
    struct Arrival {
        std::int64_t time_ns;
        std::uint16_t interface;
        /// Ties go to the interface that stands first in the configuration.
        auto operator<=>(const Arrival&) const = default;
    };

    std::int64_t next_instant() const;
    void receive(std::int64_t now_ns);
    void receive_from(std::uint16_t interface, std::int64_t until_ns, std::int64_t now_ns);
    void transmit(std::int64_t now_ns);

    dataplane::Router& router_;
    std::vector<VirtualWire*> wires_;
    Stalls stalls_;
    unsigned burst_;
    std::vector<Arrival> arrivals_;  // a heap, the next on top
    std::int64_t next_transmit_ns_ = kNever;
};

}  // namespace tcqf::control
