// Order statistics and histograms of delays.
#include "control/meter/delays.h"

#include <gtest/gtest.h>

#include <numeric>

namespace tcqf::control::meter {
namespace {

std::vector<std::int64_t> one_to(std::int64_t last) {
    std::vector<std::int64_t> values(static_cast<std::size_t>(last));
    std::iota(values.begin(), values.end(), 1);
    return values;
}

TEST(Delays, QuantileIsTheNearestRank) {
    EXPECT_EQ(quantile(one_to(4), 500), 2);
    EXPECT_EQ(quantile(one_to(5), 500), 3);
    EXPECT_EQ(quantile(one_to(1000), 999), 999);
    EXPECT_EQ(quantile(one_to(1001), 999), 1000);
    EXPECT_EQ(quantile(one_to(10), 999), 10);
    EXPECT_EQ(quantile(one_to(10), 0), 1);
    EXPECT_EQ(quantile({42}, 500), 42);
}

TEST(Delays, SummaryOfNothingIsZero) {
    EXPECT_EQ(summarize({}).count, 0u);
    EXPECT_EQ(summarize({}).spread_ns(), 0);
}

TEST(Delays, SpreadIsLargestLessSmallest) {
    const DelaySummary summary = summarize({-5, 10, 20, 95});
    EXPECT_EQ(summary.min_ns, -5);
    EXPECT_EQ(summary.median_ns, 10);
    EXPECT_EQ(summary.max_ns, 95);
    EXPECT_EQ(summary.spread_ns(), 100);
}

TEST(Delays, HistogramHoldsEveryValueInItsBin) {
    const Histogram histogram = histogram_of({-7, 0, 3, 12, 99}, 25);
    EXPECT_EQ(histogram.bin_ns, 5);
    EXPECT_EQ(histogram.first_ns, -10);
    ASSERT_EQ(histogram.counts.size(), 22u);
    EXPECT_EQ(histogram.counts[0], 1u);   // -10 .. -6
    EXPECT_EQ(histogram.counts[2], 2u);   // 0 .. 4
    EXPECT_EQ(histogram.counts[4], 1u);   // 10 .. 14
    EXPECT_EQ(histogram.counts[21], 1u);  // 95 .. 99
    EXPECT_EQ(std::accumulate(histogram.counts.begin(), histogram.counts.end(), 0u), 5u);
}

TEST(Delays, HistogramNeverHasMoreBinsThanAsked) {
    for (const unsigned bins : {2u, 7u, 60u}) {
        for (const std::int64_t first : {3, -3}) {
            const Histogram histogram = histogram_of({first, 1'000, 123'456'789}, bins);
            EXPECT_LE(histogram.counts.size(), bins);
            EXPECT_EQ(std::accumulate(histogram.counts.begin(), histogram.counts.end(), 0u), 3u);
        }
    }
    EXPECT_TRUE(histogram_of({}, 10).counts.empty());
}

}  // namespace
}  // namespace tcqf::control::meter
