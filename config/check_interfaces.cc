// Checks of interfaces, their addresses and neighbors.

#include <fmt/format.h>

#include <map>

#include "config/check_context.h"

namespace tcqf::config {
namespace {

/// The first address of each subnet of each table, to find those that two interfaces share.
class AddressChecker {
  public:
    explicit AddressChecker(CheckContext& context) : context_(context) {}

    void check(const Cursor& entry, const Interface& interface) {
        entry["addresses"].each([&](const Cursor& address) { check_address(address, interface); });
    }

  private:
    struct Owner {
        const Interface* interface;
        std::uint32_t line;
    };

    void check_address(const Cursor& entry, const Interface& interface) {
        // The module knows the shape alone: the type of ietf-inet-types would lose the host bits.
        const auto prefix = IpPrefix::parse(entry.text());
        if (!prefix) {
            if (!entry.text().empty()) {
                context_.report.error(
                    entry.node(), fmt::format("is '{}': an address with its prefix length such as "
                                              "10.0.1.1/24 or 2001:db8::1/64 is needed",
                                              entry.text()));
            }
            return;
        }
        if (!is_unicast(prefix->address)) {
            context_.report.conflict(
                entry.node(), fmt::format("is {}: a unicast address is needed", entry.text()));
            return;
        }
        check_owner(entry, interface, *prefix);
        if (prefix->address.is_ipv6 && interface.mtu < kLeastIpv6Mtu) {
            context_.report.warning(
                entry.node(), fmt::format("IPv6 needs an mtu of at least {} (RFC 8200, 5), that "
                                          "of {} is {}",
                                          kLeastIpv6Mtu, interface.name, interface.mtu));
        }
    }

    void check_owner(const Cursor& entry, const Interface& interface, const IpPrefix& prefix) {
        const Owner owner{&interface, context_.document.line(entry.node())};
        const auto key = std::pair(interface.table, prefix.address);
        if (const auto [own, is_new] = addresses_.try_emplace(key, owner); !is_new) {
            // Link-local addresses mean something on their own link only.
            if (!is_link_local(prefix.address) || own->second.interface == &interface) {
                context_.report.conflict(
                    entry.node(),
                    fmt::format("{} is an address of {} already (line {}): an address "
                                "belongs to one interface",
                                prefix.address.to_string(), own->second.interface->name,
                                own->second.line));
            }
            return;
        }
        const auto subnet = std::pair(interface.table, prefix.network());
        const auto [first, is_new] = subnets_.try_emplace(subnet, owner);
        if (!is_new && first->second.interface != &interface && !is_link_local(prefix.address)) {
            context_.report.warning(
                entry.node(),
                fmt::format("{} is connected to {} as well (line {}): which interface "
                            "leads there is not told",
                            prefix.network().to_string(), first->second.interface->name,
                            first->second.line));
        }
    }

    static constexpr std::uint32_t kLeastIpv6Mtu = 1280;

    CheckContext& context_;
    std::map<std::pair<std::string, IpAddress>, Owner> addresses_;
    std::map<std::pair<std::string, IpPrefix>, Owner> subnets_;
};

void check_neighbor(CheckContext& context, const Cursor& entry, const Neighbor& neighbor) {
    if (!context.are_right(entry, {"interface", "address"}) || !entry["interface"] ||
        !entry["address"]) {
        return;
    }
    const Interface& interface = context.router.interfaces[neighbor.interface];
    if (!is_unicast(neighbor.address)) {
        context.report.conflict(entry["address"].node(),
                                fmt::format("is {}: the unicast address of a neighbor is needed",
                                            neighbor.address.to_string()));
        return;
    }
    bool is_connected = is_link_local(neighbor.address);
    for (const IpPrefix& own : interface.addresses) {
        if (own.address == neighbor.address) {
            context.report.conflict(
                entry["address"].node(),
                fmt::format("{} is the router's own address on {}: that of the neighbor is needed",
                            neighbor.address.to_string(), interface.name));
            return;
        }
        is_connected = is_connected || own.contains(neighbor.address);
    }
    if (!is_connected) {
        context.report.warning(
            entry["address"].node(),
            fmt::format("{} lies in no connected prefix of {}: only routes through it lead there",
                        neighbor.address.to_string(), interface.name));
    }
}

/// A selector is never on top of a label stack, so a neighbor that reads less does not find it.
void check_readable_depth(CheckContext& context, const Cursor& entry, const Neighbor& neighbor) {
    constexpr unsigned kSelectorEntries = 3;  // label 4, the opcodes, the selector
    if (!neighbor.mna || neighbor.readable_label_depth > kSelectorEntries ||
        !context.are_right(entry, {"mna", "readable-label-depth"})) {
        return;
    }
    context.report.warning(
        entry["readable-label-depth"].node(),
        fmt::format("is {}: network actions with a selector are {} entries beneath at least one "
                    "label (RFC 9994), and a neighbor with mna: true that reads fewer than {} "
                    "never finds them",
                    neighbor.readable_label_depth, kSelectorEntries, kSelectorEntries + 1));
}

}  // namespace

bool is_unicast(const IpAddress& address) {
    const bool is_multicast =
        address.is_ipv6 ? address.octets[0] == 0xFF : address.octets[0] >= 224;
    return !address.is_unspecified() && !is_multicast;
}

bool is_link_local(const IpAddress& address) {
    return address.is_ipv6 ? address.octets[0] == 0xFE && (address.octets[1] & 0xC0) == 0x80
                           : address.octets[0] == 169 && address.octets[1] == 254;
}

void check_interfaces(CheckContext& context) {
    if (const Cursor list = context.top["interfaces"]; !list) {
        context.report.missing(context.top.node(), "interfaces",
                               "is missing: a router needs at least one interface");
    } else if (context.document.first_child(list.node()) == kNoNode &&
               !context.document.is_tainted(list.node())) {
        context.report.conflict(list.node(), "is empty: a router needs at least one interface");
    }
    AddressChecker addresses(context);
    for_each_pair(context.top["interfaces"], context.router.interfaces,
                  [&](const Cursor& entry, const Interface& interface) {
                      addresses.check(entry, interface);
                  });
    for_each_pair(context.top["neighbors"], context.router.neighbors,
                  [&](const Cursor& entry, const Neighbor& neighbor) {
                      check_neighbor(context, entry, neighbor);
                      check_readable_depth(context, entry, neighbor);
                  });
}

}  // namespace tcqf::config
