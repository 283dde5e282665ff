// The short way of plain packets and the long way do the same with every packet, plain or not.

#include <gtest/gtest.h>

#include "tests/dataplane/random_frames.h"
#include "tests/dataplane/test_config.h"
#include "tests/dataplane/test_router.h"
#include "tests/dataplane/two_ways.h"

namespace tcqf::test {
namespace {

constexpr std::int64_t kStart = 1'700'000'000'000'000'000;
constexpr unsigned kPolicyCount = 9;  // of kPolicies

/// For four_interfaces() with segment_routing().
FrameTargets targets() {
    FrameTargets targets;
    targets.ipv4 = addresses({"10.12.0.1", "10.12.1.1", "10.12.2.1", "9.0.0.1", "10.10.0.1",
                              "10.10.1.1", "10.10.1.1", "10.10.2.1", "10.10.3.1", "10.11.0.1",
                              "10.0.1.1", "127.0.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1",
                              "8.8.8.8", "10.13.0.1", "10.13.0.2", "10.10.0.2"});
    targets.ipv6 = addresses({"fc00:8:1:e:2::",  "fc00:8:1:e:2:3::", "fc00:8:e:e:2::",
                              "fc00:9::1",       "fc00:9::2",        "fc00:9::e1",
                              "fc00:9::46",      "fc00:1:0:15::",    "fc00:1:0:16::",
                              "fc00:1:0:16:4::", "fc00:a:0:2::",     "fc00:a::4:5",
                              "2001:db8:c:1::1", "2001:db8:c:2::1",  "fc00:1:0:5::1",
                              "fc00:8:1:9::1",   "fc00:8:e:9::1",    "2001:db8:d0::1",
                              "2001:db8:d1::1",  "2001:db8:d1::2",   "2001:db8:d2::1",
                              "2001:db8:d3::1",  "fc00:1::1",        "fc00:1::1",
                              "fc00:1::1",       "fc00:1::e1",       "fc00:1::e1",
                              "fc00:1::e1",      "fc00:1::11",       "fc00:1::11",
                              "fc00:1::d4",      "fc00:1::d4",       "fc00:1::d6",
                              "fc00:1::d6",      "fc00:1::46",       "fc00:8:1::",
                              "fc00:8:1:2::",    "fc00:8:1:2:3::",   "fc00:8:1:3:1::",
                              "fc00:8:1:4::",    "fc00:8:1:5::",     "fc00:8:1:1:2::",
                              "fc00:8:e:2::",    "fc00:8:e:2::",     "fc00:8:7:2::",
                              "fc00:8:1:9::",    "fc00:1::15",       "fc00:1::15",
                              "fc00:1::11",      "fc00:1::11",       "fc00:1::11",
                              "ff02::1",         "fe80::1",          "::1",
                              "2001:db8:bad::1", "2001:db8:de::1",   "2001:db8:de::2",
                              "2001:db8:1a::1",  "2001:db8:1a::1",   "2001:db8:1a::1",
                              "2001:db8:1b::1"});
    targets.segments = addresses({"fc00:9::1", "fc00:8:1:2::", "2001:db8:c:2::1", "2001:db8:de::1",
                                  "2001:db8:1a::1", "2001:db8:d0::1", "2001:db8:d1::1",
                                  "2001:db8:d1::1", "2001:db8:d3::1", "2001:db8:bad::1"});
    targets.labels = {100, 101, 101, 101, 102, 103, 103, 103, 103, 103, 104,
                      105, 106, 106, 107, 107, 108, 109, 109, 999, 0,   4,
                      7,   600, 600, 601, 602, 603, 603, 604, 604, 112};
    return targets;
}

/// For kPolicies: three of four IP packets go into one of these.
FrameTargets steered_targets() {
    FrameTargets steered = targets();
    steered.mostly_bare = true;
    for (auto* all : {&steered.ipv4, &steered.ipv6}) {
        const std::size_t others = all->size();
        for (unsigned i = 0; i < 3 * others; ++i) {
            const unsigned policy = i % kPolicyCount;
            all->push_back(*config::IpAddress::parse(
                all == &steered.ipv4 ? fmt::format("10.12.{}.1", policy)
                                     : fmt::format("2001:db8:c:{}::1", policy)));
        }
    }
    return steered;
}

struct Setting {
    const char* tagging = nullptr;
    bool partitions = false;
    bool has_times = true;
    unsigned workers = 1;
    bool bounded = false;      ///< two interfaces are in the SRv6 domain
    bool other_flows = false;  ///< of IPv6 and of labelled packets, too
    bool no_flows = false;
    bool short_pipe = false;
    const char* tags_out = nullptr;  ///< of ge1, where it differs from ge0
    bool mna = false;                ///< the neighbour at ge1 reads network actions
};

class Express : public testing::TestWithParam<Setting> {
  protected:
    static TestRouter::Options options() {
        TestRouter::Options options;
        options.has_times = GetParam().has_times;
        options.workers = GetParam().workers;
        return options;
    }
};

/// Out of the domain, and to several next hops.
constexpr const char* kMoreLabels = R"(  labels:
  - {label: 112, operation: pop, next-hops: [{interface: ge1, address: 10.0.2.2}, {interface: ge1, address: 10.0.2.2, weight: 3, labels: [211]}]}
  - {label: 105, operation: swap, out-labels: [205], next-hops: [{interface: ge3, address: 10.0.4.2}]}
  - {label: 106, operation: swap, out-labels: [206], next-hops: [{interface: ge0, address: 10.0.1.2}, {interface: ge1, address: 10.0.2.2, weight: 3}]}
  - {label: 108, operation: pop, next-hops: [{interface: ge0, address: 10.0.1.2, labels: [208]}]}
  - {label: 109, operation: pop, next-hops: [{interface: ge3, address: 10.0.4.2}]}
  - {label: 107, operation: pop, next-hops: [{interface: ge0, address: 10.0.1.2}, {interface: ge1, address: 10.0.2.2}]}
  - {label: 110, operation: pop, next-hops: [{interface: ge0, address: 10.0.1.2, labels: [210]}, {interface: ge1, address: 10.0.2.2, labels: [211]}]}
)";
constexpr const char* kMoreRoutes = R"(routes:
- {prefix: '2001:db8:1a::/64', next-hops: [{interface: ge1, address: '2001:db8:102::2', labels: [100, 200, 300]}]}
- {prefix: '2001:db8:1b::/64', next-hops: [{interface: ge3, address: '2001:db8:104::2', labels: [100]}]}
- {prefix: 10.13.0.0/24, next-hops: [{interface: ge0, address: 10.0.1.2}, {interface: ge1, address: 10.0.2.2, weight: 3}, {interface: ge3, address: 10.0.4.2}]}
- {prefix: '2001:db8:de::/64', next-hops: [{interface: ge0, address: '2001:db8:101::2'}, {interface: ge1, address: '2001:db8:102::2', weight: 3}, {interface: ge3, address: '2001:db8:104::2'}]}
)";

/// Compressed segments: to and past SIDs with an argument, all in one block.
constexpr const char* kMoreSids = R"(  local-sids:
  - {sid: 'fc00:9::1/128', behavior: End}
  - {sid: 'fc00:9::2/128', behavior: End, flavors: [PSP, USD]}
  - {sid: 'fc00:9::e1/128', behavior: End.X, next-hops: [{interface: ge1, address: '2001:db8:102::2'}]}
  - {sid: 'fc00:9::46/128', behavior: End.DT46}
  - {sid: 'fc00:1:0:15::/128', behavior: End, flavors: [NEXT-CSID]}
  - {sid: 'fc00:1:0:16::/128', behavior: End.X, flavors: [NEXT-CSID, PSP], next-hops: [{interface: ge1, address: '2001:db8:102::2'}]}
  - {sid: 'fc00:a::/40', behavior: End, flavors: [NEXT-CSID, PSP], locator-block-bits: 32, locator-node-bits: 24}
  - {sid: 'fc00:8:e::/48', behavior: End.X, flavors: [NEXT-CSID, PSP], next-hops: [{interface: ge1, address: '2001:db8:102::2'}]}
  - {sid: 'fc00:8:7::/48', behavior: End.T, flavors: [NEXT-CSID]}
  - {sid: 'fc00:1::15/128', behavior: End.X, flavors: [PSP], next-hops: [{interface: ge1, address: '2001:db8:102::2'}]}
)";
/// Binding labels of an outer header, and of nothing but a selector.
constexpr const char* kMorePolicies = R"(sr-policies:
- color: 99
  endpoint: '2001:db8:9::9'
  candidate-paths:
  - {preference: 200, discriminator: 1, segment-lists: [{segments: [777]}]}
- color: 98
  endpoint: '2001:db8:9::9'
  binding-sid: 604
  candidate-paths:
  - {preference: 200, nrp: 6, discriminator: 1, segment-lists: [{segments: [112]}, {segments: [101, 2]}]}
- color: 3
  endpoint: '2001:db8:9::9'
  binding-sid: 601
  candidate-paths:
  - {preference: 200, nrp: 5, discriminator: 1, segment-lists: [{segments: ['2001:db8:d1::e', 'fc00:9::d6']}]}
- color: 4
  endpoint: '2001:db8:9::9'
  binding-sid: 602
  candidate-paths:
  - {preference: 200, nrp: 6, discriminator: 1, segment-lists: [{segments: [102]}, {segments: [110, 16009]}]}
- color: 5
  endpoint: '2001:db8:9::9'
  binding-sid: 603
  candidate-paths:
  - {preference: 200, discriminator: 1, segment-lists: [{segments: [101, 16009]}]}
)";
constexpr const char* kBehindSids = R"(routes:
- {prefix: '::/0', next-hops: [{interface: ge1, address: '2001:db8:102::2'}]}
- {prefix: 'fc00:1:15::/48', next-hops: [{interface: ge3, address: '2001:db8:104::2'}]}
- {prefix: 10.12.0.0/24, sr-policy: {color: 2, endpoint: '2001:db8:9::9'}}
- {prefix: 10.12.1.0/24, sr-policy: {color: 1, endpoint: '2001:db8:9::9'}}
- {prefix: 10.12.2.0/24, sr-policy: {color: 99, endpoint: '2001:db8:9::9'}}
- {prefix: '2001:db8:c:1::/64', sr-policy: {color: 2, endpoint: '2001:db8:9::9'}}
- {prefix: '2001:db8:c:2::/64', sr-policy: {color: 1, endpoint: '2001:db8:9::9'}}
- {prefix: 'fc00:1:0:5::/64', sr-policy: {color: 99, endpoint: '2001:db8:9::9'}}
- {prefix: 'fc00:8:9::/48', sr-policy: {color: 1, endpoint: '2001:db8:9::9'}}
- {prefix: 'fc00:8:2::/48', next-hops: [{interface: ge1, address: '2001:db8:102::2'}]}
- {prefix: 'fc00:8:3::/48', next-hops: [{interface: ge0, address: '2001:db8:101::2'}]}
- {prefix: 'fc00:8:4::/48', next-hops: [{interface: ge3, address: '2001:db8:104::2'}]}
- {prefix: 'fc00:8:5::/48', next-hops: [{interface: ge1, address: '2001:db8:102::2', labels: [100]}]}
)";

constexpr const char* kOtherFlows = R"(  flows:
  - {id: 18, match: {interface: ge0, destination: '2001:db8:d1::/64'}, cycle-size-bits: 40000}
  - {id: 41, match: {destination: 'fc00:8:2::/48'}, cycle-size-bits: 40000}
  - {id: 19, match: {mpls-label: 101}, cycle-size-bits: 40000}
  - {id: 20, match: {mpls-label: 102}, cycle-size-bits: 40000}
)";

/// The same random packets into both, which must do the same with each and send many of them.
void compare(TwoWays& routers, RandomFrames& frames) {
    const std::int64_t now_ns = send_bursts(routers, frames, 8000, kStart);
    routers.run_until(now_ns + 1'000'000, now_ns);
    routers.expect_same_sent();
    routers.expect_same_account();
    const dataplane::Account account = routers.short_way().router().account();
    EXPECT_GT(account.sent, account.received / 10);
}

TEST_P(Express, TheShortWayDoesWithEveryPacketWhatTheLongWayDoes) {
    std::string more = GetParam().partitions ? segment_routing() : "";
    if (GetParam().bounded) {
        more = with(more, "srv6:\n", "srv6-domain: [ge0, ge3]\nsrv6:\n");
    }
    std::string config = four_interfaces(GetParam().tagging, 4, more);
    // Marks that can be told from none, and a link on which packets wait.
    config = with(config, "    cycle-time-us: 100\n",
                  "    cycle-time-us: 100\n    egress-dscp: 5\n    egress-tc: 6\n");
    config = with(config, "{name: ge1, device: ", "{name: ge1, link-rate-mbps: 400, device: ");
    config = with(config, "{name: ge3, device: ", "{name: ge3, link-rate-mbps: 100, device: ");
    if (GetParam().partitions) {
        config = with(config, "cycle-bits: 100000", "cycle-bits: 10000");
        config = with(config, "cycle-bits: 20000", "cycle-bits: 900");
    }
    config = with(config, "  labels:\n", kMoreLabels);
    config = with(config, "routes:\n", kMoreRoutes);
    if (GetParam().partitions) {
        config = with(config, "  local-sids:\n", kMoreSids);
        config =
            with(config, "'fc00:8:1::/48']", "'fc00:8:1::/48', 'fc00:8:e::/48', 'fc00:8:7::/48']");
        config = with(config, "routes:\n", kBehindSids);
        config = with(config, "sr-policies:\n", kMorePolicies);
    }
    if (GetParam().mna) {
        config = with(config, "- {interface: ge1, address: 10.0.2.2, ",
                      "- {interface: ge1, address: 10.0.2.2, mna: true, ");
    }
    if (GetParam().short_pipe) {
        config = with(config, "mpls:\n", "mpls:\n  ttl-model: short-pipe\n");
    }
    if (GetParam().tags_out != nullptr) {
        config = with(config, "{name: ge1, tagging: mpls-tc, tags: [1, 2, 3, 4]}",
                      fmt::format("{{name: ge1, {}}}", GetParam().tags_out));
    }
    if (GetParam().no_flows) {
        const std::size_t flows = config.find("detnet:\n");
        config.erase(flows, config.find("srv6:\n", flows) - flows);
    }
    if (GetParam().other_flows) {
        config = with(config, "  flows:\n", kOtherFlows);
    }
    TwoWays routers(config, options());
    RandomFrames frames(42, targets());
    compare(routers, frames);
}

INSTANTIATE_TEST_SUITE_P(
    Settings, Express,
    testing::Values(
        Setting{"mpls-tc", false, true, 1}, Setting{"mpls-tc", true, true, 1},
        Setting{"dscp", false, true, 1}, Setting{"dscp", true, false, 1},
        Setting{"dscp", true, true, 2}, Setting{"dscp", true, true, 1, false, true},
        Setting{"mpls-tc", true, true, 1, false, true},
        Setting{.tagging = "mpls-tc", .no_flows = true},
        Setting{.tagging = "mpls-tc", .partitions = true, .no_flows = true},
        Setting{.tagging = "mpls-tc", .partitions = true, .no_flows = true, .mna = true},
        Setting{.tagging = "mpls-tc", .partitions = true, .no_flows = true, .short_pipe = true},
        Setting{
            .tagging = "mpls-tc", .partitions = true, .workers = 2, .no_flows = true, .mna = true},
        Setting{.tagging = "dscp",
                .partitions = true,
                .workers = 3,
                .other_flows = true,
                .short_pipe = true},
        Setting{.tagging = "dscp",
                .partitions = true,
                .has_times = false,
                .workers = 2,
                .no_flows = true},
        Setting{.tagging = "mpls-tc", .workers = 2, .no_flows = true, .short_pipe = true},
        Setting{.tagging = "mpls-tc",
                .short_pipe = true,
                .tags_out = "tagging: dscp, tags: [3, 7, 11, 15]"},
        Setting{.tagging = "mpls-tc",
                .no_flows = true,
                .tags_out = "tagging: dscp, tags: [3, 7, 11, 15]"},
        Setting{.tagging = "mpls-tc",
                .partitions = true,
                .tags_out = "tagging: ipv6-option, option-header: hop-by-hop, tags: [1, 2, 3, 4]"},
        Setting{.tagging = "mpls-tc", .partitions = true, .short_pipe = true},
        Setting{.tagging = "mpls-tc", .partitions = true, .workers = 2, .mna = true},
        Setting{.tagging = "dscp", .no_flows = true},
        Setting{.tagging = "dscp", .partitions = true, .no_flows = true},
        Setting{.tagging = "ipv6-option, option-header: hop-by-hop",
                .partitions = true,
                .no_flows = true},
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
- {id: 5, name: gold, strict: true, interfaces: [{name: ge1, cycle-bits: 100000, best-effort-rate-mbps: 100}]}
- {id: 6, name: tin, encapsulation: mpls-mna, interfaces: [{name: ge1, cycle-bits: 20000, best-effort-rate-mbps: 50}]}
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
- color: 16
  endpoint: '2001:db8:9::9'
  candidate-paths:
  - {preference: 200, discriminator: 1, segment-lists: [{segments: ['2001:db8:bad::e']}]}
- color: 17
  endpoint: '2001:db8:9::9'
  candidate-paths:
  - {preference: 200, discriminator: 1, segment-lists: [{segments: ['2001:db8:d3::e']}]}
- color: 18
  endpoint: '2001:db8:9::9'
  candidate-paths:
  - {preference: 200, discriminator: 1, segment-lists: [{segments: ['2001:db8:d3::e']}, {segments: ['2001:db8:de::e']}, {segments: ['2001:db8:1a::e']}, {segments: [110, 16009], weight: 2}]}
- color: 19
  endpoint: '2001:db8:9::9'
  candidate-paths:
  - {preference: 200, discriminator: 1, segment-lists: [{segments: [107]}, {segments: [110, 16009]}]}
)";

/// Into these policies, past them, and by labels of the route; policed and not, with a DetNet
/// service and without.
constexpr const char* kSteeredFlows = R"(  flows:
  - {id: 21, match: {destination: 10.10.1.0/24}, cycle-size-bits: 40000, sr-policy: {color: 11, endpoint: '2001:db8:9::9'}}
  - {id: 39, match: {destination: 10.10.0.2/31}, cycle-size-bits: 16000,
     traffic-specification: {interval-ns: 20000000, max-packets-per-interval: 2, max-payload-size: 700}, excess-action: best-effort}
  - {id: 22, match: {destination: 10.10.0.0/24}, cycle-size-bits: 16000, sr-policy: {color: 12, endpoint: '2001:db8:9::9'},
     traffic-specification: {interval-ns: 20000000, max-packets-per-interval: 2, max-payload-size: 1300}}
  - {id: 23, match: {destination: 10.12.1.0/24}, cycle-size-bits: 16000, sr-policy: {color: 13, endpoint: '2001:db8:9::9'},
     traffic-specification: {interval-ns: 20000000, max-packets-per-interval: 2, max-payload-size: 1300}, excess-action: best-effort}
  - {id: 24, match: {destination: 10.13.0.0/24}, cycle-size-bits: 16000, sr-policy: {color: 14, endpoint: '2001:db8:9::9'}}
  - {id: 25, match: {destination: '2001:db8:d1::/64'}, cycle-size-bits: 16000, sr-policy: {color: 15, endpoint: '2001:db8:9::9'}}
  - {id: 26, match: {destination: '2001:db8:d2::/64'}, cycle-size-bits: 16000, sr-policy: {color: 12, endpoint: '2001:db8:9::9'},
     traffic-specification: {interval-ns: 20000000, max-packets-per-interval: 2, max-payload-size: 1300}, excess-action: best-effort}
  - {id: 40, match: {destination: 10.0.1.0/24}, cycle-size-bits: 16000, sr-policy: {color: 11, endpoint: '2001:db8:9::9'}}
  - {id: 27, match: {destination: 10.12.2.0/24, protocol: 17}, cycle-size-bits: 16000}
  - {id: 28, match: {destination: 8.8.8.8/32}, cycle-size-bits: 16000, sr-policy: {color: 11, endpoint: '2001:db8:9::9'}}
  - {id: 29, match: {destination: '2001:db8:1a::/64'}, cycle-size-bits: 16000}
  - {id: 30, match: {destination: '2001:db8:c:2::/64'}, cycle-size-bits: 16000, sr-policy: {color: 13, endpoint: '2001:db8:9::9'}}
  - {id: 31, match: {destination: 10.11.0.0/24}, cycle-size-bits: 16000, mpls-service: {s-label: 5000, sequence-bits: 16}}
  - {id: 32, match: {destination: '2001:db8:d0::/64'}, cycle-size-bits: 16000,
     traffic-specification: {interval-ns: 20000000, max-packets-per-interval: 3, max-payload-size: 40}, excess-action: best-effort}
  - {id: 37, match: {destination: 10.10.2.0/24}, cycle-size-bits: 16000, mpls-service: {s-label: 5002, sequence-bits: 16}}
  - {id: 38, match: {destination: '2001:db8:de::/64'}, cycle-size-bits: 16000, mpls-service: {s-label: 5003, sequence-bits: 16}}
  - {id: 33, match: {destination: '2001:db8:c:3::/64'}, cycle-size-bits: 16000, sr-policy: {color: 16, endpoint: '2001:db8:9::9'}}
  - {id: 34, match: {destination: 10.12.3.0/24}, cycle-size-bits: 16000, sr-policy: {color: 13, endpoint: '2001:db8:9::9'}, mpls-service: {s-label: 5001, sequence-bits: 16}}
  - {id: 35, match: {destination: 10.10.3.0/24}, cycle-size-bits: 16000, sr-policy: {color: 17, endpoint: '2001:db8:9::9'}}
  - {id: 36, match: {destination: '2001:db8:d3::/64'}, cycle-size-bits: 16000, sr-policy: {color: 18, endpoint: '2001:db8:9::9'}}
)";

struct SteeredSetting {
    const char* tags_out;
    const char* ttl_model;
    unsigned mtu;
    bool mna = false;  ///< the neighbour reads network actions
    bool flows = false;
    unsigned workers = 1;
};

constexpr const char* kOptions =
    "tagging: ipv6-option, option-header: hop-by-hop, tags: [1, 2, 3, 4]";
constexpr const char* kDscps = "tagging: dscp, tags: [19, 23, 27, 31]";
constexpr const char* kLabels = "tagging: mpls-tc, tags: [1, 2, 3, 4]";

class ExpressSteered : public testing::TestWithParam<SteeredSetting> {};

TEST_P(ExpressSteered, TheShortWayIntoPoliciesDoesWhatTheLongWayDoes) {
    std::string config = four_interfaces("dscp", 4, kPolicies);
    config = with(config, "routes:\n", kMoreRoutes);
    config = with(config, "routes:\n", steering());
    config = with(config, "    cycle-time-us: 100\n",
                  "    cycle-time-us: 100\n    egress-dscp: 5\n    egress-tc: 6\n");
    config = with(
        config, "- {interface: ge1, address: '2001:db8:102::2', ",
        fmt::format("- {{interface: ge1, address: '2001:db8:102::2', mna: {}, ", GetParam().mna));
    config = with(config, "{name: ge1, tagging: dscp, tags: [3, 7, 11, 15]}",
                  fmt::format("{{name: ge1, {}}}", GetParam().tags_out));
    config = with(config, "mpls:\n", fmt::format("mpls:\n  ttl-model: {}\n", GetParam().ttl_model));
    config = with(config, "{name: ge1, ", fmt::format("{{name: ge1, mtu: {}, ", GetParam().mtu));
    config = with(config, "  labels:\n", kMoreLabels);
    if (GetParam().flows) {
        config = with(config, "{name: ge1, ", "{name: ge1, link-rate-mbps: 1000, ");
        config = with(config, "cycle-bits: 100000", "cycle-bits: 60000");
        config = with(config, "{name: ge0, ", "{name: ge0, link-rate-mbps: 400, ");
        config = with(config, "  flows:\n", kSteeredFlows);
    }
    TestRouter::Options options;
    options.workers = GetParam().workers;
    TwoWays routers(config, options);
    RandomFrames frames(43, steered_targets());
    compare(routers, frames);
}

INSTANTIATE_TEST_SUITE_P(
    Settings, ExpressSteered,
    testing::Values(SteeredSetting{kOptions, "uniform", 1500},
                    SteeredSetting{
                        "tagging: ipv6-option, option-header: destination, tags: [1, 2, 3, 4]",
                        "uniform", 800},
                    SteeredSetting{kDscps, "uniform", 1500},
                    SteeredSetting{kDscps, "uniform", 1500, true},
                    SteeredSetting{kLabels, "uniform", 1500},
                    SteeredSetting{"tagging: mpls-tc, tags: [0, 2, 3, 4]", "short-pipe", 800},
                    SteeredSetting{kOptions, "uniform", 1500, false, true},
                    SteeredSetting{kOptions, "uniform", 800, false, true, 2},
                    SteeredSetting{kDscps, "uniform", 1500, true, true},
                    SteeredSetting{kDscps, "uniform", 1500, false, true, 2},
                    SteeredSetting{kLabels, "uniform", 1500, true, true},
                    SteeredSetting{kLabels, "short-pipe", 800, false, true, 2}));

}  // namespace
}  // namespace tcqf::test
