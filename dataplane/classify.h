// The fields of a checked packet that DetNet flows are matched against; interface and labels are
// for the caller to add.
#pragma once

#include <cstdint>

#include "dataplane/extension_headers.h"
#include "dataplane/flow_table.h"

namespace tcqf::dataplane {

/// `octets`: from the IP header to the end of its payload. Written where they are to lie: a copy
/// right after single fields were stored would have to wait for them.
void read_ipv4_flow_fields(const std::uint8_t* ip, std::uint32_t octets, FlowFields& fields);
void read_ipv4_flow_fields(const std::uint8_t* ip, std::uint32_t octets, Ipv4FlowFields& fields);
void read_ipv6_flow_fields(const std::uint8_t* ip, std::uint32_t octets,
                           const ExtensionHeaders& extensions, FlowFields& fields);
/// Of a packet without extension headers.
void read_ipv6_flow_fields(const std::uint8_t* ip, std::uint32_t octets, FlowFields& fields);

}  // namespace tcqf::dataplane
