#include "dataplane/tags.h"

#include <cstring>

#include "dataplane/headers.h"
#include "dataplane/outer_header.h"

namespace tcqf::dataplane {

void set_ip_dscp(Layer3 kind, std::uint8_t* ip, std::uint8_t dscp) {
    kind == Layer3::ipv4 ? ipv4::set_dscp(ip, dscp) : ipv6::set_dscp(ip, dscp);
}

std::uint8_t ip_dscp(Layer3 kind, const std::uint8_t* ip) {
    return kind == Layer3::ipv4 ? ipv4::dscp(ip) : ipv6::dscp(ip);
}

bool is_ip(Layer3 kind) {
    return kind == Layer3::ipv4 || kind == Layer3::ipv6;
}

void write_tag(Tagging tagging, std::uint8_t* place, std::uint8_t tag) {
    switch (tagging) {
        case Tagging::mpls_tc:
            return mpls::set_tc(place, tag);
        case Tagging::dscp:
            return set_ip_dscp(place[0] >> 4 == 4 ? Layer3::ipv4 : Layer3::ipv6, place, tag);
        case Tagging::ipv6_option:
            place[kCycleIdOffset] = tag;
            return;
        case Tagging::none:
            return;
    }
}

bool clean(Packet& packet, const InterfaceTable& out) {
    switch (out.tags.tagging()) {
        case Tagging::mpls_tc:
            if (packet.kind == Layer3::labelled) {
                mpls::set_tc(packet.l3, out.tags.clean_of(mpls::tc(load32(packet.l3))));
            }
            break;
        case Tagging::dscp:
            if (is_ip(packet.kind)) {
                const std::uint8_t dscp = ip_dscp(packet.kind, packet.l3);
                const std::uint8_t cleaned = out.tags.clean_of(dscp);
                if (cleaned != dscp) {
                    set_ip_dscp(packet.kind, packet.l3, cleaned);
                }
            }
            break;
        case Tagging::ipv6_option:
            return packet.kind != Layer3::ipv6 || !packet.extensions.has_tcqf;
        case Tagging::none:
            break;
    }
    return true;
}

void take_out_own_option(Packet& packet, std::uint32_t option) {
    const std::uint32_t octets = take_out_tcqf_option(packet.l3, option);
    if (octets != 0) {
        auto* frame = rte_pktmbuf_mtod(packet.mbuf, std::uint8_t*);
        std::memmove(frame + octets, frame, kEthernetOctets);
        rte_pktmbuf_adj(packet.mbuf, static_cast<std::uint16_t>(octets));
        packet.l3 += octets;
        packet.l3_octets -= octets;
    }
    packet.extensions = {};
}

}  // namespace tcqf::dataplane
