// Longest prefix match behind a small interface (rte_fib, rte_fib6).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "config/address.h"

struct rte_fib;
struct rte_fib6;

namespace tcqf::dataplane {

/// `fast`: a direct table of 64 MB for each family, a memory access or two a lookup. `compact`: a
/// tree, small and slower, for the lab's many routers and for tables with few routes.
enum class FibKind : std::uint8_t { compact, fast };

/// One table (VRF): prefix -> a number of the owner's choice; 0 means "no route".
class RouteTable {
  public:
    /// `max_routes` a family. Throws std::runtime_error where memory is short.
    RouteTable(const std::string& name, FibKind kind, std::uint32_t max_routes_ipv4,
               std::uint32_t max_routes_ipv6);
    ~RouteTable();
    RouteTable(const RouteTable&) = delete;
    RouteTable& operator=(const RouteTable&) = delete;

    /// Adds or replaces. Throws std::runtime_error where the table is full.
    void add(const config::IpPrefix& prefix, std::uint32_t value);

    std::uint32_t lookup_ipv4(std::uint32_t host_order) const;
    std::uint32_t lookup_ipv6(const std::uint8_t* octets) const;
    void lookup_ipv4_bulk(const std::uint32_t* host_order, std::uint64_t* values,
                          unsigned count) const;
    void lookup_ipv6_bulk(const std::array<std::uint8_t, 16>* octets, std::uint64_t* values,
                          unsigned count) const;
    std::uint32_t lookup(const config::IpAddress& address) const;

  private:
    struct FreeIpv4 {
        void operator()(rte_fib* fib) const;
    };
    struct FreeIpv6 {
        void operator()(rte_fib6* fib) const;
    };
    std::unique_ptr<rte_fib, FreeIpv4> ipv4_;
    std::unique_ptr<rte_fib6, FreeIpv6> ipv6_;
};

}  // namespace tcqf::dataplane
