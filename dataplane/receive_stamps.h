// Receive timestamps of a network card, as arrival times.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

struct rte_mbuf;

namespace tcqf::dataplane {

/// What time the clock of a network card means by its counter.
class StampClock {
  public:
    virtual ~StampClock() = default;
    virtual std::int64_t tai_ns(std::uint64_t stamp) const = 0;
};

/// Reads the timestamps that a driver leaves in packets (RTE_ETH_RX_OFFLOAD_TIMESTAMP).
class ReceiveStamps {
  public:
    /// Two clocks may differ by this much; a stamp that lies further ahead of now is none.
    static constexpr std::int64_t kToleranceNs = 50'000;

    /// Empty where packets have no room for timestamps.
    static std::optional<ReceiveStamps> find(const StampClock& clock);

    /// Writes when the packets of a burst arrived, in ascending order, none later than `now_ns`.
    /// False where one of them does not tell: drivers stamp some packets only, and a clock that
    /// was set says nothing for a moment.
    bool read(std::span<rte_mbuf* const> packets, std::int64_t now_ns,
              std::int64_t* arrivals_ns) const;

  private:
    explicit ReceiveStamps(const StampClock& clock) : clock_(&clock) {}

    const StampClock* clock_;
    int offset_ = -1;         // of the timestamp in a packet's metadata
    std::uint64_t flag_ = 0;  // of packets that have one
};

}  // namespace tcqf::dataplane
