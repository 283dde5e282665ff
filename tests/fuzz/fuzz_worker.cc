// A whole configured worker against hostile frames: whatever comes, the account balances at every
// step, what was in a buffer before neither is on the wire nor decides anything, and nothing reads
// or writes out of bounds.
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
#include "tests/dataplane/twin_routers.h"

namespace {

using tcqf::test::Frame;
using tcqf::test::TestRouter;
using tcqf::test::TwinRouters;

constexpr std::int64_t kStart = 1'700'000'000'000'000'000;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

std::vector<std::unique_ptr<TwinRouters>>& routers() {
    static auto all = [] {
        std::vector<std::unique_ptr<TwinRouters>> made;
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
            made.push_back(std::make_unique<TwinRouters>(
                tcqf::test::four_interfaces(tagging, 4, more), options));
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
    TwinRouters& twins = *routers()[data[0] % routers().size()];
    const tcqf::dataplane::Router& router = twins.one().router();
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
        twins.arrive(interface, now_ns, frame);
        twins.step(now_ns);
        require(router.account().balances());
        now_ns += pause_ns;
    }
    twins.run_until(now_ns + 100'000'000, now_ns);
    now_ns += 100'000'000;
    const auto account = router.account();
    require(account.balances());
    require(account.queued == 0);
    require(twins.agree());
    twins.forget();
    return 0;
}
