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
    bool has_selector = false;
    bool must_drop = false;  ///< an unknown action asks for it
    std::uint32_t selector = 0;
};

/// Reads the sub-stack at the front of `stack`, whose first entry has label 4. `stack` ends with
/// the bottom of the label stack or before.
NetworkActions read_network_actions(std::span<const std::uint8_t> stack, std::uint8_t nrp_opcode);

/// The entries for a selector, hop-by-hop scope, in host order. `forwarding`: the entry above,
/// whose TC and TTL are copied. S is set on the last one where `bottom`.
std::array<std::uint32_t, kSelectorEntries> selector_entries(std::uint32_t selector,
                                                             std::uint8_t nrp_opcode,
                                                             std::uint32_t forwarding, bool bottom);

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

/// Whether a copy of a sub-stack of `entries`, which ends `below` entries beneath `labels` that are
/// pushed above it, goes right beneath the `number`-th of them, from 1 (RFC 9994, 7.1): as often as
/// needed for a router to find one within reach, whichever labels have been taken off before.
constexpr bool needs_copy(unsigned number, unsigned labels, unsigned below, unsigned entries,
                          unsigned readable_depth) {
    const unsigned group = labels_above(entries, readable_depth);
    const unsigned copied_above = (number - 1) / group * group;  // labels above the copy before
    return labels - copied_above + below > readable_depth &&
           (number % group == 0 || number == labels);
}

/// Sub-stacks among `labels` of them: one at the bottom and copies above it, so that every router
/// on the way finds one within reach (RFC 9994, 7). One where there is no label.
constexpr unsigned selector_copies(unsigned labels, unsigned readable_depth) {
    const unsigned group = labels_above(kSelectorEntries, readable_depth);
    return labels == 0 ? 1 : (labels + group - 1) / group;
}

}  // namespace tcqf::dataplane
