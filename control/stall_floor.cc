#include "control/stall_floor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rte_cycles.h>

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

namespace tcqf::control {

namespace {

// A cycle of four times the largest stall loses at most a quarter of itself to one.
constexpr std::int64_t kCyclesPerStall = 4;

std::int64_t round_up(std::int64_t value_ns, std::int64_t step_ns) {
    return (value_ns + step_ns - 1) / step_ns * step_ns;
}

}  // namespace

void StallStatistics::add(std::int64_t gap_ns) {
    gap_ns = std::max<std::int64_t>(gap_ns, 0);
    ++by_bits_[static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(gap_ns)))];
    ++gaps_;
    largest_ns_ = std::max(largest_ns_, gap_ns);
}

std::int64_t StallStatistics::quantile_ns(std::uint64_t one_in) const {
    const std::uint64_t allowed = gaps_ / one_in;
    std::uint64_t beyond = 0;
    for (std::size_t bits = by_bits_.size(); bits-- > 0;) {
        beyond += by_bits_[bits];
        if (beyond > allowed) {
            return bits == 0 ? 0 : std::min(std::int64_t{1} << bits, largest_ns_);
        }
    }
    return 0;
}

StallAdvice advice_of(const StallStatistics& stalls) {
    return {.dead_time_ns = round_up(stalls.largest_ns(), 1000),
            .tx_guard_ns = stalls.quantile_ns(100'000),
            .shortest_cycle_ns = round_up(stalls.largest_ns() * kCyclesPerStall, 1000)};
}

namespace {

/// Nothing where every interface's dead time is long enough for how late this host is as a rule,
/// and for a slow port: 200 ppm, twice what IEEE 802.3 allows its oscillator.
std::string dead_time_warning(const config::Router& router, const config::Domain& domain,
                              std::int64_t lateness_ns) {
    const std::int64_t drift_ns = domain.cycle_time_ns() * 200 / 1'000'000;
    const std::int64_t needed_ns = std::max(lateness_ns, drift_ns);
    std::vector<std::string> short_ones;
    for (const config::DomainInterface& member : domain.interfaces) {
        if (member.dead_time_ns < needed_ns) {
            short_ones.push_back(router.interfaces[member.interface].name);
        }
    }
    return short_ones.empty()
               ? ""
               : fmt::format(
                     "domain {}: a full cycle does not end in time where it starts late, "
                     "as it does here by up to {} ns as a rule, or where a port is slow "
                     "({} ns at 200 ppm); a dead-time-ns of {} or more on {} would do",
                     domain.name, lateness_ns, drift_ns, needed_ns, fmt::join(short_ones, ", "));
}

}  // namespace

std::vector<std::string> stall_warnings(const config::Router& router,
                                        const StallStatistics& stalls) {
    const StallAdvice advice = advice_of(stalls);
    std::vector<std::string> warnings;
    for (const config::Domain& domain : router.domains) {
        const std::int64_t cycle_ns = domain.cycle_time_ns();
        if (cycle_ns >= advice.shortest_cycle_ns) {
            if (std::string warning = dead_time_warning(router, domain, advice.tx_guard_ns);
                !warning.empty()) {
                warnings.push_back(std::move(warning));
            }
            continue;
        }
        const std::string remedy =
            advice.dead_time_ns < cycle_ns
                ? fmt::format("a dead-time-ns of {} and a tx-guard-ns of {} keep full cycles whole",
                              advice.dead_time_ns, advice.tx_guard_ns)
                : "no dead time helps: isolate the core";
        warnings.push_back(fmt::format(
            "domain {}: cycles of {} us are shorter than this host allows: it stalled for up to {} "
            "us while measured, cycles of {} us or more would be safe; {}",
            domain.name, domain.cycle_time_us, round_up(stalls.largest_ns(), 1000) / 1000,
            advice.shortest_cycle_ns / 1000, remedy));
    }
    return warnings;
}

std::vector<std::string> guard_messages(const config::Router& router,
                                        const std::vector<std::int64_t>& guards_ns) {
    std::map<std::int64_t, std::vector<std::string>> names;
    for (const config::Domain& domain : router.domains) {
        for (const config::DomainInterface& member : domain.interfaces) {
            const config::Interface& interface = router.interfaces[member.interface];
            if (!interface.tx_guard_ns) {
                names[guards_ns[member.interface]].push_back(interface.name);
            }
        }
    }
    std::vector<std::string> messages;
    messages.reserve(names.size());
    for (const auto& [guard_ns, interfaces] : names) {
        messages.push_back(
            fmt::format("tx-guard-ns of {} is {}: measured at start, a quarter of a cycle at most",
                        fmt::join(interfaces, ", "), guard_ns));
    }
    return messages;
}

StallStatistics measure_stalls(std::int64_t duration_ns, double ticks_per_second) {
    StallStatistics stalls;
    const double ns_per_tick = 1e9 / ticks_per_second;
    const std::uint64_t start = rte_rdtsc();
    const auto duration =
        static_cast<std::uint64_t>(static_cast<double>(duration_ns) / ns_per_tick);
    std::uint64_t last = start;
    while (last - start < duration) {
        const std::uint64_t now = rte_rdtsc();
        const auto gap = static_cast<double>(static_cast<std::int64_t>(now - last));
        stalls.add(static_cast<std::int64_t>(gap * ns_per_tick));
        last = now;
    }
    return stalls;
}

}  // namespace tcqf::control
