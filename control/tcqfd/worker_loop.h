// The loop of one worker thread in real time: the only place that reads the clock for a worker.
#pragma once

#include <atomic>
#include <cstdint>

#include "control/clock.h"
#include "control/stall_floor.h"
#include "dataplane/worker.h"

namespace tcqf::control {

/// What the control thread asks of a worker.
enum class WorkerPhase : std::uint8_t {
    running,
    draining,  ///< receives nothing any more, sends what is queued
    stopped,
};

struct WorkerLoop {
    dataplane::Worker* worker = nullptr;
    const SharedClock* clock = nullptr;
    const std::atomic<WorkerPhase>* phase = nullptr;
    /// Gives the core to others whenever nothing arrived, and sleeps when nothing has for a while.
    bool yield = false;
    /// Set by a draining worker that has nothing queued.
    std::atomic<bool> drained{false};
    /// From one round to the next, less what the thread meant to sleep, since the first packet:
    /// a machine that is still starting says nothing about later. Read when run() is over.
    StallStatistics pauses;

    void run();

  private:
    void relax(unsigned received, std::int64_t now_ns, std::int64_t next_ns);

    void note_pause(std::uint64_t ticks);

    bool carrying_ = false;  // a packet has arrived
    unsigned idle_rounds_ = 0;
    std::uint64_t round_due_ticks_ = 0;  // when this round began, or sleep before the next ends
};

}  // namespace tcqf::control
