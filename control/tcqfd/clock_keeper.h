// Keeps the workers' clock on its reference, on a thread of its own so that nothing else delays it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "control/clock.h"
#include "control/clock_servo.h"
#include "control/time_source.h"

namespace tcqf::control {

class ClockKeeper {
  public:
    /// Calibrates for a tenth of a second, then follows the source until destroyed. Throws
    /// std::runtime_error where time stands, or goes backwards, meanwhile.
    explicit ClockKeeper(std::unique_ptr<TimeSource> source);
    ~ClockKeeper();
    ClockKeeper(const ClockKeeper&) = delete;
    ClockKeeper& operator=(const ClockKeeper&) = delete;

    const SharedClock& clock() const { return clock_; }
    ServoStatistics statistics() const;

  private:
    void follow();

    std::unique_ptr<TimeSource> source_;
    SharedClock clock_;
    mutable std::mutex mutex_;  // of servo_
    std::unique_ptr<ClockServo> servo_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace tcqf::control
