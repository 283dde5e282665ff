// A worker's path outside the ports' bursts allocates nothing, takes no lock and makes no system
// call: it runs in a process that the kernel ends at the first system call, with an allocator and
// locks that count.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <rte_mbuf.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "config/load.h"
#include "control/lab/eal.h"
#include "dataplane/packet_pool.h"
#include "dataplane/router.h"
#include "dataplane/worker.h"

namespace {

bool counting = false;
int allocations = 0;
int locks = 0;

}  // namespace

extern "C" {

void* __libc_malloc(std::size_t octets);
void* __libc_calloc(std::size_t count, std::size_t octets);
void* __libc_realloc(void* memory, std::size_t octets);

void* malloc(std::size_t octets) {
    allocations += counting ? 1 : 0;
    return __libc_malloc(octets);
}
void* calloc(std::size_t count, std::size_t octets) {
    allocations += counting ? 1 : 0;
    return __libc_calloc(count, octets);
}
void* realloc(void* memory, std::size_t octets) {
    allocations += counting ? 1 : 0;
    return __libc_realloc(memory, octets);
}

int pthread_mutex_lock(pthread_mutex_t* mutex) {
    using Lock = int (*)(pthread_mutex_t*);
    static const Lock real = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
    locks += counting ? 1 : 0;
    return real(mutex);
}

}  // extern "C"

namespace tcqf::dataplane {
namespace {

constexpr const char* kConfig = R"(
name: r1
interfaces:
  - {name: ge0, device: none0, mac: "02:00:00:00:01:01", addresses: [10.0.1.1/24]}
  - {name: ge1, device: none1, mac: "02:00:00:00:02:01", addresses: [10.0.2.1/24], mtu: 100}
neighbors:
  - {interface: ge1, address: 10.0.2.2, mac: "02:00:00:00:02:02"}
routes:
  - {prefix: 10.9.0.0/16, next-hops: [{interface: ge1, address: 10.0.2.2}]}
  - {prefix: 10.3.0.0/16, next-hops: [{interface: ge1, address: 10.0.2.2}]}
tcqf:
  domains:
    - name: core
      cycles: 4
      cycle-time-us: 100
      interfaces:
        - {name: ge0, tagging: dscp, tags: [3, 7, 11, 15]}
        - {name: ge1, tagging: dscp, tags: [19, 23, 27, 31]}
      cycle-maps:
        - {iif: ge0, oif: ge1, map: [3, 4, 1, 2], window: {min: 1, max: 3}}
detnet:
  flows:
    - id: 1
      match: {destination: 10.9.0.2/32}
      cycle-size-bits: 12000
      traffic-specification: {interval-ns: 1000000, max-packets-per-interval: 4, max-payload-size: 1200}
)";

/// Gives a burst of packets of every kind that the router forwards or drops; frees what is sent.
class EndlessPort final : public Port {
  public:
    EndlessPort(rte_mempool* pool, bool gives) : pool_(pool), gives_(gives) {}

    unsigned receive(std::int64_t, rte_mbuf** packets, std::int64_t*, unsigned max) override {
        unsigned count = 0;
        for (; gives_ && count < std::min(max, 16U); ++count) {
            packets[count] = rte_pktmbuf_alloc(pool_);
            fill(packets[count], number_++);
        }
        return count;
    }
    unsigned transmit(const TransmitBurst& burst) override {
        for (unsigned i = 0; i < burst.count; ++i) {
            constexpr unsigned kFragmentField = 20;
            const auto* frame = rte_pktmbuf_mtod(burst.packets[i], const std::uint8_t*);
            fragments_ += (frame[kFragmentField] & 0x3f) != 0 || frame[kFragmentField + 1] != 0;
        }
        rte_pktmbuf_free_bulk(const_cast<rte_mbuf**>(burst.packets), burst.count);
        return burst.count;
    }

    unsigned fragments() const { return fragments_; }

  private:
    static void fill(rte_mbuf* mbuf, unsigned number) {
        constexpr std::uint8_t kFrame[60] = {2, 0, 0,    0, 1, 1,  2,  0, 0, 0, 1,  2,
                                             8, 0, 0x45, 0, 0, 46, 0,  0, 0, 0, 64, 17,
                                             0, 0, 10,   3, 0, 1,  10, 9, 0, 1};
        const std::uint16_t octets = number % 5 == 0 ? 250 : sizeof kFrame;  // beyond the mtu
        auto* frame = reinterpret_cast<std::uint8_t*>(rte_pktmbuf_append(mbuf, octets));
        std::memcpy(frame, kFrame, sizeof kFrame);
        frame[17] = static_cast<std::uint8_t>(octets - 14);
        constexpr std::uint8_t kMarks[] = {3 << 2, 7 << 2, 11 << 2, 15 << 2, 0, 0};
        frame[15] = kMarks[number % sizeof kMarks];
        frame[22] = number % 7 == 0 ? 1 : 64;                   // TTL
        frame[30] = number % 11 == 0 ? 99 : 10;                 // no route
        frame[33] = static_cast<std::uint8_t>(1 + number % 2);  // no flow, or one
        std::uint32_t sum = 0;
        for (unsigned i = 14; i < 34; i += 2) {
            sum += frame[i] << 8 | frame[i + 1];
        }
        sum = (sum & 0xffff) + (sum >> 16);
        sum = number % 13 == 0 ? 0 : ~(sum + (sum >> 16));  // wrong now and then
        frame[24] = static_cast<std::uint8_t>(sum >> 8);
        frame[25] = static_cast<std::uint8_t>(sum);
    }

    rte_mempool* pool_;
    bool gives_;
    unsigned number_ = 0;
    unsigned fragments_ = 0;
};

/// How a child process that runs `body` without system calls ends: its exit code, or minus the
/// signal that the kernel ended it with.
template <class Body>
int outcome_without_system_calls(Body body) {
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
        counting = true;
        const int code = body();
        counting = false;
        syscall(SYS_exit, code != 0 ? code : allocations != 0 ? 101 : locks != 0 ? 102 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

TEST(NoAllocation, TheGuardSeesWhatItForbids) {
    EXPECT_EQ(outcome_without_system_calls([] { return 0; }), 0);
    EXPECT_EQ(outcome_without_system_calls([] { return static_cast<int>(syscall(SYS_getpid)); }),
              -SIGKILL);
    EXPECT_EQ(outcome_without_system_calls([] {
                  void* volatile memory = malloc(16);
                  return memory == nullptr ? 1 : 0;
              }),
              101);
}

TEST(NoAllocation, AWorkerForwardsWithoutAllocationsLocksAndSystemCalls) {
    control::start_lab_eal();
    const config::LoadResult loaded = config::load_yaml(kConfig, "test");
    ASSERT_NE(loaded.router, nullptr);
    const PacketPool pool = make_packet_pool("no_allocation", 8191, 2048);
    EndlessPort in(pool.get(), true);
    EndlessPort out(pool.get(), false);
    RouterOptions options;
    options.pool = pool.get();
    options.transmit_lookahead_ns = 10'000;
    Router router(loaded.router, {{.wire = &in}, {.wire = &out}}, options);
    const auto run = [&router, &out] {
        Worker& worker = router.worker(0);
        for (std::int64_t now_ns = 1'000'000; now_ns < 21'000'000; now_ns += 10'000) {
            worker.receive(now_ns);
            worker.transmit(now_ns + 5'000);
        }
        const WorkerCounters& counters = worker.counters();
        const auto dropped = [&counters](DropReason reason) {
            return counters.dropped[static_cast<std::size_t>(reason)].get();
        };
        // Each exit code names what the traffic did not show.
        return counters.sent.get() <= 5'000               ? 1
               : counters.generated.get() == 0            ? 2
               : dropped(DropReason::ttl_expired) == 0    ? 3
               : dropped(DropReason::no_route) == 0       ? 4
               : dropped(DropReason::bad_checksum) == 0   ? 5
               : dropped(DropReason::outside_window) == 0 ? 6
               : dropped(DropReason::policed) == 0        ? 7
               : out.fragments() == 0                     ? 8
                                                          : 0;
    };
    EXPECT_EQ(outcome_without_system_calls(run), 0);
}

}  // namespace
}  // namespace tcqf::dataplane
