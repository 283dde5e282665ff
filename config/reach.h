// Where packets can go, as far as the configuration tells: which interfaces flows leave through.
#pragma once

#include <bitset>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "config/router.h"

namespace tcqf::config {

struct CheckContext;

/// Where a segment list starts from.
struct FirstHop {
    InterfaceIndex interface = 0;
    std::size_t labels = 0;   ///< that the first segment becomes on the way there
    std::size_t beneath = 0;  ///< labels of the list that follow
};

/// What is wrong in the configuration leads nowhere.
class Reach {
  public:
    explicit Reach(const CheckContext& context);

    /// Interfaces that packets of the flow may leave through, by its policy, its label, or the
    /// routes for its destination; all where the match does not narrow it down.
    std::set<InterfaceIndex> interfaces_of(const Flow& flow) const;

    /// The next hops of a segment list's first segment, by the label table or the routes of table
    /// "main", other than those into policies; empty where nothing tells.
    std::vector<FirstHop> first_hops(const SegmentList& list) const;
    /// The interfaces that these are on.
    std::set<InterfaceIndex> interfaces_of(const SegmentList& list) const;

    /// Routes that may steer packets of the flow into a policy; none where the flow has its own. Of
    /// very many routes towards its destination the first ones are looked at.
    std::vector<const Route*> steering_routes(const Flow& flow) const;

    /// The label table's entry for a label; null where it has none.
    const Label* label(std::uint32_t label) const;

  private:
    void read_tables(const CheckContext& context);
    void read_policies_and_labels(const CheckContext& context);
    void read_own();

    /// A route or a connected prefix.
    struct Target {
        IpPrefix prefix;
        const Route* route = nullptr;  ///< null: connected
        InterfaceIndex interface = 0;
    };
    using Interfaces = std::set<InterfaceIndex>;
    using Targets = std::span<const Target>;

    /// Those of exactly this prefix.
    static Targets targets_at(Targets targets, const IpPrefix& prefix);
    bool is_known(const NextHop& next_hop) const;
    void add_next_hops(const std::vector<NextHop>& next_hops, Interfaces& result) const;

    const std::string& table_of(const Flow& flow) const;
    /// Calls visit(const Target&) for the longest route that covers the whole prefix, and for every
    /// route to a part of it. False where these are too many.
    template <class Visit>
    bool for_each_target(const std::string& table, const IpPrefix& prefix,
                         const Visit& visit) const;
    std::vector<FirstHop> to_first_sid(const IpAddress& sid) const;
    std::vector<FirstHop> to_first_label(const std::vector<Segment>& labels) const;
    void add_prefix(const std::string& table, const IpPrefix& prefix, Interfaces& result,
                    unsigned depth) const;
    void add_target(const Target& target, Interfaces& result, unsigned depth) const;
    void add_policy(const PolicyKey& key, Interfaces& result, unsigned depth) const;
    void add_label(std::uint32_t label, Interfaces& result) const;
    void add_all(Interfaces& result) const;

    const Router& router_;
    std::map<std::string, std::vector<Target>, std::less<>> tables_;  ///< sorted by prefix
    std::map<PolicyKey, const SrPolicy*> policies_;
    std::map<std::uint32_t, const Label*> labels_;
    std::set<IpPrefix> own_;    ///< addresses, SIDs and locators: what leads there stays here
    std::bitset<129> lengths_;  ///< of any of these prefixes: no others are worth a search
};

}  // namespace tcqf::config
