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
#include "dataplane/key_hash.h"

namespace tcqf::dataplane {

/// A flow with the fields of its match that a hash cannot find. Those of one key form a chain, in
/// order.
struct alignas(32) FlowTable::Candidate {
    static constexpr std::uint32_t kLast = UINT32_MAX;

    std::uint64_t dscps = ~std::uint64_t{0};  // bit set of those that match
    std::uint32_t flow = kNoFlow;
    std::uint32_t next = kLast;  // in Group::candidates
    config::PortRange source_port;
    config::PortRange destination_port;
    bool needs_ports = false;
    bool needs_ip = false;
};

/// The fields that most flows of IPv4 compare: a quarter of a cache line.
struct FlowTable::Ipv4Key {
    std::uint32_t source;
    std::uint32_t destination;
    std::uint16_t source_port;
    std::uint16_t destination_port;
    config::InterfaceIndex interface;
    std::uint16_t protocol;

    explicit Ipv4Key(const FlowKey& key)
        : source_port(key.source_port),
          destination_port(key.destination_port),
          interface(key.interface),
          protocol(key.protocol) {
        std::memcpy(&source, key.source.data(), sizeof source);
        std::memcpy(&destination, key.destination.data(), sizeof destination);
    }
    Ipv4Key() = default;
    Ipv4Key operator&(const Ipv4Key& other) const {
        using Words = std::array<std::uint64_t, 2>;
        const Words words = std::bit_cast<Words>(*this);
        const Words mask = std::bit_cast<Words>(other);
        return std::bit_cast<Ipv4Key>(Words{words[0] & mask[0], words[1] & mask[1]});
    }
};

/// What is behind a key: a flow whose match has nothing beyond the key, so that no more memory is
/// looked at, or the position of the first candidate.
class FlowTable::Found {
  public:
    static Found flow(std::uint32_t flow) { return Found(std::uint64_t{flow} << 1 | 1); }
    static Found candidate(std::size_t position) { return Found(std::uint64_t{position} << 1); }
    explicit Found(const void* data) : value_(reinterpret_cast<std::uintptr_t>(data)) {}

    void* data() const { return reinterpret_cast<void*>(value_); }
    bool is_flow() const { return (value_ & 1) != 0; }
    std::uint32_t number() const { return static_cast<std::uint32_t>(value_ >> 1); }

  private:
    explicit Found(std::uint64_t value) : value_(value) {}
    std::uintptr_t value_;
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
    HugeVector<Candidate> candidates;
    std::unique_ptr<rte_hash, FreeHash> hash;  // to what a Found says

    /// Keys are of type Ipv4Key, not FlowKey.
    bool is_plain_ipv4() const {
        return shape.family == 4 && !shape.flow_label && !shape.spi && !shape.mpls_label;
    }
    Found add_chain(const std::vector<Candidate>& chain);
    bool is_key_enough(const Candidate& candidate) const;
    void add(const FlowKey& key, Found found) const;
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
        parameters.key_len = group.is_plain_ipv4() ? sizeof(Ipv4Key) : sizeof(FlowKey);
        parameters.hash_func = group.is_plain_ipv4() ? hash_of_16_octets : rte_hash_crc;
        parameters.socket_id = SOCKET_ID_ANY;
        parameters.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE;
        group.hash.reset(rte_hash_create(&parameters));
        if (!group.hash) {
            throw std::runtime_error("no memory for the table of DetNet flows: " +
                                     std::string(rte_strerror(rte_errno)));
        }
        for (const auto& [key, candidates] : draft.by_key) {
            group.add(key, group.add_chain(candidates));
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

FlowTable::Found FlowTable::Group::add_chain(const std::vector<Candidate>& chain) {
    if (chain.size() == 1 && is_key_enough(chain.front())) {
        return Found::flow(chain.front().flow);
    }
    const std::size_t first = candidates.size();
    for (const Candidate& candidate : chain) {
        candidates.push_back(candidate);
        candidates.back().next = static_cast<std::uint32_t>(candidates.size());
    }
    candidates.back().next = Candidate::kLast;
    return Found::candidate(first);
}

/// Whether a packet that has a candidate's key is one of its flow in every respect.
bool FlowTable::Group::is_key_enough(const Candidate& candidate) const {
    // A packet without ports has 0 in its key.
    const bool ports_in_key = shape.source_port && shape.destination_port &&
                              candidate.source_port.low != 0 && candidate.destination_port.low != 0;
    return candidate.dscps == ~std::uint64_t{0} && shape.family != 0 &&
           (!candidate.needs_ports || ports_in_key);
}

void FlowTable::Group::add(const FlowKey& key, Found found) const {
    const Ipv4Key short_key(key);
    const void* bytes = is_plain_ipv4() ? static_cast<const void*>(&short_key) : &key;
    if (rte_hash_add_key_data(hash.get(), bytes, found.data()) < 0) {
        throw std::runtime_error("no memory for the table of DetNet flows");
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
        group->is_plain_ipv4() ? match_group<Ipv4Key>(*group, packets, flows)
                               : match_group<FlowKey>(*group, packets, flows);
    }
}

/// Packets for which an earlier flow was found already keep it.
template <class Key>
void FlowTable::match_group(const Group& group, std::span<const FlowFields> packets,
                            std::uint32_t* flows) const {
    const Key mask(group.mask);
    std::array<Key, kMaxBurst> keys;
    std::array<const void*, kMaxBurst> key_pointers;
    std::array<std::uint8_t, kMaxBurst> packet_of;
    unsigned count = 0;
    for (std::size_t i = 0; i < packets.size(); ++i) {
        if (group.first_flow < flows[i] && group.may_hold(packets[i])) {
            keys[count] = Key(packets[i]) & mask;
            key_pointers[count] = &keys[count];
            packet_of[count++] = static_cast<std::uint8_t>(i);
        }
    }
    if (count == 0) {
        return;
    }
    std::array<void*, kMaxBurst> data;
    std::uint64_t hits = 0;
    rte_hash_lookup_bulk_data(group.hash.get(), key_pointers.data(), count, &hits, data.data());
    for (std::uint64_t left = hits; left != 0; left &= left - 1) {
        const Found found(data[static_cast<unsigned>(std::countr_zero(left))]);
        if (!found.is_flow()) {
            rte_prefetch0(&group.candidates[found.number()]);
        }
    }
    for (std::uint64_t left = hits; left != 0; left &= left - 1) {
        const auto hit = static_cast<unsigned>(std::countr_zero(left));
        const Found found(data[hit]);
        const unsigned packet = packet_of[hit];
        const std::uint32_t flow = found.is_flow()
                                       ? found.number()
                                       : first_holding(group, found.number(), packets[packet]);
        flows[packet] = std::min(flows[packet], flow);
    }
}

/// The first flow of a chain that the packet belongs to, or kNoFlow.
std::uint32_t FlowTable::first_holding(const Group& group, std::uint32_t position,
                                       const FlowFields& fields) const {
    const Candidate* candidate = &group.candidates[position];
    while (!holds(*candidate, fields)) {
        if (candidate->next == Candidate::kLast) {
            return kNoFlow;
        }
        candidate = &group.candidates[candidate->next];
    }
    return candidate->flow;
}

std::uint32_t FlowTable::match(const FlowFields& fields) const {
    std::uint32_t flow;
    match_burst({&fields, 1}, &flow);
    return flow;
}

}  // namespace tcqf::dataplane
