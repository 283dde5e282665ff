// Where packets can go, as far as the configuration tells: which interfaces flows leave through.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/router.h"

namespace tcqf::config {

class Reach {
  public:
    explicit Reach(const Router& router);

    /// Interfaces that packets of the flow may leave through, by its policy, its label, or the
    /// routes for its destination; all where the match does not narrow it down.
    std::set<InterfaceIndex> interfaces_of(const Flow& flow) const;

  private:
    /// A route or a connected prefix.
    struct Target {
        IpPrefix prefix;
        const Route* route = nullptr;  ///< null: connected
        InterfaceIndex interface = 0;
    };
    using Interfaces = std::set<InterfaceIndex>;

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
};

}  // namespace tcqf::config
