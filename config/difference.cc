#include "config/difference.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace tcqf::config {
namespace {

/// Compares two lists from their fronts while the keys agree, then from their ends; only what is
/// left in between is looked up by key.
template <class Entry, class KeyOf>
class ListComparison {
  public:
    ListComparison(const std::vector<Entry>& before, const std::vector<Entry>& now,
                   const KeyOf& key_of)
        : before_(before), now_(now), key_of_(key_of) {}

    ListDifference run() {
        std::size_t front = 0;
        const std::size_t shorter = std::min(before_.size(), now_.size());
        while (front < shorter && key_of_(before_[front]) == key_of_(now_[front])) {
            compare(front, front);
            ++front;
        }
        std::size_t before_end = before_.size();
        std::size_t now_end = now_.size();
        while (before_end > front && now_end > front &&
               key_of_(before_[before_end - 1]) == key_of_(now_[now_end - 1])) {
            compare(--before_end, --now_end);
        }
        compare_by_key(front, before_end, now_end);
        return std::move(found_);
    }

  private:
    void compare(std::size_t before, std::size_t now) {
        found_.moved |= before != now;
        if (!(before_[before] == now_[now])) {
            found_.changed.push_back(
                {static_cast<std::uint32_t>(before), static_cast<std::uint32_t>(now)});
        }
    }

    void compare_by_key(std::size_t front, std::size_t before_end, std::size_t now_end) {
        std::map<decltype(key_of_(std::declval<const Entry&>())), std::size_t> gone;
        for (std::size_t i = front; i < before_end; ++i) {
            gone[key_of_(before_[i])] = i;
        }
        for (std::size_t i = front; i < now_end; ++i) {
            const auto found = gone.find(key_of_(now_[i]));
            if (found == gone.end()) {
                found_.added.push_back(static_cast<std::uint32_t>(i));
            } else {
                compare(found->second, i);
                gone.erase(found);
            }
        }
        for (const auto& [key, position] : gone) {
            found_.removed.push_back(static_cast<std::uint32_t>(position));
        }
    }

    const std::vector<Entry>& before_;
    const std::vector<Entry>& now_;
    const KeyOf& key_of_;
    ListDifference found_;
};

template <class Entry, class KeyOf>
ListDifference compare(const std::vector<Entry>& before, const std::vector<Entry>& now,
                       const KeyOf& key_of) {
    return ListComparison<Entry, KeyOf>(before, now, key_of).run();
}

/// True where a member of an interface differs; both configurations have the same interfaces.
template <class... Members>
bool interfaces_differ(const Router& before, const Router& now, Members... members) {
    return !std::equal(before.interfaces.begin(), before.interfaces.end(), now.interfaces.begin(),
                       now.interfaces.end(), [&](const Interface& left, const Interface& right) {
                           return ((left.*members == right.*members) && ...);
                       });
}

}  // namespace

Difference difference(const Router& before, const Router& now) {
    Difference found;
    found.addresses = interfaces_differ(before, now, &Interface::addresses, &Interface::table) ||
                      before.srv6_source != now.srv6_source;
    found.macs = interfaces_differ(before, now, &Interface::mac);
    found.locators = before.srv6.locators != now.srv6.locators;
    found.nrps = before.nrps != now.nrps;
    found.flows = before.flows != now.flows;
    found.neighbors = compare(before.neighbors, now.neighbors, [](const Neighbor& neighbor) {
        return std::tie(neighbor.interface, neighbor.address);
    });
    found.routes = compare(before.routes, now.routes,
                           [](const Route& route) { return std::tie(route.table, route.prefix); });
    found.labels = compare(before.mpls.labels, now.mpls.labels,
                           [](const Label& label) { return label.label; });
    found.sids = compare(before.srv6.local_sids, now.srv6.local_sids,
                         [](const LocalSid& sid) { return std::tie(sid.sid); });
    found.policies = compare(before.sr_policies, now.sr_policies,
                             [](const SrPolicy& policy) { return std::tie(policy.key); });
    return found;
}

}  // namespace tcqf::config
