// Two routers that differ only in what their packet buffers held before. Whatever the one sends,
// the other must send as well, octet for octet: else old octets went out, or decided something.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/dataplane/test_router.h"

namespace tcqf::test {

class TwinRouters {
  public:
    explicit TwinRouters(const std::string& yaml) : TwinRouters(yaml, {}) {}
    TwinRouters(const std::string& yaml, TestRouter::Options options) {
        for (std::size_t i = 0; i < twins_.size(); ++i) {
            options.poison = kPoisons[i];
            twins_[i] = std::make_unique<TestRouter>(yaml, options);
        }
    }

    /// What both do; look at it after agree().
    TestRouter& one() { return *twins_[0]; }

    void arrive(std::size_t interface, std::int64_t time_ns, const Frame& frame) {
        for (const auto& twin : twins_) {
            twin->poison_free_buffers(kBuffersOfAPacket);
            twin->arrive(interface, time_ns, frame);
        }
    }
    void step(std::int64_t now_ns) {
        for (const auto& twin : twins_) {
            twin->step(now_ns);
        }
    }
    void run_until(std::int64_t end_ns, std::int64_t from_ns) {
        for (const auto& twin : twins_) {
            twin->run_until(end_ns, from_ns);
        }
    }

    /// Whether both sent the same since the last forget().
    bool agree() {
        TestRouter& other = *twins_[1];
        for (std::size_t i = 0; i < other.interfaces(); ++i) {
            if (!equal(one().wire(i), other.wire(i)) || !equal(one().kernel(i), other.kernel(i))) {
                return false;
            }
        }
        return one().router().account().dropped == other.router().account().dropped;
    }
    void forget() {
        for (const auto& twin : twins_) {
            for (std::size_t i = 0; i < twin->interfaces(); ++i) {
                twin->wire(i).sent().clear();
                twin->kernel(i).sent().clear();
            }
        }
    }

  private:
    static constexpr std::array<std::uint8_t, 2> kPoisons = {kPoison, 0x2a};
    /// A packet becomes few others: fragments, an error, a copy.
    static constexpr std::size_t kBuffersOfAPacket = 16;

    static bool equal(MemoryPort& left, MemoryPort& right) {
        return std::equal(left.sent().begin(), left.sent().end(), right.sent().begin(),
                          right.sent().end(), [](const Sent& a, const Sent& b) {
                              return a.start_ns == b.start_ns && a.frame == b.frame;
                          });
    }

    std::array<std::unique_ptr<TestRouter>, 2> twins_;
};

}  // namespace tcqf::test
