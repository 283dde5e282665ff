// Which flow a packet belongs to, and which of several next hops it takes.

#include <rte_jhash.h>

#include <cstring>

#include "dataplane/classify.h"
#include "dataplane/forwarder.h"
#include "dataplane/headers.h"

namespace tcqf::dataplane {
namespace {

/// Where the upper layer starts and whether its first octets are in this packet.
struct UpperLayer {
    const std::uint8_t* start = nullptr;
    std::uint32_t octets = 0;
    std::uint8_t protocol = 0;
    bool is_fragment = false;
    bool is_first = true;

    bool has_ports() const {
        return is_first && octets >= 4 &&
               (protocol == protocol::kTcp || protocol == protocol::kUdp);
    }
    bool has_spi() const {
        return is_first && (protocol == protocol::kEsp ? octets >= 4
                                                       : protocol == protocol::kAh && octets >= 8);
    }
    std::uint32_t spi() const { return load32(start + (protocol == protocol::kAh ? 4 : 0)); }
};

UpperLayer upper_of_ipv4(const std::uint8_t* ip, std::uint32_t l3_octets) {
    const std::uint32_t header = ipv4::header_octets(ip);
    const std::uint16_t field = ipv4::fragment_field(ip);
    return {.start = ip + header,
            .octets = l3_octets - header,
            .protocol = ipv4::next(ip),
            .is_fragment = (field & (ipv4::kMoreFragments | ipv4::kOffsetMask)) != 0,
            .is_first = (field & ipv4::kOffsetMask) == 0};
}

UpperLayer upper_of_ipv6(const std::uint8_t* ip, std::uint32_t l3_octets,
                         const ExtensionHeaders& extensions) {
    UpperLayer upper{.start = ip + extensions.upper,
                     .octets = l3_octets - extensions.upper,
                     .protocol = extensions.upper_protocol,
                     .is_fragment = extensions.fragment != 0,
                     .is_first = true};
    if (upper.is_fragment) {
        upper.is_first = load16(ip + extensions.fragment + 2) >> 3 == 0;
    }
    return upper;
}

void add_upper_layer(const UpperLayer& upper, FlowFields& fields) {
    fields.protocol = upper.protocol;
    if (upper.has_ports()) {
        fields.has_ports = true;
        fields.source_port = load16(upper.start);
        fields.destination_port = load16(upper.start + 2);
    }
    if (upper.has_spi()) {
        fields.has_spi = true;
        fields.spi = upper.spi();
    }
}

}  // namespace

FlowFields ipv4_flow_fields(const std::uint8_t* ip, std::uint32_t octets) {
    FlowFields fields{};
    fields.family = 4;
    fields.dscp = ipv4::dscp(ip);
    std::memcpy(fields.source.data(), ip + 12, 4);
    std::memcpy(fields.destination.data(), ip + 16, 4);
    add_upper_layer(upper_of_ipv4(ip, octets), fields);
    return fields;
}

FlowFields ipv6_flow_fields(const std::uint8_t* ip, std::uint32_t octets,
                            const ExtensionHeaders& extensions) {
    FlowFields fields{};
    fields.family = 6;
    fields.dscp = ipv6::dscp(ip);
    fields.flow_label = ipv6::flow_label(ip);
    std::memcpy(fields.source.data(), ipv6::source(ip), 16);
    std::memcpy(fields.destination.data(), ipv6::destination(ip), 16);
    add_upper_layer(upper_of_ipv6(ip, octets, extensions), fields);
    return fields;
}

FlowFields Forwarder::flow_fields(const Packet& packet) const {
    FlowFields fields{};
    if (packet.kind == Layer3::ipv4) {
        fields = ipv4_flow_fields(packet.l3, packet.l3_octets);
    } else if (packet.kind == Layer3::ipv6) {
        fields = ipv6_flow_fields(packet.l3, packet.l3_octets, packet.extensions);
    }
    fields.interface = packet.iif;
    fields.has_mpls_label = packet.came_labelled;
    fields.mpls_label = packet.received_label;
    return fields;
}

/// A packet without a tag may be one of a flow that enters TCQF here. What the router generates is
/// not.
void Forwarder::match_flow(Packet& packet) {
    if (tables_->flow_table->empty() || packet.cycle != 0 || packet.generated) [[likely]] {
        return;
    }
    packet.flow = tables_->flow_table->match(flow_fields(packet));
}

/// A TCQF packet on its way into another domain is an ingress packet there; looked at before
/// anything is pushed on it.
void Forwarder::match_flow_into(Packet& packet, config::InterfaceIndex oif) {
    const std::uint16_t domain = tables_->interfaces[oif].domain;
    if (packet.cycle == 0 || domain == packet.in->domain || domain == kNoDomain ||
        tables_->flow_table->empty()) [[likely]] {
        return;
    }
    FlowFields fields = flow_fields(packet);
    if (packet.tag == packet.l3 && packet.in->tags.tagging() == Tagging::dscp) {
        // It leaves its domain first, and with it the tag.
        fields.dscp = packet.in->egress_dscp;
    }
    packet.flow = tables_->flow_table->match(fields);
}

/// What packets are spread over several next hops or segment lists by. A DetNet flow keeps to one,
/// whatever its packets look like.
std::uint32_t Forwarder::spread_hash(const Packet& packet) const {
    return packet.flow != FlowTable::kNoFlow
               ? rte_jhash_1word(tables_->flows[packet.flow].id, tables_->hash_seed)
               : hash_of(packet);
}

const Adjacency& Forwarder::choose_hop(const Packet& packet, const HopSet& hops) const {
    return tables_->choose(hops, hops.count == 1 ? 0 : spread_hash(packet));
}

const SegmentListAction& Forwarder::choose_list(const Packet& packet,
                                                const PolicyAction& policy) const {
    return tables_->choose(policy, policy.list_count == 1 ? 0 : spread_hash(packet));
}

/// RFC 6438: addresses, flow label, protocol and ports; never marks or options. Labelled: the
/// entropy label where there is one (RFC 6790), else the labels that are not reserved.
std::uint32_t Forwarder::hash_of(const Packet& packet) const {
    const std::uint8_t* ip = packet.l3;
    if (packet.kind == Layer3::labelled) {
        std::uint32_t hash = tables_->hash_seed;
        std::uint32_t entry = 0;
        for (const std::uint8_t* at = packet.l3; !mpls::bottom(entry); at += kLabelOctets) {
            entry = load32(at);
            if (mpls::label(entry) == mpls::kEntropyIndicator && !mpls::bottom(entry)) {
                return rte_jhash_1word(mpls::label(load32(at + kLabelOctets)), tables_->hash_seed);
            }
            if (mpls::label(entry) >= mpls::kFirstUnreserved) {
                hash = rte_jhash_1word(mpls::label(entry), hash);
            }
        }
        return hash;
    }
    std::uint32_t words[11] = {};
    UpperLayer upper;
    if (packet.kind == Layer3::ipv4) {
        words[0] = ipv4::source(ip);
        words[1] = ipv4::destination(ip);
        upper = upper_of_ipv4(ip, packet.l3_octets);
    } else {
        std::memcpy(words, ipv6::source(ip), 32);
        words[8] = ipv6::flow_label(ip);
        upper = upper_of_ipv6(ip, packet.l3_octets, packet.extensions);
    }
    words[9] = upper.protocol;
    // The fragments of a packet stay together: none of them is hashed by its ports.
    if (upper.has_ports() && !upper.is_fragment) {
        words[10] = load32(upper.start);
    }
    return rte_jhash_32b(words, 11, tables_->hash_seed);
}

}  // namespace tcqf::dataplane
