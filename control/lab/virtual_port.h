// Ports of virtual time: what arrives comes from a capture, what leaves goes into one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "control/lab/capture.h"
#include "control/lab/capture_writer.h"
#include "dataplane/port.h"
#include "tcqf/egress.h"

struct rte_mempool;

namespace tcqf::control {

/// Memory for the frames of captures; frames of the usual size lie close together.
struct PacketPools {
    rte_mempool* usual = nullptr;
    rte_mempool* large = nullptr;  ///< null where no frame needs it
};

/// Frames up to this size, the usual headroom included, fit into the pool for the usual ones.
inline constexpr std::uint32_t kUsualFrameOctets = 2048;
/// Longest frame that a packet buffer of DPDK can hold (its length has 16 bits). No layer 3 packet
/// that a router could send is longer; what lies behind is cut off.
inline constexpr std::uint32_t kMaxFrameOctets = 65'535;

/// The wire of one interface.
class VirtualWire final : public dataplane::Port {
  public:
    /// `capture` may be null: nothing arrives. Packets are classified `processing_ns` after their
    /// arrival; that instant is the receive timestamp which the worker sees.
    VirtualWire(std::unique_ptr<CaptureReader> capture, CaptureWriter& sent, PacketPools pools,
                std::int64_t processing_ns);

    /// When the next packet is to be classified; kNever where none is left.
    std::int64_t next_ns() const { return next_ns_; }
    /// Lets the worker have packets up to this instant, at most `packets` of them in one burst.
    void admit(std::int64_t until_ns, unsigned packets) {
        admitted_ns_ = until_ns;
        burst_ = packets;
    }

    unsigned receive(std::int64_t now_ns, rte_mbuf** packets, std::int64_t* arrivals_ns,
                     unsigned max) override;
    unsigned transmit(const dataplane::TransmitBurst& burst) override;
    bool has_arrival_times() const override { return true; }

  private:
    void read_next();
    rte_mbuf* packet_of(std::span<const std::uint8_t> frame) const;

    std::unique_ptr<CaptureReader> capture_;
    CaptureWriter& sent_;
    PacketPools pools_;
    std::int64_t processing_ns_;
    std::int64_t next_ns_ = kNever;
    std::int64_t admitted_ns_ = 0;
    unsigned burst_ = 0;
    CapturedPacket next_;
};

/// The host's kernel behind one interface: takes everything, sends nothing.
class VirtualKernel final : public dataplane::Port {
  public:
    explicit VirtualKernel(CaptureWriter& taken) : taken_(taken) {}

    unsigned receive(std::int64_t, rte_mbuf**, std::int64_t*, unsigned) override { return 0; }
    unsigned transmit(const dataplane::TransmitBurst& burst) override;

  private:
    CaptureWriter& taken_;
};

}  // namespace tcqf::control
