// The builders of the single tables. They are called in this order; each looks at what those before
// it have built, and takes over from the tables before what the difference leaves alone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/difference.h"
#include "dataplane/adjacency_builder.h"
#include "dataplane/table_builder.h"
#include "dataplane/tables.h"

namespace tcqf::dataplane {

struct Build {
    const config::Router& config;
    const BuildOptions& options;
    const Snapshot* before;  ///< null: nothing to take over
    const config::Difference& difference;
    Snapshot& tables;
    AdjacencyBuilder adjacencies;

    bool from_nothing() const { return before == nullptr; }
    /// True where what is written in front of a packet may be other than before.
    bool adjacencies_differ() const {
        return from_nothing() || difference.macs || difference.neighbors.any();
    }
};

/// Numbers of other keys, in tables: each worker reads its own ones, so that those of what is gone
/// can be given away at the next change.
template <class Key>
std::shared_ptr<const Numbers<Key>> renumbered(const Numbers<Key>* before,
                                               const std::vector<Key>& keys) {
    if (before == nullptr) {
        return std::make_shared<const Numbers<Key>>(Numbers<Key>().next(keys));
    }
    auto next = std::make_shared<Numbers<Key>>(before->next(keys));
    next->release(before->gone_in(*next));
    return next;
}

inline std::uint16_t table_number(const Build& build, const std::string& name) {
    return static_cast<std::uint16_t>(build.tables.table_numbers->at(name));
}

void number_tables(Build& build);
void number_policies(Build& build);
void build_interfaces(Build& build);
void build_domains(Build& build);
void build_partitions(Build& build);
void build_routes(Build& build);
void build_labels(Build& build);
void build_sids(Build& build);
void build_sid_index(Build& build);

/// The address of a policy's binding SID; null where that is a label or there is none.
inline const config::IpAddress* binding_address(const config::SrPolicy& policy) {
    return policy.binding_sid ? std::get_if<config::IpAddress>(&*policy.binding_sid) : nullptr;
}
/// True where a difference takes away, brings or changes a binding SID that is an address.
bool binding_addresses_differ(const Build& build);
void build_policies(Build& build);
void build_flows(Build& build);

}  // namespace tcqf::dataplane
