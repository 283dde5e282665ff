// Probe packets: UDP datagrams that carry who they are and when they were sent, below whatever
// labels and options a chain needs.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "config/address.h"
#include "config/router.h"

namespace tcqf::control::meter {

/// Packets of a flow. A damaged stamp must not make the meter ask for all memory.
inline constexpr std::int64_t kMostSequence = std::int64_t{1} << 32;

/// What a probe carries at the start of its UDP payload.
struct ProbeStamp {
    std::uint32_t stream = 0;    ///< which flow
    std::uint64_t sequence = 0;  ///< from 0
    std::int64_t sent_ns = 0;    ///< TAI
};

/// Octets of a stamp with its magic number.
inline constexpr std::uint32_t kStampOctets = 32;

/// A frame to be made.
struct ProbeShape {
    config::MacAddress to{};
    config::MacAddress from{};
    config::IpAddress source;
    config::IpAddress destination;  ///< of the same family
    std::uint16_t source_port = 7000;
    std::uint16_t destination_port = 7000;
    std::uint8_t dscp = 0;
    std::uint8_t hop_limit = 64;
    std::vector<std::uint32_t> labels;  ///< the first on top
    std::uint8_t traffic_class = 0;     ///< of each label
    /// Brings the TCQF option, as a place for a tag, in this header.
    std::optional<config::OptionHeader> option_header;
    std::uint8_t option_type = 0xB1;
    std::uint8_t cycle_id = 0;
    std::uint32_t octets = 300;  ///< of the layer 3 packet, without labels
};

/// The smallest value of `octets` that holds headers and stamp.
std::uint32_t smallest_octets(const ProbeShape& shape);

/// Frames of one shape that differ only in their stamps.
class ProbeTemplate {
  public:
    /// `shape.octets` is at least smallest_octets().
    explicit ProbeTemplate(const ProbeShape& shape);

    const std::vector<std::uint8_t>& frame() const { return frame_; }
    /// Writes a stamp and the UDP checksum into a copy of frame().
    void stamp(std::span<std::uint8_t> frame, std::uint32_t stream, std::uint64_t sequence,
               std::int64_t sent_ns) const;

  private:
    std::vector<std::uint8_t> frame_;
    std::size_t udp_offset_ = 0;
    std::uint32_t constant_sum_ = 0;  ///< what of the checksum no stamp changes
};

/// Everything in a received probe that may say which cycle it was sent in; what is not there is
/// empty.
struct ProbeMarks {
    std::optional<std::uint8_t> traffic_class = {};     ///< of the top label
    std::optional<std::uint8_t> dscp = {};              ///< where an IP header is the outermost
    std::optional<std::uint8_t> hop_by_hop_cycle = {};  ///< Cycle Id of the first option there
    std::optional<std::uint8_t> destination_cycle =
        {};  ///< the same in a destination options header
};

struct Probe {
    ProbeStamp stamp;
    ProbeMarks marks;
};

/// Reads a frame, which may be cut behind the stamp. Empty where it is no probe.
std::optional<Probe> parse_probe(std::span<const std::uint8_t> frame, std::uint8_t option_type);

}  // namespace tcqf::control::meter
