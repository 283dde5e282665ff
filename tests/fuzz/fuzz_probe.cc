// Received probes: no frame crashes the reader, and what it reads does not depend on what follows
// the stamp.

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "control/meter/probe.h"

using tcqf::control::meter::parse_probe;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::uint8_t kOption = 0xB1;
    const auto probe = parse_probe({data, size}, kOption);
    std::vector<std::uint8_t> longer(data, data + size);
    longer.insert(longer.end(), 64, 0xa5);
    const auto again = parse_probe(longer, kOption);
    if (probe &&
        (!again || again->stamp.sequence != probe->stamp.sequence ||
         again->stamp.sent_ns != probe->stamp.sent_ns || again->marks.dscp != probe->marks.dscp ||
         again->marks.traffic_class != probe->marks.traffic_class ||
         again->marks.hop_by_hop_cycle != probe->marks.hop_by_hop_cycle ||
         again->marks.destination_cycle != probe->marks.destination_cycle)) {
        std::abort();
    }
    return 0;
}
