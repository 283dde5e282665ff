// Longest prefix match: every kind of table finds what a walk over all prefixes finds.

#include "dataplane/fib.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rte_eal.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <random>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace tcqf::dataplane {
namespace {

constexpr unsigned kMostAtOnce = 64;

struct Entry {
    config::IpPrefix prefix;
    std::uint32_t value;
};

bool covers(const config::IpPrefix& prefix, const config::IpAddress& address) {
    return config::IpPrefix{address, prefix.length}.network() == prefix;
}

std::uint32_t longest(const std::vector<Entry>& entries, const config::IpAddress& address) {
    const Entry* best = nullptr;
    for (const Entry& entry : entries) {
        if (covers(entry.prefix, address) &&
            (best == nullptr || entry.prefix.length > best->prefix.length)) {
            best = &entry;
        }
    }
    return best == nullptr ? 0 : best->value;
}

/// Of the longest prefix around all of another one.
std::uint32_t value_around(const std::vector<Entry>& entries, const config::IpPrefix& prefix) {
    std::vector<Entry> wider;
    std::copy_if(entries.begin(), entries.end(), std::back_inserter(wider),
                 [&prefix](const Entry& entry) { return entry.prefix.length <= prefix.length; });
    return longest(wider, prefix.address);
}

/// Addresses of which many begin alike, so that prefixes lie in one another.
config::IpAddress random_address(Family family, std::mt19937& random) {
    config::IpAddress address;
    address.is_ipv6 = family == Family::ipv6;
    const unsigned octets = address.is_ipv6 ? 16 : 4;
    for (unsigned i = 0; i < octets; ++i) {
        address.octets[i] = static_cast<std::uint8_t>(random() % (random() % 4 == 0 ? 256 : 2));
    }
    return address;
}

std::vector<Entry> random_entries(Family family, std::size_t count, std::mt19937& random) {
    const unsigned bits = family == Family::ipv6 ? 128 : 32;
    std::vector<Entry> entries;
    while (entries.size() < count) {
        const auto length = static_cast<std::uint8_t>(random() % (bits + 1));
        const config::IpPrefix prefix =
            config::IpPrefix{random_address(family, random), length}.network();
        const bool is_new = std::none_of(entries.begin(), entries.end(), [&](const Entry& entry) {
            return entry.prefix == prefix;
        });
        if (is_new) {
            entries.push_back({prefix, static_cast<std::uint32_t>(entries.size() + 1)});
        }
    }
    return entries;
}

std::vector<std::uint32_t> bulk(const Fib& fib, std::span<const config::IpAddress> addresses) {
    std::array<std::uint64_t, kMostAtOnce> values;
    const auto count = static_cast<unsigned>(addresses.size());
    if (addresses.front().is_ipv6) {
        std::array<std::array<std::uint8_t, 16>, kMostAtOnce> keys;
        std::transform(addresses.begin(), addresses.end(), keys.begin(),
                       [](const config::IpAddress& address) { return address.octets; });
        fib.lookup_ipv6_bulk(keys.data(), values.data(), count);
    } else {
        std::array<std::uint32_t, kMostAtOnce> keys;
        std::transform(addresses.begin(), addresses.end(), keys.begin(),
                       [](const config::IpAddress& address) { return address.ipv4(); });
        fib.lookup_ipv4_bulk(keys.data(), values.data(), count);
    }
    return {values.begin(), values.begin() + count};
}

class FibLookUp : public testing::TestWithParam<std::tuple<Family, FibKind>> {};

TEST_P(FibLookUp, FindsTheLongestPrefixOneByOneAndManyAtOnce) {
    const auto [family, kind] = GetParam();
    std::mt19937 random(family == Family::ipv4 ? 4 : 6);
    const std::vector<Entry> entries = random_entries(family, 300, random);
    FibSize size;
    for (const Entry& entry : entries) {
        size.add(entry.prefix);
    }
    Fib fib(family, kind, size);
    std::vector<Entry> added;
    for (const Entry& entry : entries) {
        if (random() % 2 == 0) {
            fib.add(entry.prefix, entry.value);
        } else {
            EXPECT_EQ(fib.replace(entry.prefix, entry.value), value_around(added, entry.prefix))
                << entry.prefix.to_string();
        }
        added.push_back(entry);
    }
    unsigned found = 0;
    for (unsigned round = 0; round < 300; ++round) {
        std::vector<config::IpAddress> addresses(1 + round % kMostAtOnce);
        std::vector<std::uint32_t> expected;
        for (config::IpAddress& address : addresses) {
            address = random_address(family, random);
            expected.push_back(longest(entries, address));
            ASSERT_EQ(fib.lookup(address), expected.back()) << address.to_string();
            found += expected.back() != 0 ? 1 : 0;
        }
        ASSERT_EQ(bulk(fib, addresses), expected);
    }
    EXPECT_GT(found, 1000U) << "addresses that no prefix covers show little";
}

/// A route to everything stays behind the two to its halves, in whatever order they come, and when
/// one of them comes again.
TEST_P(FibLookUp, HalvesOfAllAddressesStayInFrontOfTheDefaultRoute) {
    const auto [family, kind] = GetParam();
    config::IpAddress low;
    low.is_ipv6 = family == Family::ipv6;
    config::IpAddress high = low;
    high.octets[0] = 0x80;
    const std::array entries = {Entry{{low, 0}, 1}, Entry{{low, 1}, 2}, Entry{{high, 1}, 3},
                                Entry{{high, 2}, 4}};
    std::array<unsigned, 4> order = {0, 1, 2, 3};
    do {
        Fib fib(family, kind, {.routes = 8, .groups = 8});
        for (const unsigned i : order) {
            fib.add(entries[i].prefix, 9);
            fib.add(entries[i].prefix, entries[i].value);
        }
        config::IpAddress top = high;
        top.octets[0] = 0xff;
        EXPECT_EQ(fib.lookup(low), 2U);
        EXPECT_EQ(fib.lookup(high), 4U);
        EXPECT_EQ(fib.lookup(top), 3U);
        EXPECT_EQ(fib.replace({low, 0}, 5), 1U);
        EXPECT_EQ(fib.lookup(low), 2U);
    } while (std::next_permutation(order.begin(), order.end()));
}

std::string name_of(const testing::TestParamInfo<FibLookUp::ParamType>& parameters) {
    const auto [family, kind] = parameters.param;
    return fmt::format("{}{}", family == Family::ipv4 ? "Ipv4" : "Ipv6",
                       kind == FibKind::fast ? "Fast" : "Compact");
}

INSTANTIATE_TEST_SUITE_P(Kinds, FibLookUp,
                         testing::Combine(testing::Values(Family::ipv4, Family::ipv6),
                                          testing::Values(FibKind::compact, FibKind::fast)),
                         name_of);

}  // namespace
}  // namespace tcqf::dataplane

/// Further arguments are EAL's: how wide vectors may be.
int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    std::vector<const char*> arguments = {"fib",         "--no-huge",     "-m", "512", "--no-pci",
                                          "--no-shconf", "--no-telemetry"};
    arguments.insert(arguments.end(), argv + 1, argv + argc);
    if (rte_eal_init(static_cast<int>(arguments.size()), const_cast<char**>(arguments.data())) <
        0) {
        std::fprintf(stderr, "EAL does not start\n");
        return 1;
    }
    return RUN_ALL_TESTS();
}
