#include "control/lab/capture.h"

#include <fmt/format.h>
#include <stdio_ext.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace tcqf::control {

namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
    throw CaptureError(path, fmt::format("{}: {}", what, std::strerror(errno)));
}

/// Not the capture's fault.
[[noreturn]] void refuse_copy(const std::string& path) {
    throw std::system_error(errno, std::generic_category(), path + ": no place for a copy in /tmp");
}

/// A pipe can be read only once: keep it in an unnamed file.
FilePtr spool(std::FILE* from, const std::string& path) {
    FilePtr copy(std::tmpfile());
    if (copy == nullptr) {
        refuse_copy(path);
    }
    std::array<char, 65536> buffer;
    for (std::size_t got; (got = std::fread(buffer.data(), 1, buffer.size(), from)) != 0;) {
        if (std::fwrite(buffer.data(), 1, got, copy.get()) != got) {
            refuse_copy(path);
        }
    }
    if (std::ferror(from) != 0) {
        fail(path, "cannot be read");
    }
    if (std::fflush(copy.get()) != 0) {
        refuse_copy(path);
    }
    return copy;
}

FilePtr open_seekable(const std::string& path) {
    FilePtr file(std::fopen(path.c_str(), "rbe"));
    struct stat status {};
    if (file == nullptr || fstat(fileno(file.get()), &status) != 0) {
        fail(path, "cannot be read");
    }
    if (S_ISDIR(status.st_mode)) {
        throw CaptureError(path, "is a directory, not a capture");
    }
    return S_ISREG(status.st_mode) ? std::move(file) : spool(file.get(), path);
}

}  // namespace

CaptureReader::CaptureReader(const std::string& path) : path_(path), file_(open_seekable(path)) {
    scan();
    if (summary_.in_order) {
        packets_ = from_start();
    } else {
        build_index();
    }
}

CaptureReader::~CaptureReader() = default;

std::unique_ptr<CaptureFile> CaptureReader::from_start() const {
    const int descriptor = dup(fileno(file_.get()));
    if (descriptor < 0) {
        fail(path_, "cannot be read");
    }
    FilePtr file(fdopen(descriptor, "rb"));
    if (file == nullptr) {
        close(descriptor);
        fail(path_, "cannot be read");
    }
    std::rewind(file.get());
    __fsetlocking(file.get(), FSETLOCKING_BYCALLER);  // one thread reads it
    return read_capture(std::move(file), path_);
}

void CaptureReader::scan() {
    const std::unique_ptr<CaptureFile> file = from_start();
    CapturedPacket packet;
    while (file->next(packet)) {
        if (summary_.packets++ != 0 && packet.time_ns < summary_.last_time_ns) {
            summary_.in_order = false;
        }
        summary_.last_time_ns = std::max(summary_.last_time_ns, packet.time_ns);
        summary_.longest_octets =
            std::max(summary_.longest_octets, static_cast<std::uint32_t>(packet.octets.size()));
    }
}

void CaptureReader::build_index() {
    const std::unique_ptr<CaptureFile> file = from_start();
    index_.reserve(summary_.packets);
    CapturedPacket packet;
    while (next_in_file(*file, packet)) {
        index_.push_back(
            {packet.time_ns, packet.offset, static_cast<std::uint32_t>(packet.octets.size())});
    }
    std::stable_sort(index_.begin(), index_.end(), [](const IndexEntry& a, const IndexEntry& b) {
        return a.time_ns < b.time_ns;
    });
    octets_.resize(summary_.longest_octets);
}

bool CaptureReader::next(CapturedPacket& packet) {
    return packets_ != nullptr ? next_in_file(*packets_, packet) : next_by_index(packet);
}

/// In the second pass: memory is made for what the first one saw.
bool CaptureReader::next_in_file(CaptureFile& file, CapturedPacket& packet) {
    if (read_again_ == summary_.packets) {
        return false;
    }
    if (!file.next(packet) || packet.octets.size() > summary_.longest_octets) {
        throw CaptureError(path_, "has changed since it was first read");
    }
    ++read_again_;
    return true;
}

bool CaptureReader::next_by_index(CapturedPacket& packet) {
    if (next_entry_ == index_.size()) {
        return false;
    }
    const IndexEntry& entry = index_[next_entry_++];
    for (std::uint32_t got = 0; got < entry.octets;) {
        const ssize_t octets = pread(fileno(file_.get()), octets_.data() + got, entry.octets - got,
                                     entry.offset + got);
        if (octets <= 0) {
            fail(path_, "cannot be read again");
        }
        got += static_cast<std::uint32_t>(octets);
    }
    packet = {entry.time_ns, {octets_.data(), entry.octets}, entry.offset};
    return true;
}

}  // namespace tcqf::control
