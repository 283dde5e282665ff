#include "config/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>

namespace tcqf::config {

IpAddress IpAddress::from_ipv4(std::uint32_t host_order) {
    IpAddress address;
    for (int i = 0; i < 4; ++i) {
        address.octets[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
    }
    return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    const std::string terminated(text);
    IpAddress address;
    address.is_ipv6 = text.find(':') != std::string_view::npos;
    const int family = address.is_ipv6 ? AF_INET6 : AF_INET;
    if (inet_pton(family, terminated.c_str(), address.octets.data()) != 1) {
        return std::nullopt;
    }
    return address;
}

std::string IpAddress::to_string() const {
    char text[INET6_ADDRSTRLEN];
    inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, octets.data(), text, sizeof text);
    return text;
}

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) {
        return std::nullopt;
    }
    const auto address = IpAddress::parse(text.substr(0, slash));
    const std::string_view digits = text.substr(slash + 1);
    unsigned length = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (!address || error != std::errc{} || end != digits.data() + digits.size() ||
        length > address->bits()) {
        return std::nullopt;
    }
    return IpPrefix{*address, static_cast<std::uint8_t>(length)};
}

IpPrefix IpPrefix::network() const {
    IpPrefix result = *this;
    for (unsigned bit = length; bit < 128; ++bit) {
        result.address.octets[bit / 8] &= static_cast<std::uint8_t>(~(0x80u >> bit % 8));
    }
    return result;
}

bool IpPrefix::contains(const IpAddress& other) const {
    return address.is_ipv6 == other.is_ipv6 &&
           network().address == IpPrefix{other, length}.network().address;
}

std::string IpPrefix::to_string() const {
    return fmt::format("{}/{}", address.to_string(), length);
}

std::optional<MacAddress> parse_mac(std::string_view text) {
    MacAddress mac{};
    if (text.size() != 17) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < mac.size(); ++i) {
        const char* first = text.data() + 3 * i;
        const auto [end, error] = std::from_chars(first, first + 2, mac[i], 16);
        if (error != std::errc{} || end != first + 2 || (i != 5 && first[2] != ':')) {
            return std::nullopt;
        }
    }
    return mac;
}

std::string to_string(const MacAddress& mac) {
    return fmt::format("{:02x}", fmt::join(mac, ":"));
}

}  // namespace tcqf::config
