// Where time comes from: the readings themselves, behind an interface that tests replace.
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/router.h"
#include "control/clock_servo.h"
#include "dataplane/result.h"

namespace tcqf::control {

/// A clock of the system: reads the processor's counter and a reference together.
class TimeSource {
  public:
    virtual ~TimeSource() = default;
    /// The narrowest of several readings.
    virtual ClockSample sample() = 0;
};

/// The reference that the configuration asks for. Fails where a PHC cannot be opened.
Result<std::unique_ptr<TimeSource>> open_time_source(const config::Clock& clock);

/// Any clock of POSIX, with its time shifted. Samples have ClockSample::kUnknown for their
/// uncertainty where it cannot be read: a PHC may go away.
std::unique_ptr<TimeSource> read_posix_clock(clockid_t clock, std::int64_t shift_ns = 0);

/// What the kernel says about its own clock.
struct KernelClockState {
    int tai_offset_s = 0;  ///< 0: nobody told the kernel, CLOCK_TAI is UTC
    bool synchronized = false;
    std::int64_t system_tai_ns = 0;
    std::optional<std::int64_t> phc_ns = {};  ///< read at the same time, where a PHC is the source
};

/// One sentence for each thing about the clocks that would put cycles elsewhere than the
/// neighbours'.
std::vector<std::string> clock_warnings(const config::Clock& clock, const KernelClockState& state);

/// Reads the state for clock_warnings.
KernelClockState read_kernel_clock_state(const config::Clock& clock);

}  // namespace tcqf::control
