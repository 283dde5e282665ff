// The XDP filter of an AF_XDP interface, from the side of who fills its maps.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "config/router.h"
#include "dataplane/netdev.h"
#include "dataplane/result.h"

namespace tcqf::dataplane {

enum class FilterVerdict : std::uint8_t { to_host = 0, to_worker = 1 };

using FilterPrefixes = std::map<config::IpPrefix, FilterVerdict>;

/// What the filter of one interface is told.
struct FilterTables {
    config::MacAddress mac{};
    FilterVerdict unknown = FilterVerdict::to_host;  ///< unicast in none of the prefixes
    FilterPrefixes prefixes;

    bool operator==(const FilterTables&) const = default;
};

/// The tables that a configuration asks for. Where an interface's table has more prefixes than the
/// filter's maps hold, everything but the router's own addresses goes to the worker.
FilterTables filter_tables(const config::Router& router, config::InterfaceIndex interface,
                           const config::MacAddress& mac);

/// Holds the compiled filter as a file that the AF_XDP driver can load.
class XdpProgramFile {
  public:
    static Result<XdpProgramFile> create();
    /// Valid while this object lives.
    std::string path() const;

  private:
    explicit XdpProgramFile(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

    Descriptor descriptor_;
};

/// What is attached to a network interface.
enum class AttachedProgram : std::uint8_t {
    none,
    ours,     ///< of this router or of one that was killed
    foreign,  ///< somebody else's
};
AttachedProgram attached_program(unsigned interface_index);

/// Takes a program of ours off the interface.
void detach_program(unsigned interface_index);

/// The maps of the filter that the driver has loaded and attached.
class XdpFilter {
  public:
    struct Counters {
        std::uint64_t passed_to_host = 0;
        std::uint64_t given_to_worker = 0;
    };

    /// Finds the maps through the program attached to the interface. Fails where the program is not
    /// ours, or runs in generic mode, where what the worker hands to the host would come back.
    static Result<XdpFilter> find(const Netdev& netdev);

    /// Installs the tables entry by entry; what stays is not touched. Before the first call
    /// everything goes to the host.
    Status install(const FilterTables& tables);
    Counters counters() const;
    /// Whether somebody has taken the program off the interface or put another in its place:
    /// nothing reaches the worker there any more.
    bool is_displaced() const;

  private:
    XdpFilter() = default;

    bool holds_both(const FilterTables& tables) const;
    Status add(const FilterPrefixes& prefixes);
    Status set(const FilterTables& tables);
    void remove_all_but(const FilterPrefixes& prefixes);

    unsigned interface_index_ = 0;
    std::uint32_t program_id_ = 0;

    Descriptor settings_;
    Descriptor prefixes4_;
    Descriptor prefixes6_;
    Descriptor verdicts_;
    FilterPrefixes installed_;
};

}  // namespace tcqf::dataplane
