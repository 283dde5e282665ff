#include "control/meter/probe_capture.h"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "control/program.h"
#include "control/second.h"

namespace tcqf::control::meter {

namespace {

constexpr int kSnapOctets = 262'144;

}  // namespace

ProbeCaptureWriter::ProbeCaptureWriter(const std::string& path)
    : path_(path),
      format_(pcap_open_dead_with_tstamp_precision(DLT_EN10MB, kSnapOctets,
                                                   PCAP_TSTAMP_PRECISION_NANO)),
      file_(pcap_dump_open(format_, path.c_str())) {
    if (file_ == nullptr) {
        const int why = errno;
        pcap_close(format_);
        throw std::system_error(why, std::generic_category(), path_);
    }
}

ProbeCaptureWriter::~ProbeCaptureWriter() {
    if (file_ != nullptr) {
        pcap_dump_close(file_);
    }
    pcap_close(format_);
}

void ProbeCaptureWriter::write(std::int64_t time_ns, std::span<const std::uint8_t> stored,
                               std::uint32_t wire_octets) {
    pcap_pkthdr header{};
    header.ts.tv_sec = time_ns / kNsPerSecond;
    header.ts.tv_usec = time_ns % kNsPerSecond;  // the file's precision says nanoseconds
    header.caplen = static_cast<bpf_u_int32>(stored.size());
    header.len = wire_octets;
    pcap_dump(reinterpret_cast<u_char*>(file_), &header, stored.data());
}

void ProbeCaptureWriter::close() {
    const bool failed = pcap_dump_flush(file_) != 0 || std::ferror(pcap_dump_file(file_)) != 0;
    const int why = errno;
    pcap_dump_close(file_);
    file_ = nullptr;
    if (failed) {
        throw std::system_error(why, std::generic_category(), path_);
    }
}

ProbeCaptureReader::ProbeCaptureReader(const std::string& path) : path_(path) {
    std::FILE* const file = std::fopen(path.c_str(), "rb");
    if (file == nullptr) {
        throw WrongRequest(fmt::format("{}: cannot be read: {}", path_, std::strerror(errno)));
    }
    std::array<char, PCAP_ERRBUF_SIZE> why{};
    file_ = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, why.data());
    if (file_ == nullptr) {
        std::fclose(file);
        throw WrongRequest(path_ + ": " + why.data());
    }
    if (pcap_datalink(file_) != DLT_EN10MB) {
        pcap_close(file_);
        throw WrongRequest(path_ + ": is no capture of Ethernet frames");
    }
}

ProbeCaptureReader::~ProbeCaptureReader() {
    pcap_close(file_);
}

bool ProbeCaptureReader::next(Frame& frame) {
    pcap_pkthdr* header = nullptr;
    const u_char* octets = nullptr;
    const int result = pcap_next_ex(file_, &header, &octets);
    if (result == PCAP_ERROR_BREAK) {
        return false;
    }
    if (result != 1) {
        throw WrongRequest(path_ + ": " + pcap_geterr(file_));
    }
    frame = {.time_ns = std::int64_t{header->ts.tv_sec} * kNsPerSecond + header->ts.tv_usec,
             .stored = {octets, header->caplen}};
    return true;
}

}  // namespace tcqf::control::meter
