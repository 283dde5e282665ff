// Labels: those of the configuration, and the binding SIDs of policies that are labels.

#include <algorithm>

#include "dataplane/headers.h"
#include "dataplane/table_builders.h"

namespace tcqf::dataplane {
namespace {

LabelKind kind_of(const config::Label& label) {
    switch (label.operation) {
        case config::LabelOperation::pop:
            return LabelKind::pop;
        case config::LabelOperation::pop_and_lookup:
            return LabelKind::pop_and_lookup;
        case config::LabelOperation::detnet_pop:
            return LabelKind::detnet_pop;
        case config::LabelOperation::swap:
            break;
    }
    const bool nothing_to_push =
        std::all_of(label.out_labels.begin(), label.out_labels.end(),
                    [](std::uint32_t out) { return out == mpls::kImplicitNull; });
    return nothing_to_push ? LabelKind::pop : LabelKind::swap;
}

void set_label(Build& build, const config::Label& label) {
    build.tables.labels.set(label.label,
                            {.kind = kind_of(label), .sequence_bits = label.sequence_bits},
                            build.adjacencies.group(label.next_hops, label.out_labels));
}

const std::uint32_t* binding_label(const config::SrPolicy& policy) {
    return policy.binding_sid ? std::get_if<std::uint32_t>(&*policy.binding_sid) : nullptr;
}

void set_binding_label(Build& build, const config::SrPolicy& policy) {
    if (const std::uint32_t* label = binding_label(policy)) {
        build.tables.labels.set(
            *label,
            {.kind = LabelKind::policy, .policy = build.tables.policy_numbers->at(policy.key)},
            nullptr);
    }
}

void remove_binding_label(Build& build, const config::SrPolicy& policy) {
    if (const std::uint32_t* label = binding_label(policy)) {
        build.tables.labels.set(*label, {}, nullptr);
    }
}

/// First what goes, then what comes: a label may pass from one owner to another.
void change_labels(Build& build) {
    const config::Router& before = *build.before->config;
    const config::Router& now = build.config;
    const config::ListDifference& labels = build.difference.labels;
    const config::ListDifference& policies = build.difference.policies;
    for (const std::uint32_t removed : labels.removed) {
        build.tables.labels.set(before.mpls.labels[removed].label, {}, nullptr);
    }
    for (const std::uint32_t removed : policies.removed) {
        remove_binding_label(build, before.sr_policies[removed]);
    }
    const auto is_rebound = [&](const config::ListDifference::Change& changed) {
        return before.sr_policies[changed.before].binding_sid !=
               now.sr_policies[changed.now].binding_sid;
    };
    for (const auto& changed : policies.changed) {
        if (is_rebound(changed)) {
            remove_binding_label(build, before.sr_policies[changed.before]);
        }
    }
    for (const auto& changed : labels.changed) {
        set_label(build, now.mpls.labels[changed.now]);
    }
    for (const std::uint32_t added : labels.added) {
        set_label(build, now.mpls.labels[added]);
    }
    for (const auto& changed : policies.changed) {
        if (is_rebound(changed)) {
            set_binding_label(build, now.sr_policies[changed.now]);
        }
    }
    for (const std::uint32_t added : policies.added) {
        set_binding_label(build, now.sr_policies[added]);
    }
}

}  // namespace

void build_labels(Build& build) {
    if (!build.adjacencies_differ()) {
        build.tables.labels = build.before->labels;
        return change_labels(build);
    }
    for (const config::Label& label : build.config.mpls.labels) {
        set_label(build, label);
    }
    for (const config::SrPolicy& policy : build.config.sr_policies) {
        set_binding_label(build, policy);
    }
}

}  // namespace tcqf::dataplane
