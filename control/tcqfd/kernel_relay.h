// Carries frames between the kernel ports' rings and the TAPs of the host, on a thread of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "dataplane/kernel_port.h"
#include "dataplane/tap.h"

struct rte_mempool;

namespace tcqf::control {

class KernelRelay {
  public:
    struct Counters {
        std::uint64_t lost_to_kernel = 0;    ///< the TAP had no room
        std::uint64_t lost_from_kernel = 0;  ///< no buffer, or the worker lagged behind
    };

    /// One interface: both stay the caller's and outlive this object.
    struct Side {
        dataplane::KernelPort* port = nullptr;
        dataplane::Tap* tap = nullptr;
    };

    KernelRelay(std::vector<Side> sides, dataplane::RelayBell& bell, rte_mempool* pool);
    ~KernelRelay();
    KernelRelay(const KernelRelay&) = delete;
    KernelRelay& operator=(const KernelRelay&) = delete;

    /// Delivers what workers have handed over until now, then ends.
    void stop();
    Counters counters() const;

  private:
    void run();
    /// True where something was moved.
    bool write_to_taps();
    bool read_from_taps();
    void sleep();

    std::vector<Side> sides_;
    dataplane::RelayBell* bell_;
    rte_mempool* pool_;
    std::atomic<std::uint64_t> lost_to_kernel_{0};
    std::atomic<std::uint64_t> lost_from_kernel_{0};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace tcqf::control
