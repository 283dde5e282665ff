// What arrives: validated, classified by its tag, and sent to the part that forwards it.

#include <algorithm>
#include <cstring>

#include "dataplane/forwarder.h"
#include "dataplane/headers.h"
#include "dataplane/network_actions.h"

namespace tcqf::dataplane {
namespace {

void trim(Packet& packet, std::uint32_t l3_octets) {
    const std::uint32_t surplus = packet.l3_octets - l3_octets;
    packet.mbuf->pkt_len -= surplus;
    packet.mbuf->data_len = static_cast<std::uint16_t>(packet.mbuf->data_len - surplus);
    packet.l3_octets = l3_octets;
}

/// The first header behind any VLAN tags; nullptr where the frame ends before.
std::uint8_t* behind_vlan_tags(Packet& packet, std::uint16_t& type, std::uint32_t& octets) {
    std::uint8_t* header = packet.l3;
    octets = packet.l3_octets;
    while (type == ethertype::kVlan || type == ethertype::kServiceVlan) {
        if (octets < 4) {
            return nullptr;
        }
        type = load16(header + 2);
        header += 4;
        octets -= 4;
    }
    return header;
}

/// The IPv6 packet that a frame carries, beneath VLAN tags and labels if need be; empty where there
/// is none.
std::span<std::uint8_t> find_ipv6(Packet& packet) {
    if (packet.kind == Layer3::ipv6) {
        return {packet.l3, packet.l3_octets};
    }
    std::uint16_t type = load16(packet.received_l3 - 2);
    std::uint32_t octets;
    std::uint8_t* header = behind_vlan_tags(packet, type, octets);
    if (header == nullptr || packet.kind == Layer3::ipv4) {
        return {};
    }
    if (type == ethertype::kMpls) {
        bool bottom = false;
        while (!bottom && octets >= kLabelOctets) {
            bottom = mpls::bottom(load32(header));
            header += kLabelOctets;
            octets -= kLabelOctets;
        }
        type = bottom && octets != 0 && header[0] >> 4 == 6 ? ethertype::kIpv6 : std::uint16_t{0};
    }
    if (type != ethertype::kIpv6 || octets < kIpv6Octets || header[0] >> 4 != 6) {
        return {};
    }
    return {header, octets};
}

}  // namespace

void Forwarder::input(Packet& packet) {
    rte_mbuf* mbuf = packet.mbuf;
    if (mbuf->pkt_len < kEthernetOctets) [[unlikely]] {
        return drop(packet, DropReason::malformed);
    }
    if (mbuf->nb_segs != 1) [[unlikely]] {
        // Longer than a buffer, and so than any mtu: never plain, and only its beginning is here.
        return drop(packet, DropReason::mtu_exceeded);
    }
    const auto* frame = rte_pktmbuf_mtod(mbuf, const std::uint8_t*);
    packet.in = &tables_->interfaces[packet.iif];
    packet.route_table = packet.in->route_table;
    packet.l3 = rte_pktmbuf_mtod(mbuf, std::uint8_t*) + kEthernetOctets;
    packet.received_l3 = packet.l3;
    packet.l3_octets = mbuf->pkt_len - kEthernetOctets;
    const bool ours = std::memcmp(frame, packet.in->mac.data(), packet.in->mac.size()) == 0;
    switch (load16(frame + 12)) {
        case ethertype::kIpv4:
            return input_ipv4(packet, ours);
        case ethertype::kIpv6:
            return input_ipv6(packet, ours);
        case ethertype::kMpls:
            return input_labelled(packet, ours);
        default:
            return to_kernel(packet);
    }
}

/// RFC 1812, 5.2.2: the checks of the Internet header.
bool Forwarder::check_ipv4(Packet& packet) {
    const std::uint8_t* ip = packet.l3;
    if (packet.l3_octets < kIpv4Octets || ip[0] >> 4 != 4 ||
        ipv4::header_octets(ip) < kIpv4Octets || ipv4::total_octets(ip) < ipv4::header_octets(ip) ||
        ipv4::total_octets(ip) > packet.l3_octets) [[unlikely]] {
        drop(packet, DropReason::malformed);
        return false;
    }
    if (!ipv4::checksum_right(ip)) [[unlikely]] {
        drop(packet, DropReason::bad_checksum);
        return false;
    }
    trim(packet, ipv4::total_octets(ip));
    packet.kind = Layer3::ipv4;
    return true;
}

bool Forwarder::check_ipv6(Packet& packet) {
    const std::uint8_t* ip = packet.l3;
    if (packet.l3_octets < kIpv6Octets || ip[0] >> 4 != 6 ||
        kIpv6Octets + ipv6::payload_octets(ip) > packet.l3_octets) [[unlikely]] {
        drop(packet, DropReason::malformed);
        return false;
    }
    trim(packet, kIpv6Octets + ipv6::payload_octets(ip));
    packet.kind = Layer3::ipv6;
    if (!has_extension_headers(ipv6::next(ip))) [[likely]] {
        packet.extensions = {};
        packet.extensions.upper_protocol = ipv6::next(ip);
        return true;
    }
    if (!walk_extension_headers({packet.l3, packet.l3_octets}, tables_->code_points,
                                packet.extensions)) {
        drop(packet, DropReason::malformed);
        return false;
    }
    return true;
}

/// Whether an IPv6 packet may pass with an option that is not known and asks for it to be
/// discarded, at `unknown` (0: there is none): as its action bits say (RFC 8200, 4.2), where the
/// configuration wants that. False where the packet was dropped.
bool Forwarder::accept_option(Packet& packet, std::uint16_t unknown) {
    if (unknown == 0 || !tables_->discards_unknown_options) [[likely]] {
        return true;
    }
    const std::uint8_t action = packet.l3[unknown] >> 6;
    if (action >= 2) {
        icmp_error(packet, IcmpError::unknown_option(unknown, action == 2));
    }
    drop(packet, DropReason::unknown_option);
    return false;
}

/// The topmost selector of a partition in the stack. What is not on top counts with hop-by-hop
/// scope alone, or with the reserved one, in which every action is unknown (RFC 9994, 5 and 9).
/// False where the packet was dropped.
bool Forwarder::read_selector(Packet& packet, std::uint32_t stack_octets) {
    for (std::uint32_t at = 0; at < stack_octets;) {
        if (mpls::label(load32(packet.l3 + at)) != kNetworkActionLabel) {
            at += kLabelOctets;
            continue;
        }
        const NetworkActions actions = read_network_actions({packet.l3 + at, stack_octets - at},
                                                            tables_->code_points.mna_nrp_opcode);
        if (actions.entries == 0) {
            drop(packet, DropReason::malformed);
            return false;
        }
        const bool counts = actions.is_for_all || at == 0;
        if (counts && actions.must_drop) {
            drop(packet, DropReason::unknown_option);
            return false;
        }
        if (counts && actions.has_selector) {
            packet.nrp = tables_->nrp_of_selector.find(actions.selector);
            if (packet.nrp == kNoNrp && tables_->has_strict_labels) {
                drop(packet, DropReason::nrp_unknown);
                return false;
            }
            return true;
        }
        at += actions.entries * kLabelOctets;
    }
    return true;
}

/// Notes what stands in front of the payload of a packet that came labelled (RFC 9016, 5.5): all up
/// to `above` octets behind packet.l3, and the IP header there. What is not IP is payload.
void Forwarder::note_headers(Packet& packet, std::uint32_t above) {
    const std::uint32_t removed = packet.received_octets - packet.l3_octets;
    const std::uint32_t header = ip_header_octets(packet.l3 + above, packet.l3_octets - above);
    packet.received_header_octets = std::min(removed + above + header, packet.received_octets);
}

/// The stack must have a bottom. Ethernet padding behind a short packet is taken off where the
/// payload tells its own length. The stack's octets; 0 where the packet was dropped.
std::uint32_t Forwarder::check_labels(Packet& packet) {
    std::uint32_t offset = 0;
    std::uint32_t entry;
    do {
        if (packet.l3_octets < offset + kLabelOctets) [[unlikely]] {
            drop(packet, DropReason::malformed);
            return 0;
        }
        entry = load32(packet.l3 + offset);
        offset += kLabelOctets;
    } while (!mpls::bottom(entry));
    if (!tables_->nrps.empty() && !read_selector(packet, offset)) {
        return 0;
    }
    packet.kind = Layer3::labelled;
    packet.came_labelled = true;
    packet.received_label = mpls::label(load32(packet.l3));
    if (packet.mbuf->pkt_len <= kMinFrameOctets) {
        const std::uint8_t* payload = packet.l3 + offset;
        const std::uint32_t octets = packet.l3_octets - offset;
        std::uint32_t own = octets;
        if (octets >= kIpv4Octets && payload[0] >> 4 == 4 &&
            ipv4::total_octets(payload) >= kIpv4Octets) {
            own = ipv4::total_octets(payload);
        } else if (octets >= kIpv6Octets && payload[0] >> 4 == 6) {
            own = kIpv6Octets + ipv6::payload_octets(payload);
        }
        if (own < octets) {
            trim(packet, offset + own);
        }
    }
    return offset;
}

void Forwarder::input_ipv4(Packet& packet, bool ours) {
    if (!check_ipv4(packet)) {
        return;
    }
    packet.received_octets = packet.l3_octets;
    packet.received_header_octets = ipv4::header_octets(packet.l3);
    if (packet.in->tags.tagging() == Tagging::dscp) {
        packet.cycle = packet.in->tags.cycle_of(ipv4::dscp(packet.l3));
        packet.tag = packet.cycle != 0 ? packet.l3 : nullptr;
    }
    return ours ? forward_ip(packet) : to_kernel(packet);
}

void Forwarder::input_ipv6(Packet& packet, bool ours) {
    if (!check_ipv6(packet)) {
        return;
    }
    packet.received_octets = packet.l3_octets;
    packet.received_header_octets = kIpv6Octets;
    if (packet.in->tags.tagging() == Tagging::dscp) {
        packet.cycle = packet.in->tags.cycle_of(ipv6::dscp(packet.l3));
        packet.tag = packet.cycle != 0 ? packet.l3 : nullptr;
    } else if (packet.in->tags.tagging() == Tagging::ipv6_option) {
        const std::uint16_t offset = packet.extensions.tcqf(packet.in->option_header);
        if (offset != 0) {
            std::uint8_t* option = packet.l3 + offset;
            if (!tcqf_option_well_formed(option)) {
                return drop(packet, DropReason::malformed);
            }
            packet.cycle = packet.in->tags.cycle_of(option[kCycleIdOffset]);
            packet.tag = packet.cycle != 0 ? option : nullptr;
            packet.tag_header = packet.l3;
        }
    }
    if (!accept_option(packet, packet.extensions.unknown_option)) [[unlikely]] {
        return;
    }
    return ours ? forward_ip(packet) : to_kernel(packet);
}

void Forwarder::input_labelled(Packet& packet, bool ours) {
    const std::uint32_t stack_octets = check_labels(packet);
    if (stack_octets == 0) {
        return;
    }
    packet.received_octets = packet.l3_octets;
    note_headers(packet, stack_octets);
    if (packet.in->tags.tagging() == Tagging::mpls_tc) {
        packet.cycle = packet.in->tags.cycle_of(mpls::tc(load32(packet.l3)));
        packet.tag = packet.cycle != 0 ? packet.l3 : nullptr;
    }
    return ours ? forward_labels(packet) : to_kernel(packet);
}

/// The frame as it came, but for labels of ours that were removed, and without any tag.
void Forwarder::to_kernel(Packet& packet) {
    if (packet.cycle != 0) {
        leave_domain(packet);
    }
    const std::span<std::uint8_t> ip = find_ipv6(packet);
    if (!ip.empty()) {
        // Beneath a VLAN tag or labels nothing has been checked yet.
        ExtensionHeaders found;
        if (has_extension_headers(ipv6::next(ip.data()))) {
            if (!walk_extension_headers(ip, tables_->code_points, found)) {
                return drop(packet, DropReason::malformed);
            }
            if (found.has_tcqf) {
                retire_tcqf_options(ip, tables_->code_points);
            }
        }
    }
    rte_mbuf* mbuf = packet.mbuf;
    auto* begin = rte_pktmbuf_mtod(mbuf, std::uint8_t*);
    if (packet.l3 != begin + kEthernetOctets) {
        std::uint8_t* frame = packet.l3 - kEthernetOctets;
        std::memmove(frame, begin, 12);
        store16(frame + 12, packet.kind == Layer3::ipv4 ? ethertype::kIpv4 : ethertype::kIpv6);
        rte_pktmbuf_adj(mbuf, static_cast<std::uint16_t>(frame - begin));
    }
    Port* kernel = shared_.state_of(packet.iif).ports.kernel;
    if (kernel == nullptr) {
        rte_pktmbuf_free(mbuf);
    } else {
        const WireUnits start = 0;
        const TransmitBurst burst{
            .packets = &mbuf, .starts = &start, .base_ns = packet.now_ns, .rate = {}, .count = 1};
        if (kernel->transmit(burst) != 1) {
            return drop(packet, DropReason::queue_full);
        }
    }
    counters().to_kernel.add(1);
}

/// What the kernel sends has its Ethernet header already and leaves through the interface it was
/// sent on.
void Forwarder::receive_from_kernel(config::InterfaceIndex interface, std::int64_t now_ns) {
    Port* kernel = shared_.state_of(interface).ports.kernel;
    if (kernel == nullptr) {
        return;
    }
    rte_mbuf* mbufs[kReceiveBurst];
    std::int64_t arrivals_ns[kReceiveBurst];
    const unsigned count = kernel->receive(now_ns, mbufs, arrivals_ns, kReceiveBurst);
    counters().received.add(count);
    counters().interfaces[interface].from_kernel.add(count);
    for (unsigned i = 0; i < count; ++i) {
        Packet packet;
        packet.mbuf = mbufs[i];
        packet.now_ns = now_ns;
        packet.iif = interface;
        packet.from_kernel = true;
        packet.in = &tables_->interfaces[interface];
        packet.l3 = rte_pktmbuf_mtod(mbufs[i], std::uint8_t*) + kEthernetOctets;
        packet.received_l3 = packet.l3;
        if (mbufs[i]->pkt_len < kEthernetOctets) {
            drop(packet, DropReason::malformed);
            continue;
        }
        packet.l3_octets = mbufs[i]->pkt_len - kEthernetOctets;
        bool well_formed = true;
        switch (load16(packet.l3 - 2)) {
            case ethertype::kIpv4:
                well_formed = check_ipv4(packet);
                break;
            case ethertype::kIpv6:
                well_formed = check_ipv6(packet);
                break;
            case ethertype::kMpls:
                well_formed = check_labels(packet) != 0;
                break;
            default:
                break;
        }
        if (well_formed) {
            best_effort(packet, interface);
        }
    }
}

}  // namespace tcqf::dataplane
