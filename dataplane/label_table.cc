#include "dataplane/label_table.h"

#include <algorithm>

namespace tcqf::dataplane {
namespace {

bool pushes_nothing(const Adjacency& adjacency) {
    return adjacency.label_count == 0;
}

}  // namespace

void LabelTable::set(std::uint32_t label, const LabelAction& action, const HopGroup& hops) {
    std::shared_ptr<Page>& page = pages_[label / kPage];
    if (page.use_count() > 1) {
        page = std::make_shared<Page>(*page);
    }
    LabelAction& placed = page->actions[label % kPage];
    page->used += placed.kind == LabelKind::none ? 1 : 0;
    page->used -= action.kind == LabelKind::none ? 1 : 0;
    placed = action;
    placed.hops = hop_set_of(hops);
    placed.is_plain =
        placed.kind == LabelKind::swap || (placed.kind == LabelKind::pop && hops != nullptr &&
                                           std::all_of(hops->begin(), hops->end(), pushes_nothing));
    placed.sole_hop = placed.is_plain && placed.hops.count == 1 ? placed.hops.first : nullptr;
    page->groups[label % kPage] = hops;
    if (page->used == 0) {
        page = unused_;
    }
}

}  // namespace tcqf::dataplane
