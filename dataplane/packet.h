// A packet on its way through a worker.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>

#include "config/router.h"
#include "dataplane/extension_headers.h"
#include "dataplane/flow_table.h"
#include "dataplane/tables.h"
#include "tcqf/egress.h"

namespace tcqf::dataplane {

enum class Layer3 : std::uint8_t { other, ipv4, ipv6, labelled };

/// Working state of one packet. Bytes of headers are changed when nothing can fail any more, or
/// after keep_headers(), so that an ICMP error quotes the packet as it was received.
struct Packet {
    rte_mbuf* mbuf = nullptr;
    const InterfaceTable* in = nullptr;
    const RouteAction* route = nullptr;  ///< of its destination, where it was looked up beforehand
    std::uint8_t* l3 = nullptr;  ///< what follows Ethernet; moves inwards as headers are removed
    std::uint8_t* received_l3 = nullptr;
    /// The place that carried its tag: a label, an IP header or an option.
    std::uint8_t* tag = nullptr;
    std::uint8_t* tag_header = nullptr;  ///< the IPv6 header above an option that is the tag
    std::int64_t now_ns = 0;             ///< its arrival
    std::int64_t longest_wait_ns = 0;    ///< before now_ns; 0 where the port tells when it arrived
    std::uint32_t l3_octets = 0;
    std::uint32_t received_octets = 0;         ///< of layer 3, labels included
    std::uint32_t received_label = 0;          ///< top of the stack
    std::uint32_t received_header_octets = 0;  ///< in front of its payload: labels and IP header
    std::uint32_t flow = FlowTable::kNoFlow;
    std::uint32_t nrp = kNoNrp;
    std::uint16_t route_table = 0;
    config::InterfaceIndex iif = 0;
    Layer3 kind = Layer3::other;
    CycleId cycle = 0;             ///< identifier on the incoming interface; 0: not TCQF
    std::uint8_t ttl_limit = 255;  ///< the least TTL of the labels removed (uniform model)
    bool came_labelled = false;
    bool tag_header_removed = false;
    bool left_domain = false;
    bool generated = false;
    bool from_kernel = false;
    bool hop_limit_done = false;   ///< an endpoint behavior has decremented it already
    bool headers_kept = false;     ///< as received, by keep_headers(): they have been written over
    bool own_option = false;       ///< this router put the TCQF option in front
    bool steered = false;          ///< into a policy, whose selector this router adds
    std::uint8_t endpoints = 0;    ///< local SIDs passed
    std::uint8_t number_bits = 0;  ///< of the control word pushed, which waits for its number
    ExtensionHeaders extensions{};

    std::uint32_t packet_bits() const { return received_octets * 8; }
    std::uint32_t payload_octets() const { return received_octets - received_header_octets; }
};

enum class Stage : std::uint8_t { in_cycle, police, shape, queue };

/// What was decided for a packet whose headers are finished but for an ingress tag; it is carried
/// out by the owner of the outgoing interface. Lies in the packet's private area while it crosses
/// workers.
struct Decision {
    CycleNumber cycle = 0;  ///< in_cycle
    std::int64_t now_ns = 0;
    std::uint8_t* tag_place = nullptr;  ///< police, shape
    std::uint32_t octets = 0;           ///< of the frame
    std::uint32_t share = 0;
    std::uint32_t flow = 0;  ///< police, shape: workers may be on different tables for a moment
    std::uint32_t packet_bits = 0;
    std::uint32_t payload_octets = 0;
    std::uint32_t version = 0;  ///< of oif, in the tables that it was made with
    config::InterfaceIndex oif = 0;
    std::uint16_t worker = 0;  ///< police: of the flow
    Stage stage = Stage::queue;
    TrafficClass traffic_class = TrafficClass::best_effort;
    bool may_go_untagged = false;
    bool own_option = false;
    std::uint8_t number_bits = 0;  ///< police, shape: of a control word without its number
};

inline constexpr std::uint16_t kPacketPrivateOctets = 64;
static_assert(sizeof(Decision) <= kPacketPrivateOctets);

inline Decision* decision_of(rte_mbuf* mbuf) {
    return static_cast<Decision*>(rte_mbuf_to_priv(mbuf));
}

}  // namespace tcqf::dataplane
