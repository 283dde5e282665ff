// Checks of local SIDs (RFC 8986, RFC 9800).

#include <fmt/format.h>

#include <algorithm>

#include "config/check_next_hops.h"

namespace tcqf::config {
namespace {

bool is_one_of(SidBehavior behavior, std::initializer_list<SidBehavior> behaviors) {
    return std::find(behaviors.begin(), behaviors.end(), behavior) != behaviors.end();
}

class SidChecker {
  public:
    SidChecker(CheckContext& context, NextHopChecker& next_hops)
        : context_(context), next_hops_(next_hops) {}

    void check(const Cursor& entry, const LocalSid& sid) {
        if (entry["behavior"] && context_.are_right(entry, {"behavior"})) {
            check_fields(entry, sid);
        }
        next_hops_.check(entry["next-hops"], sid.next_hops);
        check_policy_reference(context_, entry["policy"], sid.policy);
        check_policy_plane(entry, sid);
        if (entry["sid"] && context_.are_right(entry, {"sid", "flavors"})) {
            check_length(entry, sid);
            check_locator(entry, sid);
        }
    }

  private:
    using enum SidBehavior;

    void check_fields(const Cursor& entry, const LocalSid& sid) {
        need_or_refuse(entry, "next-hops", is_one_of(sid.behavior, {end_x, end_dx4, end_dx6}),
                       "the adjacency to send to");
        need_or_refuse(entry, "policy", is_one_of(sid.behavior, {end_b6_encaps, end_b6_encaps_red}),
                       "the policy to send into");
        if (!is_one_of(sid.behavior, {end_t, end_dt4, end_dt6, end_dt46})) {
            refuse(entry, "table",
                   "a table to look up in belongs to End.T, End.DT4, End.DT6 and "
                   "End.DT46");
        }
        check_flavors(entry, sid);
        if (!sid.flavors.next_csid) {
            refuse(entry, "locator-block-bits", "belongs to the flavor NEXT-CSID");
            refuse(entry, "locator-node-bits", "belongs to the flavor NEXT-CSID");
        }
        check_families(entry, sid);
    }

    /// RFC 8986, 4.16, and RFC 9800, 4.1.
    void check_flavors(const Cursor& entry, const LocalSid& sid) {
        if (is_one_of(sid.behavior, {end, end_x, end_t})) {
            return;
        }
        const SidFlavors& flavors = sid.flavors;
        if (!is_one_of(sid.behavior, {end_b6_encaps, end_b6_encaps_red})) {
            refuse(entry, "flavors",
                   "flavors belong to End, End.X and End.T, NEXT-CSID to End.B6.Encaps and "
                   "End.B6.Encaps.Red as well");
        } else if (flavors.psp || flavors.usp || flavors.usd) {
            context_.report.conflict(
                entry["flavors"].node(),
                fmt::format("PSP, USP and USD belong to End, End.X and End.T: of the flavors, "
                            "behavior {} may have NEXT-CSID",
                            entry["behavior"].text()));
        }
    }

    void need_or_refuse(const Cursor& entry, std::string_view name, bool is_needed,
                        std::string_view what) {
        const std::string_view behavior = entry["behavior"].text();
        const Cursor child = entry[name];
        if (child && context_.document.is_bad(child.node())) {
            return;
        }
        if (is_needed && (!child || context_.document.first_child(child.node()) == kNoNode)) {
            context_.report.missing(
                entry.node(), name,
                fmt::format("is missing: behavior {} needs {}", behavior, what));
        } else if (!is_needed) {
            refuse(entry, name, fmt::format("behavior {} has no use for it", behavior));
        }
    }

    /// What End.B6.Encaps puts in front is an IPv6 header (RFC 8986, 4.13).
    void check_policy_plane(const Cursor& entry, const LocalSid& sid) {
        if (!sid.policy || !context_.are_right(entry, {"behavior", "policy"})) {
            return;
        }
        const SrPolicy* policy = context_.policy(*sid.policy);
        if (policy != nullptr && has_list_of<std::uint32_t>(*policy)) {
            context_.report.conflict(
                entry["policy"].node(),
                fmt::format("a path of the policy color {} endpoint {} has labels: behavior {} "
                            "needs SIDs; an IPv6 binding-sid of the policy takes both",
                            policy->key.color, policy->key.endpoint.to_string(),
                            entry["behavior"].text()));
        }
    }

    void refuse(const Cursor& entry, std::string_view name, std::string_view why) {
        if (const Cursor child = entry[name]) {
            context_.report.conflict(child.node(), fmt::format("{}: remove it", why));
        }
    }

    /// What End.DX4 decapsulates goes to an IPv4 neighbor; the others send IPv6.
    void check_families(const Cursor& entry, const LocalSid& sid) {
        if (!is_one_of(sid.behavior, {end_x, end_dx4, end_dx6})) {
            return;
        }
        const bool needs_ipv6 = sid.behavior != end_dx4;
        for_each_pair(entry["next-hops"], sid.next_hops,
                      [&](const Cursor& child, const NextHop& next_hop) {
                          if (!context_.is_given(child, "address") ||
                              next_hop.address.is_ipv6 == needs_ipv6) {
                              return;
                          }
                          context_.report.conflict(
                              child["address"].node(),
                              fmt::format("is {}: behavior {} needs an {} address",
                                          next_hop.address.to_string(), entry["behavior"].text(),
                                          needs_ipv6 ? "IPv6" : "IPv4"));
                      });
    }

    void check_length(const Cursor& entry, const LocalSid& sid) {
        constexpr unsigned kFullLength = 128;
        if (!sid.flavors.next_csid) {
            if (sid.sid.length != kFullLength) {
                context_.report.conflict(
                    entry["sid"].node(),
                    fmt::format(
                        "is {}: a SID has 128 bits; a shorter one needs flavors: [NEXT-CSID]",
                        sid.sid.to_string()));
            }
            return;
        }
        if (!context_.are_right(entry, {"locator-block-bits", "locator-node-bits"})) {
            return;
        }
        const unsigned used = sid.locator_block_bits + sid.locator_node_bits;
        if (used >= kFullLength) {
            context_.report.conflict(
                context_.at(entry, "locator-node-bits"),
                fmt::format(
                    "block and node take {} + {} bits: fewer than 128 leave an argument for "
                    "the SIDs that follow (RFC 9800)",
                    sid.locator_block_bits, sid.locator_node_bits));
        } else if (used != sid.sid.length) {
            context_.report.warning(
                entry["sid"].node(),
                fmt::format(
                    "has {} bits, block and node have {} + {}: a SID with NEXT-CSID is as long "
                    "as both together (RFC 9800)",
                    sid.sid.length, sid.locator_block_bits, sid.locator_node_bits));
        }
    }

    void check_locator(const Cursor& entry, const LocalSid& sid) {
        const auto& locators = context_.router.srv6.locators;
        if (locators.empty() ||
            std::any_of(locators.begin(), locators.end(), [&](const IpPrefix& locator) {
                return locator.contains(sid.sid.address);
            })) {
            return;
        }
        context_.report.warning(
            entry["sid"].node(),
            fmt::format("{} lies in none of the locators: packets reach it only "
                        "where others have a route to it",
                        sid.sid.to_string()));
    }

    CheckContext& context_;
    NextHopChecker& next_hops_;
};

}  // namespace

void check_sids(CheckContext& context) {
    NextHopChecker next_hops(context);
    SidChecker checker(context, next_hops);
    for_each_pair(context.top["srv6"]["local-sids"], context.router.srv6.local_sids,
                  [&](const Cursor& entry, const LocalSid& sid) { checker.check(entry, sid); });
}

}  // namespace tcqf::config
