// Names for DPDK's tables, which must be unique in a process.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace tcqf::dataplane {

inline std::string unique_name(const char* what) {
    static std::atomic<std::uint64_t> count = 0;
    return what + std::to_string(count.fetch_add(1, std::memory_order_relaxed));
}

}  // namespace tcqf::dataplane
