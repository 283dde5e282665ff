#include "dataplane/label_stack.h"

namespace tcqf::dataplane {

LabelStack label_stack(const Adjacency& adjacency, const std::optional<PushedSelector>& selector) {
    static_assert(LabelStack::kMaxEntries <= 64);
    LabelStack stack;
    lay_out(adjacency, selector, [&stack](const PushedEntry& entry) {
        stack.marked |= std::uint64_t{entry.is_marked} << stack.count;
        stack.entries[stack.count++] = entry.value;
    });
    return stack;
}

}  // namespace tcqf::dataplane
