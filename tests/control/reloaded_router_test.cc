// A router that was reloaded many times, with the kind of tables that tcqfd uses, forwards as one
// of the lab that is started with the last configuration: what it took over from tables before is
// what it would have built.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "config/load.h"
#include "control/tcqfd/daemon.h"
#include "tests/dataplane/random_config.h"
#include "tests/dataplane/random_universe.h"
#include "tests/dataplane/test_router.h"

namespace tcqf::test {
namespace {

constexpr std::int64_t kStart = 1'700'000'000'000'000'000;
constexpr unsigned kInterfaces = 4;
constexpr std::int64_t kUntilDrainedNs = 400'000'000;
constexpr std::int64_t kQuietNs = 2'000'000'000;  // buckets are full again, cursors lie behind

using Loaded = std::shared_ptr<const config::Router>;

struct Setting {
    unsigned seed;
    bool direct_tables;  ///< as tcqfd; they take long to build
    unsigned workers;
    unsigned reloads;
};

/// What tells one router's doings from another's, between two readings.
struct Reading {
    dataplane::Account account;
    std::map<config::IpPrefix, dataplane::Router::SidAccount> sids;

    static Reading of(TestRouter& router) {
        return {router.router().account(), router.router().sid_account()};
    }

    std::string since(const Reading& before) const {
        std::string text = fmt::format(
            "received {} generated {} sent {} to-kernel {} queued {}",
            account.received - before.account.received,
            account.generated - before.account.generated, account.sent - before.account.sent,
            account.to_kernel - before.account.to_kernel, account.queued);
        for (std::size_t i = 0; i < dataplane::kDropReasons; ++i) {
            if (const auto count = account.dropped[i] - before.account.dropped[i]; count != 0) {
                text += fmt::format(" {} {}", dataplane::kDropReasonNames[i], count);
            }
        }
        for (std::size_t i = 0; i < kInterfaces; ++i) {
            text += fmt::format(
                " {}>{}", account.interfaces[i].received - before.account.interfaces[i].received,
                account.interfaces[i].sent - before.account.interfaces[i].sent);
        }
        for (const auto& [sid, now] : sids) {
            const auto found = before.sids.find(sid);
            const auto was =
                found == before.sids.end() ? dataplane::Router::SidAccount{} : found->second;
            if (now.packets != was.packets) {
                text += fmt::format(" {} {}/{}", sid.to_string(), now.packets - was.packets,
                                    now.octets - was.octets);
            }
        }
        return text;
    }
};

class ReloadedRouter : public testing::TestWithParam<Setting> {
  protected:
    ReloadedRouter()
        : random_(GetParam().seed),
          config_(random_, GetParam().seed % 2 == 0),
          frames_(GetParam().seed, frame_targets()) {}

    unsigned pick(unsigned count) { return static_cast<unsigned>(random_() % count); }

    /// The next configuration that tcqfd would accept, a few changes away.
    Loaded next_config(unsigned changes) {
        for (;;) {
            RandomConfig candidate = config_;
            for (unsigned i = 0; i < changes; ++i) {
                candidate.change();
            }
            config::LoadResult result = config::load_yaml(candidate.text(), "random.yaml");
            if (result.router) {
                config_ = candidate;
                ++accepted_;
                return result.router;
            }
            ++refused_;
        }
    }

    TestRouter::Options as_in_tcqfd(const config::Router& config) const {
        const dataplane::RouterOptions real = control::real_time_options(config, false, 20'000);
        TestRouter::Options options = as_in_lab();
        options.has_times = false;
        options.workers = GetParam().workers;
        options.lateness_ns = real.lateness_ns;
        options.transmit_lookahead_ns = real.transmit_lookahead_ns;
        options.fib = GetParam().direct_tables ? real.fib : dataplane::FibKind::compact;
        return options;
    }
    static TestRouter::Options as_in_lab() {
        TestRouter::Options options;
        options.packets = 1024;
        return options;
    }

    struct Arrival {
        unsigned interface;
        Frame frame;
    };

    /// As many as a poll may find. Several workers hand over to each other, so that the order of
    /// packets is certain only one by one.
    static std::size_t most_at_once() { return GetParam().workers > 1 ? 1 : 24; }

    /// Packets of one instant.
    std::vector<Arrival> burst() {
        const unsigned interface = pick(kInterfaces);
        std::vector<Arrival> arrivals(1 + pick(static_cast<unsigned>(most_at_once())));
        const bool all_alike = pick(3) == 0;  // they fill cycles, and exceed what flows may send
        for (Arrival& arrival : arrivals) {
            arrival = {interface, all_alike && &arrival != arrivals.data()
                                      ? arrivals.front().frame
                                      : frames_.next(interface)};
        }
        return arrivals;
    }

    void arrive(TestRouter& router, const std::vector<Arrival>& arrivals) const {
        router.step(now_ns_ - 1);  // a port without times is polled all along
        for (const Arrival& arrival : arrivals) {
            ASSERT_TRUE(router.arrive(arrival.interface, now_ns_, arrival.frame));
        }
    }

    static void drain(TestRouter& router, std::int64_t from_ns) {
        router.run_until(from_ns + kUntilDrainedNs, from_ns);
        ASSERT_EQ(router.router().account().queued, 0U);
        ASSERT_TRUE(router.router().account().balances());
    }

    static void forget(TestRouter& router) {
        for (std::size_t i = 0; i < kInterfaces; ++i) {
            router.wire(i).sent().clear();
            router.kernel(i).sent().clear();
        }
    }

    static void expect_same(const std::vector<Sent>& reloaded, const std::vector<Sent>& started) {
        ASSERT_EQ(reloaded.size(), started.size());
        for (std::size_t i = 0; i < reloaded.size(); ++i) {
            ASSERT_EQ(reloaded[i].frame, started[i].frame);
            ASSERT_EQ(reloaded[i].start_ns, started[i].start_ns);
        }
    }

    /// A packet for every address and label that a configuration may name.
    std::vector<std::vector<Arrival>> sweep() {
        std::vector<Arrival> all;
        const auto add = [this, &all](const auto& targets) {
            for (const auto& target : targets) {
                const unsigned interface = pick(kInterfaces);
                all.push_back({interface, frames_.plain(interface, target)});
            }
        };
        add(frames_.targets().ipv4);
        add(frames_.targets().ipv6);
        add(frames_.targets().labels);
        std::vector<std::vector<Arrival>> by_interface(kInterfaces);
        for (const Arrival& arrival : all) {
            by_interface[arrival.interface].push_back(arrival);
        }
        std::vector<std::vector<Arrival>> bursts;
        const std::size_t most = most_at_once();
        for (const auto& arrivals : by_interface) {
            for (std::size_t i = 0; i < arrivals.size(); i += most) {
                const auto end = arrivals.begin() + std::min(i + most, arrivals.size());
                bursts.emplace_back(arrivals.begin() + i, end);
            }
        }
        return bursts;
    }

    /// The same packets through both.
    void compare(TestRouter& reloaded, TestRouter& started) {
        const Reading before = Reading::of(reloaded);
        const Reading zero = Reading::of(started);
        std::vector<std::vector<Arrival>> bursts = sweep();
        for (unsigned i = 0; i < 40; ++i) {
            bursts.push_back(burst());
        }
        for (std::vector<Arrival>& arrivals : bursts) {
            now_ns_ += kQuietNs + pick(1'000'000);
            for (TestRouter* router : {&reloaded, &started}) {
                arrive(*router, arrivals);
                drain(*router, now_ns_);
            }
            for (std::size_t wire = 0; wire < kInterfaces; ++wire) {
                SCOPED_TRACE(fmt::format("{} packets to ge{}, out of ge{}", arrivals.size(),
                                         arrivals[0].interface, wire));
                ASSERT_NO_FATAL_FAILURE(
                    expect_same(reloaded.wire(wire).sent(), started.wire(wire).sent()));
                ASSERT_NO_FATAL_FAILURE(
                    expect_same(reloaded.kernel(wire).sent(), started.kernel(wire).sent()));
            }
            ASSERT_EQ(Reading::of(reloaded).since(before), Reading::of(started).since(zero));
            forget(reloaded);
            forget(started);
        }
        sent_ += started.router().account().sent;
        received_ += started.router().account().received;
    }

    std::mt19937_64 random_;
    RandomConfig config_;
    RandomFrames frames_;
    std::int64_t now_ns_ = kStart;
    unsigned accepted_ = 0;
    unsigned refused_ = 0;
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
};

TEST_P(ReloadedRouter, forwards_as_one_that_was_started_with_the_last_configuration) {
    for (unsigned i = 0; i < 60; ++i) {
        next_config(3);
    }
    Loaded config = next_config(1);
    TestRouter reloaded(config_.text(), as_in_tcqfd(*config));
    for (unsigned reload = 0; reload < GetParam().reloads; ++reload) {
        now_ns_ += kQuietNs;
        arrive(reloaded, burst());
        reloaded.step(now_ns_);
        for (unsigned again = pick(4) == 0 ? 2 : 1; again > 0; --again) {
            config = next_config(1 + pick(4));
            reloaded.router().reclaim();
            ASSERT_EQ(reloaded.router().apply(config), "");
        }
        drain(reloaded, now_ns_ + 1);
        forget(reloaded);
        now_ns_ += kQuietNs;
        TestRouter started(config_.text(), as_in_lab());
        SCOPED_TRACE(fmt::format("reload {}", reload));
        ASSERT_NO_FATAL_FAILURE(compare(reloaded, started)) << config_.text();
    }
    RecordProperty("accepted", static_cast<int>(accepted_));
    EXPECT_GT(accepted_, refused_ / 4) << "few changes of configurations are right";
    EXPECT_GT(sent_, received_ / 8) << "packets that are dropped show little";
}

INSTANTIATE_TEST_SUITE_P(Settings, ReloadedRouter,
                         testing::Values(Setting{1, false, 1, 40}, Setting{2, false, 2, 40},
                                         Setting{3, true, 1, 20}, Setting{4, true, 1, 40},
                                         Setting{5, true, 2, 20}, Setting{6, true, 3, 20}),
                         [](const auto& info) {
                             return fmt::format("{}Workers{}Seed{}",
                                                info.param.direct_tables ? "Direct" : "Compact",
                                                info.param.workers, info.param.seed);
                         });

}  // namespace
}  // namespace tcqf::test
