#include "dataplane/sid_index.h"

#include <cstring>

namespace tcqf::dataplane {

SidIndex::SidIndex(std::size_t sids, const std::vector<Entry>& entries)
    : index_(entries.size()), actions_(sids), is_empty_(entries.empty()) {
    for (const auto& [address, action] : entries) {
        if (action.kind == RouteKind::sid) {
            actions_[action.index] = action;
            index_.add(address.octets, action.index);
        } else {
            index_.add(address.octets, static_cast<std::uint32_t>(actions_.size()));
            actions_.push_back(action);
        }
    }
}

const RouteAction& SidIndex::find(const std::uint8_t* address) const {
    Address key;
    std::memcpy(key.data(), address, key.size());
    const std::uint32_t position = index_.find(key);
    return position == index_.kNone ? kNoSid : actions_[position];
}

}  // namespace tcqf::dataplane
