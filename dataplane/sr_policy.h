// SR policies: which candidate path is active, and what its segment lists become (RFC 9256).
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "config/router.h"
#include "dataplane/tables.h"

namespace tcqf::dataplane {

/// True where a list can be used: what the tables say of its first segment, its partition and its
/// depth.
using ListIsValid = std::function<bool(const config::CandidatePath&, const config::SegmentList&)>;

/// Whether a list is valid by itself (RFC 9256, 5.1): not empty, weight not 0, one data plane.
bool is_well_formed(const config::SegmentList& list);

/// The active path (RFC 9256, 2.9): valid and of the highest preference; then the higher
/// protocol-origin, the installed one where the policy prefers it, the lower originator, the higher
/// discriminator. Null where no path is valid.
const config::CandidatePath* active_path(const config::SrPolicy& policy,
                                         const std::optional<PathId>& installed,
                                         const ListIsValid& is_valid);

PathId id_of(const config::CandidatePath& path);

}  // namespace tcqf::dataplane
