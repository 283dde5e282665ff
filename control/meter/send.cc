#include "control/meter/send.h"

#include <sys/prctl.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "control/meter/packet_socket.h"
#include "control/meter/probe_capture.h"
#include "control/meter/stop_signal.h"

namespace tcqf::control::meter {

namespace {

constexpr std::int64_t kBatch = 64;
// A load stays near its rate over short stalls; a flow without batches keeps its distances.
constexpr std::int64_t kBatchesToCatchUp = 20;

std::int64_t most_packets(const SendOptions& options) {
    return options.count > 0 ? options.count : std::numeric_limits<std::int64_t>::max();
}

SendResult send_to_capture(const SendOptions& options) {
    const ProbeTemplate probe(options.shape);
    std::vector<std::uint8_t> frame = probe.frame();
    ProbeCaptureWriter capture(options.capture);
    SendResult result{.first_ns = options.start_ns.value_or(0)};
    for (std::int64_t i = 0; i < most_packets(options); ++i) {
        const std::int64_t due_ns = options.pace.due_ns(i);
        if (due_ns >= options.duration_ns) {
            break;
        }
        result.last_ns = result.first_ns + due_ns;
        probe.stamp(frame, options.stream, static_cast<std::uint64_t>(i), result.last_ns);
        capture.write(result.last_ns, frame, static_cast<std::uint32_t>(frame.size()));
        ++result.sent;
    }
    capture.close();
    return result;
}

/// Frames of one shape, each in a buffer of its own, for one system call.
class Sending {
  public:
    Sending(const SendOptions& options, TransmitSocket& socket)
        : stream_(options.stream),
          socket_(socket),
          probe_(options.shape),
          buffers_(kBatch, probe_.frame()),
          frames_(buffers_.begin(), buffers_.end()) {}

    void send(std::int64_t first_sequence, std::int64_t count, SendResult& result) {
        const std::int64_t now_ns = tai_now_ns();
        for (std::int64_t i = 0; i < count; ++i) {
            probe_.stamp(frames_[static_cast<std::size_t>(i)], stream_,
                         static_cast<std::uint64_t>(first_sequence + i), now_ns);
        }
        const auto wanted = static_cast<std::size_t>(count);
        const std::size_t taken =
            socket_.send(std::span<const std::span<std::uint8_t>>(frames_).first(wanted));
        result.sent += static_cast<std::int64_t>(taken);
        result.refused += static_cast<std::int64_t>(wanted - taken);
        result.slowest_ns = std::max(result.slowest_ns, tai_now_ns() - now_ns);
        result.first_ns = first_sequence == 0 ? now_ns : result.first_ns;
        result.last_ns = now_ns;
    }

  private:
    std::uint32_t stream_;
    TransmitSocket& socket_;
    ProbeTemplate probe_;
    std::vector<std::vector<std::uint8_t>> buffers_;
    std::vector<std::span<std::uint8_t>> frames_;
};

SendResult send_to_interface(SendOptions options) {
    TransmitSocket socket(options.interface);
    if (options.own_mac) {
        options.shape.from = socket.mac();
    }
    Sending sending(options, socket);
    prctl(PR_SET_TIMERSLACK, 1UL);  // else sleeps end up to 50 us late
    const std::int64_t start_ns = options.start_ns.value_or(tai_now_ns());
    const std::int64_t end_ns = start_ns + options.duration_ns;
    PaceKeeper pace(options.pace, start_ns, kBatchesToCatchUp * options.batch_ns);
    SendResult result;
    while (!stop_asked() && pace.sent() < most_packets(options) && pace.next_due_ns() < end_ns) {
        const std::int64_t now_ns = tai_now_ns();
        const std::int64_t most = std::min(kBatch, most_packets(options) - pace.sent());
        const std::int64_t before = pace.sent();
        const std::int64_t due = pace.take_due(now_ns, most);
        if (due > 0) {
            sending.send(before, due, result);
        }
        if (due < kBatch) {
            sleep_until_tai(std::max(pace.next_due_ns(), now_ns + options.batch_ns));
        }
    }
    result.shifted_ns = pace.shifted_ns();
    return result;
}

}  // namespace

SendResult send(const SendOptions& options) {
    return options.capture.empty() ? send_to_interface(options) : send_to_capture(options);
}

std::string to_json(const SendOptions& options, const SendResult& result) {
    const nlohmann::ordered_json document = {
        {"stream", options.stream},
        {"packet-octets", options.shape.octets},
        {"sent", result.sent},
        {"refused", result.refused},
        {"first-ns", result.first_ns},
        {"last-ns", result.last_ns},
        {"shifted-ns", result.shifted_ns},
        {"slowest-ns", result.slowest_ns},
    };
    return document.dump(2) + "\n";
}

}  // namespace tcqf::control::meter
