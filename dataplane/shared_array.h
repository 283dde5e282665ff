// An array that never changes once it is built, so that one after another table can have it.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/huge_vector.h"

namespace tcqf::dataplane {

/// `Owner`: what keeps alive the things that elements point to; by position where the builder wants
/// it so.
template <class Element, class Owner = std::shared_ptr<const void>>
class SharedArray {
  public:
    struct Content {
        HugeVector<Element> elements;
        std::vector<Owner> owners;
    };

    SharedArray() : SharedArray(Content{}) {}
    explicit SharedArray(Content content)
        : content_(std::make_shared<const Content>(std::move(content))),
          first_(content_->elements.data()) {}
    explicit SharedArray(const std::vector<Element>& elements)
        : SharedArray(Content{{elements.begin(), elements.end()}, {}}) {}

    const Element& operator[](std::size_t index) const { return first_[index]; }
    std::size_t size() const { return content_->elements.size(); }
    bool empty() const { return content_->elements.empty(); }
    const Element* begin() const { return first_; }
    const Element* end() const { return first_ + size(); }

    /// For the builder of the next one.
    const Content& content() const { return *content_; }
    /// True where both are the same object, not merely equal.
    bool same_as(const SharedArray& other) const { return content_ == other.content_; }

  private:
    std::shared_ptr<const Content> content_;
    const Element* first_;  // saves workers a memory access
};

}  // namespace tcqf::dataplane
