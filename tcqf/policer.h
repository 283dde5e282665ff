// Policing of a flow against its traffic specification (RFC 9016, 5.5).
#pragma once

#include <algorithm>
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

/// Where in the memory of a flow's arrivals the oldest is.
struct PolicerPosition {
    std::uint8_t oldest = 0;
    std::uint8_t last = 0;  ///< of the memory, of the specification that it was begun with
};

/// What one flow may send, beside the last max_packets_per_interval arrivals that conformed.
///
/// A packet conforms if its payload is at most max_payload_octets and the packet that conformed
/// max_packets_per_interval packets before it arrived at least one interval earlier. Packets that
/// do not conform are not remembered.
///
/// Arrivals and position are the caller's, who has one policer for all flows of a specification.
class Policer {
  public:
    /// What arrivals are before there was one.
    static constexpr std::int64_t kNoArrival = std::numeric_limits<std::int64_t>::min();

    /// Of flows without specification: not to be asked.
    Policer() = default;
    explicit Policer(const TrafficSpecification& specification)
        : interval_ns_(specification.interval_ns),
          max_payload_octets_(specification.max_payload_octets),
          last_(static_cast<std::uint8_t>(specification.max_packets_per_interval - 1)) {}

    /// How many arrivals are remembered.
    std::uint16_t arrivals() const { return static_cast<std::uint16_t>(last_ + 1); }

    /// Which of them conforms() looks at next.
    std::uint8_t next(const PolicerPosition& position) const {
        return position.last == last_ ? position.oldest : std::uint8_t{0};
    }
    /// Whether a packet of this size conforms at any time.
    bool takes(std::uint32_t payload_octets) const { return payload_octets <= max_payload_octets_; }

    /// `arrivals_ns`: arrivals() of them, kNoArrival at first; with a position that a specification
    /// of other max_packets_per_interval left behind they are begun anew.
    bool conforms(std::int64_t* arrivals_ns, PolicerPosition& position, std::int64_t now_ns,
                  std::uint32_t payload_octets) const {
        if (!takes(payload_octets)) {
            return false;
        }
        if (position.last != last_) [[unlikely]] {
            begin(arrivals_ns, position);
        }
        std::int64_t& oldest_ns = arrivals_ns[position.oldest];
        // An arrival an interval or more in the future is left over from before the clock was set
        // back: it says nothing. A nearer one came first, through another queue.
        if (oldest_ns != kNoArrival && std::abs(now_ns - oldest_ns) < interval_ns_) {
            return false;
        }
        oldest_ns = now_ns;
        position.oldest = position.oldest == last_ ? std::uint8_t{0}
                                                   : static_cast<std::uint8_t>(position.oldest + 1);
        return true;
    }

  private:
    void begin(std::int64_t* arrivals_ns, PolicerPosition& position) const {
        std::fill_n(arrivals_ns, arrivals(), kNoArrival);
        position = {.oldest = 0, .last = last_};
    }

    std::int64_t interval_ns_ = 0;
    std::uint32_t max_payload_octets_ = 0;
    std::uint8_t last_ = 0;
};

}  // namespace tcqf
