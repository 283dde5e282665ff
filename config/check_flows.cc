// Checks of DetNet flows: what they match, and whether cycles can carry what they may send.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "config/check_context.h"
#include "tcqf/admission.h"
#include "tcqf/ingress.h"
#include "tcqf/wire.h"

namespace tcqf::config {
namespace {

// 64 bits do not hold packets * period * cycle time for every configuration.
__extension__ using Product = unsigned __int128;

constexpr std::string_view kServiceInSids =
    "a path of SIDs: S-label and control word go beneath labels (RFC 8964), on that path the "
    "flow's packets are dropped, policy-invalid";

bool is_ipv6(const FlowMatch& match) {
    return (match.source && match.source->address.is_ipv6) ||
           (match.destination && match.destination->address.is_ipv6) || match.flow_label;
}

bool is_ipv4(const FlowMatch& match) {
    return (match.source && !match.source->address.is_ipv6) ||
           (match.destination && !match.destination->address.is_ipv6);
}

std::uint32_t header_octets(const FlowMatch& match) {
    return is_ipv6(match) ? kIpv6Octets : kIpv4Octets;
}

std::uint32_t largest_packet_bits(const Flow& flow) {
    return (header_octets(flow.match) + flow.traffic_specification->max_payload_octets) * 8;
}

/// Cycles of each period that a flow may use, of the period's cycles.
std::pair<std::uint64_t, std::uint64_t> share_of_cycles(const Flow& flow) {
    return flow.interleaving
               ? std::pair<std::uint64_t, std::uint64_t>(flow.interleaving->cycles.size(),
                                                         flow.interleaving->period_cycles)
               : std::pair<std::uint64_t, std::uint64_t>(1, 1);
}

/// How far ahead the `wanted`-th allowed cycle lies at worst.
std::uint64_t worst_distance(const Flow& flow, std::uint32_t wanted) {
    if (!flow.interleaving || wanted == 0) {
        return wanted;
    }
    const std::set<std::uint32_t> allowed(flow.interleaving->cycles.begin(),
                                          flow.interleaving->cycles.end());
    const std::vector<std::uint64_t> cycles(allowed.begin(), allowed.end());
    const std::uint64_t period = flow.interleaving->period_cycles;
    std::uint64_t worst = 0;
    // The longest wait starts within an allowed cycle: that one cannot be joined any more.
    for (std::size_t i = 0; i < cycles.size(); ++i) {
        const std::size_t last = i + wanted;
        worst = std::max(worst,
                         last / cycles.size() * period + cycles[last % cycles.size()] - cycles[i]);
    }
    return worst;
}

class FlowChecker {
  public:
    explicit FlowChecker(CheckContext& context) : context_(context), reach_(context.reach()) {}

    void check(const Cursor& entry, const Flow& flow) {
        check_match(entry, flow);
        check_policy_reference(context_, entry["sr-policy"], flow.sr_policy);
        check_service(entry, flow);
        check_steered_service(entry, flow);
        check_labelled(entry, flow);
        check_interleaving(entry, flow);
        if (entry["cycle-size-bits"] &&
            context_.are_right(entry, {"match", "cycle-size-bits", "traffic-specification"}) &&
            check_cycle_size(entry, flow) &&
            context_.are_right(entry, {"interleaving", "sr-policy"})) {
            check_load(entry, flow);
        }
    }

    /// Cycles that small packets of the flows could fill beyond what the wire carries.
    void check_overfill();

  private:
    /// A flow towards an interface, and the most that it occupies of one of its cycles.
    struct Demand {
        NodeId node;
        const Flow* flow;
        std::int64_t wire_bits;
    };

    void check_match(const Cursor& entry, const Flow& flow);
    void check_ports(const Cursor& match, const FlowMatch& fields);
    void check_families(const Cursor& match, const FlowMatch& fields);
    void check_service(const Cursor& entry, const Flow& flow);
    void check_steered_service(const Cursor& entry, const Flow& flow);
    void check_labelled(const Cursor& entry, const Flow& flow);
    void check_interleaving(const Cursor& entry, const Flow& flow);
    bool check_cycle_size(const Cursor& entry, const Flow& flow);
    void check_load(const Cursor& entry, const Flow& flow);
    std::set<InterfaceIndex> ways_of(const Flow& flow) const;
    void check_rate(const Cursor& entry, const Flow& flow, const Domain& domain);
    void check_backlog(const Cursor& entry, const Flow& flow);
    std::int64_t most_wire_bits(const Flow& flow, const Domain& domain) const;
    std::int64_t largest_sum(const std::vector<Demand>& demands) const;
    std::int64_t reserved_bits(InterfaceIndex interface) const;

    CheckContext& context_;
    const Reach& reach_;
    std::map<InterfaceIndex, std::vector<Demand>> demands_;
};

void FlowChecker::check_match(const Cursor& entry, const Flow& flow) {
    if (context_.document.is_bad(entry.node())) {
        return;
    }
    const Cursor match = entry["match"];
    if (!match) {
        context_.report.missing(entry.node(), "match",
                                "is missing: which packets belong to the flow? e.g. match: "
                                "{destination: 10.9.0.1/32, protocol: 17}");
        return;
    }
    if (context_.document.is_bad(match.node())) {
        return;
    }
    if (context_.document.first_child(match.node()) == kNoNode) {
        context_.report.warning(
            match.node(), "has no condition: every packet without a tag belongs to this flow");
    }
    check_ports(match, flow.match);
    check_families(match, flow.match);
}

void FlowChecker::check_ports(const Cursor& match, const FlowMatch& fields) {
    for (const auto& [name, range] : {std::pair("source-port", fields.source_port),
                                      std::pair("destination-port", fields.destination_port)}) {
        if (!range || !context_.is_given(match, name)) {
            continue;
        }
        constexpr unsigned kLargestPort = 65'535;
        const std::string_view text = match[name].text();
        const std::size_t dash = text.find('-');
        const auto low = Cursor::to_number<unsigned>(text.substr(0, dash));
        const auto high =
            dash == text.npos ? low : Cursor::to_number<unsigned>(text.substr(dash + 1));
        if (low > high || high > kLargestPort) {
            context_.report.conflict(
                match[name].node(),
                fmt::format("is '{}': {}", text,
                            high > kLargestPort || low > kLargestPort
                                ? "ports go from 0 to 65535"
                                : "the first port of a range must not be larger than the second"));
        }
        constexpr unsigned kTcp = 6;
        constexpr unsigned kUdp = 17;
        if (context_.is_given(match, "protocol") && *fields.protocol != kTcp &&
            *fields.protocol != kUdp) {
            context_.report.warning(
                match[name].node(),
                fmt::format(
                    "protocol {} has no ports that are looked at, only 6 (TCP) and 17 (UDP) "
                    "have (RFC 8939): no packet ever matches",
                    *fields.protocol));
        }
    }
    constexpr unsigned kEsp = 50;
    constexpr unsigned kAh = 51;
    if (context_.is_given(match, "spi") && context_.is_given(match, "protocol") &&
        *fields.protocol != kEsp && *fields.protocol != kAh) {
        context_.report.warning(
            match["spi"].node(),
            fmt::format("protocol {} has no SPI, only 50 (ESP) and 51 (AH) have: "
                        "no packet ever matches",
                        *fields.protocol));
    }
}

void FlowChecker::check_families(const Cursor& match, const FlowMatch& fields) {
    if (!context_.are_right(match, {"source", "destination", "flow-label"}) || !is_ipv4(fields) ||
        !is_ipv6(fields)) {
        return;
    }
    const bool by_label = fields.flow_label && !(fields.source && fields.source->address.is_ipv6) &&
                          !(fields.destination && fields.destination->address.is_ipv6);
    context_.report.conflict(
        by_label ? match["flow-label"].node() : match["destination"].node(),
        by_label ? "IPv4 packets have no flow label: no packet ever matches; remove it"
                 : "source and destination are of different IP versions: no packet ever matches");
}

/// S-label and control word stand beneath labels (RFC 8964, 4.2): an outer IPv6 header has no place
/// for them. A policy may have paths of either kind, of which one is active at a time.
void FlowChecker::check_service(const Cursor& entry, const Flow& flow) {
    if (!flow.mpls_service || !flow.sr_policy || !context_.are_right(entry, {"sr-policy"})) {
        return;
    }
    const SrPolicy* policy = context_.policy(*flow.sr_policy);
    if (policy == nullptr || !has_list_of<IpAddress>(*policy)) {
        return;
    }
    if (has_list_of<std::uint32_t>(*policy)) {
        context_.report.warning(
            entry["mpls-service"].node(),
            fmt::format("the policy color {} endpoint {} has {}", policy->key.color,
                        policy->key.endpoint.to_string(), kServiceInSids));
        return;
    }
    context_.report.conflict(
        entry["mpls-service"].node(),
        fmt::format("the policy color {} endpoint {} has SIDs alone: S-label and control word go "
                    "beneath labels (RFC 8964); remove mpls-service, or give the policy a path of "
                    "labels",
                    policy->key.color, policy->key.endpoint.to_string()));
}

/// The same where only routes steer the flow: other packets of it may have another way.
void FlowChecker::check_steered_service(const Cursor& entry, const Flow& flow) {
    if (!flow.mpls_service || !context_.are_right(entry, {"match", "mpls-service", "sr-policy"})) {
        return;
    }
    for (const Route* route : reach_.steering_routes(flow)) {
        const SrPolicy* policy = context_.policy(*route->sr_policy);
        if (policy == nullptr || !has_list_of<IpAddress>(*policy)) {
            continue;
        }
        context_.report.warning(
            entry["mpls-service"].node(),
            fmt::format("packets to {} are steered into the policy color {} endpoint {}, which has "
                        "{}",
                        route->prefix.to_string(), policy->key.color,
                        policy->key.endpoint.to_string(), kServiceInSids));
        return;
    }
}

/// What the label table sends to a next hop goes there: policies and services are for IP packets.
void FlowChecker::check_labelled(const Cursor& entry, const Flow& flow) {
    if (!flow.match.mpls_label || !context_.are_right(entry, {"match"})) {
        return;
    }
    const Label* label = reach_.label(*flow.match.mpls_label);
    if (label == nullptr ||
        (label->operation != LabelOperation::swap && label->operation != LabelOperation::pop)) {
        return;
    }
    for (const auto& [name, is_given] :
         {std::pair("sr-policy", flow.sr_policy.has_value()),
          std::pair("mpls-service", flow.mpls_service.has_value())}) {
        if (is_given) {
            context_.report.warning(
                entry[name].node(),
                fmt::format("has no effect: packets with label {} go to the next hops of that "
                            "label; a label with operation pop-and-lookup or detnet-pop would "
                            "bring IP packets",
                            label->label));
        }
    }
}

void FlowChecker::check_interleaving(const Cursor& entry, const Flow& flow) {
    const Cursor interleaving = entry["interleaving"];
    if (!flow.interleaving || !context_.is_given(interleaving, "period-cycles")) {
        return;
    }
    for_each_pair(
        interleaving["cycles"], flow.interleaving->cycles,
        [&](const Cursor& child, std::uint32_t cycle) {
            if (!context_.document.is_bad(child.node()) &&
                cycle >= flow.interleaving->period_cycles) {
                context_.report.conflict(
                    child.node(),
                    fmt::format("is {}: positions within a period of {} cycles go from 0 to "
                                "{}",
                                cycle, flow.interleaving->period_cycles,
                                flow.interleaving->period_cycles - 1));
            }
        });
    if (!flow.traffic_specification && !context_.document.is_tainted(interleaving.node()) &&
        worst_distance(flow, 1) > flow.max_backlog_cycles &&
        context_.are_right(entry, {"max-backlog-cycles"})) {
        context_.report.warning(
            interleaving.node(),
            fmt::format(
                "the next cycle of the flow can be {} cycles away, max-backlog-cycles is {}: "
                "packets that come too early are dropped, flow-backlog",
                worst_distance(flow, 1), flow.max_backlog_cycles));
    }
}

/// Whether a cycle of the flow takes its largest packet.
bool FlowChecker::check_cycle_size(const Cursor& entry, const Flow& flow) {
    if (!flow.traffic_specification || largest_packet_bits(flow) <= flow.cycle_size_bits) {
        return true;
    }
    context_.report.conflict(
        entry["cycle-size-bits"].node(),
        fmt::format("is {}, less than the flow's largest packet: ({} + {}) * 8 = {} bits are "
                    "needed at least",
                    flow.cycle_size_bits, header_octets(flow.match),
                    flow.traffic_specification->max_payload_octets, largest_packet_bits(flow)));
    return false;
}

void FlowChecker::check_load(const Cursor& entry, const Flow& flow) {
    const bool is_backlog_right = context_.are_right(entry, {"max-backlog-cycles"});
    if (flow.traffic_specification && is_backlog_right) {
        check_backlog(entry, flow);
    }
    std::set<const Domain*> checked;
    for (const InterfaceIndex interface : ways_of(flow)) {
        const Member* member = context_.member(interface);
        if (member == nullptr || !context_.is_given(member->domain_entry, "cycle-time-us")) {
            continue;
        }
        const Domain& domain = *member->domain;
        if (flow.traffic_specification && checked.insert(&domain).second) {
            check_rate(entry, flow, domain);
        }
        if (is_backlog_right) {
            demands_[interface].push_back({entry.node(), &flow, most_wire_bits(flow, domain)});
        }
    }
}

/// Where the configuration has no way for the flow, its routes may come from elsewhere; with one
/// domain they lead nowhere else.
std::set<InterfaceIndex> FlowChecker::ways_of(const Flow& flow) const {
    if (flow.match.interface && !context_.is_right(*flow.match.interface, {"table"})) {
        return {};
    }
    std::set<InterfaceIndex> ways = reach_.interfaces_of(flow);
    if (ways.empty() && context_.router.domains.size() == 1) {
        for (const DomainInterface& interface : context_.router.domains[0].interfaces) {
            ways.insert(interface.interface);
        }
    }
    return ways;
}

/// Packets an interval against packets that its cycles take in one; both sides times interval and
/// period, so that nothing is rounded.
void FlowChecker::check_rate(const Cursor& entry, const Flow& flow, const Domain& domain) {
    const TrafficSpecification& specification = *flow.traffic_specification;
    const std::uint64_t per_cycle = flow.cycle_size_bits / largest_packet_bits(flow);
    const auto [used, period] = share_of_cycles(flow);
    const std::int64_t cycle_ns = domain.cycle_time_ns();
    const Product needed = Product{specification.max_packets_per_interval} * period *
                           static_cast<std::uint64_t>(cycle_ns);
    const Product carried =
        Product{per_cycle} * used * static_cast<std::uint64_t>(specification.interval_ns);
    if (needed <= carried) {
        return;
    }
    context_.report.conflict(
        entry["traffic-specification"].node(),
        fmt::format(
            "{} packets of up to {} bits every {} ns are more than the flow's cycles carry: {} "
            "in {} of {} us; a larger cycle-size-bits, more cycles or a longer interval would "
            "do",
            specification.max_packets_per_interval, largest_packet_bits(flow),
            specification.interval_ns, per_cycle,
            period == 1 ? "each cycle" : fmt::format("each of {} out of {} cycles", used, period),
            domain.cycle_time_us));
}

void FlowChecker::check_backlog(const Cursor& entry, const Flow& flow) {
    const std::uint32_t wanted =
        backlog_cycles(flow.traffic_specification->max_packets_per_interval,
                       largest_packet_bits(flow), flow.cycle_size_bits);
    const std::uint64_t needed = worst_distance(flow, wanted);
    if (needed <= flow.max_backlog_cycles) {
        return;
    }
    context_.report.warning(
        context_.at(entry, "max-backlog-cycles"),
        fmt::format(
            "a burst of {} packet(s) of {} bits needs up to {} cycles ahead, max-backlog-cycles "
            "is {}: what comes beyond is dropped, flow-backlog",
            flow.traffic_specification->max_packets_per_interval, largest_packet_bits(flow), needed,
            flow.max_backlog_cycles));
}

/// What the flow can occupy of a cycle with packets of any size that it may send.
std::int64_t FlowChecker::most_wire_bits(const Flow& flow, const Domain& domain) const {
    PacketLimits packets{.smallest_octets = header_octets(flow.match)};
    if (flow.traffic_specification) {
        const TrafficSpecification& specification = *flow.traffic_specification;
        packets.largest_octets = packets.smallest_octets + specification.max_payload_octets;
        // What may have come since the oldest packet that could wait for this cycle.
        const std::int64_t span_ns = (flow.max_backlog_cycles + 1) * domain.cycle_time_ns();
        const std::int64_t intervals = span_ns / specification.interval_ns + 1;
        packets.max_packets = static_cast<std::uint32_t>(std::min<std::int64_t>(
            intervals * specification.max_packets_per_interval, packets.max_packets));
    }
    return wire_bits_of_csize(flow.cycle_size_bits, packets);
}

/// Flows that are interleaved alike do not meet: the largest sum over the positions of a period.
std::int64_t FlowChecker::largest_sum(const std::vector<Demand>& demands) const {
    constexpr std::uint64_t kLongestPeriod = 4096;
    std::uint64_t period = 1;
    for (const Demand& demand : demands) {
        if (demand.flow->interleaving && period <= kLongestPeriod) {
            period = std::lcm(period, std::uint64_t{demand.flow->interleaving->period_cycles});
        }
    }
    const bool is_countable = period <= kLongestPeriod;
    std::vector<std::int64_t> sums(is_countable ? period : 1);
    for (const Demand& demand : demands) {
        if (!demand.flow->interleaving || !is_countable) {
            for (std::int64_t& sum : sums) {
                sum += demand.wire_bits;
            }
            continue;
        }
        for (std::size_t i = 0; i < sums.size(); i += demand.flow->interleaving->period_cycles) {
            for (const std::uint32_t cycle : demand.flow->interleaving->cycles) {
                sums[i + cycle] += demand.wire_bits;
            }
        }
    }
    return *std::max_element(sums.begin(), sums.end());
}

std::int64_t FlowChecker::reserved_bits(InterfaceIndex interface) const {
    std::int64_t sum = 0;
    for (const Nrp& nrp : context_.router.nrps) {
        for (const NrpInterface& share : nrp.interfaces) {
            sum += share.interface == interface ? share.cycle_bits : 0;
        }
    }
    return sum;
}

void FlowChecker::check_overfill() {
    for (const auto& [interface, demands] : demands_) {
        const Member& member = *context_.member(interface);
        if (!context_.is_cycle_known(member) || !context_.is_right(interface, {"link-rate-mbps"})) {
            continue;
        }
        const Interface& link = context_.router.interfaces[interface];
        const std::int64_t capacity =
            cycle_capacity({link.link_rate_mbps}, member.domain->cycle_time_ns(),
                           member.interface->dead_time_ns) /
                kUnitsPerBit -
            reserved_bits(interface);
        const std::int64_t sum = largest_sum(demands);
        if (capacity < 0 || sum <= capacity) {  // overbooked by partitions: an error of its own
            continue;
        }
        std::vector<std::uint32_t> ids;
        for (const Demand& demand : demands) {
            ids.push_back(demand.flow->id);
        }
        constexpr std::size_t kMostNamed = 8;
        const bool are_many = ids.size() > kMostNamed;
        const std::size_t more = ids.size() - std::min(ids.size(), kMostNamed);
        ids.resize(std::min(ids.size(), kMostNamed));
        context_.report.warning(
            demands.back().node,
            fmt::format(
                "with small packets the flows towards {} ({}{}) could fill a cycle with {} bits "
                "of wire occupancy, it carries {}: what does not fit is dropped, cycle-full",
                link.name, fmt::join(ids, ", "), are_many ? fmt::format(" and {} more", more) : "",
                sum, capacity));
    }
}

}  // namespace

void check_flows(CheckContext& context) {
    const Cursor flows = context.top["detnet"]["flows"];
    if (!flows) {
        return;
    }
    FlowChecker checker(context);
    for_each_pair(flows, context.router.flows,
                  [&](const Cursor& entry, const Flow& flow) { checker.check(entry, flow); });
    checker.check_overfill();
}

}  // namespace tcqf::config
