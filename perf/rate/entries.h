// Tables too long for people to write, one entry a line, added to a configuration in memory.
#pragma once

#include <string>

#include "config/router.h"

namespace tcqf::perf {

/// Adds the entries of a file. Every route and label gets the first neighbour of its address family
/// as its next hop, but for a route with a color, which leads into the policy of that color, and
/// one that is spread, which has every neighbour of its family. Every flow is like the
/// configuration's first flow, which it replaces, but for its match; every SID, policy and NRP is
/// like the configuration's first one, which stays, but for its name. Sums over an interface are
/// not checked.
///
///     route PREFIX [COLOR]
///     spread PREFIX
///     label IN OUT
///     flow SOURCE DESTINATION PROTOCOL SOURCE-PORT DESTINATION-PORT
///     sid ADDRESS
///     policy COLOR
///     nrp ID
///
/// Throws std::runtime_error with file and line where an entry is wrong.
void add_entries(const std::string& path, config::Router& router);

}  // namespace tcqf::perf
