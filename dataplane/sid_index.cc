#include "dataplane/sid_index.h"

#include <rte_hash.h>
#include <rte_memory.h>
#include <rte_prefetch.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "dataplane/key_hash.h"
#include "dataplane/unique_name.h"

namespace tcqf::dataplane {

void SidIndex::FreeHash::operator()(rte_hash* hash) const {
    rte_hash_free(hash);
}

SidIndex::SidIndex(const std::vector<Entry>& entries) {
    if (entries.empty()) {
        return;
    }
    const std::string name = unique_name("sids");
    rte_hash_parameters parameters{};
    parameters.name = name.c_str();
    parameters.entries = static_cast<std::uint32_t>(std::max<std::size_t>(entries.size(), 8));
    parameters.key_len = sizeof(config::IpAddress::octets);
    parameters.hash_func = hash_of_16_octets;
    parameters.socket_id = SOCKET_ID_ANY;
    parameters.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE;
    hash_.reset(rte_hash_create(&parameters));
    if (!hash_) {
        throw std::runtime_error("no memory for the index of SIDs");
    }
    actions_.resize(static_cast<std::size_t>(rte_hash_max_key_id(hash_.get())) + 1);
    for (const auto& [address, action] : entries) {
        const std::int32_t position = rte_hash_add_key(hash_.get(), address.octets.data());
        if (position < 0) {
            throw std::runtime_error("no memory for the index of SIDs");
        }
        actions_[static_cast<std::size_t>(position)] = action;
    }
}

SidIndex::~SidIndex() = default;

const RouteAction& SidIndex::find(const std::uint8_t* address) const {
    const std::int32_t position = hash_ ? rte_hash_lookup(hash_.get(), address) : -1;
    return position < 0 ? kNoSid : actions_[static_cast<std::size_t>(position)];
}

void SidIndex::find_burst(std::span<const std::uint8_t* const> addresses,
                          const RouteAction** actions) const {
    std::array<const void*, kMaxBurst> keys;
    std::copy(addresses.begin(), addresses.end(), keys.begin());
    std::array<std::int32_t, kMaxBurst> positions;
    rte_hash_lookup_bulk(hash_.get(), keys.data(), static_cast<std::uint32_t>(addresses.size()),
                         positions.data());
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        actions[i] = positions[i] < 0 ? nullptr : &actions_[static_cast<std::size_t>(positions[i])];
        rte_prefetch0(actions[i]);
    }
}

}  // namespace tcqf::dataplane
