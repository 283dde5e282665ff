// The typed configuration of a router: what every other part receives.
//
// It is built only from a document that the YANG module tcqf-router and the cross-checks have
// accepted, so that nobody behind this line checks again. References by name have become indices.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "config/address.h"
#include "tcqf/cycle_map.h"
#include "tcqf/policer.h"
#include "tcqf/tag_table.h"

namespace tcqf::config {

/// Position in Router::interfaces; the order of the file is the order in which arrivals of one same
/// instant are taken.
using InterfaceIndex = std::uint16_t;

struct CodePoints {
    std::uint8_t tcqf_option = 0xB1;
    std::uint8_t nrp_option = 0x1E;
    std::uint8_t mna_nrp_opcode = 115;
    std::uint8_t retired_option = 0x3E;

    bool operator==(const CodePoints&) const = default;
};

enum class UnknownOptionAction : std::uint8_t { skip, discard };

enum class ClockSource : std::uint8_t { system, phc, free_running };

struct Clock {
    ClockSource source = ClockSource::system;
    std::string device;  ///< of a phc
    std::int64_t max_time_interval_error_ns = 0;
};

struct Interface {
    std::string name;
    std::string device;
    std::optional<MacAddress> mac;  ///< absent: the device's own
    std::uint32_t mtu = 1500;
    std::uint32_t link_rate_mbps = 10'000;
    std::vector<IpPrefix> addresses;
    std::uint32_t best_effort_queue_packets = 1024;
    std::string table = "main";
    std::optional<std::int64_t> tx_guard_ns;  ///< absent: what the host is measured to need
    bool operator==(const Interface&) const = default;
};

struct Neighbor {
    InterfaceIndex interface = 0;
    IpAddress address;
    MacAddress mac{};
    bool mna = false;
    std::uint8_t readable_label_depth = 16;
    bool operator==(const Neighbor&) const = default;
};

/// Labels that may be put in front of a packet at once.
inline constexpr unsigned kMaxPushedLabels = 10;

struct NextHop {
    InterfaceIndex interface = 0;
    IpAddress address;
    std::uint32_t weight = 1;
    std::vector<std::uint32_t> labels;  ///< pushed, the first on top
    auto operator<=>(const NextHop&) const = default;
};

/// Names an SR policy (RFC 9256, 2.1).
struct PolicyKey {
    std::uint32_t color = 0;
    IpAddress endpoint;
    auto operator<=>(const PolicyKey&) const = default;
};

struct Route {
    IpPrefix prefix;
    std::string table = "main";
    std::vector<NextHop> next_hops;
    std::optional<PolicyKey> sr_policy;
    bool operator==(const Route&) const = default;
};

enum class TtlModel : std::uint8_t { uniform, short_pipe };
enum class LabelOperation : std::uint8_t { swap, pop, pop_and_lookup, detnet_pop };

struct Label {
    std::uint32_t label = 0;
    LabelOperation operation = LabelOperation::swap;
    std::vector<std::uint32_t> out_labels;  ///< swap: the first on top
    std::vector<NextHop> next_hops;
    std::uint8_t sequence_bits = 16;  ///< detnet-pop
    bool operator==(const Label&) const = default;
};

struct Mpls {
    TtlModel ttl_model = TtlModel::uniform;
    std::vector<Label> labels;
};

enum class SidBehavior : std::uint8_t {
    end,
    end_x,
    end_t,
    end_dt4,
    end_dt6,
    end_dt46,
    end_dx4,
    end_dx6,
    end_b6_encaps,
    end_b6_encaps_red
};

struct SidFlavors {
    bool psp = false;
    bool usp = false;
    bool usd = false;
    bool next_csid = false;
    bool operator==(const SidFlavors&) const = default;
};

struct LocalSid {
    IpPrefix sid;
    SidBehavior behavior = SidBehavior::end;
    SidFlavors flavors;
    std::vector<NextHop> next_hops;
    std::string table = "main";
    std::optional<PolicyKey> policy;       ///< End.B6.Encaps
    std::uint8_t locator_block_bits = 32;  ///< NEXT-CSID (RFC 9800): LBL
    std::uint8_t locator_node_bits = 16;   ///< NEXT-CSID: LNFL
    bool operator==(const LocalSid&) const = default;
};

struct Srv6 {
    std::vector<IpPrefix> locators;
    std::vector<LocalSid> local_sids;
};

enum class OutsideWindowAction : std::uint8_t { drop, best_effort };
enum class OptionHeader : std::uint8_t { hop_by_hop, destination };

struct DomainInterface {
    InterfaceIndex interface = 0;
    Tagging tagging = Tagging::mpls_tc;
    std::vector<std::uint8_t> tags;  ///< tags[k-1] is the tag of cycle k
    OptionHeader option_header = OptionHeader::hop_by_hop;
    std::optional<std::int64_t> cycle_clock_offset_ns;
    std::int64_t dead_time_ns = 0;
};

struct CycleMapEntry {
    InterfaceIndex iif = 0;
    InterfaceIndex oif = 0;
    std::vector<CycleId> map;  ///< map[i-1]; for a computed map already computed
    Window window;
};

struct Domain {
    std::string name;
    std::uint8_t cycles = 4;
    std::uint32_t cycle_time_us = 100;
    std::int64_t cycle_clock_offset_ns = 0;
    OutsideWindowAction outside_window_action = OutsideWindowAction::drop;
    std::uint8_t egress_dscp = 0;
    std::uint8_t egress_tc = 0;
    std::vector<DomainInterface> interfaces;
    std::vector<CycleMapEntry> cycle_maps;

    std::int64_t cycle_time_ns() const { return std::int64_t{cycle_time_us} * 1000; }
    /// How many cycles ahead its maps put packets at most, at least a round.
    std::uint32_t farthest_cycle() const {
        std::uint32_t farthest = cycles;
        for (const CycleMapEntry& map : cycle_maps) {
            farthest = std::max<std::uint32_t>(farthest, map.window.max);
        }
        return farthest;
    }
    /// How one of its interfaces cuts time: its own offset where it has one, else the domain's.
    CycleTiming timing_of(const DomainInterface& interface) const {
        return {.cycle_time_ns = cycle_time_ns(),
                .offset_ns = interface.cycle_clock_offset_ns.value_or(cycle_clock_offset_ns),
                .cycles = cycles};
    }
};

struct PortRange {
    std::uint16_t low = 0;
    std::uint16_t high = 65535;
    bool operator==(const PortRange&) const = default;
};

/// Fields left empty match everything (RFC 8939, 5.1).
struct FlowMatch {
    std::optional<InterfaceIndex> interface;
    std::optional<IpPrefix> source;
    std::optional<IpPrefix> destination;
    std::optional<std::uint8_t> protocol;
    std::optional<PortRange> source_port;
    std::optional<PortRange> destination_port;
    std::vector<std::uint8_t> dscp;
    std::optional<std::uint32_t> flow_label;
    std::optional<std::uint32_t> spi;
    std::optional<std::uint32_t> mpls_label;
    bool operator==(const FlowMatch&) const = default;
};

enum class ExcessAction : std::uint8_t { drop, best_effort };

struct FlowInterleaving {
    std::uint32_t period_cycles = 1;
    std::vector<std::uint32_t> cycles;
    auto operator<=>(const FlowInterleaving&) const = default;
};

struct MplsService {
    std::uint32_t s_label = 0;
    std::uint8_t sequence_bits = 16;
    auto operator<=>(const MplsService&) const = default;
};

struct Flow {
    std::uint32_t id = 0;
    FlowMatch match;
    std::uint32_t cycle_size_bits = 0;
    std::optional<TrafficSpecification> traffic_specification;
    std::uint16_t max_backlog_cycles = 64;
    std::optional<FlowInterleaving> interleaving;
    ExcessAction excess_action = ExcessAction::drop;
    std::optional<MplsService> mpls_service;
    std::optional<PolicyKey> sr_policy;
    bool operator==(const Flow&) const = default;
};

enum class NrpEncapsulation : std::uint8_t { ipv6_option, mpls_mna, none };

struct NrpInterface {
    InterfaceIndex interface = 0;
    std::int64_t cycle_bits = 0;
    std::uint32_t best_effort_rate_mbps = 0;
    bool operator==(const NrpInterface&) const = default;
};

struct Nrp {
    std::uint32_t id = 0;
    std::string name;
    std::uint32_t selector = 0;
    bool strict = false;
    NrpEncapsulation encapsulation = NrpEncapsulation::ipv6_option;
    std::vector<NrpInterface> interfaces;
    bool operator==(const Nrp&) const = default;
};

/// A segment: an MPLS label or an SRv6 SID.
using Segment = std::variant<std::uint32_t, IpAddress>;

struct SegmentList {
    std::uint32_t weight = 1;
    std::vector<Segment> segments;
    bool operator==(const SegmentList&) const = default;
};

struct Originator {
    std::uint32_t asn = 0;
    IpAddress address;  ///< 128 bits; an IPv4 address is in the lowest four octets
    auto operator<=>(const Originator&) const = default;
};

struct CandidatePath {
    std::uint32_t preference = 100;
    std::uint8_t protocol_origin = 30;  ///< 10 PCEP, 20 BGP, 30 configuration
    Originator originator;
    std::uint32_t discriminator = 0;
    std::optional<std::uint32_t> nrp_id;
    std::vector<SegmentList> segment_lists;
    bool operator==(const CandidatePath&) const = default;
};

struct SrPolicy {
    PolicyKey key;
    std::optional<Segment> binding_sid;
    bool drop_upon_invalid = false;
    bool prefer_installed_path = false;
    bool reduced_encapsulation = true;  ///< H.Encaps.Red, else H.Encaps
    std::vector<CandidatePath> candidate_paths;
    bool operator==(const SrPolicy&) const = default;
};

/// Workers to start: how many, or on which cores.
struct Workers {
    std::uint32_t count = 1;
    std::vector<std::uint32_t> cores;  ///< empty: any
};

struct Router {
    std::string name;
    std::optional<IpAddress> srv6_source;
    Workers workers;
    CodePoints code_points;
    UnknownOptionAction unknown_option_action = UnknownOptionAction::skip;
    std::vector<InterfaceIndex> srv6_domain;  ///< empty: no boundary filter
    Clock clock;
    std::vector<Interface> interfaces;
    std::vector<Neighbor> neighbors;
    std::vector<Route> routes;
    Mpls mpls;
    Srv6 srv6;
    std::vector<Domain> domains;
    std::vector<Flow> flows;
    std::vector<Nrp> nrps;
    std::vector<SrPolicy> sr_policies;
};

}  // namespace tcqf::config
