// `tcqf-meter receive`: what arrives on an interface, with the kernel's timestamps, into a capture.
#pragma once

#include <cstdint>
#include <string>

namespace tcqf::control::meter {

struct ReceiveOptions {
    std::string interface;
    std::string capture;
    std::int64_t duration_ns = 0;  ///< 0: until SIGINT or SIGTERM
    std::uint32_t snap_octets = 128;
    std::uint8_t option_type = 0xB1;
};

struct ReceiveResult {
    std::uint64_t probes = 0;
    std::uint64_t others = 0;        ///< frames that are no probes, not kept
    std::uint64_t lost = 0;          ///< arrived, but this program did not keep up
    bool is_interface_gone = false;  ///< removed meanwhile: the capture ends there
};

/// Says `ready` on stderr once nothing that arrives is missed. Throws std::system_error.
ReceiveResult receive(const ReceiveOptions& options);

std::string to_json(const ReceiveResult& result);

}  // namespace tcqf::control::meter
