// The time that the measured worker lives in.
#pragma once

#include <rte_cycles.h>

#include <cstdint>

#include "control/clock.h"

namespace tcqf::perf {

/// TAI from the processor's counter, read and converted as tcqfd does for each half of a round.
///
/// What the machine takes away from the thread (interrupts, its hypervisor, other processes) is
/// left out of this time: a reading that comes later than `longest_step` after the one before it is
/// taken as if it came just then. Otherwise packets whose cycle passed meanwhile would be dropped,
/// rightly, and the rig would measure the machine. What was left out is counted, and stays in the
/// time that rates are computed from.
class RigClock {
  public:
    RigClock(const control::SharedClock& clock, std::uint64_t longest_step_ticks)
        : clock_(clock), longest_step_(longest_step_ticks), last_(rte_rdtsc()) {}

    std::int64_t now() {
        const std::uint64_t reading = rte_rdtsc();
        const std::uint64_t step = reading - last_;
        last_ = reading;
        if (step > longest_step_) [[unlikely]] {
            left_out_ += step - longest_step_;
            ++stalls_;
        }
        return clock_.at(reading - left_out_);
    }

    std::uint64_t stalls() const { return stalls_; }
    std::uint64_t left_out_ticks() const { return left_out_; }

  private:
    const control::SharedClock& clock_;
    std::uint64_t longest_step_;
    std::uint64_t last_;
    std::uint64_t left_out_ = 0;
    std::uint64_t stalls_ = 0;
};

/// Time that goes on by the same step with each reading, whatever the processor does: for counting
/// instructions, where a round takes fifty times as long as it should.
class PacedClock {
  public:
    PacedClock(const control::SharedClock& clock, std::uint64_t step_ticks)
        : clock_(clock), step_(step_ticks), ticks_(rte_rdtsc()) {}

    std::int64_t now() {
        ticks_ += step_;
        return clock_.at(ticks_);
    }

    std::uint64_t stalls() const { return 0; }
    std::uint64_t left_out_ticks() const { return 0; }

  private:
    const control::SharedClock& clock_;
    std::uint64_t step_;
    std::uint64_t ticks_;
};

}  // namespace tcqf::perf
