// DetNet flows: how packets are matched, and what becomes of them.

#include "dataplane/table_builders.h"

namespace tcqf::dataplane {
namespace {

FlowAction flow_action(const Build& build, std::size_t position) {
    const config::Flow& from = build.config.flows[position];
    FlowAction to;
    to.shape.cycle_size_bits = from.cycle_size_bits;
    to.shape.max_backlog_cycles = from.max_backlog_cycles;
    if (from.interleaving) {
        to.shape.interleaving =
            Interleaving(from.interleaving->period_cycles, from.interleaving->cycles);
    }
    to.id = from.id;
    to.slot = build.options.flows[position].slot;
    if (from.traffic_specification) {
        to.policer =
            Policer(*from.traffic_specification, build.options.flows[position].arrivals_ns.get());
        to.policing_worker = build.options.flows[position].policing_worker;
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
        tables.flow_of_slot = build.before->flow_of_slot;
        return;
    }
    tables.flow_table = std::make_shared<const FlowTable>(build.config.flows);
    FlowActions::Content flows;
    std::vector<std::uint32_t> flow_of_slot;
    for (std::size_t i = 0; i < build.config.flows.size(); ++i) {
        flows.elements.push_back(flow_action(build, i));
        flows.owners.push_back(build.options.flows[i].arrivals_ns);
        const std::uint32_t slot = flows.elements.back().slot;
        if (flow_of_slot.size() <= slot) {
            flow_of_slot.resize(slot + 1, FlowTable::kNoFlow);
        }
        flow_of_slot[slot] = static_cast<std::uint32_t>(i);
    }
    tables.flows = FlowActions(std::move(flows));
    tables.flow_of_slot = SharedArray<std::uint32_t>(flow_of_slot);
}

}  // namespace tcqf::dataplane
