// Builds the tables of a configuration, out of those before where there are any.
#pragma once

#include <memory>
#include <vector>

#include "config/difference.h"
#include "dataplane/numbers.h"
#include "dataplane/tables.h"

namespace tcqf::dataplane {

/// Of SIDs: places of their counters.
using SidNumbers = Numbers<config::IpPrefix>;

struct BuildOptions {
    FibKind fib = FibKind::compact;
    std::vector<config::MacAddress> macs;  ///< of the devices, where the configuration names none
    struct Flow {
        std::uint32_t number = 0;
        std::uint16_t worker = 0;                          ///< as FlowProfile
        std::shared_ptr<std::int64_t[]> long_arrivals_ns;  ///< null: none
    };
    std::vector<Flow> flows;  ///< by position in the configuration; not looked at where no flow
                              ///< differs from the tables before
    const SidNumbers* sid_numbers = nullptr;  ///< of counted_sids() of the configuration
};

/// The SIDs and binding SIDs whose packets are counted.
std::vector<config::IpPrefix> counted_sids(const config::Router& config);
/// Whether they may be other ones than before.
bool counted_sids_differ(const config::Router& before, const config::Router& now,
                         const config::Difference& difference);

/// All tables. Throws std::runtime_error where memory is short.
std::unique_ptr<Snapshot> build_tables(std::shared_ptr<const config::Router> config,
                                       const BuildOptions& options);

/// The same out of the tables before: what `difference` (from their configuration to this one) does
/// not touch is shared with them.
std::unique_ptr<Snapshot> build_tables(std::shared_ptr<const config::Router> config,
                                       const BuildOptions& options, const Snapshot& before,
                                       const config::Difference& difference);

}  // namespace tcqf::dataplane
