#include "dataplane/route_table.h"

#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_memory.h>

#include <stdexcept>

namespace tcqf::dataplane {

void RouteTable::FreeIpv4::operator()(rte_fib* fib) const {
    rte_fib_free(fib);
}
void RouteTable::FreeIpv6::operator()(rte_fib6* fib) const {
    rte_fib6_free(fib);
}

RouteTable::RouteTable(const std::string& name, FibKind kind, std::uint32_t max_routes_ipv4,
                       std::uint32_t max_routes_ipv6) {
    const auto fail = [&name](const char* family) {
        throw std::runtime_error("no memory for the " + std::string(family) + " routes of table " +
                                 name + ": " + rte_strerror(rte_errno) +
                                 "; give the EAL more memory or use fewer tables");
    };

    rte_fib_conf ipv4{};
    ipv4.type = kind == FibKind::fast ? RTE_FIB_DIR24_8 : RTE_FIB_DUMMY;
    ipv4.default_nh = 0;
    ipv4.max_routes = static_cast<int>(max_routes_ipv4) + 1;
    ipv4.dir24_8.nh_sz = RTE_FIB_DIR24_8_4B;
    ipv4.dir24_8.num_tbl8 = 32'768;
    ipv4_.reset(rte_fib_create((name + ".4").c_str(), SOCKET_ID_ANY, &ipv4));
    if (!ipv4_) {
        fail("IPv4");
    }

    rte_fib6_conf ipv6{};
    ipv6.type = kind == FibKind::fast ? RTE_FIB6_TRIE : RTE_FIB6_DUMMY;
    ipv6.default_nh = 0;
    ipv6.max_routes = static_cast<int>(max_routes_ipv6) + 1;
    ipv6.trie.nh_sz = RTE_FIB6_TRIE_4B;
    ipv6.trie.num_tbl8 = 65'536;
    ipv6_.reset(rte_fib6_create((name + ".6").c_str(), SOCKET_ID_ANY, &ipv6));
    if (!ipv6_) {
        fail("IPv6");
    }
}

RouteTable::~RouteTable() = default;

void RouteTable::add(const config::IpPrefix& prefix, std::uint32_t value) {
    const config::IpPrefix network = prefix.network();
    const int result =
        network.address.is_ipv6
            ? rte_fib6_add(ipv6_.get(), network.address.octets.data(), network.length, value)
            : rte_fib_add(ipv4_.get(), network.address.ipv4(), network.length, value);
    if (result != 0) {
        throw std::runtime_error("cannot add the route to " + network.to_string() + ": " +
                                 rte_strerror(-result));
    }
}

std::uint32_t RouteTable::lookup_ipv4(std::uint32_t host_order) const {
    std::uint64_t value;
    rte_fib_lookup_bulk(ipv4_.get(), &host_order, &value, 1);
    return static_cast<std::uint32_t>(value);
}

std::uint32_t RouteTable::lookup_ipv6(const std::uint8_t* octets) const {
    std::uint64_t value;
    lookup_ipv6_bulk(reinterpret_cast<const std::array<std::uint8_t, 16>*>(octets), &value, 1);
    return static_cast<std::uint32_t>(value);
}

void RouteTable::lookup_ipv6_bulk(const std::array<std::uint8_t, 16>* octets, std::uint64_t* values,
                                  unsigned count) const {
    // The library takes its addresses as an array that it does not change, without saying so.
    auto* addresses = reinterpret_cast<std::uint8_t(*)[RTE_FIB6_IPV6_ADDR_SIZE]>(
        const_cast<std::array<std::uint8_t, 16>*>(octets));
    rte_fib6_lookup_bulk(ipv6_.get(), addresses, values, static_cast<int>(count));
}

void RouteTable::lookup_ipv4_bulk(const std::uint32_t* host_order, std::uint64_t* values,
                                  unsigned count) const {
    rte_fib_lookup_bulk(ipv4_.get(), const_cast<std::uint32_t*>(host_order), values,
                        static_cast<int>(count));
}

std::uint32_t RouteTable::lookup(const config::IpAddress& address) const {
    return address.is_ipv6 ? lookup_ipv6(address.octets.data()) : lookup_ipv4(address.ipv4());
}

}  // namespace tcqf::dataplane
