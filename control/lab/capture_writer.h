// Writes nanosecond pcap files, octet for octet the same on every machine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tcqf::control {

/// A capture being written. Errors are std::system_error with the file's name; CaptureError where a
/// packet leaves after 2105.
class CaptureWriter {
  public:
    explicit CaptureWriter(const std::string& path) : path_(path) {}
    /// Closes the file; what close() would have reported is lost.
    ~CaptureWriter();
    CaptureWriter(const CaptureWriter&) = delete;
    CaptureWriter& operator=(const CaptureWriter&) = delete;

    /// Makes the file; replaces what is there.
    void open();

    /// `time_ns` since 1970.
    void write(std::int64_t time_ns, std::span<const std::uint8_t> octets);

    /// Writes what is buffered and closes the file.
    void close();

  private:
    template <std::size_t kWords>
    void put(const std::array<std::uint32_t, kWords>& words);
    std::uint8_t* extend(std::size_t octets);
    void flush();

    std::string path_;
    int descriptor_ = -1;
    std::vector<std::uint8_t> buffer_;
};

}  // namespace tcqf::control
