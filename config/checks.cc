#include "config/checks.h"

#include "config/check_context.h"

namespace tcqf::config {

void check(const Schema& schema, const Document& document, Router& router, Report& report) {
    CheckContext context{document, router, report, Cursor(document, 0, schema.router())};
    for (const SrPolicy& policy : router.sr_policies) {
        context.policies.try_emplace(policy.key, &policy);
    }
    check_globals(context);
    check_interfaces(context);
    if (router.interfaces.empty()) {
        return;  // Whoever names an interface is wrong already, and there is none to look at.
    }
    check_domains(context);
    check_routing(context);
    check_sids(context);
    check_tables(context);
    check_nrps(context);
    check_policies(context);
    check_flows(context);
}

}  // namespace tcqf::config
