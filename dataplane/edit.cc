// Headers in front of a packet.

#include <cstring>

#include "dataplane/forwarder.h"
#include "dataplane/headers.h"

namespace tcqf::dataplane {

/// Makes sure that `octets` bytes may be written in front of layer 3; moves the packet where its
/// headroom is too short. False where the buffer has no room at all: the packet is dropped then.
bool Forwarder::make_room(Packet& packet, std::uint32_t octets) {
    rte_mbuf* mbuf = packet.mbuf;
    auto* begin = static_cast<std::uint8_t*>(mbuf->buf_addr);
    if (packet.l3 - begin >= octets) [[likely]] {
        return true;
    }
    const std::uint32_t shift = octets - static_cast<std::uint32_t>(packet.l3 - begin);
    if (packet.l3 + packet.l3_octets + shift > begin + mbuf->buf_len) {
        drop(packet, DropReason::no_memory);
        packet.kind = Layer3::other;
        return false;
    }
    std::memmove(packet.l3 + shift, packet.l3, packet.l3_octets);
    packet.tag = packet.tag == nullptr ? nullptr : packet.tag + shift;
    packet.l3 += shift;
    packet.received_l3 += shift;
    return true;
}

/// Pushes an adjacency's labels. `beneath`: the entry, or what stands for it, directly beneath:
/// gives S, TC and, in the uniform model, TTL (RFC 3443, 3.6). Sets packet.kind to `other` where it
/// was dropped.
void Forwarder::push_labels(Packet& packet, const Adjacency& adjacency, std::uint32_t beneath) {
    const std::uint32_t octets = adjacency.label_count * kLabelOctets;
    if (!make_room(packet, octets + kEthernetOctets)) {
        return;
    }
    const std::uint8_t ttl = tables_->short_pipe ? std::uint8_t{255} : mpls::ttl(beneath);
    bool bottom = packet.kind != Layer3::labelled;
    for (unsigned i = adjacency.label_count; i-- > 0;) {
        packet.l3 -= kLabelOctets;
        store32(packet.l3, mpls::entry(adjacency.labels[i], mpls::tc(beneath), bottom, ttl));
        bottom = false;
    }
    packet.l3_octets += octets;
    packet.kind = Layer3::labelled;
}

/// The frame as it will be sent: layer 3 stands, Ethernet is written in front of it.
void Forwarder::write_ethernet(Packet& packet, const Adjacency& adjacency) {
    std::uint8_t* frame = packet.l3 - kEthernetOctets;
    std::memcpy(frame, adjacency.ethernet.data(), adjacency.ethernet.size());
    store16(frame + 12, packet.kind == Layer3::labelled ? ethertype::kMpls
                        : packet.kind == Layer3::ipv4   ? ethertype::kIpv4
                                                        : ethertype::kIpv6);
    rte_mbuf* mbuf = packet.mbuf;
    mbuf->data_off = static_cast<std::uint16_t>(frame - static_cast<std::uint8_t*>(mbuf->buf_addr));
    mbuf->data_len = static_cast<std::uint16_t>(packet.l3_octets + kEthernetOctets);
    mbuf->pkt_len = packet.l3_octets + kEthernetOctets;
}

}  // namespace tcqf::dataplane
