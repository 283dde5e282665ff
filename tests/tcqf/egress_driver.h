// Drives an egress in virtual time and writes down what left and what was dropped.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "tcqf/egress.h"
#include "tests/tcqf/random.h"

namespace tcqf::test {

/// A frame that left: `start` in units of 1/rate ns since 1970, exact.
struct Sent {
    int packet = 0;
    Wide start = 0;

    bool operator==(const Sent&) const = default;
};

class EgressDriver {
  public:
    explicit EgressDriver(const EgressConfig& config, std::size_t packets = 4096)
        : pool_(packets, config.slots + config.shares.size() + 3), egress(config, pool_) {}

    /// A packet for the cycle `distance` ahead of the one at `now_ns`.
    Refusal tcqf(std::int64_t now_ns, int packet, std::uint32_t octets, std::int64_t distance = 1,
                 std::uint32_t share = 0) {
        advance(now_ns);
        return egress.enqueue_in_cycle(egress.tracker().cycle() + distance, {packet, octets},
                                       share);
    }

    Refusal other(std::int64_t now_ns, int packet, std::uint32_t octets,
                  TrafficClass traffic_class = TrafficClass::best_effort, std::uint32_t share = 0) {
        advance(now_ns);
        return egress.enqueue(traffic_class, {packet, octets}, share);
    }

    void advance(std::int64_t now_ns) {
        egress.advance(now_ns, [this](int packet) { dropped.push_back(packet); });
    }

    /// One call; returns the next instant at which there is something to do.
    std::int64_t transmit(std::int64_t now_ns) {
        return egress.transmit(
            now_ns, lookahead_ns, [this](const auto& burst) { return take(burst); },
            [this](int packet) { dropped.push_back(packet); });
    }

    /// Calls at the instants that the egress asks for, from `now_ns` on and before `end_ns`.
    void run(std::int64_t now_ns, std::int64_t end_ns = std::numeric_limits<std::int64_t>::max()) {
        while (now_ns < end_ns) {
            now_ns = transmit(now_ns);
        }
    }

    std::vector<int> packets_sent() const {
        std::vector<int> packets;
        for (const Sent& frame : sent) {
            packets.push_back(frame.packet);
        }
        return packets;
    }

    /// Start of the i-th frame that left, in ns after kToday, rounded down.
    std::int64_t start_ns(std::size_t i) const {
        return static_cast<std::int64_t>(sent.at(i).start / egress.rate().mbps - kToday);
    }

  private:
    unsigned take(const Egress<int>::Burst& burst) {
        const unsigned taken = std::min(burst.count, port_room);
        for (unsigned i = 0; i < taken; ++i) {
            sent.push_back(
                {burst.packets[i], Wide{burst.base_ns} * egress.rate().mbps + burst.starts[i]});
        }
        port_room -= taken;
        return taken;
    }

    ChunkPool<int> pool_;

  public:
    Egress<int> egress;
    std::int64_t lookahead_ns = 0;
    unsigned port_room = std::numeric_limits<unsigned>::max();
    std::vector<Sent> sent;
    std::vector<int> dropped;
};

}  // namespace tcqf::test
