// The outer IPv6 header of an SR policy's segment list, prepared when tables are built (RFC 8986,
// 5.1 and 5.2; draft-eckert-detnet-tcqf-10, 4.5; draft-jiang-spring-sr-policy-nrp-05).
#pragma once

#include <rte_memcpy.h>

#include <array>
#include <cstdint>
#include <vector>

#include "config/router.h"
#include "dataplane/extension_headers.h"
#include "dataplane/headers.h"

namespace tcqf::dataplane {

inline constexpr unsigned kMaxListedSegments = 16;
using SegmentIdentifier = std::array<std::uint8_t, 16>;

/// Which header of a chain has a TCQF option.
enum class TcqfPlace : std::uint8_t { none, hop_by_hop, destination };
inline constexpr std::size_t kTcqfPlaces = 3;

constexpr TcqfPlace place_in(config::OptionHeader header) {
    return header == config::OptionHeader::hop_by_hop ? TcqfPlace::hop_by_hop
                                                      : TcqfPlace::destination;
}

/// An IPv6 header with its extension headers, complete but for what differs from packet to packet.
struct alignas(64) OuterHeader {
    static constexpr std::uint32_t kMaxOctets = kIpv6Octets + 16 + 8 + 8 + 16 * kMaxListedSegments;

    std::uint16_t octets = 0;
    std::uint16_t inner_named_at = 0;  ///< offset of the octet that says what follows
    ExtensionHeaders extensions{};     ///< of a packet with this header in front
    std::array<std::uint8_t, kMaxOctets> bytes{};

    bool operator==(const OuterHeader&) const = default;

    /// Writes `octets` at `ip`, in front of a packet of `inner_octets`. The cycle stays 0.
    void write(std::uint8_t* ip, std::uint8_t traffic_class, std::uint32_t flow_label,
               std::uint8_t inner_protocol, std::uint32_t inner_octets) const {
        rte_memcpy(ip, bytes.data(), octets);
        store32(ip, 6u << 28 | std::uint32_t{traffic_class} << 20 | flow_label);
        store16(ip + 4, static_cast<std::uint16_t>(inner_octets + octets - kIpv6Octets));
        ip[inner_named_at] = inner_protocol;
    }
};

/// Those of one segment list: which one a packet gets depends on how it comes to the policy, and on
/// where it leaves.
struct OuterHeaders {
    std::array<OuterHeader, 2 * kTcqfPlaces> all;

    bool operator==(const OuterHeaders&) const = default;

    /// `reduced`: H.Encaps.Red, the first segment is in the address alone.
    const OuterHeader& of(bool reduced, TcqfPlace place) const {
        return all[(reduced ? kTcqfPlaces : 0) + static_cast<std::size_t>(place)];
    }
};

/// What the outer headers of a list are made of.
struct OuterHeaderSpec {
    SegmentIdentifier source{};
    std::vector<SegmentIdentifier> segments;  ///< 1 to kMaxListedSegments
    bool has_nrp = false;
    bool strict = false;
    std::uint32_t selector = 0;
    config::CodePoints code_points{};

    bool operator==(const OuterHeaderSpec&) const = default;
};
OuterHeader outer_header(const OuterHeaderSpec& spec, bool reduced, TcqfPlace place);
OuterHeaders outer_headers(const OuterHeaderSpec& spec);

/// Takes the TCQF option, at offset `option`, out of such a header, which starts at `ip` and is
/// shorter afterwards by the octets returned: it starts that much later, what follows stays where
/// it is.
std::uint32_t take_out_tcqf_option(std::uint8_t* ip, std::uint32_t option);

}  // namespace tcqf::dataplane
