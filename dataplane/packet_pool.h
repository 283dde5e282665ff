// Pools of packets as the workers need them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

struct rte_mempool;

namespace tcqf::dataplane {

struct FreePool {
    void operator()(rte_mempool* pool) const;
};
using PacketPool = std::unique_ptr<rte_mempool, FreePool>;

/// Headers that may be put in front of a packet without moving it.
inline constexpr std::uint16_t kHeadroomOctets = 128;

/// Where buffers lie. AF_XDP reckons with buffers that follow each other without a gap; devices
/// that are given physical addresses need each within one page.
enum class BufferLayout : std::uint8_t { within_pages, gapless };

/// A pool of `packets` buffers, each with room for frames of `frame_octets` bytes. Throws
/// std::runtime_error where memory is short.
PacketPool make_packet_pool(const std::string& name, unsigned packets, std::uint32_t frame_octets,
                            unsigned cache = 256, BufferLayout layout = BufferLayout::within_pages);

}  // namespace tcqf::dataplane
