// Capture files, packet by packet, in the order of the file: pcap and pcapng, Ethernet only.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>

#include "control/program.h"

namespace tcqf::control {

/// A capture that cannot be replayed; the text names the file and, where there is one, the packet's
/// number, counted from 1.
class CaptureError : public WrongRequest {
  public:
    CaptureError(const std::string& path, const std::string& what)
        : WrongRequest(path + ": " + what) {}
    CaptureError(const std::string& path, std::uint64_t packet, const std::string& what)
        : WrongRequest(path + ": packet " + std::to_string(packet) + ": " + what) {}
};

struct CapturedPacket {
    std::int64_t time_ns = 0;              ///< since 1970, rounded down where the file is finer
    std::span<const std::uint8_t> octets;  ///< valid until the next packet is read
    std::int64_t offset = 0;               ///< of the octets in the file
};

/// Longest packet that a capture may hold, as in libpcap.
inline constexpr std::uint32_t kMaxCapturedOctets = 262'144;

/// LINKTYPE_ETHERNET, the only one that is read or written.
inline constexpr std::uint32_t kLinkTypeEthernet = 1;

/// A time before it is known to be one: nanoseconds, wide enough for whatever a file claims.
__extension__ using WideNs = __int128;

class CaptureFile {
  public:
    virtual ~CaptureFile() = default;
    /// False at the end of the file. Throws CaptureError.
    virtual bool next(CapturedPacket& packet) = 0;
};

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using FilePtr = std::unique_ptr<std::FILE, CloseFile>;

/// Reads a capture of any kind from its start. `file` must be seekable; `path` is for messages.
/// Throws CaptureError.
std::unique_ptr<CaptureFile> read_capture(FilePtr file, const std::string& path);

// The two kinds, which read_capture() tells apart by the first four octets.
std::unique_ptr<CaptureFile> read_pcap(FilePtr file, const std::string& path);
std::unique_ptr<CaptureFile> read_pcapng(FilePtr file, const std::string& path);

/// Throws CaptureError unless the packet is whole and its time can be written to a pcap file
/// (before 2106).
void check_packet(const std::string& path, std::uint64_t number, std::uint64_t captured_octets,
                  std::uint64_t wire_octets, WideNs time_ns);

}  // namespace tcqf::control
