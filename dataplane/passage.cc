#include "dataplane/passage.h"

#include <algorithm>
#include <iterator>

namespace tcqf::dataplane {
namespace {

/// Counts what was ever put into a ring, and goes around. (rte_ring_count() tells the difference of
/// the two alone.)
std::uint32_t filled_to(const Ring& ring) {
    return ring ? __atomic_load_n(&ring->prod.tail, __ATOMIC_ACQUIRE) : 0;
}

bool is_emptied_to(const Ring& ring, std::uint32_t position) {
    return !ring || static_cast<std::int32_t>(__atomic_load_n(&ring->cons.tail, __ATOMIC_ACQUIRE) -
                                              position) >= 0;
}

}  // namespace

bool PassageOfPackets::is_over(rte_rcu_qsbr& qsbr, const std::vector<Ring>& rings) {
    while (rte_rcu_qsbr_check(&qsbr, token_, false) == 1) {
        if (hand_overs_ == kMostHandOvers) {
            return true;
        }
        if (filled_to_.empty()) {
            std::ranges::transform(rings, std::back_inserter(filled_to_), filled_to);
        }
        if (!std::ranges::equal(rings, filled_to_, is_emptied_to)) {
            return false;
        }
        ++hand_overs_;
        filled_to_.clear();
        start(qsbr);
    }
    return false;
}

}  // namespace tcqf::dataplane
