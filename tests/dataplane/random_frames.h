// Frames by chance: plain, nearly plain, and wrong.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <utility>
#include <vector>

#include "config/address.h"
#include "tests/dataplane/frames.h"

namespace tcqf::test {

/// What frames are for; what stands there twice comes twice as often.
struct FrameTargets {
    std::vector<config::IpAddress> ipv4;
    std::vector<config::IpAddress> ipv6;
    std::vector<config::IpAddress> sids;      ///< mostly with what a SID takes; may be none
    std::vector<config::IpAddress> segments;  ///< of routing headers
    std::vector<std::uint32_t> labels;
    bool mostly_bare = false;  ///< more IPv6 packets without extension headers
    std::uint32_t damaged_one_in = 6;
    std::uint32_t expiring_one_in = 3;
};

inline std::vector<config::IpAddress> addresses(std::initializer_list<const char*> texts) {
    std::vector<config::IpAddress> all;
    for (const char* text : texts) {
        all.push_back(config::IpAddress::parse(text).value());
    }
    return all;
}

class RandomFrames {
  public:
    RandomFrames(std::uint64_t seed, FrameTargets targets)
        : random_(seed), targets_(std::move(targets)) {}

    std::uint32_t below(std::uint32_t bound) {
        return std::uniform_int_distribution<std::uint32_t>(0, bound - 1)(random_);
    }

    const FrameTargets& targets() const { return targets_; }

    /// Nothing but headers for an address, or for a label.
    Frame plain(unsigned interface, const config::IpAddress& address) {
        return address.is_ipv6
                   ? ethernet(interface, dataplane::ethertype::kIpv6) +
                         ipv6_header(dataplane::protocol::kUdp, 64, address, Frame(40, 0x5a))
                   : ethernet(interface, dataplane::ethertype::kIpv4) +
                         ipv4_udp(address.ipv4(), 0, 40);
    }
    Frame plain(unsigned interface, std::uint32_t value) {
        return ethernet(interface, dataplane::ethertype::kMpls) +
               label(value, static_cast<std::uint8_t>(below(8)), true, 64) +
               ipv4_udp(one_of(targets_.ipv4).ipv4(), 0, 40);
    }

    Frame next(unsigned interface) {
        Frame frame;
        switch (below(3)) {
            case 0:
                frame = ethernet(interface, dataplane::ethertype::kIpv4) + ipv4();
                break;
            case 1:
                frame = ethernet(interface, dataplane::ethertype::kIpv6) + ipv6();
                break;
            default:
                frame = ethernet(interface, dataplane::ethertype::kMpls) + labelled();
                break;
        }
        damage(frame);
        return frame;
    }

  private:
    static constexpr std::uint8_t kTcqfOption = 0xb1;
    static constexpr std::uint8_t kNrpOption = 0x1e;
    static constexpr std::uint8_t kNoNext = 59;
    static constexpr std::uint8_t kOspf = 89;

    template <class T>
    T one_of(std::initializer_list<T> values) {
        return values.begin()[below(static_cast<std::uint32_t>(values.size()))];
    }
    template <class T>
    const T& one_of(const std::vector<T>& values) {
        return values[below(static_cast<std::uint32_t>(values.size()))];
    }
    /// Tags of one table or another; best effort, expedited, and control.
    std::uint8_t dscp() {
        return below(3) != 0 ? static_cast<std::uint8_t>(below(10) * 4 + 3)
                             : one_of<std::uint8_t>({0, 0, 46, 48, 56});
    }
    std::uint32_t flow_label() { return below(below(2) == 0 ? 8 : 1000); }
    std::uint8_t ecn() { return one_of<std::uint8_t>({0, 0, 0, 1, 2, 3}); }
    std::uint8_t ttl() {
        return below(targets_.expiring_one_in) == 0 ? one_of<std::uint8_t>({2, 1, 0})
                                                    : one_of<std::uint8_t>({64, 64, 64, 255});
    }

    Frame ipv4() {
        Frame ip = ipv4_udp(one_of(targets_.ipv4).ipv4(), dscp(),
                            static_cast<std::uint16_t>(below(3) * 700 + below(60)), ttl());
        if (below(2) == 0) {
            change_ports(ip);
        }
        ip[1] = static_cast<std::uint8_t>(ip[1] | ecn());
        if (below(5) == 0) {
            ip[9] = other_protocol();
        }
        if (below(6) == 0) {
            set_fragment(ip);
        }
        dataplane::ipv4::write_checksum(ip.data());
        if (below(16) == 0) {
            const auto source = one_of<std::uint32_t>({0, 0x7f000001, 0xe0000001, 0xffffffff});
            for (unsigned i = 0; i < 4; ++i) {
                ip[12 + i] = static_cast<std::uint8_t>(source >> (24 - 8 * i));
            }
            dataplane::ipv4::write_checksum(ip.data());
        } else if (below(16) == 0) {
            set_checksum_of_ones(ip);
        }
        return ip;
    }

    /// By an identification that makes all other words of the header add up to it.
    void set_checksum_of_ones(Frame& ip) {
        dataplane::store16(&ip[4], 0);
        dataplane::ipv4::write_checksum(ip.data());
        dataplane::store16(&ip[4], dataplane::load16(&ip[10]));
        dataplane::store16(&ip[10], 0xffff);
    }

    /// Other ports than usual: another flow, which may take another next hop.
    void change_ports(Frame& ip) {
        ip[20] = static_cast<std::uint8_t>(below(256));
        ip[21] = static_cast<std::uint8_t>(below(256));
    }

    /// Whose headers have ports or an SPI, whose headers have none, and what carries IP.
    std::uint8_t other_protocol() {
        using namespace dataplane::protocol;
        return one_of<std::uint8_t>({kTcp, kEsp, kAh, kIpv4, kIpv6, kIcmp, kOspf});
    }

    /// Not to be fragmented, or a fragment: the first, another, the last.
    void set_fragment(Frame& ip) {
        ip[6] = one_of<std::uint8_t>({0x40, 0x40, 0x20, 0x20, 0});
        ip[7] = one_of<std::uint8_t>({0, 0, 1, 0xff});
    }

    Frame ipv6() {
        using namespace dataplane::protocol;
        if (!targets_.sids.empty() && below(2) == 0) {
            return to_sid();
        }
        const auto innermost =
            below(3) == 0 ? one_of({kTcp, kEsp, kAh, kFragment, kDestination, kNoNext, kIcmpv6})
                          : one_of({kUdp, kUdp, kIpv4, kIpv6});
        std::uint8_t first = innermost;
        const Frame chain = extension_headers(first);
        return ipv6_header(first, ttl(), one_of(targets_.ipv6), chain + payload(innermost));
    }

    /// With a routing header, or with IP beneath.
    Frame to_sid() {
        using namespace dataplane::protocol;
        const bool is_routed = below(2) == 0;
        const auto innermost = one_of({kIpv4, kIpv6, is_routed ? kUdp : kIpv4});
        std::uint8_t first = innermost;
        Frame chain;
        if (is_routed) {
            chain = routing_header(first);
            first = kRouting;
        }
        if (below(3) == 0) {
            chain = options(first) + chain;
            first = kHopByHop;
        }
        return ipv6_header(first, ttl(), one_of(targets_.sids), chain + payload(innermost));
    }

    /// Not always what its number says.
    Frame payload(std::uint8_t innermost) {
        switch (below(16) == 0 ? dataplane::protocol::kIpv4 : innermost) {
            case dataplane::protocol::kIpv4:
                return ipv4();
            case dataplane::protocol::kIpv6:
                return ipv6_header(dataplane::protocol::kUdp, 64, one_of(targets_.ipv6),
                                   Frame(8 + below(60), 0x5a));
            default:
                return Frame(below(80), 0x5a);
        }
    }

    Frame ipv6_header(std::uint8_t next, std::uint8_t hop_limit,
                      const config::IpAddress& destination, const Frame& payload) {
        Frame ip;
        append32(
            ip, 6u << 28 | std::uint32_t{dscp()} << 22 | std::uint32_t{ecn()} << 20 | flow_label());
        append16(ip, static_cast<std::uint16_t>(payload.size()));
        ip.push_back(next);
        ip.push_back(hop_limit);
        for (const std::uint16_t word : {0x2001, 0xdb8, 3, 0, 0, 0, 0, 9}) {
            append16(ip, word);
        }
        append(ip, destination);
        return ip + payload;
    }

    static void append(Frame& frame, const config::IpAddress& address) {
        frame.insert(frame.end(), address.octets.begin(), address.octets.end());
    }

    /// A chain in front of `first`, which becomes the type of its first header.
    Frame extension_headers(std::uint8_t& first) {
        Frame chain;
        if (below(6) == 0 || (targets_.mostly_bare && below(2) == 0)) {
            return chain;
        }
        const std::uint8_t last = first;
        if (below(8) == 0) {
            first = dataplane::protocol::kRouting;
            return routing_header(last);
        }
        const std::uint8_t behind = below(2) == 0   ? dataplane::protocol::kRouting
                                    : below(8) == 0 ? dataplane::protocol::kDestination
                                                    : last;
        first = dataplane::protocol::kHopByHop;
        chain = options(behind);
        if (behind == dataplane::protocol::kRouting) {
            chain = chain + routing_header(last);
        } else if (behind == dataplane::protocol::kDestination) {
            chain = chain + Frame{last, 0, 1, 4, 0, 0, 0, 0};
        }
        return chain;
    }

    /// A hop-by-hop header in front of `behind`: the TCQF option, that and another one, or an NRP
    /// option alone.
    Frame options(std::uint8_t behind) {
        if (below(6) == 0) {
            return Frame{behind, 1} + nrp_option() +
                   (below(4) != 0 ? Frame{1, 2, 0, 0} : Frame{0, 1, 1, 0});
        }
        const bool long_header = below(2) == 0;
        Frame chain = {behind, static_cast<std::uint8_t>(long_header ? 1 : 0)};
        chain = chain + Frame{kTcqfOption, 2, static_cast<std::uint8_t>(below(8) == 0 ? 0x80 : 0),
                              static_cast<std::uint8_t>(below(7))};
        if (!long_header) {
            chain = chain + (below(2) == 0 ? Frame{1, 0} : Frame{0, 0});
        } else if (below(6) == 0) {
            chain = chain + Frame{1, 8, 0, 0, 0, 0, 0, 0, 0, 0};
        } else {
            chain = chain + nrp_option();
        }
        return chain;
    }

    Frame nrp_option() {
        Frame option = {
            kNrpOption, 8, one_of<std::uint8_t>({0, 0x80}), one_of<std::uint8_t>({0, 0, 0, 1}),
            0,          0};
        append32(option, one_of<std::uint32_t>({5, 6, 77}));
        return option;
    }

    /// Of two segments, mostly right; to SIDs as well as through.
    Frame routing_header(std::uint8_t next) {
        Frame header = {next,
                        4,
                        one_of<std::uint8_t>({4, 4, 4, 4, 4, 4, 4, 3}),
                        one_of<std::uint8_t>({0, 1, 1, 1, 2, 2, 2, 3}),
                        one_of<std::uint8_t>({1, 1, 1, 1, 1, 1, 0, 2}),
                        one_of<std::uint8_t>({0, 0, 0, 0, 0, 0, 0x20}),
                        0,
                        0};
        for (unsigned i = 0; i < 2; ++i) {
            append(header, one_of(targets_.segments));
            if (below(20) == 0) {
                header[header.size() - 16] = 0xff;
            }
        }
        return header;
    }

    /// Of a DetNet service, whose numbers have 0, 16 or 28 bits; or none.
    Frame control_word() {
        Frame word;
        append32(word, one_of<std::uint32_t>(
                           {0, below(1 << 16), 0xffff, 1 << 16, below(1 << 28), 1 << 28}));
        return word;
    }

    Frame labelled() {
        Frame stack;
        const unsigned depth = 1 + below(3);
        for (unsigned i = 0; i < depth; ++i) {
            stack = stack + label(one_of(targets_.labels), static_cast<std::uint8_t>(below(8)),
                                  i + 1 == depth && below(30) != 0, ttl());
        }
        if (below(4) == 0) {
            stack = stack + control_word();
        }
        switch (below(6)) {
            case 0:
                return stack + ipv6();
            case 1:
                return stack + ipv6_header(dataplane::protocol::kUdp, ttl(), one_of(targets_.ipv6),
                                           Frame(below(80), 0x5a));
            case 2:
                append32(stack, below(4) * 0x1000 + below(10));  // a control word (RFC 8964)
                return stack + ipv4();
            default:
                return stack + ipv4();
        }
    }

    void damage(Frame& frame) {
        if (below(targets_.damaged_one_in) == 0) {
            frame[below(static_cast<std::uint32_t>(frame.size()))] ^=
                static_cast<std::uint8_t>(1 + below(255));
        }
        if (below(2 * targets_.damaged_one_in) == 0) {
            frame.resize(below(static_cast<std::uint32_t>(frame.size() + 1)));
        }
        if (below(12) == 0) {
            frame.resize(frame.size() + below(20), 0);  // padding
        }
    }

    std::mt19937_64 random_;
    FrameTargets targets_;
};

}  // namespace tcqf::test
