// Which DetNet flow a packet belongs to: the first in the configuration's order whose match holds
// (RFC 8939, 5.1).
//
// Flows with the same set of exact fields share one hash table, so a look-up costs one probe for
// each such set (a hundred thousand five-tuples: one probe), whatever the number of flows; port
// ranges and DSCP lists are compared for the candidates of a probe.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/router.h"

struct rte_hash;

namespace tcqf::dataplane {

/// The fields of a packet, as received, that flows are matched against. Zeroed where absent.
struct FlowFields {
    std::array<std::uint8_t, 16> source{};
    std::array<std::uint8_t, 16> destination{};
    std::uint32_t flow_label = 0;
    std::uint32_t spi = 0;
    std::uint32_t mpls_label = 0;
    config::InterfaceIndex interface = 0;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint8_t protocol = 0;
    std::uint8_t family = 0;  ///< 4, 6, or 0 for a packet that is still labelled
    std::uint8_t dscp = 0;
    bool has_ports = false;
    bool has_spi = false;
    bool has_mpls_label = false;
};

class FlowTable {
  public:
    static constexpr std::uint32_t kNoFlow = UINT32_MAX;

    /// `name` must be unique among the tables of the process. Throws std::runtime_error where
    /// memory is short.
    FlowTable(const std::string& name, const std::vector<config::Flow>& flows);
    ~FlowTable();
    FlowTable(const FlowTable&) = delete;
    FlowTable& operator=(const FlowTable&) = delete;

    bool empty() const { return groups_.empty(); }

    /// Position of the flow in the configuration, or kNoFlow.
    std::uint32_t match(const FlowFields& fields) const;

  private:
    struct Key;
    struct Group;
    struct Candidate;

    static Key key_of(const FlowFields& fields);
    bool holds(const Candidate& candidate, const FlowFields& fields) const;

    std::vector<std::unique_ptr<Group>> groups_;  // by the position of their first flow
};

}  // namespace tcqf::dataplane
