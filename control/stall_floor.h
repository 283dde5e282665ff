// How long the host itself keeps a core from a spinning thread: the floor under every promise about
// time that software alone makes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "config/router.h"

namespace tcqf::control {

/// Distances between successive readings of a clock by a bare loop.
class StallStatistics {
  public:
    /// Adds one distance; below zero, where the second reading was earlier on its core, it is none.
    void add(std::int64_t gap_ns);

    std::uint64_t gaps() const { return gaps_; }
    std::int64_t largest_ns() const { return largest_ns_; }
    /// The distance that all but one in `one_in` stay within, rounded up to a power of two.
    std::int64_t quantile_ns(std::uint64_t one_in) const;

  private:
    std::array<std::uint64_t, 64> by_bits_{};  // gaps whose width is 0, 1, .. bits
    std::uint64_t gaps_ = 0;
    std::int64_t largest_ns_ = 0;
};

/// What follows from a floor for the configuration's times.
struct StallAdvice {
    std::int64_t dead_time_ns = 0;  ///< a full cycle that starts this late still ends in time
    std::int64_t tx_guard_ns = 0;   ///< how late a decision usually reaches the wire
    std::int64_t shortest_cycle_ns = 0;
};

StallAdvice advice_of(const StallStatistics& stalls);

/// One sentence for each domain whose cycles are shorter than the floor allows, and for each whose
/// dead times are shorter than what is usual.
std::vector<std::string> stall_warnings(const config::Router& router,
                                        const StallStatistics& stalls);

/// One sentence for each guard that holds where the configuration has none; `guards_ns` in the
/// order of the interfaces, those outside every domain are passed over.
std::vector<std::string> guard_messages(const config::Router& router,
                                        const std::vector<std::int64_t>& guards_ns);

/// Runs the bare loop on the calling thread. `ticks_per_second` is calibrated.
StallStatistics measure_stalls(std::int64_t duration_ns, double ticks_per_second);

}  // namespace tcqf::control
