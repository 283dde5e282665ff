// Packet memory of virtual time: grows with what is queued, and is never short of it.
//
// A pool of DPDK holds a number of packets fixed when it is made; the lab cannot know how many will
// wait at once and must not drop for want of memory what a router would have kept. So its pool gets
// memory, piece by piece, when it is asked for a packet and has none. One thread uses a pool.
#pragma once

#include <cstdint>
#include <string>

struct rte_mbuf;
struct rte_mempool;

namespace tcqf::control {

class GrowingPool {
  public:
    /// `data_octets`: of each packet, headroom included, at most 65535. EAL must have been started.
    /// Throws std::runtime_error.
    GrowingPool(const std::string& name, std::uint16_t data_octets);
    ~GrowingPool();
    GrowingPool(const GrowingPool&) = delete;
    GrowingPool& operator=(const GrowingPool&) = delete;

    rte_mempool* get() const { return pool_; }

  private:
    rte_mempool* pool_;
};

}  // namespace tcqf::control
