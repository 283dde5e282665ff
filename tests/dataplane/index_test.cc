// Indexes that are built once: every key is found, and nothing else, wherever keys collide.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <map>
#include <set>

#include "dataplane/key_index.h"
#include "dataplane/number_table.h"

namespace tcqf::test {
namespace {

using dataplane::KeyIndex;
using dataplane::NumberTable;

template <class Key>
void find_all(const KeyIndex<Key>& index, const std::map<Key, std::uint32_t>& numbers,
              const std::vector<Key>& wanted) {
    std::vector<typename KeyIndex<Key>::Search> searches;
    for (const Key& key : wanted) {
        searches.push_back(index.ask_for(key));
    }
    for (const auto& search : searches) {
        const auto entry = numbers.find(search.key);
        const std::uint32_t found = index.find(search);
        RC_ASSERT(found == (entry == numbers.end() ? index.kNone : entry->second));
        RC_ASSERT(index.find(search.key) == found);
    }
}

/// Keys from so few values that the same come again, among them the one of zeros that free places
/// hold.
template <class Key>
void index_holds_what_a_map_holds(const std::vector<std::uint16_t>& added) {
    const auto key_of = [](std::uint16_t value) {
        Key key{};
        key[0] = static_cast<std::uint8_t>(value);
        key[key.size() - 1] = static_cast<std::uint8_t>(value >> 8);
        return key;
    };
    KeyIndex<Key> index(added.size());
    std::map<Key, std::uint32_t> numbers;
    for (std::uint32_t i = 0; i < added.size(); ++i) {
        index.add(key_of(added[i] % 4096), i);
        numbers[key_of(added[i] % 4096)] = i;
    }
    std::vector<Key> wanted;
    for (std::uint16_t value = 0; value < 4097; ++value) {
        wanted.push_back(key_of(value));
    }
    find_all(index, numbers, wanted);
}

RC_GTEST_PROP(key_index, finds_small_keys_and_no_others, ()) {
    const auto size = *rc::gen::inRange<std::size_t>(0, 3000);
    index_holds_what_a_map_holds<std::array<std::uint8_t, 16>>(
        *rc::gen::container<std::vector<std::uint16_t>>(size, rc::gen::arbitrary<std::uint16_t>()));
}

RC_GTEST_PROP(key_index, finds_large_keys_and_no_others, ()) {
    const auto size = *rc::gen::inRange<std::size_t>(0, 1000);
    index_holds_what_a_map_holds<std::array<std::uint8_t, 64>>(
        *rc::gen::container<std::vector<std::uint16_t>>(size, rc::gen::arbitrary<std::uint16_t>()));
}

RC_GTEST_PROP(number_table, finds_numbers_and_no_others, ()) {
    const auto chosen = *rc::gen::arbitrary<std::set<std::uint32_t>>();
    const std::vector<std::uint32_t> numbers(chosen.begin(), chosen.end());
    const NumberTable table(numbers);
    for (std::uint32_t i = 0; i < numbers.size(); ++i) {
        RC_ASSERT(table.find(numbers[i]) == i);
    }
    for (const std::uint32_t other : *rc::gen::arbitrary<std::vector<std::uint32_t>>()) {
        RC_ASSERT(chosen.contains(other) || table.find(other) == table.kNone);
    }
    RC_ASSERT(chosen.contains(0) || table.find(0) == table.kNone);
}

/// Numbers whose product with the multiplier is the greatest all start at the last place.
TEST(NumberTable, ASearchAtTheEndStaysInTheTable) {
    constexpr std::uint32_t kInverse = 0x144cbc89;  // of the multiplier, modulo 2^32
    static_assert(kInverse * 0x9e3779b9u == 1);
    std::vector<std::uint32_t> numbers;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        numbers.push_back((UINT32_MAX - i) * kInverse);
    }
    const NumberTable table(numbers);
    for (std::uint32_t i = 0; i < numbers.size(); ++i) {
        EXPECT_EQ(table.find(numbers[i]), i);
    }
    EXPECT_EQ(table.find((UINT32_MAX - 1000) * kInverse), table.kNone);
}

}  // namespace
}  // namespace tcqf::test
