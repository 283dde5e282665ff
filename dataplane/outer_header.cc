#include "dataplane/outer_header.h"

#include <cstring>

#include "dataplane/segment_routing_header.h"

namespace tcqf::dataplane {
namespace {

constexpr std::uint8_t kHopLimit = 64;  // of outer headers (RFC 2473, 6.3)
constexpr std::uint8_t kTcqfOptionOctets = 4;

/// PadN or Pad1 in octets that are 0.
void write_padding(std::uint8_t* at, std::uint32_t octets) {
    if (octets > 1) {
        at[0] = 1;
        at[1] = static_cast<std::uint8_t>(octets - 2);
    }
}

/// Writes a chain of headers one after the other.
class Writer {
  public:
    Writer(OuterHeader& header, const OuterHeaderSpec& spec)
        : header_(header), spec_(spec), ip_(header.bytes.data()) {}

    void write(bool reduced, TcqfPlace place) {
        ip_[0] = 6 << 4;
        ip_[7] = kHopLimit;
        std::memcpy(ip_ + 8, spec_.source.data(), 16);
        ipv6::set_destination(ip_, spec_.segments.front().data());
        at_ = kIpv6Octets;
        if (place == TcqfPlace::hop_by_hop || spec_.has_nrp) {
            begin(protocol::kHopByHop);
            if (place == TcqfPlace::hop_by_hop) {
                add_tcqf_option();
            }
            if (spec_.has_nrp) {
                add_nrp_option();
            }
            pad();
        }
        if (place == TcqfPlace::destination) {
            begin(protocol::kDestination);
            add_tcqf_option();
            pad();
        }
        add_routing_header(reduced);
        header_.octets = static_cast<std::uint16_t>(at_);
        header_.inner_named_at = static_cast<std::uint16_t>(named_at_);
        ip_[named_at_] = protocol::kIpv6;
        walk_extension_headers({ip_, at_}, spec_.code_points, header_.extensions);
    }

  private:
    void begin(std::uint8_t type) {
        ip_[named_at_] = type;
        named_at_ = header_at_ = at_;
        at_ += 2;
    }

    void add_tcqf_option() {
        ip_[at_] = spec_.code_points.tcqf_option;
        ip_[at_ + 1] = kTcqfOptionOctets - 2;  // the cycle comes last
        at_ += kTcqfOptionOctets;
    }

    void add_nrp_option() {
        ip_[at_] = spec_.code_points.nrp_option;
        ip_[at_ + 1] = kNrpOptionOctets - 2;
        ip_[at_ + 2] = spec_.strict ? kNrpStrictFlag : std::uint8_t{0};
        store32(ip_ + at_ + 6, spec_.selector);  // behind a context type of 0
        at_ += kNrpOptionOctets;
    }

    /// Ends a header of options at a multiple of 8 octets.
    void pad() {
        const std::uint32_t missing = (8 - (at_ - header_at_) % 8) % 8;
        write_padding(ip_ + at_, missing);
        at_ += missing;
        ip_[header_at_ + 1] = static_cast<std::uint8_t>((at_ - header_at_) / 8 - 1);
    }

    /// RFC 8754, 4.1.1; a single segment needs none where the first one is in the address alone.
    void add_routing_header(bool reduced) {
        const std::size_t count = spec_.segments.size();
        const std::size_t listed = reduced ? count - 1 : count;
        if (listed == 0) {
            return;
        }
        begin(protocol::kRouting);
        std::uint8_t* routing = ip_ + header_at_;
        routing[1] = static_cast<std::uint8_t>(2 * listed);
        routing[2] = srh::kRoutingType;
        routing[3] = static_cast<std::uint8_t>(count - 1);
        routing[4] = static_cast<std::uint8_t>(listed - 1);
        for (std::size_t i = 0; i < listed; ++i) {
            std::memcpy(routing + 8 + 16 * i, spec_.segments[count - 1 - i].data(), 16);
        }
        at_ = header_at_ + 8 + 16 * static_cast<std::uint32_t>(listed);
    }

    OuterHeader& header_;
    const OuterHeaderSpec& spec_;
    std::uint8_t* ip_;
    std::uint32_t at_ = 0;
    std::uint32_t header_at_ = 0;
    std::uint32_t named_at_ = 6;  // the octet that says what comes next
};

/// What is left of a header of options without the first one, the TCQF option.
void move_nrp_option_up(std::uint8_t* header) {
    std::uint8_t* end = header + 2 + kNrpOptionOctets;
    std::memmove(header + 2, header + 2 + kTcqfOptionOctets, kNrpOptionOctets);
    std::memset(end, 0, kTcqfOptionOctets);
    write_padding(end, kTcqfOptionOctets);
}

}  // namespace

OuterHeader outer_header(const OuterHeaderSpec& spec, bool reduced, TcqfPlace place) {
    OuterHeader header;
    Writer(header, spec).write(reduced, place);
    return header;
}

std::uint32_t take_out_tcqf_option(std::uint8_t* ip, std::uint32_t option) {
    constexpr std::uint32_t kLoneOptionOctets = 8;  // of a header with the TCQF option alone
    const std::uint32_t header = option - 2;
    if (ip[header + 1] != 0) {
        move_nrp_option_up(ip + header);
        return 0;
    }
    // Named by the IPv6 header, or by the hop-by-hop header behind that.
    ip[header == kIpv6Octets ? 6 : kIpv6Octets] = ip[header];
    store16(ip + 4, static_cast<std::uint16_t>(ipv6::payload_octets(ip) - kLoneOptionOctets));
    std::memmove(ip + kLoneOptionOctets, ip, header);
    return kLoneOptionOctets;
}

OuterHeaders outer_headers(const OuterHeaderSpec& spec) {
    OuterHeaders headers;
    for (std::size_t i = 0; i < headers.all.size(); ++i) {
        headers.all[i] =
            outer_header(spec, i >= kTcqfPlaces, static_cast<TcqfPlace>(i % kTcqfPlaces));
    }
    return headers;
}

}  // namespace tcqf::dataplane
