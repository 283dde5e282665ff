// A worker: owns some interfaces' queues and nothing else; no locks, no clock.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "config/router.h"
#include "dataplane/account.h"

namespace tcqf::dataplane {

struct SharedState;
class Forwarder;

class Worker {
  public:
    Worker(SharedState& shared, unsigned index);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// One round: what other workers handed over, then a burst from every queue that it reads, then
    /// what the wire can take. Returns the next instant at which there is something to do (kNever:
    /// nothing waits). In real time the owner reads the clock before each of the two halves
    /// instead.
    std::int64_t step(std::int64_t now_ns);

    /// First half: receives a burst from every queue that it reads. Returns the number of packets.
    unsigned receive(std::int64_t now_ns);
    /// The same from one interface alone; virtual time needs an order over all workers.
    unsigned receive_from(config::InterfaceIndex interface, std::int64_t now_ns);
    /// Takes what other workers handed over. Returns the number of packets.
    unsigned take_handed_over();
    /// Second half: sends what may go. Returns the next instant at which there is something to do.
    std::int64_t transmit(std::int64_t now_ns);
    /// Drops from calendars what was not sent in its cycle; receive() and transmit() do so
    /// themselves.
    void advance(std::int64_t now_ns);

    /// Uses the newest tables and reports that it holds no older ones; once a round.
    void refresh();
    /// Gives up every packet that waits, as cycle-overrun or queue-full.
    void flush();

    const std::vector<config::InterfaceIndex>& interfaces() const;
    std::uint64_t queued() const;
    const WorkerCounters& counters() const;

  private:
    std::unique_ptr<Forwarder> forwarder_;
};

}  // namespace tcqf::dataplane
