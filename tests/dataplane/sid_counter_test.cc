// Packets and octets of each SID (RFC 8986, 6).
#include <gtest/gtest.h>

#include <memory>

#include "control/account_json.h"
#include "tests/dataplane/frames.h"
#include "tests/dataplane/test_config.h"
#include "tests/dataplane/test_router.h"

namespace tcqf::test {
namespace {

constexpr std::int64_t kStart = 1'700'000'000'000'000'000;

config::IpPrefix sid(const char* text) {
    return *config::IpPrefix::parse(text);
}

class SidCounters : public testing::TestWithParam<TestRouter::Options> {
  protected:
    SidCounters()
        : yaml_(four_interfaces("dscp", 4, segment_routing())), router_(yaml_, GetParam()) {}

    void send(const char* destination, unsigned packets, std::uint8_t left = 1) {
        for (unsigned i = 0; i < packets; ++i) {
            now_ns_ += 200'000'000;  // ICMP is rate limited
            router_.arrive(3, now_ns_, to_sid(destination, left));
            router_.run_until(now_ns_ + 1'000'000, now_ns_);
        }
    }
    std::uint64_t packets(const char* prefix) {
        const auto account = router_.router().sid_account();
        const auto found = account.find(sid(prefix));
        return found == account.end() ? 0 : found->second.packets;
    }

    std::string yaml_;
    TestRouter router_;
    std::int64_t now_ns_ = kStart;
};

TEST_P(SidCounters, CountWhatASidTookAndNotWhatItRefused) {
    send("fc00:1::1", 3);
    send("fc00:1::e1", 2);
    send("fc00:1::b1", 4);    // a binding SID
    send("fc00:1::1", 5, 9);  // segments left beyond the list
    const auto account = router_.router().sid_account();
    ASSERT_EQ(account.size(), 3u);
    EXPECT_EQ(account.at(sid("fc00:1::1/128")).packets, 3u);
    EXPECT_EQ(account.at(sid("fc00:1::1/128")).octets, 3 * (40u + 24 + 8));
    EXPECT_EQ(packets("fc00:1::e1/128"), 2u);
    EXPECT_EQ(packets("fc00:1::b1/128"), 4u);
    const std::string json = control::account_json(router_.router());
    EXPECT_NE(json.find("\"fc00:1::e1/128\""), std::string::npos) << json;
    EXPECT_NE(json.find("\"bytes\": 216"), std::string::npos) << json;
    EXPECT_TRUE(router_.router().account().balances());
}

TEST_P(SidCounters, GoOnOverReloads) {
    send("fc00:1::1", 3);
    auto config = std::make_shared<config::Router>(*load_or_throw(yaml_));
    config->srv6.local_sids.insert(config->srv6.local_sids.begin(), config->srv6.local_sids[0]);
    config->srv6.local_sids[0].sid = sid("fc00:1::77/128");
    ASSERT_EQ(router_.router().apply(config), "");
    send("fc00:1::77", 2);
    send("fc00:1::1", 1);
    EXPECT_EQ(packets("fc00:1::77/128"), 2u);
    EXPECT_EQ(packets("fc00:1::1/128"), 4u);
}

INSTANTIATE_TEST_SUITE_P(Ways, SidCounters,
                         testing::Values(TestRouter::Options{}, TestRouter::Options{.workers = 2},
                                         TestRouter::Options{.short_way = false}));

}  // namespace
}  // namespace tcqf::test
