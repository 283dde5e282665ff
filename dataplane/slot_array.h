// An array that the control thread lengthens while workers use it: elements never move.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <stdexcept>

namespace tcqf::dataplane {

template <class Element>
class SlotArray {
  public:
    static constexpr std::size_t kChunk = 4096;
    static constexpr std::size_t kMaxChunks = 4096;

    SlotArray() = default;
    SlotArray(const SlotArray&) = delete;
    SlotArray& operator=(const SlotArray&) = delete;
    ~SlotArray() {
        for (auto& chunk : chunks_) {
            delete[] chunk.load(std::memory_order_relaxed);
        }
    }

    /// Control thread: makes elements 0..size-1 usable.
    void reserve(std::size_t size) {
        if (size > kChunk * kMaxChunks) {
            throw std::runtime_error("more than 16777216 flows or SIDs");
        }
        for (std::size_t i = 0; i * kChunk < size; ++i) {
            if (chunks_[i].load(std::memory_order_relaxed) == nullptr) {
                chunks_[i].store(new Element[kChunk]{}, std::memory_order_release);
            }
        }
    }

    /// Control thread: makes an element that nobody uses what it was at first.
    void renew(std::size_t index) {
        if (Element* chunk = chunks_[index / kChunk].load(std::memory_order_relaxed)) {
            std::destroy_at(&chunk[index % kChunk]);
            std::construct_at(&chunk[index % kChunk]);
        }
    }

    Element& operator[](std::size_t index) {
        return chunks_[index / kChunk].load(std::memory_order_acquire)[index % kChunk];
    }

  private:
    std::array<std::atomic<Element*>, kMaxChunks> chunks_{};
};

}  // namespace tcqf::dataplane
