// What a packet costs in the calendar and the queues behind it: enqueue and transmit together.
#include "tcqf/egress.h"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

namespace tcqf {
namespace {

constexpr std::int64_t kToday = 1'700'000'000'000'000'000;
constexpr std::uint32_t kOctets = 64;

/// 100 Gbit/s, T = 100 us: a cycle holds 14'204 frames of 64 bytes.
EgressConfig hundred_gigabit(std::uint32_t slots) {
    EgressConfig config;
    config.rate = {100'000};
    config.timing = CycleTiming{.cycle_time_ns = 100'000, .offset_ns = 0, .cycles = 4};
    config.slots = slots;
    config.queue_limit_packets = 1'000'000;
    return config;
}

unsigned take_all(const Egress<void*>::Burst& burst) {
    benchmark::DoNotOptimize(burst.packets.data());
    return burst.count;
}

void give_back(void*) {
}

/// Bursts of 32 packets for cycles of one up to `backlog` ahead; transmit after each burst, time
/// moves on as fast as the wire sends.
void tcqf_enqueue_and_transmit(benchmark::State& state) {
    const auto backlog = static_cast<std::int64_t>(state.range(0));
    std::uint32_t slots = 4;
    while (slots <= backlog) {
        slots *= 2;
    }
    ChunkPool<void*> pool(16'384 * static_cast<std::size_t>(backlog + 1), slots + 3);
    Egress<void*> egress(hundred_gigabit(slots), pool);
    std::int64_t now_ns = kToday;
    std::int64_t distance = 1;
    for (auto _ : state) {
        egress.advance(now_ns, give_back);
        for (int i = 0; i < 32; ++i) {
            const Refusal refusal =
                egress.enqueue_in_cycle(egress.tracker().cycle() + distance, {&pool, kOctets});
            if (refusal != Refusal::none) {
                state.SkipWithError("refused");
                return;
            }
            distance = distance == backlog ? 1 : distance + 1;
        }
        egress.transmit(now_ns, 1'000, take_all, give_back);
        now_ns += 32 * 9;  // a frame takes 7.04 ns
    }
    state.SetItemsProcessed(state.iterations() * 32);
}
BENCHMARK(tcqf_enqueue_and_transmit)->Arg(1)->Arg(4)->Arg(256)->Arg(1023);

/// The same through the best-effort queue, inside or outside a domain.
void best_effort_enqueue_and_transmit(benchmark::State& state) {
    EgressConfig config = hundred_gigabit(4);
    config.shares.resize(static_cast<std::size_t>(state.range(0)));
    for (Share& share : config.shares) {
        share.rate_mbps = 100;
    }
    const auto queues = static_cast<std::uint32_t>(config.shares.size()) + 1;
    ChunkPool<void*> pool(1'000'000, config.slots + queues + 3);
    Egress<void*> egress(config, pool);
    std::int64_t now_ns = kToday;
    std::uint32_t share = 0;
    for (auto _ : state) {
        egress.advance(now_ns, give_back);
        for (int i = 0; i < 32; ++i) {
            egress.enqueue(TrafficClass::best_effort, {&pool, kOctets}, share);
            share = share + 1 == queues ? 0 : share + 1;
        }
        egress.transmit(now_ns, 1'000, take_all, give_back);
        now_ns += 32 * 9;
    }
    state.SetItemsProcessed(state.iterations() * 32);
}
BENCHMARK(best_effort_enqueue_and_transmit)->Arg(0)->Arg(1)->Arg(100);

/// A call that finds nothing to send, which is what a polling worker does most.
void transmit_with_nothing_to_do(benchmark::State& state) {
    ChunkPool<void*> pool(64, 16);
    Egress<void*> egress(hundred_gigabit(4), pool);
    std::int64_t now_ns = kToday;
    for (auto _ : state) {
        benchmark::DoNotOptimize(egress.transmit(now_ns, 1'000, take_all, give_back));
        now_ns += 100;
    }
}
BENCHMARK(transmit_with_nothing_to_do);

}  // namespace
}  // namespace tcqf
