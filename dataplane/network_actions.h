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

/// How many labels may stand above a sub-stack so that a router that reads `readable_depth` entries
/// finds all of it; never on top, so at least one.
constexpr unsigned labels_above_selector(unsigned readable_depth) {
    return readable_depth > kSelectorEntries + 1 ? readable_depth - kSelectorEntries : 1;
}

/// Sub-stacks among `labels` of them: one at the bottom and copies above it, so that every router
/// on the way finds one within reach (RFC 9994, 7). One where there is no label.
constexpr unsigned selector_copies(unsigned labels, unsigned readable_depth) {
    const unsigned group = labels_above_selector(readable_depth);
    return labels == 0 ? 1 : (labels + group - 1) / group;
}

}  // namespace tcqf::dataplane
