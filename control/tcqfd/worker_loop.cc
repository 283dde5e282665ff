#include "control/tcqfd/worker_loop.h"

#include <rte_cycles.h>
#include <rte_pause.h>
#include <sched.h>
#include <sys/prctl.h>

#include <algorithm>
#include <ctime>

namespace tcqf::control {

namespace {

// Yielding for this many rounds covers the gaps inside traffic; only then does the thread sleep.
constexpr unsigned kRoundsBeforeSleep = 200;
constexpr std::int64_t kLongestSleepNs = 50'000;
constexpr std::int64_t kShortestSleepNs = 5'000;

std::int64_t now_of(const SharedClock& clock) {
    return clock.at(rte_rdtsc());
}

/// Of the counter: what passes is the same whether or not TAI is set meanwhile.
std::uint64_t ticks_of(std::int64_t ns, const ClockSnapshot& clock) {
    return static_cast<std::uint64_t>((static_cast<Int128>(ns) << ClockSnapshot::kRateBits) /
                                      static_cast<Int128>(clock.rate));
}

}  // namespace

void WorkerLoop::run() {
    if (yield) {
        prctl(PR_SET_TIMERSLACK, 1UL);  // sleep no longer than asked for
    }
    while (phase->load(std::memory_order_relaxed) == WorkerPhase::running) {
        // At a boundary what must leave goes before what may enter. Each half has its own reading:
        // receiving takes time.
        const std::uint64_t ticks = rte_rdtsc();
        note_pause(ticks);
        std::int64_t now_ns = clock->at(ticks);
        const std::int64_t next_ns = worker->transmit(now_ns);
        now_ns = now_of(*clock);
        const unsigned received = worker->receive(now_ns);
        carrying_ |= received != 0;
        if (yield) {
            relax(received, now_ns, next_ns);
        }
    }
    while (phase->load(std::memory_order_relaxed) == WorkerPhase::draining) {
        const std::int64_t now_ns = now_of(*clock);
        worker->refresh();
        worker->advance(now_ns);
        const unsigned taken = worker->take_handed_over();
        worker->transmit(now_ns);
        drained.store(taken == 0 && worker->queued() == 0, std::memory_order_relaxed);
        if (yield) {
            sched_yield();
        }
    }
}

void WorkerLoop::note_pause(std::uint64_t ticks) {
    const auto late = static_cast<std::int64_t>(ticks - round_due_ticks_);
    if (carrying_ && late > 0) {
        const ClockSnapshot since_due{.ticks = round_due_ticks_, .rate = clock->read().rate};
        pauses.add(since_due.at(ticks));
    }
    round_due_ticks_ = ticks;
}

void WorkerLoop::relax(unsigned received, std::int64_t now_ns, std::int64_t next_ns) {
    if (received != 0) {
        idle_rounds_ = 0;
        return;
    }
    if (++idle_rounds_ < kRoundsBeforeSleep) {
        sched_yield();
        return;
    }
    const std::int64_t sleep_ns = std::min(kLongestSleepNs, next_ns - now_ns);
    if (sleep_ns < kShortestSleepNs) {
        sched_yield();
        return;
    }
    round_due_ticks_ = rte_rdtsc() + ticks_of(sleep_ns, clock->read());
    const timespec duration{.tv_sec = 0, .tv_nsec = sleep_ns};
    nanosleep(&duration, nullptr);
}

}  // namespace tcqf::control
