// A whole configured worker against hostile frames: whatever comes, the account balances at every
// step, nothing that was in a buffer before is on the wire, and nothing reads or writes out of
// bounds.
//
// Input: records of (interface and options 1, length 2, time step 1, frame).

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/dataplane/test_config.h"
#include "tests/dataplane/test_router.h"

namespace {

using tcqf::test::Frame;
using tcqf::test::TestRouter;

constexpr std::int64_t kStart = 1'700'000'000'000'000'000;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

/// Eight octets of poison in a row that no input contained can only come from a buffer.
bool leaks(const Frame& frame, bool input_has_poison) {
    if (input_has_poison) {
        return false;
    }
    unsigned run = 0;
    for (const std::uint8_t octet : frame) {
        run = octet == tcqf::test::kPoison ? run + 1 : 0;
        if (run >= 8) {
            return true;
        }
    }
    return false;
}

std::vector<std::unique_ptr<TestRouter>>& routers() {
    static auto all = [] {
        std::vector<std::unique_ptr<TestRouter>> made;
        const char* const option = "ipv6-option, option-header: hop-by-hop";
        const char* const destination = "ipv6-option, option-header: destination";
        const std::string discard = "unknown-option-action: discard\n";
        const std::pair<const char*, std::string> kinds[] = {
            {"mpls-tc", tcqf::test::segment_routing()},   {"dscp", ""},
            {option, tcqf::test::segment_routing()},      {destination, discard},
            {destination, tcqf::test::segment_routing()},
        };
        for (const auto& [tagging, more] : kinds) {
            TestRouter::Options options;
            options.packets = 2048;
            options.workers = made.size() % 2 + 1;
            made.push_back(std::make_unique<TestRouter>(
                tcqf::test::four_interfaces(tagging, 4, more), options));
            tcqf::test::poison(made.back()->pool());
        }
        return made;
    }();
    return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static std::int64_t now_ns = kStart;
    if (size < 1) {
        return 0;
    }
    TestRouter& router = *routers()[data[0] % routers().size()];
    const bool input_has_poison = std::memchr(data, tcqf::test::kPoison, size) != nullptr;
    std::size_t at = 1;
    while (size - at >= 4) {
        const std::size_t interface = data[at] % 4;
        const bool right_address = (data[at] & 0x80) == 0;
        const std::size_t wanted = data[at + 1] << 8 | data[at + 2];
        const std::int64_t pause_ns = std::int64_t{data[at + 3]} * 1000;
        at += 4;
        const std::size_t octets = std::min(wanted, size - at);
        Frame frame(data + at, data + at + octets);
        at += octets;
        if (right_address && frame.size() >= 6) {
            const auto port = static_cast<std::uint8_t>(interface + 1);
            const std::uint8_t mac[6] = {2, 0, 0, 0, port, 1};
            std::memcpy(frame.data(), mac, 6);
        }
        router.arrive(interface, now_ns, frame);
        router.step(now_ns);
        require(router.router().account().balances());
        now_ns += pause_ns;
    }
    router.run_until(now_ns + 100'000'000, now_ns);
    now_ns += 100'000'000;
    const auto account = router.router().account();
    require(account.balances());
    require(account.queued == 0);
    for (std::size_t i = 0; i < 4; ++i) {
        for (auto* port : {&router.wire(i), &router.kernel(i)}) {
            for (const auto& sent : port->sent()) {
                require(!leaks(sent.frame, input_has_poison));
            }
            port->sent().clear();
        }
    }
    return 0;
}
