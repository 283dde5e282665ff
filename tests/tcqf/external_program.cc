// A program of somebody else: one packet through a map, a calendar and a wire, built against the
// installed library alone.
#include <tcqf/admission.h>
#include <tcqf/cycle_map.h>
#include <tcqf/egress.h>
#include <tcqf/ingress.h>
#include <tcqf/latency.h>
#include <tcqf/policer.h>
#include <tcqf/tag_table.h>

#include <array>
#include <cstdint>
#include <cstdio>

int main() {
    const tcqf::CycleTiming timing{.cycle_time_ns = 100'000, .offset_ns = 0, .cycles = 4};
    const tcqf::ComputedMap computed =
        tcqf::compute_map({.min_ns = 9'000, .max_ns = 21'000}, timing);
    std::array<tcqf::CycleId, 4> entries{};
    for (std::size_t i = 0; i < entries.size(); ++i) {
        entries[i] = tcqf::shifted_id(static_cast<tcqf::CycleId>(i + 1), computed.shift, 4);
    }
    const tcqf::CycleMap map(entries, {1, static_cast<std::uint16_t>(computed.window_max)}, 4);

    tcqf::EgressConfig config;
    config.rate = {1'000};
    config.timing = timing;
    tcqf::ChunkPool<int> pool(64, config.slots + 3);
    tcqf::Egress<int> egress(config, pool);
    std::int64_t now_ns = 1'700'000'000'000'009'000;
    const auto drop = [](int packet) { std::printf("dropped %d\n", packet); };
    egress.advance(now_ns, drop);
    const std::uint32_t distance = map.distance(1, egress.tracker().index());
    egress.enqueue_in_cycle(egress.tracker().cycle() + distance, {7, 1514});
    while (now_ns != tcqf::kNever) {
        now_ns = egress.transmit(
            now_ns, 0,
            [&](const auto& burst) {
                for (unsigned i = 0; i < burst.count; ++i) {
                    std::printf("sent %d at %lld\n", burst.packets[i],
                                static_cast<long long>(burst.base_ns +
                                                       egress.rate().to_ns(burst.starts[i])));
                }
                return burst.count;
            },
            drop);
    }
    return 0;
}
