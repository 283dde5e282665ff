#include "dataplane/extension_headers.h"

#include <cstring>

#include "dataplane/headers.h"

namespace tcqf::dataplane {
namespace {

constexpr std::uint8_t kPad1 = 0;
constexpr std::uint8_t kPadN = 1;
constexpr std::uint8_t kRouterAlert = 5;
constexpr std::uint8_t kExtendedFlag = 0x80;

/// Calls `visit(option)` for each option but Pad1 in [begin, end); false where one reaches beyond.
template <class Octet, class Visit>
bool for_each_option(Octet* begin, Octet* end, Visit&& visit) {
    for (Octet* option = begin; option < end;) {
        if (*option == kPad1) {
            ++option;
            continue;
        }
        if (end - option < 2 || end - option < 2 + option[1]) {
            return false;
        }
        visit(option);
        option += 2 + option[1];
    }
    return true;
}

/// Calls `visit(offset, type)` for each header of the chain from offset 40 on, with its full length
/// checked; `visit` returns false to fail. Ends at the upper layer or a non-first fragment, at
/// which `end(offset, type)` is called.
template <class Visit, class End>
bool for_each_header(std::span<const std::uint8_t> packet, Visit&& visit, End&& end) {
    std::size_t offset = kIpv6Octets;
    std::size_t named_at = 6;  // the octet that names the header at `offset`
    std::uint8_t type = packet[named_at];
    for (unsigned headers = 0; has_extension_headers(type); ++headers) {
        if (headers == kMaxExtensionHeaders || packet.size() - offset < 8) {
            return false;
        }
        const std::uint8_t* header = packet.data() + offset;
        std::size_t octets = (header[1] + 1u) * 8u;
        if (type == protocol::kFragment) {
            octets = 8;
        } else if (type == protocol::kAh) {
            octets = (header[1] + 2u) * 4u;
        }
        if (octets > packet.size() - offset || !visit(offset, type, octets, named_at)) {
            return false;
        }
        const bool later_fragment = type == protocol::kFragment && (load16(header + 2) >> 3) != 0;
        type = header[0];
        named_at = offset;
        offset += octets;
        if (later_fragment) {
            break;
        }
    }
    end(offset, type);
    return true;
}

/// Notes what forwarding needs to know of a chain.
class ChainReader {
  public:
    ChainReader(std::span<const std::uint8_t> packet, const config::CodePoints& code_points,
                ExtensionHeaders& found)
        : packet_(packet), code_points_(code_points), found_(found) {}

    bool read() {
        found_ = {};
        const auto visit = [this](std::size_t offset, std::uint8_t type, std::size_t octets,
                                  std::size_t named_at) {
            return read_header(offset, type, octets, named_at);
        };
        return for_each_header(packet_, visit, [this](std::size_t offset, std::uint8_t type) {
            found_.upper = static_cast<std::uint16_t>(offset);
            found_.upper_protocol = type;
        });
    }

  private:
    bool read_header(std::size_t offset, std::uint8_t type, std::size_t octets,
                     std::size_t named_at) {
        const std::uint8_t* header = packet_.data() + offset;
        switch (type) {
            case protocol::kHopByHop:
                return offset == kIpv6Octets && read_hop_by_hop(header + 2, header + octets);
            case protocol::kDestination:
                return read_destination(header + 2, header + octets);
            case protocol::kRouting:
                // One that is used up is passed over, to whatever comes next (RFC 8986, 4.1, S02).
                if (found_.routing == 0 || (packet_[found_.routing + 3u] == 0 && header[3] != 0)) {
                    found_.routing = static_cast<std::uint16_t>(offset);
                    found_.routing_named_at = static_cast<std::uint16_t>(named_at);
                }
                return true;
            case protocol::kFragment:
                found_.fragment = static_cast<std::uint16_t>(offset);
                return true;
            case protocol::kAh:
                if (found_.authentication == 0) {
                    found_.authentication = static_cast<std::uint16_t>(offset);
                }
                return true;
            default:
                return true;
        }
    }

    bool read_hop_by_hop(const std::uint8_t* begin, const std::uint8_t* end) {
        return for_each_option(begin, end, [this](const std::uint8_t* option) {
            const std::uint8_t type = option[0];
            if (type == code_points_.tcqf_option) {
                found_.has_tcqf = true;
                if (found_.tcqf_hop_by_hop == 0) {
                    found_.tcqf_hop_by_hop = offset_of(option);
                }
            } else if (type == code_points_.nrp_option) {
                if (found_.nrp_option == 0) {
                    found_.nrp_option = offset_of(option);
                }
            } else if (found_.unknown_option == 0 && asks_to_discard(type)) {
                found_.unknown_option = offset_of(option);
            }
        });
    }

    bool read_destination(const std::uint8_t* begin, const std::uint8_t* end) {
        std::uint16_t first = 0;
        const bool well_formed = for_each_option(begin, end, [&](const std::uint8_t* option) {
            if (option[0] == code_points_.tcqf_option) {
                found_.has_tcqf = true;
                first = first == 0 ? offset_of(option) : first;
            } else if (found_.routing == 0 && found_.unknown_destination_option == 0 &&
                       asks_to_discard(option[0])) {
                found_.unknown_destination_option = offset_of(option);
            }
        });
        if (destination_counts_ && first != 0) {
            found_.tcqf_destination = first;
        }
        destination_counts_ = false;
        return well_formed;
    }

    bool asks_to_discard(std::uint8_t type) const { return type >> 6 != 0 && !is_known(type); }
    bool is_known(std::uint8_t type) const {
        return type == kPadN || type == kRouterAlert || type == code_points_.tcqf_option ||
               type == code_points_.nrp_option || type == code_points_.retired_option;
    }
    std::uint16_t offset_of(const std::uint8_t* option) const {
        return static_cast<std::uint16_t>(option - packet_.data());
    }

    std::span<const std::uint8_t> packet_;
    const config::CodePoints& code_points_;
    ExtensionHeaders& found_;
    bool destination_counts_ = true;  // the first: before the routing header, or the only one
};

}  // namespace

bool walk_extension_headers(std::span<const std::uint8_t> packet,
                            const config::CodePoints& code_points, ExtensionHeaders& found) {
    return ChainReader(packet, code_points, found).read();
}

UsualLayout::UsualLayout(const config::CodePoints& code_points) {
    const auto first_octets = [&](std::uint8_t length, std::uint16_t behind_tcqf) {
        return std::uint64_t{length} << 48 | std::uint64_t{code_points.tcqf_option} << 40 |
               std::uint64_t{2} << 32 | behind_tcqf;
    };
    with_nrp_ = first_octets(
        1, static_cast<std::uint16_t>(code_points.nrp_option << 8 | (kNrpOptionOctets - 2)));
    with_padn_ = first_octets(0, kPadN << 8);
    with_pad1_ = first_octets(0, 0);
    nrp_alone_ = 1u << 24 | std::uint32_t{code_points.nrp_option} << 16 |
                 std::uint32_t{kNrpOptionOctets - 2} << 8;
}

bool tcqf_option_well_formed(const std::uint8_t* option) {
    const std::uint8_t octets = option[1];
    return (octets == 2 && (option[2] & kExtendedFlag) == 0) ||
           (octets == 10 && (option[2] & kExtendedFlag) != 0);
}

void retire_tcqf_options(std::span<std::uint8_t> packet, const config::CodePoints& code_points,
                         const std::uint8_t* kept) {
    const auto visit = [&](std::size_t offset, std::uint8_t type, std::size_t octets, std::size_t) {
        if (type != protocol::kHopByHop && type != protocol::kDestination) {
            return true;
        }
        std::uint8_t* header = packet.data() + offset;
        return for_each_option(header + 2, header + octets, [&](std::uint8_t* option) {
            if (option[0] == code_points.tcqf_option && option != kept) {
                option[0] = code_points.retired_option;
                std::memset(option + 2, 0, option[1]);
            }
        });
    };
    for_each_header(packet, visit, [](std::size_t, std::uint8_t) {});
}

}  // namespace tcqf::dataplane
