// Two routers that differ only in the way of plain packets: both must do the same with every
// packet.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/dataplane/random_frames.h"
#include "tests/dataplane/test_router.h"

namespace tcqf::test {

inline std::string hex(const Frame& frame) {
    return fmt::format("{:02x}", fmt::join(frame, " "));
}

class TwoWays {
  public:
    /// What lies beyond a packet differs, too: it must not matter.
    explicit TwoWays(const std::string& yaml, const TestRouter::Options& options = {},
                     std::uint8_t other_poison = 0x45)
        : short_way_(yaml, options), long_way_(yaml, on_long_way(options, other_poison)) {}

    /// The router whose plain packets take it; what it does is right where expect_same() holds.
    TestRouter& short_way() { return short_way_; }

    void arrive(std::size_t interface, std::int64_t time_ns, const Frame& frame,
                unsigned queue = 0) {
        for (TestRouter* router : {&short_way_, &long_way_}) {
            ASSERT_TRUE(router->arrive_in_queue(queue, interface, time_ns, frame));
        }
    }
    void from_kernel(std::size_t interface, std::int64_t time_ns, const Frame& frame) {
        for (TestRouter* router : {&short_way_, &long_way_}) {
            ASSERT_TRUE(router->from_kernel(interface, time_ns, frame));
        }
    }
    void run_until(std::int64_t end_ns, std::int64_t from_ns) {
        short_way_.run_until(end_ns, from_ns);
        long_way_.run_until(end_ns, from_ns);
    }
    void set_link(config::InterfaceIndex interface, bool up) {
        short_way_.router().set_link(interface, up);
        long_way_.router().set_link(interface, up);
    }

    /// Since the last forget().
    void expect_same_sent() {
        for (std::size_t i = 0; i < short_way_.interfaces(); ++i) {
            SCOPED_TRACE("ge" + std::to_string(i));
            expect_same_sent(short_way_.wire(i).sent(), long_way_.wire(i).sent());
            expect_same_sent(short_way_.kernel(i).sent(), long_way_.kernel(i).sent());
        }
    }
    void expect_same_account() {
        const dataplane::Account ours = short_way_.router().account();
        const dataplane::Account theirs = long_way_.router().account();
        EXPECT_EQ(ours.dropped, theirs.dropped);
        EXPECT_EQ(ours.received, theirs.received);
        EXPECT_EQ(ours.generated, theirs.generated);
        EXPECT_EQ(ours.sent, theirs.sent);
        EXPECT_EQ(ours.to_kernel, theirs.to_kernel);
        EXPECT_TRUE(ours.balances());
        expect_same_at_sids();
    }
    void forget() {
        for (TestRouter* router : {&short_way_, &long_way_}) {
            for (std::size_t i = 0; i < router->interfaces(); ++i) {
                router->wire(i).sent().clear();
                router->kernel(i).sent().clear();
            }
        }
    }

  private:
    static TestRouter::Options on_long_way(TestRouter::Options options, std::uint8_t poison) {
        options.short_way = false;
        options.poison = poison;
        return options;
    }

    static void expect_same_sent(const std::vector<Sent>& ours, const std::vector<Sent>& theirs) {
        ASSERT_EQ(ours.size(), theirs.size());
        for (std::size_t i = 0; i < ours.size(); ++i) {
            ASSERT_EQ(ours[i].start_ns, theirs[i].start_ns) << "frame " << i;
            ASSERT_TRUE(ours[i].frame == theirs[i].frame)
                << "frame " << i << ": " << hex(ours[i].frame) << "\nnot " << hex(theirs[i].frame);
        }
    }

    void expect_same_at_sids() {
        const auto ours = short_way_.router().sid_account();
        const auto theirs = long_way_.router().sid_account();
        ASSERT_EQ(ours.size(), theirs.size());
        for (const auto& [sid, sum] : theirs) {
            ASSERT_TRUE(ours.contains(sid));
            EXPECT_EQ(ours.at(sid).packets, sum.packets) << sid.to_string();
            EXPECT_EQ(ours.at(sid).octets, sum.octets) << sid.to_string();
        }
    }

    TestRouter short_way_;
    TestRouter long_way_;
};

/// Random bursts from any of four interfaces, most from the first two, through all of their receive
/// queues; packets are looked at one by one, or all of a burst at once. Now and then a stall.
/// Returns the time after them.
inline std::int64_t send_bursts(TwoWays& routers, RandomFrames& frames, unsigned bursts,
                                std::int64_t now_ns, unsigned further_queues = 0) {
    for (unsigned burst = 0; burst < bursts; ++burst) {
        const unsigned packets = frames.below(32) == 0 ? 120 : 1 + frames.below(12);
        const bool are_alike = frames.below(32) == 0;     // they fill cycles, and exceed shares
        const bool are_seen_late = frames.below(4) != 0;  // and all at once
        unsigned interface = 0;
        Frame frame;
        for (unsigned i = 0; i < packets; ++i) {
            if (i == 0 || !are_alike) {
                interface = frames.below(8) < 6 ? frames.below(2) : frames.below(4);
                frame = frames.next(interface);
            }
            const unsigned queue = further_queues == 0 ? 0 : frames.below(further_queues + 1);
            routers.arrive(interface, now_ns + i, frame, queue);
        }
        const std::int64_t end_ns = now_ns + packets + frames.below(40'000);
        routers.run_until(end_ns, now_ns + (are_seen_late ? packets : 0));
        now_ns = end_ns + 1;
        if (frames.below(200) == 0) {
            now_ns += 500'000;  // a stall
        }
    }
    return now_ns;
}

}  // namespace tcqf::test
