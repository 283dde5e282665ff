#include "control/time_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <rte_cycles.h>
#include <sys/timex.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>

#include "control/second.h"

namespace tcqf::control {

namespace {

constexpr int kReadings = 9;

/// Clock of a character device (linux/posix-timers.h: the complement of the descriptor, type 3).
clockid_t clock_of_descriptor(int descriptor) {
    return static_cast<clockid_t>((~static_cast<unsigned>(descriptor) << 3) | 3U);
}

/// Reads a POSIX clock between two readings of the counter. The counter's rate is needed only to
/// put a number on the uncertainty: the nominal one does.
class PosixTimeSource : public TimeSource {
  public:
    explicit PosixTimeSource(clockid_t clock, std::int64_t shift_ns = 0)
        : clock_(clock), shift_ns_(shift_ns) {}

    ClockSample sample() override {
        ClockSample best{.uncertainty_ns = ClockSample::kUnknown};
        std::uint64_t narrowest = std::numeric_limits<std::uint64_t>::max();
        for (int i = 0; i < kReadings; ++i) {
            timespec time{};
            const std::uint64_t before = rte_rdtsc_precise();
            const bool is_read = clock_gettime(clock_, &time) == 0;
            const std::uint64_t width = rte_rdtsc_precise() - before;
            if (is_read && width < narrowest) {
                narrowest = width;
                best = {.ticks = before + width / 2,
                        .reference_ns = to_ns(time) + shift_ns_,
                        .uncertainty_ns = half_ns(width)};
            }
        }
        return best;
    }

  private:
    std::int64_t half_ns(std::uint64_t ticks) const {
        return static_cast<std::int64_t>(static_cast<Int128>(ticks) * kNsPerSecond /
                                         static_cast<Int128>(2 * nominal_hz_));
    }

    clockid_t clock_;
    std::int64_t shift_ns_;
    std::uint64_t nominal_hz_ = rte_get_tsc_hz() != 0 ? rte_get_tsc_hz() : 1'000'000'000;
};

class PhcTimeSource : public PosixTimeSource {
  public:
    explicit PhcTimeSource(int descriptor)
        : PosixTimeSource(clock_of_descriptor(descriptor)), descriptor_(descriptor) {}
    ~PhcTimeSource() override { close(descriptor_); }
    PhcTimeSource(const PhcTimeSource&) = delete;
    PhcTimeSource& operator=(const PhcTimeSource&) = delete;

  private:
    int descriptor_;
};

Failure cannot_open_phc(const std::string& device, int error) {
    return system_refused(
        fmt::format("clock/device: {}: {}; name a PTP hardware clock that exists and may be read, "
                    "or use source: system",
                    device, std::strerror(error)));
}

}  // namespace

std::unique_ptr<TimeSource> read_posix_clock(clockid_t clock, std::int64_t shift_ns) {
    return std::make_unique<PosixTimeSource>(clock, shift_ns);
}

Result<std::unique_ptr<TimeSource>> open_time_source(const config::Clock& clock) {
    switch (clock.source) {
        case config::ClockSource::system:
            return read_posix_clock(CLOCK_TAI);
        case config::ClockSource::free_running:
            // Nothing disciplines it: TAI as it is now, then the raw oscillator.
            return read_posix_clock(CLOCK_MONOTONIC_RAW,
                                    read_clock_ns(CLOCK_TAI) - read_clock_ns(CLOCK_MONOTONIC_RAW));
        case config::ClockSource::phc:
            break;
    }
    const int descriptor = open(clock.device.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return cannot_open_phc(clock.device, errno);
    }
    timespec time{};
    if (clock_gettime(clock_of_descriptor(descriptor), &time) != 0) {
        const int error = errno;
        close(descriptor);
        return cannot_open_phc(clock.device, error);
    }
    return std::unique_ptr<TimeSource>(new PhcTimeSource(descriptor));
}

std::vector<std::string> clock_warnings(const config::Clock& clock, const KernelClockState& state) {
    std::vector<std::string> warnings;
    if (clock.source == config::ClockSource::system && state.tai_offset_s == 0) {
        warnings.emplace_back(
            "the kernel's TAI offset is 0, so CLOCK_TAI is UTC and cycles lie 37 s from those of "
            "routers whose clock is right; let ptp4l/phc2sys or chrony (leapsectz right/UTC) set "
            "it");
    }
    if (clock.source == config::ClockSource::system && !state.synchronized) {
        warnings.emplace_back(
            "the system clock is not synchronized (adjtimex says STA_UNSYNC); cycles drift against "
            "the neighbours' unless ptp4l/phc2sys or chrony steers it");
    }
    if (state.phc_ns) {
        const std::int64_t difference_ns = *state.phc_ns - state.system_tai_ns;
        const std::int64_t seconds = (std::abs(difference_ns) + kNsPerSecond / 2) / kNsPerSecond;
        if (seconds != 0) {
            warnings.push_back(fmt::format(
                "the PTP hardware clock and CLOCK_TAI differ by {} s{}; cycles follow the hardware "
                "clock",
                difference_ns < 0 ? -seconds : seconds,
                seconds == 37 ? ": one of them is UTC instead of TAI" : ""));
        }
    }
    return warnings;
}

KernelClockState read_kernel_clock_state(const config::Clock& clock) {
    KernelClockState state;
    timex status{};
    const int result = adjtimex(&status);
    state.tai_offset_s = status.tai;
    state.synchronized = result >= 0 && result != TIME_ERROR && (status.status & STA_UNSYNC) == 0;
    state.system_tai_ns = read_clock_ns(CLOCK_TAI);
    if (clock.source == config::ClockSource::phc) {
        const int descriptor = open(clock.device.c_str(), O_RDONLY | O_CLOEXEC);
        if (descriptor >= 0) {
            state.phc_ns = read_clock_ns(clock_of_descriptor(descriptor));
            close(descriptor);
        }
    }
    return state;
}

}  // namespace tcqf::control
