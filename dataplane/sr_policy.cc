#include "dataplane/sr_policy.h"

#include <algorithm>

namespace tcqf::dataplane {

bool is_well_formed(const config::SegmentList& list) {
    if (list.segments.empty() || list.weight == 0) {
        return false;
    }
    const std::size_t plane = list.segments.front().index();
    return std::all_of(
        list.segments.begin(), list.segments.end(),
        [plane](const config::Segment& segment) { return segment.index() == plane; });
}

PathId id_of(const config::CandidatePath& path) {
    return {path.protocol_origin, path.originator, path.discriminator};
}

std::vector<const config::CandidatePath*> by_rank(const config::SrPolicy& policy,
                                                  const std::optional<PathId>& installed) {
    std::vector<const config::CandidatePath*> paths;
    for (const config::CandidatePath& path : policy.candidate_paths) {
        paths.push_back(&path);
    }
    const auto better = [&](const config::CandidatePath& left, const config::CandidatePath& right) {
        if (left.preference != right.preference) {
            return left.preference > right.preference;
        }
        if (left.protocol_origin != right.protocol_origin) {
            return left.protocol_origin > right.protocol_origin;
        }
        if (policy.prefer_installed_path && installed) {
            const bool left_is = id_of(left) == *installed;
            const bool right_is = id_of(right) == *installed;
            if (left_is != right_is) {
                return left_is;
            }
        }
        if (left.originator != right.originator) {
            return left.originator < right.originator;
        }
        return left.discriminator > right.discriminator;
    };
    std::sort(paths.begin(), paths.end(),
              [&](const auto* left, const auto* right) { return better(*left, *right); });
    return paths;
}

}  // namespace tcqf::dataplane
