#include "dataplane/flow_table.h"

#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_memory.h>
#include <rte_prefetch.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>

#include "dataplane/huge_vector.h"

namespace tcqf::dataplane {

/// A flow with the fields of its match that a hash cannot find. Those of one key form a chain, in
/// order; the first one lies at the key's position in the hash.
struct alignas(32) FlowTable::Candidate {
    static constexpr std::uint32_t kLast = UINT32_MAX;

    std::uint64_t dscps = ~std::uint64_t{0};  // bit set of those that match
    std::uint32_t flow = kNoFlow;
    std::uint32_t next = kLast;  // in Group::further
    config::PortRange source_port;
    config::PortRange destination_port;
    bool needs_ports = false;
    bool needs_ip = false;
};

/// Flows that compare the same exact fields.
struct FlowTable::Group {
    struct Shape {
        std::uint8_t family = 0;  // 0: any
        std::uint8_t source_bits = 0;
        std::uint8_t destination_bits = 0;
        bool interface = false;
        bool protocol = false;
        bool source_port = false;
        bool destination_port = false;
        bool flow_label = false;
        bool spi = false;
        bool mpls_label = false;
        auto operator<=>(const Shape&) const = default;
    };
    struct FreeHash {
        void operator()(rte_hash* hash) const { rte_hash_free(hash); }
    };

    Shape shape;
    FlowKey mask{};
    std::uint32_t first_flow = 0;
    HugeVector<Candidate> candidates;  // by the position in the hash
    HugeVector<Candidate> further;     // of chains
    std::unique_ptr<rte_hash, FreeHash> hash;

    void add_chain(std::size_t position, const std::vector<Candidate>& chain);
    bool may_hold(const FlowFields& fields) const;
    static Shape shape_of(const config::FlowMatch& match);
    static FlowKey mask_of(const Shape& shape);
};

namespace {

std::array<std::uint8_t, 16> prefix_mask(std::uint8_t bits) {
    std::array<std::uint8_t, 16> mask;
    for (unsigned octet = 0; octet < mask.size(); ++octet) {
        const unsigned kept = std::clamp<int>(bits - static_cast<int>(octet * 8), 0, 8);
        mask[octet] = static_cast<std::uint8_t>(0xff00u >> kept);
    }
    return mask;
}

bool exact(const std::optional<config::PortRange>& range) {
    return range && range->low == range->high;
}

/// The packet that a match describes, with the low end of ranges.
FlowFields example_of(const config::FlowMatch& match) {
    FlowFields fields{};
    if (match.source) {
        fields.source = match.source->address.octets;
    }
    if (match.destination) {
        fields.destination = match.destination->address.octets;
    }
    fields.flow_label = match.flow_label.value_or(0);
    fields.spi = match.spi.value_or(0);
    fields.mpls_label = match.mpls_label.value_or(0);
    fields.interface = match.interface.value_or(0);
    fields.source_port = match.source_port ? match.source_port->low : 0;
    fields.destination_port = match.destination_port ? match.destination_port->low : 0;
    fields.protocol = match.protocol.value_or(0);
    const auto& prefix = match.source ? match.source : match.destination;
    fields.family = !prefix ? 0 : prefix->address.is_ipv6 ? 6 : 4;
    return fields;
}

}  // namespace

FlowTable::Group::Shape FlowTable::Group::shape_of(const config::FlowMatch& match) {
    const auto& prefix = match.source ? match.source : match.destination;
    return {.family = static_cast<std::uint8_t>(!prefix                   ? 0
                                                : prefix->address.is_ipv6 ? 6
                                                                          : 4),
            .source_bits = match.source ? match.source->length : std::uint8_t{0},
            .destination_bits = match.destination ? match.destination->length : std::uint8_t{0},
            .interface = match.interface.has_value(),
            .protocol = match.protocol.has_value(),
            .source_port = exact(match.source_port),
            .destination_port = exact(match.destination_port),
            .flow_label = match.flow_label.has_value(),
            .spi = match.spi.has_value(),
            .mpls_label = match.mpls_label.has_value()};
}

/// Ones where flows of this shape compare.
FlowKey FlowTable::Group::mask_of(const Shape& shape) {
    const auto ones = [](bool compared, auto field) {
        return compared ? static_cast<decltype(field)>(~field) : field;
    };
    FlowKey mask{};
    if (shape.family != 0) {
        mask.family = 0xff;
        mask.source = prefix_mask(shape.source_bits);
        mask.destination = prefix_mask(shape.destination_bits);
    }
    mask.interface = ones(shape.interface, mask.interface);
    mask.protocol = ones(shape.protocol, mask.protocol);
    mask.source_port = ones(shape.source_port, mask.source_port);
    mask.destination_port = ones(shape.destination_port, mask.destination_port);
    mask.flow_label = ones(shape.flow_label, mask.flow_label);
    mask.spi = ones(shape.spi, mask.spi);
    mask.mpls_label = ones(shape.mpls_label, mask.mpls_label);
    return mask;
}

FlowTable::FlowTable(const std::string& name, const std::vector<config::Flow>& flows) {
    struct Draft {
        std::unique_ptr<Group> group;
        std::map<FlowKey, std::vector<Candidate>> by_key;
    };
    std::map<Group::Shape, Draft> drafts;
    for (std::uint32_t index = 0; index < flows.size(); ++index) {
        const config::FlowMatch& match = flows[index].match;
        Draft& draft = drafts[Group::shape_of(match)];
        if (!draft.group) {
            draft.group = std::make_unique<Group>();
            draft.group->shape = Group::shape_of(match);
            draft.group->mask = Group::mask_of(draft.group->shape);
            draft.group->first_flow = index;
        }
        Candidate candidate;
        candidate.flow = index;
        candidate.source_port = match.source_port.value_or(config::PortRange{});
        candidate.destination_port = match.destination_port.value_or(config::PortRange{});
        candidate.needs_ports = match.source_port || match.destination_port;
        candidate.needs_ip = match.source || match.destination || match.protocol ||
                             !match.dscp.empty() || match.flow_label || match.spi ||
                             candidate.needs_ports;
        if (!match.dscp.empty()) {
            candidate.dscps = 0;
            for (const std::uint8_t dscp : match.dscp) {
                candidate.dscps |= std::uint64_t{1} << dscp;
            }
        }
        draft.by_key[example_of(match) & draft.group->mask].push_back(candidate);
    }

    for (auto& [shape, draft] : drafts) {
        Group& group = *draft.group;
        const std::string table_name = name + "." + std::to_string(group.first_flow);
        rte_hash_parameters parameters{};
        parameters.name = table_name.c_str();
        parameters.entries =
            static_cast<std::uint32_t>(std::max<std::size_t>(draft.by_key.size(), 8));
        parameters.key_len = sizeof(FlowKey);
        parameters.hash_func = rte_hash_crc;
        parameters.socket_id = SOCKET_ID_ANY;
        parameters.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE;
        group.hash.reset(rte_hash_create(&parameters));
        if (!group.hash) {
            throw std::runtime_error("no memory for the table of DetNet flows: " +
                                     std::string(rte_strerror(rte_errno)));
        }
        group.candidates.resize(static_cast<std::size_t>(rte_hash_max_key_id(group.hash.get())) +
                                1);
        for (const auto& [key, candidates] : draft.by_key) {
            const std::int32_t position = rte_hash_add_key(group.hash.get(), &key);
            if (position < 0) {
                throw std::runtime_error("no memory for the table of DetNet flows");
            }
            group.add_chain(static_cast<std::size_t>(position), candidates);
        }
        groups_.push_back(std::move(draft.group));
    }
    std::sort(groups_.begin(), groups_.end(),
              [](const auto& a, const auto& b) { return a->first_flow < b->first_flow; });
}

FlowTable::~FlowTable() = default;

bool FlowTable::holds(const Candidate& candidate, const FlowFields& fields) const {
    if (candidate.needs_ip && fields.family == 0) {
        return false;
    }
    if (candidate.needs_ports &&
        (!fields.has_ports || fields.source_port < candidate.source_port.low ||
         fields.source_port > candidate.source_port.high ||
         fields.destination_port < candidate.destination_port.low ||
         fields.destination_port > candidate.destination_port.high)) {
        return false;
    }
    return (candidate.dscps >> fields.dscp & 1) != 0;
}

void FlowTable::Group::add_chain(std::size_t position, const std::vector<Candidate>& chain) {
    Candidate* last = &candidates[position];
    *last = chain.front();
    for (std::size_t i = 1; i < chain.size(); ++i) {
        last->next = static_cast<std::uint32_t>(further.size());
        last = &further.emplace_back(chain[i]);
    }
}

/// Whether a packet has the fields that the group compares.
bool FlowTable::Group::may_hold(const FlowFields& fields) const {
    return (shape.family == 0 || shape.family == fields.family) &&
           (!shape.flow_label || fields.family == 6) && (!shape.spi || fields.has_spi) &&
           (!shape.mpls_label || fields.has_mpls_label);
}

void FlowTable::match_burst(std::span<const FlowFields> packets, std::uint32_t* flows) const {
    std::fill_n(flows, packets.size(), kNoFlow);
    for (const auto& group : groups_) {
        match_group(*group, packets, flows);
    }
}

/// Packets for which an earlier flow was found already keep it.
void FlowTable::match_group(const Group& group, std::span<const FlowFields> packets,
                            std::uint32_t* flows) const {
    std::array<FlowKey, kMaxBurst> keys;
    std::array<const void*, kMaxBurst> key_pointers;
    std::array<std::uint8_t, kMaxBurst> packet_of;
    unsigned count = 0;
    for (std::size_t i = 0; i < packets.size(); ++i) {
        if (group.first_flow < flows[i] && group.may_hold(packets[i])) {
            keys[count] = packets[i] & group.mask;
            key_pointers[count] = &keys[count];
            packet_of[count++] = static_cast<std::uint8_t>(i);
        }
    }
    if (count == 0) {
        return;
    }
    std::array<std::int32_t, kMaxBurst> positions;
    rte_hash_lookup_bulk(group.hash.get(), key_pointers.data(), count, positions.data());
    for (unsigned i = 0; i < count; ++i) {
        if (positions[i] >= 0) {
            rte_prefetch0(&group.candidates[static_cast<std::size_t>(positions[i])]);
        }
    }
    for (unsigned i = 0; i < count; ++i) {
        if (positions[i] >= 0) {
            const std::uint32_t flow =
                first_holding(group, static_cast<std::size_t>(positions[i]), packets[packet_of[i]]);
            flows[packet_of[i]] = std::min(flows[packet_of[i]], flow);
        }
    }
}

/// The first flow of a key's chain that the packet belongs to, or kNoFlow.
std::uint32_t FlowTable::first_holding(const Group& group, std::size_t position,
                                       const FlowFields& fields) const {
    const Candidate* candidate = &group.candidates[position];
    while (!holds(*candidate, fields)) {
        if (candidate->next == Candidate::kLast) {
            return kNoFlow;
        }
        candidate = &group.further[candidate->next];
    }
    return candidate->flow;
}

std::uint32_t FlowTable::match(const FlowFields& fields) const {
    std::uint32_t flow;
    match_burst({&fields, 1}, &flow);
    return flow;
}

}  // namespace tcqf::dataplane
