// Positions of things by their 32-bit numbers, for tables that are built once: a look-up costs the
// same for a thousand as for one, and a few instructions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/shared_array.h"

namespace tcqf::dataplane {

class NumberTable {
  public:
    static constexpr std::uint32_t kNone = UINT32_MAX;

    NumberTable() : NumberTable(std::vector<std::uint32_t>{}) {}

    /// `numbers`: by position, each at most once.
    explicit NumberTable(const std::vector<std::uint32_t>& numbers) {
        const std::size_t starts = std::bit_ceil(4 * numbers.size() + 4);
        shift_ = 32u - static_cast<unsigned>(std::countr_zero(starts));
        // A search goes on to the right and ends at a free place, of which there is one behind all.
        std::vector<Place> places(starts + numbers.size() + 1);
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            std::size_t at = start_of(numbers[i]);
            while (places[at].position != kNone) {
                ++at;
            }
            places[at] = {numbers[i], static_cast<std::uint32_t>(i)};
        }
        places_ = SharedArray<Place>(places);
    }

    /// kNone where nothing has that number.
    std::uint32_t find(std::uint32_t number) const {
        const Place* place = &places_[start_of(number)];
        while (place->number != number && place->position != kNone) [[unlikely]] {
                ++place;
            }
        return place->position;
    }

  private:
    struct Place {
        std::uint32_t number = 0;
        std::uint32_t position = kNone;  // free
    };

    /// Fibonacci hashing.
    std::size_t start_of(std::uint32_t number) const { return number * 0x9e3779b9u >> shift_; }

    SharedArray<Place> places_;
    unsigned shift_ = 0;
};

}  // namespace tcqf::dataplane
