// What differs between two configurations, entry by entry where lists are long.
#pragma once

#include <cstdint>
#include <vector>

#include "config/router.h"

namespace tcqf::config {

/// Positions of entries of a list. Entries are the same where their keys are.
struct ListDifference {
    struct Change {
        std::uint32_t before = 0;
        std::uint32_t now = 0;
    };
    std::vector<std::uint32_t> added;    ///< in the list now
    std::vector<std::uint32_t> removed;  ///< in the list before
    std::vector<Change> changed;         ///< in both, with other contents
    bool moved = false;                  ///< an entry in both stands at another position now

    bool any() const { return keys() || !changed.empty(); }
    /// True where the list of keys is another one.
    bool keys() const { return moved || !added.empty() || !removed.empty(); }
};

struct Difference {
    /// Of the router: those of interfaces, the tables that these are in, srv6-source.
    bool addresses = false;
    bool macs = false;  ///< of interfaces
    bool locators = false;
    bool nrps = false;
    bool flows = false;
    ListDifference neighbors;  ///< by interface and address
    ListDifference routes;     ///< by table and prefix
    ListDifference labels;     ///< by label
    ListDifference sids;       ///< by prefix
    ListDifference policies;   ///< by color and endpoint
};

/// Cost: a comparison of each entry of the lists, and more only for entries that moved.
Difference difference(const Router& before, const Router& now);

}  // namespace tcqf::config
