// Wire arithmetic: how long a frame occupies a link, exact to the bit.
//
// A frame occupies the wire for max(length, 60) + 24 bytes (padding, preamble, FCS, gap). At r
// Mbit/s a bit lasts 1000/r ns, which is no whole number of nanoseconds; so durations are counted
// in wire units of 1/r ns: a nanosecond is r units, a bit is 1000 units at every rate. 64 bits hold
// 3 hours at 800 Gbit/s, and every instant here is relative to a base of at most a second ago.
#pragma once

#include <algorithm>
#include <cstdint>

#include "tcqf/cycle_clock.h"

namespace tcqf {

/// A duration or instant on a link in units of 1/rate ns.
using WireUnits = std::int64_t;

// Lengths of headers, here for all who reckon with them.
inline constexpr std::uint32_t kEthernetOctets = 14;
inline constexpr std::uint32_t kIpv4Octets = 20;  ///< without options
inline constexpr std::uint32_t kIpv6Octets = 40;
inline constexpr std::uint32_t kLeastMtu = 68;  ///< that every link has (RFC 791, 3.2)

inline constexpr std::uint32_t kFcsOctets = 4;
inline constexpr std::uint32_t kMinFrameOctets = 60;                    ///< without FCS
inline constexpr std::uint32_t kFrameOverheadOctets = kFcsOctets + 20;  ///< preamble 8, gap 12
inline constexpr WireUnits kUnitsPerBit = 1000;

/// Bits of wire occupancy of a frame of `octets` bytes (Ethernet header to payload, without FCS).
constexpr std::int64_t occupancy_bits(std::uint32_t octets) {
    return (std::int64_t{std::max(octets, kMinFrameOctets)} + kFrameOverheadOctets) * 8;
}

constexpr WireUnits occupancy_units(std::uint32_t octets) {
    return occupancy_bits(octets) * kUnitsPerBit;
}

/// Rate of a link, 1 Mbit/s to 800 Gbit/s.
struct LinkRate {
    std::uint32_t mbps = 10'000;

    constexpr WireUnits from_ns(std::int64_t ns) const { return ns * mbps; }
    /// Rounded down: only for writing a time out, never for comparing.
    constexpr std::int64_t to_ns(WireUnits units) const { return floor_div(units, mbps); }

    constexpr bool operator==(const LinkRate&) const = default;
};

/// What a cycle can carry: link-rate * (T - dead time), in wire units.
constexpr WireUnits cycle_capacity(LinkRate rate, std::int64_t cycle_time_ns,
                                   std::int64_t dead_time_ns) {
    return rate.from_ns(cycle_time_ns - dead_time_ns);
}

}  // namespace tcqf
