#include "dataplane/outer_header.h"

#include <cstring>

#include "dataplane/segment_routing_header.h"

namespace tcqf::dataplane {
namespace {

constexpr std::uint8_t kHopLimit = 64;  // of outer headers (RFC 2473, 6.3)
constexpr std::uint8_t kTcqfOptionOctets = 4;

/// Writes a chain of headers one after the other.
class Writer {
  public:
    Writer(OuterHeader& header, const OuterHeaderSpec& spec)
        : header_(header), spec_(spec), ip_(header.bytes.data()) {}

    void write(bool reduced, TcqfPlace place) {
        ip_[0] = 6 << 4;
        ip_[7] = kHopLimit;
        std::memcpy(ip_ + 8, spec_.source.data(), 16);
        std::memcpy(ip_ + 24, spec_.segments.front().data(), 16);
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

    /// Ends a header of options at a multiple of 8 octets, with PadN or Pad1.
    void pad() {
        const std::uint32_t missing = (8 - (at_ - header_at_) % 8) % 8;
        if (missing > 1) {
            ip_[at_] = 1;
            ip_[at_ + 1] = static_cast<std::uint8_t>(missing - 2);
        }
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

}  // namespace

OuterHeader outer_header(const OuterHeaderSpec& spec, bool reduced, TcqfPlace place) {
    OuterHeader header;
    Writer(header, spec).write(reduced, place);
    return header;
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
