// Tables too long for people to write: routes, labels and flows, one a line, added to a
// configuration in memory.
#pragma once

#include <string>

#include "config/router.h"

namespace tcqf::perf {

/// Adds the entries of a file. Every route and label gets the first neighbour of its address family
/// as its next hop; every flow is like the configuration's first flow but for its match.
///
///     route PREFIX
///     label IN OUT
///     flow SOURCE DESTINATION PROTOCOL SOURCE-PORT DESTINATION-PORT
///
/// Throws std::runtime_error with file and line where an entry is wrong.
void add_entries(const std::string& path, config::Router& router);

}  // namespace tcqf::perf
