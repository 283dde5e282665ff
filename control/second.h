// What kernel and capture files split times at.
#pragma once

#include <cstdint>

namespace tcqf::control {

inline constexpr std::int64_t kNsPerSecond = 1'000'000'000;

}  // namespace tcqf::control
