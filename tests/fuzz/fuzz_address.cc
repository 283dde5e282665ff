// Addresses, prefixes and MAC addresses as text: no input crashes, and what is understood survives
// being written and read again.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/address.h"

using tcqf::config::IpAddress;
using tcqf::config::IpPrefix;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto address = IpAddress::parse(text)) {
        if (IpAddress::parse(address->to_string()) != address) {
            std::abort();
        }
    }
    if (const auto prefix = IpPrefix::parse(text)) {
        if (IpPrefix::parse(prefix->to_string()) != prefix ||
            !prefix->network().contains(prefix->address)) {
            std::abort();
        }
    }
    if (const auto mac = tcqf::config::parse_mac(text)) {
        if (tcqf::config::parse_mac(tcqf::config::to_string(*mac)) != mac) {
            std::abort();
        }
    }
    return 0;
}
