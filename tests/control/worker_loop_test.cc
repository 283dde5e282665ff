// The loop of a worker thread in real time.
#include "control/tcqfd/worker_loop.h"

#include <gtest/gtest.h>
#include <rte_cycles.h>

#include <thread>

#include "tests/dataplane/frames.h"
#include "tests/dataplane/test_config.h"
#include "tests/dataplane/test_router.h"

namespace tcqf::control {
namespace {

constexpr std::int64_t kCycleNs = 100'000;
constexpr std::int64_t kNow = 1'700'000'000'000'000'000;

using test::operator+;

// SIGTERM stops receiving and sends what is queued; that includes what another worker hands over
// last, to one that came back late.
TEST(WorkerLoop, what_is_handed_over_while_it_drains_joins_its_cycle) {
    test::TestRouter test(test::four_interfaces("dscp"), {.workers = 2});
    dataplane::Router& router = test.router();
    test.step(kNow - 1000 * kCycleNs);
    const auto tag = static_cast<std::uint8_t>(4 * (kNow / kCycleNs % 4) + 3);
    test.arrive(
        0, kNow,
        test::ethernet(0, dataplane::ethertype::kIpv4) + test::ipv4_udp(0x0a0a0101, tag, 40));
    router.worker(0).receive(kNow);
    ASSERT_EQ(router.worker(0).counters().handed_over_out.get(), 1U);

    SharedClock clock;
    clock.publish({.ticks = rte_rdtsc(), .tai_ns = kNow, .rate = 0});  // stands
    std::atomic<WorkerPhase> phase = WorkerPhase::draining;
    WorkerLoop loop;
    loop.worker = &router.worker(1);
    loop.clock = &clock;
    loop.phase = &phase;
    std::thread thread([&loop] { loop.run(); });
    while (router.worker(1).counters().handed_over_in.get() == 0) {
        std::this_thread::yield();
    }
    phase = WorkerPhase::stopped;
    thread.join();
    EXPECT_EQ(router.account().interfaces[1].cycle_overruns, 0U);
    EXPECT_EQ(router.account().queued, 1U);
    EXPECT_TRUE(router.account().balances());
}

}  // namespace
}  // namespace tcqf::control
