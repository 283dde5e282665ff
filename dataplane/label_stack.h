// Label stack entries that are pushed in front of a packet, prepared.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/adjacency.h"
#include "dataplane/headers.h"
#include "dataplane/network_actions.h"

namespace tcqf::dataplane {

/// The selector that goes among pushed labels.
struct PushedSelector {
    std::uint32_t selector = 0;
    std::uint8_t opcode = 0;
};

/// From the top; without TC and TTL, and without S.
struct alignas(64) LabelStack {
    /// At most one sub-stack a label.
    static constexpr unsigned kMaxEntries = kMaxPushedLabels * (1 + kSelectorEntries);

    std::uint64_t marked = 0;  ///< bit set of the entries that have a TC and a TTL
    std::uint8_t count = 0;
    std::uint8_t last_label = 0;  ///< position of the label at the bottom
    std::array<std::uint32_t, kMaxEntries> entries{};

    bool operator==(const LabelStack&) const = default;

    /// An entry with `marks`: TC and TTL in their places.
    std::uint32_t entry(unsigned index, std::uint32_t marks) const {
        return entries[index] | (marks & (0u - static_cast<std::uint32_t>(marked >> index & 1)));
    }
    /// Writes all entries at `top`, in front of a packet that has no labels yet; at least one.
    void write(std::uint8_t* top, std::uint32_t marks) const {
        for (unsigned i = 0; i < count; ++i) {
            store32(top + i * kLabelOctets, entry(i, marks));
        }
        top[count * kLabelOctets - 2] |= 1;  // S
    }
};

/// The labels of an adjacency with a selector in reach of every router on the way (RFC 9994, 7);
/// where there is no label, the selector alone.
LabelStack label_stack(const Adjacency& adjacency, const std::optional<PushedSelector>& selector);

}  // namespace tcqf::dataplane
