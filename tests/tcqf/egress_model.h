// A slow, plain model of emission on one interface, to compare tcqf::Egress with.
//
// Time is exact: 128-bit counts of 1/rate ns since 1970. Packets lie in one list in order of
// arrival, and each decision looks at all of it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "tcqf/egress.h"
#include "tests/tcqf/egress_driver.h"
#include "tests/tcqf/random.h"

namespace tcqf::test {

class EgressModel {
  public:
    explicit EgressModel(const EgressConfig& config) : config_(config) {}

    Refusal tcqf(std::int64_t now_ns, CycleNumber cycle, int packet, std::uint32_t octets,
                 std::uint32_t share) {
        drop_overdue(now_ns);
        const Wide capacity =
            Wide{config_.timing->cycle_time_ns - config_.dead_time_ns} * config_.rate.mbps;
        if (occupancy(octets) > capacity) {
            return Refusal::frame_too_large;
        }
        if (cycle < cycle_at(Wide{now_ns} * config_.rate.mbps)) {
            return Refusal::cycle_overrun;
        }
        Wide limit = capacity;
        for (const Share& reserved : config_.shares) {
            limit -= reserved.cycle_units;
        }
        Wide used_by_all = 0;
        for (std::uint32_t each = 0; each <= config_.shares.size(); ++each) {
            used_by_all += used_[{static_cast<std::int64_t>(cycle), each}];
        }
        if (used_by_all + occupancy(octets) > capacity) {
            return Refusal::cycle_full;
        }
        if (share != 0) {
            limit = config_.shares[share - 1].cycle_units;
        }
        Wide& used = used_[{static_cast<std::int64_t>(cycle), share}];
        if (used + occupancy(octets) > limit) {
            return share == 0 ? Refusal::cycle_full : Refusal::nrp_quota;
        }
        used += occupancy(octets);
        waiting_.push_back({kTcqf, 0, packet, octets, cycle});
        return Refusal::none;
    }

    Refusal other(std::int64_t now_ns, TrafficClass traffic_class, int packet, std::uint32_t octets,
                  std::uint32_t share) {
        drop_overdue(now_ns);
        if (config_.timing &&
            occupancy(octets) >
                Wide{config_.timing->cycle_time_ns - config_.tx_guard_ns} * config_.rate.mbps) {
            return Refusal::frame_too_large;
        }
        if (traffic_class != TrafficClass::best_effort || share == 0 ||
            config_.shares[share - 1].rate_mbps == 0) {
            share = 0;
        }
        const int rank = 1 + static_cast<int>(traffic_class);
        if (count(rank, share) >= config_.queue_limit_packets) {
            return Refusal::queue_full;
        }
        if (rank == kBestEffort && count(rank, share) == 0) {
            round_.push_back(share);
            deficit_[share] = 0;
        }
        waiting_.push_back({rank, share, packet, octets, 0});
        return Refusal::none;
    }

    /// A worker's call at `now_ns`: decides on what starts before now + max(lookahead, 1).
    void call(std::int64_t now_ns, std::int64_t lookahead_ns) {
        drop_overdue(now_ns);
        const Wide now = Wide{now_ns} * config_.rate.mbps;
        const Wide end = now + Wide{std::max<std::int64_t>(lookahead_ns, 1)} * config_.rate.mbps;
        for (;;) {
            const Wide start = std::max(now, free_);
            if (start >= end) {
                return;
            }
            const std::optional<std::size_t> chosen = choose(start, now);
            if (!chosen) {
                return;
            }
            const Entry entry = waiting_[*chosen];
            waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(*chosen));
            sent.push_back({entry.packet, start});
            free_ = start + occupancy(entry.octets);
            if (entry.rank == kBestEffort) {
                deficit_[entry.share] -= occupancy(entry.octets);
                if (count(kBestEffort, entry.share) == 0) {
                    round_.pop_front();
                    turn_began_ = false;
                }
            }
        }
    }

    bool idle() const { return waiting_.empty(); }

    /// The next instant after `now_ns` at which a decision can be due: every boundary, and the
    /// whole nanosecond in which the wire becomes free.
    std::int64_t next_instant(std::int64_t now_ns) const {
        std::int64_t next = std::numeric_limits<std::int64_t>::max();
        if (config_.timing) {
            const Wide cycle = cycle_at(Wide{now_ns} * config_.rate.mbps);
            next = static_cast<std::int64_t>(config_.timing->offset_ns +
                                             (cycle + 1) * config_.timing->cycle_time_ns);
        }
        const auto free_ns = static_cast<std::int64_t>(floor_by_trial(free_, config_.rate.mbps));
        return free_ns > now_ns ? std::min(next, free_ns) : next;
    }

    std::vector<Sent> sent;
    std::vector<int> dropped;

  private:
    static constexpr int kTcqf = 0;
    static constexpr int kBestEffort = 3;

    struct Entry {
        int rank;
        std::uint32_t share;
        int packet;
        std::uint32_t octets;
        CycleNumber cycle;
    };

    static Wide occupancy(std::uint32_t octets) {
        return Wide{octets < 60 ? 60 + 24 : octets + 24} * 8 * 1000;
    }

    Wide cycle_at(Wide instant) const {
        return floor_by_trial(instant - Wide{config_.timing->offset_ns} * config_.rate.mbps,
                              Wide{config_.timing->cycle_time_ns} * config_.rate.mbps);
    }

    std::size_t count(int rank, std::uint32_t share) const {
        std::size_t sum = 0;
        for (const Entry& entry : waiting_) {
            sum += entry.rank == rank && entry.share == share;
        }
        return sum;
    }

    std::optional<std::size_t> first(const std::function<bool(const Entry&)>& wanted) const {
        for (std::size_t i = 0; i < waiting_.size(); ++i) {
            if (wanted(waiting_[i])) {
                return i;
            }
        }
        return std::nullopt;
    }

    void drop_overdue(std::int64_t now_ns) {
        if (!config_.timing) {
            return;
        }
        const Wide cycle = cycle_at(Wide{now_ns} * config_.rate.mbps);
        while (const auto late = first([&](const Entry& entry) {
                   return entry.rank == kTcqf && entry.cycle < cycle;
               })) {
            drop(*late);
        }
    }

    void drop(std::size_t index) {
        dropped.push_back(waiting_[index].packet);
        waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(index));
    }

    /// What starts at `start`, which lies in or after the cycle of `now`.
    std::optional<std::size_t> choose(Wide start, Wide now) {
        if (!config_.timing) {
            return choose_other([](const Entry&) { return true; });
        }
        const Wide cycle = cycle_at(now);
        const Wide boundary =
            (Wide{config_.timing->offset_ns} + (cycle + 1) * config_.timing->cycle_time_ns) *
            config_.rate.mbps;
        const auto fits = [&](const Entry& entry) {
            const std::int64_t guard_ns = entry.rank == kTcqf
                                              ? std::min(config_.tx_guard_ns, config_.dead_time_ns)
                                              : config_.tx_guard_ns;
            return start + occupancy(entry.octets) <= boundary - Wide{guard_ns} * config_.rate.mbps;
        };
        while (const auto head = first([&](const Entry& entry) {
                   return entry.rank == kTcqf && entry.cycle == cycle;
               })) {
            if (fits(waiting_[*head])) {
                return head;
            }
            drop(*head);
        }
        return choose_other(fits);
    }

    std::optional<std::size_t> choose_other(const std::function<bool(const Entry&)>& fits) {
        for (int rank = 1; rank < kBestEffort; ++rank) {
            if (const auto head = first([&](const Entry& entry) { return entry.rank == rank; })) {
                return fits(waiting_[*head]) ? head : std::nullopt;
            }
        }
        while (!round_.empty()) {
            const std::uint32_t share = round_.front();
            if (!turn_began_) {
                deficit_[share] += quantum(share);
                turn_began_ = true;
            }
            const auto head = first([&](const Entry& entry) {
                return entry.rank == kBestEffort && entry.share == share;
            });
            if (!several_queues() || occupancy(waiting_[*head].octets) <= deficit_[share]) {
                return fits(waiting_[*head]) ? head : std::nullopt;
            }
            round_.pop_front();
            round_.push_back(share);
            turn_began_ = false;
        }
        return std::nullopt;
    }

    bool several_queues() const { return smallest_rate() != 0; }

    std::uint32_t smallest_rate() const {
        std::uint32_t smallest = 0;
        for (const Share& share : config_.shares) {
            if (share.rate_mbps != 0 && (smallest == 0 || share.rate_mbps < smallest)) {
                smallest = share.rate_mbps;
            }
        }
        return smallest;
    }

    Wide quantum(std::uint32_t share) const {
        const Wide smallest = occupancy(config_.mtu_frame_octets);
        return share == 0 || !several_queues()
                   ? smallest
                   : smallest * config_.shares[share - 1].rate_mbps / smallest_rate();
    }

    EgressConfig config_;
    std::vector<Entry> waiting_;
    Wide free_ = 0;
    std::map<std::pair<std::int64_t, std::uint32_t>, Wide> used_;
    std::deque<std::uint32_t> round_;
    std::map<std::uint32_t, Wide> deficit_;
    bool turn_began_ = false;
};

}  // namespace tcqf::test
