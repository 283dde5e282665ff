#include "dataplane/flow_table.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <variant>

#include "dataplane/huge_vector.h"
#include "dataplane/prefetch.h"

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

    template <class Fields>
    bool holds(const Fields& fields) const {
        if (needs_ip && fields.family == 0) {
            return false;
        }
        if (needs_ports && (!fields.has_ports || fields.source_port < source_port.low ||
                            fields.source_port > source_port.high ||
                            fields.destination_port < destination_port.low ||
                            fields.destination_port > destination_port.high)) {
            return false;
        }
        return (dscps >> fields.dscp & 1) != 0;
    }
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
    Shape shape;
    FlowKey mask{};
    std::uint32_t first_flow = 0;
    HugeVector<Candidate> candidates;
    std::variant<std::monostate, KeyIndex<Ipv4FlowKey>, KeyIndex<FlowKey>>
        index;  // of FoundFlow values

    /// Keys are of type Ipv4FlowKey, not FlowKey.
    bool is_plain_ipv4() const {
        return shape.family == 4 && !shape.flow_label && !shape.spi && !shape.mpls_label;
    }
    /// Whether IPv4 packets that came without labels may belong to its flows.
    bool is_for_ipv4() const { return shape.family != 6 && !shape.flow_label && !shape.mpls_label; }
    template <class Key>
    void make_index(const std::map<FlowKey, std::vector<Candidate>>& by_key);
    FoundFlow add_chain(const std::vector<Candidate>& chain);
    bool is_key_enough(const Candidate& candidate) const;
    template <class Key, class Fields>
    bool may_hold(const Fields& fields) const;
    static Shape shape_of(const config::FlowMatch& match);
    static FlowKey mask_of(const Shape& shape);
};

namespace {

/// What a group of such keys compares.
template <class Key, class Fields>
Key key_of(const Fields& fields) {
    if constexpr (std::is_base_of_v<Key, Fields>) {
        return fields;
    } else {
        Key key{.source = 0,
                .destination = 0,
                .source_port = fields.source_port,
                .destination_port = fields.destination_port,
                .interface = fields.interface,
                .protocol = fields.protocol};
        std::memcpy(&key.source, fields.source.data(), sizeof key.source);
        std::memcpy(&key.destination, fields.destination.data(), sizeof key.destination);
        return key;
    }
}

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

FlowTable::FlowTable(const std::vector<config::Flow>& flows,
                     std::span<const std::uint32_t> numbers) {
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
        candidate.flow = numbers[index];
        if (positions_.size() <= numbers[index]) {
            positions_.resize(numbers[index] + 1);
        }
        positions_[numbers[index]] = index;
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
        draft.group->is_plain_ipv4() ? draft.group->make_index<Ipv4FlowKey>(draft.by_key)
                                     : draft.group->make_index<FlowKey>(draft.by_key);
        is_for_ipv4_alone_ &= draft.group->is_plain_ipv4();
        is_plain_for_ipv4_ &= draft.group->is_plain_ipv4() || !draft.group->is_for_ipv4();
        groups_.push_back(std::move(draft.group));
    }
    std::sort(groups_.begin(), groups_.end(),
              [](const auto& a, const auto& b) { return a->first_flow < b->first_flow; });
    find_ipv4_index();
}

void FlowTable::find_ipv4_index() {
    const auto is_for_ipv4 = [](const auto& group) { return group->is_for_ipv4(); };
    const auto group = std::ranges::find_if(groups_, is_for_ipv4);
    if (std::ranges::count_if(groups_, is_for_ipv4) == 1 && (*group)->is_plain_ipv4() &&
        (*group)->candidates.empty()) {
        ipv4_index_.emplace(std::get<KeyIndex<Ipv4FlowKey>>((*group)->index),
                            key_of<Ipv4FlowKey>((*group)->mask));
    }
}

FlowTable::~FlowTable() = default;

FoundFlow FlowTable::Group::add_chain(const std::vector<Candidate>& chain) {
    if (chain.size() == 1 && is_key_enough(chain.front())) {
        return FoundFlow::flow(chain.front().flow);
    }
    const std::size_t first = candidates.size();
    for (const Candidate& candidate : chain) {
        candidates.push_back(candidate);
        candidates.back().next = static_cast<std::uint32_t>(candidates.size());
    }
    candidates.back().next = Candidate::kLast;
    return FoundFlow::candidate(first);
}

/// Whether a packet that has a candidate's key is one of its flow in every respect.
bool FlowTable::Group::is_key_enough(const Candidate& candidate) const {
    // A packet without ports has 0 in its key.
    const auto is_enough = [](bool in_key, const config::PortRange& range) {
        return in_key ? range.low != 0 : range == config::PortRange{};
    };
    const bool ports_in_key = (shape.source_port || shape.destination_port) &&
                              is_enough(shape.source_port, candidate.source_port) &&
                              is_enough(shape.destination_port, candidate.destination_port);
    return candidate.dscps == ~std::uint64_t{0} && shape.family != 0 &&
           (!candidate.needs_ports || ports_in_key);
}

template <class Key>
void FlowTable::Group::make_index(const std::map<FlowKey, std::vector<Candidate>>& by_key) {
    auto& keys = index.emplace<KeyIndex<Key>>(by_key.size());
    for (const auto& [key, chain] : by_key) {
        keys.add(key_of<Key>(key), add_chain(chain).value());
    }
}

/// Whether a packet has the fields that the group, whose keys are of type Key, compares.
template <class Key, class Fields>
bool FlowTable::Group::may_hold(const Fields& fields) const {
    if constexpr (std::is_same_v<Key, Ipv4FlowKey>) {
        return fields.family == 4;
    } else {
        return (shape.family == 0 || shape.family == fields.family) &&
               (!shape.flow_label || fields.family == 6) && (!shape.spi || fields.has_spi) &&
               (!shape.mpls_label || fields.has_mpls_label);
    }
}

void FlowTable::match_burst(std::span<const FlowFields> packets, std::uint32_t* flows) const {
    std::fill_n(flows, packets.size(), kNoFlow);
    for (const auto& group : groups_) {
        group->is_plain_ipv4() ? match_group<Ipv4FlowKey>(*group, packets, flows)
                               : match_group<FlowKey>(*group, packets, flows);
    }
}

void FlowTable::match_burst(std::span<const Ipv4FlowFields> packets, std::uint32_t* flows) const {
    std::fill_n(flows, packets.size(), kNoFlow);
    for (const auto& group : groups_) {
        if (group->is_plain_ipv4()) {
            match_group<Ipv4FlowKey>(*group, packets, flows);
        }
    }
}

/// Packets for which an earlier flow was found already keep it.
template <class Key, class Fields>
void FlowTable::match_group(const Group& group, std::span<const Fields> packets,
                            std::uint32_t* flows) const {
    const auto& index = std::get<KeyIndex<Key>>(group.index);
    const Key mask = key_of<Key>(group.mask);
    std::array<typename KeyIndex<Key>::Search, kMaxBurst> searches;
    std::array<std::uint8_t, kMaxBurst> packet_of;
    unsigned count = 0;
    for (std::size_t i = 0; i < packets.size(); ++i) {
        if (group.first_flow < position_of(flows[i]) && group.may_hold<Key>(packets[i])) {
            searches[count] = index.ask_for(key_of<Key>(packets[i]) & mask);
            packet_of[count++] = static_cast<std::uint8_t>(i);
        }
    }
    std::array<std::uint32_t, kMaxBurst> numbers;
    for (unsigned i = 0; i < count; ++i) {
        numbers[i] = index.find(searches[i]);
    }
    if (!group.candidates.empty()) {
        for (unsigned i = 0; i < count; ++i) {
            const FoundFlow found(numbers[i]);
            if (numbers[i] != index.kNone && !found.is_flow()) {
                prefetch_entry(&group.candidates[found.number()]);
            }
        }
    }
    for (unsigned i = 0; i < count; ++i) {
        if (numbers[i] == index.kNone) {
            continue;
        }
        const FoundFlow found(numbers[i]);
        const unsigned packet = packet_of[i];
        const std::uint32_t flow = found.is_flow()
                                       ? found.number()
                                       : first_holding(group, found.number(), packets[packet]);
        if (flows[packet] == kNoFlow || position_of(flow) < position_of(flows[packet])) {
            flows[packet] = flow;
        }
    }
}

/// In the configuration; of kNoFlow: behind all.
std::uint32_t FlowTable::position_of(std::uint32_t flow) const {
    return flow == kNoFlow ? kNoFlow : positions_[flow];
}

/// The first flow of a chain that the packet belongs to, or kNoFlow.
template <class Fields>
std::uint32_t FlowTable::first_holding(const Group& group, std::uint32_t position,
                                       const Fields& fields) const {
    const Candidate* candidate = &group.candidates[position];
    while (!candidate->holds(fields)) {
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
