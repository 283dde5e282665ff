// Network resource partitions: selectors and shares.

#include <bit>

#include "dataplane/table_builders.h"

namespace tcqf::dataplane {
namespace {

/// Where the search for a number starts among `places`, a power of two (Fibonacci hashing).
std::size_t place_of(std::uint32_t number, std::size_t places) {
    return (std::uint64_t{number} * 0x9e3779b97f4a7c15u >> 32) & (places - 1);
}

/// A search that costs the same for a thousand partitions as for one.
std::uint32_t find_position(const SharedArray<NumberedNrp>& places, std::uint32_t number) {
    std::size_t at = place_of(number, places.size());
    while (places[at].position != kNoNrp && places[at].number != number) {
        at = (at + 1) & (places.size() - 1);
    }
    return places[at].position;
}

/// Positions of the partitions by one of their numbers; at most a quarter of the places is taken.
SharedArray<NumberedNrp> positions_by(const std::vector<config::Nrp>& nrps,
                                      std::uint32_t config::Nrp::*number) {
    std::vector<NumberedNrp> places(std::bit_ceil(4 * nrps.size() + 4));
    for (std::size_t i = 0; i < nrps.size(); ++i) {
        std::size_t at = place_of(nrps[i].*number, places.size());
        while (places[at].position != kNoNrp) {
            at = (at + 1) & (places.size() - 1);
        }
        places[at] = {nrps[i].*number, static_cast<std::uint32_t>(i)};
    }
    return SharedArray<NumberedNrp>(places);
}

SharedArray<std::uint16_t> number_shares(const config::Router& router) {
    const std::size_t count = router.interfaces.size();
    std::vector<std::uint16_t> shares(router.nrps.size() * count, 0);
    std::vector<std::uint16_t> last(count, 0);
    for (std::size_t n = 0; n < router.nrps.size(); ++n) {
        for (const config::NrpInterface& on : router.nrps[n].interfaces) {
            shares[n * count + on.interface] = ++last[on.interface];
        }
    }
    return SharedArray<std::uint16_t>(shares);
}

}  // namespace

std::uint32_t Snapshot::find_nrp(std::uint32_t selector) const {
    return nrps.empty() ? kNoNrp : find_position(nrp_of_selector, selector);
}

std::uint32_t Snapshot::nrp_with_id(std::uint32_t id) const {
    return nrps.empty() ? kNoNrp : find_position(nrp_of_id, id);
}

std::vector<const config::NrpInterface*> partitions_on(const config::Router& config,
                                                       config::InterfaceIndex interface) {
    std::vector<const config::NrpInterface*> partitions;
    for (const config::Nrp& nrp : config.nrps) {
        for (const config::NrpInterface& on : nrp.interfaces) {
            if (on.interface == interface) {
                partitions.push_back(&on);
            }
        }
    }
    return partitions;
}

void build_partitions(Build& build) {
    Snapshot& tables = build.tables;
    if (!build.from_nothing() && !build.difference.nrps) {
        tables.nrps = build.before->nrps;
        tables.nrp_of_selector = build.before->nrp_of_selector;
        tables.nrp_of_id = build.before->nrp_of_id;
        tables.shares = build.before->shares;
        return;
    }
    std::vector<NrpAction> nrps;
    for (const config::Nrp& nrp : build.config.nrps) {
        nrps.push_back({nrp.selector, nrp.strict, nrp.encapsulation});
    }
    tables.nrps = SharedArray<NrpAction>(nrps);
    tables.nrp_of_selector = positions_by(build.config.nrps, &config::Nrp::selector);
    tables.nrp_of_id = positions_by(build.config.nrps, &config::Nrp::id);
    tables.shares = number_shares(build.config);
}

}  // namespace tcqf::dataplane
