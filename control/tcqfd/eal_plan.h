// How DPDK's environment is started: what the operator says, and sensible arguments for the rest.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/router.h"
#include "dataplane/result.h"

namespace tcqf::control {

/// What the host has to offer.
struct HostResources {
    std::vector<unsigned> cpus;  ///< that this process may use, ascending
    std::uint64_t free_huge_page_mebibytes = 0;
};

HostResources read_host_resources();

struct EalPlan {
    std::vector<std::string> arguments;
    int given = 0;  ///< how many of them, the last ones, are the operator's
    std::vector<std::string> warnings;
    bool uses_huge_pages = true;
    /// More spinning threads than CPUs: they must give way to each other.
    bool must_yield = false;
};

/// Whether the operator's arguments leave room for huge pages.
bool may_use_huge_pages(const std::vector<std::string>& given);

/// `given` are the operator's arguments; they win. `memory_mebibytes` is what the router needs,
/// `yield` whether its workers may float over all CPUs.
EalPlan plan_eal(const config::Router& router, const std::vector<std::string>& given,
                 const HostResources& host, unsigned memory_mebibytes, bool yield);

/// True where an interface is a PCI device: those take physical addresses.
bool uses_pci(const config::Router& router);

/// Packets that the router's ports and queues can hold at once, and the memory that they take.
struct PacketBudget {
    unsigned packets = 0;
    std::uint32_t frame_octets = 0;  ///< largest frame of any interface
    unsigned mebibytes = 0;          ///< with the tables, those of a change included
};

PacketBudget packet_budget(const config::Router& router);

/// Refuses cores of the configuration that this process may not run on, unless `given` names
/// others.
Status check_cores(const config::Router& router, const std::vector<std::string>& given,
                   const HostResources& host);

/// Starts the environment.
Status start_eal(const EalPlan& plan);

}  // namespace tcqf::control
