// Tag tables (draft-eckert-detnet-tcqf-10, 4.3 to 4.5), and hygiene (docs/departures.md).
#include "tcqf/tag_table.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <vector>

#include "tests/tcqf/random.h"

namespace tcqf::test {
namespace {

TEST(classification, tag_k_of_the_table_stands_for_cycle_k) {
    const TagTable table(Tagging::dscp, std::array<std::uint8_t, 4>{3, 7, 11, 15});
    EXPECT_EQ(table.cycle_of(3), 1);
    EXPECT_EQ(table.cycle_of(15), 4);
    EXPECT_EQ(table.tag_of(1), 3);
    EXPECT_EQ(table.tag_of(4), 15);
}

TEST(classification, a_tag_not_in_the_table_is_not_tcqf) {
    const TagTable table(Tagging::mpls_tc, std::array<std::uint8_t, 3>{1, 2, 4});
    for (const std::uint8_t tag : {0, 3, 5, 6, 7}) {
        EXPECT_EQ(table.cycle_of(tag), 0) << "tag " << int{tag};
    }
}

TEST(classification, zero_can_be_a_tag) {
    const TagTable table(Tagging::mpls_tc, std::array<std::uint8_t, 3>{5, 0, 3});
    EXPECT_EQ(table.cycle_of(0), 2);
    EXPECT_EQ(table.tag_of(2), 0);
}

TEST(classification, cycle_ids_reach_to_255) {
    std::vector<std::uint8_t> tags(255);
    std::iota(tags.begin(), tags.end(), std::uint8_t{1});
    const TagTable table(Tagging::ipv6_option, tags);
    EXPECT_EQ(table.cycle_of(255), 255);
    EXPECT_EQ(table.tag_of(255), 255);
    EXPECT_EQ(table.cycle_of(0), 0);
    EXPECT_EQ(table.clean_of(77), 0);
}

TEST(hygiene, a_tag_is_re_marked_to_the_lowest_value_not_in_the_table) {
    const TagTable table(Tagging::mpls_tc, std::array<std::uint8_t, 4>{0, 1, 3, 7});
    EXPECT_EQ(table.clean_of(0), 2);
    EXPECT_EQ(table.clean_of(7), 2);
}

TEST(hygiene, what_is_no_tag_keeps_its_value) {
    const TagTable table(Tagging::dscp, std::array<std::uint8_t, 4>{3, 7, 11, 15});
    EXPECT_EQ(table.clean_of(46), 46);
    EXPECT_EQ(table.clean_of(0), 0);
}

TEST(hygiene, a_table_of_seven_traffic_classes_leaves_the_eighth) {
    const TagTable table(Tagging::mpls_tc, std::array<std::uint8_t, 7>{0, 1, 2, 3, 4, 5, 6});
    EXPECT_EQ(table.clean_of(0), 7);
    EXPECT_EQ(table.clean_of(7), 7);
}

RC_GTEST_PROP(classification, both_directions_agree_for_any_table, ()) {
    const Tagging tagging =
        *rc::gen::element(Tagging::mpls_tc, Tagging::dscp, Tagging::ipv6_option);
    std::vector<std::uint8_t> values(tag_values(tagging));
    std::iota(values.begin(), values.end(), std::uint8_t{0});
    for (std::size_t i = values.size() - 1; i > 0; --i) {
        std::swap(values[i], values[in_range<std::size_t>(0, i)]);
    }
    const std::size_t cycles = in_range<std::size_t>(2, values.size() - 1);
    const std::vector<std::uint8_t> tags(values.begin(),
                                         values.begin() + static_cast<std::ptrdiff_t>(cycles));
    const TagTable table(tagging, tags);
    std::vector<std::uint8_t> free(values.begin() + static_cast<std::ptrdiff_t>(cycles),
                                   values.end());
    const std::uint8_t lowest = *std::min_element(free.begin(), free.end());
    for (std::size_t k = 1; k <= cycles; ++k) {
        RC_ASSERT(table.tag_of(static_cast<CycleId>(k)) == tags[k - 1]);
        RC_ASSERT(table.cycle_of(tags[k - 1]) == k);
        RC_ASSERT(table.clean_of(tags[k - 1]) == lowest);
    }
    for (const std::uint8_t value : free) {
        RC_ASSERT(table.cycle_of(value) == 0);
        RC_ASSERT(table.clean_of(value) == value);
    }
}

}  // namespace
}  // namespace tcqf::test
