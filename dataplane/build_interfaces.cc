// What workers know of interfaces: addresses, cycles, tags, cycle maps. Small, and built each time.

#include "dataplane/table_builders.h"

namespace tcqf::dataplane {
namespace {

InterfaceTable interface_table(const Build& build, std::size_t index) {
    const config::Interface& from = build.config.interfaces[index];
    const std::vector<config::MacAddress>& macs = build.options.macs;
    InterfaceTable to;
    to.mac = from.mac ? *from.mac : index < macs.size() ? macs[index] : config::MacAddress{};
    to.mtu = from.mtu;
    to.route_table = table_number(build, from.table);
    for (const config::IpPrefix& prefix : from.addresses) {
        auto& source = prefix.address.is_ipv6 ? to.source_ipv6 : to.source_ipv4;
        if (!source) {
            source = prefix.address;
        }
    }
    return to;
}

using SourceAddress = std::optional<config::IpAddress> InterfaceTable::*;

std::optional<config::IpAddress> first_of(const std::vector<InterfaceTable>& interfaces,
                                          SourceAddress source) {
    for (const InterfaceTable& interface : interfaces) {
        if (interface.*source) {
            return interface.*source;
        }
    }
    return std::nullopt;
}

/// What a worker decides with a version holds for whoever has the same one. With other tags in the
/// same places it holds, too: neighbours take both while packets are on their way.
std::uint32_t version_after(const InterfaceTable& before, const InterfaceTable& now) {
    const bool is_same = before.timing == now.timing &&
                         before.tags.tagging() == now.tags.tagging() &&
                         before.option_header == now.option_header;
    return before.version + (is_same ? 0 : 1);
}

void build_domain(Build& build, std::size_t index) {
    const config::Domain& domain = build.config.domains[index];
    Snapshot& tables = build.tables;
    for (const config::DomainInterface& member : domain.interfaces) {
        InterfaceTable& interface = tables.interfaces[member.interface];
        interface.domain = static_cast<std::uint16_t>(index);
        interface.option_header = member.option_header;
        interface.egress_dscp = domain.egress_dscp;
        interface.egress_tc = domain.egress_tc;
        interface.drops_outside_window =
            domain.outside_window_action == config::OutsideWindowAction::drop;
        interface.timing = domain.timing_of(member);
        interface.tags = TagTable(member.tagging, member.tags);
    }
    for (const config::CycleMapEntry& entry : domain.cycle_maps) {
        tables.map_of[entry.iif * tables.interfaces.size() + entry.oif] =
            static_cast<std::uint32_t>(tables.cycle_maps.size());
        tables.cycle_maps.emplace_back(entry.map, entry.window, domain.cycles);
    }
}

}  // namespace

void build_interfaces(Build& build) {
    std::vector<InterfaceTable>& interfaces = build.tables.interfaces;
    for (std::size_t i = 0; i < build.config.interfaces.size(); ++i) {
        interfaces.push_back(interface_table(build, i));
    }
    // An interface without an address of the family answers with another one's.
    const auto any_ipv4 = first_of(interfaces, &InterfaceTable::source_ipv4);
    const auto any_ipv6 = first_of(interfaces, &InterfaceTable::source_ipv6);
    for (InterfaceTable& interface : interfaces) {
        interface.source_ipv4 = interface.source_ipv4 ? interface.source_ipv4 : any_ipv4;
        interface.source_ipv6 = build.config.srv6_source ? build.config.srv6_source
                                : interface.source_ipv6  ? interface.source_ipv6
                                                         : any_ipv6;
    }
}

void build_domains(Build& build) {
    const std::size_t count = build.config.interfaces.size();
    build.tables.map_of.assign(count * count, kNoMap);
    for (std::size_t i = 0; i < build.config.domains.size(); ++i) {
        build_domain(build, i);
    }
    for (std::size_t i = 0; i < count && !build.from_nothing(); ++i) {
        InterfaceTable& interface = build.tables.interfaces[i];
        interface.version = version_after(build.before->interfaces[i], interface);
    }
}

}  // namespace tcqf::dataplane
