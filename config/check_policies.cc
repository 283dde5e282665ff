// Checks of SR policies (RFC 9256).

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "config/check_context.h"
#include "tcqf/wire.h"

namespace tcqf::config {
namespace {

class PolicyChecker {
  public:
    explicit PolicyChecker(CheckContext& context) : context_(context) {
        for_each_pair(context.top["mpls"]["labels"], context.router.mpls.labels,
                      [&](const Cursor& entry, const Label& label) {
                          const bool is_first =
                              labels_.emplace(label.label, "a label of mpls").second;
                          if (is_first && context.document.is_tainted(entry.node())) {
                              wrong_labels_.insert(label.label);
                          }
                      });
        for (const LocalSid& sid : context.router.srv6.local_sids) {
            addresses_.emplace(sid.sid.address,
                               fmt::format("the local SID {}", sid.sid.to_string()));
        }
        for (const Interface& interface : context.router.interfaces) {
            for (const IpPrefix& own : interface.addresses) {
                addresses_.emplace(own.address, fmt::format("an address of {}", interface.name));
            }
        }
    }

    void check(const Cursor& entry, const SrPolicy& policy) {
        check_binding_sid(entry, policy);
        std::map<Identity, std::uint32_t> seen;
        for_each_pair(
            entry["candidate-paths"], policy.candidate_paths,
            [&](const Cursor& child, const CandidatePath& path) { check_path(child, path, seen); });
        if (policy.candidate_paths.empty()) {
            context_.report.warning(
                context_.at(entry, "candidate-paths"),
                fmt::format(
                    "the policy has no candidate path: it is never valid, and what is steered "
                    "into it {}",
                    policy.drop_upon_invalid ? "is dropped" : "is routed as usual"));
        }
    }

  private:
    using Identity = std::tuple<std::uint8_t, Originator, std::uint32_t>;

    void check_binding_sid(const Cursor& entry, const SrPolicy& policy) {
        if (!policy.binding_sid || !context_.are_right(entry, {"binding-sid"})) {
            return;
        }
        const NodeId node = entry["binding-sid"].node();
        const std::string owner = fmt::format("the binding SID of policy color {} endpoint {}",
                                              policy.key.color, policy.key.endpoint.to_string());
        if (const auto* label = std::get_if<std::uint32_t>(&*policy.binding_sid)) {
            claim(node, labels_, *label, owner);
            return;
        }
        const IpAddress& address = std::get<IpAddress>(*policy.binding_sid);
        claim(node, addresses_, address, owner);
        if (!is_unicast(address)) {
            context_.report.conflict(
                node, fmt::format("is {}: a SID is a unicast address", address.to_string()));
        }
    }

    template <class Value>
    void claim(NodeId node, std::map<Value, std::string>& owners, const Value& value,
               const std::string& owner) {
        const auto [first, is_new] = owners.try_emplace(value, owner);
        if (!is_new) {
            context_.report.conflict(
                node,
                fmt::format("is {}, which is {} already: a binding SID belongs to nothing else "
                            "(RFC 9256, 6.2)",
                            context_.document.text(node), first->second));
        }
    }

    void check_path(const Cursor& child, const CandidatePath& path,
                    std::map<Identity, std::uint32_t>& seen) {
        if (context_.are_right(child, {"protocol-origin", "originator", "discriminator"})) {
            const Identity identity{path.protocol_origin, path.originator, path.discriminator};
            const auto [first, is_new] =
                seen.try_emplace(identity, context_.document.line(child.node()));
            if (!is_new) {
                context_.report.conflict(
                    context_.at(child, "discriminator"),
                    fmt::format(
                        "another path of the policy (line {}) has the same protocol-origin, "
                        "originator and discriminator {}: give it another discriminator (RFC "
                        "9256, 2.6)",
                        first->second, path.discriminator));
            }
        }
        for_each_pair(child["segment-lists"], path.segment_lists,
                      [&](const Cursor& list, const SegmentList& segments) {
                          check_segments(list, segments);
                      });
        check_nrp(child, path);
    }

    void check_segments(const Cursor& list, const SegmentList& segments) {
        const Cursor node = list["segments"];
        if (node && context_.document.is_tainted(node.node())) {
            return;
        }
        if (segments.segments.empty()) {
            context_.report.warning(
                context_.at(list, "segments"),
                "is empty: such a list is never valid (RFC 9256, 5.1); the others are used");
            return;
        }
        if (segments.weight == 0 && context_.is_given(list, "weight")) {
            context_.report.warning(
                list["weight"].node(),
                "is 0: such a list is never valid (RFC 9256, 5.1); the others are used");
        }
        const auto labels = static_cast<std::size_t>(std::ranges::count_if(
            segments.segments,
            [](const Segment& segment) { return std::holds_alternative<std::uint32_t>(segment); }));
        if (labels == 0) {
            need_source(node);
        } else if (labels != segments.segments.size()) {
            context_.report.conflict(
                node.node(),
                fmt::format("{} labels and {} SIDs: a segment list is all of one kind, "
                            "SR-MPLS or SRv6 (RFC 9256, 5.1)",
                            labels, segments.segments.size() - labels));
        } else if (labels > kMaxPushedLabels) {
            context_.report.conflict(
                node.node(),
                fmt::format("has {} labels: at most {} can be pushed", labels, kMaxPushedLabels));
        } else {
            check_depth(node, segments);
        }
    }

    /// What the first segment becomes goes on top of the others.
    void check_depth(const Cursor& node, const SegmentList& list) {
        if (std::ranges::any_of(list.segments, [&](const Segment& segment) {
                return wrong_labels_.contains(std::get<std::uint32_t>(segment));
            })) {
            return;
        }
        const std::vector<FirstHop> hops = context_.reach().first_hops(list);
        const auto deepest = std::ranges::max_element(hops, {}, &FirstHop::labels);
        if (deepest != hops.end() && deepest->labels + deepest->beneath > kMaxPushedLabels) {
            context_.report.conflict(
                node.node(),
                fmt::format("the {} that the first segment becomes towards {} and the {} beneath "
                            "it make {} labels: at most {} can be pushed",
                            deepest->labels, context_.name_of(deepest->interface), deepest->beneath,
                            deepest->labels + deepest->beneath, kMaxPushedLabels));
        }
    }

    void need_source(const Cursor& node) {
        if (!context_.top["srv6-source"] && !has_told_source_) {
            has_told_source_ = true;
            context_.report.missing(
                context_.top.node(), "srv6-source",
                fmt::format("is missing: the SRv6 encapsulation of policies (line "
                            "{}) needs a source address",
                            context_.document.line(node.node())));
        }
    }

    void check_nrp(const Cursor& child, const CandidatePath& path) {
        if (!path.nrp_id || !context_.is_given(child, "nrp")) {
            return;
        }
        for_each_pair(context_.top["nrps"], context_.router.nrps,
                      [&](const Cursor& entry, const Nrp& nrp) {
                          if (context_.is_given(entry, "id") && nrp.id == *path.nrp_id) {
                              check_carried(child, path, entry, nrp);
                              check_resources(child, path, entry, nrp);
                          }
                      });
    }

    /// A partition whose selector the path cannot carry is the router's own accounting only.
    void check_carried(const Cursor& child, const CandidatePath& path, const Cursor& entry,
                       const Nrp& nrp) {
        if (!context_.are_right(child, {"segment-lists"}) ||
            !context_.are_right(entry, {"encapsulation"}) || path.segment_lists.empty() ||
            path.segment_lists[0].segments.empty()) {
            return;
        }
        const bool is_mpls =
            std::holds_alternative<std::uint32_t>(path.segment_lists[0].segments[0]);
        const auto fits = is_mpls ? NrpEncapsulation::mpls_mna : NrpEncapsulation::ipv6_option;
        if (nrp.encapsulation != fits && nrp.encapsulation != NrpEncapsulation::none) {
            context_.report.warning(
                child["nrp"].node(),
                fmt::format("NRP {} is carried by {}, which a path of {} has no place for: the "
                            "routers on the way do not learn of it",
                            nrp.id, is_mpls ? "ipv6-option" : "mpls-mna",
                            is_mpls ? "labels" : "SIDs"));
        }
    }

    /// A list is invalid where an interface that it starts from gives its partition nothing.
    void check_resources(const Cursor& child, const CandidatePath& path, const Cursor& entry,
                         const Nrp& nrp) {
        std::set<InterfaceIndex> listed;
        bool are_known =
            !entry["interfaces"] || !context_.document.is_bad(entry["interfaces"].node());
        for_each_pair(entry["interfaces"], nrp.interfaces,
                      [&](const Cursor& share, const NrpInterface& interface) {
                          are_known = are_known && context_.is_given(share, "name");
                          listed.insert(interface.interface);
                      });
        if (!are_known) {
            return;
        }
        for_each_pair(child["segment-lists"], path.segment_lists,
                      [&](const Cursor& list, const SegmentList& segments) {
                          if (context_.is_given(list, "segments")) {
                              warn_without_resources(list["segments"], segments, nrp, listed);
                          }
                      });
    }

    void warn_without_resources(const Cursor& node, const SegmentList& list, const Nrp& nrp,
                                const std::set<InterfaceIndex>& listed) {
        std::vector<std::string_view> others;
        for (const InterfaceIndex interface : context_.reach().interfaces_of(list)) {
            if (!listed.contains(interface)) {
                others.emplace_back(context_.name_of(interface));
            }
        }
        if (!others.empty()) {
            const std::string names = fmt::format("{}", fmt::join(others, ", "));
            context_.report.warning(
                node.node(),
                fmt::format("the first segment leads out of {}, where NRP {} has no resources: the "
                            "list is never valid; add {} to the interfaces of the NRP",
                            names, nrp.id, names));
        }
    }

    CheckContext& context_;
    std::map<std::uint32_t, std::string> labels_;
    std::set<std::uint32_t> wrong_labels_;  // in an entry that has an error
    std::map<IpAddress, std::string> addresses_;
    bool has_told_source_ = false;
};

/// Of a configuration without errors.
class ListWarner {
  public:
    explicit ListWarner(CheckContext& context) : context_(context) {}

    void check(const Cursor& node, const CandidatePath& path, const SegmentList& list) {
        if (list.segments.empty()) {
            return;
        }
        const std::vector<FirstHop> hops = context_.reach().first_hops(list);
        if (hops.empty()) {
            warn_unreachable(node, list.segments.front());
        }
        for (const FirstHop& hop : hops) {
            if (!has_room(path, list, hop)) {
                warn_without_room(node, hop, least_octets(path, list, hop));
                break;
            }
        }
    }

  private:
    /// A list is invalid where nothing tells how to reach its first segment (RFC 9256, 5.1).
    void warn_unreachable(const Cursor& node, const Segment& first) {
        const auto* label = std::get_if<std::uint32_t>(&first);
        const std::string why =
            label != nullptr ? fmt::format("no label of mpls leads on from here to {}", *label)
                             : fmt::format("no route of table main leads on from here to {}",
                                           std::get<IpAddress>(first).to_string());
        context_.report.warning(
            node.node(),
            fmt::format("the first segment cannot be reached, {}: the list is never valid (RFC "
                        "9256, 5.1)",
                        why));
    }

    bool has_room(const CandidatePath& path, const SegmentList& list, const FirstHop& hop) const {
        return least_octets(path, list, hop) + kLeastMtu <=
               context_.router.interfaces[hop.interface].mtu;
    }

    void warn_without_room(const Cursor& node, const FirstHop& hop, std::size_t octets) {
        context_.report.warning(
            node.node(),
            fmt::format("at least {} octets go in front of a packet towards {}, whose mtu is {}: "
                        "the list is never valid; raise the mtu to {} or more",
                        octets, context_.name_of(hop.interface),
                        context_.router.interfaces[hop.interface].mtu, octets + kLeastMtu));
    }

    /// Labels alone, or an outer header beneath the labels of the next hop; a selector among labels
    /// comes on top of that.
    std::size_t least_octets(const CandidatePath& path, const SegmentList& list,
                             const FirstHop& hop) const {
        constexpr std::size_t kLabelOctets = 4;
        constexpr std::size_t kSidOctets = 16;
        constexpr std::size_t kRoutingHeaderOctets = 8;  // before its segments
        constexpr std::size_t kSelectorOctets = 16;      // a hop-by-hop header with the option
        const std::size_t labels = (hop.labels + hop.beneath) * kLabelOctets;
        if (std::holds_alternative<std::uint32_t>(list.segments.front())) {
            return labels;
        }
        const std::size_t listed = list.segments.size() - 1;  // H.Encaps.Red
        const std::size_t routing = listed == 0 ? 0 : kRoutingHeaderOctets + listed * kSidOctets;
        return labels + kIpv6Octets + (has_option(path) ? kSelectorOctets : 0) + routing;
    }

    bool has_option(const CandidatePath& path) const {
        return std::ranges::any_of(context_.router.nrps, [&](const Nrp& nrp) {
            return nrp.id == path.nrp_id && nrp.encapsulation == NrpEncapsulation::ipv6_option;
        });
    }

    CheckContext& context_;
};

}  // namespace

void warn_of_unusable_lists(CheckContext& context) {
    ListWarner warner(context);
    for_each_pair(context.top["sr-policies"], context.router.sr_policies,
                  [&](const Cursor& entry, const SrPolicy& policy) {
                      for_each_pair(entry["candidate-paths"], policy.candidate_paths,
                                    [&](const Cursor& child, const CandidatePath& path) {
                                        for_each_pair(
                                            child["segment-lists"], path.segment_lists,
                                            [&](const Cursor& list, const SegmentList& segments) {
                                                warner.check(list["segments"], path, segments);
                                            });
                                    });
                  });
}

void check_policies(CheckContext& context) {
    PolicyChecker checker(context);
    for_each_pair(
        context.top["sr-policies"], context.router.sr_policies,
        [&](const Cursor& entry, const SrPolicy& policy) { checker.check(entry, policy); });
}

}  // namespace tcqf::config
