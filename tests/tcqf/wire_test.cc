// Wire arithmetic: exact in bits at every rate.
#include "tcqf/wire.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>

#include "tests/tcqf/random.h"

namespace tcqf::test {
namespace {

TEST(wire, a_frame_occupies_its_length_and_24_bytes) {
    EXPECT_EQ(occupancy_bits(1514), (1514 + 24) * 8);
    EXPECT_EQ(occupancy_bits(61), (61 + 24) * 8);
}

TEST(wire, a_short_frame_is_padded_to_60_bytes) {
    EXPECT_EQ(occupancy_bits(60), 84 * 8);
    EXPECT_EQ(occupancy_bits(59), 84 * 8);
    EXPECT_EQ(occupancy_bits(14), 84 * 8);
}

TEST(wire, a_cycle_holds_link_rate_times_cycle_time_less_dead_time) {
    // 1 Gbit/s, 100 us: 100'000 bits; 10 us of dead time take a tenth of them.
    EXPECT_EQ(cycle_capacity({1'000}, 100'000, 0) / kUnitsPerBit, 100'000);
    EXPECT_EQ(cycle_capacity({1'000}, 100'000, 10'000) / kUnitsPerBit, 90'000);
}

TEST(wire, a_cycle_holds_fractions_of_a_bit_too) {
    // 333 Mbit/s for 1 us less 1 ns: 332.667 bits.
    EXPECT_EQ(cycle_capacity({333}, 1'000, 1), 332'667);
}

TEST(wire, the_longest_cycle_on_the_fastest_link_is_exact) {
    EXPECT_EQ(cycle_capacity({800'000}, 65'535'000, 0) / kUnitsPerBit, 52'428'000'000);
}

TEST(wire, a_time_is_rounded_down_only_where_it_is_written_out) {
    // 64 bytes at 100 Gbit/s: 7.04 ns; ten of them 70.4 ns, not 70.
    const LinkRate rate{100'000};
    WireUnits end = 0;
    for (int i = 0; i < 10; ++i) {
        end += occupancy_units(64);
    }
    EXPECT_EQ(rate.to_ns(occupancy_units(64)), 7);
    EXPECT_EQ(rate.to_ns(end), 70);
    EXPECT_GT(end, rate.from_ns(70));
    EXPECT_LT(end, rate.from_ns(71));
}

RC_GTEST_PROP(wire, writes_out_what_fractions_say, ()) {
    const LinkRate rate{*rc::gen::oneOf(
        rc::gen::element<std::uint32_t>(1, 10, 333, 9'973, 799'999, 800'000),
        rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::uint32_t>(1, 800'001)))};
    const std::int64_t start_ns = in_range<std::int64_t>(0, 1'000'000'000);
    const std::uint32_t octets = in_range<std::uint32_t>(0, 65'535);
    // Nanoseconds times 1000 bits a microsecond, both sides multiplied by the rate.
    const Wide bits = Wide{octets < 60 ? 84 : octets + 24} * 8;
    const Wide end_times_rate = Wide{start_ns} * rate.mbps + bits * 1000;
    const WireUnits end = rate.from_ns(start_ns) + occupancy_units(octets);
    RC_ASSERT(Wide{end} == end_times_rate);
    RC_ASSERT(Wide{rate.to_ns(end)} == floor_by_trial(end_times_rate, rate.mbps));
}

}  // namespace
}  // namespace tcqf::test
