// A document against the module: every violation, not the first alone.
#pragma once

#include "config/document.h"
#include "config/report.h"
#include "config/schema.h"

namespace tcqf::config {

/// Checks structure, types, keys, uniqueness, references and conditions (`must`). Values in the
/// document become canonical: numbers decimal, addresses in their shortest form, host bits of
/// prefixes zero. It does not matter what syntax the document had.
void validate(const Schema& schema, Document& document, Report& report);

/// Evaluates every `must` of the module on what of the document is right in itself.
void check_musts(const Schema& schema, Document& document, Report& report);

}  // namespace tcqf::config
