#include "control/meter/receive.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "control/meter/packet_socket.h"
#include "control/meter/probe.h"
#include "control/meter/probe_capture.h"
#include "control/meter/stop_signal.h"
#include "control/standard_streams.h"

namespace tcqf::control::meter {

namespace {

// Timestamps are the kernel's: reading late costs nothing but buffer.
constexpr std::int64_t kReadEveryNs = 2'000'000;

void take_all(ReceiveSocket& socket, const ReceiveOptions& options, ProbeCaptureWriter& capture,
              ReceiveResult& result) {
    for (auto frames = socket.receive(); !frames.empty(); frames = socket.receive()) {
        for (const ReceivedFrame& frame : frames) {
            if (parse_probe(frame.stored, options.option_type)) {
                capture.write(frame.time_ns, frame.stored, frame.octets);
                ++result.probes;
            } else {
                ++result.others;
            }
        }
    }
}

}  // namespace

ReceiveResult receive(const ReceiveOptions& options) {
    ProbeCaptureWriter capture(options.capture);
    ReceiveSocket socket(options.interface, options.snap_octets);
    say("ready");
    ReceiveResult result;
    const std::int64_t end_ns = options.duration_ns > 0 ? tai_now_ns() + options.duration_ns
                                                        : std::numeric_limits<std::int64_t>::max();
    for (std::int64_t now_ns = tai_now_ns(); !stop_asked() && !socket.is_gone() && now_ns < end_ns;
         now_ns = tai_now_ns()) {
        take_all(socket, options, capture, result);
        sleep_until_tai(std::min(end_ns, now_ns + kReadEveryNs));
    }
    take_all(socket, options, capture, result);
    result.lost = socket.lost();
    result.is_interface_gone = socket.is_gone();
    capture.close();
    return result;
}

std::string to_json(const ReceiveResult& result) {
    const nlohmann::ordered_json document = {
        {"probes", result.probes}, {"others", result.others}, {"lost", result.lost}};
    return document.dump(2) + "\n";
}

}  // namespace tcqf::control::meter
