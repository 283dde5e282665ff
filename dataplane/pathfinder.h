// The short way, first half: which packets of a burst are plain, and where they go.
//
// Nothing is changed here and nothing is counted: what turns out to be special can still take the
// long way from its beginning.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/flow_state.h"
#include "dataplane/plain.h"
#include "dataplane/slot_array.h"
#include "dataplane/tables.h"

struct rte_mbuf;

namespace tcqf::dataplane {

/// Looks up a burst at a time, in tables that stay as they are meanwhile.
class Pathfinder {
  public:
    /// `sid_counters`: of the worker whose packets they are; `flow_states`: all are its own;
    /// nullptr: not all.
    Pathfinder(const Snapshot& tables, SlotArray<SidCounter>& sid_counters,
               SlotArray<FlowState>* flow_states)
        : tables_(&tables), sid_counters_(&sid_counters), flow_states_(flow_states) {}

    /// What is not plain is of kind `other` then, or has no next hop.
    void find_out(config::InterfaceIndex interface, std::span<rte_mbuf* const> mbufs,
                  PlainBurst& burst) const;

  private:
    // pathfinder.cc: the stages
    void recognise(const InterfaceTable& in, rte_mbuf* mbuf, Plain& plain, PlainBurst& burst) const;
    static bool recognise_ipv4(const InterfaceTable& in, Plain& plain);
    bool recognise_ipv6(const InterfaceTable& in, Plain& plain) const;
    bool recognise_label(const InterfaceTable& in, Plain& plain) const;
    void find_sids(const PlainBurst& burst) const;
    template <class Fields>
    void match_flows(config::InterfaceIndex interface, std::span<Plain* const> packets,
                     PlainBurst& burst) const;
    void match_flows(config::InterfaceIndex interface, const Ipv4FlowIndex& index,
                     PlainBurst& burst) const;
    void take_flow(Plain& plain, std::uint32_t flow, PlainBurst& burst) const;
    void match_other_flows(config::InterfaceIndex interface, std::span<Plain> packets,
                           PlainBurst& burst) const;
    void look_up(config::InterfaceIndex interface, const PlainBurst& burst) const;
    const std::uint8_t* onward_address(Plain& plain, std::uint8_t* room) const;
    void find_adjacencies(std::span<Plain> packets, PlainBurst& burst) const;
    void find_adjacency(Plain& plain, PlainBurst& burst) const;

    // pathfinder_beneath.cc: what is beneath labels, and behind SIDs
    void take_other_label(Plain& plain, PlainBurst& burst) const;
    void pop(Plain& plain, PlainBurst& burst) const;
    std::uint32_t own_labels_octets(const Plain& plain, std::uint8_t& ttl_limit) const;
    void decapsulate(Plain& plain, PlainBurst& burst) const;
    void find_way_of_inner(Plain& plain, PlainBurst& burst) const;
    void take_sid_route(Plain& plain, PlainBurst& burst) const;
    void take_compressed(Plain& plain, PlainBurst& burst) const;
    void take_binding_sid(Plain& plain, const PlainBurst& burst) const;
    void look_up_at_sid(Plain& plain, const std::uint8_t* destination) const;

    // pathfinder_hops.cc: one of several next hops, and policies
    std::optional<std::uint32_t> spread_hash(const Plain& plain) const;
    const Adjacency* choose_hop(const Plain& plain, const HopSet& hops) const;
    bool is_way_out(const RouteAction& route) const;
    void follow_policies(std::span<Plain> burst) const;
    void choose_way(Plain& plain) const;

    // pathfinder_steps.h
    bool find_hop(Plain& plain) const;
    void take_hop(Plain& plain, const HopSet& hops) const;
    void follow_policy(Plain& plain) const;
    void take_way(Plain& plain, const PolicyWay& way) const;
    SidCounter& counter_of(const SidAction& sid) const { return (*sid_counters_)[sid.counter]; }

    const Snapshot* tables_;
    SlotArray<SidCounter>* sid_counters_;
    SlotArray<FlowState>* flow_states_;
};

}  // namespace tcqf::dataplane
