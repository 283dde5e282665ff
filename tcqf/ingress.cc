#include "tcqf/ingress.h"

namespace tcqf {

Interleaving::Interleaving(std::uint32_t period_cycles, std::span<const std::uint32_t> cycles)
    : skip_(period_cycles) {
    std::vector<bool> allowed(period_cycles);
    for (const std::uint32_t cycle : cycles) {
        allowed[cycle] = true;
    }
    // Twice around backwards: the distance at the end of the period reaches into the next one.
    std::uint32_t distance = period_cycles;
    for (std::uint32_t i = 2 * period_cycles; i-- > 0;) {
        const std::uint32_t position = i % period_cycles;
        distance = allowed[position] ? 0 : distance + 1;
        skip_[position] = distance;
    }
}

}  // namespace tcqf
