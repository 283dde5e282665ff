// Numbers of keys: an index that is built once and then only read, by bursts.
//
// Keys that hash alike lie in one bucket, of one cache line where keys are small, and nearly every
// look-up reads that line alone. rte_hash reads two or three, and took half as long again in bursts
// of 32 keys, of 1,000 as of 100,000.
#pragma once

#include <rte_hash_crc.h>
#include <rte_vect.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "dataplane/huge_vector.h"
#include "dataplane/prefetch.h"

namespace tcqf::dataplane {

/// Without a branch. Vectors of 16 octets take a third of the instructions.
template <std::size_t Count>
bool is_same_words(const std::array<std::uint64_t, Count>& one,
                   const std::array<std::uint64_t, Count>& other) {
#ifdef __SSE4_1__
    if constexpr (Count % 2 == 0) {
        __m128i difference{};
        for (std::size_t i = 0; i < Count; i += 2) {
            difference |= _mm_loadu_si128(reinterpret_cast<const __m128i*>(&one[i])) ^
                          _mm_loadu_si128(reinterpret_cast<const __m128i*>(&other[i]));
        }
        return _mm_testz_si128(difference, difference) != 0;
    }
#endif
    std::uint64_t difference = 0;
    for (std::size_t i = 0; i < Count; ++i) {
        difference |= one[i] ^ other[i];
    }
    return difference == 0;
}

/// `Key` is hashed and compared as it lies.
template <class Key>
class KeyIndex {
    static_assert(std::has_unique_object_representations_v<Key> &&
                  sizeof(Key) % sizeof(std::uint64_t) == 0);

  public:
    static constexpr std::uint32_t kNone = UINT32_MAX;

    /// A key and where it is.
    struct Search {
        Key key;
        std::size_t place;
    };

    /// For up to `keys` keys, which take a third of the places at most.
    explicit KeyIndex(std::size_t keys)
        : buckets_(std::bit_ceil(3 * keys / kPerBucket + 1)), mask_(buckets_.size() - 1) {}

    /// `number`: not kNone. Of two for one key the last counts.
    void add(const Key& key, std::uint32_t number) {
        for (std::size_t at = first_of(key);; at = after(at)) {
            Bucket& bucket = buckets_[at];
            for (unsigned i = 0; i < kPerBucket; ++i) {
                if (bucket.numbers[i] == kNone || is_same(bucket.keys[i], key)) {
                    bucket.keys[i] = key;
                    bucket.numbers[i] = number;
                    return;
                }
            }
            bucket.goes_on = true;
        }
    }

    /// kNone where the key was not added.
    std::uint32_t find(const Key& key) const { return find(Search{key, first_of(key)}); }

    /// The same in two steps, for bursts: all keys are asked for before the first is found, so that
    /// their memory is fetched at the same time.
    [[gnu::always_inline]] Search ask_for(const Key& key) const {
        const std::size_t place = first_of(key);
        prefetch_entry(&buckets_[place]);
        return {key, place};
    }
    [[gnu::always_inline]] std::uint32_t find(const Search& search) const {
        std::size_t place = search.place;
        std::uint32_t number = number_in(buckets_[place], search.key);
        while (number == kNone && buckets_[place].goes_on) [[unlikely]] {
                place = after(place);
                number = number_in(buckets_[place], search.key);
            }
        return number;
    }

  private:
    static constexpr std::size_t kLineOctets = 64;
    static constexpr bool kIsSmall = sizeof(Key) <= kLineOctets / 2;
    static constexpr unsigned kPerBucket =
        kIsSmall ? (kLineOctets - 1) / (sizeof(Key) + sizeof(std::uint32_t)) : 1;

    struct alignas(kIsSmall ? kLineOctets : sizeof(std::uint64_t)) Bucket {
        std::array<Key, kPerBucket> keys{};
        std::array<std::uint32_t, kPerBucket> numbers = filled_with_none();
        bool goes_on = false;  ///< in the next bucket, for keys that had no place here
    };
    static_assert(!kIsSmall || sizeof(Bucket) == kLineOctets);

    static constexpr std::array<std::uint32_t, kPerBucket> filled_with_none() {
        std::array<std::uint32_t, kPerBucket> numbers;
        numbers.fill(kNone);
        return numbers;
    }
    using Words = std::array<std::uint64_t, sizeof(Key) / sizeof(std::uint64_t)>;

    static bool is_same(const Key& one, const Key& other) {
        return is_same_words(std::bit_cast<Words>(one), std::bit_cast<Words>(other));
    }

    /// CRC-32C, a word at a time: rte_hash_crc() wants the key in memory.
    std::size_t first_of(const Key& key) const {
        std::uint32_t hash = 0;
        for (const std::uint64_t word : std::bit_cast<Words>(key)) {
            hash = rte_hash_crc_8byte(word, hash);
        }
        return hash & mask_;
    }
    std::size_t after(std::size_t bucket) const { return (bucket + 1) & mask_; }

    /// All places are looked at: where a key lies is as good as random to a branch. Free places,
    /// which hold a key of zeros and kNone, come last in a bucket, so they are looked at first.
    static std::uint32_t number_in(const Bucket& bucket, const Key& key) {
        std::uint32_t number = kNone;
        for (unsigned i = kPerBucket; i-- > 0;) {
            const std::uint32_t here = bucket.numbers[i];
            number = is_same(bucket.keys[i], key) ? here : number;
        }
        return number;
    }

    HugeVector<Bucket> buckets_;
    std::size_t mask_;  // buckets less one
};

}  // namespace tcqf::dataplane
