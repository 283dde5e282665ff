// Longest prefix match of one address family behind a small interface (rte_fib, rte_fib6).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>

#include "config/address.h"

struct rte_fib;
struct rte_fib6;

namespace tcqf::dataplane {

/// `fast`: a direct table of 64 MB for each family, with 1 KB for each group of long prefixes, a
/// memory access or two a lookup. `compact`: a tree, small and slower, for the lab's many routers
/// and for tables with few routes.
enum class FibKind : std::uint8_t { compact, fast };

enum class Family : std::uint8_t { ipv4, ipv6 };

inline Family family_of(const config::IpPrefix& prefix) {
    return prefix.address.is_ipv6 ? Family::ipv6 : Family::ipv4;
}

/// What has to fit.
struct FibSize {
    std::uint32_t routes = 0;
    std::uint32_t groups = 0;  ///< of 256 entries: one for each octet of a prefix beyond the third

    void add(const config::IpPrefix& prefix) {
        ++routes;
        groups += prefix.length > 24 ? (prefix.length - 24u + 7u) / 8u : 0u;
    }
};

/// Memory that a `fast` table of either family takes, about.
std::uint64_t fast_fib_octets(const FibSize& size);

/// Prefix -> a number of the owner's choice; 0 means "no route".
class Fib {
  public:
    /// Throws std::runtime_error where memory is short.
    Fib(Family family, FibKind kind, const FibSize& size);
    ~Fib();
    Fib(const Fib&) = delete;
    Fib& operator=(const Fib&) = delete;

    /// Adds or replaces. Throws std::runtime_error where the table is full.
    void add(const config::IpPrefix& prefix, std::uint32_t value);
    /// The same, and returns the number that held for the whole prefix before: its own, or that of
    /// the longest prefix around it.
    std::uint32_t replace(const config::IpPrefix& prefix, std::uint32_t value);

    std::uint32_t lookup(const config::IpAddress& address) const;
    std::uint32_t lookup_ipv4(std::uint32_t host_order) const;
    std::uint32_t lookup_ipv6(const std::uint8_t* octets) const;
    void lookup_ipv4_bulk(const std::uint32_t* host_order, std::uint64_t* values,
                          unsigned count) const;
    void lookup_ipv6_bulk(const std::array<std::uint8_t, 16>* octets, std::uint64_t* values,
                          unsigned count) const;

  private:
    void set(const config::IpPrefix& network, std::uint32_t value);
    void remove(const config::IpPrefix& network);
    std::uint32_t value_around(const config::IpPrefix& network);

    struct FreeIpv4 {
        void operator()(rte_fib* fib) const;
    };
    struct FreeIpv6 {
        void operator()(rte_fib6* fib) const;
    };
    std::map<std::uint8_t, std::uint32_t> up_to_last_;  // values of prefixes with the last address
    std::unique_ptr<rte_fib, FreeIpv4> ipv4_;           // one of them
    std::unique_ptr<rte_fib6, FreeIpv6> ipv6_;
};

}  // namespace tcqf::dataplane
