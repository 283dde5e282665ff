// Admission: the bits that flows may put into each cycle of each link of their paths
// (draft-eckert-detnet-tcqf-10, 6.4 and 6.5). A cycle that is admitted never overflows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "tcqf/cycle_clock.h"
#include "tcqf/wire.h"

namespace tcqf {

/// What a flow may send in each cycle of its period: `bits` of wire occupancy in those whose
/// absolute number modulo `period_cycles` is among `cycles`. As it stands: in every cycle.
struct CycleDemand {
    std::int64_t bits = 0;
    std::uint32_t period_cycles = 1;
    std::vector<std::uint32_t> cycles = {0};
};

/// The same one hop on, where cycle n has become n + shift.
CycleDemand shifted(const CycleDemand& demand, std::int64_t shift);

/// Packets that a flow may put into one cycle.
struct PacketLimits {
    std::uint32_t smallest_octets = 1;  ///< at layer 3
    std::uint32_t largest_octets = std::numeric_limits<std::uint32_t>::max();
    std::uint32_t max_packets = std::numeric_limits<std::uint32_t>::max();
    std::uint32_t header_octets = kEthernetOctets;  ///< of each: Ethernet and what is pushed
};

/// Most bits of wire occupancy that such packets can make of csize, which counts layer 3 bits: the
/// smaller they are, the more of them bring headers, padding and gaps. 0 where none fits.
std::int64_t wire_bits_of_csize(std::uint32_t cycle_size_bits, const PacketLimits& packets);

/// What is admitted on one link, cycle by cycle of a common period.
class LinkLoad {
  public:
    /// Demands whose period divides `period_cycles` are exact; any other is counted in every
    /// cycle, which is never too little.
    explicit LinkLoad(std::uint32_t period_cycles = 1) : bits_(period_cycles) {}

    void add(const CycleDemand& demand) { change(demand, 1); }
    void remove(const CycleDemand& demand) { change(demand, -1); }

    /// Bits of the fullest cycle.
    std::int64_t peak_bits() const;
    /// Bits of the fullest cycle were `demand` added.
    std::int64_t peak_bits_with(const CycleDemand& demand) const;
    std::span<const std::int64_t> bits() const { return bits_; }

  private:
    void change(const CycleDemand& demand, std::int64_t sign);

    std::vector<std::int64_t> bits_;
};

/// One hop of a path: the load of the link that is entered, what its cycle holds, and the shift
/// from the link before (0 on the first).
struct AdmissionHop {
    LinkLoad* load = nullptr;
    std::int64_t capacity_bits = 0;
    std::int64_t shift = 0;
};

/// Adds a flow to every link of its path, or to none where a cycle of one would overflow: returns
/// the position of the first such hop, or path.size() where the flow is admitted. Each link occurs
/// once in a path.
std::size_t admit(const CycleDemand& demand, std::span<const AdmissionHop> path);

}  // namespace tcqf
