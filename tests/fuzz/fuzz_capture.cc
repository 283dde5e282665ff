// Captures: no input crashes the readers, and what they give lies in the file where they say it
// does, whole and in time.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "control/lab/capture_file.h"

using namespace tcqf::control;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    FilePtr file(fmemopen(const_cast<std::uint8_t*>(data), size, "rb"));
    try {
        const std::unique_ptr<CaptureFile> capture = read_capture(std::move(file), "capture");
        CapturedPacket packet;
        while (capture->next(packet)) {
            const auto offset = static_cast<std::size_t>(packet.offset);
            if (packet.time_ns < 0 || packet.octets.size() > kMaxCapturedOctets ||
                offset + packet.octets.size() > size ||
                (!packet.octets.empty() &&
                 std::memcmp(data + offset, packet.octets.data(), packet.octets.size()) != 0)) {
                std::abort();
            }
        }
    } catch (const CaptureError&) {
    }
    return 0;
}
