// DetNet flows: how packets are matched, and what becomes of them.

#include <map>
#include <tuple>

#include "dataplane/table_builders.h"

namespace tcqf::dataplane {
namespace {

/// What flows of one profile have in common.
auto terms_of(const config::Flow& flow, std::uint16_t policing_worker) {
    return std::tuple(flow.cycle_size_bits, flow.max_backlog_cycles, flow.interleaving,
                      flow.traffic_specification, flow.excess_action, flow.mpls_service,
                      flow.sr_policy, policing_worker);
}

FlowProfile profile_of(const Build& build, const config::Flow& from,
                       std::uint16_t policing_worker) {
    FlowProfile to;
    to.shape.cycle_size_bits = from.cycle_size_bits;
    to.shape.max_backlog_cycles = from.max_backlog_cycles;
    if (from.interleaving) {
        to.shape.interleaving =
            Interleaving(from.interleaving->period_cycles, from.interleaving->cycles);
    }
    if (from.traffic_specification) {
        to.policer = Policer(*from.traffic_specification);
        to.policing_worker = policing_worker;
    }
    if (from.sr_policy) {
        to.policy = build.tables.policy_numbers->at(*from.sr_policy);
    }
    to.has_service = from.mpls_service.has_value();
    to.service = from.mpls_service.value_or(config::MplsService{});
    to.excess_to_best_effort = from.excess_action == config::ExcessAction::best_effort;
    return to;
}

}  // namespace

void build_flows(Build& build) {
    Snapshot& tables = build.tables;
    if (!build.from_nothing() && !build.difference.flows) {
        tables.flow_table = build.before->flow_table;
        tables.flows = build.before->flows;
        tables.flow_profiles = build.before->flow_profiles;
        tables.flow_ids = build.before->flow_ids;
        tables.flow_of_slot = build.before->flow_of_slot;
        return;
    }
    tables.flow_table = std::make_shared<const FlowTable>(build.config.flows);
    FlowActions::Content flows;
    SharedArray<FlowProfile>::Content profiles;
    std::map<decltype(terms_of({}, 0)), std::uint32_t> profile_numbers;
    std::vector<std::uint32_t> ids;
    std::vector<std::uint32_t> flow_of_slot;
    for (std::size_t i = 0; i < build.config.flows.size(); ++i) {
        const config::Flow& flow = build.config.flows[i];
        const auto& [slot, policing_worker, arrivals_ns] = build.options.flows[i];
        const auto [profile, is_new] = profile_numbers.try_emplace(
            terms_of(flow, policing_worker), static_cast<std::uint32_t>(profiles.elements.size()));
        if (is_new) {
            profiles.elements.push_back(profile_of(build, flow, policing_worker));
        }
        flows.elements.push_back({arrivals_ns.get(), slot, profile->second});
        flows.owners.push_back(arrivals_ns);
        ids.push_back(flow.id);
        if (flow_of_slot.size() <= slot) {
            flow_of_slot.resize(slot + 1, FlowTable::kNoFlow);
        }
        flow_of_slot[slot] = static_cast<std::uint32_t>(i);
    }
    tables.flows = FlowActions(std::move(flows));
    tables.flow_profiles = SharedArray<FlowProfile>(std::move(profiles));
    tables.flow_ids = SharedArray<std::uint32_t>(ids);
    tables.flow_of_slot = SharedArray<std::uint32_t>(flow_of_slot);
}

}  // namespace tcqf::dataplane
