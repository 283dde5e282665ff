// The fields of a checked packet that DetNet flows are matched against; interface and labels are
// for the caller to add.
#pragma once

#include <cstdint>
#include <cstring>

#include "dataplane/extension_headers.h"
#include "dataplane/flow_table.h"
#include "dataplane/headers.h"
#include "dataplane/upper_layer.h"

namespace tcqf::dataplane {

/// What flows of IPv4 without more than its few fields compare; of a packet that came without
/// labels.
[[gnu::always_inline]] inline Ipv4FlowKey ipv4_flow_key(config::InterfaceIndex interface,
                                                        const std::uint8_t* ip,
                                                        const UpperLayer& upper) {
    const std::uint32_t ports = upper.has_ports() ? load32(upper.start) : 0;
    Ipv4FlowKey key{.source = 0,
                    .destination = 0,
                    .source_port = static_cast<std::uint16_t>(ports >> 16),
                    .destination_port = static_cast<std::uint16_t>(ports),
                    .interface = interface,
                    .protocol = upper.protocol};
    std::memcpy(&key.source, ip + 12, sizeof key.source);
    std::memcpy(&key.destination, ip + 16, sizeof key.destination);
    return key;
}

/// `octets`: from the IP header to the end of its payload. Written where they are to lie: a copy
/// right after single fields were stored would have to wait for them.
void read_ipv4_flow_fields(const std::uint8_t* ip, std::uint32_t octets, FlowFields& fields);
void read_ipv4_flow_fields(const std::uint8_t* ip, std::uint32_t octets, Ipv4FlowFields& fields);
void read_ipv6_flow_fields(const std::uint8_t* ip, std::uint32_t octets,
                           const ExtensionHeaders& extensions, FlowFields& fields);
/// Of a packet without extension headers.
void read_ipv6_flow_fields(const std::uint8_t* ip, std::uint32_t octets, FlowFields& fields);

}  // namespace tcqf::dataplane
