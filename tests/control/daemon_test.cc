// What tcqfd decides before anything runs: the EAL's arguments, memory, what a reload may change.
#include "control/tcqfd/daemon.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/tcqfd/eal_plan.h"
#include "control/tcqfd/huge_page_turn.h"

namespace tcqf::control {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const HostResources kFourCpus{.cpus = {0, 1, 2, 3}, .free_huge_page_mebibytes = 4096};

config::Router router_on(const std::string& device) {
    config::Router router;
    router.name = "r1";
    config::Interface& interface = router.interfaces.emplace_back();
    interface.name = "ge0";
    interface.device = device;
    return router;
}

TEST(HugePageTurn, is_held_by_one_at_a_time) {
    constexpr std::chrono::milliseconds kAtOnce{0};
    constexpr std::chrono::seconds kPatience{60};  // another tcqfd of this host may be starting
    {
        const HugePageTurn first(kPatience);
        ASSERT_TRUE(first.is_held());
        EXPECT_FALSE(HugePageTurn(kAtOnce).is_held());
    }
    EXPECT_TRUE(HugePageTurn(kPatience).is_held());
}

TEST(ClockNews, tells_each_step_once) {
    const ServoStatistics stepped{.rebases = 1, .last_step_ns = -37};
    EXPECT_THAT(clock_news({}, stepped), ElementsAre(HasSubstr("stepped by -37 ns")));
    EXPECT_THAT(clock_news(stepped, stepped), IsEmpty());
}

TEST(ClockNews, tells_a_reference_that_is_lost_for_a_second_and_when_it_is_back) {
    const ServoStatistics interrupted{.unusable_in_a_row = 20};
    const ServoStatistics lost{.unusable_in_a_row = 120};
    EXPECT_THAT(clock_news({}, interrupted), IsEmpty());
    EXPECT_THAT(clock_news(interrupted, lost), ElementsAre(HasSubstr("cannot be read")));
    EXPECT_THAT(clock_news(lost, {.unusable_in_a_row = 130}), IsEmpty());
    EXPECT_THAT(clock_news(lost, {}), ElementsAre(HasSubstr("followed again")));
}

TEST(EalPlan, uses_free_huge_pages_and_no_pci_without_a_word) {
    const EalPlan plan = plan_eal(router_on("net_af_xdp0,iface=a"), {}, kFourCpus, 400, false);
    EXPECT_THAT(plan.arguments,
                ElementsAre("tcqfd", "--in-memory", "--no-pci", "--iova-mode=va",
                            "--file-prefix=tcqfd-r1", "--force-max-simd-bitwidth=512",
                            "--log-level=*:critical", "--lcores=0@(0,1,2),1@3"));
    EXPECT_THAT(plan.warnings, IsEmpty());
}

TEST(EalPlan, falls_back_to_ordinary_memory_and_says_so) {
    const HostResources host{.cpus = {0, 1}, .free_huge_page_mebibytes = 0};
    const EalPlan plan = plan_eal(router_on("net_ring0"), {}, host, 400, false);
    EXPECT_THAT(plan.arguments, Contains("--no-huge"));
    EXPECT_THAT(plan.arguments, Contains("400"));
    EXPECT_THAT(plan.warnings, ElementsAre(HasSubstr("nr_hugepages")));
    EXPECT_FALSE(plan.uses_huge_pages);
}

TEST(EalPlan, scans_pci_where_an_interface_is_a_pci_device) {
    const EalPlan plan = plan_eal(router_on("0000:03:00.0"), {}, kFourCpus, 400, false);
    EXPECT_THAT(plan.arguments, Not(Contains("--no-pci")));
    EXPECT_THAT(plan.arguments, Not(Contains("--iova-mode=va")));
}

TEST(EalPlan, the_operators_arguments_win) {
    const std::vector<std::string> given = {
        "--no-huge",          "-m", "64",           "--lcores=0@0,1@1",
        "--file-prefix=x",    "-a", "0000:03:00.0", "--force-max-simd-bitwidth=256",
        "--log-level=*:debug"};
    const EalPlan plan = plan_eal(router_on("net_ring0"), given, kFourCpus, 400, false);
    EXPECT_THAT(plan.arguments,
                ElementsAre("tcqfd", "--iova-mode=va", "--no-huge", "-m", "64", "--lcores=0@0,1@1",
                            "--file-prefix=x", "-a", "0000:03:00.0",
                            "--force-max-simd-bitwidth=256", "--log-level=*:debug"));
}

TEST(EalPlan, workers_take_the_named_cores_and_float_when_they_yield) {
    config::Router router = router_on("net_ring0");
    router.workers = {.count = 2, .cores = {1, 2}};
    EXPECT_THAT(plan_eal(router, {}, kFourCpus, 400, false).arguments,
                Contains("--lcores=0@(0,3),1@1,2@2"));
    router.workers = {.count = 2, .cores = {}};
    EXPECT_THAT(plan_eal(router, {}, kFourCpus, 400, true).arguments,
                Contains("--lcores=0@(0,1,2,3),1@(0,1,2,3),2@(0,1,2,3)"));
}

TEST(EalPlan, more_workers_than_cpus_yield_with_a_warning) {
    config::Router router = router_on("net_ring0");
    router.workers.count = 3;
    const HostResources host{.cpus = {0, 1}, .free_huge_page_mebibytes = 4096};
    const EalPlan plan = plan_eal(router, {}, host, 400, false);
    EXPECT_TRUE(plan.must_yield);
    EXPECT_THAT(plan.warnings, ElementsAre(HasSubstr("3 workers share 2 CPUs")));
}

TEST(PacketBudget, grows_with_what_may_wait_and_with_the_largest_frame) {
    config::Router router = router_on("net_ring0");
    const PacketBudget small = packet_budget(router);
    router.interfaces[0].best_effort_queue_packets = 20'000;
    router.interfaces[0].mtu = 9000;
    const PacketBudget large = packet_budget(router);
    EXPECT_GT(large.packets, small.packets);
    EXPECT_GE(large.frame_octets, 9014U);
    EXPECT_GT(large.mebibytes, small.mebibytes);
}

TEST(PacketBudget, has_packets_for_every_receive_queue) {
    config::Router router = router_on("0000:03:00.0");
    const unsigned one = packet_budget(router).packets;
    router.workers.count = 3;
    EXPECT_EQ(packet_budget(router).packets, one + 2 * 2048U) << "a card may have a queue a worker";
    EXPECT_EQ(packet_budget(router_on("net_af_xdp0,iface=a,queue_count=4")).packets,
              packet_budget(router_on("net_af_xdp0,iface=a")).packets + 3 * 2048U);
}

TEST(PacketBudget, grows_with_the_routes_of_the_old_and_the_new_table) {
    config::Router router = router_on("net_ring0");
    const unsigned few = packet_budget(router).mebibytes;
    EXPECT_GE(few, 4 * 64U) << "two families, twice";
    for (std::uint32_t i = 0; i < 4096; ++i) {
        config::Route& route = router.routes.emplace_back();
        route.prefix.address.octets[1] = static_cast<std::uint8_t>(i >> 8);
        route.prefix.address.octets[2] = static_cast<std::uint8_t>(i);
        route.prefix.length = 32;
    }
    EXPECT_GE(packet_budget(router).mebibytes, few + 2 * 4U) << "a group of 1 KB for each, twice";
}

TEST(RealTimeOptions, look_routes_up_in_direct_tables) {
    EXPECT_EQ(real_time_options(router_on("net_ring0"), false, 0).fib, dataplane::FibKind::fast);
}

TEST(Reload, names_what_only_a_restart_can_change) {
    const config::Router running = router_on("net_ring0");
    EXPECT_EQ(needs_restart(running, running), "");
    config::Router wanted = running;
    wanted.interfaces[0].device = "net_ring1";
    EXPECT_EQ(needs_restart(running, wanted), "/interfaces[name='ge0']/device");
    wanted = running;
    wanted.interfaces[0].mtu = 9000;
    EXPECT_EQ(needs_restart(running, wanted), "/interfaces[name='ge0']/mtu");
    wanted = running;
    wanted.interfaces[0].name = "ge1";
    EXPECT_EQ(needs_restart(running, wanted), "/interfaces");
    wanted = running;
    wanted.workers.count = 2;
    EXPECT_EQ(needs_restart(running, wanted), "/workers");
    wanted = running;
    wanted.clock.source = config::ClockSource::free_running;
    EXPECT_EQ(needs_restart(running, wanted), "/clock");
    wanted = running;
    wanted.name = "r2";
    EXPECT_EQ(needs_restart(running, wanted), "/name");
    wanted = running;
    wanted.interfaces.push_back(wanted.interfaces[0]);
    EXPECT_EQ(needs_restart(running, wanted), "/interfaces");
}

TEST(Stop, waits_as_long_as_the_farthest_cycle_is_away) {
    config::Router router = router_on("net_ring0");
    const std::int64_t without_domain_ns = longest_drain_ns(router);
    config::Domain& domain = router.domains.emplace_back();
    domain.cycle_time_us = 10'000;
    router.flows.emplace_back().max_backlog_cycles = 1000;
    EXPECT_GE(longest_drain_ns(router), without_domain_ns + 10'000'000'000);
}

TEST(LinkWarnings, say_nothing_of_a_link_that_keeps_time) {
    const config::Router router = router_on("net_ring0");
    EXPECT_THAT(link_warnings(router.interfaces[0], {}, ""), IsEmpty());
    EXPECT_THAT(link_warnings(router.interfaces[0], {.speed_mbps = 10'000}, "eth0"), IsEmpty());
}

TEST(LinkWarnings, name_what_moves_frames_out_of_their_cycle_and_the_remedy) {
    const config::Router router = router_on("net_ring0");
    const dataplane::LinkState link{
        .speed_mbps = 1000, .has_pause_frames = true, .is_energy_efficient = true};
    EXPECT_THAT(
        link_warnings(router.interfaces[0], link, "eth0"),
        ElementsAre(HasSubstr("interface ge0: the link runs at 1000 Mbit/s, link-rate-mbps says "
                              "10000"),
                    AllOf(HasSubstr("interface ge0: pause frames are on"),
                          HasSubstr("run ethtool -A eth0 autoneg off rx off tx off")),
                    AllOf(HasSubstr("interface ge0: Energy-Efficient Ethernet is on"),
                          HasSubstr("run ethtool --set-eee eth0 eee off"))));
    EXPECT_THAT(link_warnings(router.interfaces[0], {.has_pause_frames = true}, ""),
                ElementsAre(HasSubstr("do so at the other end of the link")));
}

TEST(TapName, fits_what_the_host_takes_and_stays_apart) {
    EXPECT_EQ(tap_name("r1", "ge0"), "r1-ge0");
    const std::string first = tap_name("edge-router-7", "uplink-0");
    EXPECT_THAT(first, SizeIs(15));
    EXPECT_NE(first, tap_name("edge-router-7", "uplink-1"));
}

}  // namespace
}  // namespace tcqf::control
