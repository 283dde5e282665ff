#include "tcqf/ingress.h"

#include <stdexcept>
#include <utility>
#include <vector>

namespace tcqf {

Interleaving::Interleaving(std::uint32_t period_cycles, std::span<const std::uint32_t> cycles) {
    if (cycles.empty()) {
        throw std::invalid_argument("an interleaved flow needs at least one cycle of its period");
    }
    std::vector<bool> allowed(period_cycles);
    for (const std::uint32_t cycle : cycles) {
        if (cycle >= period_cycles) {
            throw std::invalid_argument("a cycle of an interleaved flow lies beyond its period");
        }
        allowed[cycle] = true;
    }
    auto skip = std::make_unique<std::uint32_t[]>(std::size_t{period_cycles} + 1);
    skip[0] = period_cycles;
    // Twice around backwards: the distance at the end of the period reaches into the next one.
    std::uint32_t distance = 0;
    for (unsigned round = 0; round < 2; ++round) {
        for (std::uint32_t position = period_cycles; position-- > 0;) {
            distance = allowed[position] ? 0 : distance + 1;
            skip[position + 1] = distance;
        }
    }
    skip_ = std::move(skip);
}

}  // namespace tcqf
