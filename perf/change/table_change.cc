// How long one changed entry among many takes until it is in force: the comparison of the two
// configurations, and then everything up to the worker's next round with the new tables. Reading
// and checking files is not in it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "config/difference.h"
#include "config/load.h"
#include "control/program.h"
#include "control/tcqfd/daemon.h"
#include "dataplane/packet_pool.h"
#include "dataplane/result.h"
#include "dataplane/router.h"
#include "dataplane/worker.h"
#include "perf/start_eal.h"

namespace {

using namespace tcqf;
using Clock = std::chrono::steady_clock;

struct Arguments {
    std::uint32_t policies = 10'000;
    std::uint32_t sids = 100'000;
    std::uint32_t labels = 100'000;
    std::uint32_t nrps = 1'000;
    std::uint32_t routes = 1'000'000;
    unsigned repeats = 5;
    std::vector<std::string> eal = {
        "--no-huge", "-m", "4096", "--no-pci", "--no-shconf", "--no-telemetry", "--lcores=0@0"};
};

constexpr const char* kBase = R"(name: r1
srv6-source: 2001:db8:1::1
interfaces:
- {name: ge0, device: net_null0, mac: '02:00:00:00:01:01', addresses: [10.0.1.1/24, '2001:db8:101::1/64']}
- {name: ge1, device: net_null1, mac: '02:00:00:00:02:01', addresses: [10.0.2.1/24, '2001:db8:102::1/64']}
neighbors:
- {interface: ge1, address: 10.0.2.2, mac: '02:00:00:00:02:02'}
- {interface: ge1, address: '2001:db8:102::2', mac: '02:00:00:00:02:02'}
routes:
- {prefix: '2001:db8:d1::/64', next-hops: [{interface: ge1, address: '2001:db8:102::2'}]}
srv6:
  locators: ['fc00:1::/32']
tcqf:
  domains:
  - name: core
    cycles: 4
    cycle-time-us: 1000
    interfaces:
    - {name: ge0, tagging: ipv6-option, tags: [1, 2, 3, 4]}
    - {name: ge1, tagging: ipv6-option, tags: [1, 2, 3, 4]}
    cycle-maps:
    - {iif: ge0, oif: ge1, map: [2, 3, 4, 1]}
)";

config::IpAddress address(const std::string& text) {
    return *config::IpAddress::parse(text);
}

class LargeConfig {
  public:
    explicit LargeConfig(const Arguments& sizes) {
        const config::LoadResult loaded = config::load_yaml(kBase, "table_change.yaml");
        if (!loaded.router) {
            throw std::runtime_error(loaded.diagnostics.front().to_string());
        }
        router_ = *loaded.router;
        add_routes(sizes.routes);
        add_labels(sizes.labels);
        add_sids(sizes.sids);
        add_nrps(sizes.nrps);
        add_policies(sizes.policies);
    }

    const config::Router& router() const { return router_; }

  private:
    static config::NextHop hop(bool is_ipv6) {
        return {.interface = 1,
                .address = address(is_ipv6 ? "2001:db8:102::2" : "10.0.2.2"),
                .weight = 1,
                .labels = {}};
    }

    void add_routes(std::uint32_t count) {
        for (std::uint32_t i = 0; i < count; ++i) {
            router_.routes.push_back(
                {.prefix = {config::IpAddress::from_ipv4((11u << 24) + (i << 8)), 24},
                 .next_hops = {hop(false)},
                 .sr_policy = {}});
        }
    }

    void add_labels(std::uint32_t count) {
        for (std::uint32_t i = 0; i < count; ++i) {
            router_.mpls.labels.push_back({.label = 16'000 + i,
                                           .operation = config::LabelOperation::swap,
                                           .out_labels = {16'000 + i},
                                           .next_hops = {hop(false)}});
        }
    }

    void add_sids(std::uint32_t count) {
        for (std::uint32_t i = 0; i < count; ++i) {
            config::LocalSid& sid = router_.srv6.local_sids.emplace_back();
            sid.sid = {address(fmt::format("fc00:1:{:x}:{:x}::1", i / 0xffff, i % 0xffff)), 128};
            sid.behavior = config::SidBehavior::end_x;
            sid.next_hops = {hop(true)};
        }
    }

    void add_nrps(std::uint32_t count) {
        for (std::uint32_t i = 1; i <= count; ++i) {
            config::Nrp& nrp = router_.nrps.emplace_back();
            nrp.id = nrp.selector = i;
            nrp.interfaces = {{.interface = 1, .cycle_bits = 1000, .best_effort_rate_mbps = 0}};
        }
    }

    /// Half of them of SIDs, half of labels.
    void add_policies(std::uint32_t count) {
        for (std::uint32_t i = 0; i < count; ++i) {
            config::SrPolicy& policy = router_.sr_policies.emplace_back();
            policy.key = {i, address("2001:db8:9::9")};
            config::CandidatePath& path = policy.candidate_paths.emplace_back();
            if (!router_.nrps.empty()) {
                path.nrp_id = router_.nrps[i % router_.nrps.size()].id;
            }
            config::SegmentList& list = path.segment_lists.emplace_back();
            if (i % 2 == 0 || router_.mpls.labels.empty()) {
                list.segments = {address("2001:db8:d1::e"),
                                 address(fmt::format("fc00:9::{:x}", i % 0xffff))};
            } else {
                list.segments = {router_.mpls.labels[i % router_.mpls.labels.size()].label,
                                 std::uint32_t{900'000}};
            }
        }
    }

    config::Router router_;
};

class NoPort final : public dataplane::Port {
  public:
    unsigned receive(std::int64_t, rte_mbuf**, std::int64_t*, unsigned) override { return 0; }
    unsigned transmit(const dataplane::TransmitBurst&) override { return 0; }
};

double milliseconds_since(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Times {
    std::vector<double> comparison_ms;
    std::vector<double> in_force_ms;
};

std::string median_and_largest(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return fmt::format("{:9.3f} {:9.3f}", values[values.size() / 2], values.back());
}

class Measurement {
  public:
    explicit Measurement(const Arguments& arguments)
        : arguments_(arguments), pool_(dataplane::make_packet_pool("changes", 1024, 2048, 0)) {
        const LargeConfig large(arguments);
        config_ = std::make_shared<const config::Router>(large.router());
        dataplane::RouterOptions options = control::real_time_options(*config_, false, 0);
        options.pool = pool_.get();
        options.max_packets = 1024;
        const Clock::time_point start = Clock::now();
        router_ = std::make_unique<dataplane::Router>(
            config_, std::vector<dataplane::InterfacePorts>(2, {.wire = &port_, .kernel = nullptr}),
            options);
        fmt::print(
            "built from nothing in {:.0f} ms\n\n{:28} {:>19} {:>19}\n{:28} {:>9} {:>9} "
            "{:>9} {:>9}\n",
            milliseconds_since(start), "milliseconds", "comparison", "in force", "", "median",
            "largest", "median", "largest");
    }

    /// `make` changes the configuration to another one in each round.
    void run(const char* what, const std::function<void(config::Router&, unsigned)>& make) {
        Times times;
        for (unsigned round = 1; round <= arguments_.repeats; ++round) {
            auto changed = std::make_shared<config::Router>(*config_);
            make(*changed, round);
            apply(changed, times);
        }
        fmt::print("{:28} {} {}\n", what, median_and_largest(times.comparison_ms),
                   median_and_largest(times.in_force_ms));
        std::fflush(stdout);
    }

  private:
    void apply(const std::shared_ptr<const config::Router>& changed, Times& times) {
        Clock::time_point start = Clock::now();
        const config::Difference difference = config::difference(*config_, *changed);
        times.comparison_ms.push_back(milliseconds_since(start));
        start = Clock::now();
        if (const std::string problem = router_->apply(changed, difference); !problem.empty()) {
            throw std::runtime_error(problem);
        }
        router_->worker(0).refresh();
        times.in_force_ms.push_back(milliseconds_since(start));
        // The old tables' memory is for the next ones: two at once, as in operation.
        router_->worker(0).refresh();
        router_->reclaim();
        config_ = changed;
    }

    const Arguments& arguments_;
    dataplane::PacketPool pool_;
    NoPort port_;
    std::shared_ptr<const config::Router> config_;
    std::unique_ptr<dataplane::Router> router_;
};

void measure(const Arguments& arguments) {
    fmt::print("{} policies, {} SIDs, {} labels, {} NRPs, {} routes\n", arguments.policies,
               arguments.sids, arguments.labels, arguments.nrps, arguments.routes);
    Measurement measurement(arguments);
    measurement.run("nothing", [](config::Router&, unsigned) {});
    measurement.run("a policy's path", [](config::Router& router, unsigned round) {
        auto& policies = router.sr_policies;
        policies[policies.size() / 2].candidate_paths[0].segment_lists[0].weight = 1 + round;
    });
    measurement.run("a new policy", [](config::Router& router, unsigned round) {
        auto& policies = router.sr_policies;
        config::SrPolicy policy = policies[policies.size() / 2];
        policy.key.color = 1'000'000 + round;
        policies.insert(policies.begin() + static_cast<std::ptrdiff_t>(policies.size() / 2),
                        policy);
    });
    measurement.run("a SID's behavior", [](config::Router& router, unsigned round) {
        auto& sids = router.srv6.local_sids;
        sids[sids.size() / 2].flavors.psp = round % 2 == 1;
    });
    measurement.run("a new SID", [](config::Router& router, unsigned round) {
        router.srv6.local_sids.push_back(router.srv6.local_sids.front());
        router.srv6.local_sids.back().sid = {address(fmt::format("fc00:1:ffff:{:x}::1", round)),
                                             128};
    });
    measurement.run("a label", [](config::Router& router, unsigned round) {
        router.mpls.labels[router.mpls.labels.size() / 2].out_labels = {500'000 + round};
    });
    measurement.run("an NRP's selector", [](config::Router& router, unsigned round) {
        router.nrps[router.nrps.size() / 2].selector = 500'000 + round;
    });
    measurement.run("an NRP's cycle-bits", [](config::Router& router, unsigned round) {
        router.nrps[router.nrps.size() / 2].interfaces[0].cycle_bits = 1000 + round;
    });
    measurement.run("a neighbour's MAC address", [](config::Router& router, unsigned round) {
        router.neighbors[0].mac[5] = static_cast<std::uint8_t>(round);
    });
    measurement.run("an IPv4 route's next hop", [](config::Router& router, unsigned round) {
        router.routes[router.routes.size() / 2].next_hops[0].weight = 1 + round;
    });
}

int run(int argc, char** argv) {
    CLI::App app("Prints how long one changed entry among many takes until it is in force.",
                 "table_change");
    Arguments arguments;
    app.add_option("--policies", arguments.policies, "SR policies (10000)");
    app.add_option("--sids", arguments.sids, "Local SIDs, at least 1 (100000)");
    app.add_option("--labels", arguments.labels, "Labels, at least 1 (100000)");
    app.add_option("--nrps", arguments.nrps, "Partitions, at least 1 (1000)");
    app.add_option("--routes", arguments.routes, "IPv4 routes (1000000)");
    app.add_option("--repeats", arguments.repeats, "Changes of each kind (5)");
    app.add_option("eal", arguments.eal, "Arguments of DPDK's environment, after --");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    perf::start_eal("table_change", arguments.eal);
    measure(arguments);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return control::run_program("table_change: ", run, argc, argv);
}
