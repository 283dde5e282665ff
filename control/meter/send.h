// `tcqf-meter send`: one flow of probes, onto an interface or into a capture.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "control/meter/pace.h"
#include "control/meter/probe.h"

namespace tcqf::control::meter {

struct SendOptions {
    std::string interface;  ///< this or `capture` is given
    std::string capture;
    ProbeShape shape;
    bool own_mac = true;  ///< shape.from is the interface's own
    std::uint32_t stream = 1;
    Pace pace;
    std::int64_t duration_ns = 10'000'000'000;
    std::int64_t count = 0;  ///< 0: as many as fit into the duration
    std::optional<std::int64_t> start_ns;
    /// Real time: sleeps at least so long between two sendings, which saves wake-ups at high rates.
    std::int64_t batch_ns = 0;
};

struct SendResult {
    std::int64_t sent = 0;
    std::int64_t refused = 0;  ///< the interface had no room
    std::int64_t first_ns = 0;
    std::int64_t last_ns = 0;
    std::int64_t shifted_ns = 0;  ///< time that the sender itself was stalled
    std::int64_t slowest_ns = 0;  ///< longest time from stamping to having sent
};

/// In real time ends early on SIGINT or SIGTERM. Throws std::system_error.
SendResult send(const SendOptions& options);

std::string to_json(const SendOptions& options, const SendResult& result);

}  // namespace tcqf::control::meter
