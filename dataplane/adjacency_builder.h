// From the configuration's next hops to adjacencies.
#pragma once

#include <map>
#include <span>
#include <utility>
#include <vector>

#include "config/router.h"
#include "dataplane/adjacency.h"
#include "dataplane/tables.h"

namespace tcqf::dataplane {

class AdjacencyBuilder {
  public:
    /// `interfaces`: with their MAC addresses. Both are used as long as the builder is.
    AdjacencyBuilder(const config::Router& config, const std::vector<InterfaceTable>& interfaces)
        : config_(config), interfaces_(interfaces) {}

    /// `beneath` is pushed under the next hops' own labels. Null where there are no next hops;
    /// throws std::runtime_error where a next hop would push more labels than can be pushed.
    HopGroup group(const std::vector<config::NextHop>& hops,
                   std::span<const std::uint32_t> beneath = {});

  private:
    using NeighborKey = std::pair<config::InterfaceIndex, config::IpAddress>;

    Adjacency adjacency(const config::NextHop& hop);
    const config::Neighbor* find_neighbor(const NeighborKey& key);

    const config::Router& config_;
    const std::vector<InterfaceTable>& interfaces_;
    std::map<NeighborKey, const config::Neighbor*> neighbors_;  // made when first needed
};

/// Adds labels beneath those of an adjacency; the configuration's check refuses more than fit.
void push_beneath(Adjacency& adjacency, std::span<const std::uint32_t> labels);

}  // namespace tcqf::dataplane
