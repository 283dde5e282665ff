// Network resource partitions: selectors and shares.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dataplane/table_builders.h"

namespace tcqf::dataplane {
namespace {

std::vector<std::uint32_t> numbers_of(const config::Router& router,
                                      std::uint32_t config::Nrp::*number) {
    std::vector<std::uint32_t> numbers;
    for (const config::Nrp& nrp : router.nrps) {
        numbers.push_back(nrp.*number);
    }
    return numbers;
}

SharedArray<std::uint16_t> number_shares(const config::Router& router) {
    const std::size_t count = router.nrps.size() + 1;
    std::vector<std::uint16_t> shares(router.interfaces.size() * count, 0);
    std::vector<std::uint16_t> last(router.interfaces.size(), 0);
    for (std::size_t n = 0; n < router.nrps.size(); ++n) {
        for (const config::NrpInterface& on : router.nrps[n].interfaces) {
            shares[on.interface * count + n + 1] = ++last[on.interface];
        }
    }
    return SharedArray<std::uint16_t>(shares);
}

}  // namespace

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
        tables.has_strict_labels = build.before->has_strict_labels;
        return;
    }
    std::vector<NrpAction> nrps;
    for (const config::Nrp& nrp : build.config.nrps) {
        nrps.push_back({nrp.selector, nrp.strict, nrp.encapsulation});
    }
    tables.has_strict_labels = std::any_of(nrps.begin(), nrps.end(), [](const NrpAction& nrp) {
        return nrp.strict && nrp.encapsulation == config::NrpEncapsulation::mpls_mna;
    });
    tables.nrps = SharedArray<NrpAction>(nrps);
    tables.nrp_of_selector = NumberTable(numbers_of(build.config, &config::Nrp::selector));
    tables.nrp_of_id = NumberTable(numbers_of(build.config, &config::Nrp::id));
    tables.shares = number_shares(build.config);
}

}  // namespace tcqf::dataplane
