#include "dataplane/label_table.h"

namespace tcqf::dataplane {

void LabelTable::set(std::uint32_t label, const LabelAction& action, const HopGroup& hops) {
    std::shared_ptr<Page>& page = pages_[label / kPage];
    if (page == nullptr) {
        page = std::make_shared<Page>();
    } else if (page.use_count() > 1) {
        page = std::make_shared<Page>(*page);
    }
    LabelAction& placed = page->actions[label % kPage];
    placed = action;
    placed.hops = hop_set_of(hops);
    placed.sole_swap =
        placed.kind == LabelKind::swap && placed.hops.count == 1 ? placed.hops.first : nullptr;
    page->groups[label % kPage] = hops;
}

HopGroup LabelTable::hops_of(std::uint32_t label) const {
    const Page* page = pages_[label / kPage].get();
    return page == nullptr ? nullptr : page->groups[label % kPage];
}

}  // namespace tcqf::dataplane
