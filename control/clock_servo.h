// The mathematics of following a reference clock: no clock is read here.
#pragma once

#include <cstdint>
#include <limits>

#include "control/clock.h"

namespace tcqf::control {

/// The counter and the reference read as nearly at once as could be.
struct ClockSample {
    std::uint64_t ticks = 0;
    std::int64_t reference_ns = 0;
    /// Half the time between the readings of the counter around it.
    std::int64_t uncertainty_ns = 0;

    /// Uncertainty where the reference could not be read.
    static constexpr std::int64_t kUnknown = std::numeric_limits<std::int64_t>::max();
};

struct ServoOptions {
    /// A difference above this is a step: the clock jumps. What lies below is slewed.
    std::int64_t step_threshold_ns = 50'000;
    /// Time constant of the loop. Samples must come several times as often.
    std::int64_t time_constant_ns = 250'000'000;
    /// Fastest slew beside the reference's own frequency, in parts per million.
    std::int64_t max_slew_ppm = 500;
};

struct ServoStatistics {
    std::uint64_t unusable_in_a_row = 0;  ///< samples too uncertain to follow, until now
    std::uint64_t rebases = 0;
    std::int64_t last_step_ns = 0;
    std::int64_t offset_ns = 0;  ///< reference minus clock at the last usable sample
    /// Largest spread of the offset since the start or the last step: what the clock's time
    /// interval error was at most (ITU-T G.810 4.5.14, over the whole observation).
    std::int64_t max_time_interval_error_ns = 0;
    double ticks_per_second = 0;
};

/// Follows a reference with a critically damped loop of second order: the offset is slewed away
/// without a jump, and the frequency is learned from it.
class ClockServo {
  public:
    /// What a sample did to the clock.
    enum class Outcome : std::uint8_t { unusable, slewed, stepped };

    /// `first` and `second` are samples of the same reference, some 100 ms apart, that give the
    /// first frequency; `second` must be later.
    ClockServo(const ClockSample& first, const ClockSample& second,
               const ServoOptions& options = {});

    Outcome add(const ClockSample& sample);

    const ClockSnapshot& snapshot() const { return snapshot_; }
    const ServoStatistics& statistics() const { return statistics_; }

  private:
    void step_to(const ClockSample& sample, std::int64_t offset_ns);
    void slew(const ClockSample& sample, std::int64_t clock_ns, std::int64_t offset_ns);
    void observe_offset(std::int64_t offset_ns);

    ServoOptions options_;
    ClockSnapshot snapshot_;
    ServoStatistics statistics_;
    std::uint64_t frequency_ = 0;  // of the reference, as ClockSnapshot::rate
    ClockSample last_step_;
    std::int64_t followed_from_ns_ = 0;  // since calibration or the last step
    bool is_settled_ = false;            // followed for long enough once to know the frequency
    std::int64_t smallest_offset_ns_ = 0;
    std::int64_t largest_offset_ns_ = 0;
};

/// Rate (as ClockSnapshot::rate) of a reference between two samples; the later one last.
std::uint64_t rate_between(const ClockSample& earlier, const ClockSample& later);

}  // namespace tcqf::control
