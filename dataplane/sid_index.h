// Addresses that are SIDs of ours, exactly: what a locator leads to.
//
// A prefix match would need a dozen tables of 256 entries for each of them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/huge_vector.h"
#include "dataplane/key_index.h"
#include "dataplane/route_table.h"

namespace tcqf::dataplane {

class SidIndex {
  public:
    using Entry = std::pair<config::IpAddress, RouteAction>;

    using Address = std::array<std::uint8_t, 16>;

    /// Of two entries with one address the last counts.
    explicit SidIndex(const std::vector<Entry>& entries);

    /// Of kind `no_sid` where the address is no SID.
    const RouteAction& find(const std::uint8_t* address) const;

    bool empty() const { return actions_.empty(); }

    static constexpr unsigned kMaxBurst = KeyIndex<Address>::kMaxBurst;

    /// Actions of up to kMaxBurst addresses, whose memory is asked for together; null for an
    /// address that is no SID.
    void find_burst(std::span<const Address> addresses, const RouteAction** actions) const;

    static constexpr RouteAction kNoSid{.kind = RouteKind::no_sid};

  private:
    KeyIndex<Address> index_;  // of positions in actions_
    HugeVector<RouteAction> actions_;
};

}  // namespace tcqf::dataplane
