#include "dataplane/adjacency_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "dataplane/headers.h"

namespace tcqf::dataplane {

void push_beneath(Adjacency& adjacency, std::span<const std::uint32_t> labels) {
    for (const std::uint32_t label : labels) {
        // Label 3 is never on the wire: it says that there is nothing to push.
        if (label == mpls::kImplicitNull) {
            continue;
        }
        if (adjacency.label_count == kMaxPushedLabels) {
            throw std::runtime_error(
                fmt::format("a next hop pushes more than {} labels", kMaxPushedLabels));
        }
        adjacency.labels[adjacency.label_count++] = label;
    }
}

const config::Neighbor* AdjacencyBuilder::find_neighbor(const NeighborKey& key) {
    if (neighbors_.empty()) {
        for (const config::Neighbor& neighbor : config_.neighbors) {
            neighbors_[{neighbor.interface, neighbor.address}] = &neighbor;
        }
    }
    const auto found = neighbors_.find(key);
    return found == neighbors_.end() ? nullptr : found->second;
}

Adjacency AdjacencyBuilder::adjacency(const config::NextHop& hop) {
    Adjacency to;
    to.oif = hop.interface;
    if (const config::Neighbor* found = find_neighbor({hop.interface, hop.address})) {
        to.resolved = true;
        std::copy(found->mac.begin(), found->mac.end(), to.ethernet.begin());
        to.reads_actions = found->mna;
        to.readable_depth = found->readable_label_depth;
    }
    const config::MacAddress& own = interfaces_[hop.interface].mac;
    std::copy(own.begin(), own.end(), to.ethernet.begin() + 6);
    return to;
}

HopGroup AdjacencyBuilder::group(const std::vector<config::NextHop>& hops,
                                 std::span<const std::uint32_t> beneath) {
    if (hops.empty()) {
        return nullptr;
    }
    std::vector<Adjacency> group;
    group.reserve(hops.size());
    std::uint32_t weight = 0;
    for (const config::NextHop& hop : hops) {
        Adjacency to = adjacency(hop);
        to.below = weight += hop.weight;
        push_beneath(to, hop.labels);
        push_beneath(to, beneath);
        group.push_back(to);
    }
    return std::make_shared<const std::vector<Adjacency>>(std::move(group));
}

}  // namespace tcqf::dataplane
