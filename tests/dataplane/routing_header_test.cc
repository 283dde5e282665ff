// What routing headers may say of themselves, in every combination, on short and long frames (RFC
// 8754, 2 and 4.3; RFC 8986, 4.1); and that no octet which a buffer held before goes out with them.

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>

#include "tests/dataplane/frames.h"
#include "tests/dataplane/test_config.h"
#include "tests/dataplane/twin_routers.h"

namespace tcqf::test {
namespace {

using dataplane::Account;
using dataplane::DropReason;

constexpr std::int64_t kStart = 1'700'000'000'000'000'000;
constexpr std::int64_t kPauseNs = 200'000'000;  // ICMP is rate limited
constexpr std::size_t kMinimalHeader = 8;
constexpr std::uint32_t kMtu = 1500;
constexpr std::uint8_t kRouting = dataplane::protocol::kRouting;
constexpr std::uint8_t kNothing = 59;  // no next header (RFC 8200, 4.7)

Frame octets_of(const char* text) {
    const auto octets = config::IpAddress::parse(text)->octets;
    return Frame(octets.begin(), octets.end());
}

const Frame& next_segment() {
    static const Frame segment = octets_of("2001:db8:d1::7");  // leads to ge1
    return segment;
}

/// IPv6 from ge3's side; `payload` starts with what `next` names.
Frame ipv6(const Frame& destination, std::uint8_t next, std::uint8_t hop_limit,
           const Frame& payload) {
    Frame ip = {0x60, 0, 0, 0};
    append16(ip, static_cast<std::uint16_t>(payload.size()));
    ip.push_back(next);
    ip.push_back(hop_limit);
    return ip + octets_of("2001:db8:3::9") + destination + payload;
}

/// A routing header as its fields claim it to be, filled with the next segment again and again.
struct RoutingHeader {
    std::uint8_t length;  ///< in units of 8 octets, without the first 8
    std::uint8_t last_entry;
    std::uint8_t left;
    std::uint8_t next = kNothing;

    std::size_t claimed_octets() const { return kMinimalHeader + std::size_t{8} * length; }
    Frame octets() const {
        Frame header = {next, length, 4, left, last_entry, 0, 0, 0};
        while (header.size() < claimed_octets()) {
            header.push_back(next_segment()[(header.size() - kMinimalHeader) % 16]);
        }
        return header;
    }
    /// RFC 8986, 4.1, S09, on numbers that do not wrap.
    bool is_consistent() const {
        const int most_entries = length / 2;
        return last_entry < most_entries && left <= last_entry + 1;
    }
};

class RoutingHeaders : public testing::Test {
  protected:
    RoutingHeaders() : twins_(four_interfaces("dscp", 4, segment_routing())) {}

    /// Sends one packet into ge3 and sees that the account stays exact and the twins agree.
    void send(const Frame& l3) {
        twins_.forget();
        before_ = twins_.one().router().account();
        twins_.arrive(3, now_ns_, ethernet(3, dataplane::ethertype::kIpv6) + l3);
        twins_.run_until(now_ns_ + 1'000'000, now_ns_);
        now_ns_ += kPauseNs;
        ASSERT_TRUE(twins_.agree());
        ASSERT_TRUE(twins_.one().router().account().balances());
        ASSERT_EQ(twins_.one().router().account().queued, 0u);
    }
    std::uint64_t dropped(DropReason reason) {
        const auto index = static_cast<std::size_t>(reason);
        return twins_.one().router().account().dropped[index] - before_.dropped[index];
    }
    std::vector<Sent>& sent(std::size_t interface) { return twins_.one().wire(interface).sent(); }

    /// Type, code and pointer of the ICMPv6 error that was sent back, if there was one.
    std::vector<std::uint32_t> icmp() {
        if (sent(3).empty()) {
            return {};
        }
        const std::uint8_t* error = sent(3)[0].frame.data() + 14 + 40;
        return {error[0], error[1], dataplane::load32(error + 4)};
    }
    void expect_sent(const Frame& l3) {
        ASSERT_EQ(sent(1).size(), 1u);
        EXPECT_EQ(Frame(sent(1)[0].frame.begin() + 14, sent(1)[0].frame.end()), l3);
    }

    TwinRouters twins_;
    Account before_;
    std::int64_t now_ns_ = kStart;
};

const std::uint8_t kLengths[] = {0, 1, 2, 3, 4, 5, 6, 7, 12, 255};
const std::uint8_t kEntries[] = {0, 1, 2, 3, 4, 5, 127, 128, 254, 255};

/// A SID of segment_routing(), and whether it removes the header with the last segment.
struct Sid {
    const char* address;
    bool psp;

    friend std::ostream& operator<<(std::ostream& out, const Sid& sid) {
        return out << sid.address;
    }
};

class EveryRoutingHeader : public RoutingHeaders, public testing::WithParamInterface<Sid> {
  protected:
    void expect_verdict(const RoutingHeader& header, std::size_t present_octets,
                        const Frame& behind) {
        if (header.claimed_octets() > present_octets) {
            // Its own bounds are wrong: nothing in it can be pointed at.
            EXPECT_EQ(dropped(DropReason::malformed), 1u);
            EXPECT_TRUE(icmp().empty());
        } else if (header.left == 0) {
            // Nothing that a SID may take follows (RFC 8986, 4.1.1).
            EXPECT_EQ(dropped(DropReason::malformed), 1u);
            EXPECT_EQ(icmp().size(), 3u);
            EXPECT_EQ(icmp()[1], 4u);
        } else if (!header.is_consistent()) {
            EXPECT_EQ(dropped(DropReason::malformed), 1u);
            EXPECT_EQ(icmp(), (std::vector<std::uint32_t>{4, 0, 40 + 3}));
        } else {
            expect_next_segment(header, behind);
        }
    }
    void expect_next_segment(const RoutingHeader& header, const Frame& behind) {
        if (GetParam().psp && header.left == 1) {
            return expect_sent(ipv6(next_segment(), header.next, 63, behind));
        }
        RoutingHeader next = header;
        --next.left;
        if (40 + next.claimed_octets() + behind.size() > kMtu) {
            EXPECT_EQ(dropped(DropReason::mtu_exceeded), 1u);
            EXPECT_EQ(icmp(), (std::vector<std::uint32_t>{2, 0, kMtu}));
            return;
        }
        expect_sent(ipv6(next_segment(), kRouting, 63, next.octets() + behind));
    }
};

TEST_P(EveryRoutingHeader, IsFollowedOrMalformed) {
    const Frame sid = octets_of(GetParam().address);
    const Frame behind(20, 0x77);
    for (const std::uint8_t length : kLengths) {
        for (const std::uint8_t last_entry : kEntries) {
            for (const std::uint8_t left : kEntries) {
                const RoutingHeader header{length, last_entry, left};
                const Frame whole = header.octets();
                SCOPED_TRACE(testing::Message() << "length " << int{length} << ", last entry "
                                                << int{last_entry} << ", left " << int{left});
                for (const std::size_t cut : {std::size_t{0}, std::size_t{4}, kMinimalHeader,
                                              whole.size() - 8, whole.size() - 1}) {
                    const std::size_t octets = std::min(cut, whole.size());
                    if (octets == whole.size()) {
                        continue;
                    }
                    send(ipv6(sid, kRouting, 64, Frame(whole.begin(), whole.begin() + octets)));
                    expect_verdict(header, octets, {});
                }
                send(ipv6(sid, kRouting, 64, whole));
                expect_verdict(header, whole.size(), {});
                send(ipv6(sid, kRouting, 64, whole + behind));
                expect_verdict(header, whole.size(), behind);
                // Ethernet padding is no part of the packet.
                send(ipv6(sid, kRouting, 64, whole) + Frame(30, 0x55));
                expect_verdict(header, whole.size(), {});
                if (HasFailure()) {
                    return;
                }
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    , EveryRoutingHeader,
    testing::Values(Sid{"fc00:1::1", false}, Sid{"fc00:1::11", true}, Sid{"fc00:1::e1", false}),
    [](const auto& sid) {
        return std::string(sid.index == 0 ? "End" : sid.index == 1 ? "EndWithPsp" : "EndX");
    });

// The payload length must not reach beyond the frame.
TEST_F(RoutingHeaders, APayloadBeyondTheFrameIsMalformed) {
    const Frame whole = ipv6(octets_of("fc00:1::1"), kRouting, 64, RoutingHeader{4, 1, 1}.octets());
    for (std::size_t octets = 1; octets < whole.size(); ++octets) {
        send(Frame(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(octets)));
        EXPECT_EQ(dropped(DropReason::malformed), 1u) << octets;
        EXPECT_TRUE(icmp().empty()) << octets;
    }
}

// TLVs behind the segments travel on as they are (RFC 8754, 2.1: ignored where not understood).
TEST_F(RoutingHeaders, WhatFollowsTheSegmentsTravelsOn) {
    RoutingHeader header{9, 1, 1};
    const Frame octets = header.octets();
    send(ipv6(octets_of("fc00:1::1"), kRouting, 64, octets));
    header.left = 0;
    expect_sent(ipv6(next_segment(), kRouting, 63, header.octets()));
}

TEST_F(RoutingHeaders, OfSeveralTheFirstCounts) {
    const RoutingHeader first{2, 0, 1, kRouting};
    const Frame second = RoutingHeader{2, 7, 200}.octets();
    send(ipv6(octets_of("fc00:1::1"), kRouting, 64, first.octets() + second));
    expect_sent(
        ipv6(next_segment(), kRouting, 63, RoutingHeader{2, 0, 0, kRouting}.octets() + second));
}

TEST_F(RoutingHeaders, AHopByHopHeaderBehindIsMalformed) {
    send(ipv6(octets_of("fc00:1::1"), kRouting, 64,
              RoutingHeader{2, 0, 1, 0}.octets() + Frame{kNothing, 0, 1, 4, 0, 0, 0, 0}));
    EXPECT_EQ(dropped(DropReason::malformed), 1u);
}

TEST_F(RoutingHeaders, AChainOfMoreThanSixteenIsMalformed) {
    for (const auto& [headers, malformed] : {std::pair(16, 0u), std::pair(17, 1u)}) {
        Frame chain = RoutingHeader{2, 0, 1, 60}.octets();
        for (int i = 2; i <= headers; ++i) {
            chain =
                chain +
                Frame{static_cast<std::uint8_t>(i == headers ? kNothing : 60), 0, 1, 4, 0, 0, 0, 0};
        }
        send(ipv6(octets_of("fc00:1::1"), kRouting, 64, chain));
        EXPECT_EQ(dropped(DropReason::malformed), malformed) << headers;
        EXPECT_EQ(sent(1).size(), 1u - malformed) << headers;
    }
}

/// A header whose segments are all our own SID.
Frame loop(std::uint8_t segments, std::uint8_t left) {
    Frame header = {kNothing,
                    static_cast<std::uint8_t>(2 * segments),
                    4,
                    left,
                    static_cast<std::uint8_t>(segments - 1),
                    0,
                    0,
                    0};
    for (int i = 0; i < segments; ++i) {
        header = header + octets_of("fc00:1::1");
    }
    return header;
}

TEST_F(RoutingHeaders, ALoopOfOwnSegmentsEnds) {
    send(ipv6(octets_of("fc00:1::1"), kRouting, 255, loop(80, 79)));
    EXPECT_EQ(dropped(DropReason::ttl_expired), 1u);
    send(ipv6(octets_of("fc00:1::1"), kRouting, 5, loop(80, 79)));
    EXPECT_EQ(dropped(DropReason::ttl_expired), 1u);
    EXPECT_EQ(icmp(), (std::vector<std::uint32_t>{3, 0, 0}));
    send(ipv6(octets_of("fc00:1::1"), kRouting, 255, loop(4, 3)));
    EXPECT_EQ(dropped(DropReason::malformed), 1u);  // no segment is left, and nothing to take
}

// Errors, fragments, encapsulations and copies are written into buffers that held something else.
TEST_F(RoutingHeaders, NothingThatABufferHeldGoesOut) {
    const auto send_into = [this](std::size_t interface, const Frame& l3, std::uint16_t type) {
        twins_.arrive(interface, now_ns_, ethernet(static_cast<unsigned>(interface), type) + l3);
        twins_.run_until(now_ns_ + 1'000'000, now_ns_);
        now_ns_ += kPauseNs;
    };
    using namespace dataplane;
    std::size_t frames = 0;
    for (const std::uint16_t payload : {0, 1, 17, 1400, 1472, 1473, 3000, 8000}) {
        for (const std::uint8_t ttl : {1, 64}) {
            for (const std::uint32_t destination :
                 {0x0a0a0001u, 0x0a0a0101u, 0x0a0a0201u, 0x0a0b0001u, 0x01020304u, 0x0a000101u}) {
                const Frame ip = ipv4_udp(destination, 3, payload, ttl);
                send_into(3, ip, ethertype::kIpv4);
                for (const std::uint32_t top : {100, 101, 102, 103, 104, 600, 999}) {
                    send_into(0, label(top, 1, true, ttl) + ip, ethertype::kMpls);
                }
                send_into(3,
                          ipv6(octets_of("fc00:1::b1"), kRouting, ttl,
                               RoutingHeader{2, 0, 1, 4}.octets() + ip),
                          ethertype::kIpv6);
                send_into(3, ipv6(octets_of("fc00:1::d4"), 4, ttl, ip), ethertype::kIpv6);
                frames += 10;
            }
        }
    }
    EXPECT_TRUE(twins_.agree());
    const Account account = twins_.one().router().account();
    EXPECT_TRUE(account.balances());
    EXPECT_EQ(account.received, frames);
    EXPECT_GT(account.generated, 0u);
    EXPECT_GT(account.sent, frames / 4);
}

}  // namespace
}  // namespace tcqf::test
