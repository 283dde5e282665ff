// What is remembered of flows while they come and go, get other specifications and leave by several
// interfaces, on any number of workers: compared with a model that remembers each apart.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "dataplane/flow_state.h"
#include "dataplane/tables.h"
#include "tcqf/ingress.h"
#include "tests/dataplane/frames.h"
#include "tests/dataplane/tagged_traffic.h"
#include "tests/dataplane/test_config.h"
#include "tests/dataplane/test_router.h"

namespace tcqf::test {
namespace {

using dataplane::DropReason;

constexpr std::int64_t kIntervalNs = 2'000'000;
constexpr std::uint16_t kPayload = 300;
constexpr std::uint32_t kPacketBits = (28 + kPayload) * 8;
constexpr std::array<std::int64_t, 3> kCyclesNs = {kCycleNs, kCycleNs, kCycleNs / 2};  // by oif

/// From ge3, told by its source port.
config::Flow flow_of(std::uint32_t id, std::uint16_t port, std::uint16_t most,
                     std::int64_t interval_ns = kIntervalNs) {
    config::Flow flow;
    flow.id = id;
    flow.match.interface = 3;
    flow.match.source = config::IpPrefix::parse("10.3.0.0/24");
    flow.match.protocol = dataplane::protocol::kUdp;
    flow.match.source_port = config::PortRange{port, port};
    flow.cycle_size_bits = 3 * kPacketBits;
    if (most != 0) {
        flow.traffic_specification =
            TrafficSpecification{interval_ns, most, std::uint32_t{kPayload} + 8};
    }
    return flow;
}

Frame packet_of(std::uint16_t port, unsigned oif) {
    Frame ip = ipv4_udp(0x0a0a0001 + (oif << 8), 0, kPayload);
    dataplane::store16(&ip[20], port);
    return ethernet(3, dataplane::ethertype::kIpv4) + ip;
}

/// One flow as the specifications have it.
struct ModelFlow {
    config::Flow flow;
    std::deque<std::int64_t> arrivals_ns;
    unsigned remembered = 0;  ///< max_packets_per_interval that arrivals are remembered for
    std::array<FlowCursor, 3> cursors;

    unsigned most() const {
        return flow.traffic_specification ? flow.traffic_specification->max_packets_per_interval
                                          : 0;
    }

    bool conforms(std::int64_t now_ns) {
        if (most() == 0) {
            return true;
        }
        if (remembered != most()) {
            arrivals_ns.clear();
            remembered = most();
        }
        if (arrivals_ns.size() == most()) {
            if (now_ns - arrivals_ns.front() < flow.traffic_specification->interval_ns) {
                return false;
            }
            arrivals_ns.pop_front();
        }
        arrivals_ns.push_back(now_ns);
        return true;
    }

    /// Of another specification: long arrivals are those of tables in a row.
    void change(std::uint16_t to, std::int64_t interval_ns) {
        const unsigned at_hand = dataplane::FlowState::kArrivals;
        if (to != most() && to > at_hand && remembered > at_hand) {
            arrivals_ns.clear();
        }
        flow = flow_of(flow.id, flow.match.source_port->low, to, interval_ns);
    }
};

class Model {
  public:
    Model(unsigned workers, unsigned seed)
        : router_(four_interfaces("dscp"), {.workers = workers}), random_(seed) {
        config_ = router_.router().config();
        while (flows_.size() < 6) {
            come();
        }
        apply();
        router_.step(now_ns_);
    }

    void run() {
        for (unsigned round = 0; round < 400; ++round) {
            for (unsigned packets = below(12); packets > 0; --packets) {
                arrive(below(static_cast<unsigned>(flows_.size())), below(3), 1 + below(6));
            }
            const std::int64_t later_ns = now_ns_ + below(kIntervalNs / 2) + 1;
            router_.run_until(later_ns, now_ns_);
            now_ns_ = later_ns;
            for (unsigned changes = below(3); changes > 0; --changes) {
                change();
                apply();
                if (below(2) == 0) {
                    router_.step(now_ns_);
                }
            }
            router_.router().reclaim();
            most_numbers_ = std::max(most_numbers_, router_.router().tables().flow_ids.size());
        }
        router_.run_until(now_ns_ + 100 * kCycleNs, now_ns_);
    }

    void expect_same() {
        EXPECT_TRUE(router_.router().account().balances());
        EXPECT_EQ(dropped(router_.router().account(), DropReason::policed), policed_);
        EXPECT_EQ(router_.router().account().dropped_in_all(), policed_);
        std::map<std::pair<unsigned, std::uint16_t>, std::vector<std::int64_t>> cycles;
        for (unsigned oif = 0; oif < 3; ++oif) {
            for (const Sent& sent : router_.wire(oif).sent()) {
                cycles[{oif, dataplane::load16(&sent.frame[34])}].push_back(sent.start_ns /
                                                                            kCyclesNs[oif]);
            }
        }
        EXPECT_EQ(cycles, cycles_);
        EXPECT_GT(policed_, 100U);
        EXPECT_LT(most_numbers_, next_id_ - kFirstId) << "none was given twice";
    }

  private:
    static constexpr std::uint32_t kFirstId = 1000;

    unsigned below(std::int64_t bound) {
        return static_cast<unsigned>(
            std::uniform_int_distribution<std::int64_t>(0, bound - 1)(random_));
    }
    std::uint16_t any_most() {
        constexpr std::array<std::uint16_t, 9> kMost = {0, 1, 2, 3, 5, 6, 8, 16, 256};
        return kMost[below(kMost.size())];
    }

    void come() {
        ModelFlow& flow = flows_.emplace_back();
        flow.flow = flow_of(next_id_, static_cast<std::uint16_t>(next_id_), any_most());
        ++next_id_;
    }

    void change() {
        const unsigned which = below(static_cast<unsigned>(flows_.size()));
        const unsigned what = below(4);
        if (what == 0) {
            flows_.erase(flows_.begin() + which);
            come();
        } else {
            flows_[which].change(
                what == 1 ? static_cast<std::uint16_t>(flows_[which].most()) : any_most(),
                kIntervalNs / (1 + below(2)));
        }
    }

    void apply() {
        config_.flows.clear();
        for (const ModelFlow& flow : flows_) {
            config_.flows.push_back(flow.flow);
        }
        std::shuffle(config_.flows.begin(), config_.flows.end(), random_);
        ASSERT_EQ(router_.router().apply(std::make_shared<const config::Router>(config_)), "");
    }

    void arrive(unsigned which, unsigned oif, unsigned packets) {
        ModelFlow& flow = flows_[which];
        const std::uint16_t port = flow.flow.match.source_port->low;
        for (; packets > 0; --packets) {
            ASSERT_TRUE(router_.arrive(3, now_ns_, packet_of(port, oif)));
            if (!flow.conforms(now_ns_)) {
                ++policed_;
                continue;
            }
            FlowShape shape;
            shape.cycle_size_bits = flow.flow.cycle_size_bits;
            FlowCursor& cursor = flow.cursors[oif];
            const IngressPlan plan =
                plan_ingress(shape, cursor, now_ns_ / kCyclesNs[oif], kPacketBits);
            ASSERT_EQ(plan.verdict, IngressVerdict::admitted);
            cursor = plan.next;
            cycles_[{oif, port}].push_back(cursor.cycle);
        }
    }

    TestRouter router_;
    std::mt19937 random_;
    config::Router config_;
    std::vector<ModelFlow> flows_;
    std::uint32_t next_id_ = kFirstId;
    std::int64_t now_ns_ = kStart;
    std::uint64_t policed_ = 0;
    std::size_t most_numbers_ = 0;
    std::map<std::pair<unsigned, std::uint16_t>, std::vector<std::int64_t>> cycles_;
};

TEST(FlowState, IsThatOfEachFlowAloneWhateverChanges) {
    for (const unsigned workers : {1U, 2U, 3U, 4U}) {
        for (unsigned seed = 0; seed < 4; ++seed) {
            SCOPED_TRACE(fmt::format("{} workers, seed {}", workers, seed));
            Model model(workers, seed);
            model.run();
            model.expect_same();
            if (testing::Test::HasFailure()) {
                return;
            }
        }
    }
}

/// A flow goes amidst an interval and a cycle; the one that gets its number has all of both.
TEST(FlowState, OfAFlowThatGoesIsNotThatOfTheOneThatGetsItsNumber) {
    // With two workers the one that polices the flow is not the one of ge0.
    for (const auto& [workers, most] : {std::pair{1U, 5U}, {1U, 8U}, {2U, 5U}, {2U, 8U}}) {
        SCOPED_TRACE(fmt::format("{} workers, {} packets an interval", workers, most));
        TestRouter test(four_interfaces("dscp"), {.workers = workers});
        config::Router config = test.router().config();
        const auto use = [&](std::vector<config::Flow> flows) {
            config.flows = std::move(flows);
            ASSERT_EQ(test.router().apply(std::make_shared<const config::Router>(config)), "");
            for (unsigned i = 0; i < 8; ++i) {
                test.step(kStart);
                test.router().reclaim();
            }
        };
        const auto flow = [most = most](std::uint16_t id) {
            return flow_of(id, id, static_cast<std::uint16_t>(most));
        };
        const auto send = [&, most = most](std::uint16_t port) {
            for (unsigned i = 0; i < most + 1; ++i) {
                test.arrive(3, kStart, packet_of(port, 0));
            }
            test.step(kStart);
        };
        use({flow(100)});
        const auto& ids = test.router().tables().flow_ids;
        const auto number =
            static_cast<std::uint32_t>(std::find(ids.begin(), ids.end(), 100) - ids.begin());
        ASSERT_EQ(number % 2, 1U);
        send(100);
        use({flow(99)});  // without any, queues would be others
        use({flow(99), flow(101), flow(102)});
        ASSERT_NE(test.router().tables().find_profile(number), nullptr) << "given to either";
        send(101);
        send(102);
        test.run_until(kStart + 20 * kCycleNs, kStart);
        EXPECT_EQ(dropped(test.router().account(), DropReason::policed), 3U);
        std::map<std::uint16_t, std::vector<std::int64_t>> cycles;
        for (const Sent& sent : test.wire(0).sent()) {
            cycles[dataplane::load16(&sent.frame[34])].push_back((sent.start_ns - kStart) /
                                                                 kCycleNs);
        }
        for (const std::uint16_t port : {100, 101, 102}) {
            ASSERT_EQ(cycles[port].size(), most);
            for (unsigned i = 0; i < most; ++i) {
                EXPECT_EQ(cycles[port][i], 1 + i / 3) << port;
            }
        }
    }
}

/// Three workers: the first looks at a packet of a flow that is new, the third, which polices it,
/// has the tables before yet, which have no such number.
TEST(FlowState, OfANumberBeyondTheTablesOfAWorkerIsNoneOfThatWorkers) {
    for (const std::uint16_t most : {2, 8}) {
        TestRouter test(four_interfaces("dscp"), {.workers = 3});
        dataplane::Router& router = test.router();
        test.step(kStart);
        config::Router config = router.config();
        config.flows.clear();
        for (std::uint16_t i = 1; i <= 5000; ++i) {
            config.flows.push_back(flow_of(1000U + i, static_cast<std::uint16_t>(1000 + i), most));
        }
        ASSERT_EQ(router.apply(std::make_shared<const config::Router>(config)), "");
        const std::uint32_t number = 5000;
        ASSERT_EQ(router.tables().profile_of(number).worker, 2);
        const auto port = static_cast<std::uint16_t>(router.tables().flow_ids[number]);
        for (unsigned i = 0; i < most + 1U; ++i) {
            test.arrive(3, kStart, packet_of(port, 1));
        }
        router.worker(0).refresh();
        router.worker(0).receive_from(3, kStart);
        EXPECT_EQ(router.worker(2).take_handed_over(), most + 1U);
        EXPECT_EQ(router.worker(1).take_handed_over(), most + 1U);
        test.run_until(kStart + 20 * kCycleNs, kStart);
        EXPECT_EQ(test.wire(1).sent().size(), most + 1U);
        EXPECT_TRUE(router.account().balances());
    }
}

/// As threads go: each worker takes new tables, packets and what others hand over when it likes,
/// while flows come, go and change. Flows that stay send two packets more than an interval allows,
/// then nothing until it is over.
class Disorder {
  public:
    Disorder(unsigned workers, unsigned seed)
        : test_(four_interfaces("dscp"), {.workers = workers, .further_queues = workers - 1}),
          random_(seed) {
        config_ = test_.router().config();
        change();
        test_.step(now_ns_);
    }

    void run() {
        for (unsigned round = 0; round < kRounds; ++round) {
            for (unsigned i = 0; i < kStaying; ++i) {
                left_[i] = kMost[i] + 2U;
            }
            for (unsigned i = 0; i < 60; ++i) {
                do_something(i);
            }
            for (unsigned i = 0; i < kStaying; ++i) {
                send(below(2), std::exchange(left_[i], 0), kStayingPorts[i]);
            }
            test_.run_until(now_ns_ + kIntervalNs, now_ns_);
            now_ns_ += kIntervalNs;
        }
        test_.router().reclaim();
    }

    void expect_right() {
        const dataplane::Account account = test_.router().account();
        EXPECT_TRUE(account.balances());
        EXPECT_EQ(account.queued, 0U);
        std::map<std::uint16_t, std::uint64_t> sent;
        std::map<std::uint16_t, std::array<std::int64_t, 2>> last_ns;
        for (unsigned oif = 0; oif < 2; ++oif) {
            for (const Sent& one : test_.wire(oif).sent()) {
                const std::uint16_t port = dataplane::load16(&one.frame[34]);
                ++sent[port];
                EXPECT_GE(one.start_ns, std::exchange(last_ns[port][oif], one.start_ns));
            }
        }
        for (unsigned i = 0; i < kStaying; ++i) {
            EXPECT_EQ(sent[kStayingPorts[i]], kRounds * kMost[i]) << kMost[i];
        }
    }

  private:
    static constexpr unsigned kRounds = 150;
    static constexpr unsigned kStaying = 3;
    static constexpr std::array<std::uint16_t, kStaying> kStayingPorts = {100, 101, 102};
    static constexpr std::array<std::uint16_t, kStaying> kMost = {5, 8, 1};

    unsigned below(unsigned bound) {
        return std::uniform_int_distribution<unsigned>(0, bound - 1)(random_);
    }
    dataplane::Worker& any_worker() {
        return test_.router().worker(below(test_.router().workers()));
    }

    void send(unsigned oif, unsigned packets, std::uint16_t port) {
        for (; packets > 0; --packets) {
            ASSERT_TRUE(test_.arrive_in_queue(below(test_.router().workers()), 3, now_ns_,
                                              packet_of(port, oif % 2)));
        }
    }

    void change() {
        config_.flows.clear();
        for (unsigned i = 0; i < kStaying; ++i) {
            config_.flows.push_back(flow_of(100 + i, kStayingPorts[i], kMost[i]));
        }
        constexpr std::array<std::uint16_t, 5> kAny = {0, 2, 5, 6, 16};
        for (unsigned i = 0; i < 10; ++i) {
            const bool is_new = below(2) == 0;
            const std::uint32_t id = is_new ? next_id_++ : 1000 + i;
            config_.flows.push_back(
                flow_of(id, static_cast<std::uint16_t>(2000 + i), kAny[below(kAny.size())]));
        }
        std::shuffle(config_.flows.begin(), config_.flows.end(), random_);
        ASSERT_EQ(test_.router().apply(std::make_shared<const config::Router>(config_)), "");
    }

    void do_something(unsigned i) {
        switch (below(6)) {
            case 0:
                return change();
            case 1:
                return test_.router().reclaim();
            case 2:
                any_worker().refresh();
                return;
            case 3:
                any_worker().take_handed_over();
                return;
            case 4:
                any_worker().receive_from(3, now_ns_);
                return;
            default:
                if (unsigned& left = left_[i % kStaying]; left != 0) {
                    --left;
                    send(below(2), 1, kStayingPorts[i % kStaying]);
                }
                return send(i, 1 + below(4), static_cast<std::uint16_t>(2000 + below(10)));
        }
    }

    TestRouter test_;
    std::mt19937 random_;
    config::Router config_;
    std::array<unsigned, kStaying> left_{};  ///< to be sent in this round
    std::uint32_t next_id_ = 5000;
    std::int64_t now_ns_ = kStart;
};

TEST(FlowState, OfFlowsThatStayIsRightWhileWorkersGoOverInDisorder) {
    for (const unsigned workers : {2U, 3U, 4U}) {
        for (unsigned seed = 0; seed < 3; ++seed) {
            SCOPED_TRACE(fmt::format("{} workers, seed {}", workers, seed));
            Disorder disorder(workers, seed);
            disorder.run();
            disorder.expect_right();
        }
    }
}

}  // namespace
}  // namespace tcqf::test
