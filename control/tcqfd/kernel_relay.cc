#include "control/tcqfd/kernel_relay.h"

#include <poll.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>

namespace tcqf::control {

namespace {

constexpr unsigned kBurst = 32;
// Bounds how long a stop takes; everything else rings the bell or makes a TAP readable.
constexpr int kLongestSleepMs = 100;

}  // namespace

KernelRelay::KernelRelay(std::vector<Side> sides, dataplane::RelayBell& bell, rte_mempool* pool)
    : sides_(std::move(sides)), bell_(&bell), pool_(pool), thread_([this] { run(); }) {
}

KernelRelay::~KernelRelay() {
    stop();
}

void KernelRelay::stop() {
    if (!thread_.joinable()) {
        return;
    }
    stopping_.store(true, std::memory_order_relaxed);
    bell_->ring();
    thread_.join();
    while (write_to_taps()) {
    }
}

KernelRelay::Counters KernelRelay::counters() const {
    return {.lost_to_kernel = lost_to_kernel_.load(std::memory_order_relaxed),
            .lost_from_kernel = lost_from_kernel_.load(std::memory_order_relaxed)};
}

void KernelRelay::run() {
    while (!stopping_.load(std::memory_order_relaxed)) {
        const bool wrote = write_to_taps();
        if (!read_from_taps() && !wrote) {
            sleep();
        }
    }
}

bool KernelRelay::write_to_taps() {
    bool any = false;
    for (const Side& side : sides_) {
        std::array<rte_mbuf*, kBurst> packets;
        const unsigned count = side.port->take(packets.data(), kBurst);
        for (unsigned i = 0; i < count; ++i) {
            if (!side.tap->write(rte_pktmbuf_mtod(packets[i], const void*),
                                 rte_pktmbuf_data_len(packets[i]))) {
                lost_to_kernel_.fetch_add(1, std::memory_order_relaxed);
            }
        }
        rte_pktmbuf_free_bulk(packets.data(), count);
        any = any || count != 0;
    }
    return any;
}

bool KernelRelay::read_from_taps() {
    bool any = false;
    for (const Side& side : sides_) {
        for (unsigned i = 0; i < kBurst; ++i) {
            rte_mbuf* packet = rte_pktmbuf_alloc(pool_);
            if (packet == nullptr) {
                std::array<char, 1> lost;
                if (side.tap->read(lost.data(), lost.size()) == 0) {
                    break;
                }
                lost_from_kernel_.fetch_add(1, std::memory_order_relaxed);
                continue;
            }
            const std::size_t length =
                side.tap->read(rte_pktmbuf_mtod(packet, void*), rte_pktmbuf_tailroom(packet));
            if (length == 0) {
                rte_pktmbuf_free(packet);
                break;
            }
            any = true;
            packet->pkt_len = static_cast<std::uint32_t>(length);
            packet->data_len = static_cast<std::uint16_t>(length);
            if (!side.port->offer(packet)) {
                lost_from_kernel_.fetch_add(1, std::memory_order_relaxed);
                rte_pktmbuf_free(packet);
            }
        }
    }
    return any;
}

void KernelRelay::sleep() {
    bell_->start_sleep();
    const bool waiting = std::any_of(sides_.begin(), sides_.end(), [](const Side& side) {
        return side.port->has_packets_for_kernel();
    });
    if (!waiting) {
        std::vector<pollfd> descriptors = {
            {.fd = bell_->descriptor(), .events = POLLIN, .revents = 0}};
        for (const Side& side : sides_) {
            if (!side.tap->is_gone()) {  // else nothing would be waited for
                descriptors.push_back(
                    {.fd = side.tap->descriptor(), .events = POLLIN, .revents = 0});
            }
        }
        poll(descriptors.data(), descriptors.size(), kLongestSleepMs);
    }
    bell_->end_sleep();
}

}  // namespace tcqf::control
