// ICMP and ICMPv6 errors: what is said, and how often (RFC 792, RFC 4443, RFC 1812 4.3.2).
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

namespace tcqf::dataplane {

/// An error in both languages; `value` is the MTU or the pointer.
struct IcmpError {
    std::uint8_t ipv4_type = 0;
    std::uint8_t ipv4_code = 0;
    std::uint8_t ipv6_type = 0;
    std::uint8_t ipv6_code = 0;
    std::uint32_t value = 0;
    bool answers_multicast = false;  ///< RFC 4443 2.4 (e.3): too big, and options with action 10

    static constexpr IcmpError no_route() { return {3, 0, 1, 0, 0, false}; }
    static constexpr IcmpError host_unreachable() { return {3, 1, 1, 3, 0, false}; }
    static constexpr IcmpError time_exceeded() { return {11, 0, 3, 0, 0, false}; }
    static constexpr IcmpError too_big(std::uint32_t mtu) { return {3, 4, 2, 0, mtu, true}; }
    static constexpr IcmpError bad_field(std::uint32_t pointer) {
        return {12, 0, 4, 0, pointer, false};
    }
    static constexpr IcmpError upper_layer(std::uint32_t pointer) {
        return {12, 0, 4, 4, pointer, false};
    }
    static constexpr IcmpError unknown_option(std::uint32_t pointer, bool answers_multicast) {
        return {12, 0, 4, 2, pointer, answers_multicast};
    }
};

/// The headers of a packet as they were received, labels in front, where they have been written
/// over since: an error quotes them so (RFC 4443, 2.4 (c)).
struct KeptHeaders {
    std::uint32_t octets = 0;               ///< of `bytes` that hold headers; the rest is as it was
    std::uint32_t packet_octets = 0;        ///< of layer 3, labels included
    std::array<std::uint8_t, 65536> bytes;  ///< no mbuf holds more
};

/// At most `kBurst` errors at once and `kPerSecond` in the long run (RFC 4443, 2.4 (f)). A bucket
/// belongs to a receiving interface, so that the number of workers changes nothing.
class TokenBucket {
  public:
    static constexpr std::int64_t kPerSecond = 10;
    static constexpr std::int64_t kBurst = 10;

    bool take(std::int64_t now_ns) {
        std::int64_t before_ns = full_at_ns_.load(std::memory_order_relaxed);
        while (true) {
            const bool was_set_back = now_ns < before_ns - kBurst * kIntervalNs;  // the clock
            const std::int64_t after_ns =
                (was_set_back ? now_ns : std::max(before_ns, now_ns)) + kIntervalNs;
            if (after_ns - now_ns > kBurst * kIntervalNs) {
                return false;
            }
            if (full_at_ns_.compare_exchange_weak(before_ns, after_ns, std::memory_order_relaxed)) {
                return true;
            }
        }
    }

  private:
    static constexpr std::int64_t kIntervalNs = 1'000'000'000 / kPerSecond;
    std::atomic<std::int64_t> full_at_ns_ = 0;  // when the bucket will be full again
};

}  // namespace tcqf::dataplane
