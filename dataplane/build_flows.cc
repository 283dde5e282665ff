// DetNet flows: how packets are matched, and what becomes of them.

#include <algorithm>
#include <map>
#include <tuple>

#include "dataplane/table_builders.h"

namespace tcqf::dataplane {
namespace {

/// What flows of one profile have in common.
auto terms_of(const config::Flow& flow, std::uint16_t worker) {
    return std::tuple(flow.cycle_size_bits, flow.max_backlog_cycles, flow.interleaving,
                      flow.traffic_specification, flow.excess_action, flow.mpls_service,
                      flow.sr_policy, worker);
}

FlowProfile profile_of(const Build& build, const config::Flow& from, std::uint16_t worker) {
    FlowProfile to;
    to.worker = worker;
    to.shape.cycle_size_bits = from.cycle_size_bits;
    to.shape.max_backlog_cycles = from.max_backlog_cycles;
    if (from.interleaving) {
        to.shape.interleaving =
            Interleaving(from.interleaving->period_cycles, from.interleaving->cycles);
    }
    if (from.traffic_specification) {
        to.policer = Policer(*from.traffic_specification);
        to.is_policed = true;
    }
    if (from.sr_policy) {
        to.policy = build.tables.policy_numbers->at(*from.sr_policy);
    }
    to.has_service = from.mpls_service.has_value();
    to.service = from.mpls_service.value_or(config::MplsService{});
    to.excess_to_best_effort = from.excess_action == config::ExcessAction::best_effort;
    return to;
}

/// By number; empty where no flow has any.
LongArrivals long_arrivals_by_number(const std::vector<BuildOptions::Flow>& flows,
                                     std::size_t size) {
    const auto has_long = [](const auto& flow) { return flow.long_arrivals_ns != nullptr; };
    if (std::ranges::none_of(flows, has_long)) {
        return {};
    }
    LongArrivals::Content arrivals;
    arrivals.elements.resize(size);
    arrivals.owners.resize(size);
    for (const BuildOptions::Flow& flow : flows) {
        arrivals.elements[flow.number] = flow.long_arrivals_ns.get();
        arrivals.owners[flow.number] = flow.long_arrivals_ns;
    }
    return LongArrivals(std::move(arrivals));
}

}  // namespace

void build_flows(Build& build) {
    Snapshot& tables = build.tables;
    if (!build.from_nothing() && !build.difference.flows) {
        tables.flow_table = build.before->flow_table;
        tables.flow_profiles = build.before->flow_profiles;
        tables.profile_of_flow = build.before->profile_of_flow;
        tables.flow_ids = build.before->flow_ids;
        tables.long_arrivals = build.before->long_arrivals;
        return;
    }
    const std::vector<BuildOptions::Flow>& numbered = build.options.flows;
    std::vector<std::uint32_t> numbers(numbered.size());
    std::ranges::transform(numbered, numbers.begin(), &BuildOptions::Flow::number);
    tables.flow_table = std::make_shared<const FlowTable>(build.config.flows, numbers);

    const std::size_t size = numbers.empty() ? 0 : *std::ranges::max_element(numbers) + 1;
    SharedArray<FlowProfile>::Content profiles;
    std::map<decltype(terms_of({}, 0)), std::uint32_t> profile_numbers;
    std::vector<std::uint32_t> profile_of_flow(size, kNoProfile);
    std::vector<std::uint32_t> ids(size);
    for (std::size_t i = 0; i < numbered.size(); ++i) {
        const config::Flow& flow = build.config.flows[i];
        const std::uint32_t number = numbered[i].number;
        const std::uint16_t worker = numbered[i].worker;
        const auto [profile, is_new] = profile_numbers.try_emplace(
            terms_of(flow, worker), static_cast<std::uint32_t>(profiles.elements.size()));
        if (is_new) {
            profiles.elements.push_back(profile_of(build, flow, worker));
        }
        profile_of_flow[number] = profile->second;
        ids[number] = flow.id;
    }
    tables.flow_profiles = SharedArray<FlowProfile>(std::move(profiles));
    tables.profile_of_flow = SharedArray<std::uint32_t>(profile_of_flow);
    tables.flow_ids = SharedArray<std::uint32_t>(ids);
    tables.long_arrivals = long_arrivals_by_number(numbered, size);
}

}  // namespace tcqf::dataplane
