// The short way of plain packets and the long way do the same with every packet, plain or not.

#include <gtest/gtest.h>

#include <random>

#include "tests/dataplane/frames.h"
#include "tests/dataplane/test_config.h"
#include "tests/dataplane/test_router.h"

namespace tcqf::test {
namespace {

constexpr std::int64_t kStart = 1'700'000'000'000'000'000;
constexpr std::uint8_t kTcqfOption = 0xb1;
constexpr std::uint8_t kNrpOption = 0x1e;

constexpr unsigned kPolicyCount = 5;  // of kPolicies

/// Frames that are plain, nearly plain, and wrong, for four_interfaces() with segment_routing().
class Frames {
  public:
    /// `steered`: one of several of the share of IP packets into policies.
    explicit Frames(std::uint64_t seed, bool steered = false) : random_(seed), steered_(steered) {}

    std::uint32_t below(std::uint32_t bound) {
        return std::uniform_int_distribution<std::uint32_t>(0, bound - 1)(random_);
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
    template <class T>
    T one_of(std::initializer_list<T> values) {
        return values.begin()[below(static_cast<std::uint32_t>(values.size()))];
    }
    std::uint8_t ttl() { return one_of<std::uint8_t>({64, 64, 64, 64, 255, 2, 1, 0}); }

    Frame ipv4() {
        auto destination = one_of<std::uint32_t>({0x0a0a0001, 0x0a0a0101, 0x0a0a0101, 0x0a0a0201,
                                                  0x0a0a0301, 0x0a0b0001, 0x0a000101, 0x7f000001,
                                                  0xe0000001, 0xffffffff, 0xf0000001, 0x08080808});
        if (steered_ && below(4) != 0) {
            destination = 0x0a0c0001 + below(kPolicyCount) * 0x100;
        }
        Frame ip = ipv4_udp(destination, static_cast<std::uint8_t>(below(10) * 4 + 3),
                            static_cast<std::uint16_t>(below(3) * 700 + below(60)), ttl());
        if (below(16) == 0) {
            const auto source = one_of<std::uint32_t>({0, 0x7f000001, 0xe0000001, 0xffffffff});
            for (unsigned i = 0; i < 4; ++i) {
                ip[12 + i] = static_cast<std::uint8_t>(source >> (24 - 8 * i));
            }
            dataplane::ipv4::write_checksum(ip.data());
        }
        return ip;
    }

    Frame ipv6() {
        static const std::vector<std::array<std::uint16_t, 8>> destinations = {
            {0x2001, 0xdb8, 0xd0, 0, 0, 0, 0, 1},  {0x2001, 0xdb8, 0xd1, 0, 0, 0, 0, 1},
            {0x2001, 0xdb8, 0xd1, 0, 0, 0, 0, 2},  {0x2001, 0xdb8, 0xd2, 0, 0, 0, 0, 1},
            {0x2001, 0xdb8, 0xd3, 0, 0, 0, 0, 1},  {0xfc00, 1, 0, 0, 0, 0, 0, 1},
            {0xfc00, 1, 0, 0, 0, 0, 0, 0xe1},      {0xfc00, 1, 0, 0, 0, 0, 0, 0x11},
            {0xfc00, 1, 0, 0, 0, 0, 0, 0xe1},      {0xfc00, 1, 0, 0, 0, 0, 0, 1},
            {0xfc00, 8, 1, 0, 0, 0, 0, 0},         {0xff02, 0, 0, 0, 0, 0, 0, 1},
            {0xfe80, 0, 0, 0, 0, 0, 0, 1},         {0, 0, 0, 0, 0, 0, 0, 1},
            {0x2001, 0xdb8, 0xbad, 0, 0, 0, 0, 1},
        };
        std::uint8_t first = dataplane::protocol::kUdp;
        const Frame chain = extension_headers(first);
        const auto payload = static_cast<std::uint16_t>(below(80));
        Frame ip;
        append32(ip, 6u << 28 | (below(16) * 4 + 3) << 22 | below(1000));
        append16(ip, static_cast<std::uint16_t>(chain.size() + payload));
        ip.push_back(first);
        ip.push_back(ttl());
        for (const std::uint16_t word : {0x2001, 0xdb8, 3, 0, 0, 0, 0, 9}) {
            append16(ip, word);
        }
        auto destination = destinations[below(static_cast<std::uint32_t>(destinations.size()))];
        if (below(3) == 0) {
            destination = {0xfc00, 1, 0, 0, 0, 0, 0, one_of<std::uint16_t>({1, 0x11, 0xe1})};
        }
        if (steered_ && below(4) != 0) {
            destination = {0x2001, 0xdb8, 0xc, static_cast<std::uint16_t>(below(kPolicyCount)),
                           0,      0,     0,   1};
        }
        for (const std::uint16_t word : destination) {
            append16(ip, word);
        }
        ip = ip + chain;
        ip.resize(ip.size() + payload, 0x5a);
        return ip;
    }

    /// A chain in front of UDP; `first` becomes the type of its first header.
    Frame extension_headers(std::uint8_t& first) {
        Frame chain;
        if (below(8) == 0 || (steered_ && below(2) == 0)) {
            return chain;
        }
        const std::uint8_t behind = below(2) == 0   ? dataplane::protocol::kRouting
                                    : below(8) == 0 ? dataplane::protocol::kDestination
                                                    : dataplane::protocol::kUdp;
        first = dataplane::protocol::kHopByHop;
        const bool long_header = below(2) == 0;
        chain = {behind, static_cast<std::uint8_t>(long_header ? 1 : 0)};
        chain = chain + Frame{kTcqfOption, 2, static_cast<std::uint8_t>(below(8) == 0 ? 0x80 : 0),
                              static_cast<std::uint8_t>(below(7))};
        if (!long_header) {
            chain = chain + (below(2) == 0 ? Frame{1, 0} : Frame{0, 0});
        } else if (below(6) == 0) {
            chain = chain + Frame{1, 8, 0, 0, 0, 0, 0, 0, 0, 0};
        } else {
            chain = chain + Frame{kNrpOption,
                                  8,
                                  one_of<std::uint8_t>({0, 0x80}),
                                  one_of<std::uint8_t>({0, 0, 0, 1}),
                                  0,
                                  0};
            append32(chain, one_of<std::uint32_t>({5, 6, 77}));
        }
        if (behind == dataplane::protocol::kRouting) {
            chain = chain + routing_header();
        } else if (behind == dataplane::protocol::kDestination) {
            chain = chain + Frame{dataplane::protocol::kUdp, 0, 1, 4, 0, 0, 0, 0};
        }
        return chain;
    }

    /// Of two segments, mostly right; to SIDs as well as through.
    Frame routing_header() {
        Frame header = {dataplane::protocol::kUdp,
                        4,
                        one_of<std::uint8_t>({4, 4, 4, 4, 4, 3}),
                        one_of<std::uint8_t>({0, 1, 1, 2, 2, 3}),
                        one_of<std::uint8_t>({1, 1, 1, 0, 2}),
                        one_of<std::uint8_t>({0, 0, 0, 0x20}),
                        0,
                        0};
        for (unsigned i = 0; i < 2; ++i) {
            const auto last = one_of<std::uint16_t>({0xd0, 0xd1, 0xd1, 0xd3, 0xbad});
            for (const std::uint16_t word : {std::uint16_t{0x2001}, std::uint16_t{0xdb8}, last}) {
                append16(header, below(20) == 0 ? std::uint16_t{0xff02} : word);
            }
            header.resize(header.size() + 9, 0);
            header.push_back(1);
        }
        return header;
    }

    Frame labelled() {
        Frame stack;
        const unsigned depth = 1 + below(3);
        for (unsigned i = 0; i < depth; ++i) {
            const auto value =
                one_of<std::uint32_t>({100, 101, 101, 101, 102, 103, 104, 999, 0, 4, 7, 600});
            stack = stack + label(value, static_cast<std::uint8_t>(below(8)),
                                  i + 1 == depth && below(30) != 0, ttl());
        }
        return stack + ipv4_udp(0x0a0a0101, 0, static_cast<std::uint16_t>(below(60)), ttl());
    }

    void damage(Frame& frame) {
        if (below(6) == 0) {
            frame[below(static_cast<std::uint32_t>(frame.size()))] ^=
                static_cast<std::uint8_t>(1 + below(255));
        }
        if (below(12) == 0) {
            frame.resize(below(static_cast<std::uint32_t>(frame.size() + 1)));
        }
        if (below(12) == 0) {
            frame.resize(frame.size() + below(20), 0);  // padding
        }
    }

    std::mt19937_64 random_;
    bool steered_;
};

struct Setting {
    const char* tagging;
    bool partitions;
    bool has_times;
    unsigned workers;
    bool bounded = false;  ///< two interfaces are in the SRv6 domain
};

class Express : public testing::TestWithParam<Setting> {
  protected:
    static TestRouter::Options options(bool short_way) {
        TestRouter::Options options;
        options.has_times = GetParam().has_times;
        options.workers = GetParam().workers;
        options.short_way = short_way;
        return options;
    }
};

void expect_same(const std::vector<Sent>& left, const std::vector<Sent>& right) {
    ASSERT_EQ(left.size(), right.size());
    for (std::size_t i = 0; i < left.size(); ++i) {
        ASSERT_EQ(left[i].start_ns, right[i].start_ns);
        ASSERT_EQ(left[i].frame, right[i].frame);
    }
}

/// The same random packets into both, which must do the same with each and send many of them.
void compare(TestRouter& fast, TestRouter& slow, Frames& frames) {
    std::int64_t now_ns = kStart;
    for (int round = 0; round < 2000; ++round) {
        const unsigned burst = 1 + frames.below(12);
        for (unsigned i = 0; i < burst; ++i) {
            const unsigned interface = frames.below(8) < 6 ? frames.below(2) : frames.below(4);
            const Frame frame = frames.next(interface);
            ASSERT_TRUE(fast.arrive(interface, now_ns + i, frame));
            ASSERT_TRUE(slow.arrive(interface, now_ns + i, frame));
        }
        const std::int64_t end_ns = now_ns + frames.below(40'000);
        fast.run_until(end_ns, now_ns);
        slow.run_until(end_ns, now_ns);
        now_ns = end_ns + 1;
        if (frames.below(200) == 0) {
            now_ns += 500'000;  // a stall
        }
    }
    fast.run_until(now_ns + 1'000'000, now_ns);
    slow.run_until(now_ns + 1'000'000, now_ns);
    for (std::size_t i = 0; i < 4; ++i) {
        expect_same(fast.wire(i).sent(), slow.wire(i).sent());
        expect_same(fast.kernel(i).sent(), slow.kernel(i).sent());
    }
    const dataplane::Account ours = fast.router().account();
    const dataplane::Account theirs = slow.router().account();
    EXPECT_EQ(ours.dropped, theirs.dropped);
    EXPECT_EQ(ours.received, theirs.received);
    EXPECT_EQ(ours.sent, theirs.sent);
    EXPECT_TRUE(ours.balances());
    EXPECT_GT(ours.sent, ours.received / 10);
}

TEST_P(Express, TheShortWayDoesWithEveryPacketWhatTheLongWayDoes) {
    std::string more = GetParam().partitions ? segment_routing() : "";
    if (GetParam().bounded) {
        more = with(more, "srv6:\n", "srv6-domain: [ge0, ge3]\nsrv6:\n");
    }
    const std::string config = four_interfaces(GetParam().tagging, 4, more);
    TestRouter fast(config, options(true));
    TestRouter slow(config, options(false));
    Frames frames(42);
    compare(fast, slow, frames);
}

INSTANTIATE_TEST_SUITE_P(
    Settings, Express,
    testing::Values(Setting{"mpls-tc", false, true, 1}, Setting{"mpls-tc", true, true, 1},
                    Setting{"dscp", false, true, 1}, Setting{"dscp", true, false, 1},
                    Setting{"ipv6-option, option-header: hop-by-hop", false, true, 1},
                    Setting{"ipv6-option, option-header: hop-by-hop", true, true, 1},
                    Setting{"ipv6-option, option-header: hop-by-hop", true, true, 2},
                    Setting{"ipv6-option, option-header: hop-by-hop", true, true, 1, true},
                    Setting{"ipv6-option, option-header: destination", true, false, 1}));

/// Routes into policies towards ge1: SRv6 in either form, SR-MPLS, one of two lists, and SRv6 with
/// a selector among labels.
std::string steering() {
    std::string routes = "routes:\n";
    for (unsigned i = 0; i < kPolicyCount; ++i) {
        routes += fmt::format(
            "- {{prefix: 10.12.{0}.0/24, sr-policy: {{color: {1}, endpoint: '2001:db8:9::9'}}}}\n"
            "- {{prefix: '2001:db8:c:{0}::/64', sr-policy: {{color: {1}, endpoint: "
            "'2001:db8:9::9'}}}}\n",
            i, 11 + i);
    }
    return routes;
}

constexpr const char* kPolicies = R"(nrps:
- {id: 5, name: gold, strict: true, interfaces: [{name: ge1, cycle-bits: 100000}]}
- {id: 6, name: tin, encapsulation: mpls-mna, interfaces: [{name: ge1, cycle-bits: 20000}]}
sr-policies:
- color: 11
  endpoint: '2001:db8:9::9'
  candidate-paths:
  - {preference: 200, nrp: 5, discriminator: 1, segment-lists: [{segments: ['2001:db8:d1::e', 'fc00:9::d6']}]}
- color: 12
  endpoint: '2001:db8:9::9'
  headend-behavior: H.Encaps
  candidate-paths:
  - {preference: 200, discriminator: 1, segment-lists: [{segments: ['2001:db8:d1::e']}]}
- color: 13
  endpoint: '2001:db8:9::9'
  candidate-paths:
  - {preference: 200, nrp: 6, discriminator: 1, segment-lists: [{segments: [101, 16009, 16010]}]}
- color: 14
  endpoint: '2001:db8:9::9'
  candidate-paths:
  - {preference: 200, discriminator: 1, segment-lists: [{weight: 2, segments: [101, 16009]}, {segments: ['2001:db8:d1::e']}]}
- color: 15
  endpoint: '2001:db8:9::9'
  candidate-paths:
  - {preference: 200, nrp: 6, discriminator: 1, segment-lists: [{segments: ['2001:db8:d1::e']}]}
)";

struct SteeredSetting {
    const char* tags_out;
    const char* ttl_model;
    unsigned mtu;
    bool mna = false;  ///< the neighbour reads network actions
};

class ExpressSteered : public testing::TestWithParam<SteeredSetting> {};

TEST_P(ExpressSteered, TheShortWayIntoPoliciesDoesWhatTheLongWayDoes) {
    std::string config = four_interfaces("dscp", 4, kPolicies);
    config = with(config, "routes:\n", steering());
    config = with(
        config, "- {interface: ge1, address: '2001:db8:102::2', ",
        fmt::format("- {{interface: ge1, address: '2001:db8:102::2', mna: {}, ", GetParam().mna));
    config = with(config, "{name: ge1, tagging: dscp, tags: [3, 7, 11, 15]}",
                  fmt::format("{{name: ge1, {}}}", GetParam().tags_out));
    config = with(config, "mpls:\n", fmt::format("mpls:\n  ttl-model: {}\n", GetParam().ttl_model));
    config = with(config, "{name: ge1, ", fmt::format("{{name: ge1, mtu: {}, ", GetParam().mtu));
    TestRouter::Options slow_options;
    slow_options.short_way = false;
    TestRouter fast(config, {});
    TestRouter slow(config, slow_options);
    Frames frames(43, true);
    compare(fast, slow, frames);
}

INSTANTIATE_TEST_SUITE_P(
    Settings, ExpressSteered,
    testing::Values(
        SteeredSetting{"tagging: ipv6-option, option-header: hop-by-hop, tags: [1, 2, 3, 4]",
                       "uniform", 1500},
        SteeredSetting{"tagging: ipv6-option, option-header: destination, tags: [1, 2, 3, 4]",
                       "uniform", 800},
        SteeredSetting{"tagging: dscp, tags: [19, 23, 27, 31]", "uniform", 1500},
        SteeredSetting{"tagging: dscp, tags: [19, 23, 27, 31]", "uniform", 1500, true},
        SteeredSetting{"tagging: mpls-tc, tags: [1, 2, 3, 4]", "uniform", 1500},
        SteeredSetting{"tagging: mpls-tc, tags: [1, 2, 3, 4]", "short-pipe", 800}));

}  // namespace
}  // namespace tcqf::test
