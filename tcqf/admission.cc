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

std::int64_t wire_bits_of_csize(std::uint32_t cycle_size_bits, std::uint32_t smallest_octets,
                                std::uint32_t header_octets, std::uint32_t max_packets) {
    const std::uint32_t smallest = std::max(smallest_octets, 1u);
    const std::uint32_t octets = cycle_size_bits / 8;
    std::uint32_t packets = octets / smallest;
    packets = max_packets == 0 ? packets : std::min(packets, max_packets);
    if (packets == 0) {
        return 0;
    }
    // All but one as small as can be: each further packet brings its overhead, and padding counts
    // only for the small.
    const std::uint32_t rest = octets - (packets - 1) * smallest;
    return (packets - 1) * occupancy_bits(smallest + header_octets) +
           occupancy_bits(rest + header_octets);
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
