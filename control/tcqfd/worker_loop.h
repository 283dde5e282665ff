// The loop of one worker thread in real time: the only place that reads the clock for a worker.
#pragma once

#include <atomic>
#include <cstdint>

#include "control/clock.h"
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

    void run();

  private:
    void relax(unsigned received, std::int64_t now_ns, std::int64_t next_ns);

    unsigned idle_rounds_ = 0;
};

}  // namespace tcqf::control
