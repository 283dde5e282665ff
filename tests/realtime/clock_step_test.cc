// The reference clock steps while packets flow, in real time: the clock's own thread follows it, a
// worker forwards by what it reads, and nothing leaves in a wrong cycle.
#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "control/tcqfd/clock_keeper.h"
#include "control/tcqfd/worker_loop.h"
#include "tests/dataplane/frames.h"
#include "tests/dataplane/test_config.h"
#include "tests/dataplane/test_router.h"

namespace tcqf::test {
namespace {

// No step of whole seconds is a whole number of rounds: what keeps its old cycle has a wrong tag.
// The cycles are so long that a worker which shares its core is polled often enough.
constexpr CycleTiming kTiming{.cycle_time_ns = 25'000'000, .offset_ns = 0, .cycles = 3};
constexpr std::array<std::int64_t, 4> kStepsNs = {37'000'000'000, -37'000'000'000, -1'000'000'000,
                                                  1'000'000'000};
constexpr unsigned kPackets = 4096;
constexpr std::uint64_t kTenCycles = 40;  // of packets

/// A free-running clock that is set by hand.
class SteppingSource final : public control::TimeSource {
  public:
    explicit SteppingSource(std::atomic<std::int64_t>& shift_ns) : shift_ns_(&shift_ns) {
        config::Clock clock;
        clock.source = config::ClockSource::free_running;
        clock_ = std::move(control::open_time_source(clock).value());
    }

    control::ClockSample sample() override {
        control::ClockSample sample = clock_->sample();
        sample.reference_ns += shift_ns_->load();
        return sample;
    }

  private:
    std::atomic<std::int64_t>* shift_ns_;
    std::unique_ptr<control::TimeSource> clock_;
};

/// Four packets a cycle, with the tag of the cycle in which they are taken.
class TaggingPort final : public dataplane::Port {
  public:
    explicit TaggingPort(rte_mempool* pool) : pool_(pool) {}

    unsigned receive(std::int64_t now_ns, rte_mbuf** packets, std::int64_t*, unsigned) override {
        const std::int64_t quarter = floor_div(now_ns, kTiming.cycle_time_ns / 4);
        if (quarter == last_quarter_) {
            return 0;
        }
        last_quarter_ = quarter;
        packets[0] = rte_pktmbuf_alloc(pool_);
        if (packets[0] == nullptr) {
            return 0;
        }
        const Frame frame = ethernet(0, dataplane::ethertype::kMpls) +
                            label(101, kTiming.id_of(kTiming.cycle_at(now_ns)), true, 64) +
                            ipv4_udp(0x0a0a0101, 0, 40);
        std::memcpy(rte_pktmbuf_append(packets[0], static_cast<std::uint16_t>(frame.size())),
                    frame.data(), frame.size());
        return 1;
    }
    unsigned transmit(const dataplane::TransmitBurst& burst) override {
        for (unsigned i = 0; i < burst.count; ++i) {
            rte_pktmbuf_free(burst.packets[i]);
        }
        return burst.count;
    }

  private:
    rte_mempool* pool_;
    std::int64_t last_quarter_ = 0;
};

/// Compares the tag of what leaves with the cycle in which it leaves.
class JudgingPort final : public dataplane::Port {
  public:
    unsigned receive(std::int64_t, rte_mbuf**, std::int64_t*, unsigned) override { return 0; }

    unsigned transmit(const dataplane::TransmitBurst& burst) override {
        for (unsigned i = 0; i < burst.count; ++i) {
            const auto* frame = rte_pktmbuf_mtod(burst.packets[i], const std::uint8_t*);
            const unsigned tag = dataplane::mpls::tc(dataplane::load32(frame + 14));
            wrong_ += tag == kTiming.id_of(kTiming.cycle_at(burst.start_ns(i))) ? 0 : 1;
            rte_pktmbuf_free(burst.packets[i]);
        }
        sent_.fetch_add(burst.count);
        return burst.count;
    }

    std::uint64_t sent() const { return sent_.load(); }
    /// Once the worker has ended.
    std::uint64_t wrong() const { return wrong_; }

  private:
    std::atomic<std::uint64_t> sent_{0};
    std::uint64_t wrong_ = 0;
};

std::shared_ptr<const config::Router> slow_cycles() {
    const std::string yaml = with(four_interfaces("mpls-tc", kTiming.cycles), "cycle-time-us: 100",
                                  "cycle-time-us: 25000");
    // A calendar so short that it comes round to its old slots while the test waits.
    return load_or_throw(with(with(yaml, "interval-ns: 1000000", "interval-ns: 1000000000"),
                              "cycle-size-bits: 12000",
                              "cycle-size-bits: 12000\n    max-backlog-cycles: 2"));
}

template <class Condition>
void wait_until(Condition condition) {
    while (!condition()) {
        std::this_thread::yield();
    }
}

TEST(ClockStepInRealTime, under_traffic_nothing_leaves_in_a_wrong_cycle) {
    start_eal_once();
    const dataplane::PacketPool pool = dataplane::make_packet_pool("clock_step", kPackets, 2048, 0);
    TaggingPort in(pool.get());
    JudgingPort out;
    std::array<JudgingPort, 2> idle;
    dataplane::RouterOptions options;
    options.pool = pool.get();
    options.max_packets = kPackets;
    options.transmit_lookahead_ns = 1'000'000;
    options.lateness_ns = 0;
    dataplane::Router router(
        slow_cycles(), {{.wire = &in}, {.wire = &out}, {.wire = &idle[0]}, {.wire = &idle[1]}},
        options);

    std::atomic<std::int64_t> shift_ns{0};
    control::ClockKeeper keeper(std::make_unique<SteppingSource>(shift_ns));
    std::atomic<control::WorkerPhase> phase{control::WorkerPhase::running};
    control::WorkerLoop loop;
    loop.worker = &router.worker(0);
    loop.clock = &keeper.clock();
    loop.phase = &phase;
    loop.yield = true;
    std::thread thread([&loop] { loop.run(); });

    wait_until([&] { return out.sent() >= kTenCycles; });
    std::uint64_t steps = 0;
    for (const std::int64_t step_ns : kStepsNs) {
        shift_ns.fetch_add(step_ns);
        wait_until([&] { return keeper.statistics().rebases > steps; });
        EXPECT_EQ(keeper.statistics().rebases, ++steps);
        EXPECT_NEAR(static_cast<double>(keeper.statistics().last_step_ns),
                    static_cast<double>(step_ns), 1e6);
        const std::uint64_t before = out.sent();
        wait_until([&] { return out.sent() >= before + kTenCycles; });
    }
    phase.store(control::WorkerPhase::draining);
    wait_until([&] { return loop.drained.load(); });
    phase.store(control::WorkerPhase::stopped);
    thread.join();

    const dataplane::Account account = router.account();
    EXPECT_TRUE(account.balances());
    EXPECT_EQ(account.queued, 0U);
    EXPECT_EQ(account.sent, out.sent());
    EXPECT_EQ(out.wrong(), 0U);
    // A step is no pause of the worker; one that long would be this test's end.
    EXPECT_LT(loop.pauses.largest_ns(), 30'000'000'000);
}

}  // namespace
}  // namespace tcqf::test
