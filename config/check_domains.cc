// Checks of TCQF domains: tables against the domain, windows, computed maps.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "config/check_context.h"
#include "tcqf/wire.h"

namespace tcqf::config {
namespace {

std::string_view kind_name(Tagging tagging) {
    return tagging == Tagging::mpls_tc ? "mpls-tc"
           : tagging == Tagging::dscp  ? "dscp"
                                       : "ipv6-option";
}

/// Most cycles that the interfaces of a domain allow.
unsigned most_cycles(const Domain& domain) {
    unsigned most = 255;
    for (const DomainInterface& interface : domain.interfaces) {
        most = interface.tagging == Tagging::mpls_tc ? std::min(most, 7u)
               : interface.tagging == Tagging::dscp  ? std::min(most, 16u)
                                                     : most;
    }
    return most;
}

class DomainChecker {
  public:
    explicit DomainChecker(CheckContext& context) : context_(context) {}

    void check(const Cursor& entry, Domain& domain) {
        for_each_pair(entry["interfaces"], domain.interfaces,
                      [&](const Cursor& child, DomainInterface& interface) {
                          check_member(child, domain, interface);
                          check_tags(child, interface);
                          check_egress_marks(entry, child, domain, interface);
                          check_mtu(entry, child, domain, interface);
                          check_guard(entry, child, domain, interface);
                      });
        for_each_pair(entry["cycle-maps"], domain.cycle_maps,
                      [&](const Cursor& child, CycleMapEntry& map) {
                          check_members_of_map(child, domain, map);
                          if (child["map"]) {
                              check_explicit_map(entry, child, domain, map);
                          } else {
                              compute(entry, child, domain, map);
                          }
                      });
    }

  private:
    /// An interface is in one domain.
    void check_member(const Cursor& child, const Domain& domain, const DomainInterface& interface) {
        if (!context_.is_given(child, "name")) {
            return;
        }
        const auto [entry, is_new] = domains_.try_emplace(interface.interface, &domain);
        if (!is_new && entry->second != &domain) {
            context_.report.conflict(
                child["name"].node(),
                fmt::format("{} is in domain '{}' already: an interface is in one domain",
                            context_.name_of(interface.interface), entry->second->name));
        }
    }

    void check_tags(const Cursor& child, const DomainInterface& interface) {
        if (!context_.is_given(child, "tagging")) {
            return;
        }
        if (interface.tagging != Tagging::ipv6_option && child["option-header"]) {
            context_.report.conflict(
                child["option-header"].node(),
                fmt::format("counts only with tagging ipv6-option, here it is {}: remove it",
                            kind_name(interface.tagging)));
        }
        if (interface.tagging != Tagging::dscp || !context_.are_right(child, {"tags"})) {
            return;
        }
        std::vector<unsigned> outside;
        std::copy_if(interface.tags.begin(), interface.tags.end(), std::back_inserter(outside),
                     [](unsigned tag) { return (tag & 3) != 3; });
        if (!outside.empty()) {
            context_.report.warning(
                child["tags"].node(),
                fmt::format(
                    "{} {} outside the pool xxxx11 for local use (draft 4.4): 3, 7, 11, 15, "
                    "... 63 belong to it",
                    fmt::join(outside, ", "), outside.size() == 1 ? "is" : "are"));
        }
    }

    /// A packet that leaves the domain must not look like one that is in it.
    void check_egress_marks(const Cursor& entry, const Cursor& child, const Domain& domain,
                            const DomainInterface& interface) {
        const bool is_tc = interface.tagging == Tagging::mpls_tc;
        if (interface.tagging == Tagging::ipv6_option) {
            return;
        }
        const std::string_view mark_name = is_tc ? "egress-tc" : "egress-dscp";
        if (!context_.are_right(entry, {mark_name}) || !context_.is_given(child, "name") ||
            !context_.are_right(child, {"tagging", "tags"})) {
            return;
        }
        const std::uint8_t mark = is_tc ? domain.egress_tc : domain.egress_dscp;
        const auto found = std::find(interface.tags.begin(), interface.tags.end(), mark);
        if (found == interface.tags.end()) {
            return;
        }
        context_.report.conflict(
            entry[mark_name] ? entry[mark_name].node() : child["tags"].node(),
            fmt::format(
                "{} {} is the tag of cycle {} on {}: packets that leave the domain need a {} "
                "that no interface of it uses as a tag",
                mark_name, mark, found - interface.tags.begin() + 1,
                context_.name_of(interface.interface), is_tc ? "TC" : "DSCP"));
    }

    /// Warns where the interface lets frames pass that no cycle could take.
    void check_mtu(const Cursor& entry, const Cursor& child, const Domain& domain,
                   const DomainInterface& interface) {
        if (!context_.is_given(entry, "cycle-time-us") || !context_.are_right(entry, {"cycles"}) ||
            !context_.is_given(child, "name") || !context_.are_right(child, {"dead-time-ns"}) ||
            !context_.is_right(interface.interface, {"mtu", "link-rate-mbps"})) {
            return;
        }
        const Interface& link = context_.router.interfaces[interface.interface];
        const std::int64_t cycle_ns = domain.cycle_time_ns();
        const WireUnits capacity =
            cycle_capacity({link.link_rate_mbps}, cycle_ns, interface.dead_time_ns);
        const std::uint32_t frame = link.mtu + kEthernetOctets;
        if (occupancy_units(frame) <= capacity) {
            return;
        }
        const std::int64_t largest = capacity / kUnitsPerBit / 8 - kFrameOverheadOctets;
        context_.report.warning(
            child.node(),
            fmt::format(
                "a cycle of {} carries {} bits, a packet of its mtu {} needs {}: TCQF packets "
                "larger than {} octets are dropped, mtu-exceeded; a smaller mtu, a longer "
                "cycle or a smaller dead-time-ns would do",
                link.name, capacity / kUnitsPerBit, link.mtu, occupancy_bits(frame),
                std::max<std::int64_t>(largest - kEthernetOctets, 0)));
    }

    /// A guard leaves the cycle something, and the dead time has room for it.
    void check_guard(const Cursor& entry, const Cursor& child, const Domain& domain,
                     const DomainInterface& interface) {
        if (!context_.is_given(entry, "cycle-time-us") || !context_.is_given(child, "name") ||
            !context_.are_right(child, {"dead-time-ns"}) ||
            !context_.is_right(interface.interface, {"tx-guard-ns", "mtu", "link-rate-mbps"})) {
            return;
        }
        const Interface& link = context_.router.interfaces[interface.interface];
        const std::int64_t guard_ns = link.tx_guard_ns.value_or(0);
        const std::int64_t cycle_ns = domain.cycle_time_ns();
        const LinkRate rate{link.link_rate_mbps};
        const std::int64_t largest_ns =
            ceil_div(occupancy_units(link.mtu + kEthernetOctets), rate.mbps);
        if (guard_ns >= cycle_ns) {
            context_.report.conflict(
                child.node(),
                fmt::format("tx-guard-ns {} of {} leaves nothing of a cycle of {} us: lower it",
                            guard_ns, link.name, domain.cycle_time_us));
            return;
        }
        if (guard_ns > 0 && largest_ns <= cycle_ns && largest_ns > cycle_ns - guard_ns) {
            context_.report.warning(
                child.node(),
                fmt::format("a packet of the mtu {} of {} occupies the wire for {} ns, a cycle of "
                            "{} us less tx-guard-ns {} has {}: best effort of that size is "
                            "dropped, mtu-exceeded; a tx-guard-ns of at most {}, a smaller mtu or "
                            "a longer cycle would do",
                            link.mtu, link.name, largest_ns, domain.cycle_time_us, guard_ns,
                            cycle_ns - guard_ns, cycle_ns - largest_ns));
        }
        if (guard_ns > interface.dead_time_ns) {
            context_.report.warning(
                child.node(),
                fmt::format("tx-guard-ns {} of {} is more than its dead-time-ns {}: the end of a "
                            "full cycle is handed over without that guard; a dead-time-ns of {} "
                            "or more would do",
                            guard_ns, link.name, interface.dead_time_ns, guard_ns));
        }
    }

    const DomainInterface* member(const Domain& domain, InterfaceIndex interface) const {
        for (const DomainInterface& candidate : domain.interfaces) {
            if (candidate.interface == interface) {
                return &candidate;
            }
        }
        return nullptr;
    }

    void check_members_of_map(const Cursor& child, const Domain& domain, const CycleMapEntry& map) {
        for (const auto& [name, interface] :
             {std::pair("iif", map.iif), std::pair("oif", map.oif)}) {
            if (!context_.is_given(child, name) || member(domain, interface) != nullptr) {
                continue;
            }
            context_.report.warning(
                child[name].node(),
                fmt::format("{} is no interface of domain '{}': the map is never used; add the "
                            "interface to the domain or remove the map",
                            context_.name_of(interface), domain.name));
        }
    }

    void check_explicit_map(const Cursor& entry, const Cursor& child, const Domain& domain,
                            const CycleMapEntry& map) {
        for (std::size_t i = 0; i < map.map.size() && context_.are_right(child, {"map"}); ++i) {
            const auto first = std::find(map.map.begin(), map.map.end(), map.map[i]);
            const auto earlier = static_cast<std::size_t>(first - map.map.begin());
            if (earlier < i) {
                context_.report.warning(
                    child["map"].node(),
                    fmt::format("cycles {} and {} both become cycle {}: what arrives in two cycles "
                                "then shares one",
                                earlier + 1, i + 1, map.map[i]));
                break;
            }
        }
        check_window(entry, child, domain, map.window);
    }

    void check_window(const Cursor& entry, const Cursor& child, const Domain& domain,
                      const Window& window) {
        if (!context_.is_given(child, "window") || !context_.is_given(entry, "cycles")) {
            return;
        }
        if (window.min > window.max) {  // the module says so where both are given
            context_.report.conflict(
                child["window"]["min"].node(),
                fmt::format("is {}: without max, which is {} then, min is at most that", window.min,
                            window.max));
        } else if (window.distances() == domain.cycles) {
            warn_full_window(child["window"].node(), domain, window);
        }
    }

    void warn_full_window(NodeId node, const Domain& domain, const Window& window) {
        context_.report.warning(
            node, fmt::format("the window {}..{} holds all {} cycles: a router with one buffer for "
                              "each cycle cannot do this, at most {} distances suit every router",
                              window.min, window.max, domain.cycles, domain.cycles - 1));
    }

    void compute(const Cursor& entry, const Cursor& child, const Domain& domain,
                 CycleMapEntry& map);
    std::string what_would_do(const LatencyRange& latency, const CycleTiming& timing,
                              const Domain& domain) const;

    CheckContext& context_;
    std::map<InterfaceIndex, const Domain*> domains_;
};

/// The shortest cycles, no shorter than `from_us`, with which a computed map's window has at most
/// `cycles` distances; none where even the longest do not do.
std::optional<std::int64_t> shortest_cycle_us(const LatencyRange& latency, CycleTiming timing,
                                              std::int64_t from_us, std::int64_t cycles) {
    constexpr std::int64_t kLongestCycleUs = 65'535;
    for (std::int64_t us = from_us; us <= kLongestCycleUs; ++us) {
        timing.cycle_time_ns = us * 1000;
        if (compute_map(latency, timing).distances() <= cycles) {
            return us;
        }
    }
    return std::nullopt;
}

/// Which larger C or T, or else which of both, brings the window of a computed map down to C
/// distances.
std::string DomainChecker::what_would_do(const LatencyRange& latency, const CycleTiming& timing,
                                         const Domain& domain) const {
    const std::int64_t distances = compute_map(latency, timing).distances();
    const std::int64_t most = most_cycles(domain);
    const std::int64_t longer_us = domain.cycle_time_us + 1;
    std::string more = distances <= most ? fmt::format("cycles: {} would do", distances) : "";
    if (const auto us = shortest_cycle_us(latency, timing, longer_us, domain.cycles)) {
        return fmt::format("{}{}cycle-time-us: {} would do", more, more.empty() ? "" : ", or ",
                           *us);
    }
    if (!more.empty()) {
        return more;
    }
    if (const auto us = shortest_cycle_us(latency, timing, longer_us, most)) {
        return fmt::format("cycles: {} with cycle-time-us: {} would do", most, *us);
    }
    return "the latencies are too far apart for any number and length of cycles";
}

void DomainChecker::compute(const Cursor& entry, const Cursor& child, const Domain& domain,
                            CycleMapEntry& map) {
    const Member* of_oif = context_.member(map.oif);
    if (!context_.is_given(child, "latency-min-ns") ||
        !context_.is_given(child, "latency-max-ns") || !context_.is_given(child, "oif") ||
        !context_.are_right(child, {"upstream-clock-offset-ns", "upstream-dead-time-ns"}) ||
        !context_.is_given(entry, "cycles") || !context_.is_given(entry, "cycle-time-us") ||
        !context_.are_right(entry, {"cycle-clock-offset-ns"}) ||
        (of_oif != nullptr && !context_.are_right(of_oif->entry, {"cycle-clock-offset-ns"}))) {
        return;
    }
    const DomainInterface* oif = member(domain, map.oif);
    const CycleTiming timing = domain.timing_of(oif == nullptr ? DomainInterface{} : *oif);
    const LatencyRange latency{
        .min_ns = child["latency-min-ns"].number<std::int64_t>(),
        .max_ns = child["latency-max-ns"].number<std::int64_t>(),
        .upstream_clock_offset_ns = child["upstream-clock-offset-ns"].number<std::int64_t>(),
        .upstream_dead_time_ns = child["upstream-dead-time-ns"].number<std::int64_t>(),
        .max_time_interval_error_ns = context_.router.clock.max_time_interval_error_ns};
    const ComputedMap computed = compute_map(latency, timing);
    if (computed.distances() < 1) {
        context_.report.conflict(
            context_.at(child, "upstream-dead-time-ns"),
            fmt::format("upstream-dead-time-ns {} is more than lies between the latencies: the "
                        "latest packet would come before the earliest",
                        latency.upstream_dead_time_ns));
        return;
    }
    if (computed.distances() > domain.cycles) {
        context_.report.conflict(
            child["latency-max-ns"].node(),
            fmt::format(
                "latencies from {} to {} ns need a window of {} distances, but {} cycles of "
                "{} us tell only {} apart: {}",
                latency.min_ns, latency.max_ns, computed.distances(), domain.cycles,
                domain.cycle_time_us, domain.cycles, what_would_do(latency, timing, domain)));
        return;
    }
    map.window = {.min = static_cast<std::uint16_t>(computed.window_min),
                  .max = static_cast<std::uint16_t>(computed.window_max)};
    map.map.clear();
    for (unsigned id = 1; id <= domain.cycles; ++id) {
        map.map.push_back(shifted_id(static_cast<CycleId>(id), computed.shift, domain.cycles));
    }
    if (map.window.distances() == domain.cycles) {
        warn_full_window(child["latency-max-ns"].node(), domain, map.window);
    }
}

}  // namespace

void check_domains(CheckContext& context) {
    DomainChecker checker(context);
    for_each_pair(context.top["tcqf"]["domains"], context.router.domains,
                  [&](const Cursor& entry, Domain& domain) { checker.check(entry, domain); });
}

}  // namespace tcqf::config
