#include "dataplane/receive_stamps.h"

#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include <algorithm>
#include <limits>

namespace tcqf::dataplane {

std::optional<ReceiveStamps> ReceiveStamps::find(const StampClock& clock) {
    ReceiveStamps stamps(clock);
    if (rte_mbuf_dyn_rx_timestamp_register(&stamps.offset_, &stamps.flag_) != 0) {
        return std::nullopt;
    }
    return stamps;
}

bool ReceiveStamps::read(std::span<rte_mbuf* const> packets, std::int64_t now_ns,
                         std::int64_t* arrivals_ns) const {
    std::int64_t latest_ns = std::numeric_limits<std::int64_t>::min();
    for (std::size_t i = 0; i < packets.size(); ++i) {
        if ((packets[i]->ol_flags & flag_) == 0) {
            return false;
        }
        const std::int64_t arrival_ns =
            clock_->tai_ns(*RTE_MBUF_DYNFIELD(packets[i], offset_, const rte_mbuf_timestamp_t*));
        if (arrival_ns > now_ns + kToleranceNs) {
            return false;
        }
        latest_ns = std::max(latest_ns, std::min(arrival_ns, now_ns));
        arrivals_ns[i] = latest_ns;
    }
    return true;
}

}  // namespace tcqf::dataplane
