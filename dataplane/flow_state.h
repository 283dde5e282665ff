// What outlives a flow's packets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "config/router.h"
#include "tcqf/ingress.h"
#include "tcqf/policer.h"

namespace tcqf::dataplane {

/// Of one worker alone, wherever packets come in and leave: a cache line, so that a packet of a
/// hundred thousand flows fetches one from memory.
struct alignas(64) FlowState {
    static constexpr std::size_t kArrivals = 5;
    static constexpr config::InterfaceIndex kNowhere = UINT16_MAX;

    /// Towards `oif`, where it is the same worker's. Others are in InterfaceState.
    FlowCursor cursor;
    /// That the policer remembers, as far as there is room for all.
    std::array<std::int64_t, kArrivals> arrivals_ns = no_arrivals();
    PolicerPosition position;
    config::InterfaceIndex oif = kNowhere;

  private:
    static constexpr std::array<std::int64_t, kArrivals> no_arrivals() {
        std::array<std::int64_t, kArrivals> arrivals_ns;
        arrivals_ns.fill(Policer::kNoArrival);
        return arrivals_ns;
    }
};
static_assert(sizeof(FlowState) == 64);

}  // namespace tcqf::dataplane
