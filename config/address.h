// Addresses and prefixes as the configuration names them.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tcqf::config {

using MacAddress = std::array<std::uint8_t, 6>;

/// An IPv4 or IPv6 address, octets in network order; IPv4 uses the first four.
struct IpAddress {
    std::array<std::uint8_t, 16> octets{};
    bool is_ipv6 = false;

    static IpAddress from_ipv4(std::uint32_t host_order);
    /// Nothing where the text is no address.
    static std::optional<IpAddress> parse(std::string_view text);

    std::uint32_t ipv4() const {
        return std::uint32_t{octets[0]} << 24 | std::uint32_t{octets[1]} << 16 |
               std::uint32_t{octets[2]} << 8 | octets[3];
    }
    std::uint8_t bits() const { return is_ipv6 ? 128 : 32; }
    bool is_unspecified() const { return octets == std::array<std::uint8_t, 16>{}; }
    std::string to_string() const;

    auto operator<=>(const IpAddress&) const = default;
};

/// An address with a length; `address` keeps its host bits (an interface's own address has them).
struct IpPrefix {
    IpAddress address;
    std::uint8_t length = 0;

    static std::optional<IpPrefix> parse(std::string_view text);
    /// The same prefix with host bits zero.
    IpPrefix network() const;
    bool contains(const IpAddress& other) const;
    std::string to_string() const;

    auto operator<=>(const IpPrefix&) const = default;
};

std::optional<MacAddress> parse_mac(std::string_view text);
std::string to_string(const MacAddress& mac);

}  // namespace tcqf::config
