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
    unsigned entries = 0;  ///< of the sub-stack, A included; 0: malformed
    bool bottom = false;   ///< its last entry is the bottom of the stack
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

}  // namespace tcqf::dataplane
