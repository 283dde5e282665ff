// Checks of routes and labels.

#include <fmt/format.h>

#include <algorithm>

#include "config/check_next_hops.h"

namespace tcqf::config {
namespace {

void check_route(CheckContext& context, NextHopChecker& next_hops, const Cursor& entry,
                 const Route& route) {
    if (context.document.is_bad(entry.node())) {
        return;
    }
    const bool has_next_hops = entry["next-hops"].exists();
    if (has_next_hops == route.sr_policy.has_value()) {
        context.report.conflict(
            has_next_hops ? entry["sr-policy"].node() : entry.node(),
            has_next_hops ? "next-hops and sr-policy exclude one another: remove one of them"
                          : "next-hops or sr-policy is needed: where do the packets go?");
    } else if (has_next_hops && route.next_hops.empty() &&
               !context.document.is_bad(entry["next-hops"].node())) {
        context.report.conflict(entry["next-hops"].node(),
                                "is empty: at least one next hop is needed");
    }
    next_hops.check(entry["next-hops"], route.next_hops);
    check_policy_reference(context, entry["sr-policy"], route.sr_policy);
}

class LabelChecker {
  public:
    LabelChecker(CheckContext& context, NextHopChecker& next_hops)
        : context_(context), next_hops_(next_hops) {}

    void check(const Cursor& entry, const Label& label) {
        if (entry["operation"] && context_.are_right(entry, {"operation"})) {
            check_fields(entry, label);
        }
        next_hops_.check(entry["next-hops"], label.next_hops);
        next_hops_.check_label_stack(entry["out-labels"], label.out_labels);
        check_depth(entry, label);
        check_last_label(entry, label);
    }

  private:
    void need(const Cursor& entry, std::string_view name, std::string_view why) {
        const Cursor child = entry[name];
        if (!child) {
            context_.report.missing(entry.node(), name, fmt::format("is missing: {}", why));
        } else if (context_.document.first_child(child.node()) == kNoNode &&
                   !context_.document.is_tainted(child.node())) {
            context_.report.conflict(child.node(), fmt::format("is empty: {}", why));
        }
    }

    void refuse(const Cursor& entry, std::string_view name, std::string_view why) {
        if (const Cursor child = entry[name]) {
            context_.report.conflict(child.node(), std::string(why));
        }
    }

    void check_fields(const Cursor& entry, const Label& label) {
        switch (label.operation) {
            case LabelOperation::swap:
                need(entry, "out-labels", "operation swap needs the labels to write");
                need(entry, "next-hops", "operation swap needs at least one next hop");
                break;
            case LabelOperation::pop:
                need(entry, "next-hops",
                     "operation pop needs at least one next hop; pop-and-lookup needs none");
                refuse(entry, "out-labels",
                       "operation pop writes no label: remove out-labels, or swap");
                break;
            default: {
                const std::string_view operation = entry["operation"].text();
                refuse(entry, "out-labels",
                       fmt::format("operation {} writes no label: remove out-labels", operation));
                refuse(entry, "next-hops",
                       fmt::format("operation {} goes where what is below the label leads: remove "
                                   "next-hops",
                                   operation));
                break;
            }
        }
        if (label.operation != LabelOperation::detnet_pop) {
            refuse(entry, "sequence-bits", "belongs to operation detnet-pop alone: remove it");
        }
    }

    /// What a label becomes goes beneath the labels that a next hop adds.
    void check_depth(const Cursor& entry, const Label& label) {
        if (label.operation != LabelOperation::swap ||
            !context_.are_right(entry, {"operation", "out-labels"})) {
            return;
        }
        for_each_pair(
            entry["next-hops"], label.next_hops, [&](const Cursor& child, const NextHop& next_hop) {
                const std::size_t pushed = written(label.out_labels) + written(next_hop.labels);
                if (pushed > kMaxPushedLabels && context_.are_right(child, {"labels"})) {
                    context_.report.conflict(
                        child["labels"].node(),
                        fmt::format("its {} and the {} of out-labels make {}: at most {} "
                                    "labels can be pushed",
                                    written(next_hop.labels), written(label.out_labels), pushed,
                                    kMaxPushedLabels));
                }
            });
    }

    void check_last_label(const Cursor& entry, const Label& label) {
        const bool pops = label.operation == LabelOperation::pop ||
                          (label.operation == LabelOperation::swap &&
                           label.out_labels.size() == 1 && label.out_labels[0] == kImplicitNull);
        if (!pops || context_.document.is_tainted(entry.node())) {
            return;
        }
        for_each_pair(entry["next-hops"], label.next_hops,
                      [&](const Cursor& child, const NextHop& next_hop) {
                          if (next_hops_.tagging_of(next_hop.interface) != Tagging::mpls_tc ||
                              !next_hop.labels.empty()) {
                              return;
                          }
                          context_.report.warning(
                              child.node(),
                              fmt::format("{} tags by mpls-tc: where this was the last label the "
                                          "packet goes on without a tag, and bounded latency ends "
                                          "here; operation swap with out-labels: [0] keeps the tag",
                                          context_.name_of(next_hop.interface)));
                      });
    }

    CheckContext& context_;
    NextHopChecker& next_hops_;
};

}  // namespace

void check_policy_reference(CheckContext& context, const Cursor& reference,
                            const std::optional<PolicyKey>& key) {
    if (!reference || !key || context.document.is_tainted(reference.node()) ||
        context.may_exist(*key)) {
        return;
    }
    context.report.conflict(
        reference.node(),
        fmt::format("no policy has color {} and endpoint {}: add it to sr-policies, or name one of "
                    "them",
                    key->color, key->endpoint.to_string()));
}

void check_routing(CheckContext& context) {
    NextHopChecker next_hops(context);
    for_each_pair(context.top["routes"], context.router.routes,
                  [&](const Cursor& entry, const Route& route) {
                      check_route(context, next_hops, entry, route);
                  });
    LabelChecker labels(context, next_hops);
    for_each_pair(context.top["mpls"]["labels"], context.router.mpls.labels,
                  [&](const Cursor& entry, const Label& label) { labels.check(entry, label); });
}

}  // namespace tcqf::config
