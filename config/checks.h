// Cross-checks that YANG cannot say: sums, tables against one another, what flows need.
//
// They run on the typed router even where the document has errors, so that all of a file's faults
// are told at once; a check is left out where what it looks at is wrong already.
#pragma once

#include "config/document.h"
#include "config/report.h"
#include "config/router.h"
#include "config/schema.h"

namespace tcqf::config {

/// All of them. Where the document has errors, an interface without a name stands behind the others
/// in `router`, for names that lead to none. Computes the computed maps of `router` on the way.
void check(const Schema& schema, const Document& document, Router& router, Report& report);

}  // namespace tcqf::config
