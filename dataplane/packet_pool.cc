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

PacketPool make_packet_pool(const std::string& name, unsigned packets, std::uint32_t frame_octets,
                            unsigned cache) {
    const std::uint32_t room = RTE_PKTMBUF_HEADROOM + std::max(frame_octets, 2048u);
    // Beyond 64 KiB a buffer's length does not fit into its field.
    const auto data_room = static_cast<std::uint16_t>(std::min(room, 65'535u));
    // Last in, first out: the buffers that are warm in the cache are used again.
    PacketPool pool(rte_pktmbuf_pool_create_by_ops(
        name.c_str(), packets, std::min<unsigned>(cache, packets / 2), kPacketPrivateOctets,
        data_room, SOCKET_ID_ANY, "stack"));
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
