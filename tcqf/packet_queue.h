// First-in first-out queues of packets, made of chunks from one pool; nothing is allocated after
// set-up.
//
// Entries lie side by side, so that a queue can be emptied in bursts without touching the packets.
// The pool belongs to one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

namespace tcqf {

/// A packet that waits: a handle that means something only to the data plane, and the length of its
/// frame from the Ethernet header on, without FCS.
template <class Packet>
struct QueuedPacket {
    Packet packet{};
    std::uint32_t octets = 0;
};

template <class Packet>
struct PacketChunk {
    static constexpr std::uint32_t kEntries = 31;  ///< of a chunk of 512 octets

    PacketChunk* next = nullptr;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::array<QueuedPacket<Packet>, kEntries> entries;
};

/// When a pool's memory is touched for the first time: before it is needed, so that no page fault
/// comes later; or when it is used, so that a pool may be far larger than ever needed.
enum class PoolMemory : std::uint8_t { touched_at_once, touched_when_used };

/// Free chunks. `packets` that wait in at most `queues` queues never exhaust it.
template <class Packet>
class ChunkPool {
  public:
    using Chunk = PacketChunk<Packet>;

    ChunkPool(std::size_t packets, std::size_t queues,
              PoolMemory memory = PoolMemory::touched_at_once)
        : chunks_(packets / Chunk::kEntries + 2 * queues + 1),
          memory_(std::make_unique_for_overwrite<std::byte[]>(chunks_ * sizeof(Chunk))) {
        while (memory == PoolMemory::touched_at_once && used_ < chunks_) {
            give(fresh());
        }
    }
    ChunkPool(const ChunkPool&) = delete;
    ChunkPool& operator=(const ChunkPool&) = delete;

    /// Returns nullptr where nothing is left.
    Chunk* take() {
        Chunk* chunk = free_;
        if (chunk == nullptr) [[unlikely]] {
            return used_ < chunks_ ? fresh() : nullptr;
        }
        free_ = chunk->next;
        chunk->next = nullptr;
        chunk->begin = 0;
        chunk->end = 0;
        return chunk;
    }

    void give(Chunk* chunk) {
        chunk->next = free_;
        free_ = chunk;
    }

  private:
    static_assert(std::is_trivially_destructible_v<Chunk>);
    static_assert(alignof(Chunk) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

    /// A chunk that was never used.
    Chunk* fresh() { return new (memory_.get() + sizeof(Chunk) * used_++) Chunk; }

    std::size_t chunks_;
    std::size_t used_ = 0;
    std::unique_ptr<std::byte[]> memory_;
    Chunk* free_ = nullptr;
};

template <class Packet>
class PacketQueue {
  public:
    using Chunk = PacketChunk<Packet>;
    using Entry = QueuedPacket<Packet>;

    bool empty() const { return head_ == nullptr; }

    /// False where the pool has no chunk left; the queue is unchanged then.
    [[gnu::always_inline]] bool push(ChunkPool<Packet>& pool, const Entry& entry) {
        if (tail_ == nullptr || tail_->end == Chunk::kEntries) [[unlikely]] {
            Chunk* chunk = pool.take();
            if (chunk == nullptr) {
                return false;
            }
            (tail_ == nullptr ? head_ : tail_->next) = chunk;
            tail_ = chunk;
        }
        tail_->entries[tail_->end++] = entry;
        return true;
    }

    const Entry& front() const { return head_->entries[head_->begin]; }

    /// The foremost entries that lie side by side, at least one where the queue is not empty.
    std::span<const Entry> front_run() const {
        if (empty()) {
            return {};
        }
        return {&head_->entries[head_->begin], head_->end - head_->begin};
    }

    /// Removes the first `count` entries of front_run().
    void pop(ChunkPool<Packet>& pool, std::uint32_t count) {
        head_->begin += count;
        if (head_->begin == head_->end) {
            Chunk* emptied = head_;
            head_ = emptied->next;
            if (head_ == nullptr) {
                tail_ = nullptr;
            }
            pool.give(emptied);
        }
    }

    /// Removes all packets, each given to `drop(Packet)`; returns how many there were.
    template <class Drop>
    std::uint32_t drain(ChunkPool<Packet>& pool, Drop& drop) {
        std::uint32_t drained = 0;
        while (!empty()) {
            const Packet packet = front().packet;
            pop(pool, 1);
            drop(packet);
            ++drained;
        }
        return drained;
    }

  private:
    Chunk* head_ = nullptr;
    Chunk* tail_ = nullptr;
};

}  // namespace tcqf
