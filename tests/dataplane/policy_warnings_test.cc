// What the configuration's check says of segment lists is what the tables do with them.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <regex>
#include <string>
#include <string_view>
#include <utility>

#include "config/load.h"
#include "dataplane/sr_policy.h"
#include "tests/dataplane/random_config.h"
#include "tests/dataplane/test_config.h"
#include "tests/dataplane/test_router.h"

namespace tcqf {
namespace {

constexpr std::string_view kNoResources = "has no resources";
constexpr std::string_view kUnreachable = "cannot be reached";
constexpr std::string_view kNoRoom = "raise the mtu";

/// Color, and number of a candidate path from 0, to how many of its lists are never valid.
using NeverValid = std::map<std::pair<std::uint32_t, std::size_t>, std::size_t>;

NeverValid lists_warned_of(const config::LoadResult& result, std::string_view reason) {
    static const std::regex list(R"(/sr-policies\[color='(\d+)'.*/candidate-paths\[(\d+)\].*)");
    NeverValid lists;
    for (const config::Diagnostic& diagnostic : result.diagnostics) {
        std::smatch match;
        if (diagnostic.message.find(reason) != std::string::npos &&
            std::regex_match(diagnostic.path, match, list)) {
            ++lists[{static_cast<std::uint32_t>(std::stoul(match[1])), std::stoul(match[2]) - 1}];
        }
    }
    return lists;
}

class ListsWarnedOf : public testing::TestWithParam<std::string_view> {};

TEST_P(ListsWarnedOf, ListsThatAreNeverValidAreNeverInstalled) {
    std::mt19937_64 random(1);
    test::RandomConfig config(random, true);
    test::TestRouter router(config.text());
    std::size_t lists_seen = 0;
    for (unsigned step = 0; step < 700; ++step) {
        test::RandomConfig candidate = config;
        candidate.change();
        const config::LoadResult result = config::load_yaml(candidate.text(), "random.yaml");
        if (!result.router || !router.router().apply(result.router).empty()) {
            continue;
        }
        config = candidate;
        const dataplane::Snapshot& tables = router.router().tables();
        const NeverValid never_valid = lists_warned_of(result, GetParam());
        for (const config::SrPolicy& policy : result.router->sr_policies) {
            const dataplane::InstalledPolicy& installed =
                tables.policies.content().owners[tables.policy_numbers->number_of.at(policy.key)];
            for (std::size_t i = 0; i < policy.candidate_paths.size(); ++i) {
                const config::CandidatePath& path = policy.candidate_paths[i];
                const auto found = never_valid.find({policy.key.color, i});
                if (found == never_valid.end()) {
                    continue;
                }
                lists_seen += found->second;
                if (installed && installed->id == dataplane::id_of(path)) {
                    EXPECT_LE(installed->lists.size() + found->second, path.segment_lists.size())
                        << candidate.text();
                }
            }
        }
        router.step(0);
        router.router().reclaim();
    }
    EXPECT_GT(lists_seen, 100u);
}

INSTANTIATE_TEST_SUITE_P(EachReason, ListsWarnedOf, testing::Values(kNoResources, kUnreachable),
                         [](const auto& info) {
                             return info.param == kUnreachable ? "Unreachable" : "NoResources";
                         });

/// Policies 11 to 14, with one list each, towards ge1.
constexpr const char* kFourLists =
    R"(- {color: 11, endpoint: '::', candidate-paths: [{segment-lists: [{segments: ['2001:db8:d1::e']}]}]}
- {color: 12, endpoint: '::', candidate-paths: [{nrp: 5, segment-lists: [{segments: ['2001:db8:d1::e', 'fc00:7::1', 'fc00:8::1']}]}]}
- {color: 13, endpoint: '::', candidate-paths: [{segment-lists: [{segments: [104, 16008, 16009]}]}]}
- {color: 14, endpoint: '::', candidate-paths: [{segment-lists: [{segments: [103, 101]}]}]}
)";

TEST(PolicyWarnings, AListThatLeavesNoRoomIsWarnedOfWhereItIsNotInstalledAndNowhereElse) {
    for (unsigned mtu = 68; mtu < 180; ++mtu) {
        const std::string yaml =
            test::with(test::four_interfaces("dscp", 4, test::segment_routing() + kFourLists),
                       "{name: ge1,", fmt::format("{{name: ge1, mtu: {},", mtu));
        const NeverValid without_room =
            lists_warned_of(config::load_yaml(yaml, "test.yaml"), kNoRoom);
        test::TestRouter router(yaml);
        const dataplane::Snapshot& tables = router.router().tables();
        for (std::uint32_t color = 11; color <= 14; ++color) {
            const std::uint32_t number =
                tables.policy_numbers->number_of.at({color, *config::IpAddress::parse("::")});
            EXPECT_EQ(tables.policies[number].is_valid(), !without_room.contains({color, 0}))
                << color << " at " << mtu;
        }
    }
}

}  // namespace
}  // namespace tcqf
