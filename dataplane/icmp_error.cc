// ICMP and ICMPv6 errors (RFC 792, RFC 1812 4.3.2, RFC 4443, RFC 4884, RFC 4950).

#include "dataplane/icmp_error.h"

#include <cstring>

#include "dataplane/forwarder.h"
#include "dataplane/headers.h"

namespace tcqf::dataplane {
namespace {

constexpr std::uint32_t kIcmpOctets = 8;
constexpr std::uint32_t kIpv4ErrorOctets = 576;       // RFC 1812, 4.3.2.3
constexpr std::uint32_t kIpv6ErrorOctets = 1280;      // RFC 4443, 2.4 (c)
constexpr std::uint32_t kQuoteBeforeExtension = 128;  // RFC 4884, 4.6
constexpr std::uint8_t kOwnHopLimit = 64;
constexpr std::uint8_t kInternetworkControl = 0xc0;  // RFC 1812, 4.3.2.5

/// The IP packet that an error is about, as it was received.
struct Quoted {
    const std::uint8_t* ip = nullptr;
    std::uint32_t octets = 0;
    bool is_ipv6 = false;
    const std::uint8_t* labels = nullptr;  // the stack above it, as received
    std::uint32_t labels_octets = 0;
    bool extended = false;  // the stack is reported (RFC 4884 names the messages that can)
};

/// False where what is beneath the labels is no IP packet.
bool find_quoted(std::span<const std::uint8_t> received, bool came_labelled, Quoted& quoted) {
    quoted.ip = received.data();
    quoted.octets = static_cast<std::uint32_t>(received.size());
    if (came_labelled) {
        quoted.labels = received.data();
        quoted.labels_octets = mpls::stack_octets(received.data());
        quoted.ip += quoted.labels_octets;
        quoted.octets -= quoted.labels_octets;
    }
    if (quoted.octets == 0) {
        return false;
    }
    quoted.is_ipv6 = quoted.ip[0] >> 4 == 6;
    if (quoted.is_ipv6) {
        return quoted.octets >= kIpv6Octets;
    }
    return quoted.ip[0] >> 4 == 4 && quoted.octets >= kIpv4Octets &&
           ipv4::header_octets(quoted.ip) >= kIpv4Octets &&
           ipv4::header_octets(quoted.ip) <= quoted.octets;
}

/// The checks of RFC 1812, 5.2.2, and of IPv6 lengths: labels are forwarded without them, but what
/// fails them is not answered (4.3.2.7), for its source may be anybody's.
bool is_header_right(const Quoted& quoted) {
    if (quoted.is_ipv6) {
        return kIpv6Octets + ipv6::payload_octets(quoted.ip) <= quoted.octets;
    }
    // Not ipv4::checksum_right: a second caller would take it out of the way that packets go.
    const std::uint32_t header = ipv4::header_octets(quoted.ip);
    return ipv4::total_octets(quoted.ip) >= header &&
           ipv4::total_octets(quoted.ip) <= quoted.octets &&
           checksum_finish(checksum_add(quoted.ip, header)) == 0;
}

/// RFC 1812, 4.3.2.7.
bool silent_ipv4(const Quoted& quoted) {
    const std::uint8_t* ip = quoted.ip;
    const std::uint32_t source = ipv4::source(ip);
    const std::uint32_t destination = ipv4::destination(ip);
    if ((ipv4::fragment_field(ip) & ipv4::kOffsetMask) != 0 || !ipv4::is_unicast(source) ||
        destination >= 0xe0000000) {
        return true;
    }
    if (ipv4::next(ip) != protocol::kIcmp) {
        return false;
    }
    const std::uint32_t header = ipv4::header_octets(ip);
    if (quoted.octets <= header) {
        return true;
    }
    switch (ip[header]) {  // errors, and what cannot be told from one
        case 3:
        case 4:
        case 5:
        case 11:
        case 12:
            return true;
        default:
            return false;
    }
}

/// Whether an address means all hosts of a subnet that is connected in a table. One of two hosts
/// has no such address (RFC 3021).
bool is_directed_broadcast(const Snapshot& tables, std::uint16_t table, std::uint32_t address) {
    const std::vector<config::Interface>& interfaces = tables.config->interfaces;
    for (std::size_t i = 0; i < interfaces.size(); ++i) {
        if (tables.interfaces[i].route_table != table) {
            continue;
        }
        for (const config::IpPrefix& prefix : interfaces[i].addresses) {
            const std::uint32_t hosts = prefix.length < 31 ? UINT32_MAX >> prefix.length : 0;
            if (!prefix.address.is_ipv6 && hosts != 0 &&
                address == (prefix.address.ipv4() | hosts)) {
                return true;
            }
        }
    }
    return false;
}

/// RFC 4443, 2.4 (e).
bool silent_ipv6(const Quoted& quoted, const IcmpError& error,
                 const config::CodePoints& code_points) {
    const std::uint8_t* source = ipv6::source(quoted.ip);
    if (ipv6::is_unspecified(source) || ipv6::is_multicast(source) || ipv6::is_loopback(source)) {
        return true;
    }
    if (ipv6::is_multicast(ipv6::destination(quoted.ip)) && !error.answers_multicast) {
        return true;
    }
    ExtensionHeaders extensions;
    const std::uint32_t octets =
        std::min(quoted.octets, kIpv6Octets + std::uint32_t{ipv6::payload_octets(quoted.ip)});
    if (!walk_extension_headers({quoted.ip, octets}, code_points, extensions)) {
        return true;
    }
    if (extensions.upper_protocol != protocol::kIcmpv6) {
        return false;
    }
    if (extensions.fragment != 0 && load16(quoted.ip + extensions.fragment + 2) >> 3 != 0) {
        return true;  // a later fragment of an ICMPv6 message: it may be an error
    }
    constexpr std::uint8_t kRedirect = 137;
    constexpr std::uint8_t kFirstInformational = 128;
    return extensions.upper >= octets || quoted.ip[extensions.upper] < kFirstInformational ||
           quoted.ip[extensions.upper] == kRedirect;
}

/// RFC 4950: the label stack as received, in an extension structure (RFC 4884). Returns its length.
std::uint32_t write_label_extension(std::uint8_t* at, const Quoted& quoted) {
    constexpr std::uint32_t kHeader = 4;
    const std::uint32_t object = 4 + quoted.labels_octets;
    store32(at, 2u << 28);  // version 2, checksum to come
    store16(at + kHeader, static_cast<std::uint16_t>(object));
    at[kHeader + 2] = 1;  // class: MPLS label stack
    at[kHeader + 3] = 1;  // c-type: incoming stack
    std::memcpy(at + kHeader + 4, quoted.labels, quoted.labels_octets);
    store16(at + 2, checksum_finish(checksum_add(at, kHeader + object)));
    return kHeader + object;
}

/// Everything behind the ICMP header: the quoted packet and, for labelled ones, the stack. Returns
/// its length.
std::uint32_t write_body(std::uint8_t* at, const Quoted& quoted, std::uint32_t room) {
    if (!quoted.extended) {
        const std::uint32_t octets = std::min(quoted.octets, room);
        std::memcpy(at, quoted.ip, octets);
        return octets;
    }
    const std::uint32_t octets = std::min(quoted.octets, kQuoteBeforeExtension);
    std::memcpy(at, quoted.ip, octets);
    std::memset(at + octets, 0, kQuoteBeforeExtension - octets);
    Quoted reported = quoted;
    constexpr std::uint32_t kExtensionHeaders = 8;
    reported.labels_octets =
        std::min(quoted.labels_octets,
                 (room - kQuoteBeforeExtension - kExtensionHeaders) / kLabelOctets * kLabelOctets);
    return kQuoteBeforeExtension + write_label_extension(at + kQuoteBeforeExtension, reported);
}

std::uint32_t write_ipv4_error(std::uint8_t* ip, const Quoted& quoted, const IcmpError& error,
                               const config::IpAddress& source) {
    std::memset(ip, 0, kIpv4Octets + kIcmpOctets);
    std::uint8_t* icmp = ip + kIpv4Octets;
    icmp[0] = error.ipv4_type;
    icmp[1] = error.ipv4_code;
    if (error.ipv4_type == 3) {
        store16(icmp + 6, static_cast<std::uint16_t>(error.value));
    }
    if (quoted.extended) {
        icmp[5] = kQuoteBeforeExtension / 4;
    }
    const std::uint32_t octets =
        kIcmpOctets +
        write_body(icmp + kIcmpOctets, quoted, kIpv4ErrorOctets - kIpv4Octets - kIcmpOctets);
    store16(icmp + 2, checksum_finish(checksum_add(icmp, octets)));

    ip[0] = 0x45;
    ip[1] = kInternetworkControl;
    store16(ip + 2, static_cast<std::uint16_t>(kIpv4Octets + octets));
    ip[8] = kOwnHopLimit;
    ip[9] = protocol::kIcmp;
    std::memcpy(ip + 12, source.octets.data(), 4);
    std::memcpy(ip + 16, quoted.ip + 12, 4);
    ipv4::write_checksum(ip);
    return kIpv4Octets + octets;
}

std::uint32_t write_ipv6_error(std::uint8_t* ip, const Quoted& quoted, const IcmpError& error,
                               const config::IpAddress& source) {
    std::memset(ip, 0, kIpv6Octets + kIcmpOctets);
    std::uint8_t* icmp = ip + kIpv6Octets;
    icmp[0] = error.ipv6_type;
    icmp[1] = error.ipv6_code;
    store32(icmp + 4, error.value);
    if (quoted.extended) {
        icmp[4] = kQuoteBeforeExtension / 8;
    }
    const std::uint32_t octets =
        kIcmpOctets +
        write_body(icmp + kIcmpOctets, quoted, kIpv6ErrorOctets - kIpv6Octets - kIcmpOctets);

    ip[0] = 0x60;
    store16(ip + 4, static_cast<std::uint16_t>(octets));
    ip[6] = protocol::kIcmpv6;
    ip[7] = kOwnHopLimit;
    std::memcpy(ip + 8, source.octets.data(), 16);
    ipv6::set_destination(ip, ipv6::source(quoted.ip));
    std::uint32_t sum = checksum_add(ip + 8, 32, octets + protocol::kIcmpv6);
    store16(icmp + 2, checksum_finish(checksum_add(icmp, octets, sum)));
    return kIpv6Octets + octets;
}

bool is_group_frame(const Packet& packet) {
    return (rte_pktmbuf_mtod(packet.mbuf, const std::uint8_t*)[0] & 1) != 0;
}

/// Whether the RFCs want the source of a packet to be told.
bool wants_answer(const Snapshot& tables, const Packet& packet, const Quoted& quoted,
                  const IcmpError& error) {
    if (is_group_frame(packet) && !error.answers_multicast) {
        return false;
    }
    // Headers are kept of what has been checked, and only as much of the packet as errors quote.
    if (packet.came_labelled && !packet.headers_kept && !is_header_right(quoted)) {
        return false;
    }
    if (quoted.is_ipv6) {
        return !silent_ipv6(quoted, error, tables.code_points);
    }
    const bool is_too_big = error.ipv6_type == 2;
    const bool dont_fragment = (ipv4::fragment_field(quoted.ip) & ipv4::kDontFragment) != 0;
    return (!is_too_big || dont_fragment) && !silent_ipv4(quoted) &&
           // RFC 1812, 4.3.2.7
           !is_directed_broadcast(tables, packet.route_table, ipv4::destination(quoted.ip));
}

const RouteAction& way_back(const Snapshot& tables, std::uint16_t table, const Quoted& quoted) {
    return tables.in_force(quoted.is_ipv6 ? tables.route(table, ipv6::source(quoted.ip))
                                          : tables.route(table, ipv4::source(quoted.ip)));
}

bool leads_on(const Snapshot& tables, const RouteAction& route) {
    return route.kind == RouteKind::forward ||
           (route.kind == RouteKind::policy && tables.policies[route.index].is_valid());
}

/// Writes an error into an empty buffer that has the room.
Packet answer_in(rte_mbuf* mbuf, const Quoted& quoted, const IcmpError& error,
                 const config::IpAddress& source) {
    auto* ip = rte_pktmbuf_mtod(mbuf, std::uint8_t*) + kEthernetOctets;
    const std::uint32_t octets = quoted.is_ipv6 ? write_ipv6_error(ip, quoted, error, source)
                                                : write_ipv4_error(ip, quoted, error, source);
    mbuf->pkt_len = kEthernetOctets + octets;
    mbuf->data_len = static_cast<std::uint16_t>(mbuf->pkt_len);
    Packet answer;
    answer.mbuf = mbuf;
    answer.l3 = ip;
    answer.received_l3 = ip;
    answer.l3_octets = octets;
    answer.received_octets = octets;
    answer.kind = quoted.is_ipv6 ? Layer3::ipv6 : Layer3::ipv4;
    answer.generated = true;
    answer.extensions.upper_protocol = protocol::kIcmpv6;
    return answer;
}

}  // namespace

/// To be called before headers of a received packet are written over while it can still fail.
void Forwarder::keep_headers(Packet& packet) {
    if (packet.headers_kept) {
        return;
    }
    packet.headers_kept = true;
    const auto in_front = static_cast<std::uint32_t>(packet.l3 - packet.received_l3);
    kept_.packet_octets = in_front + packet.l3_octets;
    kept_.octets = in_front + packet.extensions.upper;
    std::memcpy(kept_.bytes.data(), packet.received_l3, kept_.octets);
}

/// The packet behind its Ethernet header as it was received, as far as errors look at it.
std::span<const std::uint8_t> Forwarder::as_received(const Packet& packet) {
    const std::uint8_t* end = packet.l3 + packet.l3_octets;
    if (!packet.headers_kept) {
        return {packet.received_l3, end};
    }
    const std::uint32_t rest = kept_.packet_octets - kept_.octets;
    const std::uint32_t copied = std::min(rest, kIpv6ErrorOctets);  // no error quotes more
    std::memcpy(kept_.bytes.data() + kept_.octets, end - rest, copied);
    return {kept_.bytes.data(), kept_.octets + copied};
}

/// Answers a packet that is about to be dropped, where the RFCs and the rate limit allow it.
void Forwarder::icmp_error(const Packet& packet, IcmpError error) {
    Quoted quoted;
    if (packet.generated || packet.from_kernel ||
        !find_quoted(as_received(packet), packet.came_labelled, quoted) ||
        !wants_answer(*tables_, packet, quoted, error)) {
        return;
    }
    if (error.ipv6_type == 4 && packet.headers_kept) {
        // A pointer is an offset within the quote: what PSP took out stands in front of its field.
        error.value += kept_.packet_octets - quoted.labels_octets - packet.l3_octets;
    }
    // ICMPv6: destination unreachable and time exceeded alone (RFC 4884, 4.5).
    quoted.extended = quoted.labels != nullptr &&
                      (!quoted.is_ipv6 || error.ipv6_type == 1 || error.ipv6_type == 3);
    // The table of End.T is for the way on, not for the way back.
    const std::uint16_t table = packet.hop_limit_done ? packet.in->route_table : packet.route_table;
    const auto& source = quoted.is_ipv6 ? packet.in->source_ipv6 : packet.in->source_ipv4;
    const RouteAction& back = way_back(*tables_, table, quoted);
    if (!source || !leads_on(*tables_, back) ||
        !shared_.state_of(packet.iif).icmp_bucket.take(packet.now_ns)) {
        return;
    }
    rte_mbuf* mbuf = rte_pktmbuf_alloc(shared_.options.pool);
    if (mbuf == nullptr || rte_pktmbuf_tailroom(mbuf) < kEthernetOctets + kIpv6ErrorOctets) {
        rte_pktmbuf_free(mbuf);
        return;
    }
    counters().generated.add(1);
    Packet answer = answer_in(mbuf, quoted, error, *source);
    answer.in = packet.in;
    answer.iif = packet.iif;
    answer.route_table = table;
    answer.now_ns = packet.now_ns;
    if (back.kind == RouteKind::policy) {
        return steer(answer, tables_->policies[back.index], kOwnHopLimit);
    }
    send_ip(answer, choose_hop(answer, back.hops), kOwnHopLimit);
}

}  // namespace tcqf::dataplane
