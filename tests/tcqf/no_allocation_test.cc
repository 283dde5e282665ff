// Nothing is allocated after set-up: operator new and the malloc family are counted.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "tcqf/cycle_map.h"
#include "tcqf/egress.h"
#include "tcqf/ingress.h"
#include "tcqf/policer.h"
#include "tcqf/tag_table.h"

namespace {

// Atomic, for the compiler knows malloc and takes it for granted that it changes no counter.
std::atomic<std::size_t> allocations = 0;

}  // namespace

// The linker (--wrap) sends calls of the malloc family here.
extern "C" {
void* __real_malloc(std::size_t size);
void* __real_calloc(std::size_t count, std::size_t size);
void* __real_realloc(void* memory, std::size_t size);

void* __wrap_malloc(std::size_t size) {
    ++allocations;
    return __real_malloc(size);
}

void* __wrap_calloc(std::size_t count, std::size_t size) {
    ++allocations;
    return __real_calloc(count, size);
}

void* __wrap_realloc(void* memory, std::size_t size) {
    ++allocations;
    return __real_realloc(memory, size);
}
}

void* operator new(std::size_t size) {
    if (void* memory = std::malloc(size); memory != nullptr) {
        return memory;
    }
    throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace tcqf::test {
namespace {

constexpr std::int64_t kToday = 1'700'000'000'000'000'000;

/// What was allocated since.
class Counted {
  public:
    std::size_t operator()() const { return allocations - before_; }

  private:
    std::size_t before_ = allocations;
};

TEST(no_allocation, the_count_sees_new_and_malloc) {
    const Counted counted;
    // Through volatile pointers: else the compiler leaves both out.
    int* volatile number = new int(1);
    const std::size_t after_new = counted();
    void* volatile memory = std::malloc(1);
    const std::size_t after_malloc = counted();
    delete number;
    std::free(memory);
    EXPECT_EQ(after_new, 1u);
    EXPECT_EQ(after_malloc, 2u);
}

TEST(no_allocation, calendar_and_queues_allocate_nothing_after_set_up) {
    EgressConfig config;
    config.timing = CycleTiming{.cycle_time_ns = 100'000, .offset_ns = 0, .cycles = 4};
    config.queue_limit_packets = 100;
    config.shares = {{.cycle_units = 100'000 * kUnitsPerBit, .rate_mbps = 10},
                     {.cycle_units = 100'000 * kUnitsPerBit, .rate_mbps = 30}};
    ChunkPool<int> pool(2'000, 32);
    Egress<int> egress(config, pool);
    const auto drop = [](int) {};
    std::uint64_t sent = 0;
    const Counted counted;
    for (int round = 0; round < 1'000; ++round) {
        // Full cycles and queues, a stall now and then, the clock set back once.
        const std::int64_t now_ns =
            kToday + round * 40'000 + (round % 100) * 1'000 - (round > 500 ? 37'000'000'000 : 0);
        egress.advance(now_ns, drop);
        for (int i = 0; i < 40; ++i) {
            const auto share = static_cast<std::uint32_t>(i % 3);
            egress.enqueue_in_cycle(egress.tracker().cycle() + 1 + i % 7, {i, 1514}, share);
            egress.enqueue(static_cast<TrafficClass>(i % 3), {i, 600}, share);
        }
        egress.transmit(
            now_ns, 10'000,
            [&](const Egress<int>::Burst& burst) {
                sent += burst.count;
                return burst.count;
            },
            drop);
    }
    egress.flush(drop);
    EXPECT_EQ(counted(), 0u);
    EXPECT_GT(sent, 1'000u);
}

TEST(no_allocation, mapping_ingress_and_policing_allocate_nothing_after_set_up) {
    const CycleMap map(std::array<CycleId, 4>{3, 4, 1, 2}, {1, 3}, 4);
    const TagTable tags(Tagging::dscp, std::array<std::uint8_t, 4>{3, 7, 11, 15});
    const CycleTiming timing{.cycle_time_ns = 100'000, .offset_ns = 0, .cycles = 4};
    const std::array<std::uint32_t, 2> cycles{0, 4};
    FlowShape shape;
    shape.cycle_size_bits = 12'000;
    shape.interleaving = Interleaving(8, cycles);
    FlowCursor cursor;
    std::vector<std::int64_t> arrivals_ns(256, Policer::kNoArrival);
    const Policer policer(
        {.interval_ns = 1'000, .max_packets_per_interval = 256, .max_payload_octets = 1'500});
    PolicerPosition position;
    CycleTracker tracker(timing);
    std::uint64_t sum = 0;
    const Counted counted;
    for (int i = 0; i < 10'000; ++i) {
        const std::int64_t now_ns = kToday + i * 7'000LL;
        tracker.advance(now_ns);
        sum += map.distance(tags.cycle_of(static_cast<std::uint8_t>(i % 64)), tracker.index());
        sum += policer.conforms(arrivals_ns.data(), position, now_ns, 1'000);
        const IngressPlan plan = plan_ingress(shape, cursor, tracker.cycle(), 8'000);
        cursor = plan.next;
        sum += plan.verdict == IngressVerdict::admitted;
    }
    EXPECT_EQ(counted(), 0u);
    EXPECT_GT(sum, 0u);
}

}  // namespace
}  // namespace tcqf::test
