#include "config/convert.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "config/cursor.h"

namespace tcqf::config {
namespace {

/// The node address of an originator: an IPv4 address is in the lowest four octets (RFC 9256, 2.4).
IpAddress in_128_bits(const IpAddress& address) {
    if (address.is_ipv6) {
        return address;
    }
    IpAddress wide{.is_ipv6 = true};
    std::copy_n(address.octets.begin(), 4, wide.octets.end() - 4);
    return wide;
}

/// Names of an enumeration in the order of its values.
template <class Enum, std::size_t N>
Enum enum_of(std::string_view text, const std::array<std::string_view, N>& names) {
    const auto found = std::find(names.begin(), names.end(), text);
    return static_cast<Enum>(found == names.end() ? 0 : found - names.begin());
}

class Converter {
  public:
    Converter(const Schema& schema, const Document& document)
        : top_(document, 0, schema.router()) {}

    Router run() {
        take_globals();
        take_interfaces();
        top_["srv6-domain"].each(
            [&](Cursor entry) { router_.srv6_domain.push_back(interface_of(entry)); });
        top_["neighbors"].each(
            [&](Cursor entry) { router_.neighbors.push_back(neighbor_of(entry)); });
        top_["routes"].each([&](Cursor entry) { router_.routes.push_back(route_of(entry)); });
        take_mpls();
        take_srv6();
        top_["tcqf"]["domains"].each(
            [&](Cursor entry) { router_.domains.push_back(domain_of(entry)); });
        top_["detnet"]["flows"].each(
            [&](Cursor entry) { router_.flows.push_back(flow_of(entry)); });
        top_["nrps"].each([&](Cursor entry) { router_.nrps.push_back(nrp_of(entry)); });
        top_["sr-policies"].each(
            [&](Cursor entry) { router_.sr_policies.push_back(policy_of(entry)); });
        return std::move(router_);
    }

  private:
    void take_globals();
    void take_interfaces();
    void take_mpls();
    void take_srv6();
    Neighbor neighbor_of(Cursor entry) const;
    Route route_of(Cursor entry) const;
    std::vector<NextHop> next_hops_of(Cursor list) const;
    Label label_of(Cursor entry) const;
    LocalSid sid_of(Cursor entry) const;
    Domain domain_of(Cursor entry) const;
    DomainInterface domain_interface_of(Cursor entry) const;
    CycleMapEntry cycle_map_of(Cursor entry, std::uint8_t cycles) const;
    Flow flow_of(Cursor entry) const;
    FlowMatch match_of(Cursor match) const;
    Nrp nrp_of(Cursor entry) const;
    SrPolicy policy_of(Cursor entry) const;
    CandidatePath path_of(Cursor entry) const;

    InterfaceIndex interface_of(Cursor name) const {
        const auto found = interfaces_.find(name.text());
        return found == interfaces_.end() ? static_cast<InterfaceIndex>(router_.interfaces.size())
                                          : found->second;
    }

    Cursor top_;
    Router router_;
    std::unordered_map<std::string_view, InterfaceIndex> interfaces_;
};

template <class Integer>
std::vector<Integer> numbers_of(Cursor list) {
    std::vector<Integer> numbers;
    list.each([&](Cursor entry) { numbers.push_back(entry.number<Integer>()); });
    return numbers;
}

PolicyKey policy_key_of(Cursor reference) {
    return {reference["color"].number<std::uint32_t>(), reference["endpoint"].address()};
}

std::optional<PolicyKey> optional_policy_of(Cursor reference) {
    return reference ? std::optional(policy_key_of(reference)) : std::nullopt;
}

void Converter::take_globals() {
    router_.name = top_["name"].text();
    if (top_["srv6-source"]) {
        router_.srv6_source = top_["srv6-source"].address();
    }
    router_.workers.count = top_["workers"].number<std::uint32_t>();
    router_.workers.cores = numbers_of<std::uint32_t>(top_["workers"]);
    if (router_.workers.cores.empty()) {
        router_.workers.cores = numbers_of<std::uint32_t>(top_["worker-cores"]);
    }
    if (!router_.workers.cores.empty()) {
        router_.workers.count = static_cast<std::uint32_t>(router_.workers.cores.size());
    }
    const Cursor points = top_["code-points"];
    router_.code_points = {
        .tcqf_option = points["tcqf-option"].number<std::uint8_t>(),
        .nrp_option = points["nrp-option"].number<std::uint8_t>(),
        .mna_nrp_opcode = points["mna-nrp-opcode"].number<std::uint8_t>(),
        .retired_option = points["retired-option"].number<std::uint8_t>(),
    };
    router_.unknown_option_action =
        enum_of<UnknownOptionAction, 2>(top_["unknown-option-action"].text(), {"skip", "discard"});
    const Cursor clock = top_["clock"];
    router_.clock = {
        .source =
            enum_of<ClockSource, 3>(clock["source"].text(), {"system", "phc", "free-running"}),
        .device = std::string(clock["device"].text()),
        .max_time_interval_error_ns = clock["max-time-interval-error-ns"].number<std::int64_t>(),
    };
}

void Converter::take_interfaces() {
    top_["interfaces"].each([&](Cursor entry) {
        Interface interface;
        interface.name = entry["name"].text();
        interface.device = entry["device"].text();
        interface.mac = parse_mac(entry["mac"].text());
        interface.mtu = entry["mtu"].number<std::uint32_t>();
        interface.link_rate_mbps = entry["link-rate-mbps"].number<std::uint32_t>();
        entry["addresses"].each(
            [&](Cursor address) { interface.addresses.push_back(address.prefix()); });
        interface.best_effort_queue_packets =
            entry["best-effort-queue-packets"].number<std::uint32_t>();
        interface.table = entry["table"].text();
        if (entry["tx-guard-ns"]) {
            interface.tx_guard_ns = entry["tx-guard-ns"].number<std::int64_t>();
        }
        interfaces_.try_emplace(entry["name"].text(),
                                static_cast<InterfaceIndex>(router_.interfaces.size()));
        router_.interfaces.push_back(std::move(interface));
    });
}

Neighbor Converter::neighbor_of(Cursor entry) const {
    return {.interface = interface_of(entry["interface"]),
            .address = entry["address"].address(),
            .mac = parse_mac(entry["mac"].text()).value_or(MacAddress{}),
            .mna = entry["mna"].is_true(),
            .readable_label_depth = entry["readable-label-depth"].number<std::uint8_t>()};
}

std::vector<NextHop> Converter::next_hops_of(Cursor list) const {
    std::vector<NextHop> next_hops;
    list.each([&](Cursor entry) {
        next_hops.push_back({.interface = interface_of(entry["interface"]),
                             .address = entry["address"].address(),
                             .weight = entry["weight"].number<std::uint32_t>(),
                             .labels = numbers_of<std::uint32_t>(entry["labels"])});
    });
    return next_hops;
}

Route Converter::route_of(Cursor entry) const {
    return {.prefix = entry["prefix"].prefix(),
            .table = std::string(entry["table"].text()),
            .next_hops = next_hops_of(entry["next-hops"]),
            .sr_policy = optional_policy_of(entry["sr-policy"])};
}

Label Converter::label_of(Cursor entry) const {
    return {.label = entry["label"].number<std::uint32_t>(),
            .operation = enum_of<LabelOperation, 4>(
                entry["operation"].text(), {"swap", "pop", "pop-and-lookup", "detnet-pop"}),
            .out_labels = numbers_of<std::uint32_t>(entry["out-labels"]),
            .next_hops = next_hops_of(entry["next-hops"]),
            .sequence_bits = entry["sequence-bits"].number<std::uint8_t>()};
}

void Converter::take_mpls() {
    const Cursor mpls = top_["mpls"];
    router_.mpls.ttl_model =
        enum_of<TtlModel, 2>(mpls["ttl-model"].text(), {"uniform", "short-pipe"});
    mpls["labels"].each([&](Cursor entry) { router_.mpls.labels.push_back(label_of(entry)); });
}

LocalSid Converter::sid_of(Cursor entry) const {
    LocalSid sid;
    sid.sid = entry["sid"].prefix();
    sid.behavior = enum_of<SidBehavior, 10>(
        entry["behavior"].text(), {"End", "End.X", "End.T", "End.DT4", "End.DT6", "End.DT46",
                                   "End.DX4", "End.DX6", "End.B6.Encaps", "End.B6.Encaps.Red"});
    entry["flavors"].each([&](Cursor flavor) {
        sid.flavors.psp |= flavor.text() == "PSP";
        sid.flavors.usp |= flavor.text() == "USP";
        sid.flavors.usd |= flavor.text() == "USD";
        sid.flavors.next_csid |= flavor.text() == "NEXT-CSID";
    });
    sid.next_hops = next_hops_of(entry["next-hops"]);
    sid.table = entry["table"].text();
    sid.policy = optional_policy_of(entry["policy"]);
    sid.locator_block_bits = entry["locator-block-bits"].number<std::uint8_t>();
    // The SID itself is block, node and function; an argument needs bits behind it.
    const bool has_argument = sid.sid.length > sid.locator_block_bits && sid.sid.length < 128;
    const int rest = sid.sid.length - sid.locator_block_bits;
    sid.locator_node_bits = entry["locator-node-bits"].optional_number<std::uint8_t>().value_or(
        has_argument ? static_cast<std::uint8_t>(rest) : sid.locator_node_bits);
    return sid;
}

void Converter::take_srv6() {
    const Cursor srv6 = top_["srv6"];
    srv6["locators"].each(
        [&](Cursor locator) { router_.srv6.locators.push_back(locator.prefix()); });
    srv6["local-sids"].each(
        [&](Cursor entry) { router_.srv6.local_sids.push_back(sid_of(entry)); });
}

DomainInterface Converter::domain_interface_of(Cursor entry) const {
    DomainInterface interface;
    interface.interface = interface_of(entry["name"]);
    const std::string_view tagging = entry["tagging"].text();
    interface.tagging = tagging == "mpls-tc" ? Tagging::mpls_tc
                        : tagging == "dscp"  ? Tagging::dscp
                                             : Tagging::ipv6_option;
    interface.tags = numbers_of<std::uint8_t>(entry["tags"]);
    interface.option_header =
        enum_of<OptionHeader, 2>(entry["option-header"].text(), {"hop-by-hop", "destination"});
    interface.cycle_clock_offset_ns =
        entry["cycle-clock-offset-ns"].optional_number<std::int64_t>();
    interface.dead_time_ns = entry["dead-time-ns"].number<std::int64_t>();
    return interface;
}

CycleMapEntry Converter::cycle_map_of(Cursor entry, std::uint8_t cycles) const {
    CycleMapEntry map;
    map.iif = interface_of(entry["iif"]);
    map.oif = interface_of(entry["oif"]);
    map.map = numbers_of<CycleId>(entry["map"]);
    map.window = {.min = 1, .max = static_cast<std::uint16_t>(std::max(1, cycles - 1))};
    if (const Cursor window = entry["window"]) {
        map.window.min = window["min"].number<std::uint16_t>();
        map.window.max = window["max"].optional_number<std::uint16_t>().value_or(map.window.max);
    }
    return map;
}

Domain Converter::domain_of(Cursor entry) const {
    Domain domain;
    domain.name = entry["name"].text();
    domain.cycles = entry["cycles"].number<std::uint8_t>();
    domain.cycle_time_us = entry["cycle-time-us"].number<std::uint32_t>();
    domain.cycle_clock_offset_ns = entry["cycle-clock-offset-ns"].number<std::int64_t>();
    domain.outside_window_action = enum_of<OutsideWindowAction, 2>(
        entry["outside-window-action"].text(), {"drop", "best-effort"});
    domain.egress_dscp = entry["egress-dscp"].number<std::uint8_t>();
    domain.egress_tc = entry["egress-tc"].number<std::uint8_t>();
    entry["interfaces"].each(
        [&](Cursor child) { domain.interfaces.push_back(domain_interface_of(child)); });
    entry["cycle-maps"].each(
        [&](Cursor child) { domain.cycle_maps.push_back(cycle_map_of(child, domain.cycles)); });
    return domain;
}

std::optional<PortRange> port_range_of(Cursor leaf) {
    const std::string_view text = leaf.text();
    if (text.empty()) {
        return std::nullopt;
    }
    const std::size_t dash = text.find('-');
    const auto low = Cursor::to_number<std::uint16_t>(text.substr(0, dash));
    return PortRange{
        low, dash == text.npos ? low : Cursor::to_number<std::uint16_t>(text.substr(dash + 1))};
}

std::optional<IpPrefix> optional_prefix_of(Cursor leaf) {
    return leaf ? std::optional(leaf.prefix()) : std::nullopt;
}

FlowMatch Converter::match_of(Cursor match) const {
    FlowMatch result;
    if (match["interface"]) {
        result.interface = interface_of(match["interface"]);
    }
    result.source = optional_prefix_of(match["source"]);
    result.destination = optional_prefix_of(match["destination"]);
    result.protocol = match["protocol"].optional_number<std::uint8_t>();
    result.source_port = port_range_of(match["source-port"]);
    result.destination_port = port_range_of(match["destination-port"]);
    result.dscp = numbers_of<std::uint8_t>(match["dscp"]);
    result.flow_label = match["flow-label"].optional_number<std::uint32_t>();
    result.spi = match["spi"].optional_number<std::uint32_t>();
    result.mpls_label = match["mpls-label"].optional_number<std::uint32_t>();
    return result;
}

Flow Converter::flow_of(Cursor entry) const {
    Flow flow;
    flow.id = entry["id"].number<std::uint32_t>();
    flow.match = match_of(entry["match"]);
    flow.cycle_size_bits = entry["cycle-size-bits"].number<std::uint32_t>();
    if (const Cursor specification = entry["traffic-specification"]) {
        flow.traffic_specification = {
            .interval_ns = specification["interval-ns"].number<std::int64_t>(),
            .max_packets_per_interval =
                specification["max-packets-per-interval"].number<std::uint16_t>(),
            .max_payload_octets = specification["max-payload-size"].number<std::uint32_t>()};
    }
    flow.max_backlog_cycles = entry["max-backlog-cycles"].number<std::uint16_t>();
    if (const Cursor interleaving = entry["interleaving"]) {
        flow.interleaving = {.period_cycles = interleaving["period-cycles"].number<std::uint32_t>(),
                             .cycles = numbers_of<std::uint32_t>(interleaving["cycles"])};
    }
    flow.excess_action =
        enum_of<ExcessAction, 2>(entry["excess-action"].text(), {"drop", "best-effort"});
    if (const Cursor service = entry["mpls-service"]) {
        flow.mpls_service = {.s_label = service["s-label"].number<std::uint32_t>(),
                             .sequence_bits = service["sequence-bits"].number<std::uint8_t>()};
    }
    flow.sr_policy = optional_policy_of(entry["sr-policy"]);
    return flow;
}

Nrp Converter::nrp_of(Cursor entry) const {
    Nrp nrp;
    nrp.id = entry["id"].number<std::uint32_t>();
    nrp.name = entry["name"].text();
    nrp.selector = entry["selector"].optional_number<std::uint32_t>().value_or(nrp.id);
    nrp.strict = entry["strict"].is_true();
    nrp.encapsulation = enum_of<NrpEncapsulation, 3>(entry["encapsulation"].text(),
                                                     {"ipv6-option", "mpls-mna", "none"});
    entry["interfaces"].each([&](Cursor child) {
        nrp.interfaces.push_back(
            {.interface = interface_of(child["name"]),
             .cycle_bits = child["cycle-bits"].number<std::int64_t>(),
             .best_effort_rate_mbps = child["best-effort-rate-mbps"].number<std::uint32_t>()});
    });
    return nrp;
}

Segment segment_of(std::string_view text) {
    if (const auto address = IpAddress::parse(text); address && address->is_ipv6) {
        return *address;
    }
    return Cursor::to_number<std::uint32_t>(text);
}

std::uint8_t origin_of(std::string_view text) {
    return text == "pcep"            ? std::uint8_t{10}
           : text == "bgp"           ? std::uint8_t{20}
           : text == "configuration" ? std::uint8_t{30}
                                     : Cursor::to_number<std::uint8_t>(text);
}

CandidatePath Converter::path_of(Cursor entry) const {
    CandidatePath path;
    path.preference = entry["preference"].number<std::uint32_t>();
    path.protocol_origin = origin_of(entry["protocol-origin"].text());
    path.originator = {.asn = entry["originator"]["asn"].number<std::uint32_t>(),
                       .address = in_128_bits(entry["originator"]["address"].address())};
    path.discriminator = entry["discriminator"].number<std::uint32_t>();
    path.nrp_id = entry["nrp"].optional_number<std::uint32_t>();
    entry["segment-lists"].each([&](Cursor child) {
        SegmentList list;
        list.weight = child["weight"].number<std::uint32_t>();
        child["segments"].each(
            [&](Cursor segment) { list.segments.push_back(segment_of(segment.text())); });
        path.segment_lists.push_back(std::move(list));
    });
    return path;
}

SrPolicy Converter::policy_of(Cursor entry) const {
    SrPolicy policy;
    policy.key = policy_key_of(entry);
    if (entry["binding-sid"]) {
        policy.binding_sid = segment_of(entry["binding-sid"].text());
    }
    policy.drop_upon_invalid = entry["drop-upon-invalid"].is_true();
    policy.prefer_installed_path = entry["prefer-installed-path"].is_true();
    policy.reduced_encapsulation = entry["headend-behavior"].text() != "H.Encaps";
    entry["candidate-paths"].each(
        [&](Cursor child) { policy.candidate_paths.push_back(path_of(child)); });
    return policy;
}

}  // namespace

Router convert(const Schema& schema, const Document& document) {
    return Converter(schema, document).run();
}

}  // namespace tcqf::config
