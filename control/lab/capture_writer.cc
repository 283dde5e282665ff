#include "control/lab/capture_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "control/lab/capture_file.h"
#include "control/second.h"

namespace tcqf::control {

namespace {

constexpr std::size_t kFlushOctets = 64 * 1024;
constexpr std::uint32_t kMagicNanoseconds = 0xA1B23C4D;
constexpr std::uint32_t kVersion = 4u << 16 | 2;  // 2.4: two 16-bit fields

}  // namespace

CaptureWriter::~CaptureWriter() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

void CaptureWriter::open() {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor_ < 0) {
        throw std::system_error(errno, std::generic_category(), path_);
    }
    put(std::array{kMagicNanoseconds, kVersion, 0u, 0u, kMaxCapturedOctets, kLinkTypeEthernet});
}

void CaptureWriter::write(std::int64_t time_ns, std::span<const std::uint8_t> octets) {
    if (time_ns >= kEndOfPcapTimeNs) {
        throw CaptureError(path_,
                           "a packet leaves after the year 2105, later than a capture can say: "
                           "stall or process for a shorter time");
    }
    const auto length = static_cast<std::uint32_t>(octets.size());
    put(std::array{static_cast<std::uint32_t>(time_ns / kNsPerSecond),
                   static_cast<std::uint32_t>(time_ns % kNsPerSecond), length, length});
    std::copy(octets.begin(), octets.end(), extend(octets.size()));
    if (buffer_.size() >= kFlushOctets) {
        flush();
    }
}

void CaptureWriter::close() {
    flush();
    const int descriptor = descriptor_;
    descriptor_ = -1;
    if (::close(descriptor) != 0) {
        throw std::system_error(errno, std::generic_category(), path_);
    }
}

/// Little-endian, whatever this machine is.
template <std::size_t kWords>
void CaptureWriter::put(const std::array<std::uint32_t, kWords>& words) {
    std::uint8_t* to = extend(4 * kWords);
    for (std::size_t i = 0; i < 4 * kWords; ++i) {
        to[i] = static_cast<std::uint8_t>(words[i / 4] >> (i % 4 * 8));
    }
}

std::uint8_t* CaptureWriter::extend(std::size_t octets) {
    const std::size_t before = buffer_.size();
    buffer_.resize(before + octets);
    return buffer_.data() + before;
}

void CaptureWriter::flush() {
    for (std::size_t done = 0; done < buffer_.size();) {
        const ssize_t octets = ::write(descriptor_, buffer_.data() + done, buffer_.size() - done);
        if (octets < 0 && errno == EINTR) {
            continue;
        }
        if (octets < 0) {
            throw std::system_error(errno, std::generic_category(), path_);
        }
        done += static_cast<std::size_t>(octets);
    }
    buffer_.clear();
}

}  // namespace tcqf::control
