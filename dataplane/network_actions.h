// MPLS network actions: the sub-stack that carries a partition's selector (RFC 9994; NRP selector
// in the 20-bit form of draft-ietf-mpls-mna-nrp-selector).
//
//   A: | label 4 (20) | TC 3 | S | TTL 8 |
//   B: | opcode 7 | data 13 | R 1 | IHS 2 | S | NASL 4 | U 1 | NAL 3 |
//   C: | opcode 7 | data 16 | S | data 4 | U 1 | NAL 3 |
//   D: | 1 | data 22 | S | data 8 |
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace tcqf::dataplane {

inline constexpr std::uint32_t kNetworkActionLabel = 4;
/// A sub-stack that carries a selector and nothing else: A, B and one C.
inline constexpr unsigned kSelectorEntries = 3;

struct NetworkActions {
    unsigned entries = 0;        ///< of the sub-stack, A included; 0: malformed
    bool bottom = false;         ///< its last entry is the bottom of the stack
    bool is_hop_by_hop = false;  ///< its scope; the others count where the sub-stack is on top
    bool is_for_all = false;     ///< read beneath labels, too: hop-by-hop, or nobody knows for whom
    bool is_select = false;      ///< its scope: for the router that brings it to the top
    bool has_selector = false;
    bool must_drop = false;  ///< an unknown action asks for it
    std::uint32_t selector = 0;
};

/// Reads the sub-stack at the front of `stack`, whose first entry has label 4. `stack` ends with
/// the bottom of the label stack or before.
NetworkActions read_network_actions(std::span<const std::uint8_t> stack, std::uint8_t nrp_opcode);

/// The entries for a selector, hop-by-hop scope, in host order; TC and TTL, which are copied from
/// the entry above, and S are 0.
std::array<std::uint32_t, kSelectorEntries> selector_entries(std::uint32_t selector,
                                                             std::uint8_t nrp_opcode);

/// The most entries of a sub-stack: A, B and what NASL counts.
inline constexpr unsigned kMaxActionEntries = 2 + 15;

/// A sub-stack within a label stack.
struct PlacedActions {
    const std::uint8_t* first = nullptr;
    unsigned entries = 0;  ///< 0: there is none
    unsigned above = 0;    ///< entries of the stack in front of it
};

/// The topmost sub-stack of hop-by-hop scope in `stack`, which ends with its bottom.
PlacedActions find_hop_by_hop(std::span<const std::uint8_t> stack, std::uint8_t nrp_opcode);

/// How many labels may stand above a sub-stack of `entries` so that a router that reads
/// `readable_depth` entries finds all of it; never on top, so at least one.
constexpr unsigned labels_above(unsigned entries, unsigned readable_depth) {
    return readable_depth > entries + 1 ? readable_depth - entries : 1;
}

/// Where copies of a sub-stack go among labels that are pushed (RFC 9994, 7.1), so that every
/// router on the way finds one within reach, whichever labels have been taken off before: beneath
/// every `group` labels from the top, and beneath the last label, until the one that is there is in
/// reach.
struct CopyPlaces {
    unsigned labels = 0;
    unsigned group = 1;
    unsigned count = 0;

    /// Whether one goes right beneath the `number`-th label, from 1.
    constexpr bool beneath(unsigned number) const {
        return count != 0 && (number == labels || number % group == 0) &&
               (number - 1) / group < count;
    }
};

/// `below`: how many entries beneath the labels the sub-stack that is there, of `entries`, ends.
constexpr CopyPlaces copy_places(unsigned labels, unsigned below, unsigned entries,
                                 unsigned readable_depth) {
    CopyPlaces places{.labels = labels, .group = labels_above(entries, readable_depth)};
    for (unsigned above = 0; above < labels && labels - above + below > readable_depth;
         above += places.group) {
        ++places.count;
    }
    return places;
}

/// Where a selector goes that is not there yet: beneath the last label in any case.
constexpr CopyPlaces selector_places(unsigned labels, unsigned readable_depth) {
    return copy_places(labels, readable_depth, kSelectorEntries, readable_depth);
}

}  // namespace tcqf::dataplane
