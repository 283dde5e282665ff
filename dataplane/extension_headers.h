// IPv6 extension headers: found, checked and, for TCQF options, retired in place (RFC 8200, 4; RFC
// 9673; draft-eckert-detnet-tcqf-10, 4.5).
#pragma once

#include <cstdint>
#include <span>

#include "config/router.h"
#include "dataplane/headers.h"

namespace tcqf::dataplane {

/// Where things are in a packet, as offsets from the start of the IPv6 header; 0 means "not there".
struct ExtensionHeaders {
    std::uint16_t tcqf_hop_by_hop =
        0;  ///< type octet of the first TCQF option in the hop-by-hop header
    std::uint16_t tcqf_destination = 0;  ///< the same in the destination header that counts
    std::uint16_t nrp_option = 0;        ///< first NRP option of the hop-by-hop header
    std::uint16_t routing_named_at = 0;  ///< the next-header octet that names the routing header
    std::uint16_t routing = 0;  ///< the first routing header with segments left, else the first
    std::uint16_t fragment = 0;
    std::uint16_t authentication = 0;  ///< first AH: where the chain ends for flows
    std::uint16_t upper =
        40;  ///< first header that is no extension header, or what cannot be looked into
    std::uint16_t unknown_option = 0;  ///< type octet of the first unknown hop-by-hop option that
                                       ///< asks for the packet to be discarded
    std::uint16_t unknown_destination_option = 0;  ///< the same of the destination headers that the
                                                   ///< one in the destination address looks at
    std::uint8_t upper_protocol = 0;
    bool has_tcqf = false;  ///< in whichever header

    bool operator==(const ExtensionHeaders&) const = default;

    std::uint16_t tcqf(config::OptionHeader header) const {
        return header == config::OptionHeader::hop_by_hop ? tcqf_hop_by_hop : tcqf_destination;
    }
};

/// More headers than this in one packet are taken for an attack.
inline constexpr unsigned kMaxExtensionHeaders = 16;

/// Whether anything follows the IPv6 header that `walk_extension_headers` would look into.
constexpr bool has_extension_headers(std::uint8_t next_header) {
    return next_header == 0 || next_header == 43 || next_header == 44 || next_header == 51 ||
           next_header == 60;
}

/// Walks the chain of `packet`, which starts with a checked IPv6 header and ends with its payload.
/// Of several destination headers the one before the routing header counts, else the only one.
/// Returns false where a header or option reaches beyond its bounds, a hop-by-hop header is not the
/// first, or there are too many headers.
bool walk_extension_headers(std::span<const std::uint8_t> packet,
                            const config::CodePoints& code_points, ExtensionHeaders& found);

/// Options of a chain in the layout that TCQF routers write: nothing but a hop-by-hop header of a
/// TCQF option without E flag and padding, of that and an NRP option, or of an NRP option alone,
/// maybe with a routing header behind it. Offsets from the start of the IPv6 header; 0 means "not
/// there".
struct UsualOptions {
    std::uint16_t tcqf = 0;
    std::uint16_t nrp = 0;
    std::uint16_t routing = 0;  ///< its length is checked, nothing else
};

/// Reads chains in the usual layout, without walking them.
class UsualLayout {
  public:
    UsualLayout() : UsualLayout(config::CodePoints{}) {}
    explicit UsualLayout(const config::CodePoints& code_points);

    /// `ip`: a checked IPv6 header of a packet of `octets`. False where its chain is any other.
    bool read(const std::uint8_t* ip, std::uint32_t octets, UsualOptions& found) const {
        std::uint32_t offset = kIpv6Octets;
        std::uint8_t next = ipv6::next(ip);
        if (next == protocol::kHopByHop) {
            if (octets < kIpv6Octets + 8) {
                return false;
            }
            const std::uint64_t fixed = load64(ip + kIpv6Octets) & kFixed;
            const bool has_nrp = fixed == with_nrp_;
            if (has_nrp || fixed == with_padn_ || fixed == with_pad1_) {
                found.tcqf = kIpv6Octets + 2;
                found.nrp = has_nrp ? kIpv6Octets + 6 : 0;
            } else if (load32(ip + kIpv6Octets) << 8 == nrp_alone_) {
                found.nrp = kIpv6Octets + 2;
            } else {
                return false;
            }
            next = ip[kIpv6Octets];
            offset += found.nrp != 0 ? 16 : 8;
            if (offset > octets || (found.tcqf == 0 && load32(ip + offset - 4) != kPadding)) {
                return false;
            }
        }
        if (next == protocol::kRouting) {
            if (octets - offset < 8 || (ip[offset + 1] + 1u) * 8u > octets - offset) {
                return false;
            }
            found.routing = static_cast<std::uint16_t>(offset);
            next = ip[offset];
        }
        return !has_extension_headers(next);
    }

  private:
    /// Of a hop-by-hop header's first 8 octets: all but the next header, the TCQF option's flags
    /// other than E, and the cycle.
    static constexpr std::uint64_t kFixed = 0x00ff'ffff'8000'ffff;
    static constexpr std::uint32_t kPadding = 0x0102'0000;  ///< PadN, behind an NRP option alone

    std::uint64_t with_nrp_;
    std::uint64_t with_padn_;
    std::uint64_t with_pad1_;
    std::uint32_t nrp_alone_;  ///< the same, of 4 octets, in their upper three
};

/// An NRP option of the layout that this router reads (draft-jiang-spring-sr-policy-nrp-05).
inline constexpr std::uint8_t kNrpOptionOctets = 10;
inline constexpr std::uint8_t kNrpStrictFlag = 0x80;  // in the octet of flags

/// A TCQF option's length agrees with its E flag: 2 octets without, 10 with it.
bool tcqf_option_well_formed(const std::uint8_t* option);
/// The octet of a TCQF option that holds the Cycle Id.
inline constexpr unsigned kCycleIdOffset = 3;

/// Turns every TCQF option of a walked packet into one that nobody minds: type `retired_option`,
/// data zero, length as it was (receivers drop long padding).
/// `kept`, where not null, is an option that stays.
void retire_tcqf_options(std::span<std::uint8_t> packet, const config::CodePoints& code_points,
                         const std::uint8_t* kept = nullptr);

}  // namespace tcqf::dataplane
