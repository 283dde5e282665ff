// A port: where packets come from and go to. Everything that touches a device is behind this line.
#pragma once

#include <cstdint>

#include "tcqf/wire.h"

struct rte_mbuf;

namespace tcqf::dataplane {

inline constexpr unsigned kReceiveBurst = 64;

/// Frames to send, in order, each with the instant at which its wire occupancy starts.
struct TransmitBurst {
    rte_mbuf* const* packets = nullptr;
    const WireUnits* starts = nullptr;  ///< relative to base_ns, in units of 1/rate ns
    std::int64_t base_ns = 0;
    LinkRate rate;
    unsigned count = 0;

    /// Start of frame `i`, rounded down: for writing it out and for launch times.
    std::int64_t start_ns(unsigned i) const { return base_ns + rate.to_ns(starts[i]); }
};

/// A receive queue. Packets are single segments; one that is received in several is dropped
/// (mtu-exceeded), for buffers have room for whatever an mtu allows. Calls come from one thread;
/// system calls are allowed only inside receive.
class ReceivePort {
  public:
    virtual ~ReceivePort() = default;

    /// Takes up to `max` packets that have arrived by `now_ns`; where has_arrival_times() then,
    /// their arrival is in `arrivals_ns`, in ascending order. The caller owns the packets.
    virtual unsigned receive(std::int64_t now_ns, rte_mbuf** packets, std::int64_t* arrivals_ns,
                             unsigned max) = 0;

    /// Of the packets that were received last.
    virtual bool has_arrival_times() const { return false; }
};

/// The transmit queue of an interface (or of the host's kernel), and its first receive queue. Calls
/// come from the interface's owner; system calls are allowed only inside receive and transmit.
class Port : public ReceivePort {
  public:
    /// Sends a burst and returns how many frames it took, from the first on; it owns those.
    virtual unsigned transmit(const TransmitBurst& burst) = 0;
};

}  // namespace tcqf::dataplane
