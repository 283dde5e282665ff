// Two workers, each on a thread, and the control thread that reloads 1,000 times under traffic:
// what the thread sanitizer looks at. Without it the tests still check the account, that old tables
// go, and that a policy's packets stay in order.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/dataplane/test_config.h"
#include "tests/dataplane/test_router.h"

namespace tcqf::test {
namespace {

constexpr unsigned kReloads = 1000;
constexpr unsigned kPackets = 8192;

/// A pool's store whose hand-over between threads the sanitizer can see: DPDK's own are in
/// libraries that it does not instrument.
struct LockedStore {
    std::mutex mutex;
    std::vector<void*> objects;
};

LockedStore* store_of(const rte_mempool* pool) {
    return static_cast<LockedStore*>(pool->pool_data);
}

int allocate_store(rte_mempool* pool) {
    pool->pool_data = new LockedStore;
    return 0;
}

void free_store(rte_mempool* pool) {
    delete store_of(pool);
}

int give_back(rte_mempool* pool, void* const* objects, unsigned count) {
    LockedStore& store = *store_of(pool);
    const std::lock_guard lock(store.mutex);
    store.objects.insert(store.objects.end(), objects, objects + count);
    return 0;
}

int take(rte_mempool* pool, void** objects, unsigned count) {
    LockedStore& store = *store_of(pool);
    const std::lock_guard lock(store.mutex);
    if (store.objects.size() < count) {
        return -ENOBUFS;
    }
    std::copy(store.objects.end() - count, store.objects.end(), objects);
    store.objects.resize(store.objects.size() - count);
    return 0;
}

unsigned available(const rte_mempool* pool) {
    LockedStore& store = *store_of(pool);
    const std::lock_guard lock(store.mutex);
    return static_cast<unsigned>(store.objects.size());
}

rte_mempool_ops locked_store_ops() {
    rte_mempool_ops ops{};
    std::strcpy(ops.name, "locked_store");
    ops.alloc = allocate_store;
    ops.free = free_store;
    ops.enqueue = give_back;
    ops.dequeue = take;
    ops.get_count = available;
    return ops;
}

dataplane::PacketPool make_visible_pool(const char* name) {
    start_eal_once();
    static const int registered = [] {
        const rte_mempool_ops ops = locked_store_ops();
        return rte_mempool_register_ops(&ops);
    }();
    EXPECT_GE(registered, 0);
    return dataplane::PacketPool(
        rte_pktmbuf_pool_create_by_ops(name, kPackets, 0, dataplane::kPacketPrivateOctets,
                                       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY, "locked_store"));
}

/// Longer than the least that a link carries: such packets take the short way.
constexpr std::uint8_t kFrameOctets = 64;

Frame ipv4_frame(std::size_t in, std::size_t out) {
    Frame frame = {2,
                   0,
                   0,
                   0,
                   static_cast<std::uint8_t>(in + 1),
                   1,
                   2,
                   0,
                   0,
                   0,
                   9,
                   9,
                   8,
                   0,
                   0x45,
                   0,
                   0,
                   kFrameOctets - 14,
                   0,
                   0,
                   0,
                   0,
                   64,
                   17,
                   0,
                   0,
                   10,
                   3,
                   0,
                   1,
                   10,
                   10,
                   static_cast<std::uint8_t>(out),
                   5};
    std::uint32_t sum = 0;
    for (std::size_t i = 14; i < 34; i += 2) {
        sum += static_cast<std::uint32_t>(frame[i] << 8 | frame[i + 1]);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    const auto checksum = static_cast<std::uint16_t>(~sum);
    frame[24] = static_cast<std::uint8_t>(checksum >> 8);
    frame[25] = static_cast<std::uint8_t>(checksum);
    frame.resize(kFrameOctets);
    return frame;
}

Frame mpls_frame(std::size_t in, unsigned label, unsigned tag) {
    Frame frame = {2, 0, 0, 0, static_cast<std::uint8_t>(in + 1), 1, 2, 0, 0, 0, 9, 9, 0x88, 0x47};
    const std::uint32_t entry = label << 12 | tag << 9 | 1 << 8 | 64;
    for (int shift = 24; shift >= 0; shift -= 8) {
        frame.push_back(static_cast<std::uint8_t>(entry >> shift));
    }
    const Frame packet = ipv4_frame(in, 3);
    frame.insert(frame.end(), packet.begin() + 14, packet.end());
    return frame;
}

/// Makes a packet out of each of its frames in turn, as often as it is asked and buffers last.
class SourcePort final : public dataplane::Port {
  public:
    SourcePort(rte_mempool* pool, std::vector<Frame> frames)
        : pool_(pool), frames_(std::move(frames)) {}

    unsigned receive(std::int64_t, rte_mbuf** packets, std::int64_t*, unsigned max) override {
        unsigned count = 0;
        for (; count < std::min(max, 8U); ++count) {
            rte_mbuf* packet = rte_pktmbuf_alloc(pool_);
            if (packet == nullptr) {
                break;
            }
            const Frame& frame = frames_[next_++ % frames_.size()];
            std::memcpy(rte_pktmbuf_append(packet, static_cast<std::uint16_t>(frame.size())),
                        frame.data(), frame.size());
            packets[count] = packet;
        }
        received_ += count;
        return count;
    }

    unsigned transmit(const dataplane::TransmitBurst& burst) override {
        for (unsigned i = 0; i < burst.count; ++i) {
            rte_pktmbuf_free(burst.packets[i]);
        }
        sent_ += burst.count;
        return burst.count;
    }

    std::uint64_t received() const { return received_; }
    std::uint64_t sent() const { return sent_; }

  private:
    rte_mempool* pool_;
    std::vector<Frame> frames_;
    std::size_t next_ = 0;
    std::uint64_t received_ = 0;
    std::uint64_t sent_ = 0;
};

std::int64_t tai_now_ns() {
    timespec time{};
    clock_gettime(CLOCK_TAI, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// What changes from one reload to the next: a label, a route, a cycle time (which drains queues).
std::vector<std::shared_ptr<const config::Router>> configurations() {
    const std::string first =
        with(four_interfaces("mpls-tc"), "name: r1\n", "name: r1\nworkers: 2\n");
    return {load_or_throw(first),
            load_or_throw(with(first, "out-labels: [200]", "out-labels: [210]")),
            load_or_throw(with(first, "prefix: 10.11.0.0/24", "prefix: 10.12.0.0/24")),
            load_or_throw(with(first, "cycle-time-us: 100", "cycle-time-us: 50"))};
}

dataplane::RouterOptions two_worker_options(rte_mempool* pool) {
    dataplane::RouterOptions options;
    options.pool = pool;
    options.max_packets = kPackets;
    options.workers = 2;
    return options;
}

/// The configuration with another flow in the place of its only one: it gets what others had whose
/// packets the workers are done with.
std::shared_ptr<const config::Router> with_flow(const config::Router& config, std::uint32_t id) {
    auto changed = std::make_shared<config::Router>(config);
    changed->flows.front().id = id;
    return changed;
}

/// The workers of a router, each on a thread.
class WorkerThreads {
  public:
    explicit WorkerThreads(dataplane::Router& router) {
        for (unsigned i = 0; i < router.workers(); ++i) {
            threads_.emplace_back([this, &worker = router.worker(i)] {
                while (!stop_.load(std::memory_order_relaxed)) {
                    worker.transmit(tai_now_ns());
                    worker.receive(tai_now_ns());
                }
            });
        }
    }
    ~WorkerThreads() { stop(); }

    void stop() {
        stop_.store(true);
        for (std::thread& thread : threads_) {
            thread.join();
        }
        threads_.clear();
    }

  private:
    std::atomic<bool> stop_{false};
    std::vector<std::thread> threads_;
};

/// Nothing runs any more: sends what is queued.
void drain(dataplane::Router& router) {
    for (int round = 0; round < 100'000 && router.account().queued != 0; ++round) {
        for (unsigned i = 0; i < router.workers(); ++i) {
            const std::int64_t now_ns = tai_now_ns();
            router.worker(i).refresh();
            router.worker(i).take_handed_over();
            router.worker(i).transmit(now_ns);
        }
    }
    router.reclaim();
}

TEST(ReloadThreads, a_thousand_reloads_under_two_workers_lose_no_packet_from_the_account) {
    const dataplane::PacketPool pool = make_visible_pool("reload_threads");
    ASSERT_NE(pool, nullptr);
    const auto configs = configurations();
    std::vector<std::unique_ptr<SourcePort>> wires;
    std::vector<dataplane::InterfacePorts> ports;
    for (std::size_t in = 0; in < 4; ++in) {
        std::vector<Frame> frames;
        for (unsigned i = 0; i < 4; ++i) {
            frames.push_back(mpls_frame(in, 100 + i % 2, i + 1));
            frames.push_back(ipv4_frame(in, (in + i) % 4));
        }
        wires.push_back(std::make_unique<SourcePort>(pool.get(), frames));
        ports.push_back({.wire = wires.back().get(), .kernel = nullptr});
        // A second receive queue, for the worker that does not send there.
        wires.push_back(std::make_unique<SourcePort>(pool.get(), frames));
        ports.back().further_queues.push_back(wires.back().get());
    }
    dataplane::Router router(configs[0], ports, two_worker_options(pool.get()));

    WorkerThreads threads(router);
    std::size_t most_numbers = 0;
    for (unsigned reload = 1; reload <= kReloads; ++reload) {
        EXPECT_EQ(router.apply(with_flow(*configs[reload % configs.size()], 1000 + reload)), "");
        most_numbers = std::max(most_numbers, router.tables().profile_of_flow.size());
        router.set_link(static_cast<config::InterfaceIndex>(reload % 4), reload % 8 != 0);
        router.reclaim();
    }
    for (config::InterfaceIndex interface = 0; interface < 4; ++interface) {
        router.set_link(interface, true);
    }
    threads.stop();
    drain(router);
    const dataplane::Account account = router.account();
    EXPECT_TRUE(account.balances());
    EXPECT_EQ(account.queued, 0U);
    EXPECT_EQ(router.retired_tables(), 0U);
    EXPECT_LT(most_numbers, kReloads) << "none was given twice";
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
    for (const auto& wire : wires) {
        received += wire->received();
        sent += wire->sent();
    }
    EXPECT_EQ(account.received, received);
    EXPECT_EQ(account.sent, sent);
    EXPECT_GT(sent, 0U);
    EXPECT_TRUE(std::all_of(wires.begin(), wires.end(),
                            [](const auto& wire) { return wire->received() != 0; }));
    EXPECT_EQ(rte_mempool_in_use_count(pool.get()), 0U);
}

/// Numbers the packets that it brings, and sees that those of each other port leave in order. Few
/// enough are under way at once that no queue overflows.
class NumberingPort final : public dataplane::Port {
  public:
    NumberingPort(rte_mempool* pool, const Frame& frame, std::uint8_t stream)
        : pool_(pool), frame_(frame) {
        frame_.push_back(stream);
        frame_.resize(frame_.size() + sizeof(std::uint64_t));
    }

    unsigned receive(std::int64_t, rte_mbuf** packets, std::int64_t*, unsigned max) override {
        unsigned count = 0;
        for (; count < std::min(max, 8U) && under_way.load() < kMostUnderWay; ++count) {
            rte_mbuf* packet = rte_pktmbuf_alloc(pool_);
            if (packet == nullptr) {
                break;
            }
            ++received_;
            std::memcpy(frame_.data() + frame_.size() - sizeof received_, &received_,
                        sizeof received_);
            std::memcpy(rte_pktmbuf_append(packet, static_cast<std::uint16_t>(frame_.size())),
                        frame_.data(), frame_.size());
            packets[count] = packet;
            ++under_way;
        }
        return count;
    }

    unsigned transmit(const dataplane::TransmitBurst& burst) override {
        for (unsigned i = 0; i < burst.count; ++i) {
            const auto* end =
                rte_pktmbuf_mtod(burst.packets[i], const std::uint8_t*) + burst.packets[i]->pkt_len;
            std::uint64_t number = 0;
            std::memcpy(&number, end - sizeof number, sizeof number);
            std::uint64_t& last = last_[*(end - sizeof number - 1)];
            out_of_order_ += number <= last ? 1 : 0;
            last = number;
            rte_pktmbuf_free(burst.packets[i]);
            --under_way;
        }
        sent_ += burst.count;
        return burst.count;
    }

    std::uint64_t received() const { return received_; }
    std::uint64_t sent() const { return sent_; }
    std::uint64_t out_of_order() const { return out_of_order_; }

    static constexpr unsigned kMostUnderWay = 256;
    static std::atomic<unsigned> under_way;

  private:
    rte_mempool* pool_;
    Frame frame_;
    std::array<std::uint64_t, 4> last_{};  // by stream
    std::uint64_t received_ = 0;
    std::atomic<std::uint64_t> sent_ = 0;  // looked at while workers run
    std::uint64_t out_of_order_ = 0;
};

std::atomic<unsigned> NumberingPort::under_way = 0;

/// A policy with a path out of ge1 and one out of ge0; which of them is active.
std::vector<std::shared_ptr<const config::Router>> paths() {
    std::vector<std::shared_ptr<const config::Router>> configs;
    for (const unsigned preferred : {1u, 2u}) {
        configs.push_back(
            load_or_throw(with(four_interfaces("dscp", 4,
                                               fmt::format(R"(sr-policies:
- color: 1
  endpoint: '2001:db8:9::9'
  candidate-paths:
  - {{preference: {}, discriminator: 1, segment-lists: [{{segments: ['2001:db8:d1::e', 'fc00:9::d6']}}]}}
  - {{preference: {}, discriminator: 2, segment-lists: [{{segments: ['2001:db8:d0::e']}}]}}
)",
                                                           preferred, 3 - preferred)),
                               "routes:\n",
                               "routes:\n- {prefix: 10.10.9.0/24, sr-policy: {color: 1, endpoint: "
                               "'2001:db8:9::9'}}\n")));
    }
    return configs;
}

TEST(ReloadThreads, a_thousand_other_paths_of_a_policy_lose_and_reorder_nothing) {
    const dataplane::PacketPool pool = make_visible_pool("path_threads");
    ASSERT_NE(pool, nullptr);
    auto configs = paths();
    for (auto& config : configs) {
        auto two_workers = std::make_shared<config::Router>(*config);
        two_workers->workers.count = 2;
        two_workers->flows.clear();  // what arrives at ge3 would be policed
        config = two_workers;
    }
    std::vector<std::unique_ptr<NumberingPort>> wires;
    std::vector<dataplane::InterfacePorts> ports;
    for (std::uint8_t in = 0; in < 4; ++in) {
        Frame frame = ipv4_frame(in, 9);
        frame.resize(kFrameOctets - 1 - sizeof(std::uint64_t));
        wires.push_back(std::make_unique<NumberingPort>(pool.get(), frame, in));
        ports.push_back({.wire = wires.back().get(), .kernel = nullptr});
    }
    dataplane::Router router(configs[0], ports, two_worker_options(pool.get()));
    WorkerThreads threads(router);
    // On a busy host a thousand may pass before a worker has had its turn with each path.
    const auto both_used = [&wires] { return wires[0]->sent() != 0 && wires[1]->sent() != 0; };
    for (unsigned reload = 1; reload <= kReloads || (!both_used() && reload <= 10 * kReloads);
         ++reload) {
        EXPECT_EQ(router.apply(configs[reload % configs.size()]), "");
        router.reclaim();
        if (reload > kReloads) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
    threads.stop();
    drain(router);
    const dataplane::Account account = router.account();
    EXPECT_TRUE(account.balances());
    EXPECT_EQ(account.queued, 0U);
    for (std::size_t reason = 0; reason < dataplane::kDropReasons; ++reason) {
        EXPECT_EQ(account.dropped[reason], 0U) << dataplane::kDropReasonNames[reason];
    }
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
    for (const auto& wire : wires) {
        received += wire->received();
        sent += wire->sent();
        EXPECT_EQ(wire->out_of_order(), 0U);
    }
    EXPECT_EQ(account.sent, sent);
    EXPECT_EQ(received, sent);
    EXPECT_GT(wires[0]->sent(), 0U);
    EXPECT_GT(wires[1]->sent(), 0U);
    EXPECT_EQ(router.retired_tables(), 0U);
    EXPECT_EQ(rte_mempool_in_use_count(pool.get()), 0U);
}

}  // namespace
}  // namespace tcqf::test
