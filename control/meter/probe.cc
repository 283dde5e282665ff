#include "control/meter/probe.h"

#include <algorithm>
#include <cstring>

#include "dataplane/headers.h"

namespace tcqf::control::meter {

namespace {

using namespace dataplane;

constexpr std::uint64_t kMagic = 0x5443'5146'5052'4231;  // "TCQFPRB1"
constexpr std::uint32_t kUdpOctets = 8;
constexpr std::uint32_t kOptionsHeaderOctets = 8;
constexpr std::uint8_t kOptionDataOctets = 2;  // flags, Cycle Id

void store64(std::uint8_t* p, std::uint64_t value) {
    store32(p, static_cast<std::uint32_t>(value >> 32));
    store32(p + 4, static_cast<std::uint32_t>(value));
}

std::uint32_t ip_octets(const ProbeShape& shape) {
    const std::uint32_t options =
        shape.destination.is_ipv6 && shape.option_header ? kOptionsHeaderOctets : 0;
    return (shape.destination.is_ipv6 ? kIpv6Octets : kIpv4Octets) + options;
}

void write_ethernet(std::uint8_t* to, const ProbeShape& shape) {
    std::copy(shape.to.begin(), shape.to.end(), to);
    std::copy(shape.from.begin(), shape.from.end(), to + 6);
    store16(to + 12, !shape.labels.empty()       ? ethertype::kMpls
                     : shape.destination.is_ipv6 ? ethertype::kIpv6
                                                 : ethertype::kIpv4);
}

void write_labels(std::uint8_t* to, const ProbeShape& shape) {
    for (std::size_t i = 0; i < shape.labels.size(); ++i) {
        const bool bottom = i + 1 == shape.labels.size();
        store32(to + 4 * i,
                mpls::entry(shape.labels[i], shape.traffic_class, bottom, shape.hop_limit));
    }
}

void write_ipv4(std::uint8_t* ip, const ProbeShape& shape) {
    ip[0] = 0x45;
    ip[1] = static_cast<std::uint8_t>(shape.dscp << 2);
    store16(ip + 2, static_cast<std::uint16_t>(shape.octets));
    store16(ip + 6, ipv4::kDontFragment);
    ip[8] = shape.hop_limit;
    ip[9] = protocol::kUdp;
    std::copy_n(shape.source.octets.begin(), 4, ip + 12);
    std::copy_n(shape.destination.octets.begin(), 4, ip + 16);
    ipv4::write_checksum(ip);
}

void write_ipv6(std::uint8_t* ip, const ProbeShape& shape) {
    store32(ip, 0x60000000);
    ipv6::set_dscp(ip, shape.dscp);
    store16(ip + 4, static_cast<std::uint16_t>(shape.octets - kIpv6Octets));
    ip[6] = protocol::kUdp;
    ip[7] = shape.hop_limit;
    std::copy_n(shape.source.octets.begin(), 16, ip + 8);
    std::copy_n(shape.destination.octets.begin(), 16, ip + 24);
    if (!shape.option_header) {
        return;
    }
    const bool hop_by_hop = *shape.option_header == config::OptionHeader::hop_by_hop;
    ip[6] = hop_by_hop ? protocol::kHopByHop : protocol::kDestination;
    std::uint8_t* header = ip + kIpv6Octets;
    header[0] = protocol::kUdp;
    header[1] = 0;  // 8 octets
    header[2] = shape.option_type;
    header[3] = kOptionDataOctets;
    header[4] = 0;
    header[5] = shape.cycle_id;
    header[6] = 1;  // PadN of two octets
    header[7] = 0;
}

/// Walks the options of one extension header; the first TCQF option counts.
std::optional<std::uint8_t> cycle_in_options(std::span<const std::uint8_t> header,
                                             std::uint8_t option_type) {
    std::size_t at = 2;
    while (at < header.size()) {
        if (header[at] == 0) {  // Pad1
            ++at;
            continue;
        }
        if (at + 2 > header.size() || at + 2 + header[at + 1] > header.size()) {
            return std::nullopt;
        }
        if (header[at] == option_type && header[at + 1] >= kOptionDataOctets) {
            return header[at + 3];
        }
        at += 2u + header[at + 1];
    }
    return std::nullopt;
}

/// What is left of a frame while its headers are taken off.
class Remainder {
  public:
    explicit Remainder(std::span<const std::uint8_t> octets) : octets_(octets) {}
    bool has(std::size_t count) const { return octets_.size() >= count; }
    const std::uint8_t* data() const { return octets_.data(); }
    std::span<const std::uint8_t> take(std::size_t count) {
        const auto taken = octets_.first(count);
        octets_ = octets_.subspan(count);
        return taken;
    }

  private:
    std::span<const std::uint8_t> octets_;
};

/// Takes labels off; false where the stack has no bottom.
bool take_labels(Remainder& rest, ProbeMarks& marks) {
    for (bool bottom = false; !bottom;) {
        if (!rest.has(kLabelOctets)) {
            return false;
        }
        const std::uint32_t entry = load32(rest.take(kLabelOctets).data());
        if (!marks.traffic_class) {
            marks.traffic_class = mpls::tc(entry);
        }
        bottom = mpls::bottom(entry);
    }
    return true;
}

bool take_ipv4(Remainder& rest) {
    if (!rest.has(kIpv4Octets) || ipv4::header_octets(rest.data()) < kIpv4Octets ||
        !rest.has(ipv4::header_octets(rest.data()))) {
        return false;
    }
    const bool is_udp = ipv4::next(rest.data()) == protocol::kUdp;
    rest.take(ipv4::header_octets(rest.data()));
    return is_udp;
}

bool take_ipv6(Remainder& rest, ProbeMarks& marks, std::uint8_t option_type) {
    if (!rest.has(kIpv6Octets)) {
        return false;
    }
    std::uint8_t next = ipv6::next(rest.take(kIpv6Octets).data());
    while (next == protocol::kHopByHop || next == protocol::kDestination) {
        if (!rest.has(kOptionsHeaderOctets) || !rest.has(8u * (rest.data()[1] + 1u))) {
            return false;
        }
        const auto header = rest.take(8u * (rest.data()[1] + 1u));
        auto& cycle =
            next == protocol::kHopByHop ? marks.hop_by_hop_cycle : marks.destination_cycle;
        if (!cycle) {
            cycle = cycle_in_options(header, option_type);
        }
        next = header[0];
    }
    return next == protocol::kUdp;
}

}  // namespace

std::uint32_t smallest_octets(const ProbeShape& shape) {
    return ip_octets(shape) + kUdpOctets + kStampOctets;
}

ProbeTemplate::ProbeTemplate(const ProbeShape& shape) {
    const std::size_t ip_offset = kEthernetOctets + kLabelOctets * shape.labels.size();
    frame_.resize(ip_offset + shape.octets);
    write_ethernet(frame_.data(), shape);
    write_labels(frame_.data() + kEthernetOctets, shape);
    std::uint8_t* ip = frame_.data() + ip_offset;
    const bool is_ipv6 = shape.destination.is_ipv6;
    if (is_ipv6) {
        write_ipv6(ip, shape);
    } else {
        write_ipv4(ip, shape);
    }
    udp_offset_ = ip_offset + ip_octets(shape);
    std::uint8_t* udp = frame_.data() + udp_offset_;
    const auto udp_octets = static_cast<std::uint16_t>(shape.octets - ip_octets(shape));
    store16(udp, shape.source_port);
    store16(udp + 2, shape.destination_port);
    store16(udp + 4, udp_octets);
    store64(udp + kUdpOctets, kMagic);
    // RFC 768 and RFC 8200, 8.1: addresses, protocol and length precede what is summed.
    const unsigned addresses = is_ipv6 ? 32 : 8;
    constant_sum_ = checksum_add(ip + (is_ipv6 ? 8 : 12), addresses);
    constant_sum_ += protocol::kUdp + std::uint32_t{udp_octets};
    constant_sum_ = checksum_add(udp, kUdpOctets + kStampOctets, constant_sum_);
}

void ProbeTemplate::stamp(std::span<std::uint8_t> frame, std::uint32_t stream,
                          std::uint64_t sequence, std::int64_t sent_ns) const {
    std::uint8_t* udp = frame.data() + udp_offset_;
    std::uint8_t* stamp = udp + kUdpOctets;
    store32(stamp + 8, stream);
    store64(stamp + 16, sequence);
    store64(stamp + 24, static_cast<std::uint64_t>(sent_ns));
    const std::uint16_t sum =
        checksum_finish(checksum_add(stamp + 8, kStampOctets - 8, constant_sum_));
    store16(udp + 6, sum == 0 ? 0xffff : sum);
}

std::optional<Probe> parse_probe(std::span<const std::uint8_t> frame, std::uint8_t option_type) {
    Remainder rest(frame);
    if (!rest.has(kEthernetOctets)) {
        return std::nullopt;
    }
    const std::uint16_t type = load16(rest.take(kEthernetOctets).data() + 12);
    Probe probe;
    if (type == ethertype::kMpls) {
        if (!take_labels(rest, probe.marks)) {
            return std::nullopt;
        }
    } else if (type != ethertype::kIpv4 && type != ethertype::kIpv6) {
        return std::nullopt;
    }
    if (!rest.has(kIpv4Octets)) {
        return std::nullopt;
    }
    const bool is_ipv6 = rest.data()[0] >> 4 == 6;
    if (type != ethertype::kMpls) {
        probe.marks.dscp = is_ipv6 ? ipv6::dscp(rest.data()) : ipv4::dscp(rest.data());
    }
    if (!(is_ipv6 ? take_ipv6(rest, probe.marks, option_type) : take_ipv4(rest)) ||
        !rest.has(kUdpOctets + kStampOctets)) {
        return std::nullopt;
    }
    rest.take(kUdpOctets);
    const std::uint8_t* stamp = rest.data();
    if (load64(stamp) != kMagic) {
        return std::nullopt;
    }
    probe.stamp = {.stream = load32(stamp + 8),
                   .sequence = load64(stamp + 16),
                   .sent_ns = static_cast<std::int64_t>(load64(stamp + 24))};
    return probe;
}

}  // namespace tcqf::control::meter
