#include "control/lab/capture_file.h"

#include <fmt/format.h>

#include <array>

#include "control/second.h"

namespace tcqf::control {

namespace {

constexpr std::array<std::uint8_t, 4> kPcapngMagic = {0x0A, 0x0D, 0x0D, 0x0A};

}  // namespace

std::unique_ptr<CaptureFile> read_capture(FilePtr file, const std::string& path) {
    std::array<std::uint8_t, 4> magic{};
    if (std::fread(magic.data(), 1, magic.size(), file.get()) != magic.size()) {
        throw CaptureError(path, "is no capture: shorter than the four octets that name its kind");
    }
    std::rewind(file.get());
    return magic == kPcapngMagic ? read_pcapng(std::move(file), path)
                                 : read_pcap(std::move(file), path);
}

void check_packet(const std::string& path, std::uint64_t number, std::uint64_t captured_octets,
                  std::uint64_t wire_octets, WideNs time_ns) {
    if (captured_octets < wire_octets) {
        throw CaptureError(
            path, number,
            fmt::format("cut short, {} of {} octets captured; capture with a larger snap length",
                        captured_octets, wire_octets));
    }
    if (captured_octets > wire_octets) {
        throw CaptureError(path, number,
                           fmt::format("{} octets captured of a packet that had {}",
                                       captured_octets, wire_octets));
    }
    if (captured_octets > kMaxCapturedOctets) {
        throw CaptureError(
            path, number,
            fmt::format("{} octets; at most {} can be", captured_octets, kMaxCapturedOctets));
    }
    if (time_ns < 0 || time_ns >= kEndOfPcapTimeNs) {
        throw CaptureError(path, number, "arrives outside the years 1970 to 2105");
    }
}

}  // namespace tcqf::control
