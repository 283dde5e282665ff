#include "config/check_context.h"

namespace tcqf::config {

std::size_t written(const std::vector<std::uint32_t>& labels) {
    return labels.size() -
           static_cast<std::size_t>(std::count(labels.begin(), labels.end(), kImplicitNull));
}

CheckContext::CheckContext(const Document& document, const Schema& schema, Router& router,
                           Report& report)
    : document(document), router(router), report(report), top(document, 0, schema.router()) {
    top["interfaces"].each([&](const Cursor& entry) { interfaces_.push_back(entry); });
    read_members();
    read_policies();
}

void CheckContext::read_members() {
    const auto is_readable = [&](const Cursor& node) {
        return !node || !document.is_bad(node.node());
    };
    are_members_known_ = is_readable(top["tcqf"]) && is_readable(top["tcqf"]["domains"]);
    for_each_pair(top["tcqf"]["domains"], router.domains,
                  [&](const Cursor& domain_entry, const Domain& domain) {
                      are_members_known_ = are_members_known_ && is_readable(domain_entry) &&
                                           is_readable(domain_entry["interfaces"]);
                      for_each_pair(domain_entry["interfaces"], domain.interfaces,
                                    [&](const Cursor& entry, const DomainInterface& interface) {
                                        if (is_given(entry, "name")) {
                                            members_.try_emplace(
                                                interface.interface,
                                                Member{&domain, &interface, domain_entry, entry});
                                        } else {
                                            are_members_known_ = false;
                                        }
                                    });
                  });
}

void CheckContext::read_policies() {
    for_each_pair(top["sr-policies"], router.sr_policies,
                  [&](const Cursor& entry, const SrPolicy& policy) {
                      if (is_given(entry, "color") && is_given(entry, "endpoint")) {
                          policies_.try_emplace(policy.key, NamedPolicy{&policy, entry});
                      } else {
                          unnamed_policies_.push_back(entry);
                      }
                  });
}

const Reach& CheckContext::reach() {
    if (!reach_) {
        reach_ = std::make_unique<const Reach>(*this);
    }
    return *reach_;
}

bool CheckContext::is_right(InterfaceIndex interface,
                            std::initializer_list<std::string_view> names) const {
    return interface < interfaces_.size() && are_right(interfaces_[interface], names);
}

const Member* CheckContext::member(InterfaceIndex interface) const {
    const auto found = members_.find(interface);
    return found == members_.end() ? nullptr : &found->second;
}

bool CheckContext::may_exist(const PolicyKey& key) const {
    const auto may_be = [&](const Cursor& entry) {
        return (!is_given(entry, "color") || entry["color"].number<std::uint32_t>() == key.color) &&
               (!is_given(entry, "endpoint") || entry["endpoint"].address() == key.endpoint);
    };
    return policies_.contains(key) ||
           (top["sr-policies"] && document.is_bad(top["sr-policies"].node())) ||
           std::any_of(unnamed_policies_.begin(), unnamed_policies_.end(), may_be);
}

const SrPolicy* CheckContext::policy(const PolicyKey& key) const {
    const auto found = policies_.find(key);
    return found != policies_.end() && are_right(found->second.entry, {"candidate-paths"})
               ? found->second.policy
               : nullptr;
}

}  // namespace tcqf::config
