#include "dataplane/fib.h"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_memory.h>
#include <rte_rib.h>
#include <rte_rib6.h>

#include <algorithm>
#include <stdexcept>

#include "dataplane/unique_name.h"

namespace tcqf::dataplane {
namespace {

constexpr std::uint32_t kSpareGroups = 64;  // the library wants more than it uses

rte_fib* create_ipv4(FibKind kind, const FibSize& size) {
    rte_fib_conf config{};
    config.type = kind == FibKind::fast ? RTE_FIB_DIR24_8 : RTE_FIB_DUMMY;
    config.default_nh = 0;
    config.max_routes = static_cast<int>(size.routes) + 1;
    config.dir24_8.nh_sz = RTE_FIB_DIR24_8_4B;
    config.dir24_8.num_tbl8 = size.groups + kSpareGroups;
    return rte_fib_create(unique_name("fib").c_str(), SOCKET_ID_ANY, &config);
}

rte_fib6* create_ipv6(FibKind kind, const FibSize& size) {
    rte_fib6_conf config{};
    config.type = kind == FibKind::fast ? RTE_FIB6_TRIE : RTE_FIB6_DUMMY;
    config.default_nh = 0;
    config.max_routes = static_cast<int>(size.routes) + 1;
    config.trie.nh_sz = RTE_FIB6_TRIE_4B;
    config.trie.num_tbl8 = size.groups + kSpareGroups;
    return rte_fib6_create(unique_name("fib").c_str(), SOCKET_ID_ANY, &config);
}

/// The network of a length that has the last of all addresses, 255.255.255.255 or ff...ff.
config::IpPrefix last_network(bool is_ipv6, std::uint8_t length) {
    config::IpAddress last;
    last.is_ipv6 = is_ipv6;
    std::fill_n(last.octets.begin(), is_ipv6 ? 16 : 4, std::uint8_t{0xff});
    return config::IpPrefix{last, length}.network();
}

}  // namespace

std::uint64_t fast_fib_octets(const FibSize& size) {
    constexpr std::uint64_t kEntryOctets = 4;
    constexpr std::uint64_t kRouteOctets = 256;  // two nodes of the tree behind the table
    return (kEntryOctets << 24) + (size.groups + kSpareGroups) * 256 * kEntryOctets +
           size.routes * kRouteOctets;
}

void Fib::FreeIpv4::operator()(rte_fib* fib) const {
    rte_fib_free(fib);
}
void Fib::FreeIpv6::operator()(rte_fib6* fib) const {
    rte_fib6_free(fib);
}

Fib::Fib(Family family, FibKind kind, const FibSize& size) {
    if (family == Family::ipv4) {
        ipv4_.reset(create_ipv4(kind, size));
    } else {
        ipv6_.reset(create_ipv6(kind, size));
    }
    if (!ipv4_ && !ipv6_) {
        throw std::runtime_error(fmt::format(
            "no memory for {} {} routes: {}; give the EAL more memory or use fewer "
            "tables",
            size.routes, family == Family::ipv4 ? "IPv4" : "IPv6", rte_strerror(rte_errno)));
    }
}

Fib::~Fib() = default;

/// In DPDK 22.11 a prefix that reaches the last address fills the whole table where longer ones
/// cover it (0.0.0.0/0 behind 0.0.0.0/1 and 128.0.0.0/1): it loses count at the end of the address
/// space. Among the longer ones one reaches the last address, too; so these are taken out
/// meanwhile.
void Fib::add(const config::IpPrefix& prefix, std::uint32_t value) {
    const config::IpPrefix network = prefix.network();
    const bool is_ipv6 = network.address.is_ipv6;
    if (network != last_network(is_ipv6, network.length)) {
        return set(network, value);
    }
    up_to_last_[network.length] = value;
    const auto longer = up_to_last_.upper_bound(network.length);
    for (auto entry = up_to_last_.end(); entry != longer;) {
        --entry;
        remove(last_network(is_ipv6, entry->first));
    }
    set(network, value);
    for (auto entry = longer; entry != up_to_last_.end(); ++entry) {
        set(last_network(is_ipv6, entry->first), entry->second);
    }
}

void Fib::set(const config::IpPrefix& network, std::uint32_t value) {
    const int result =
        ipv6_ ? rte_fib6_add(ipv6_.get(), network.address.octets.data(), network.length, value)
              : rte_fib_add(ipv4_.get(), network.address.ipv4(), network.length, value);
    if (result != 0) {
        throw std::runtime_error("cannot add the route to " + network.to_string() + ": " +
                                 rte_strerror(-result));
    }
}

/// One that is there.
void Fib::remove(const config::IpPrefix& network) {
    if (ipv6_) {
        rte_fib6_delete(ipv6_.get(), network.address.octets.data(), network.length);
    } else {
        rte_fib_delete(ipv4_.get(), network.address.ipv4(), network.length);
    }
}

std::uint32_t Fib::replace(const config::IpPrefix& prefix, std::uint32_t value) {
    const std::uint32_t before = value_around(prefix.network());
    add(prefix, value);
    return before;
}

/// The library tells what is around a prefix only when that is in the table.
std::uint32_t Fib::value_around(const config::IpPrefix& network) {
    std::uint64_t value = 0;
    if (ipv6_) {
        rte_rib6* rib = rte_fib6_get_rib(ipv6_.get());
        const std::uint8_t* octets = network.address.octets.data();
        rte_rib6_node* node = rte_rib6_lookup_exact(rib, octets, network.length);
        if (node == nullptr) {
            add(network, 0);
            node = rte_rib6_lookup_parent(rte_rib6_lookup_exact(rib, octets, network.length));
        }
        if (node != nullptr) {
            rte_rib6_get_nh(node, &value);
        }
    } else {
        rte_rib* rib = rte_fib_get_rib(ipv4_.get());
        const std::uint32_t address = network.address.ipv4();
        rte_rib_node* node = rte_rib_lookup_exact(rib, address, network.length);
        if (node == nullptr) {
            add(network, 0);
            node = rte_rib_lookup_parent(rte_rib_lookup_exact(rib, address, network.length));
        }
        if (node != nullptr) {
            rte_rib_get_nh(node, &value);
        }
    }
    return static_cast<std::uint32_t>(value);
}

std::uint32_t Fib::lookup_ipv4(std::uint32_t host_order) const {
    std::uint64_t value;
    rte_fib_lookup_bulk(ipv4_.get(), &host_order, &value, 1);
    return static_cast<std::uint32_t>(value);
}

std::uint32_t Fib::lookup_ipv6(const std::uint8_t* octets) const {
    std::uint64_t value;
    lookup_ipv6_bulk(reinterpret_cast<const std::array<std::uint8_t, 16>*>(octets), &value, 1);
    return static_cast<std::uint32_t>(value);
}

void Fib::lookup_ipv6_bulk(const std::array<std::uint8_t, 16>* octets, std::uint64_t* values,
                           unsigned count) const {
    // The library takes its addresses as an array that it does not change, without saying so.
    auto* addresses = reinterpret_cast<std::uint8_t(*)[RTE_FIB6_IPV6_ADDR_SIZE]>(
        const_cast<std::array<std::uint8_t, 16>*>(octets));
    rte_fib6_lookup_bulk(ipv6_.get(), addresses, values, static_cast<int>(count));
}

void Fib::lookup_ipv4_bulk(const std::uint32_t* host_order, std::uint64_t* values,
                           unsigned count) const {
    rte_fib_lookup_bulk(ipv4_.get(), const_cast<std::uint32_t*>(host_order), values,
                        static_cast<int>(count));
}

std::uint32_t Fib::lookup(const config::IpAddress& address) const {
    return ipv6_ ? lookup_ipv6(address.octets.data()) : lookup_ipv4(address.ipv4());
}

}  // namespace tcqf::dataplane
