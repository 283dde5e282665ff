// tcqf::Egress against the slow model, over random traffic, links, cycles, stalls and port limits.
#include "tests/tcqf/egress_model.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tests/tcqf/egress_driver.h"
#include "tests/tcqf/random.h"

namespace tcqf::test {
namespace {

struct Arrival {
    std::int64_t at_ns = 0;
    int kind = 0;  ///< 0: TCQF, else a class behind it
    std::int64_t distance = 1;
    std::uint32_t octets = 60;
    std::uint32_t share = 0;
};

struct Stall {
    std::int64_t at_ns = 0;
    std::int64_t length_ns = 0;
};

struct Scenario {
    EgressConfig config;
    std::vector<Arrival> arrivals;  ///< in order of time
    std::vector<Stall> stalls;      ///< in order, apart from one another
};

EgressConfig any_config(bool in_domain) {
    EgressConfig config;
    config.rate.mbps = *rc::gen::element<std::uint32_t>(10, 100, 333, 1'000, 2'500, 9'973, 10'000,
                                                        25'000, 100'000, 400'000, 799'999, 800'000);
    config.queue_limit_packets = *rc::gen::element<std::uint32_t>(1, 2, 5, 1'000);
    config.mtu_frame_octets = *rc::gen::element<std::uint32_t>(1'514, 9'018);
    const unsigned shares = in_range(0u, 3u);
    config.shares.resize(shares);
    for (Share& share : config.shares) {
        share.rate_mbps = *rc::gen::element<std::uint32_t>(0, 1, 2, 3, 7);
    }
    if (!in_domain) {
        return config;
    }
    CycleTiming timing;
    // About 1 to 20 long frames a cycle.
    const std::int64_t frames = in_range<std::int64_t>(1, 20);
    timing.cycle_time_ns =
        std::clamp<std::int64_t>(frames * 1538 * 8 / config.rate.mbps + in_range(0, 2), 1, 65'535) *
        1000;
    timing.cycles = static_cast<std::uint8_t>(in_range(2, 255));
    timing.offset_ns = in_range<std::int64_t>(0, timing.round_ns() - 1);
    config.timing = timing;
    config.dead_time_ns = *rc::gen::element<std::int64_t>(0, 0, timing.cycle_time_ns / 10);
    config.tx_guard_ns =
        *rc::gen::element<std::int64_t>(0, 0, timing.cycle_time_ns / 20, timing.cycle_time_ns / 5);
    config.slots = *rc::gen::element<std::uint32_t>(8, 16);
    const int parts = *rc::gen::element(3, 5);  // of three partitions: all of the cycle, or not
    for (Share& share : config.shares) {
        share.cycle_units =
            cycle_capacity(config.rate, timing.cycle_time_ns, config.dead_time_ns) / parts;
    }
    return config;
}

Scenario any_scenario(bool in_domain) {
    Scenario scenario{.config = any_config(in_domain), .arrivals = {}, .stalls = {}};
    const EgressConfig& config = scenario.config;
    const std::int64_t cycle_ns =
        config.timing ? config.timing->cycle_time_ns : 20 * 1538 * 8'000 / config.rate.mbps;
    const std::size_t shares = config.shares.size();
    const std::int64_t begin_ns = kToday + in_range<std::int64_t>(0, cycle_ns);
    const std::uint32_t most_octets =
        *rc::gen::element<std::uint32_t>(60, 130, 1'514, 1'514, 9'018);
    scenario.arrivals.resize(in_range<std::size_t>(1, *rc::gen::element<std::size_t>(20, 200)));
    for (Arrival& arrival : scenario.arrivals) {
        arrival.kind = in_range(in_domain ? 0 : 1, 3);
        arrival.distance = in_range<std::int64_t>(-1, config.slots - 1);
        arrival.octets = in_range(0, 3) == 0 ? most_octets : in_range(14u, most_octets);
        arrival.share = in_range<std::uint32_t>(0, static_cast<std::uint32_t>(shares));
        arrival.at_ns = begin_ns + in_range<std::int64_t>(0, 6 * cycle_ns);
        if (in_domain && in_range(0, 2) == 0) {
            // Where things go wrong, if they do: around a boundary, and where a frame just fits.
            arrival.at_ns = config.timing->start_ns(config.timing->cycle_at(arrival.at_ns)) +
                            in_range(-1, 1) -
                            in_range(0, 1) * config.rate.to_ns(occupancy_units(arrival.octets));
        }
    }
    std::stable_sort(scenario.arrivals.begin(), scenario.arrivals.end(),
                     [](const Arrival& a, const Arrival& b) { return a.at_ns < b.at_ns; });
    std::int64_t at_ns = begin_ns;
    for (int left = in_range(0, 2); left > 0; --left) {
        at_ns += in_range<std::int64_t>(0, 3 * cycle_ns);
        const std::int64_t length_ns = in_range<std::int64_t>(1, 3 * cycle_ns);
        scenario.stalls.push_back({at_ns, length_ns});
        at_ns += length_ns + 1;
    }
    return scenario;
}

/// The instant at which a worker that stalls now and then does what is due at `at_ns`.
std::int64_t postponed(const Scenario& scenario, std::int64_t at_ns) {
    for (const Stall& stall : scenario.stalls) {
        if (at_ns >= stall.at_ns && at_ns < stall.at_ns + stall.length_ns) {
            return stall.at_ns + stall.length_ns;
        }
    }
    return at_ns;
}

/// Everything that happens at `now_ns` before anything is sent, to egress and model alike.
void arrive(const Arrival& arrival, int packet, std::int64_t now_ns, EgressDriver& driver,
            EgressModel& model) {
    Refusal got;
    Refusal wanted;
    if (arrival.kind == 0) {
        driver.advance(now_ns);
        const CycleNumber cycle = driver.egress.tracker().cycle() + arrival.distance;
        got = driver.egress.enqueue_in_cycle(cycle, {packet, arrival.octets}, arrival.share);
        wanted = model.tcqf(now_ns, cycle, packet, arrival.octets, arrival.share);
    } else {
        const auto traffic_class = static_cast<TrafficClass>(arrival.kind - 1);
        got = driver.other(now_ns, packet, arrival.octets, traffic_class, arrival.share);
        wanted = model.other(now_ns, traffic_class, packet, arrival.octets, arrival.share);
    }
    RC_ASSERT(got == wanted);
}

void compare(const EgressDriver& driver, const EgressModel& model) {
    RC_ASSERT(driver.sent.size() == model.sent.size());
    for (std::size_t i = 0; i < model.sent.size(); ++i) {
        RC_ASSERT(driver.sent[i].packet == model.sent[i].packet);
        RC_ASSERT(driver.sent[i].start == model.sent[i].start);
    }
    std::vector<int> dropped = driver.dropped;
    std::vector<int> wanted = model.dropped;
    std::sort(dropped.begin(), dropped.end());
    std::sort(wanted.begin(), wanted.end());
    RC_ASSERT(dropped == wanted);
}

/// Event by event: the egress is called at the instants that it asks for, the model at all that can
/// matter.
void run_by_events(const Scenario& scenario) {
    EgressDriver driver(scenario.config);
    EgressModel model(scenario.config);
    std::size_t next = 0;
    std::int64_t egress_due = kNever;
    std::int64_t model_due = kNever;
    while (next < scenario.arrivals.size() || egress_due != kNever || !model.idle()) {
        const std::int64_t arrival_ns =
            next < scenario.arrivals.size() ? scenario.arrivals[next].at_ns : kNever;
        const std::int64_t now_ns =
            postponed(scenario, std::min({arrival_ns, egress_due, model_due}));
        const bool arrived = arrival_ns <= now_ns;
        while (next < scenario.arrivals.size() && scenario.arrivals[next].at_ns <= now_ns) {
            arrive(scenario.arrivals[next], static_cast<int>(next), now_ns, driver, model);
            ++next;
        }
        if (arrived || egress_due <= now_ns) {
            egress_due = driver.transmit(now_ns);
            RC_ASSERT(egress_due > now_ns);
        }
        model.call(now_ns, 0);
        model_due = model.idle() ? kNever : model.next_instant(now_ns);
    }
    RC_ASSERT(driver.egress.queued() == 0u);
    compare(driver, model);
}

RC_GTEST_PROP(egress_against_model, sends_what_the_model_sends_when_it_sends_it, ()) {
    run_by_events(any_scenario(true));
}

RC_GTEST_PROP(egress_against_model, outside_a_domain_too, ()) {
    run_by_events(any_scenario(false));
}

RC_GTEST_PROP(egress_against_model, polled_at_any_instants_with_any_lookahead, (bool in_domain)) {
    const Scenario scenario = any_scenario(in_domain);
    EgressDriver driver(scenario.config);
    EgressModel model(scenario.config);
    const std::int64_t longest_ns = 8'000'000 / scenario.config.rate.mbps + 2;
    driver.lookahead_ns = in_range<std::int64_t>(0, *rc::gen::element(3, 100) * longest_ns);
    std::size_t next = 0;
    std::int64_t now_ns = scenario.arrivals.front().at_ns;
    for (int call = 0; call < 100 || next < scenario.arrivals.size() || !model.idle(); ++call) {
        while (next < scenario.arrivals.size() && scenario.arrivals[next].at_ns <= now_ns) {
            arrive(scenario.arrivals[next], static_cast<int>(next), now_ns, driver, model);
            ++next;
        }
        driver.transmit(now_ns);
        model.call(now_ns, driver.lookahead_ns);
        RC_ASSERT((driver.egress.queued() == 0u) == model.idle());
        now_ns += in_range<std::int64_t>(1, longest_ns);
    }
    compare(driver, model);
}

RC_GTEST_PROP(egress_against_model, a_port_that_takes_little_changes_no_cycle, ()) {
    const Scenario scenario = any_scenario(true);
    const CycleTiming& timing = *scenario.config.timing;
    EgressDriver driver(scenario.config);
    std::vector<CycleNumber> cycle_of(scenario.arrivals.size(), -1);
    std::size_t next = 0;
    std::size_t accepted = 0;
    std::int64_t now_ns = scenario.arrivals.front().at_ns;
    while (next < scenario.arrivals.size() || driver.egress.queued() != 0) {
        for (; next < scenario.arrivals.size() && scenario.arrivals[next].at_ns <= now_ns; ++next) {
            const Arrival& arrival = scenario.arrivals[next];
            const int packet = static_cast<int>(next);
            if (arrival.kind == 0) {
                driver.advance(now_ns);
                cycle_of[next] = driver.egress.tracker().cycle() + arrival.distance;
                accepted += driver.tcqf(now_ns, packet, arrival.octets, arrival.distance,
                                        arrival.share) == Refusal::none;
            } else {
                accepted += driver.other(now_ns, packet, arrival.octets,
                                         static_cast<TrafficClass>(arrival.kind - 1),
                                         arrival.share) == Refusal::none;
            }
        }
        driver.port_room = in_range(0u, 3u);
        driver.transmit(now_ns);
        now_ns += in_range<std::int64_t>(1, timing.cycle_time_ns / 4);
    }
    RC_ASSERT(driver.sent.size() + driver.dropped.size() == accepted);
    const Wide rate = scenario.config.rate.mbps;
    Wide free = 0;
    for (const Sent& frame : driver.sent) {
        const auto packet = static_cast<std::size_t>(frame.packet);
        const Wide end = frame.start + occupancy_units(scenario.arrivals[packet].octets);
        const CycleNumber started =
            timing.cycle_at(static_cast<std::int64_t>(floor_by_trial(frame.start, rate)));
        RC_ASSERT(frame.start >= free);
        RC_ASSERT(end <= Wide{timing.start_ns(started + 1)} * rate);
        RC_ASSERT(cycle_of[packet] == -1 || cycle_of[packet] == started);
        free = end;
    }
}

}  // namespace
}  // namespace tcqf::test
