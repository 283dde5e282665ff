// Checks of next hops, which routes, labels and SIDs have alike.
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "config/check_context.h"

namespace tcqf::config {

class NextHopChecker {
  public:
    explicit NextHopChecker(CheckContext& context);

    void check(const Cursor& list, const std::vector<NextHop>& next_hops);

    /// A list of labels to write: implicit null says that there is none, so it stands alone.
    void check_label_stack(const Cursor& list, const std::vector<std::uint32_t>& labels);

    /// How the interface tags; none outside every domain.
    Tagging tagging_of(InterfaceIndex interface) const;

  private:
    using Pair = std::pair<InterfaceIndex, InterfaceIndex>;

    void check_address(const Cursor& entry, const NextHop& next_hop);
    void check_cycle_maps(const Cursor& list, const std::vector<NextHop>& next_hops);
    void warn_unmapped(const Cursor& list, const std::vector<NextHop>& next_hops,
                       const Domain& domain, InterfaceIndex iif);

    CheckContext& context_;
    bool neighbors_are_known_ = true;
    bool domains_are_right_;
    std::set<std::pair<InterfaceIndex, IpAddress>> neighbors_;
    std::map<IpAddress, InterfaceIndex> own_addresses_;
    std::set<Pair> maps_;
};

}  // namespace tcqf::config
