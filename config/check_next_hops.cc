#include "config/check_next_hops.h"

#include <fmt/format.h>

#include <algorithm>

namespace tcqf::config {

NextHopChecker::NextHopChecker(CheckContext& context)
    : context_(context), domains_are_right_(context.are_right(context.top, {"tcqf"})) {
    const Router& router = context.router;
    for_each_pair(context.top["neighbors"], router.neighbors,
                  [&](const Cursor& entry, const Neighbor& neighbor) {
                      neighbors_are_known_ = neighbors_are_known_ &&
                                             context.is_given(entry, "interface") &&
                                             context.is_given(entry, "address");
                      neighbors_.emplace(neighbor.interface, neighbor.address);
                  });
    for (std::size_t i = 0; i < router.interfaces.size(); ++i) {
        for (const IpPrefix& own : router.interfaces[i].addresses) {
            own_addresses_.emplace(own.address, static_cast<InterfaceIndex>(i));
        }
    }
    for (const Domain& domain : router.domains) {
        for (const CycleMapEntry& map : domain.cycle_maps) {
            maps_.emplace(map.iif, map.oif);
        }
    }
}

Tagging NextHopChecker::tagging_of(InterfaceIndex interface) const {
    const Member* member = context_.member(interface);
    return member != nullptr && context_.is_given(member->entry, "tagging")
               ? member->interface->tagging
               : Tagging::none;
}

void NextHopChecker::check(const Cursor& list, const std::vector<NextHop>& next_hops) {
    for_each_pair(list, next_hops, [&](const Cursor& entry, const NextHop& next_hop) {
        if (context_.is_given(entry, "address")) {
            check_address(entry, next_hop);
        }
        check_label_stack(entry["labels"], next_hop.labels);
    });
    if (next_hops.size() > 1 && domains_are_right_ && !context_.document.is_tainted(list.node())) {
        check_cycle_maps(list, next_hops);
    }
}

void NextHopChecker::check_address(const Cursor& entry, const NextHop& next_hop) {
    const std::string text = next_hop.address.to_string();
    if (!is_unicast(next_hop.address)) {
        context_.report.conflict(
            entry["address"].node(),
            fmt::format("is {}: the unicast address of a neighbor is needed", text));
        return;
    }
    if (const auto own = own_addresses_.find(next_hop.address);
        own != own_addresses_.end() && !is_link_local(next_hop.address)) {
        context_.report.conflict(entry["address"].node(),
                                 fmt::format("{} is the router's own address on {}: that of a "
                                             "neighbor is needed",
                                             text, context_.name_of(own->second)));
        return;
    }
    if (neighbors_are_known_ && context_.is_given(entry, "interface") &&
        !neighbors_.contains({next_hop.interface, next_hop.address})) {
        context_.report.warning(
            entry["address"].node(),
            fmt::format(
                "no neighbor {} is configured on {}: until its MAC address is known, packets "
                "are dropped, no-neighbor",
                text, context_.name_of(next_hop.interface)));
    }
}

void NextHopChecker::check_label_stack(const Cursor& list,
                                       const std::vector<std::uint32_t>& labels) {
    if (!list || context_.document.is_tainted(list.node()) || labels.size() < 2 ||
        std::find(labels.begin(), labels.end(), kImplicitNull) == labels.end()) {
        return;
    }
    context_.report.conflict(list.node(),
                             "3 (implicit null) means that no label is written, and stands alone: "
                             "remove it or the others");
}

/// Equal paths of which only some have a map: the flows that hash to the others are dropped.
void NextHopChecker::check_cycle_maps(const Cursor& list, const std::vector<NextHop>& next_hops) {
    for (const Domain& domain : context_.router.domains) {
        for (const DomainInterface& iif : domain.interfaces) {
            warn_unmapped(list, next_hops, domain, iif.interface);
        }
    }
}

void NextHopChecker::warn_unmapped(const Cursor& list, const std::vector<NextHop>& next_hops,
                                   const Domain& domain, InterfaceIndex iif) {
    const auto has_map = [&](const NextHop& next_hop) {
        return maps_.contains({iif, next_hop.interface});
    };
    if (std::none_of(next_hops.begin(), next_hops.end(), has_map)) {
        return;
    }
    for_each_pair(list, next_hops, [&](const Cursor& entry, const NextHop& next_hop) {
        const Member* member = context_.member(next_hop.interface);
        if (has_map(next_hop) || member == nullptr || member->domain != &domain) {
            return;
        }
        context_.report.warning(
            entry["interface"].node(),
            fmt::format("domain '{}' has no cycle map from {} to {}, but to another of these next "
                        "hops: TCQF packets whose flow hashes here are dropped, no-cycle-map",
                        domain.name, context_.name_of(iif), context_.name_of(next_hop.interface)));
    });
}

}  // namespace tcqf::config
