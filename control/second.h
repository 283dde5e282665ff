// Times that kernel and capture files split at the second.
#pragma once

#include <cstdint>
#include <ctime>

namespace tcqf::control {

inline constexpr std::int64_t kNsPerSecond = 1'000'000'000;

/// Seconds of a pcap file have 32 bits: what is later cannot be read or written.
inline constexpr std::int64_t kEndOfPcapTimeNs = (std::int64_t{1} << 32) * kNsPerSecond;

inline std::int64_t to_ns(const timespec& time) {
    return std::int64_t{time.tv_sec} * kNsPerSecond + time.tv_nsec;
}

inline std::int64_t read_clock_ns(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return to_ns(time);
}

}  // namespace tcqf::control
