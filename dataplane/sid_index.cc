#include "dataplane/sid_index.h"

#include <rte_prefetch.h>

#include <cstring>

namespace tcqf::dataplane {

SidIndex::SidIndex(const std::vector<Entry>& entries) : index_(entries.size()) {
    for (const auto& [address, action] : entries) {
        index_.add(address.octets, static_cast<std::uint32_t>(actions_.size()));
        actions_.push_back(action);
    }
}

const RouteAction& SidIndex::find(const std::uint8_t* address) const {
    Address key;
    std::memcpy(key.data(), address, key.size());
    const std::uint32_t position = index_.find(key);
    return position == index_.kNone ? kNoSid : actions_[position];
}

void SidIndex::find_burst(std::span<const Address> addresses, const RouteAction** actions) const {
    std::array<std::uint32_t, kMaxBurst> positions;
    index_.find_burst(addresses, positions.data());
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        actions[i] = positions[i] == index_.kNone ? nullptr : &actions_[positions[i]];
        rte_prefetch0(actions[i]);
    }
}

}  // namespace tcqf::dataplane
