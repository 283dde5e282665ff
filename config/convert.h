// A validated document as the typed configuration.
#pragma once

#include "config/document.h"
#include "config/router.h"
#include "config/schema.h"

namespace tcqf::config {

/// Builds the router; what is wrong or missing in the document has a default value in it, and every
/// entry of a list has its place, so that the n-th entry here is the n-th entry there. A name that
/// is no interface's is the index behind the last one. Computed maps are not computed yet.
Router convert(const Schema& schema, const Document& document);

}  // namespace tcqf::config
