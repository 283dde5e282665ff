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
#include <span>
#include <string>
#include <vector>

#include "config/router.h"

struct rte_hash;

namespace tcqf::dataplane {

/// The fields of a packet, as received, that flows are matched against. Zero where absent: to be
/// made as `FlowFields{}`; without initialisers, so that arrays of them cost nothing.
struct FlowFields {
    std::array<std::uint8_t, 16> source;
    std::array<std::uint8_t, 16> destination;
    std::uint32_t flow_label;
    std::uint32_t spi;
    std::uint32_t mpls_label;
    config::InterfaceIndex interface;
    std::uint16_t source_port;
    std::uint16_t destination_port;
    std::uint8_t protocol;
    std::uint8_t family;  ///< 4, 6, or 0 for a packet that is still labelled
    std::uint8_t dscp;
    bool has_ports;
    bool has_spi;
    bool has_mpls_label;
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

    static constexpr unsigned kMaxBurst = 64;

    /// Position of the flow in the configuration, or kNoFlow.
    std::uint32_t match(const FlowFields& fields) const;
    /// The same for up to kMaxBurst packets, whose memory is asked for together.
    void match_burst(std::span<const FlowFields> packets, std::uint32_t* flows) const;

  private:
    struct Key;
    struct Group;
    struct Candidate;

    static Key key_of(const FlowFields& fields);
    bool holds(const Candidate& candidate, const FlowFields& fields) const;
    void match_group(const Group& group, std::span<const FlowFields> packets,
                     std::uint32_t* flows) const;
    std::uint32_t first_holding(const Group& group, std::size_t position,
                                const FlowFields& fields) const;

    std::vector<std::unique_ptr<Group>> groups_;  // by the position of their first flow
};

}  // namespace tcqf::dataplane
