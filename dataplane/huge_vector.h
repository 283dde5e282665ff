// Vectors in huge pages: a table that is read at random costs a look-up in it, not one in the
// processor's page tables as well.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory_resource>
#include <new>
#include <vector>

namespace tcqf::dataplane {

/// Asks the kernel for transparent huge pages where an array fills at least one; what it grants is
/// its own affair.
template <class T>
struct HugePageAllocator {
    using value_type = T;
    static constexpr std::size_t kHugePageOctets = 2u << 20;

    HugePageAllocator() = default;
    template <class U>
    explicit HugePageAllocator(const HugePageAllocator<U>&) {}

    T* allocate(std::size_t count) {
        const std::size_t octets = count * sizeof(T);
        if (octets < kHugePageOctets) {
            return static_cast<T*>(::operator new (octets, std::align_val_t{alignof(T)}));
        }
        const std::size_t rounded =
            (octets + kHugePageOctets - 1) / kHugePageOctets * kHugePageOctets;
        void* memory = std::aligned_alloc(kHugePageOctets, rounded);
        if (memory == nullptr) {
            throw std::bad_alloc();
        }
        madvise(memory, rounded, MADV_HUGEPAGE);
        return static_cast<T*>(memory);
    }
    void deallocate(T* memory, std::size_t count) {
        if (count * sizeof(T) < kHugePageOctets) {
            ::operator delete (memory, std::align_val_t{alignof(T)});
        } else {
            std::free(memory);
        }
    }
    bool operator==(const HugePageAllocator&) const { return true; }
};

/// The same for what std::pmr makes of it: a pool of many small objects, for example.
class HugePageResource : public std::pmr::memory_resource {
    void* do_allocate(std::size_t octets, std::size_t) override {
        return HugePageAllocator<Block>().allocate(blocks_of(octets));
    }
    void do_deallocate(void* memory, std::size_t octets, std::size_t) override {
        HugePageAllocator<Block>().deallocate(static_cast<Block*>(memory), blocks_of(octets));
    }
    bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        return dynamic_cast<const HugePageResource*>(&other) != nullptr;
    }

    struct alignas(64) Block {
        std::byte bytes[64];
    };
    static std::size_t blocks_of(std::size_t octets) {
        return (octets + sizeof(Block) - 1) / sizeof(Block);
    }
};

template <class T>
using HugeVector = std::vector<T, HugePageAllocator<T>>;

}  // namespace tcqf::dataplane
