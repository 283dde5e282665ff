// The tables that workers read: an immutable snapshot, built by the control thread, replaced whole.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/router.h"
#include "dataplane/flow_table.h"
#include "dataplane/route_table.h"
#include "tcqf/cycle_map.h"
#include "tcqf/ingress.h"
#include "tcqf/policer.h"
#include "tcqf/tag_table.h"

namespace tcqf::dataplane {

inline constexpr unsigned kMaxPushedLabels = 10;
inline constexpr std::uint16_t kNoDomain = UINT16_MAX;
inline constexpr std::uint16_t kNoMap = UINT16_MAX;

/// A resolved next hop: everything that is written to send a packet there.
struct alignas(64) Adjacency {
    std::array<std::uint8_t, 12> ethernet{};  ///< destination and source address
    config::InterfaceIndex oif = 0;
    std::uint8_t label_count = 0;
    bool resolved = false;       ///< a neighbour's MAC address is known
    bool reads_actions = false;  ///< the neighbour takes MPLS network actions
    std::uint8_t readable_depth = 16;
    std::array<std::uint32_t, kMaxPushedLabels> labels{};  ///< values alone, the first on top
};

/// What to do with a packet that a look-up found.
enum class RouteKind : std::uint8_t {
    none,            ///< no route
    forward,         ///< to one of `hop_count` next hops
    local,           ///< an address of the router: to the kernel
    unresolved,      ///< on a connected prefix, but no neighbour of that address
    no_sid,          ///< in a locator, but no SID of ours
    sid,             ///< a local SID: `index` in Snapshot::sids
    policy,          ///< steered into an SR policy: `index` in Snapshot::policies
    policy_invalid,  ///< into one that is invalid and drops (RFC 9256, 8.2)
};

struct HopSet {
    std::uint32_t first = 0;  ///< in Snapshot::hops
    std::uint32_t total_weight = 1;
    std::uint16_t count = 0;
};

struct RouteAction {
    RouteKind kind = RouteKind::none;
    config::InterfaceIndex interface = 0;  ///< unresolved: the connected one
    std::uint32_t index = 0;               ///< sid, policy
    HopSet hops{};
};

struct WeightedHop {
    std::uint32_t below = 0;  ///< takes hash values from the previous hop's bound up to this one
    std::uint32_t adjacency = 0;
};

/// A local SID (RFC 8986).
struct SidAction {
    config::SidBehavior behavior = config::SidBehavior::end;
    config::SidFlavors flavors{};
    std::uint8_t block_bits = 0;  ///< NEXT-CSID: LBL
    std::uint8_t node_bits = 0;   ///< NEXT-CSID: LNFL
    bool policy_valid = false;    ///< End.B6.Encaps
    std::uint16_t table = 0;      ///< End.T, End.DT*
    std::uint32_t policy = 0;     ///< End.B6.Encaps: in Snapshot::policies
    HopSet hops{};                ///< End.X, End.DX*
};

/// A segment list of the active path of a policy.
struct SegmentListAction {
    std::uint32_t below = 0;  ///< takes hash values up to here
    bool is_srv6 = false;
    std::uint16_t segment_count = 0;
    std::uint32_t first_segment = 0;  ///< in Snapshot::segments, SRv6 alone
    HopSet hops{};                    ///< towards the first segment; SR-MPLS: with all labels
};

/// The active candidate path of an SR policy (RFC 9256, 2.11).
struct PolicyAction {
    std::uint32_t first_list = 0;  ///< in Snapshot::segment_lists
    std::uint32_t list_count = 0;  ///< 0: invalid
    std::uint32_t total_weight = 0;
    std::uint32_t nrp = UINT32_MAX;  ///< in Snapshot::nrps, or kNoNrp
    bool reduced = true;             ///< H.Encaps.Red: the first segment is in the address alone
};

inline constexpr std::uint32_t kNoNrp = UINT32_MAX;
inline constexpr std::uint32_t kNoPolicy = UINT32_MAX;

struct NrpAction {
    std::uint32_t selector = 0;
    bool strict = false;
    config::NrpEncapsulation encapsulation = config::NrpEncapsulation::none;
};

enum class LabelKind : std::uint8_t {
    none,
    swap,
    pop,
    pop_and_lookup,
    detnet_pop,
    policy,          ///< a binding SID
    policy_invalid,  ///< of a policy that is invalid and drops
};

struct LabelAction {
    LabelKind kind = LabelKind::none;
    std::uint8_t sequence_bits = 0;
    std::uint32_t policy = 0;
    HopSet hops{};
};

/// Labels to actions, directly; pages of 1,024 labels exist where one of them is in use.
class LabelTable {
  public:
    void set(std::uint32_t label, const LabelAction& action);
    const LabelAction& find(std::uint32_t label) const {
        const Page* page = pages_[label / kPage].get();
        return page == nullptr ? kNone : (*page)[label % kPage];
    }

  private:
    static constexpr std::uint32_t kPage = 1024;
    static constexpr LabelAction kNone{};
    using Page = std::array<LabelAction, kPage>;
    std::array<std::unique_ptr<Page>, (1u << 20) / kPage> pages_;
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
    TagTable tags;                                 ///< tagging() is none outside every domain
    std::optional<config::IpAddress> source_ipv4;  ///< of ICMP errors
    std::optional<config::IpAddress> source_ipv6;
};

struct FlowAction {
    FlowShape shape;
    std::uint32_t id = 0;
    std::uint32_t slot = 0;  ///< of its cursors, the same over changes of the configuration
    bool excess_to_best_effort = false;
    std::uint32_t policy = kNoPolicy;              ///< that its packets are steered into
    std::optional<config::MplsService> service{};  ///< DetNet over MPLS (RFC 8964)
    std::shared_ptr<Policer> policer;  ///< null: no specification; used by one worker alone
};

/// Which path of a policy is installed, for the tie-break that prefers it (RFC 9256, 2.9).
struct PathId {
    std::uint8_t protocol_origin = 0;
    config::Originator originator;
    std::uint32_t discriminator = 0;
    bool operator==(const PathId&) const = default;
};
using InstalledPaths = std::map<config::PolicyKey, PathId>;

class Snapshot {
  public:
    std::uint64_t generation = 0;
    std::shared_ptr<const config::Router> config;  // kept alive as long as the tables are
    config::CodePoints code_points;
    bool discards_unknown_options = false;
    bool short_pipe = false;
    std::uint32_t hash_seed = 0;

    std::vector<InterfaceTable> interfaces;
    std::vector<std::unique_ptr<RouteTable>> route_tables;  ///< 0 is "main"
    std::vector<RouteAction> routes;                        ///< by the number that a look-up gives
    std::vector<WeightedHop> hops;
    std::vector<Adjacency> adjacencies;
    LabelTable labels;
    std::vector<SidAction> sids;
    std::vector<std::array<std::uint8_t, 16>> segments;
    std::vector<SegmentListAction> segment_lists;
    std::vector<PolicyAction> policies;
    std::vector<NrpAction> nrps;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> nrp_of_selector;  ///< sorted
    std::vector<std::uint16_t> shares;  ///< nrp * interfaces + oif -> share there, 0: default
    std::vector<bool> in_srv6_domain;   ///< by interface; empty: no boundary
    std::array<std::uint8_t, 16> srv6_source{};
    std::vector<std::uint16_t> map_of;  ///< iif * interfaces + oif -> cycle_maps, or kNoMap
    std::vector<CycleMap> cycle_maps;
    std::unique_ptr<FlowTable> flow_table;
    std::vector<FlowAction> flows;
    InstalledPaths active_paths;
    std::vector<std::uint32_t> flow_of_slot;  ///< position in `flows`, or FlowTable::kNoFlow

    const RouteAction& route(std::uint16_t table, std::uint32_t ipv4_destination) const {
        return routes[route_tables[table]->lookup_ipv4(ipv4_destination)];
    }
    const RouteAction& route(std::uint16_t table, const std::uint8_t* ipv6_destination) const {
        return routes[route_tables[table]->lookup_ipv6(ipv6_destination)];
    }
    const CycleMap* cycle_map(config::InterfaceIndex iif, config::InterfaceIndex oif) const {
        const std::uint16_t map = map_of[iif * interfaces.size() + oif];
        return map == kNoMap ? nullptr : &cycle_maps[map];
    }
    /// The flow whose state is in `slot`; nullptr where this configuration has none.
    const FlowAction* flow_in(std::uint32_t slot) const {
        return slot < flow_of_slot.size() && flow_of_slot[slot] != FlowTable::kNoFlow
                   ? &flows[flow_of_slot[slot]]
                   : nullptr;
    }
    /// The share of an interface that a partition's packets are accounted against.
    std::uint32_t share(std::uint32_t nrp, config::InterfaceIndex oif) const {
        return nrp == kNoNrp ? 0u : shares[nrp * interfaces.size() + oif];
    }
    /// The partition that packets with this selector belong to, or kNoNrp.
    std::uint32_t find_nrp(std::uint32_t selector) const;
    /// One of the next hops, by a hash over all 32 bits.
    const Adjacency& choose(const HopSet& set, std::uint32_t hash) const {
        const WeightedHop* hop = &hops[set.first];
        if (set.count > 1) {
            const auto point =
                static_cast<std::uint32_t>(std::uint64_t{hash} * set.total_weight >> 32);
            while (point >= hop->below) {
                ++hop;
            }
        }
        return adjacencies[hop->adjacency];
    }
};

/// The partitions that have resources on an interface, in the order of their shares (the first has
/// 1).
std::vector<const config::NrpInterface*> partitions_on(const config::Router& config,
                                                       config::InterfaceIndex interface);

struct BuildOptions {
    FibKind fib = FibKind::compact;
    std::uint64_t generation = 0;
    std::vector<config::MacAddress> macs;  ///< of the devices, where the configuration names none
    struct FlowState {
        std::uint32_t slot = 0;
        std::shared_ptr<Policer> policer;
    };
    std::vector<FlowState> flows;  ///< by the position of the flow
    InstalledPaths installed;      ///< paths of the tables before
};

/// Builds the tables of a configuration. Throws std::runtime_error where memory is short.
std::unique_ptr<Snapshot> build_tables(std::shared_ptr<const config::Router> config,
                                       const BuildOptions& options);

}  // namespace tcqf::dataplane
