// Policing of a flow against its traffic specification (RFC 9016, 5.5).
#pragma once

#include <compare>
#include <cstdint>
#include <cstdlib>
#include <limits>

namespace tcqf {

struct TrafficSpecification {
    std::int64_t interval_ns = 0;
    std::uint16_t max_packets_per_interval = 1;  ///< 1..256
    std::uint32_t max_payload_octets = 0;        ///< behind the IP header

    constexpr auto operator<=>(const TrafficSpecification&) const = default;
};

/// What one flow may send, beside the last max_packets_per_interval arrivals that conformed.
///
/// A packet conforms if its payload is at most max_payload_octets and the packet that conformed
/// max_packets_per_interval packets before it arrived at least one interval earlier. Packets that
/// do not conform are not remembered.
///
/// Arrivals and the position of the oldest of them are the caller's. Positions of many flows then
/// lie side by side and stay in the caches, so that what a packet fetches from memory is one
/// arrival.
class Policer {
  public:
    using Position = std::uint8_t;
    /// What arrivals are before there was one.
    static constexpr std::int64_t kNoArrival = std::numeric_limits<std::int64_t>::min();

    /// Of flows without specification: not to be asked.
    Policer() = default;
    explicit Policer(const TrafficSpecification& specification)
        : interval_ns_(specification.interval_ns),
          max_payload_octets_(specification.max_payload_octets),
          last_(static_cast<Position>(specification.max_packets_per_interval - 1)) {}

    /// Whether a packet of this size conforms at any time.
    bool takes(std::uint32_t payload_octets) const { return payload_octets <= max_payload_octets_; }

    /// `arrivals_ns`: max_packets_per_interval of them. `oldest`: 0 at first; one that another
    /// specification of the flow left behind will do.
    bool conforms(std::int64_t* arrivals_ns, Position& oldest, std::int64_t now_ns,
                  std::uint32_t payload_octets) const {
        if (!takes(payload_octets)) {
            return false;
        }
        const Position at = within(oldest);
        std::int64_t& oldest_ns = arrivals_ns[at];
        // An arrival an interval or more in the future is left over from before the clock was set
        // back: it says nothing. A nearer one came first, through another queue.
        if (oldest_ns != kNoArrival && std::abs(now_ns - oldest_ns) < interval_ns_) {
            return false;
        }
        oldest_ns = now_ns;
        oldest = at == last_ ? Position{0} : static_cast<Position>(at + 1);
        return true;
    }

    /// Asks for the memory that conforms() reads next: into the second level of the caches, as a
    /// burst of packets asks for more at once than the first one takes.
    [[gnu::always_inline]] void prefetch(const std::int64_t* arrivals_ns, Position oldest) const {
        __builtin_prefetch(&arrivals_ns[within(oldest)], 0, 2);
    }

  private:
    Position within(Position position) const { return position <= last_ ? position : Position{0}; }

    std::int64_t interval_ns_ = 0;
    std::uint32_t max_payload_octets_ = 0;
    Position last_ = 0;
};

}  // namespace tcqf
