// The tables that workers read: an immutable snapshot, built by the control thread and replaced by
// one pointer. Parts that a change of the configuration leaves alone are shared with the snapshot
// before.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/router.h"
#include "dataplane/adjacency.h"
#include "dataplane/flow_table.h"
#include "dataplane/label_table.h"
#include "dataplane/number_table.h"
#include "dataplane/numbers.h"
#include "dataplane/route_table.h"
#include "dataplane/shared_array.h"
#include "dataplane/sid_index.h"
#include "dataplane/sr_policy.h"
#include "tcqf/cycle_map.h"
#include "tcqf/ingress.h"
#include "tcqf/policer.h"
#include "tcqf/tag_table.h"

namespace tcqf::dataplane {

inline constexpr std::uint16_t kNoDomain = UINT16_MAX;
inline constexpr std::uint32_t kNoMap = UINT32_MAX;
inline constexpr std::uint32_t kNoProfile = UINT32_MAX;
inline constexpr std::uint16_t kMainTable = 0;  ///< the route table that SIDs are in

/// A local SID (RFC 8986).
struct SidAction {
    static constexpr std::uint16_t kNeverPlain = UINT8_MAX + 1;

    config::SidBehavior behavior = config::SidBehavior::end;
    config::SidFlavors flavors{};
    std::uint8_t block_bits = 0;  ///< NEXT-CSID: LBL
    std::uint8_t node_bits = 0;   ///< NEXT-CSID: LNFL
    /// With how many Segments Left or more nothing happens here but that the next one in the
    /// routing header becomes the destination, and with how many the header goes (PSP); 0: never.
    std::uint16_t plain_from = kNeverPlain;
    std::uint8_t popped_at = 0;
    std::uint16_t table = 0;    ///< End.T, End.DT*
    std::uint32_t policy = 0;   ///< End.B6.Encaps: in Snapshot::policies
    std::uint32_t counter = 0;  ///< number of the SID
    HopSet hops{};              ///< End.X, End.DX*

    /// Whether nothing but the destination address changes.
    bool renews_destination() const {
        return behavior == config::SidBehavior::end || behavior == config::SidBehavior::end_x ||
               behavior == config::SidBehavior::end_t;
    }
};

struct NrpAction {
    std::uint32_t selector = 0;
    bool strict = false;
    config::NrpEncapsulation encapsulation = config::NrpEncapsulation::none;
};

/// What a worker needs to know of an interface.
struct InterfaceTable {
    config::MacAddress mac{};
    std::uint32_t mtu = 1500;
    std::uint16_t domain = kNoDomain;
    std::uint16_t route_table = 0;
    config::OptionHeader option_header = config::OptionHeader::hop_by_hop;
    std::uint8_t egress_dscp = 0;  ///< marks of packets that leave its domain
    std::uint8_t egress_tc = 0;
    bool drops_outside_window = true;
    CycleTiming timing;
    TagTable tags;              ///< tagging() is none outside every domain
    std::uint32_t version = 0;  ///< of its cycles and kind of tag, raised by a change
    std::optional<config::IpAddress> source_ipv4;  ///< of ICMP errors
    std::optional<config::IpAddress> source_ipv6;

    /// Where a TCQF packet that leaves here has its option.
    TcqfPlace tcqf_place() const {
        return tags.tagging() == Tagging::ipv6_option ? place_in(option_header) : TcqfPlace::none;
    }
};

/// What flows have in common that differ in nothing but what they match: few of many, so that they
/// stay in the caches.
struct FlowProfile {
    Policer policer;  ///< where the flow is policed
    FlowShape shape;
    std::uint32_t policy = kNoPolicy;  ///< that packets are steered into
    /// That has the flow's state and polices it, wherever packets come in and leave.
    std::uint16_t worker = 0;
    bool is_policed = false;
    bool excess_to_best_effort = false;
    bool has_service = false;
    config::MplsService service{};  ///< DetNet over MPLS (RFC 8964), where it has one

    /// Whether its specification allows a packet of this size.
    bool allows(std::uint32_t payload_octets) const {
        return !is_policed || policer.takes(payload_octets);
    }
    /// Whether a packet can never join a cycle, and is not sent otherwise either.
    bool refuses(std::uint32_t payload_octets, std::uint32_t packet_bits) const {
        const bool may_exceed = excess_to_best_effort && is_policed;
        return !may_exceed && (!allows(payload_octets) || packet_bits > shape.cycle_size_bits);
    }
};

/// Of each flow whose policer remembers more arrivals than a FlowState has room for.
using LongArrivals = SharedArray<std::int64_t*, std::shared_ptr<std::int64_t[]>>;

/// Of one interface, by partition.
class Shares {
  public:
    explicit Shares(const std::uint16_t* of_none = nullptr) : of_none_(of_none) {}
    /// `nrp`: position of a partition, or kNoNrp, which is the one before the first.
    std::uint32_t operator[](std::uint32_t nrp) const { return of_none_[nrp + 1]; }

  private:
    const std::uint16_t* of_none_;
};

/// Of route tables, by name: places in Snapshot::route_tables.
using TableNumbers = Numbers<std::string>;

static_assert(NumberTable::kNone == kNoNrp);

class Snapshot {
  public:
    std::shared_ptr<const config::Router> config;  // what the next tables are compared with
    config::CodePoints code_points;
    UsualLayout usual_layout;
    bool discards_unknown_options = false;
    bool short_pipe = false;
    /// Labels carry no strict flag: a partition here that is strict, and carried by labels, says
    /// it.
    bool has_strict_labels = false;
    std::uint32_t hash_seed = 0;

    std::vector<InterfaceTable> interfaces;
    std::vector<RouteTable> route_tables;  ///< without routes where the number is nobody's
    LabelTable labels;
    SharedArray<SidAction, HopGroup> sids;
    std::shared_ptr<const SidIndex> sid_index;
    SharedArray<PolicyAction, InstalledPolicy> policies;
    SharedArray<NrpAction> nrps;
    NumberTable nrp_of_selector;
    NumberTable nrp_of_id;
    /// oif * (nrps + 1) + nrp + 1 -> share there, 0: default; what is of no partition comes first.
    SharedArray<std::uint16_t> shares;
    std::vector<bool> in_srv6_domain;  ///< by interface; empty: no boundary
    std::array<std::uint8_t, 16> srv6_source{};
    std::vector<std::uint32_t> map_of;  ///< iif * interfaces + oif -> cycle_maps, or kNoMap
    std::vector<CycleMap> cycle_maps;
    // By number of the flow, which is the same over changes of the configuration.
    std::shared_ptr<const FlowTable> flow_table;
    SharedArray<FlowProfile> flow_profiles;
    SharedArray<std::uint32_t> profile_of_flow;  ///< in flow_profiles, or kNoProfile
    SharedArray<std::uint32_t> flow_ids;
    LongArrivals long_arrivals;

    // Names to numbers, for the builder of the next tables.
    std::shared_ptr<const TableNumbers> table_numbers;
    std::shared_ptr<const PolicyNumbers> policy_numbers;

    const RouteAction& route(std::uint16_t table, std::uint32_t ipv4_destination) const {
        return route_tables[table].find_ipv4(ipv4_destination);
    }
    const RouteAction& route(std::uint16_t table, const std::uint8_t* ipv6_destination) const {
        return route_tables[table].find_ipv6(ipv6_destination);
    }
    /// What a route amounts to now: a policy that is invalid leaves nothing behind, or drops what
    /// is steered into it (RFC 9256, 8.2).
    const RouteAction& in_force(const RouteAction& route) const {
        const RouteAction* action = &route;
        while ((action->kind == RouteKind::policy || action->kind == RouteKind::binding_sid) &&
               policies[action->index].leaves_nothing()) {
            action = action->fallback;
        }
        return *action;
    }
    /// The policy that a packet is steered into: its flow's or its route's.
    std::uint32_t policy_for(std::uint32_t flow, const RouteAction& route) const {
        if (flow != FlowTable::kNoFlow) {
            const std::uint32_t policy = profile_of(flow).policy;
            if (policy != kNoPolicy && !policies[policy].leaves_nothing()) {
                return policy;
            }
        }
        return route.kind == RouteKind::policy ? route.index : kNoPolicy;
    }
    /// Only interfaces of the SR domain bring packets to local SIDs (RFC 8754, 5.1).
    bool inside_srv6_domain(config::InterfaceIndex iif) const {
        return in_srv6_domain.empty() || in_srv6_domain[iif];
    }
    const CycleMap* cycle_map(config::InterfaceIndex iif, config::InterfaceIndex oif) const {
        const std::uint32_t map = map_of[iif * interfaces.size() + oif];
        return map == kNoMap ? nullptr : &cycle_maps[map];
    }
    const FlowProfile& profile_of(std::uint32_t flow) const {
        return flow_profiles[profile_of_flow[flow]];
    }
    /// nullptr where this configuration does not have the flow.
    const FlowProfile* find_profile(std::uint32_t flow) const {
        return flow < profile_of_flow.size() && profile_of_flow[flow] != kNoProfile
                   ? &profile_of(flow)
                   : nullptr;
    }
    /// The partition that an NRP option names; `nrp` stays as it is where the option has another
    /// layout than the one that this router reads. False where the partition is unknown and the
    /// packet asks to be dropped then.
    bool read_partition(const std::uint8_t* option, std::uint32_t& nrp) const {
        if (option[1] != kNrpOptionOctets - 2 || option[3] != 0) [[unlikely]] {
            return true;
        }
        nrp = nrp_of_selector.find(load32(option + 6));
        return nrp != kNoNrp || (option[2] & kNrpStrictFlag) == 0;
    }
    /// The shares of an interface that partitions' packets are accounted against.
    Shares shares_of(config::InterfaceIndex oif) const {
        return Shares(&shares[oif * (nrps.size() + 1)]);
    }
    std::uint32_t share(std::uint32_t nrp, config::InterfaceIndex oif) const {
        return shares_of(oif)[nrp];
    }
    /// What labels that a packet of a partition gets here have among them.
    std::optional<PushedSelector> pushed_selector(std::uint32_t nrp,
                                                  const Adjacency& adjacency) const {
        if (nrp == kNoNrp || nrps[nrp].encapsulation != config::NrpEncapsulation::mpls_mna ||
            (adjacency.label_count == 0 && !adjacency.reads_actions)) {
            return std::nullopt;
        }
        return PushedSelector{nrps[nrp].selector, code_points.mna_nrp_opcode};
    }
    /// One of the next hops, by a hash over all 32 bits.
    const Adjacency& choose(const HopSet& set, std::uint32_t hash) const {
        return set.count == 1 ? *set.first : choose_by_weight(set.first, set.total_weight, hash);
    }
    /// One of a valid policy's segment lists, likewise.
    const SegmentListAction& choose(const PolicyAction& policy, std::uint32_t hash) const {
        return choose_by_weight(policy.lists, policy.total_weight, hash);
    }
};

/// The partitions that have resources on an interface, in the order of their shares (the first has
/// 1).
std::vector<const config::NrpInterface*> partitions_on(const config::Router& config,
                                                       config::InterfaceIndex interface);

}  // namespace tcqf::dataplane
