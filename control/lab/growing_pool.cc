#include "control/lab/growing_pool.h"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <sys/mman.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <vector>

#include "dataplane/packet.h"

namespace tcqf::control {

namespace {

constexpr char kOpsName[] = "tcqf_lab";
constexpr std::size_t kFirstPieceOctets = 512 * 1024;
constexpr unsigned kObjectOctets = sizeof(rte_mbuf) + dataplane::kPacketPrivateOctets;

/// Last in, first out: what was used last is still in the processor's caches.
struct FreeList {
    std::vector<void*> objects;
    bool closing = false;
};

FreeList& free_list(const rte_mempool* pool) {
    return *static_cast<FreeList*>(pool->pool_data);
}

unsigned count(const rte_mempool* pool) {
    return static_cast<unsigned>(free_list(pool).objects.size());
}

int allocate(rte_mempool* pool) {
    pool->pool_data = new FreeList;
    return 0;
}

void release(rte_mempool* pool) {
    delete static_cast<FreeList*>(pool->pool_data);
}

void unmap(rte_mempool_memhdr* piece, void* octets) {
    munmap(piece->addr, reinterpret_cast<std::size_t>(octets));
}

/// Adds a quarter of what there is, so that the number of pieces stays small.
bool grow(rte_mempool* pool) {
    const std::size_t object_octets =
        pool->header_size + std::size_t{pool->elt_size} + pool->trailer_size;
    const std::size_t octets =
        std::max(kFirstPieceOctets, pool->populated_size / 4 * object_octets);
    void* piece = mmap(nullptr, octets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (piece == MAP_FAILED) {
        return false;
    }
    const unsigned before = pool->populated_size == 0 ? 0 : count(pool);
    // unmap() gets one argument, and needs the length alone.
    auto* const length = reinterpret_cast<void*>(octets);  // NOLINT(performance-no-int-to-ptr)
    if (rte_mempool_populate_iova(pool, static_cast<char*>(piece), RTE_BAD_IOVA, octets, unmap,
                                  length) <= 0) {
        munmap(piece, octets);
        return false;
    }
    std::vector<void*>& objects = free_list(pool).objects;
    for (unsigned i = before; i < objects.size(); ++i) {
        rte_pktmbuf_init(pool, nullptr, objects[i], 0);
    }
    objects.reserve(pool->populated_size);  // giving back never allocates
    return true;
}

int enqueue(rte_mempool* pool, void* const* objects, unsigned count) {
    std::vector<void*>& list = free_list(pool).objects;
    list.insert(list.end(), objects, objects + count);
    return 0;
}

int dequeue(rte_mempool* pool, void** objects, unsigned count) {
    std::vector<void*>& list = free_list(pool).objects;
    while (list.size() < count) [[unlikely]] {
            if (free_list(pool).closing || !grow(pool)) {
                return -ENOBUFS;
            }
        }
    std::copy(list.end() - count, list.end(), objects);
    list.resize(list.size() - count);
    return 0;
}

rte_mempool_ops operations() {
    rte_mempool_ops ops{};
    std::copy(std::begin(kOpsName), std::end(kOpsName), ops.name);
    ops.alloc = allocate;
    ops.free = release;
    ops.enqueue = enqueue;
    ops.dequeue = dequeue;
    ops.get_count = count;
    return ops;
}

/// Makes the operations known to DPDK, once a process.
void register_operations() {
    static const int index = [] {
        const rte_mempool_ops ops = operations();
        return rte_mempool_register_ops(&ops);
    }();
    if (index < 0) {
        throw std::runtime_error("DPDK has no room for one more kind of packet pool");
    }
}

}  // namespace

GrowingPool::GrowingPool(const std::string& name, std::uint16_t data_octets) {
    register_operations();
    constexpr unsigned kNoLimit = std::numeric_limits<std::int32_t>::max();
    pool_ = rte_mempool_create_empty(name.c_str(), kNoLimit, kObjectOctets + data_octets, 0,
                                     sizeof(rte_pktmbuf_pool_private), SOCKET_ID_ANY,
                                     RTE_MEMPOOL_F_NO_IOVA_CONTIG);
    if (pool_ == nullptr) {
        throw std::runtime_error(fmt::format("no packet memory: {}", rte_strerror(rte_errno)));
    }
    rte_pktmbuf_pool_private sizes{};
    sizes.mbuf_data_room_size = data_octets;
    sizes.mbuf_priv_size = dataplane::kPacketPrivateOctets;
    rte_pktmbuf_pool_init(pool_, &sizes);
    // The list of free packets comes into being with the first piece.
    if (rte_mempool_set_ops_byname(pool_, kOpsName, nullptr) != 0 || !grow(pool_)) {
        rte_mempool_free(pool_);
        throw std::runtime_error("no packet memory");
    }
}

GrowingPool::~GrowingPool() {
    // DPDK takes out every packet that it ever put in, also those that somebody still holds.
    free_list(pool_).closing = true;
    rte_mempool_free(pool_);
}

}  // namespace tcqf::control
