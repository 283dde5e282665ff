// The receiver's own check: did a packet leave its last router within the cycle that its tag names?
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "config/router.h"
#include "control/meter/probe.h"
#include "tcqf/cycle_clock.h"
#include "tcqf/tag_table.h"

namespace tcqf::control::meter {

/// How far outside a cycle something happened: both 0 within it.
struct CycleDistance {
    std::int64_t early_ns = 0;
    std::int64_t late_ns = 0;
};

/// Distance of `time_ns` from the nearest cycle with identifier `id`; where two are equally near,
/// from the one before.
constexpr CycleDistance distance_from_cycle(const CycleTiming& timing, CycleId id,
                                            std::int64_t time_ns) {
    const std::int64_t start_ns = timing.start_ns(id - 1);
    const std::int64_t phase_ns = floor_mod(time_ns - start_ns, timing.round_ns());
    if (phase_ns < timing.cycle_time_ns) {
        return {};
    }
    const std::int64_t late_ns = phase_ns - timing.cycle_time_ns + 1;
    const std::int64_t early_ns = timing.round_ns() - phase_ns;
    return late_ns <= early_ns ? CycleDistance{.late_ns = late_ns}
                               : CycleDistance{.early_ns = early_ns};
}

/// What the last router's interface says about its cycles and tags.
class CycleCheck {
  public:
    CycleCheck(const config::Domain& domain, const config::DomainInterface& interface)
        : timing_(domain.timing_of(interface)),
          tags_(interface.tagging, interface.tags),
          option_header_(interface.option_header) {}

    const CycleTiming& timing() const { return timing_; }

    /// The cycle that a packet's tag names; 0 where it has no tag, or an unknown one.
    CycleId cycle_of(const ProbeMarks& marks) const {
        const std::optional<std::uint8_t> tag = tag_of(marks);
        return tag ? tags_.cycle_of(*tag) : CycleId{0};
    }

  private:
    std::optional<std::uint8_t> tag_of(const ProbeMarks& marks) const {
        switch (tags_.tagging()) {
            case Tagging::mpls_tc:
                return marks.traffic_class;
            case Tagging::dscp:
                return marks.dscp;
            case Tagging::ipv6_option:
                return option_header_ == config::OptionHeader::hop_by_hop ? marks.hop_by_hop_cycle
                                                                          : marks.destination_cycle;
            case Tagging::none:
                break;
        }
        return std::nullopt;
    }

    CycleTiming timing_;
    TagTable tags_;
    config::OptionHeader option_header_;
};

}  // namespace tcqf::control::meter
