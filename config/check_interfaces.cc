// Checks of interfaces and their addresses.

#include <fmt/format.h>

#include "config/check_context.h"

namespace tcqf::config {
namespace {

/// The module knows the shape of an address with its length; whether it is one, is seen here, for
/// the type of ietf-inet-types would lose the host bits.
void check_address(CheckContext& context, const Cursor& entry) {
    const std::string_view text = entry.text();
    if (!text.empty() && !IpPrefix::parse(text)) {
        context.report.error(entry.node(),
                             fmt::format("is '{}': an address with its prefix length such as "
                                         "10.0.1.1/24 or 2001:db8::1/64 is needed",
                                         text));
    }
}

}  // namespace

void check_interfaces(CheckContext& context) {
    context.top["interfaces"].each([&](const Cursor& entry) {
        entry["addresses"].each([&](const Cursor& address) { check_address(context, address); });
    });
}

}  // namespace tcqf::config
