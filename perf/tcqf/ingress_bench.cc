// What a packet of a DetNet flow costs: policing and the choice of its cycle, over many flows.
#include "tcqf/ingress.h"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tcqf/policer.h"

namespace tcqf {
namespace {

constexpr std::int64_t kToday = 1'700'000'000'000'000'000;

/// Any order that a prefetcher cannot guess: an odd stride through a power of two.
std::size_t next_flow(std::size_t flow, std::size_t flows) {
    return (flow + 0x9E3779B1u) & (flows - 1);
}

void plan_and_commit(benchmark::State& state) {
    const auto flows = static_cast<std::size_t>(state.range(0));
    FlowShape shape;
    shape.cycle_size_bits = 12'000;
    std::vector<FlowCursor> cursors(flows);
    std::size_t flow = 0;
    CycleNumber now = kToday / 100'000;
    std::int64_t packets = 0;
    for (auto _ : state) {
        const IngressPlan plan = plan_ingress(shape, cursors[flow], now, 8'000);
        cursors[flow] = plan.next;
        benchmark::DoNotOptimize(cursors[flow]);
        flow = next_flow(flow, flows);
        now += (++packets & 0xFFF) == 0;
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(plan_and_commit)->Arg(1)->Arg(1 << 10)->Arg(1 << 17)->Arg(1 << 20);

void police(benchmark::State& state) {
    const auto flows = static_cast<std::size_t>(state.range(0));
    const TrafficSpecification specification{
        .interval_ns = 1'000, .max_packets_per_interval = 4, .max_payload_octets = 1'500};
    std::vector<std::int64_t> arrivals_ns(flows * 4, Policer::kNoArrival);
    const Policer policer(specification);
    std::vector<PolicerPosition> positions(flows);
    std::size_t flow = 0;
    std::int64_t now_ns = kToday;
    for (auto _ : state) {
        benchmark::DoNotOptimize(
            policer.conforms(&arrivals_ns[flow * 4], positions[flow], now_ns, 1'000));
        flow = next_flow(flow, flows);
        now_ns += 300;
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(police)->Arg(1)->Arg(1 << 10)->Arg(1 << 17);

}  // namespace
}  // namespace tcqf
