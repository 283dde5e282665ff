// Queues made of chunks from one pool.
#include "tcqf/packet_queue.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <deque>
#include <vector>

#include "tests/tcqf/random.h"

namespace tcqf::test {
namespace {

constexpr int kChunk = PacketChunk<int>::kEntries;

RC_GTEST_PROP(packet_queue, gives_back_what_was_pushed_in_order, ()) {
    ChunkPool<int> pool(400, 2);
    std::vector<PacketQueue<int>> queues(2);
    std::vector<std::deque<int>> wanted(2);
    int next = 0;
    for (int step = 0; step < 100; ++step) {
        const auto which = in_range<std::size_t>(0, 1);
        for (int pushes = in_range(0, 20); pushes > 0 && wanted[0].size() + wanted[1].size() < 400;
             --pushes) {
            RC_ASSERT(queues[which].push(pool, {next, 60}));
            wanted[which].push_back(next++);
        }
        const auto run = queues[which].front_run();
        RC_ASSERT(run.empty() == wanted[which].empty());
        for (std::size_t i = 0; i < run.size(); ++i) {
            RC_ASSERT(run[i].packet == wanted[which][i]);
        }
        if (!run.empty()) {
            const auto popped = in_range<std::uint32_t>(1, static_cast<std::uint32_t>(run.size()));
            queues[which].pop(pool, popped);
            wanted[which].erase(wanted[which].begin(), wanted[which].begin() + popped);
        }
    }
}

TEST(packet_queue, a_pool_holds_its_packets_however_they_are_spread) {
    constexpr std::size_t kQueues = 8;
    constexpr std::size_t kPackets = 100;
    for (std::size_t used = 1; used <= kQueues; ++used) {
        ChunkPool<int> pool(kPackets, kQueues);
        std::vector<PacketQueue<int>> queues(used);
        // Chunks that are half emptied at the front waste most.
        for (PacketQueue<int>& queue : queues) {
            for (int i = 0; i < kChunk; ++i) {
                ASSERT_TRUE(queue.push(pool, {i, 60}));
            }
            queue.pop(pool, kChunk - 1);
        }
        for (std::size_t i = used; i < kPackets; ++i) {
            ASSERT_TRUE(queues[i % used].push(pool, {0, 60})) << i << " in " << used;
        }
    }
}

TEST(packet_queue, memory_touched_when_used_holds_as_much) {
    constexpr int kPackets = 3 * kChunk;
    ChunkPool<int> pool(2 * kChunk, 0, PoolMemory::touched_when_used);  // three chunks
    PacketQueue<int> queue;
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < kPackets; ++i) {
            ASSERT_TRUE(queue.push(pool, {i, 60}));
        }
        EXPECT_FALSE(queue.push(pool, {kPackets, 60}));
        for (int i = 0; i < kPackets; ++i) {
            ASSERT_EQ(queue.front().packet, i);
            queue.pop(pool, 1);
        }
    }
}

TEST(packet_queue, an_empty_pool_refuses_and_leaves_the_queue_as_it_was) {
    ChunkPool<int> pool(1, 0);  // one chunk
    PacketQueue<int> queue;
    for (int i = 0; i < kChunk; ++i) {
        ASSERT_TRUE(queue.push(pool, {i, 60}));
    }
    EXPECT_FALSE(queue.push(pool, {kChunk, 60}));
    EXPECT_EQ(queue.front_run().size(), std::size_t{kChunk});
    queue.pop(pool, kChunk);
    EXPECT_TRUE(queue.empty());
    EXPECT_TRUE(queue.push(pool, {-1, 60}));
    EXPECT_EQ(queue.front().packet, -1);
}

}  // namespace
}  // namespace tcqf::test
