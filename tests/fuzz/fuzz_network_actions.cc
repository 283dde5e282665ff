// MPLS network actions: what is read lies within the stack, does not depend on what follows the
// sub-stack, and a selector that was written is read again.
//
// Input: label stack entries; the first one gets label 4.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "dataplane/headers.h"
#include "dataplane/network_actions.h"

using namespace tcqf::dataplane;

namespace {

constexpr std::uint8_t kOpcode = 115;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

bool same(const NetworkActions& a, const NetworkActions& b) {
    return a.entries == b.entries && a.bottom == b.bottom && a.has_selector == b.has_selector &&
           a.must_drop == b.must_drop && a.selector == b.selector;
}

void check_written(std::uint32_t first) {
    const std::uint32_t selector = first & 0xfffff;
    auto entries = selector_entries(selector, kOpcode);
    entries.front() |= first & mpls::kMarks;
    entries.back() |= mpls::kBottom;
    std::vector<std::uint8_t> stack;
    for (const std::uint32_t entry : entries) {
        stack.resize(stack.size() + kLabelOctets);
        store32(&stack[stack.size() - kLabelOctets], entry);
    }
    const NetworkActions read = read_network_actions(stack, kOpcode);
    require(read.entries == kSelectorEntries && read.bottom && read.has_selector &&
            read.selector == selector && !read.must_drop);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::uint8_t> stack(data, data + size / kLabelOctets * kLabelOctets);
    if (stack.empty()) {
        return 0;
    }
    check_written(load32(stack.data()));
    store32(stack.data(), (load32(stack.data()) & 0xfff) | kNetworkActionLabel << 12);
    const NetworkActions read = read_network_actions(stack, kOpcode);
    const std::size_t octets = std::size_t{read.entries} * kLabelOctets;
    require(octets <= stack.size());
    if (read.entries == 0) {
        return 0;
    }
    require(read.entries >= 2 && (!read.has_selector || read.selector < 1u << 20));
    require(read.bottom == mpls::bottom(load32(&stack[octets - kLabelOctets])));
    // Exactly the sub-stack, so that address checkers see reads past its end.
    const std::vector<std::uint8_t> alone(stack.begin(),
                                          stack.begin() + static_cast<std::ptrdiff_t>(octets));
    require(same(read_network_actions(alone, kOpcode), read));
    return 0;
}
