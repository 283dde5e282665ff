// Labelled packets with tags from ge0 to ge1 of four_interfaces(), and what must be right about
// them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>

#include "tests/dataplane/frames.h"
#include "tests/dataplane/test_router.h"

namespace tcqf::test {

inline constexpr std::int64_t kStart = 1'700'000'000'000'000'000;
inline constexpr std::int64_t kCycleNs = 100'000;

inline std::uint64_t dropped(const dataplane::Account& account, dataplane::DropReason reason) {
    return account.dropped[static_cast<std::size_t>(reason)];
}

/// A labelled packet for ge1 with the tag of cycle `id` of ge0.
inline Frame tagged(unsigned id) {
    return ethernet(0, dataplane::ethertype::kMpls) +
           label(101, static_cast<std::uint8_t>(id), true, 64) + ipv4_udp(0x0a0a0101, 0, 40);
}

inline std::uint8_t tag_of(const Frame& frame) {
    return dataplane::mpls::tc(dataplane::load32(&frame[14]));
}

/// The identifier of the cycle of `cycles` cycles in which an instant lies.
inline unsigned id_at(std::int64_t now_ns, unsigned cycles) {
    return static_cast<unsigned>(now_ns / kCycleNs % cycles) + 1;
}

inline void expect_right_cycles(TestRouter& router, unsigned cycles) {
    for (const Sent& sent : router.wire(1).sent()) {
        if (dataplane::load16(&sent.frame[12]) != dataplane::ethertype::kMpls) {
            continue;  // best effort
        }
        EXPECT_EQ(tag_of(sent.frame), id_at(sent.start_ns, cycles)) << sent.start_ns - kStart;
    }
}

}  // namespace tcqf::test
