// Labels to actions, directly.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "dataplane/adjacency.h"

namespace tcqf::dataplane {

enum class LabelKind : std::uint8_t {
    none,
    swap,
    pop,
    pop_and_lookup,
    detnet_pop,
    policy,  ///< a binding SID
};

/// Half a cache line.
struct alignas(32) LabelAction {
    LabelKind kind = LabelKind::none;
    std::uint8_t sequence_bits = 0;
    bool is_plain = false;     ///< swap, or pop to next hops that push nothing
    std::uint32_t policy = 0;  ///< binding SID: in Snapshot::policies
    HopSet hops{};
    const Adjacency* sole_hop = nullptr;  ///< of a plain one, where there are no others
};
static_assert(sizeof(LabelAction) == 32);

/// Pages of 1,024 labels, those without a label in use all the same one. A copy shares all pages;
/// set() copies the page that it changes.
class LabelTable {
  public:
    LabelTable() { pages_.fill(unused_); }

    /// `hops` is kept as long as the action is.
    void set(std::uint32_t label, const LabelAction& action, const HopGroup& hops);
    const LabelAction& find(std::uint32_t label) const {
        return pages_[label / kPage]->actions[label % kPage];
    }
    /// The next hops of a label with their owner.
    const HopGroup& hops_of(std::uint32_t label) const {
        return pages_[label / kPage]->groups[label % kPage];
    }
    /// True where both have the same object for the labels around this one.
    bool shares_page(const LabelTable& other, std::uint32_t label) const {
        return pages_[label / kPage] == other.pages_[label / kPage];
    }

  private:
    static constexpr std::uint32_t kPage = 1024;
    struct Page {
        std::array<LabelAction, kPage> actions;
        std::array<HopGroup, kPage> groups;
        std::uint32_t used = 0;
    };
    // The control thread alone copies tables, so a page with one owner is this table's own.
    std::array<std::shared_ptr<Page>, (1u << 20) / kPage> pages_;
    std::shared_ptr<Page> unused_ = std::make_shared<Page>();
};

}  // namespace tcqf::dataplane
