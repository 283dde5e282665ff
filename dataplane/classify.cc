// Which flow a packet belongs to, and which of several next hops it takes.

#include <cstring>

#include "dataplane/classify.h"
#include "dataplane/flow_hash.h"
#include "dataplane/forwarder.h"
#include "dataplane/headers.h"
#include "dataplane/upper_layer.h"

namespace tcqf::dataplane {
namespace {

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

/// AH is the next header that a flow is told by, as it is in IPv4: what it authenticates has no
/// ports to look at, it has an SPI (RFC 8939, 5.1).
UpperLayer upper_for_flows(const std::uint8_t* ip, std::uint32_t octets,
                           const ExtensionHeaders& extensions) {
    UpperLayer upper = upper_of_ipv6(ip, octets, extensions);
    if (extensions.authentication != 0) {
        upper.start = ip + extensions.authentication;
        upper.octets = octets - extensions.authentication;
        upper.protocol = protocol::kAh;
    }
    return upper;
}

}  // namespace

void read_ipv4_flow_fields(const std::uint8_t* ip, std::uint32_t octets, FlowFields& fields) {
    fields = {};
    fields.family = 4;
    fields.dscp = ipv4::dscp(ip);
    std::memcpy(fields.source.data(), ip + 12, 4);
    std::memcpy(fields.destination.data(), ip + 16, 4);
    add_upper_layer(upper_of_ipv4(ip, octets), fields);
}

void read_ipv4_flow_fields(const std::uint8_t* ip, std::uint32_t octets, Ipv4FlowFields& fields) {
    const UpperLayer upper = upper_of_ipv4(ip, octets);
    static_cast<Ipv4FlowKey&>(fields) = ipv4_flow_key(0, ip, upper);
    fields.has_ports = upper.has_ports();
    fields.dscp = ipv4::dscp(ip);
}

namespace {

void read_ipv6_flow_fields(const std::uint8_t* ip, const UpperLayer& upper, FlowFields& fields) {
    fields = {};
    fields.family = 6;
    fields.dscp = ipv6::dscp(ip);
    fields.flow_label = ipv6::flow_label(ip);
    std::memcpy(fields.source.data(), ipv6::source(ip), 16);
    std::memcpy(fields.destination.data(), ipv6::destination(ip), 16);
    add_upper_layer(upper, fields);
}

}  // namespace

void read_ipv6_flow_fields(const std::uint8_t* ip, std::uint32_t octets,
                           const ExtensionHeaders& extensions, FlowFields& fields) {
    read_ipv6_flow_fields(ip, upper_for_flows(ip, octets, extensions), fields);
}

void read_ipv6_flow_fields(const std::uint8_t* ip, std::uint32_t octets, FlowFields& fields) {
    read_ipv6_flow_fields(ip, upper_of_ipv6(ip, octets), fields);
}

FlowFields Forwarder::flow_fields(const Packet& packet) const {
    FlowFields fields{};
    if (packet.kind == Layer3::ipv4) {
        read_ipv4_flow_fields(packet.l3, packet.l3_octets, fields);
    } else if (packet.kind == Layer3::ipv6) {
        read_ipv6_flow_fields(packet.l3, packet.l3_octets, packet.extensions, fields);
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
/// anything is pushed on it. Whether it matches, for the first time.
bool Forwarder::match_flow_into(Packet& packet, config::InterfaceIndex oif) {
    const std::uint16_t domain = tables_->interfaces[oif].domain;
    if (packet.cycle == 0 || domain == packet.in->domain || domain == kNoDomain ||
        packet.flow != FlowTable::kNoFlow || tables_->flow_table->empty()) [[likely]] {
        return false;
    }
    FlowFields fields = flow_fields(packet);
    if (packet.tag == packet.l3 && packet.in->tags.tagging() == Tagging::dscp) {
        // It leaves its domain first, and with it the tag.
        fields.dscp = packet.in->egress_dscp;
    }
    packet.flow = tables_->flow_table->match(fields);
    return packet.flow != FlowTable::kNoFlow;
}

/// What packets are spread over several next hops or segment lists by. A DetNet flow keeps to one,
/// whatever its packets look like.
std::uint32_t Forwarder::spread_hash(const Packet& packet) const {
    return packet.flow != FlowTable::kNoFlow
               ? flow_id_hash(tables_->flow_ids[packet.flow], tables_->hash_seed)
               : hash_of(packet);
}

const Adjacency& Forwarder::choose_hop(const Packet& packet, const HopSet& hops) const {
    return tables_->choose(hops, hops.count == 1 ? 0 : spread_hash(packet));
}

const SegmentListAction& Forwarder::choose_list(const Packet& packet,
                                                const PolicyAction& policy) const {
    return tables_->choose(policy, policy.list_count == 1 ? 0 : spread_hash(packet));
}

std::uint32_t Forwarder::hash_of(const Packet& packet) const {
    const std::uint32_t seed = tables_->hash_seed;
    switch (packet.kind) {
        case Layer3::ipv4:
            return ipv4_hash(packet.l3, packet.l3_octets, seed);
        case Layer3::labelled:
            return label_hash(packet.l3, packet.l3_octets, seed);
        default:
            return ipv6_hash(packet.l3,
                             upper_of_ipv6(packet.l3, packet.l3_octets, packet.extensions), seed);
    }
}

}  // namespace tcqf::dataplane
