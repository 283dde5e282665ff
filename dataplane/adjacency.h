// Next hops, ready to be written in front of a packet, and the choice among several.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "config/router.h"

namespace tcqf::dataplane {

using config::kMaxPushedLabels;

/// A resolved next hop: everything that is written to send a packet there.
struct alignas(64) Adjacency {
    std::array<std::uint8_t, 12> ethernet{};  ///< destination and source address
    config::InterfaceIndex oif = 0;
    std::uint8_t label_count = 0;
    bool resolved = false;       ///< a neighbour's MAC address is known
    bool reads_actions = false;  ///< the neighbour takes MPLS network actions
    std::uint8_t readable_depth = 16;
    std::uint32_t below = 0;  ///< of several: takes the points from the previous bound up to here
    std::array<std::uint32_t, kMaxPushedLabels> labels{};  ///< values alone, the first on top

    bool operator==(const Adjacency&) const = default;
};
static_assert(sizeof(Adjacency) == 64);

/// The next hops of one route, label, SID or segment list; owned by the tables that use them.
using HopGroup = std::shared_ptr<const std::vector<Adjacency>>;

/// What workers see of a group.
struct HopSet {
    const Adjacency* first = nullptr;
    std::uint32_t total_weight = 1;
    std::uint16_t count = 0;
};

inline HopSet hop_set_of(const HopGroup& group) {
    return group == nullptr || group->empty()
               ? HopSet{}
               : HopSet{.first = group->data(),
                        .total_weight = group->back().below,
                        .count = static_cast<std::uint16_t>(group->size())};
}

/// The one of several weighted choices that a hash over all 32 bits falls on: `first` is an array
/// whose bounds (`below`) grow up to `total_weight`.
template <class Choice>
const Choice& choose_by_weight(const Choice* first, std::uint32_t total_weight,
                               std::uint32_t hash) {
    const auto point = static_cast<std::uint32_t>(std::uint64_t{hash} * total_weight >> 32);
    while (point >= first->below) {
        ++first;
    }
    return *first;
}

}  // namespace tcqf::dataplane
