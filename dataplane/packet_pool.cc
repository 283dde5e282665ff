#include "dataplane/packet_pool.h"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <algorithm>
#include <stdexcept>

#include "dataplane/packet.h"

namespace tcqf::dataplane {

void FreePool::operator()(rte_mempool* pool) const {
    rte_mempool_free(pool);
}

namespace {

/// As rte_pktmbuf_pool_create_by_ops(), which takes no flags. Null with rte_errno set on failure.
PacketPool create_pool(const std::string& name, unsigned packets, std::uint16_t data_room,
                       unsigned cache, BufferLayout layout) {
    const auto element_octets =
        static_cast<unsigned>(sizeof(rte_mbuf) + kPacketPrivateOctets + data_room);
    PacketPool pool(rte_mempool_create_empty(
        name.c_str(), packets, element_octets, cache, sizeof(rte_pktmbuf_pool_private),
        SOCKET_ID_ANY, layout == BufferLayout::gapless ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0));
    // Last in, first out: the buffers that are warm in the cache are used again.
    if (!pool || rte_mempool_set_ops_byname(pool.get(), "stack", nullptr) != 0) {
        return nullptr;
    }
    rte_pktmbuf_pool_private sizes{};
    sizes.mbuf_data_room_size = data_room;
    sizes.mbuf_priv_size = kPacketPrivateOctets;
    rte_pktmbuf_pool_init(pool.get(), &sizes);
    const int populated = rte_mempool_populate_default(pool.get());
    if (populated < 0) {
        rte_errno = -populated;
        return nullptr;
    }
    rte_mempool_obj_iter(pool.get(), rte_pktmbuf_init, nullptr);
    return pool;
}

}  // namespace

PacketPool make_packet_pool(const std::string& name, unsigned packets, std::uint32_t frame_octets,
                            unsigned cache, BufferLayout layout) {
    const std::uint32_t room = RTE_PKTMBUF_HEADROOM + std::max(frame_octets, 2048u);
    // Beyond 64 KiB a buffer's length does not fit into its field.
    const auto data_room = static_cast<std::uint16_t>(std::min(room, 65'535u));
    PacketPool pool =
        create_pool(name, packets, data_room, std::min<unsigned>(cache, packets / 2), layout);
    if (!pool) {
        throw std::runtime_error(
            fmt::format("no memory for {} packet buffers of {} bytes: {}; give the EAL more memory "
                        "(-m) or configure "
                        "shorter queues",
                        packets, data_room, rte_strerror(rte_errno)));
    }
    return pool;
}

}  // namespace tcqf::dataplane
