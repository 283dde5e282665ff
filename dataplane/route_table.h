// Routes: which action a destination address finds.
//
// A table (VRF) has two families. Each is a prefix match over numbers, and the actions that the
// numbers stand for; both are shared by the snapshots that have them in common.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "config/router.h"
#include "dataplane/adjacency.h"
#include "dataplane/fib.h"
#include "dataplane/shared_array.h"

namespace tcqf::dataplane {

/// What to do with a packet that a look-up found.
enum class RouteKind : std::uint8_t {
    none,         ///< no route
    forward,      ///< to one of several next hops
    local,        ///< an address of the router: to the kernel
    unresolved,   ///< on a connected prefix, but no neighbour of that address
    no_sid,       ///< in a locator: a SID where Snapshot::sid_index has it
    sid,          ///< a local SID: `index` in Snapshot::sids
    policy,       ///< steered into an SR policy: `index` in Snapshot::policies
    binding_sid,  ///< of an SR policy: `index` in Snapshot::policies
};

struct RouteAction {
    RouteKind kind = RouteKind::none;
    config::InterfaceIndex interface = 0;  ///< unresolved: the connected one
    std::uint32_t index = 0;
    HopSet hops{};  ///< forward; none otherwise
    /// policy, binding_sid: what holds while the policy is invalid and leaves nothing behind.
    const RouteAction* fallback = nullptr;
};
using RouteActions = SharedArray<RouteAction, HopGroup>;

/// A route action before its next hops are resolved.
struct RouteSpec {
    RouteKind kind = RouteKind::none;
    config::InterfaceIndex interface = 0;
    std::uint32_t index = 0;
    std::uint32_t fallback = 0;  ///< number of another action
    std::vector<config::NextHop> next_hops{};
};

/// Prefixes, and what their numbers stand for; number 0: no route.
struct RouteSet {
    RouteSet(Family family, FibKind kind, const FibSize& size) : fib(family, kind, size) {}

    Fib fib;
    std::vector<RouteSpec> specs = {RouteSpec{}};
    bool has_sids = false;  ///< not all SIDs are left to the index

    const RouteSpec& find(const config::IpAddress& address) const {
        return specs[fib.lookup(address)];
    }
};

class RouteTable {
  public:
    struct Routes {
        std::shared_ptr<const RouteSet> set;
        RouteActions actions;  ///< by the number that `set` gives
    };

    const RouteAction& find_ipv4(std::uint32_t host_order) const {
        return ipv4_.actions[ipv4_.set->fib.lookup_ipv4(host_order)];
    }
    const RouteAction& find_ipv6(const std::uint8_t* octets) const {
        return ipv6_.actions[ipv6_.set->fib.lookup_ipv6(octets)];
    }
    // Of several destinations, `numbers` in `routes().actions`.
    void find_ipv4_bulk(const std::uint32_t* host_order, std::uint64_t* numbers,
                        unsigned count) const {
        ipv4_.set->fib.lookup_ipv4_bulk(host_order, numbers, count);
    }
    void find_ipv6_bulk(const std::array<std::uint8_t, 16>* octets, std::uint64_t* numbers,
                        unsigned count) const {
        ipv6_.set->fib.lookup_ipv6_bulk(octets, numbers, count);
    }

    const Routes& routes(Family family) const { return family == Family::ipv4 ? ipv4_ : ipv6_; }
    Routes& routes(Family family) { return family == Family::ipv4 ? ipv4_ : ipv6_; }

  private:
    Routes ipv4_;
    Routes ipv6_;
};

}  // namespace tcqf::dataplane
