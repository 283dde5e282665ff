#include "tcqf/tag_table.h"

namespace tcqf {

TagTable::TagTable(Tagging tagging, std::span<const std::uint8_t> tags) : tagging_(tagging) {
    for (std::size_t i = 0; i < tags.size(); ++i) {
        cycle_of_[tags[i]] = static_cast<CycleId>(i + 1);
        tag_of_[i + 1] = tags[i];
    }
    const unsigned values = tag_values(tagging);
    std::uint8_t lowest = 0;
    while (lowest + 1u < values && cycle_of_[lowest] != 0) {
        ++lowest;
    }
    for (unsigned value = 0; value < clean_of_.size(); ++value) {
        clean_of_[value] = cycle_of_[value] != 0 ? lowest : static_cast<std::uint8_t>(value);
    }
}

}  // namespace tcqf
