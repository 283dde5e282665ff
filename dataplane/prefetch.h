// Memory that a later stage of a burst reads.
#pragma once

#include <rte_prefetch.h>

namespace tcqf::dataplane {

/// For entries of tables that may be larger than the caches, one for each packet: into the second
/// level, which has room for a whole burst of requests. A first level has not: of 64 at once an AMD
/// EPYC (Zen 4) drops a third, each of which costs a packet the whole way to memory.
inline void prefetch_entry(const void* entry) {
    rte_prefetch1(entry);
}

/// For the few that most packets have in common.
inline void prefetch_shared(const void* entry) {
    rte_prefetch0(entry);
}

}  // namespace tcqf::dataplane
