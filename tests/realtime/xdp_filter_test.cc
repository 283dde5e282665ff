// Which frames the XDP filter gives to the worker: the tables from a configuration, and the
// program's verdict on frames, run by the kernel without an interface.
#include "dataplane/xdp_filter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <array>
#include <cstring>
#include <initializer_list>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "config/load.h"
#include "dataplane/bpf/xdp_filter.h"
#include "tests/dataplane/random_config.h"
#include "tests/dataplane/random_universe.h"
#include "tests/dataplane/test_router.h"
#include "tests/realtime/private_network.h"
#include "xdp_filter.skel.h"

namespace tcqf::dataplane {
namespace {

using config::IpAddress;
using config::IpPrefix;
using Frame = std::vector<std::uint8_t>;

std::string no_private_network;  // why there is none

constexpr config::MacAddress kOwnMac = {2, 0, 0, 0, 1, 0};
constexpr config::MacAddress kOtherMac = {2, 0, 0, 0, 9, 9};
constexpr config::MacAddress kIpv6Multicast = {0x33, 0x33, 0, 0, 0, 0x16};

IpPrefix prefix(const char* text) {
    return IpPrefix::parse(text).value();
}

/// Two interfaces, a route in each table, a locator and a SID.
config::Router example_router() {
    config::Router router;
    router.interfaces.resize(2);
    router.interfaces[0].addresses = {prefix("10.0.1.1/24"), prefix("2001:db8:101::1/64")};
    router.interfaces[1].addresses = {prefix("10.0.2.1/24")};
    router.interfaces[1].table = "red";
    config::Route route;
    route.prefix = prefix("10.9.0.0/16");
    router.routes.push_back(route);
    route.prefix = prefix("2001:db8:9::/48");
    router.routes.push_back(route);
    route.prefix = prefix("10.8.0.0/16");
    route.table = "red";
    router.routes.push_back(route);
    router.srv6.locators = {prefix("fc00:1::/48")};
    return router;
}

TEST(FilterTables, hold_the_routes_of_the_interfaces_own_table) {
    const config::Router router = example_router();
    const FilterTables main = filter_tables(router, 0, kOwnMac);
    EXPECT_EQ(main.prefixes.at(prefix("10.9.0.0/16")), FilterVerdict::to_worker);
    EXPECT_EQ(main.prefixes.at(prefix("10.0.1.0/24")), FilterVerdict::to_worker);
    EXPECT_FALSE(main.prefixes.contains(prefix("10.8.0.0/16")));
    const FilterTables red = filter_tables(router, 1, kOwnMac);
    EXPECT_EQ(red.prefixes.at(prefix("10.8.0.0/16")), FilterVerdict::to_worker);
    EXPECT_FALSE(red.prefixes.contains(prefix("10.9.0.0/16")));
}

TEST(FilterTables, own_addresses_count_in_every_table) {
    const config::Router router = example_router();
    for (const config::InterfaceIndex interface : {0, 1}) {
        const FilterTables tables = filter_tables(router, interface, kOwnMac);
        EXPECT_EQ(tables.prefixes.at(prefix("10.0.1.1/32")), FilterVerdict::to_host);
        EXPECT_EQ(tables.prefixes.at(prefix("10.0.2.1/32")), FilterVerdict::to_host);
        EXPECT_EQ(tables.prefixes.at(prefix("fc00:1::/48")), FilterVerdict::to_worker);
    }
}

TEST(FilterTables, what_a_flow_steers_into_a_policy_needs_no_route) {
    config::Router router = example_router();
    config::Flow flow;
    flow.match.interface = 0;
    flow.match.destination = prefix("10.77.0.0/24");
    router.flows = {flow};
    EXPECT_FALSE(filter_tables(router, 0, kOwnMac).prefixes.contains(prefix("10.77.0.0/24")));
    router.flows[0].sr_policy = config::PolicyKey{};
    EXPECT_EQ(filter_tables(router, 0, kOwnMac).prefixes.at(prefix("10.77.0.0/24")),
              FilterVerdict::to_worker);
    EXPECT_FALSE(filter_tables(router, 1, kOwnMac).prefixes.contains(prefix("10.77.0.0/24")));
    router.flows[0].match.destination.reset();
    for (const char* all : {"0.0.0.0/0", "::/0"}) {
        EXPECT_EQ(filter_tables(router, 0, kOwnMac).prefixes.at(prefix(all)),
                  FilterVerdict::to_worker);
    }
}

TEST(FilterTables, hold_binding_sids_that_are_addresses) {
    config::Router router = example_router();
    router.sr_policies.resize(2);
    router.sr_policies[0].binding_sid = IpAddress::parse("fc00:7::b").value();
    router.sr_policies[1].binding_sid = std::uint32_t{600};
    const FilterTables tables = filter_tables(router, 0, kOwnMac);
    EXPECT_EQ(tables.prefixes.at(prefix("fc00:7::b/128")), FilterVerdict::to_worker);
}

TEST(FilterTables, more_prefixes_than_the_maps_hold_become_everything_but_own_addresses) {
    config::Router router = example_router();
    config::Route route;
    for (std::uint32_t i = 0; i < 100'001; ++i) {
        route.prefix = {IpAddress::from_ipv4(0x20000000 + i), 32};
        router.routes.push_back(route);
    }
    const FilterTables tables = filter_tables(router, 0, kOwnMac);
    EXPECT_EQ(tables.unknown, FilterVerdict::to_worker);
    EXPECT_LT(tables.prefixes.size(), 10U);
    EXPECT_EQ(tables.prefixes.at(prefix("10.0.1.1/32")), FilterVerdict::to_host);
}

TEST(FilterTables, more_sids_than_the_maps_hold_do_so_too) {
    config::Router router = example_router();
    config::LocalSid sid;
    sid.sid = prefix("fc00:2::/128");
    for (std::uint32_t i = 0; i < 100'001; ++i) {
        store32(&sid.sid.address.octets[12], i);
        router.srv6.local_sids.push_back(sid);
    }
    const FilterTables tables = filter_tables(router, 0, kOwnMac);
    EXPECT_EQ(tables.unknown, FilterVerdict::to_worker);
    EXPECT_LT(tables.prefixes.size(), 10U);
    EXPECT_EQ(tables.prefixes.at(prefix("2001:db8:101::1/128")), FilterVerdict::to_host);
}

/// The program loaded, its maps filled with example_router's tables for interface 0.
class FilterProgram : public testing::Test {
  protected:
    void SetUp() override {
        libbpf_set_print(nullptr);
        skeleton_ = xdp_filter_bpf__open_and_load();
        if (skeleton_ == nullptr) {
            GTEST_SKIP() << "this host refuses to load BPF programs: " << std::strerror(errno);
        }
    }
    void TearDown() override { xdp_filter_bpf__destroy(skeleton_); }

    void install(const FilterTables& tables) {
        for (const auto& [prefix, verdict] : tables.prefixes) {
            const auto value = static_cast<__u8>(verdict);
            const bpf_map* map = prefix.address.is_ipv6 ? skeleton_->maps.tcqf_prefixes6
                                                        : skeleton_->maps.tcqf_prefixes4;
            tcqf_ipv6_key key{.length = prefix.length, .address = {}};
            std::memcpy(key.address, prefix.address.octets.data(), sizeof(key.address));
            ASSERT_EQ(bpf_map_update_elem(bpf_map__fd(map), &key, &value, BPF_ANY), 0);
        }
        tcqf_filter_settings settings{};
        settings.active = 1;
        settings.unknown = static_cast<__u32>(tables.unknown);
        std::memcpy(settings.mac, tables.mac.data(), sizeof(settings.mac));
        const __u32 first = 0;
        ASSERT_EQ(bpf_map_update_elem(bpf_map__fd(skeleton_->maps.tcqf_settings), &first, &settings,
                                      BPF_ANY),
                  0);
    }

    /// No socket is in xsks_map, so what goes to the worker is dropped.
    bool goes_to_worker(Frame frame) {
        frame.resize(std::max<std::size_t>(frame.size(), 60));
        Frame out(2048);
        const __u32 verdict = run(frame, out);
        EXPECT_TRUE(verdict == XDP_DROP || verdict == XDP_PASS);
        return verdict == XDP_DROP;
    }

    /// What the program returns for the frame; what it leaves of it is written to `out`.
    __u32 run(const Frame& frame, Frame& out) {
        bpf_test_run_opts options{};
        options.sz = sizeof(options);
        options.data_in = frame.data();
        options.data_size_in = static_cast<__u32>(frame.size());
        options.data_out = out.data();
        options.data_size_out = static_cast<__u32>(out.size());
        EXPECT_EQ(bpf_prog_test_run_opts(bpf_program__fd(skeleton_->progs.tcqf_filter), &options),
                  0);
        return options.retval;
    }

    xdp_filter_bpf* skeleton_ = nullptr;
};

Frame ethernet(const config::MacAddress& destination, std::uint16_t ether_type) {
    Frame frame(destination.begin(), destination.end());
    frame.insert(frame.end(), {2, 0, 0, 0, 5, 5});
    frame.push_back(static_cast<std::uint8_t>(ether_type >> 8));
    frame.push_back(static_cast<std::uint8_t>(ether_type));
    return frame;
}

Frame ipv4(const config::MacAddress& mac, const char* destination) {
    Frame frame = ethernet(mac, 0x0800);
    const IpAddress address = IpAddress::parse(destination).value();
    frame.insert(frame.end(), {0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1});
    frame.insert(frame.end(), address.octets.begin(), address.octets.begin() + 4);
    return frame;
}

Frame ipv6(const config::MacAddress& mac, const char* destination, std::uint8_t next_header = 17) {
    Frame frame = ethernet(mac, 0x86dd);
    const IpAddress address = IpAddress::parse(destination).value();
    frame.insert(frame.end(), {0x60, 0, 0, 0, 0, 8, next_header, 64});
    frame.insert(frame.end(), 16, 0xee);
    frame.insert(frame.end(), address.octets.begin(), address.octets.end());
    frame.resize(frame.size() + 8);
    return frame;
}

TEST_F(FilterProgram, passes_everything_until_it_is_told_its_tables) {
    EXPECT_FALSE(goes_to_worker(ethernet(kOwnMac, 0x8847)));
    EXPECT_FALSE(goes_to_worker(ipv4(kOwnMac, "10.9.0.1")));
    EXPECT_FALSE(goes_to_worker(ipv6(kOwnMac, "2001:db8:9::1", 0)));
}

TEST_F(FilterProgram, gives_the_worker_mpls_to_its_own_mac_alone) {
    install(filter_tables(example_router(), 0, kOwnMac));
    EXPECT_TRUE(goes_to_worker(ethernet(kOwnMac, 0x8847)));
    EXPECT_FALSE(goes_to_worker(ethernet(kOtherMac, 0x8847)));
}

TEST_F(FilterProgram, gives_the_worker_routed_prefixes_and_leaves_the_host_its_addresses) {
    install(filter_tables(example_router(), 0, kOwnMac));
    EXPECT_TRUE(goes_to_worker(ipv4(kOwnMac, "10.9.0.1")));
    EXPECT_TRUE(goes_to_worker(ipv4(kOwnMac, "10.0.1.2")));
    EXPECT_FALSE(goes_to_worker(ipv4(kOwnMac, "10.0.1.1")));
    EXPECT_FALSE(goes_to_worker(ipv4(kOwnMac, "10.0.2.1")));
    EXPECT_FALSE(goes_to_worker(ipv4(kOwnMac, "172.16.0.1"))) << "no route of the router's";
    EXPECT_FALSE(goes_to_worker(ipv4(kOtherMac, "10.9.0.1")));
    EXPECT_TRUE(goes_to_worker(ipv6(kOwnMac, "2001:db8:9::1")));
    EXPECT_FALSE(goes_to_worker(ipv6(kOwnMac, "2001:db8:101::1")));
    EXPECT_TRUE(goes_to_worker(ipv6(kOwnMac, "fc00:1::e"))) << "a SID";
}

TEST_F(FilterProgram, leaves_the_host_link_local_multicast_and_other_ethertypes) {
    install(filter_tables(example_router(), 0, kOwnMac));
    EXPECT_FALSE(goes_to_worker(ipv6(kOwnMac, "fe80::1", 58)));
    EXPECT_FALSE(goes_to_worker(ipv6(kIpv6Multicast, "ff02::1", 58)));
    EXPECT_FALSE(goes_to_worker(ethernet(kOwnMac, 0x0806)));
    EXPECT_FALSE(goes_to_worker(ethernet(kOwnMac, 0x8100)));
    EXPECT_FALSE(goes_to_worker(ethernet(kOwnMac, 0x88f7)));
}

TEST_F(FilterProgram, what_may_hold_the_option_never_passes_the_worker_by) {
    install(filter_tables(example_router(), 0, kOwnMac));
    for (const std::uint8_t header : {0, 43, 44, 51, 60}) {
        EXPECT_TRUE(goes_to_worker(ipv6(kOwnMac, "2001:db8:101::1", header))) << int{header};
        EXPECT_TRUE(goes_to_worker(ipv6(kIpv6Multicast, "ff02::16", header))) << int{header};
        EXPECT_TRUE(goes_to_worker(ipv6(kOtherMac, "fe80::2", header))) << int{header};
    }
}

TEST_F(FilterProgram, truncated_packets_are_the_hosts) {
    install(filter_tables(example_router(), 0, kOwnMac));
    // The kernel runs no frame below 14 octets; one of 14 ends where the IP header starts.
    Frame frame = ethernet(kOwnMac, 0x0800);
    Frame out(64);
    EXPECT_EQ(run(frame, out), static_cast<__u32>(XDP_PASS));
}

/// The filter of an interface, filled as tcqfd fills it, through all that a router is reloaded
/// with.
class FilterOfARouter : public FilterProgram {
  protected:
    void SetUp() override {
        if (!no_private_network.empty()) {
            GTEST_SKIP() << no_private_network;
        }
        FilterProgram::SetUp();
        if (IsSkipped()) {
            return;
        }
        ASSERT_TRUE(run_command("ip link add left type veth peer name right"));
        ASSERT_EQ(bpf_xdp_attach(static_cast<int>(Netdev("left").index()),
                                 bpf_program__fd(skeleton_->progs.tcqf_filter), 0, nullptr),
                  0);
        auto filter = XdpFilter::find(Netdev("left"));
        ASSERT_TRUE(filter.ok()) << filter.failure().message;
        filter_ = std::make_unique<XdpFilter>(std::move(filter.value()));
    }
    void TearDown() override {
        if (filter_ != nullptr) {
            run_command("ip link del left");
        }
        FilterProgram::TearDown();
    }

    static bool run_command(const char* command) { return dataplane::run(command); }

    /// The next configuration that tcqfd would accept.
    std::shared_ptr<const config::Router> next_config(unsigned changes) {
        for (;;) {
            test::RandomConfig candidate = config_;
            for (unsigned i = 0; i < changes; ++i) {
                candidate.change();
            }
            if (const auto router = config::load_yaml(candidate.text(), "random.yaml").router) {
                config_ = candidate;
                return router;
            }
        }
    }

    /// True where the packet leaves the router again, other than as an error about it.
    bool is_forwarded(test::TestRouter& router, config::InterfaceIndex interface,
                      const Frame& frame) {
        const Account before = router.router().account();
        now_ns_ += 1'000'000'000;
        EXPECT_TRUE(router.arrive(interface, now_ns_, frame));
        router.run_until(now_ns_ + 400'000'000, now_ns_);
        const Account after = router.router().account();
        EXPECT_EQ(after.received, before.received + 1);
        return after.sent - before.sent > after.generated - before.generated;
    }

    std::unique_ptr<XdpFilter> filter_;
    std::mt19937_64 random_{7};
    test::RandomConfig config_{random_, true};
    test::RandomFrames frames_{7, test::frame_targets()};
    std::int64_t now_ns_ = 1'700'000'000'000'000'000;
};

TEST_F(FilterOfARouter, passes_nothing_by_the_worker_that_this_would_forward) {
    const config::InterfaceIndex interface = 1;
    for (unsigned i = 0; i < 60; ++i) {
        next_config(3);
    }
    unsigned forwarded = 0;
    unsigned passed = 0;
    for (unsigned reload = 0; reload < 30; ++reload) {
        const auto config = next_config(4);
        ASSERT_TRUE(
            filter_->install(filter_tables(*config, interface, *config->interfaces[1].mac)).ok());
        test::TestRouter router(config_.text(), {.packets = 1024});
        const auto check = [&](const Frame& frame, const std::string& what) {
            const bool is_worker = goes_to_worker(frame);
            const bool is_sent = is_forwarded(router, interface, frame);
            forwarded += is_sent ? 1 : 0;
            passed += is_worker ? 0 : 1;
            ASSERT_TRUE(is_worker || !is_sent) << what << "\n" << config_.text();
        };
        for (const auto* targets : {&frames_.targets().ipv4, &frames_.targets().ipv6}) {
            for (const IpAddress& target : *targets) {
                ASSERT_NO_FATAL_FAILURE(
                    check(frames_.plain(interface, target), target.to_string()));
            }
        }
        for (unsigned i = 0; i < 100; ++i) {
            ASSERT_NO_FATAL_FAILURE(check(frames_.next(interface), "a packet by chance"));
        }
    }
    EXPECT_GT(forwarded, 1000U);
    EXPECT_GT(passed, 500U);
}

TEST_F(FilterOfARouter, takes_as_many_other_prefixes_as_its_maps_hold) {
    const auto many_from = [](std::uint32_t first) {
        FilterTables tables{.mac = kOwnMac, .unknown = FilterVerdict::to_host, .prefixes = {}};
        tables.prefixes[prefix("10.0.1.1/32")] = FilterVerdict::to_host;
        for (std::uint32_t i = 0; i < 90'000; ++i) {
            tables.prefixes[{IpAddress::from_ipv4(first + i), 32}] = FilterVerdict::to_worker;
        }
        return tables;
    };
    for (const auto& [first, installed, other] :
         {std::tuple(0x20000000u, "32.0.0.9", "48.0.0.9"),
          std::tuple(0x30000000u, "48.0.0.9", "32.0.0.9"),
          std::tuple(0x20000000u, "32.0.0.9", "48.0.0.9")}) {
        const Status status = filter_->install(many_from(first));
        ASSERT_TRUE(status.ok()) << status.failure().message;
        EXPECT_TRUE(goes_to_worker(ipv4(kOwnMac, installed)));
        EXPECT_FALSE(goes_to_worker(ipv4(kOwnMac, other)));
        EXPECT_FALSE(goes_to_worker(ipv4(kOwnMac, "10.0.1.1")));
    }
}

}  // namespace
}  // namespace tcqf::dataplane

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    tcqf::dataplane::no_private_network = tcqf::dataplane::enter_private_network();
    return RUN_ALL_TESTS();
}
