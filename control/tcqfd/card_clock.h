// The clock of a network card that stamps what it receives, followed as the router's own is.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "control/clock.h"
#include "control/clock_servo.h"
#include "control/tcqfd/clock_keeper.h"
#include "control/time_source.h"
#include "dataplane/receive_stamps.h"

namespace tcqf::control {

/// Reads a card's counter between two readings of TAI.
class CardTimeSource : public TimeSource {
  public:
    CardTimeSource(std::function<std::uint64_t()> counter, std::function<std::int64_t()> tai_ns)
        : counter_(std::move(counter)), tai_ns_(std::move(tai_ns)) {}

    ClockSample sample() override;

  private:
    std::function<std::uint64_t()> counter_;
    std::function<std::int64_t()> tai_ns_;
};

/// What a card's stamps mean by the router's clock.
class CardClock : public dataplane::StampClock {
  public:
    /// Calibrates for a tenth of a second. `counter` is read from another thread from then on, and
    /// `router_clock` as well.
    CardClock(std::function<std::uint64_t()> counter, const SharedClock& router_clock);

    std::int64_t tai_ns(std::uint64_t stamp) const override { return keeper_.clock().at(stamp); }

  private:
    ClockKeeper keeper_;
};

}  // namespace tcqf::control
