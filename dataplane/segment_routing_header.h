// Segment routing header (RFC 8754, 2): Next Header | Hdr Ext Len | Routing Type | Segments Left |
// Last Entry | Flags | Tag (16) | Segment List.
#pragma once

#include <cstdint>

#include "dataplane/headers.h"

namespace tcqf::dataplane::srh {

inline constexpr std::uint8_t kRoutingType = 4;
inline constexpr std::uint8_t kOamFlag = 0x20;  ///< RFC 9259

inline std::uint8_t type(const std::uint8_t* header) {
    return header[2];
}
inline std::uint8_t segments_left(const std::uint8_t* header) {
    return header[3];
}
inline void set_segments_left(std::uint8_t* header, unsigned left) {
    header[3] = static_cast<std::uint8_t>(left);
}
inline int last_entry(const std::uint8_t* header) {
    return header[4];
}
inline int max_last_entry(const std::uint8_t* header) {
    return header[1] / 2 - 1;
}
inline std::uint8_t flags(const std::uint8_t* header) {
    return header[5];
}
/// Whether a copy is wanted (RFC 9259, 2.1.1).
inline bool is_for_oam(const std::uint8_t* header) {
    return (flags(header) & kOamFlag) != 0;
}
inline const std::uint8_t* segment(const std::uint8_t* header, unsigned index) {
    return header + 8 + 16 * index;
}
inline std::uint32_t octets(const std::uint8_t* header) {
    return (header[1] + 1u) * 8;
}
/// RFC 8986, 4.1, S05 to S09: whether the list holds the segment that is named next.
inline bool segments_left_right(const std::uint8_t* header) {
    return last_entry(header) <= max_last_entry(header) &&
           segments_left(header) <= last_entry(header) + 1;
}

/// NEXT-CSID (RFC 9800, 4.1): `address` with the argument moved over the SID's node and function,
/// `node_bits` behind a block of `block_bits`, and zeros behind it. False where the argument is
/// zero. Both may be the same 16 octets.
inline bool next_compressed(const std::uint8_t* address, unsigned block_bits, unsigned node_bits,
                            std::uint8_t* shifted) {
    __extension__ using Address = unsigned __int128;
    const Address whole = Address{load64(address)} << 64 | load64(address + 8);
    const Address below_block = whole & (~Address{0} >> block_bits);
    const Address argument = below_block << node_bits & (~Address{0} >> block_bits);
    if (argument == 0 || node_bits == 0) {
        return false;
    }
    const Address next = (whole ^ below_block) | argument;
    store64(shifted, static_cast<std::uint64_t>(next >> 64));
    store64(shifted + 8, static_cast<std::uint64_t>(next));
    return true;
}

}  // namespace tcqf::dataplane::srh
