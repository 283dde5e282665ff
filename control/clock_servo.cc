#include "control/clock_servo.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "control/second.h"

namespace tcqf::control {

namespace {

// A sample this uncertain says less than the clock knows already.
constexpr std::int64_t kUsableUncertaintyNs = 20'000;

// With a wrong frequency no clock can be followed for as long without a step.
constexpr std::int64_t kSettlingNs = kNsPerSecond;

double ticks_per_second(std::uint64_t rate) {
    return std::ldexp(static_cast<double>(kNsPerSecond), ClockSnapshot::kRateBits) /
           static_cast<double>(rate);
}

}  // namespace

std::uint64_t rate_between(const ClockSample& earlier, const ClockSample& later) {
    const auto elapsed_ns = static_cast<Int128>(later.reference_ns - earlier.reference_ns);
    return static_cast<std::uint64_t>((elapsed_ns << ClockSnapshot::kRateBits) /
                                      static_cast<Int128>(later.ticks - earlier.ticks));
}

ClockServo::ClockServo(const ClockSample& first, const ClockSample& second,
                       const ServoOptions& options)
    : options_(options),
      frequency_(rate_between(first, second)),
      followed_from_ns_(second.reference_ns) {
    snapshot_ = {.ticks = second.ticks, .tai_ns = second.reference_ns, .rate = frequency_};
    statistics_.ticks_per_second = ticks_per_second(frequency_);
}

ClockServo::Outcome ClockServo::add(const ClockSample& sample) {
    const std::int64_t clock_ns = snapshot_.at(sample.ticks);
    const std::int64_t offset_ns = sample.reference_ns - clock_ns;
    if (std::abs(offset_ns) - sample.uncertainty_ns > options_.step_threshold_ns) {
        step_to(sample, offset_ns);
        return Outcome::stepped;
    }
    if (sample.uncertainty_ns > kUsableUncertaintyNs) {
        ++statistics_.unusable_in_a_row;
        return Outcome::unusable;
    }
    statistics_.unusable_in_a_row = 0;
    is_settled_ |= sample.reference_ns - followed_from_ns_ >= kSettlingNs;
    observe_offset(offset_ns);
    slew(sample, clock_ns, offset_ns);
    return Outcome::slewed;
}

void ClockServo::step_to(const ClockSample& sample, std::int64_t offset_ns) {
    // A step says nothing about the frequency, but two of them before the clock has settled say
    // that it is wrong: the reference was set while the clock was calibrated.
    const std::int64_t since_ns = sample.reference_ns - last_step_.reference_ns;
    const bool is_exact = sample.uncertainty_ns <= kUsableUncertaintyNs;
    if (!is_settled_ && is_exact && since_ns > 0 && since_ns < kSettlingNs &&
        sample.ticks > last_step_.ticks) {
        frequency_ = rate_between(last_step_, sample);
        statistics_.ticks_per_second = ticks_per_second(frequency_);
    }
    last_step_ = is_exact ? sample : ClockSample{};
    followed_from_ns_ = sample.reference_ns;
    snapshot_ = {.ticks = sample.ticks, .tai_ns = sample.reference_ns, .rate = frequency_};
    ++statistics_.rebases;
    statistics_.last_step_ns = offset_ns;
    statistics_.unusable_in_a_row = 0;
    statistics_.offset_ns = 0;
    statistics_.max_time_interval_error_ns = 0;
    smallest_offset_ns_ = largest_offset_ns_ = 0;
}

void ClockServo::slew(const ClockSample& sample, std::int64_t clock_ns, std::int64_t offset_ns) {
    const auto time_constant_ns = static_cast<double>(options_.time_constant_ns);
    const double interval_ns =
        std::min(static_cast<double>(clock_ns - snapshot_.tai_ns), time_constant_ns);
    const double proportional = static_cast<double>(offset_ns) / time_constant_ns;
    const double limit = static_cast<double>(options_.max_slew_ppm) * 1e-6;
    const double bounded = std::clamp(proportional, -limit, limit);
    const auto frequency = static_cast<double>(frequency_);
    if (bounded == proportional) {  // else the frequency would learn from the bound
        frequency_ += static_cast<std::uint64_t>(static_cast<std::int64_t>(
            frequency * proportional * interval_ns / (4 * time_constant_ns)));
        statistics_.ticks_per_second = ticks_per_second(frequency_);
    }
    const auto slewed = static_cast<std::int64_t>(frequency * bounded);
    // Continuous: the new line starts where the old one is now.
    snapshot_ = {.ticks = sample.ticks,
                 .tai_ns = clock_ns,
                 .rate = frequency_ + static_cast<std::uint64_t>(slewed)};
}

void ClockServo::observe_offset(std::int64_t offset_ns) {
    statistics_.offset_ns = offset_ns;
    smallest_offset_ns_ = std::min(smallest_offset_ns_, offset_ns);
    largest_offset_ns_ = std::max(largest_offset_ns_, offset_ns);
    statistics_.max_time_interval_error_ns = largest_offset_ns_ - smallest_offset_ns_;
}

}  // namespace tcqf::control
