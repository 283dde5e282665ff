// Checks of network resource partitions: selectors, and the sums over an interface.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "config/check_context.h"
#include "tcqf/wire.h"

namespace tcqf::config {
namespace {

/// What all partitions take of one interface.
struct Booked {
    std::int64_t cycle_bits = 0;
    std::int64_t rate_mbps = 0;
    NodeId last_cycle_bits = kNoNode;  ///< the entry that comes last is where the sum is too much
    NodeId last_rate = kNoNode;
};

class NrpChecker {
  public:
    explicit NrpChecker(CheckContext& context) : context_(context) {}

    void check(const Cursor& entry, const Nrp& nrp) {
        const bool is_again = repeats(entry, nrp);
        check_selector(entry, nrp);
        if (is_again) {
            return;
        }
        for_each_pair(
            entry["interfaces"], nrp.interfaces,
            [&](const Cursor& child, const NrpInterface& interface) { book(child, interface); });
    }

    void check_sums() {
        for (const auto& [interface, booked] : booked_) {
            if (context_.is_right(interface, {"link-rate-mbps"})) {
                const Member* member = context_.member(interface);
                const bool has_cycles = member != nullptr && context_.is_cycle_known(*member);
                check_cycle(interface, booked, has_cycles ? member : nullptr);
                check_rate(interface, booked, has_cycles ? member : nullptr);
            }
        }
    }

  private:
    /// Whether an entry with the id of an earlier one says the same of everything else, too.
    bool repeats(const Cursor& entry, const Nrp& nrp) const {
        return !context_.are_right(entry, {"id"}) &&
               !context_.document.is_bad(entry["id"].node()) &&
               &*std::ranges::find(context_.router.nrps, nrp) != &nrp;
    }

    void check_selector(const Cursor& entry, const Nrp& nrp) {
        if (!context_.are_right(entry, {"id", "selector", "encapsulation"}) || !entry["id"]) {
            return;
        }
        const NodeId node = context_.at(entry, entry["selector"] ? "selector" : "id");
        const std::string_view which = entry["selector"] ? "" : "the selector, by default the id, ";
        const auto [first, is_new] = selectors_.try_emplace(nrp.selector, &nrp);
        if (!is_new) {
            context_.report.conflict(
                node,
                fmt::format("{}is {}, which NRP {} has already: packets could not be told apart",
                            which, nrp.selector, first->second->id));
        }
        constexpr std::uint32_t kLargestLabelSelector = (1u << 20) - 1;
        if (nrp.encapsulation == NrpEncapsulation::mpls_mna &&
            nrp.selector > kLargestLabelSelector) {
            context_.report.conflict(
                node, fmt::format("{}is {}: mpls-mna carries 20 bits, at most {}; give a smaller "
                                  "selector",
                                  which, nrp.selector, kLargestLabelSelector));
        }
    }

    void book(const Cursor& child, const NrpInterface& interface) {
        if (!context_.is_given(child, "name") ||
            !context_.are_right(child, {"cycle-bits", "best-effort-rate-mbps"})) {
            return;
        }
        Booked& booked = booked_[interface.interface];
        booked.cycle_bits += interface.cycle_bits;
        booked.rate_mbps += interface.best_effort_rate_mbps;
        if (interface.cycle_bits > 0) {
            booked.last_cycle_bits = child["cycle-bits"].node();
        }
        if (interface.best_effort_rate_mbps > 0) {
            booked.last_rate = child["best-effort-rate-mbps"].node();
        }
        if (interface.cycle_bits > 0 && context_.member(interface.interface) == nullptr &&
            context_.are_members_known()) {
            context_.report.warning(
                child["cycle-bits"].node(),
                fmt::format("{} is in no TCQF domain and has no cycles: the share is never used",
                            context_.name_of(interface.interface)));
        }
    }

    void check_cycle(InterfaceIndex interface, const Booked& booked, const Member* member) {
        if (member == nullptr) {
            return;
        }
        const Interface& link = context_.router.interfaces[interface];
        const WireUnits capacity =
            cycle_capacity({link.link_rate_mbps}, member->domain->cycle_time_ns(),
                           member->interface->dead_time_ns);
        if (booked.cycle_bits * kUnitsPerBit <= capacity) {
            return;
        }
        context_.report.conflict(
            booked.last_cycle_bits,
            fmt::format(
                "the cycle-bits of all NRPs on {} sum up to {}, but link-rate * (cycle time - "
                "dead time) is {} Mbit/s * ({} us - {} ns) = {} bits: lower the sum by {}",
                link.name, booked.cycle_bits, link.link_rate_mbps, member->domain->cycle_time_us,
                member->interface->dead_time_ns, capacity / kUnitsPerBit,
                booked.cycle_bits - capacity / kUnitsPerBit));
    }

    /// Sum of rates <= link rate - sum(cycle-bits) / T, exact: both sides times T.
    void check_rate(InterfaceIndex interface, const Booked& booked, const Member* member) {
        const Interface& link = context_.router.interfaces[interface];
        const bool has_cycles = member != nullptr;
        const std::int64_t cycle_ns = has_cycles ? member->domain->cycle_time_ns() : 1;
        const LinkRate rate{link.link_rate_mbps};
        const std::int64_t reserved =
            has_cycles ? std::min(booked.cycle_bits * kUnitsPerBit, rate.from_ns(cycle_ns)) : 0;
        if (booked.last_rate == kNoNode ||
            booked.rate_mbps * cycle_ns + reserved <= rate.from_ns(cycle_ns)) {
            return;
        }
        const std::int64_t left = (rate.from_ns(cycle_ns) - reserved) / cycle_ns;
        context_.report.conflict(
            booked.last_rate,
            fmt::format(
                "the best-effort rates of all NRPs on {} sum up to {} Mbit/s, but link-rate - "
                "cycle-bits / cycle time is {} Mbit/s - {} bits / {} us = {} Mbit/s: lower the "
                "sum by {}",
                link.name, booked.rate_mbps, link.link_rate_mbps,
                has_cycles ? booked.cycle_bits : 0, has_cycles ? cycle_ns / 1000 : 0,
                std::max<std::int64_t>(left, 0),
                booked.rate_mbps - std::max<std::int64_t>(left, 0)));
    }

    CheckContext& context_;
    std::map<std::uint32_t, const Nrp*> selectors_;
    std::map<InterfaceIndex, Booked> booked_;
};

}  // namespace

void check_nrps(CheckContext& context) {
    NrpChecker checker(context);
    for_each_pair(context.top["nrps"], context.router.nrps,
                  [&](const Cursor& entry, const Nrp& nrp) { checker.check(entry, nrp); });
    checker.check_sums();
}

}  // namespace tcqf::config
