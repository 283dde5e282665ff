// Captures of probes: what a sender would send, and what a receiver got. pcap with nanoseconds;
// times are TAI.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct pcap;
struct pcap_dumper;

namespace tcqf::control::meter {

/// Throws std::system_error where the file cannot be written.
class ProbeCaptureWriter {
  public:
    explicit ProbeCaptureWriter(const std::string& path);
    ~ProbeCaptureWriter();
    ProbeCaptureWriter(const ProbeCaptureWriter&) = delete;
    ProbeCaptureWriter& operator=(const ProbeCaptureWriter&) = delete;

    /// `wire_octets` is what the frame had, at least what is stored of it.
    void write(std::int64_t time_ns, std::span<const std::uint8_t> stored,
               std::uint32_t wire_octets);
    /// Writes what is buffered.
    void close();

  private:
    std::string path_;
    pcap* format_;
    pcap_dumper* file_;
};

/// Throws WrongRequest where the file is no Ethernet capture.
class ProbeCaptureReader {
  public:
    explicit ProbeCaptureReader(const std::string& path);
    ~ProbeCaptureReader();
    ProbeCaptureReader(const ProbeCaptureReader&) = delete;
    ProbeCaptureReader& operator=(const ProbeCaptureReader&) = delete;

    struct Frame {
        std::int64_t time_ns = 0;
        std::span<const std::uint8_t> stored;  ///< valid until the next one
    };
    /// False at the end. Throws where the file is damaged.
    bool next(Frame& frame);

  private:
    std::string path_;
    pcap* file_;
};

}  // namespace tcqf::control::meter
