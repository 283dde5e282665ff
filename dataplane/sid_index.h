// Addresses that are SIDs of ours, exactly: what a locator leads to.
//
// A prefix match would need a dozen tables of 256 entries for each of them.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
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

    /// `sids`: size of Snapshot::sids. Of two entries with one address the last counts.
    SidIndex(std::size_t sids, const std::vector<Entry>& entries);

    /// Of kind `no_sid` where the address is no SID.
    const RouteAction& find(const std::uint8_t* address) const;

    bool empty() const { return is_empty_; }

    static constexpr std::uint32_t kNone = KeyIndex<Address>::kNone;

    /// In two steps, for bursts, as KeyIndex: a position in Snapshot::sids, one past its end where
    /// the address is a policy's binding SID, or kNone. `address`: 16 octets.
    using Search = KeyIndex<Address>::Search;
    [[gnu::always_inline]] Search ask_for(const std::uint8_t* address) const {
        Address key;
        std::memcpy(key.data(), address, key.size());
        return index_.ask_for(key);
    }
    [[gnu::always_inline]] std::uint32_t find(const Search& search) const {
        return index_.find(search);
    }
    /// What is at a position of find().
    const RouteAction& action(std::uint32_t position) const { return actions_[position]; }

    static constexpr RouteAction kNoSid{.kind = RouteKind::no_sid};

  private:
    KeyIndex<Address> index_;          // of positions in actions_
    HugeVector<RouteAction> actions_;  // of Snapshot::sids in their order, then of binding SIDs
    bool is_empty_;
};

}  // namespace tcqf::dataplane
