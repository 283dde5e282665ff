// DPDK's environment for a program that measures.
#pragma once

#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace tcqf::perf {

/// Throws std::runtime_error where the environment does not start.
inline void start_eal(const char* program, const std::vector<std::string>& arguments) {
    std::vector<std::string> words = {program, "--force-max-simd-bitwidth=512"};  // as tcqfd
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    pointers.reserve(words.size());
    for (std::string& word : words) {
        pointers.push_back(word.data());
    }
    if (rte_eal_init(static_cast<int>(pointers.size()), pointers.data()) < 0) {
        throw std::runtime_error(
            fmt::format("DPDK's environment does not start: {}", rte_strerror(rte_errno)));
    }
}

}  // namespace tcqf::perf
