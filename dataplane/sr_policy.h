// SR policies: which candidate path is active, and what its segment lists become (RFC 9256).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "config/router.h"
#include "dataplane/adjacency.h"
#include "dataplane/label_stack.h"
#include "dataplane/numbers.h"
#include "dataplane/outer_header.h"

namespace tcqf::dataplane {

inline constexpr std::uint32_t kNoNrp = UINT32_MAX;
inline constexpr std::uint32_t kNoPolicy = UINT32_MAX;

/// Which path of a policy is installed, for the tie-break that prefers it (RFC 9256, 2.9).
struct PathId {
    std::uint8_t protocol_origin = 0;
    config::Originator originator;
    std::uint32_t discriminator = 0;
    bool operator==(const PathId&) const = default;
};

/// A segment list of the active path of a policy.
struct SegmentListAction {
    std::uint32_t below = 0;  ///< takes the points from the previous list's bound up to here
    /// Whether what is put in front of a packet is an outer header right behind Ethernet, or
    /// labels.
    bool is_plain = false;
    const OuterHeaders* outer = nullptr;  ///< SRv6 alone
    const LabelStack* stacks = nullptr;   ///< SR-MPLS alone: of each next hop
    HopSet hops{};                        ///< towards the first segment; SR-MPLS: with all labels

    bool is_srv6() const { return outer != nullptr; }
};

/// All that packets of a policy get that go to one next hop of one list that is plain.
struct PolicyWay {
    const Adjacency* hop = nullptr;
    const OuterHeaders* outer = nullptr;  ///< SRv6 alone
    const LabelStack* stack = nullptr;    ///< SR-MPLS alone
    config::InterfaceIndex oif = 0;       ///< SRv6 alone
};

/// Of a plain list. It reads neither a stack nor a next hop with labels, which may be in no cache.
inline PolicyWay way_through(const SegmentListAction& list, const Adjacency& hop) {
    return list.is_srv6() ? PolicyWay{.hop = &hop, .outer = list.outer, .oif = hop.oif}
                          : PolicyWay{.hop = &hop, .stack = list.stacks + (&hop - list.hops.first)};
}

/// The active candidate path of an SR policy (RFC 9256, 2.11).
struct alignas(64) PolicyAction {
    const SegmentListAction* lists = nullptr;
    std::uint32_t list_count = 0;
    std::uint32_t total_weight = 0;
    std::uint32_t nrp = kNoNrp;  ///< in Snapshot::nrps
    std::uint32_t counter = 0;   ///< number of the binding SID
    bool reduced = true;         ///< H.Encaps.Red
    bool drops_when_invalid = false;
    PolicyWay sole{};  ///< without next hop where there are several, or its list is not plain

    bool is_valid() const { return list_count != 0; }
    bool leaves_nothing() const { return !is_valid() && !drops_when_invalid; }
};
static_assert(sizeof(PolicyAction) == 64);

/// What is behind the action of a valid policy; never changed once it is made.
struct PolicyPath {
    struct List {
        std::uint32_t weight = 0;
        std::optional<OuterHeaderSpec> spec;        // SRv6
        std::unique_ptr<const OuterHeaders> outer;  // made of `spec`
        std::vector<LabelStack> stacks;             // SR-MPLS: by next hop
        HopGroup hops;
        /// Whether the lists come to the same for packets.
        bool operator==(const List& other) const {
            return weight == other.weight && spec == other.spec && stacks == other.stacks &&
                   *hops == *other.hops;
        }
    };
    PathId id;
    std::uint32_t nrp = kNoNrp;
    std::vector<List> lists;
    std::vector<SegmentListAction> actions;
};
using InstalledPolicy = std::shared_ptr<const PolicyPath>;  // null: invalid

/// Of policies: places in Snapshot::policies.
using PolicyNumbers = Numbers<config::PolicyKey>;

/// Whether a list is valid by itself (RFC 9256, 5.1): not empty, weight not 0, one data plane.
bool is_well_formed(const config::SegmentList& list);

/// A policy's candidate paths, the best first (RFC 9256, 2.9): of the highest preference; then the
/// higher protocol-origin, the installed one where the policy prefers it, the lower originator, the
/// higher discriminator. The first that is valid is the active one.
std::vector<const config::CandidatePath*> by_rank(const config::SrPolicy& policy,
                                                  const std::optional<PathId>& installed);

PathId id_of(const config::CandidatePath& path);

}  // namespace tcqf::dataplane
