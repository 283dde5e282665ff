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
    std::array<std::uint32_t, kMaxEntries> entries{};

    bool operator==(const LabelStack&) const = default;

    /// An entry with `marks`: TC and TTL in their places.
    std::uint32_t entry(unsigned index, std::uint32_t marks) const {
        return entries[index] | (marks & (0u - static_cast<std::uint32_t>(marked >> index & 1)));
    }
    /// Writes all entries at `top`, at least one; `bottom`: no labels are beneath them.
    void write(std::uint8_t* top, std::uint32_t marks, bool bottom) const {
        for (unsigned i = 0; i < count; ++i) {
            store32(top + i * kLabelOctets, entry(i, marks));
        }
        top[count * kLabelOctets - 2] |= static_cast<std::uint8_t>(bottom);  // S
    }
};

/// An entry that is pushed: without TC and TTL, and without S.
struct PushedEntry {
    std::uint32_t value = 0;
    bool is_label = false;
    bool is_marked = false;  ///< has a TC and a TTL
};

/// Gives `take` the labels of an adjacency one by one, from the top, with a selector in reach of
/// every router on the way (RFC 9994, 7); where there is no label, the selector alone.
template <class Take>
void lay_out(const Adjacency& adjacency, const std::optional<PushedSelector>& selector,
             const Take& take) {
    const unsigned labels = adjacency.label_count;
    const auto take_selector = [&] {
        const auto entries = selector_entries(selector->selector, selector->opcode);
        for (unsigned i = 0; i < kSelectorEntries; ++i) {
            take(PushedEntry{.value = entries[i], .is_marked = i == 0});
        }
    };
    const CopyPlaces places =
        selector ? selector_places(labels, adjacency.readable_depth) : CopyPlaces{};
    for (unsigned i = 0; i < labels; ++i) {
        take(PushedEntry{.value = adjacency.labels[i] << 12, .is_label = true, .is_marked = true});
        if (places.beneath(i + 1)) {
            take_selector();
        }
    }
    if (selector && labels == 0) {
        take_selector();
    }
}

/// What lay_out() gives, as a whole.
LabelStack label_stack(const Adjacency& adjacency, const std::optional<PushedSelector>& selector);

/// Writes the labels of an adjacency at `top`, without a selector; `bottom`: there is at least one,
/// and no labels are beneath them.
inline void write_labels_of(const Adjacency& adjacency, std::uint8_t* top, std::uint32_t marks,
                            bool bottom) {
    for (unsigned i = 0; i < adjacency.label_count; ++i) {
        store32(top + i * kLabelOctets, adjacency.labels[i] << 12 | marks);
    }
    if (bottom) {
        top[adjacency.label_count * kLabelOctets - 2] |= 1;  // S
    }
}

/// Its length.
constexpr std::uint32_t label_stack_octets(const Adjacency& adjacency, bool has_selector) {
    const unsigned labels = adjacency.label_count;
    const unsigned selectors = !has_selector ? 0
                               : labels == 0
                                   ? 1
                                   : selector_places(labels, adjacency.readable_depth).count;
    return (labels + selectors * kSelectorEntries) * kLabelOctets;
}

}  // namespace tcqf::dataplane
