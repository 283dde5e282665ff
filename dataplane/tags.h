// Tags and marks in packets: written into their place, and none left where it does not belong.
#pragma once

#include <cstdint>

#include "dataplane/packet.h"
#include "dataplane/tables.h"
#include "tcqf/egress.h"
#include "tcqf/tag_table.h"

namespace tcqf::dataplane {

bool is_ip(Layer3 kind);
/// Of IP.
std::uint8_t ip_dscp(Layer3 kind, const std::uint8_t* ip);
void set_ip_dscp(Layer3 kind, std::uint8_t* ip, std::uint8_t dscp);

inline TrafficClass class_of_dscp(std::uint8_t dscp) {
    return (dscp & 0x37) == 0x30 ? TrafficClass::control : TrafficClass::best_effort;
}

/// `place`: a label stack entry, an IP header, or a TCQF option, as the kind of tag says. ECN bits
/// and checksums stay right.
void write_tag(Tagging tagging, std::uint8_t* place, std::uint8_t tag);

/// Tag hygiene: what is not TCQF never leaves with a tag. False where it must not leave at all.
bool clean(Packet& packet, const InterfaceTable& out);

/// Takes the option at offset `option` out, which this router put in front for a cycle that the
/// packet does not get. The outer header is this router's, so nothing has to be left in its place.
void take_out_own_option(Packet& packet, std::uint32_t option);

}  // namespace tcqf::dataplane
