#include "dataplane/network_actions.h"

#include "dataplane/headers.h"

namespace tcqf::dataplane {
namespace {

constexpr std::uint8_t kFlagOpcode = 1;
constexpr std::uint8_t kNoOperation = 2;
constexpr std::uint8_t kExtension = 127;
constexpr std::uint32_t kHopByHopScope = 1;
constexpr std::uint32_t kSelectScope = 2;
constexpr std::uint32_t kReservedScope = 3;

std::uint8_t opcode(std::uint32_t entry) {
    return static_cast<std::uint8_t>(entry >> 25);
}
std::uint32_t scope(std::uint32_t b) {
    return b >> 9 & 3;
}
unsigned nasl(std::uint32_t b) {
    return b >> 4 & 15;
}
bool drop_if_unknown(std::uint32_t entry) {
    return (entry & 8) != 0;
}
unsigned nal(std::uint32_t entry) {
    return entry & 7;
}
std::uint32_t selector_of(std::uint32_t c) {
    return (c >> 9 & 0xffff) << 4 | (c >> 4 & 15);
}

}  // namespace

NetworkActions read_network_actions(std::span<const std::uint8_t> stack, std::uint8_t nrp_opcode) {
    NetworkActions actions;
    const auto entry = [stack](unsigned index) {
        return load32(stack.data() + index * kLabelOctets);
    };
    const unsigned available = static_cast<unsigned>(stack.size() / kLabelOctets);
    if (available < 2 || mpls::bottom(entry(0))) {
        return actions;
    }
    const std::uint32_t b = entry(1);
    const unsigned entries = 2 + nasl(b);
    if (entries > available || opcode(b) == 0) {
        return actions;
    }
    for (unsigned i = 1; i + 1 < entries; ++i) {
        if (mpls::bottom(entry(i))) {
            return actions;
        }
    }
    const bool known_scope = scope(b) != kReservedScope;
    actions.is_hop_by_hop = scope(b) == kHopByHopScope;
    actions.is_select = scope(b) == kSelectScope;
    actions.is_for_all = actions.is_hop_by_hop || !known_scope;
    const auto asks_to_drop = [&](std::uint32_t action) {
        const std::uint8_t code = opcode(action);
        const bool known =
            known_scope && (code == kFlagOpcode || code == kNoOperation || code == nrp_opcode);
        return code == kExtension || (!known && drop_if_unknown(action));  // RFC 9994, 6.4 and 5.4
    };
    actions.must_drop = asks_to_drop(b);
    if (nal(b) > nasl(b)) {
        return actions;
    }
    for (unsigned i = 2 + nal(b); i < entries;) {
        const std::uint32_t c = entry(i);
        if (opcode(c) == 0 || i + 1 + nal(c) > entries) {
            return actions;
        }
        if (opcode(c) == nrp_opcode && known_scope && !actions.has_selector) {
            actions.has_selector = true;
            actions.selector = selector_of(c);
        }
        actions.must_drop |= asks_to_drop(c);
        i += 1 + nal(c);
    }
    actions.entries = entries;
    actions.bottom = mpls::bottom(entry(entries - 1));
    return actions;
}

PlacedActions find_hop_by_hop(std::span<const std::uint8_t> stack, std::uint8_t nrp_opcode) {
    for (std::size_t at = 0; at < stack.size();) {
        if (mpls::label(load32(stack.data() + at)) != kNetworkActionLabel) {
            at += kLabelOctets;
            continue;
        }
        const NetworkActions actions = read_network_actions(stack.subspan(at), nrp_opcode);
        if (actions.entries == 0) {
            break;
        }
        if (actions.is_hop_by_hop) {
            return {.first = stack.data() + at,
                    .entries = actions.entries,
                    .above = static_cast<unsigned>(at / kLabelOctets)};
        }
        at += actions.entries * kLabelOctets;
    }
    return {};
}

std::array<std::uint32_t, kSelectorEntries> selector_entries(std::uint32_t selector,
                                                             std::uint8_t nrp_opcode) {
    constexpr std::uint32_t kOneMore = 1u << 4;  // NASL
    return {kNetworkActionLabel << 12,
            std::uint32_t{kNoOperation} << 25 | kHopByHopScope << 9 | kOneMore,
            std::uint32_t{nrp_opcode} << 25 | (selector >> 4 & 0xffff) << 9 | (selector & 15) << 4};
}

}  // namespace tcqf::dataplane
