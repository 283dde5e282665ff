// Random inputs of properties.
#pragma once

#include <rapidcheck.h>

#include <cstdint>

namespace tcqf::test {

/// 2023-11-14T22:13:20 TAI: a time of today that is the start of a cycle at T = 100 us and C = 4.
inline constexpr std::int64_t kToday = 1'700'000'000'000'000'000;

/// Wide enough for every intermediate result.
__extension__ using Wide = __int128;

/// A number in [low, high], at full size: else ranges grow from nothing over the cases of a
/// property.
template <class T>
T in_range(T low, T high) {
    return static_cast<T>(*rc::gen::resize(
        rc::kNominalSize, rc::gen::inRange<std::int64_t>(static_cast<std::int64_t>(low),
                                                         static_cast<std::int64_t>(high) + 1)));
}

/// Floor by trial, for b > 0.
inline Wide floor_by_trial(Wide a, Wide b) {
    Wide quotient = a / b;
    while (quotient * b > a) {
        --quotient;
    }
    while ((quotient + 1) * b <= a) {
        ++quotient;
    }
    return quotient;
}

}  // namespace tcqf::test
