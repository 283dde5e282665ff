#include "control/tcqfd/clock_keeper.h"

#include <chrono>
#include <stdexcept>

namespace tcqf::control {

namespace {

constexpr std::chrono::milliseconds kCalibration{100};
constexpr std::chrono::milliseconds kInterval{10};

}  // namespace

ClockKeeper::ClockKeeper(std::unique_ptr<TimeSource> source) : source_(std::move(source)) {
    const ClockSample first = source_->sample();
    std::this_thread::sleep_for(kCalibration);
    const ClockSample second = source_->sample();
    if (second.ticks <= first.ticks || second.reference_ns <= first.reference_ns) {
        throw std::runtime_error(
            "the reference clock or the counter beside it does not go forwards");
    }
    servo_ = std::make_unique<ClockServo>(first, second);
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
