// Admission: bits of each cycle on every hop, interleaving included.
#include "tcqf/admission.h"

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

TEST(admission, bits_of_all_flows_of_a_cycle_are_summed) {
    LinkLoad load;
    load.add({.bits = 12'000});
    load.add({.bits = 30'000});
    EXPECT_EQ(load.peak_bits(), 42'000);
    load.remove({.bits = 12'000});
    EXPECT_EQ(load.peak_bits(), 30'000);
}

TEST(admission, interleaved_flows_share_a_cycle_only_where_their_positions_meet) {
    LinkLoad load(8);
    load.add({.bits = 10, .period_cycles = 8, .cycles = {0, 4}});
    load.add({.bits = 10, .period_cycles = 8, .cycles = {1, 5}});
    EXPECT_EQ(load.peak_bits(), 10);
    load.add({.bits = 1, .period_cycles = 4, .cycles = {1}});
    EXPECT_EQ(load.peak_bits(), 11);
    EXPECT_EQ(load.bits()[4], 10);
    EXPECT_EQ(load.bits()[5], 11);
}

TEST(admission, a_period_that_does_not_divide_the_links_counts_in_every_cycle) {
    LinkLoad load(8);
    load.add({.bits = 10, .period_cycles = 3, .cycles = {1}});
    EXPECT_EQ(std::accumulate(load.bits().begin(), load.bits().end(), 0LL), 80);
}

TEST(admission, positions_move_with_the_shift_of_a_hop) {
    const CycleDemand demand{.bits = 10, .period_cycles = 8, .cycles = {0, 5}};
    EXPECT_EQ(shifted(demand, 3).cycles, (std::vector<std::uint32_t>{3, 0}));
    EXPECT_EQ(shifted(demand, 16).cycles, demand.cycles);
    EXPECT_EQ(shifted(demand, -1).cycles, (std::vector<std::uint32_t>{7, 4}));
}

TEST(admission, a_flow_is_admitted_on_every_hop_or_on_none) {
    LinkLoad first(4);
    LinkLoad second(4);
    second.add({.bits = 95, .period_cycles = 4, .cycles = {2}});
    const std::array<AdmissionHop, 2> path{AdmissionHop{&first, 100, 0},
                                           AdmissionHop{&second, 100, 2}};
    const CycleDemand collides{.bits = 10, .period_cycles = 4, .cycles = {0}};
    EXPECT_EQ(admit(collides, path), 1u);
    EXPECT_EQ(first.peak_bits(), 0);
    const CycleDemand fits{.bits = 10, .period_cycles = 4, .cycles = {1}};
    EXPECT_EQ(admit(fits, path), 2u);
    EXPECT_EQ(first.peak_bits(), 10);
    EXPECT_EQ(second.bits()[3], 10);
}

TEST(admission, a_cycle_may_be_filled_to_the_bit) {
    LinkLoad load;
    const std::array<AdmissionHop, 1> path{AdmissionHop{&load, 100, 0}};
    EXPECT_EQ(admit({.bits = 100}, path), 1u);
    EXPECT_EQ(admit({.bits = 1}, path), 0u);
}

TEST(admission, csize_counts_layer_3_bits_but_small_packets_fill_the_wire) {
    // 12000 bits are one packet of 1500 bytes, or 53 of 28 bytes and one of 16 more.
    EXPECT_EQ(wire_bits_of_csize(12'000, {.smallest_octets = 1'500}), (1'514 + 24) * 8);
    EXPECT_EQ(wire_bits_of_csize(12'000, {.smallest_octets = 28}), 53 * 84 * 8);
    EXPECT_EQ(wire_bits_of_csize(12'000, {.smallest_octets = 28, .max_packets = 1}),
              (1'514 + 24) * 8);
    EXPECT_EQ(wire_bits_of_csize(12'000, {.smallest_octets = 1'501}), 0);
    // Three of 500, or 28 of which 27 are as small as can be.
    EXPECT_EQ(wire_bits_of_csize(12'000,
                                 {.smallest_octets = 20, .largest_octets = 500, .max_packets = 3}),
              3 * (514 + 24) * 8);
    EXPECT_EQ(wire_bits_of_csize(12'000, {.smallest_octets = 20, .max_packets = 28}),
              (27 * 84 + 974 + 24) * 8);
}

RC_GTEST_PROP(admission, no_packets_of_csize_fill_more_wire_than_said, ()) {
    const auto csize = in_range<std::uint32_t>(1, 12'000);
    const auto smallest = in_range<std::uint32_t>(1, 200);
    const auto header = in_range<std::uint32_t>(14, 40);
    const auto largest = in_range<std::uint32_t>(smallest, 1'500);
    const auto max_packets = in_range<std::uint32_t>(1, 60);
    std::int64_t wire = 0;
    std::uint32_t left = csize / 8;
    for (std::uint32_t packets = 0; left >= smallest && packets < max_packets; ++packets) {
        const std::uint32_t most = std::min(left, largest);
        const std::uint32_t octets = in_range<std::uint32_t>(
            smallest, in_range(0, 1) == 0 ? most : std::min(most, smallest + 40));
        left -= octets;
        wire += occupancy_bits(octets + header);
    }
    RC_ASSERT(wire <= wire_bits_of_csize(csize, {.smallest_octets = smallest,
                                                 .largest_octets = largest,
                                                 .max_packets = max_packets,
                                                 .header_octets = header}));
}

RC_GTEST_PROP(admission, what_is_admitted_never_overfills_a_cycle, ()) {
    constexpr std::int64_t kCapacity = 100;
    std::vector<LinkLoad> links(4, LinkLoad(12));
    struct Admitted {
        CycleDemand demand;
        std::vector<std::size_t> links;
        std::vector<std::int64_t> shifts;
    };
    std::vector<Admitted> admitted;
    for (int flow = 0; flow < 30; ++flow) {
        Admitted candidate;
        candidate.demand.bits = in_range<std::int64_t>(1, 60);
        candidate.demand.period_cycles = *rc::gen::element<std::uint32_t>(1, 2, 3, 4, 6, 12, 5);
        candidate.demand.cycles = {in_range<std::uint32_t>(0, candidate.demand.period_cycles - 1)};
        std::vector<AdmissionHop> path;
        for (std::size_t link = in_range<std::size_t>(0, 3); link < links.size(); ++link) {
            candidate.links.push_back(link);
            candidate.shifts.push_back(in_range<std::int64_t>(0, 20));
            path.push_back({&links[link], kCapacity, candidate.shifts.back()});
        }
        if (admit(candidate.demand, path) == path.size()) {
            admitted.push_back(candidate);
        }
    }
    // Every flow sends in each of its cycles.
    for (std::size_t link = 0; link < links.size(); ++link) {
        std::vector<std::int64_t> used(300);
        for (const Admitted& flow : admitted) {
            for (CycleNumber n = 0; n < 200; ++n) {
                if (n % flow.demand.period_cycles != flow.demand.cycles.front()) {
                    continue;
                }
                CycleNumber here = n;
                for (std::size_t hop = 0; hop < flow.links.size(); ++hop) {
                    here += flow.shifts[hop];
                    if (flow.links[hop] == link) {
                        used[static_cast<std::size_t>(here)] += flow.demand.bits;
                    }
                }
            }
        }
        RC_ASSERT(*std::max_element(used.begin(), used.end()) <= kCapacity);
    }
}

}  // namespace
}  // namespace tcqf::test
