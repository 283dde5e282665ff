#include "control/lab/virtual_port.h"

#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>

namespace tcqf::control {

namespace {

/// Writes and frees the packets of a burst.
unsigned write_burst(CaptureWriter& capture, const dataplane::TransmitBurst& burst) {
    for (unsigned i = 0; i < burst.count; ++i) {
        rte_mbuf* packet = burst.packets[i];
        capture.write(burst.start_ns(i),
                      {rte_pktmbuf_mtod(packet, const std::uint8_t*), packet->data_len});
        rte_pktmbuf_free(packet);
    }
    return burst.count;
}

}  // namespace

VirtualWire::VirtualWire(std::unique_ptr<CaptureReader> capture, CaptureWriter& sent,
                         PacketPools pools, std::int64_t processing_ns)
    : capture_(std::move(capture)), sent_(sent), pools_(pools), processing_ns_(processing_ns) {
    read_next();
}

void VirtualWire::read_next() {
    const bool more = capture_ != nullptr && capture_->next(next_);
    next_ns_ = more ? next_.time_ns + processing_ns_ : kNever;
}

unsigned VirtualWire::receive(std::int64_t now_ns, rte_mbuf** packets, std::int64_t* arrivals_ns,
                              unsigned max) {
    const std::int64_t until_ns = std::min(now_ns, admitted_ns_);
    const unsigned most = std::min(max, burst_);
    unsigned count = 0;
    while (count < most && next_ns_ <= until_ns) {
        packets[count] = packet_of(next_.octets);
        arrivals_ns[count++] = next_ns_;
        read_next();
    }
    return count;
}

unsigned VirtualWire::transmit(const dataplane::TransmitBurst& burst) {
    return write_burst(sent_, burst);
}

rte_mbuf* VirtualWire::packet_of(std::span<const std::uint8_t> frame) const {
    const auto octets =
        static_cast<std::uint16_t>(std::min<std::size_t>(frame.size(), kMaxFrameOctets));
    rte_mbuf* packet = rte_pktmbuf_alloc(octets <= kUsualFrameOctets ? pools_.usual : pools_.large);
    if (packet == nullptr) {
        throw std::bad_alloc();
    }
    // The longest frames leave less room in front of them.
    packet->data_off =
        static_cast<std::uint16_t>(std::min<unsigned>(packet->data_off, packet->buf_len - octets));
    packet->data_len = octets;
    packet->pkt_len = octets;
    std::memcpy(rte_pktmbuf_mtod(packet, void*), frame.data(), octets);
    return packet;
}

unsigned VirtualKernel::transmit(const dataplane::TransmitBurst& burst) {
    return write_burst(taken_, burst);
}

}  // namespace tcqf::control
