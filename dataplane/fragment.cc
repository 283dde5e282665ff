// Fragmentation of IPv4 packets (RFC 791, 3.2). The first fragment is the packet itself, the others
// are generated.

#include <array>
#include <cstring>
#include <utility>

#include "dataplane/forwarder.h"
#include "dataplane/headers.h"

namespace tcqf::dataplane {

/// The header that later fragments get: only options that ask to be copied.
struct Forwarder::LaterHeader {
    static constexpr std::uint32_t kMaxOctets = 60;

    explicit LaterHeader(const std::uint8_t* ip);

    std::array<std::uint8_t, kMaxOctets> bytes{};
    std::uint32_t octets = kIpv4Octets;
};

namespace {

constexpr std::uint8_t kEndOfOptions = 0;
constexpr std::uint8_t kOptionNoOperation = 1;
constexpr std::uint8_t kCopiedFlag = 0x80;

void finish_header(std::uint8_t* ip, std::uint32_t total_octets, std::uint16_t fragment_field) {
    store16(ip + 2, static_cast<std::uint16_t>(total_octets));
    store16(ip + 6, fragment_field);
    ipv4::write_checksum(ip);
}

}  // namespace

Forwarder::LaterHeader::LaterHeader(const std::uint8_t* ip) {
    std::memcpy(bytes.data(), ip, kIpv4Octets);
    const std::uint32_t end = ipv4::header_octets(ip);
    for (std::uint32_t at = kIpv4Octets; at < end && ip[at] != kEndOfOptions;) {
        if (ip[at] == kOptionNoOperation) {
            ++at;
            continue;
        }
        const std::uint32_t option = at + 1 < end ? ip[at + 1] : 0;
        if (option < 2 || at + option > end) {
            break;  // what cannot be read is not copied
        }
        if ((ip[at] & kCopiedFlag) != 0) {
            std::memcpy(bytes.data() + octets, ip + at, option);
            octets += option;
        }
        at += option;
    }
    octets = (octets + 3) / 4 * 4;
    bytes[0] = static_cast<std::uint8_t>(0x40 | octets / 4);
}

/// A fragment behind the first one: `part` octets of the payload from `at` on; nullptr where there
/// is no memory for it.
rte_mbuf* Forwarder::later_fragment(const Packet& packet, const LaterHeader& header,
                                    std::uint32_t at, std::uint32_t part, bool is_last) {
    counters().generated.add(1);
    rte_mbuf* mbuf = rte_pktmbuf_alloc(shared_.options.pool);
    if (mbuf == nullptr || rte_pktmbuf_tailroom(mbuf) < kEthernetOctets + header.octets + part) {
        rte_pktmbuf_free(mbuf);
        counters().dropped[static_cast<std::size_t>(DropReason::no_memory)].add(1);
        return nullptr;
    }
    auto* frame = reinterpret_cast<std::uint8_t*>(rte_pktmbuf_append(
        mbuf, static_cast<std::uint16_t>(kEthernetOctets + header.octets + part)));
    std::uint8_t* ip = frame + kEthernetOctets;
    std::memcpy(ip, header.bytes.data(), header.octets);
    std::memcpy(ip + header.octets, packet.l3 + ipv4::header_octets(packet.l3) + at, part);
    const std::uint16_t field = ipv4::fragment_field(packet.l3);
    const bool more = !is_last || (field & ipv4::kMoreFragments) != 0;
    const std::uint32_t offset = (field + at / 8) & ipv4::kOffsetMask;
    finish_header(ip, header.octets + part,
                  static_cast<std::uint16_t>((more ? ipv4::kMoreFragments : 0) | offset));
    return mbuf;
}

/// `policy`: the one whose outer header each fragment gets, or nullptr.
void Forwarder::fragment(Packet& packet, const Adjacency& adjacency, std::uint32_t mtu,
                         const PolicyAction* policy) {
    const std::uint8_t ttl = ipv4::ttl(packet.l3);
    const std::uint32_t first_header = ipv4::header_octets(packet.l3);
    const std::uint32_t payload = packet.l3_octets - first_header;
    const std::uint32_t first_payload = (mtu - first_header) / 8 * 8;
    const LaterHeader header(packet.l3);
    const std::uint32_t later_payload = (mtu - header.octets) / 8 * 8;

    // All later fragments are copied before the first one is sent: its buffer is theirs to read.
    rte_mbuf* later = nullptr;  // a chain, until each goes its own way
    rte_mbuf** end = &later;
    // Only the last fragment need not be a multiple of eight octets.
    std::uint32_t part = 0;
    for (std::uint32_t at = first_payload; at < payload; at += part) {
        const bool is_last = payload - at <= mtu - header.octets;
        part = is_last ? payload - at : later_payload;
        if (rte_mbuf* mbuf = later_fragment(packet, header, at, part, is_last)) {
            *end = mbuf;
            end = &mbuf->next;
        }
    }

    packet.l3_octets = first_header + first_payload;
    const std::uint32_t offset = ipv4::fragment_field(packet.l3) & ipv4::kOffsetMask;
    finish_header(packet.l3, packet.l3_octets,
                  static_cast<std::uint16_t>(ipv4::kMoreFragments | offset));
    const Packet whole = packet;
    const auto send = [&](Packet& fragment) {
        policy != nullptr ? steer(fragment, *policy, ttl) : send_ip(fragment, adjacency, ttl);
    };
    send(packet);
    while (later != nullptr) {
        rte_mbuf* mbuf = std::exchange(later, later->next);
        mbuf->next = nullptr;
        Packet fragment = whole;
        fragment.mbuf = mbuf;
        fragment.l3 = rte_pktmbuf_mtod(mbuf, std::uint8_t*) + kEthernetOctets;
        fragment.received_l3 = fragment.l3;
        fragment.l3_octets = mbuf->pkt_len - kEthernetOctets;
        fragment.generated = true;
        fragment.flow = FlowTable::kNoFlow;
        send(fragment);
    }
}

}  // namespace tcqf::dataplane
