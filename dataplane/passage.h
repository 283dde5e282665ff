// When all packets that were on their way through the workers at some instant are out of their
// hands.
#pragma once

#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tcqf::dataplane {

struct FreeRing {
    void operator()(rte_ring* ring) const { rte_ring_free(ring); }
};
using Ring = std::unique_ptr<rte_ring, FreeRing>;

/// Control thread alone.
///
/// A worker is through with a packet when it has been quiescent, or has handed it over. What was
/// handed over has been taken when the ring is emptied to where it was filled to, and may be handed
/// over once more: from the worker that polices a flow to the owner of the interface.
class PassageOfPackets {
  public:
    /// For so many rings: what follows needs no memory.
    void reserve(std::size_t rings) { filled_to_.reserve(rings); }
    void start(rte_rcu_qsbr& qsbr) { token_ = rte_rcu_qsbr_start(&qsbr); }
    /// To be asked now and then until it is true.
    bool is_over(rte_rcu_qsbr& qsbr, const std::vector<Ring>& rings);

  private:
    static constexpr unsigned kMostHandOvers = 2;

    std::uint64_t token_ = 0;
    std::vector<std::uint32_t> filled_to_;  ///< by ring, after the token; empty before
    unsigned hand_overs_ = 0;               ///< that nothing is in any more
};

}  // namespace tcqf::dataplane
