#include "config/checks.h"

#include "config/check_context.h"

namespace tcqf::config {

void check(const Schema& schema, const Document& document, Router& router, Report& report) {
    if (router.interfaces.empty()) {
        return;  // Whoever names an interface is wrong already, and there is none to look at.
    }
    CheckContext context{document, router, report, Cursor(document, 0, schema.router())};
    check_interfaces(context);
    check_domains(context);
}

}  // namespace tcqf::config
