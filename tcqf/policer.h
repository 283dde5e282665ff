// Policing of a flow against its traffic specification (RFC 9016, 5.5).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory_resource>
#include <vector>

namespace tcqf {

struct TrafficSpecification {
    std::int64_t interval_ns = 0;
    std::uint16_t max_packets_per_interval = 1;  ///< 1..256
    std::uint32_t max_payload_octets = 0;        ///< behind the IP header

    constexpr bool operator==(const TrafficSpecification&) const = default;
};

/// Remembers the last max_packets_per_interval conforming arrivals of one flow.
///
/// A packet conforms if its payload is at most max_payload_octets and the packet that conformed
/// max_packets_per_interval packets before it arrived at least one interval earlier. Packets that
/// do not conform are not remembered. In one cache line, but for the arrivals.
class alignas(64) Policer {
  public:
    /// `memory`: where the arrivals are kept.
    explicit Policer(const TrafficSpecification& specification,
                     std::pmr::memory_resource* memory = std::pmr::get_default_resource())
        : specification_(specification),
          arrivals_ns_(specification.max_packets_per_interval, kNoArrival, memory) {}

    bool conforms(std::int64_t now_ns, std::uint32_t payload_octets) {
        if (payload_octets > specification_.max_payload_octets) {
            return false;
        }
        std::int64_t& oldest_ns = arrivals_ns_[next_];
        // An arrival an interval or more in the future is left over from before the clock was set
        // back: it says nothing. A nearer one came first, through another queue.
        if (oldest_ns != kNoArrival && std::abs(now_ns - oldest_ns) < specification_.interval_ns) {
            return false;
        }
        oldest_ns = now_ns;
        next_ = next_ + 1u == arrivals_ns_.size() ? 0u : next_ + 1u;
        return true;
    }

    /// Asks for the memory that conforms() reads next: into the second level of the caches, as a
    /// burst of packets asks for more at once than the first one takes.
    [[gnu::always_inline]] void prefetch() const { __builtin_prefetch(&arrivals_ns_[next_], 0, 2); }

  private:
    static constexpr std::int64_t kNoArrival = std::numeric_limits<std::int64_t>::min();

    TrafficSpecification specification_;
    std::uint32_t next_ = 0;
    std::pmr::vector<std::int64_t> arrivals_ns_;
};

}  // namespace tcqf
