// Addresses that are SIDs of ours, exactly: what a locator leads to.
//
// A prefix match would need a dozen tables of 256 entries for each of them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/route_table.h"

struct rte_hash;

namespace tcqf::dataplane {

class SidIndex {
  public:
    using Entry = std::pair<config::IpAddress, RouteAction>;

    /// Of two entries with one address the last counts. Throws std::runtime_error where memory is
    /// short.
    explicit SidIndex(const std::vector<Entry>& entries);
    ~SidIndex();
    SidIndex(const SidIndex&) = delete;
    SidIndex& operator=(const SidIndex&) = delete;

    /// Of kind `no_sid` where the address is no SID.
    const RouteAction& find(const std::uint8_t* address) const;

    bool empty() const { return hash_ == nullptr; }

    static constexpr unsigned kMaxBurst = 64;

    /// Actions of up to kMaxBurst addresses, whose memory is asked for together; null for an
    /// address that is no SID.
    void find_burst(std::span<const std::uint8_t* const> addresses,
                    const RouteAction** actions) const;

    static constexpr RouteAction kNoSid{.kind = RouteKind::no_sid};

  private:
    struct FreeHash {
        void operator()(rte_hash* hash) const;
    };
    std::unique_ptr<rte_hash, FreeHash> hash_;  // null: empty
    std::vector<RouteAction> actions_;          // by the position in the hash
};

}  // namespace tcqf::dataplane
