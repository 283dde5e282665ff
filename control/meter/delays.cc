#include "control/meter/delays.h"

#include "tcqf/cycle_clock.h"

namespace tcqf::control::meter {

namespace {

/// The next larger width of the series 1, 2, 5, 10, 20, ..
std::int64_t wider(std::int64_t width_ns) {
    std::int64_t lead = width_ns;
    while (lead >= 10) {
        lead /= 10;
    }
    return lead == 2 ? width_ns / 2 * 5 : width_ns * 2;
}

}  // namespace

std::int64_t quantile(const std::vector<std::int64_t>& sorted, std::uint64_t per_mille) {
    const std::uint64_t rank = (sorted.size() * per_mille + 999) / 1000;
    return sorted[rank == 0 ? 0 : rank - 1];
}

DelaySummary summarize(const std::vector<std::int64_t>& sorted) {
    if (sorted.empty()) {
        return {};
    }
    return {.count = sorted.size(),
            .min_ns = sorted.front(),
            .median_ns = quantile(sorted, 500),
            .p999_ns = quantile(sorted, 999),
            .max_ns = sorted.back()};
}

Histogram histogram_of(const std::vector<std::int64_t>& sorted, unsigned bins) {
    Histogram histogram;
    if (sorted.empty()) {
        return histogram;
    }
    const auto bin_of = [&histogram](std::int64_t value_ns) {
        return floor_div(value_ns, histogram.bin_ns);
    };
    while (bin_of(sorted.back()) - bin_of(sorted.front()) >= std::int64_t{bins}) {
        histogram.bin_ns = wider(histogram.bin_ns);
    }
    const std::int64_t first = bin_of(sorted.front());
    histogram.first_ns = first * histogram.bin_ns;
    histogram.counts.resize(static_cast<std::size_t>(bin_of(sorted.back()) - first + 1));
    for (const std::int64_t value_ns : sorted) {
        ++histogram.counts[static_cast<std::size_t>(bin_of(value_ns) - first)];
    }
    return histogram;
}

}  // namespace tcqf::control::meter
