#include "control/tcqfd/card_clock.h"

#include <rte_cycles.h>

#include <memory>

namespace tcqf::control {

ClockSample CardTimeSource::sample() {
    constexpr int kReadings = 9;
    ClockSample best{.uncertainty_ns = ClockSample::kUnknown};
    for (int i = 0; i < kReadings; ++i) {
        const std::int64_t before_ns = tai_ns_();
        const std::uint64_t ticks = counter_();
        const std::int64_t half_ns = (tai_ns_() - before_ns) / 2;
        // Below zero: the router's clock was set back in between.
        if (half_ns >= 0 && half_ns < best.uncertainty_ns) {
            best = {.ticks = ticks, .reference_ns = before_ns + half_ns, .uncertainty_ns = half_ns};
        }
    }
    return best;
}

CardClock::CardClock(std::function<std::uint64_t()> counter, const SharedClock& router_clock)
    : keeper_(std::make_unique<CardTimeSource>(
          std::move(counter), [&router_clock] { return router_clock.at(rte_rdtsc()); })) {
}

}  // namespace tcqf::control
