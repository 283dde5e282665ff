#include "control/tcqfd/clock_keeper.h"

#include <chrono>

namespace tcqf::control {

namespace {

constexpr std::chrono::milliseconds kCalibration{100};
constexpr std::chrono::milliseconds kInterval{10};

}  // namespace

ClockKeeper::ClockKeeper(std::unique_ptr<TimeSource> source) : source_(std::move(source)) {
    const ClockSample first = source_->sample();
    std::this_thread::sleep_for(kCalibration);
    servo_ = std::make_unique<ClockServo>(first, source_->sample());
    clock_.publish(servo_->snapshot());
    thread_ = std::thread([this] { follow(); });
}

ClockKeeper::~ClockKeeper() {
    stopping_.store(true, std::memory_order_relaxed);
    thread_.join();
}

ServoStatistics ClockKeeper::statistics() const {
    const std::lock_guard lock(mutex_);
    return servo_->statistics();
}

void ClockKeeper::follow() {
    while (!stopping_.load(std::memory_order_relaxed)) {
        std::this_thread::sleep_for(kInterval);
        const ClockSample sample = source_->sample();
        const std::lock_guard lock(mutex_);
        servo_->add(sample);
        clock_.publish(servo_->snapshot());
    }
}

}  // namespace tcqf::control
