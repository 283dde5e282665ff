// Routers by chance do with every packet on the short way what they do on the long one.
//
// A seed is one router with its traffic, another one with another compiler. ROUTER_SEEDS=17 takes
// that one alone, ROUTER_SEEDS=100-199 those: halves lead to the one that crashes.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <exception>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "tests/dataplane/random_router.h"
#include "tests/dataplane/two_ways.h"

namespace tcqf::test {
namespace {

using dataplane::DropReason;

constexpr std::int64_t kStart = 1'700'000'000'000'000'000;
constexpr std::int64_t kUntilDrainedNs = 50'000'000;
constexpr unsigned kSpells = 4;  // during which links stay as they are
constexpr unsigned kBurstsOfASpell = 200;
constexpr unsigned kSinglePackets = 400;

struct Seeds {
    static constexpr unsigned kMany = 100;  ///< enough for everything to be seen

    unsigned first = 0;
    unsigned last = kMany - 1;

    static Seeds wanted() {
        Seeds seeds;
        if (const char* text = std::getenv("ROUTER_SEEDS")) {
            char* rest = nullptr;
            seeds.first = seeds.last = static_cast<unsigned>(std::strtoul(text, &rest, 10));
            if (*rest == '-') {
                seeds.last = static_cast<unsigned>(std::strtoul(rest + 1, nullptr, 10));
            }
        }
        return seeds;
    }
    bool are_many() const { return last + 1 >= first + kMany; }
};

/// What became of the packets of all routers, where plain ones take the short way.
struct Seen {
    std::uint64_t from_wires = 0;
    std::uint64_t on_long_way = 0;
    std::array<std::uint64_t, dataplane::kDropReasons> dropped{};
    std::set<config::SidBehavior> behaviors;
    std::set<std::string> short_ways;  ///< how packets on it were changed
};

/// IP or labels, before and after, and whether there is more in front of the payload.
std::string change_of(const Frame& before, const Frame& after) {
    const auto name = [](const Frame& frame) {
        switch (dataplane::load16(&frame[12])) {
            case dataplane::ethertype::kIpv4:
                return "IPv4";
            case dataplane::ethertype::kIpv6:
                return "IPv6";
            default:
                return "MPLS";
        }
    };
    const char* length = after.size() > before.size()   ? "longer"
                         : after.size() < before.size() ? "shorter"
                                                        : "as long";
    return fmt::format("{} to {}, {}", name(before), name(after), length);
}

/// The router of a seed on either way, and its traffic.
class Comparison {
  public:
    Comparison(const RandomRouter& config, FrameTargets targets, std::mt19937_64& random)
        : chance_(random),
          options_(options()),
          routers_(config.text(), options_, static_cast<std::uint8_t>(chance_.pick(256))),
          frames_(random(), std::move(targets)) {}

    /// In every spell a link may be down, and the kernel sends something.
    void send_bursts() {
        for (unsigned spell = 0; spell < kSpells; ++spell) {
            const auto interface =
                static_cast<config::InterfaceIndex>(chance_.pick(RandomRouter::kInterfaces));
            routers_.set_link(interface, !chance_.one_in(4));
            routers_.from_kernel(interface, now_ns_, frames_.next(interface));
            now_ns_ = test::send_bursts(routers_, frames_, kBurstsOfASpell, now_ns_,
                                        options_.further_queues);
            routers_.set_link(interface, true);
        }
        drain();
    }

    /// Each alone, so that it is known what became of it.
    void send_single_packets(Seen& seen) {
        for (unsigned i = 0; i < kSinglePackets && !testing::Test::HasFailure(); ++i) {
            const unsigned interface = chance_.one_of({0U, 0U, 1U, 1U, 2U, 3U});
            const Frame frame = frames_.next(interface);
            SCOPED_TRACE(fmt::format("to ge{}: {}", interface, hex(frame)));
            const std::uint64_t before = on_long_way();
            routers_.forget();
            routers_.arrive(interface, now_ns_, frame);
            drain();
            if (on_long_way() == before) {
                note_change(frame, seen);
            }
        }
    }

    void note_account(Seen& seen) {
        const dataplane::Account account = router().account();
        seen.from_wires += account.received - account.from_kernel;
        seen.on_long_way += on_long_way();
        for (std::size_t reason = 0; reason < account.dropped.size(); ++reason) {
            seen.dropped[reason] += account.dropped[reason];
        }
        const auto taken = router().sid_account();
        for (const config::LocalSid& sid : router().config().srv6.local_sids) {
            if (taken.contains(sid.sid)) {
                seen.behaviors.insert(sid.behavior);
            }
        }
    }

  private:
    TestRouter::Options options() {
        TestRouter::Options options;
        options.workers = chance_.one_of({1U, 1U, 2U, 3U});
        options.further_queues = options.workers > 1 ? chance_.pick(2) : 0;
        options.has_times = !chance_.one_in(3);
        options.packets = 4096;
        // Beyond a packet: nothing, or what might be taken for the beginning of a header.
        options.poison = chance_.one_of<std::uint8_t>({kPoison, 0, 0x45, 0x60});
        return options;
    }

    dataplane::Router& router() { return routers_.short_way().router(); }

    void drain() {
        routers_.run_until(now_ns_ + kUntilDrainedNs, now_ns_);
        now_ns_ += kUntilDrainedNs + 1;
        routers_.expect_same_sent();
        routers_.expect_same_account();
        EXPECT_EQ(router().account().queued, 0u);
    }

    std::uint64_t on_long_way() {
        std::uint64_t sum = 0;
        for (unsigned worker = 0; worker < router().workers(); ++worker) {
            sum += router().worker(worker).counters().long_way.get();
        }
        return sum;
    }

    void note_change(const Frame& frame, Seen& seen) {
        for (unsigned i = 0; i < RandomRouter::kInterfaces; ++i) {
            for (const Sent& sent : routers_.short_way().wire(i).sent()) {
                seen.short_ways.insert(change_of(frame, sent.frame));
            }
        }
    }

    Chance chance_;
    TestRouter::Options options_;
    TwoWays routers_;
    RandomFrames frames_;
    std::int64_t now_ns_ = kStart;
};

void compare_ways(unsigned seed, Seen& seen) {
    std::mt19937_64 random(seed);
    RandomRouter config(random);
    SCOPED_TRACE(config.text());
    try {
        Comparison comparison(config, config.targets(), random);
        comparison.send_bursts();
        comparison.send_single_packets(seen);
        comparison.note_account(seen);
    } catch (const std::exception& refused) {
        FAIL() << refused.what();
    }
}

/// Packets that are all dropped, or all take the long way, would show nothing.
void expect_variety(const Seen& seen) {
    EXPECT_GT(seen.from_wires - seen.on_long_way, seen.from_wires / 6);
    for (const char* change :
         {"IPv4 to IPv4, as long", "IPv4 to IPv6, longer", "IPv4 to MPLS, longer",
          "IPv6 to IPv4, shorter", "IPv6 to IPv6, as long", "IPv6 to IPv6, longer",
          "IPv6 to IPv6, shorter", "IPv6 to MPLS, longer", "MPLS to IPv4, shorter",
          "MPLS to IPv6, shorter", "MPLS to MPLS, as long", "MPLS to MPLS, longer",
          "MPLS to MPLS, shorter"}) {
        EXPECT_TRUE(seen.short_ways.contains(change)) << change;
    }
    for (std::size_t reason = 0; reason < seen.dropped.size(); ++reason) {
        EXPECT_TRUE(seen.dropped[reason] != 0 ||
                    reason == static_cast<std::size_t>(DropReason::no_memory))
            << dataplane::kDropReasonNames[reason];
    }
    EXPECT_EQ(seen.behaviors.size(),
              static_cast<std::size_t>(config::SidBehavior::end_b6_encaps_red) + 1);
}

TEST(RandomRouters, DoOnTheShortWayWhatTheyDoOnTheLongOne) {
    const Seeds seeds = Seeds::wanted();
    Seen seen;
    for (unsigned seed = seeds.first; seed <= seeds.last && !HasFailure(); ++seed) {
        SCOPED_TRACE(fmt::format("ROUTER_SEEDS={}", seed));
        compare_ways(seed, seen);
    }
    EXPECT_NE(seen.from_wires, 0u);
    if (seeds.are_many() && !HasFailure()) {
        expect_variety(seen);
    }
}

}  // namespace
}  // namespace tcqf::test
