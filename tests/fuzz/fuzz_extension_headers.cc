// Extension headers of IPv6: what is found lies within the packet and is what it is said to be, and
// retiring TCQF options changes nothing else.
//
// Input: what follows the next-header octet's value, which comes first.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "dataplane/extension_headers.h"
#include "dataplane/headers.h"

using namespace tcqf;
using dataplane::ExtensionHeaders;

namespace {

constexpr config::CodePoints kCodePoints;
constexpr std::size_t kLongest = 9000;  // octets of a packet; a frame has at most that many

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

using Packet = std::vector<std::uint8_t>;

Packet ipv6(const std::uint8_t* data, std::size_t size) {
    Packet packet(kIpv6Octets);
    packet[0] = 0x60;
    packet[6] = data[0];
    packet.insert(packet.end(), data + 1, data + std::min(size, kLongest));
    return packet;
}

void check_option(const Packet& packet, std::uint16_t at, std::uint8_t type) {
    if (at != 0) {
        require(at > kIpv6Octets && at + 2u <= packet.size() && packet[at] == type &&
                at + 2u + packet[at + 1] <= packet.size());
    }
}

void check(const Packet& packet, const ExtensionHeaders& found) {
    check_option(packet, found.tcqf_hop_by_hop, kCodePoints.tcqf_option);
    check_option(packet, found.tcqf_destination, kCodePoints.tcqf_option);
    check_option(packet, found.nrp_option, kCodePoints.nrp_option);
    require(found.has_tcqf || (found.tcqf_hop_by_hop == 0 && found.tcqf_destination == 0));
    for (const std::uint16_t unknown : {found.unknown_option, found.unknown_destination_option}) {
        if (unknown != 0) {
            check_option(packet, unknown, packet[unknown]);
            require(packet[unknown] >> 6 != 0);
        }
    }
    if (found.routing != 0) {
        require(packet[found.routing_named_at] == dataplane::protocol::kRouting &&
                found.routing + (packet[found.routing + 1u] + 1u) * 8u <= packet.size());
    }
    require(found.fragment == 0 || found.fragment + 8u <= packet.size());
    require(found.upper >= kIpv6Octets && found.upper <= packet.size());
}

/// The same but for TCQF options.
void check_retired(const Packet& before, const Packet& after, const ExtensionHeaders& walked) {
    ExtensionHeaders again;
    require(dataplane::walk_extension_headers(after, kCodePoints, again));
    require(!again.has_tcqf && again.nrp_option == walked.nrp_option &&
            again.unknown_option == walked.unknown_option &&
            again.unknown_destination_option == walked.unknown_destination_option &&
            again.routing == walked.routing && again.upper == walked.upper &&
            again.upper_protocol == walked.upper_protocol);
    require(before == after || walked.has_tcqf);
    require(std::equal(before.begin() + walked.upper, before.end(), after.begin() + walked.upper));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const Packet packet = ipv6(data, size);
    ExtensionHeaders found;
    if (dataplane::walk_extension_headers(packet, kCodePoints, found)) {
        check(packet, found);
        Packet retired = packet;
        dataplane::retire_tcqf_options(retired, kCodePoints);
        check_retired(packet, retired, found);
    }
    return 0;
}
