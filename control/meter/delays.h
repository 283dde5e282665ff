// Statistics of a flow's delays: exact order statistics and a histogram.
#pragma once

#include <cstdint>
#include <vector>

namespace tcqf::control::meter {

/// Empty flows have all zeros.
struct DelaySummary {
    std::uint64_t count = 0;
    std::int64_t min_ns = 0;
    std::int64_t median_ns = 0;
    std::int64_t p999_ns = 0;  ///< 99.9 % are at most this
    std::int64_t max_ns = 0;

    std::int64_t spread_ns() const { return max_ns - min_ns; }
};

/// The smallest value that at least `per_mille` of the sorted values do not exceed (nearest rank).
std::int64_t quantile(const std::vector<std::int64_t>& sorted, std::uint64_t per_mille);

DelaySummary summarize(const std::vector<std::int64_t>& sorted);

/// counts[i] values lie in [first_ns + i * bin_ns, first_ns + (i + 1) * bin_ns).
struct Histogram {
    std::int64_t first_ns = 0;
    std::int64_t bin_ns = 1;
    std::vector<std::uint64_t> counts;
};

/// At most `bins` bins, of which one starts at 0, of equal width over all values; the width is 1, 2
/// or 5 times a power of ten. `bins` is 2 at least.
Histogram histogram_of(const std::vector<std::int64_t>& sorted, unsigned bins);

}  // namespace tcqf::control::meter
