// The kernel's side of an interface as the worker sees it: two rings, and whoever relays.
//
// A frame written to a TAP runs through the host's network stack before write() returns, tens of
// microseconds that a worker does not have. So the worker only fills a ring; another thread writes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "dataplane/netdev.h"
#include "dataplane/port.h"
#include "dataplane/result.h"

struct rte_mbuf;
struct rte_ring;

namespace tcqf::dataplane {

/// Wakes the relay, at most once until it looked.
class RelayBell {
  public:
    static Result<std::unique_ptr<RelayBell>> create();

    /// Any thread. A system call only where the relay sleeps.
    void ring();
    /// Relay: about to sleep; look at the rings once more after this.
    void start_sleep() { sleeping_.store(true, std::memory_order_seq_cst); }
    /// Relay: awake again.
    void end_sleep();
    int descriptor() const { return descriptor_.number(); }

  private:
    explicit RelayBell(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

    Descriptor descriptor_;
    std::atomic<bool> sleeping_{false};
};

/// Relay: take() and offer(). The interface's owner: receive(). Any worker: transmit().
class KernelPort : public Port {
  public:
    /// `name` is unique in the process. Fails where memory is short.
    static Result<std::unique_ptr<KernelPort>> create(const std::string& name, RelayBell& bell);
    ~KernelPort() override;
    KernelPort(const KernelPort&) = delete;
    KernelPort& operator=(const KernelPort&) = delete;

    unsigned receive(std::int64_t now_ns, rte_mbuf** packets, std::int64_t* arrivals_ns,
                     unsigned max) override;
    unsigned transmit(const TransmitBurst& burst) override;

    /// What workers handed to the kernel; the caller owns it.
    unsigned take(rte_mbuf** packets, unsigned max);
    /// A frame that the kernel sent. False, and the caller keeps it, where the worker lags behind.
    bool offer(rte_mbuf* packet);
    bool has_packets_for_kernel() const;

  private:
    KernelPort(rte_ring* to_kernel, rte_ring* from_kernel, RelayBell& bell)
        : to_kernel_(to_kernel), from_kernel_(from_kernel), bell_(&bell) {}

    rte_ring* to_kernel_;
    rte_ring* from_kernel_;
    RelayBell* bell_;
};

}  // namespace tcqf::dataplane
