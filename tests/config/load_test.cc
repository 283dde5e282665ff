// From YAML text to the typed configuration.

#include "config/load.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "config/report.h"

namespace tcqf::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kRouter = R"(
name: r1
srv6-source: 2001:db8:1::1
code-points: {tcqf-option: 0xB1, nrp-option: 0x1E, mna-nrp-opcode: 115}
interfaces:
  - name: ge0
    device: "net_af_xdp0,iface=ge0"
    mac: 02:00:00:00:01:00
    addresses: [10.0.1.1/24, 2001:db8:101::1/64]
  - name: ge1
    link-rate-mbps: 1000
    addresses: [10.0.2.1/24]
neighbors:
  - {interface: ge1, address: 10.0.2.2, mac: 02:00:00:00:02:00}
routes:
  - {prefix: 10.9.0.0/16, next-hops: [{interface: ge1, address: 10.0.2.2, labels: [100, 100]}]}
tcqf:
  domains:
    - name: core
      cycles: 4
      cycle-time-us: 100
      interfaces:
        - {name: ge0, tagging: mpls-tc, tags: [1, 2, 3, 4]}
        - {name: ge1, tagging: dscp, tags: [3, 7, 11, 15], cycle-clock-offset-ns: 12000}
      cycle-maps:
        - {iif: ge1, oif: ge0, map: [3, 4, 1, 2]}
        - {iif: ge0, oif: ge1, latency-min-ns: 9000, latency-max-ns: 21000}
)";

std::vector<std::string> messages(const LoadResult& result) {
    std::vector<std::string> texts;
    for (const Diagnostic& diagnostic : result.diagnostics) {
        texts.push_back(diagnostic.to_string());
    }
    return texts;
}

TEST(Load, ResolvesReferencesToIndices) {
    const LoadResult result = load_yaml(kRouter, "r1.yaml");
    ASSERT_NE(result.router, nullptr) << fmt::format("{}", fmt::join(messages(result), "\n"));
    EXPECT_THAT(messages(result), IsEmpty());
    const Router& router = *result.router;
    ASSERT_EQ(router.interfaces.size(), 2u);
    EXPECT_EQ(router.interfaces[0].device, "net_af_xdp0,iface=ge0");
    EXPECT_EQ(to_string(router.interfaces[0].mac.value()), "02:00:00:00:01:00");
    EXPECT_EQ(router.interfaces[0].addresses[0].to_string(), "10.0.1.1/24");
    EXPECT_EQ(router.neighbors[0].interface, 1);
    EXPECT_EQ(router.routes[0].next_hops[0].interface, 1);
    EXPECT_THAT(router.routes[0].next_hops[0].labels, ElementsAre(100, 100));
    EXPECT_EQ(router.domains[0].interfaces[1].interface, 1);
    EXPECT_EQ(router.domains[0].interfaces[1].cycle_clock_offset_ns, 12'000);
}

TEST(Load, TakesDefaultsFromTheModule) {
    const LoadResult result = load_yaml(kRouter, "r1.yaml");
    ASSERT_NE(result.router, nullptr);
    const Router& router = *result.router;
    EXPECT_EQ(router.code_points.retired_option, 0x3E);
    EXPECT_EQ(router.interfaces[0].mtu, 1500u);
    EXPECT_EQ(router.interfaces[0].link_rate_mbps, 10'000u);
    EXPECT_EQ(router.interfaces[0].best_effort_queue_packets, 1024u);
    EXPECT_EQ(router.neighbors[0].readable_label_depth, 16);
    EXPECT_EQ(router.routes[0].table, "main");
    EXPECT_EQ(router.domains[0].cycle_maps[0].window, (Window{1, 3}));
}

TEST(Load, FillsUpAWindowThatIsGivenInPart) {
    const auto window = [](std::string_view given) {
        std::string text = kRouter;
        const std::string_view map = "map: [3, 4, 1, 2]";
        text.replace(text.find(map), map.size(), fmt::format("{}, window: {}", map, given));
        const LoadResult result = load_yaml(text, "r1.yaml");
        return result.router ? result.router->domains[0].cycle_maps[0].window : Window{};
    };
    EXPECT_EQ(window("{max: 2}"), (Window{1, 2}));
    EXPECT_EQ(window("{min: 2}"), (Window{2, 3}));
    EXPECT_EQ(window("{}"), (Window{1, 3}));
}

/// The conditions of the module see the defaults of a container that is there without content.
TEST(Load, TakesDefaultsIntoEmptyContainers) {
    const LoadResult result = load_yaml(R"(
name: r1
clock: {}
code-points: {}
interfaces: [{name: ge0}]
mpls: {}
srv6: {}
tcqf: {}
detnet: {}
)",
                                        "r1.yaml");
    EXPECT_THAT(result.diagnostics, IsEmpty());
    ASSERT_NE(result.router, nullptr);
    EXPECT_EQ(result.router->clock.source, ClockSource::system);
}

TEST(Load, TellsErrorsBeforeWarningsWhereThereAreTooMany) {
    std::string text = "name: r1\ninterfaces: [{name: ge0, addresses: [10.0.1.1/24]}]\nroutes:\n";
    for (unsigned i = 0; i < 2 * kMaxDiagnostics; ++i) {
        text += fmt::format(
            "- {{prefix: 10.{}.{}.1/24, next-hops: [{{interface: ge0, address: "
            "10.0.1.{}}}]}}\n",
            100 + i / 250, i % 250, i + 1 == 2 * kMaxDiagnostics ? "1" : "2");
    }
    const std::vector<Diagnostic> told = load_yaml(text, "r1.yaml").diagnostics;
    ASSERT_EQ(told.size(), kMaxDiagnostics + 1);
    EXPECT_EQ(std::ranges::count(told, Severity::error, &Diagnostic::severity), 1);
    EXPECT_EQ(told[kMaxDiagnostics - 1].severity, Severity::error);
    EXPECT_THAT(told[kMaxDiagnostics - 1].message, testing::HasSubstr("the router's own address"));
    EXPECT_EQ(told.back().message, "3000 more warnings are left out: mend these first");
}

TEST(Load, ComputesMapsFromLatencies) {
    const LoadResult result = load_yaml(kRouter, "r1.yaml");
    ASSERT_NE(result.router, nullptr);
    // y(21000) = (21000 - 12000)/100000 = 0.09, A = 2; y(9000) = -0.03, floor -1: window 1..3.
    const CycleMapEntry& map = result.router->domains[0].cycle_maps[1];
    EXPECT_THAT(map.map, ElementsAre(3, 4, 1, 2));
    EXPECT_EQ(map.window, (Window{1, 3}));
}

}  // namespace
}  // namespace tcqf::config
