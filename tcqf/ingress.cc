#include "tcqf/ingress.h"

#include <stdexcept>

namespace tcqf {

Interleaving::Interleaving(std::uint32_t period_cycles, std::span<const std::uint32_t> cycles)
    : skip_(period_cycles) {
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
    // Twice around backwards: the distance at the end of the period reaches into the next one.
    std::uint32_t distance = 0;
    for (unsigned round = 0; round < 2; ++round) {
        for (std::uint32_t position = period_cycles; position-- > 0;) {
            distance = allowed[position] ? 0 : distance + 1;
            skip_[position] = distance;
        }
    }
}

}  // namespace tcqf
