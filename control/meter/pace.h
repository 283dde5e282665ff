// When the packets of a flow are due: exact, at any rate.
#pragma once

#include <algorithm>
#include <cstdint>

namespace tcqf::control::meter {

/// Bursts of `burst` packets, `interval_numerator / interval_denominator` ns apart; with `off_ns`
/// only during the first `on_ns` of each on_ns + off_ns.
struct Pace {
    std::int64_t interval_numerator = 1'000'000;
    std::int64_t interval_denominator = 1;
    std::int64_t burst = 1;
    std::int64_t on_ns = 0;
    std::int64_t off_ns = 0;

    /// A rate that counts what frames occupy of a wire; frames of `bits`.
    static Pace of_rate(std::int64_t bits, std::int64_t mbps) {
        return {.interval_numerator = bits * 1000, .interval_denominator = mbps};
    }

    /// Distance of packet `number` from the start, rounded down; at most 2^62, behind every end.
    std::int64_t due_ns(std::int64_t number) const {
        // Within seconds at a high rate the product has more than 64 bits.
        __extension__ using Wide = __int128;
        const Wide active_ns = Wide{number / burst} * interval_numerator / interval_denominator;
        const Wide due_ns =
            off_ns == 0 ? active_ns : active_ns / on_ns * (on_ns + off_ns) + active_ns % on_ns;
        return static_cast<std::int64_t>(std::min(due_ns, Wide{1} << 62));
    }
};

/// Follows a pace in real time. What is late by more than `tolerance_ns` is not caught up with:
/// everything after it is due later, so that a stalled sender does not offer a burst that its flow
/// never promised.
class PaceKeeper {
  public:
    PaceKeeper(const Pace& pace, std::int64_t start_ns, std::int64_t tolerance_ns)
        : pace_(pace), start_ns_(start_ns), tolerance_ns_(tolerance_ns) {}

    std::int64_t next_due_ns() const { return start_ns_ + shifted_ns_ + pace_.due_ns(sent_); }

    /// Number of packets that are due, at most `most`; they count as sent.
    std::int64_t take_due(std::int64_t now_ns, std::int64_t most) {
        shifted_ns_ += std::max<std::int64_t>(0, now_ns - next_due_ns() - tolerance_ns_);
        const std::int64_t before = sent_;
        while (sent_ - before < most && next_due_ns() <= now_ns) {
            ++sent_;
        }
        return sent_ - before;
    }

    std::int64_t sent() const { return sent_; }
    /// By how much everything is later than planned.
    std::int64_t shifted_ns() const { return shifted_ns_; }

  private:
    Pace pace_;
    std::int64_t start_ns_;
    std::int64_t tolerance_ns_;
    std::int64_t shifted_ns_ = 0;
    std::int64_t sent_ = 0;
};

}  // namespace tcqf::control::meter
