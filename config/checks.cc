#include "config/checks.h"

#include "config/check_context.h"

namespace tcqf::config {

void check(const Schema& schema, const Document& document, Router& router, Report& report) {
    CheckContext context(document, schema, router, report);
    check_globals(context);
    check_interfaces(context);
    check_domains(context);
    check_routing(context);
    check_sids(context);
    check_tables(context);
    check_nrps(context);
    check_policies(context);
    check_flows(context);
    if (!report.has_errors()) {
        warn_of_unusable_lists(context);
    }
}

}  // namespace tcqf::config
