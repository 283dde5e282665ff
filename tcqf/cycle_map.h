// Cycle maps: which cycle of the outgoing interface a packet joins
// (draft-eckert-detnet-tcqf-10, 4.2).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "tcqf/cycle_clock.h"

namespace tcqf {

/// Distances, in cycles of the outgoing interface counted from the current one, at which a packet
/// may be queued: 1 <= min <= max <= 1024.
struct Window {
    std::uint16_t min = 1;
    std::uint16_t max = 1;

    constexpr std::uint32_t distances() const { return max - min + 1u; }
    constexpr bool operator==(const Window&) const = default;
};

inline constexpr std::uint16_t kMaxWindowDistance = 1024;

/// Map of one (iif, oif) pair together with its window.
class CycleMap {
  public:
    CycleMap() = default;

    /// `oif_cycle[i - 1]` is the identifier on the outgoing interface of identifier i on the
    /// incoming one; all of them in 1..cycles. The window holds at most `cycles` distances, so that
    /// at most one distance has a given identifier.
    CycleMap(std::span<const CycleId> oif_cycle, Window window, std::uint8_t cycles);

    /// What the map says while one cycle of the outgoing interface lasts: `first` is the position
    /// in the round of the nearest cycle in the window.
    class Instant {
      public:
        /// Distance to the cycle that a packet with incoming identifier `id` (1..C) joins. Returns
        /// 0 where no distance in the window has the mapped identifier: "outside-window".
        std::uint32_t distance(CycleId id) const {
            // Modulo the round: of the two the one that is not below zero, so not huge.
            const std::uint32_t ahead = map_->oif_index_[id] - first_;
            const std::uint32_t beyond = std::min(ahead, ahead + map_->cycles_);
            return beyond < distances_ ? min_ + beyond : 0;
        }

      private:
        friend class CycleMap;
        const CycleMap* map_ = nullptr;
        std::uint32_t first_ = 0;
        std::uint32_t min_ = 1;
        std::uint32_t distances_ = 0;
    };

    /// `current_index`: position in the round (0..C-1) of the outgoing interface's current cycle.
    Instant at(std::uint8_t current_index) const {
        Instant instant;
        const std::uint32_t first = current_index + min_index_;
        instant.map_ = this;
        instant.first_ = first >= cycles_ ? first - cycles_ : first;
        instant.min_ = window_.min;
        instant.distances_ = window_.distances();
        return instant;
    }

    /// at(current_index).distance(id).
    std::uint32_t distance(CycleId id, std::uint8_t current_index) const {
        return at(current_index).distance(id);
    }

    Window window() const { return window_; }
    std::uint8_t cycles() const { return cycles_; }
    CycleId oif_cycle(CycleId id) const { return static_cast<CycleId>(oif_index_[id] + 1); }

    /// Longest silence of a receive queue without timestamps after which the age of what waited in
    /// it can no longer be told from the tag: (C - distances) * T; with a window of all C distances
    /// the tag never tells, and one cycle is allowed.
    std::int64_t max_poll_gap_ns(std::int64_t cycle_time_ns) const {
        const std::int64_t spare = cycles_ - static_cast<std::int64_t>(window_.distances());
        return (spare > 0 ? spare : 1) * cycle_time_ns;
    }

  private:
    std::array<std::uint8_t, 256> oif_index_{};
    Window window_;
    std::uint8_t cycles_ = 1;
    std::uint8_t min_index_ = 0;
};

/// What a computed map is computed from (draft-eckert-detnet-tcqf-10, 6.3, with both of its errors
/// corrected). Latency runs from the upstream's release of a frame to its enqueueing here: the
/// minimum from the start of the smallest frame's wire occupancy, the maximum from the end of a
/// frame's.
struct LatencyRange {
    std::int64_t min_ns = 0;
    std::int64_t max_ns = 0;
    std::int64_t upstream_clock_offset_ns = 0;
    std::int64_t upstream_dead_time_ns = 0;       ///< taken off the maximum
    std::int64_t max_time_interval_error_ns = 0;  ///< widens both ends
};

/// Shift and window that result; the window is counted before any reduction modulo the round.
struct ComputedMap {
    std::int64_t shift = 0;  ///< A: map(i) = (i - 1 + A) mod C + 1
    std::int64_t window_min = 1;
    std::int64_t window_max = 1;

    constexpr std::int64_t distances() const { return window_max - window_min + 1; }
};

/// A = ceil(y(Dmax)) + 1 and window [1, A - floor(y(Dmin))], y(D) = (O_up + D - O_oif)/T; `oif` is
/// how the outgoing interface cuts time. Nothing overflows for any 64-bit input.
ComputedMap compute_map(const LatencyRange& latency, const CycleTiming& oif);

/// The map of identifier i under a shift A: (i - 1 + A) mod C + 1.
CycleId shifted_id(CycleId id, std::int64_t shift, std::uint8_t cycles);

}  // namespace tcqf
