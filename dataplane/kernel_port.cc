#include "dataplane/kernel_port.h"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tcqf::dataplane {

namespace {

constexpr unsigned kRingPackets = 1024;

void free_all(rte_ring* ring) {
    void* packet = nullptr;
    while (rte_ring_dequeue(ring, &packet) == 0) {
        rte_pktmbuf_free(static_cast<rte_mbuf*>(packet));
    }
    rte_ring_free(ring);
}

}  // namespace

Result<std::unique_ptr<RelayBell>> RelayBell::create() {
    Descriptor descriptor(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!descriptor.is_open()) {
        return system_refused(fmt::format("cannot make an eventfd: {}", std::strerror(errno)));
    }
    return std::unique_ptr<RelayBell>(new RelayBell(std::move(descriptor)));
}

void RelayBell::ring() {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (sleeping_.load(std::memory_order_relaxed) && sleeping_.exchange(false)) {
        const std::uint64_t one = 1;
        // Fails only where the counter is full, and then the relay wakes anyway.
        [[maybe_unused]] const ssize_t written = write(descriptor_.number(), &one, sizeof(one));
    }
}

void RelayBell::end_sleep() {
    sleeping_.store(false, std::memory_order_relaxed);
    std::uint64_t rings = 0;
    [[maybe_unused]] const ssize_t length = read(descriptor_.number(), &rings, sizeof(rings));
}

Result<std::unique_ptr<KernelPort>> KernelPort::create(const std::string& name, RelayBell& bell) {
    rte_ring* rings[2];
    for (unsigned i = 0; i < 2; ++i) {
        rings[i] =
            rte_ring_create(fmt::format("{}_{}", i == 0 ? "tk" : "fk", name).c_str(), kRingPackets,
                            SOCKET_ID_ANY, RING_F_SC_DEQ | (i == 0 ? 0 : RING_F_SP_ENQ));
        if (rings[i] == nullptr) {
            const int error = rte_errno;
            rte_ring_free(i == 1 ? rings[0] : nullptr);
            return system_refused(fmt::format(
                "cannot make the rings to and from the host's kernel: {}; give tcqfd more memory "
                "with -- -m MEBIBYTES",
                rte_strerror(error)));
        }
    }
    return std::unique_ptr<KernelPort>(new KernelPort(rings[0], rings[1], bell));
}

KernelPort::~KernelPort() {
    free_all(to_kernel_);
    free_all(from_kernel_);
}

unsigned KernelPort::receive(std::int64_t, rte_mbuf** packets, std::int64_t*, unsigned max) {
    return rte_ring_sc_dequeue_burst(from_kernel_, reinterpret_cast<void**>(packets), max, nullptr);
}

unsigned KernelPort::transmit(const TransmitBurst& burst) {
    const unsigned taken = rte_ring_mp_enqueue_burst(
        to_kernel_, reinterpret_cast<void* const*>(burst.packets), burst.count, nullptr);
    bell_->ring();
    return taken;
}

unsigned KernelPort::take(rte_mbuf** packets, unsigned max) {
    return rte_ring_sc_dequeue_burst(to_kernel_, reinterpret_cast<void**>(packets), max, nullptr);
}

bool KernelPort::offer(rte_mbuf* packet) {
    return rte_ring_sp_enqueue(from_kernel_, packet) == 0;
}

bool KernelPort::has_packets_for_kernel() const {
    return rte_ring_empty(to_kernel_) == 0;
}

}  // namespace tcqf::dataplane
