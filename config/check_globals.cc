// Checks of what belongs to the whole router.

#include <fmt/format.h>

#include <array>

#include "config/check_context.h"

namespace tcqf::config {
namespace {

constexpr std::array<std::string_view, 3> kOptions = {"tcqf-option", "nrp-option",
                                                      "retired-option"};

void check_code_points(CheckContext& context) {
    const Cursor points = context.top["code-points"];
    if (!points) {
        return;
    }
    const auto is_readable = [&](std::string_view name) {
        return !points[name] || !context.document.is_bad(points[name].node());
    };
    for (std::size_t i = 0; i < kOptions.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            const auto value = points[kOptions[i]].number<unsigned>();
            if (!is_readable(kOptions[i]) || !is_readable(kOptions[j]) ||
                value != points[kOptions[j]].number<unsigned>()) {
                continue;
            }
            const bool is_later = points[kOptions[i]].exists();
            context.report.conflict(
                context.at(points, kOptions[is_later ? i : j]),
                fmt::format("{} and {} are both 0x{:02X}: each needs an option type of its own",
                            kOptions[j], kOptions[i], value));
        }
    }
    constexpr unsigned kActionBits = 0xC0;
    const Cursor retired = points["retired-option"];
    if (retired && is_readable("retired-option") &&
        (retired.number<unsigned>() & kActionBits) != 0) {
        context.report.warning(
            retired.node(),
            fmt::format(
                "0x{:02X} tells hosts that do not know it to discard the packet: a type below "
                "0x40 (action bits 00) is skipped",
                retired.number<unsigned>()));
    }
}

}  // namespace

void check_globals(CheckContext& context) {
    check_code_points(context);
    const Cursor clock = context.top["clock"];
    if (clock && clock["device"] && context.are_right(clock, {"source", "device"}) &&
        clock["source"].text() != "phc") {
        context.report.warning(clock["device"].node(),
                               fmt::format("is not used with source {}: it belongs to source phc",
                                           clock["source"].text()));
    }
    const Cursor source = context.top["srv6-source"];
    if (source && context.are_right(context.top, {"srv6-source"}) &&
        !is_unicast(source.address())) {
        context.report.conflict(
            source.node(),
            fmt::format("is {}: a unicast address of this router is needed", source.text()));
    }
    const Cursor workers = context.top["workers"];
    if (workers && context.top["worker-cores"]) {
        context.report.conflict(context.top["worker-cores"].node(),
                                "workers is given, too: remove one of the two");
    }
}

}  // namespace tcqf::config
