#include "dataplane/label_stack.h"

namespace tcqf::dataplane {
namespace {

void add(LabelStack& stack, std::uint32_t entry, bool marked) {
    stack.marked |= std::uint64_t{marked} << stack.count;
    stack.entries[stack.count++] = entry;
}

void add_selector(LabelStack& stack, const PushedSelector& selector) {
    const auto entries = selector_entries(selector.selector, selector.opcode, 0, false);
    add(stack, entries[0], true);
    add(stack, entries[1], false);
    add(stack, entries[2], false);
}

}  // namespace

LabelStack label_stack(const Adjacency& adjacency, const std::optional<PushedSelector>& selector) {
    static_assert(kSelectorEntries == 3 && LabelStack::kMaxEntries <= 64);
    LabelStack stack;
    const unsigned group = labels_above(kSelectorEntries, adjacency.readable_depth);
    for (unsigned i = 0; i < adjacency.label_count; ++i) {
        stack.last_label = stack.count;
        add(stack, adjacency.labels[i] << 12, true);
        if (selector && (i + 1u == adjacency.label_count || (i + 1) % group == 0)) {
            add_selector(stack, *selector);
        }
    }
    if (selector && stack.count == 0) {
        add_selector(stack, *selector);
    }
    return stack;
}

}  // namespace tcqf::dataplane
