// Which DetNet flow a packet belongs to: the first in the configuration's order whose match holds
// (RFC 8939, 5.1).
//
// Flows with the same set of exact fields share one hash table, so a look-up costs one probe for
// each such set (a hundred thousand five-tuples: one probe), whatever the number of flows; port
// ranges and DSCP lists are compared for the candidates of a probe.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "config/router.h"
#include "dataplane/key_index.h"

namespace tcqf::dataplane {

/// Fields of a packet, as received, that flows compare exactly, or a mask of them. Zero where
/// absent: to be made as `FlowKey{}`; without initialisers, so that arrays of them cost nothing. 64
/// octets without padding: hashed and compared as they lie.
struct FlowKey {
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
    std::array<std::uint8_t, 12> unused;

    auto operator<=>(const FlowKey&) const = default;

    /// Both, bit by bit.
    FlowKey operator&(const FlowKey& other) const {
        using Words = std::array<std::uint64_t, 8>;
        Words words = std::bit_cast<Words>(*this);
        const Words mask = std::bit_cast<Words>(other);
        for (std::size_t i = 0; i < words.size(); ++i) {
            words[i] &= mask[i];
        }
        return std::bit_cast<FlowKey>(words);
    }
};
static_assert(sizeof(FlowKey) == 64);

/// All fields that flows are matched against.
struct FlowFields : FlowKey {
    std::uint8_t dscp;
    bool has_ports;
    bool has_spi;
    bool has_mpls_label;
};

/// The fields that most flows of IPv4 compare: a quarter of a cache line. Addresses as in the
/// packet; zero where absent.
struct Ipv4FlowKey {
    std::uint32_t source;
    std::uint32_t destination;
    std::uint16_t source_port;
    std::uint16_t destination_port;
    config::InterfaceIndex interface;
    std::uint16_t protocol;

    Ipv4FlowKey operator&(const Ipv4FlowKey& other) const {
        using Words = std::array<std::uint64_t, 2>;
        const Words words = std::bit_cast<Words>(*this);
        const Words mask = std::bit_cast<Words>(other);
        return std::bit_cast<Ipv4FlowKey>(Words{words[0] & mask[0], words[1] & mask[1]});
    }
};

/// What is behind a key: a flow whose match has nothing beyond the key, so that no more memory is
/// looked at, or the position of the first candidate.
class FoundFlow {
  public:
    static FoundFlow flow(std::uint32_t flow) { return FoundFlow(flow << 1 | 1); }
    static FoundFlow candidate(std::size_t position) {
        return FoundFlow(static_cast<std::uint32_t>(position) << 1);
    }
    explicit FoundFlow(std::uint32_t value) : value_(value) {}

    std::uint32_t value() const { return value_; }
    bool is_flow() const { return (value_ & 1) != 0; }
    std::uint32_t number() const { return value_ >> 1; }

  private:
    std::uint32_t value_;
};

/// Flows that are told by the same fields of IPv4 and by nothing else, as a hundred thousand
/// five-tuples are.
class Ipv4FlowIndex {
  public:
    using Search = KeyIndex<Ipv4FlowKey>::Search;

    Ipv4FlowIndex(const KeyIndex<Ipv4FlowKey>& index, const Ipv4FlowKey& mask)
        : index_(&index), mask_(mask) {}

    /// In two steps, as KeyIndex. `key`: of a packet.
    [[gnu::always_inline]] Search ask_for(const Ipv4FlowKey& key) const {
        return index_->ask_for(key & mask_);
    }
    /// The number of its flow, or `none`.
    [[gnu::always_inline]] std::uint32_t find(const Search& search, std::uint32_t none) const {
        const std::uint32_t found = index_->find(search);
        return found == index_->kNone ? none : FoundFlow(found).number();
    }

  private:
    const KeyIndex<Ipv4FlowKey>* index_;
    Ipv4FlowKey mask_;
};

/// Of an IPv4 packet that came without labels, where FlowTable::is_plain_for_ipv4().
struct Ipv4FlowFields : Ipv4FlowKey {
    // Named as the member of FlowFields, for code that reads either.
    static constexpr std::uint8_t family = 4;  // NOLINT(readability-identifier-naming)
    std::uint8_t dscp;
    bool has_ports;
};

class FlowTable {
  public:
    static constexpr std::uint32_t kNoFlow = UINT32_MAX;

    /// `numbers`: of the flows, by position.
    FlowTable(const std::vector<config::Flow>& flows, std::span<const std::uint32_t> numbers);
    ~FlowTable();
    FlowTable(const FlowTable&) = delete;
    FlowTable& operator=(const FlowTable&) = delete;

    bool empty() const { return groups_.empty(); }
    /// Whether no flow of IPv4 packets without labels compares more than Ipv4FlowFields.
    bool is_plain_for_ipv4() const { return is_plain_for_ipv4_; }
    /// Of all flows that IPv4 packets without labels can belong to, where there is one.
    const std::optional<Ipv4FlowIndex>& ipv4_index() const { return ipv4_index_; }
    /// Whether none but IPv4 packets that came without labels can be of a flow.
    bool is_for_ipv4_alone() const { return is_for_ipv4_alone_; }

    static constexpr unsigned kMaxBurst = 64;

    /// Number of the flow, or kNoFlow.
    std::uint32_t match(const FlowFields& fields) const;
    /// The same for up to kMaxBurst packets, whose memory is asked for together.
    void match_burst(std::span<const FlowFields> packets, std::uint32_t* flows) const;
    void match_burst(std::span<const Ipv4FlowFields> packets, std::uint32_t* flows) const;

  private:
    struct Group;
    struct Candidate;

    template <class Key, class Fields>
    void match_group(const Group& group, std::span<const Fields> packets,
                     std::uint32_t* flows) const;
    template <class Fields>
    std::uint32_t first_holding(const Group& group, std::uint32_t position,
                                const Fields& fields) const;
    void find_ipv4_index();
    std::uint32_t position_of(std::uint32_t flow) const;

    std::vector<std::unique_ptr<Group>> groups_;  // by the position of their first flow
    std::vector<std::uint32_t> positions_;        // by number
    std::optional<Ipv4FlowIndex> ipv4_index_;
    bool is_plain_for_ipv4_ = true;
    bool is_for_ipv4_alone_ = true;
};

}  // namespace tcqf::dataplane
