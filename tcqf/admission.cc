#include "tcqf/admission.h"

#include <algorithm>
#include <cstddef>

#include "tcqf/cycle_clock.h"

namespace tcqf {

CycleDemand shifted(const CycleDemand& demand, std::int64_t shift) {
    CycleDemand result = demand;
    for (std::uint32_t& cycle : result.cycles) {
        cycle = static_cast<std::uint32_t>(
            floor_mod(cycle + floor_mod(shift, demand.period_cycles), demand.period_cycles));
    }
    return result;
}

std::int64_t wire_bits_of_csize(std::uint32_t cycle_size_bits, const PacketLimits& packets) {
    const auto wire_bits = [&](std::uint32_t octets) {
        return occupancy_bits(octets + packets.header_octets);
    };
    const std::uint32_t octets = cycle_size_bits / 8;
    const std::uint32_t count = std::min(octets / packets.smallest_octets, packets.max_packets);
    if (count == 0) {
        return 0;
    }
    // As many as can be, as each brings its overhead. What they leave of csize makes as few of them
    // larger as can be: padding counts only for the small.
    const std::uint32_t left = octets - count * packets.smallest_octets;
    const std::uint32_t room = packets.largest_octets - packets.smallest_octets;
    const std::uint32_t large = room == 0 ? 0 : std::min(left / room, count);
    std::int64_t bits = large * wire_bits(packets.largest_octets);
    if (large < count) {
        const std::uint32_t rest = room == 0 ? 0 : left - large * room;
        bits += wire_bits(packets.smallest_octets + rest) +
                (count - large - 1) * wire_bits(packets.smallest_octets);
    }
    return bits;
}

void LinkLoad::change(const CycleDemand& demand, std::int64_t sign) {
    const auto period = static_cast<std::uint32_t>(bits_.size());
    if (period % demand.period_cycles != 0) {
        for (std::int64_t& bits : bits_) {
            bits += sign * demand.bits;
        }
        return;
    }
    for (const std::uint32_t cycle : demand.cycles) {
        for (std::uint32_t i = cycle; i < period; i += demand.period_cycles) {
            bits_[i] += sign * demand.bits;
        }
    }
}

std::int64_t LinkLoad::peak_bits() const {
    return bits_.empty() ? 0 : *std::max_element(bits_.begin(), bits_.end());
}

std::int64_t LinkLoad::peak_bits_with(const CycleDemand& demand) const {
    LinkLoad with = *this;
    with.add(demand);
    return with.peak_bits();
}

std::size_t admit(const CycleDemand& demand, std::span<const AdmissionHop> path) {
    std::vector<CycleDemand> demands;
    CycleDemand here = demand;
    for (std::size_t i = 0; i < path.size(); ++i) {
        here = shifted(here, path[i].shift);
        if (path[i].load->peak_bits_with(here) > path[i].capacity_bits) {
            return i;
        }
        demands.push_back(here);
    }
    for (std::size_t i = 0; i < path.size(); ++i) {
        path[i].load->add(demands[i]);
    }
    return path.size();
}

}  // namespace tcqf
