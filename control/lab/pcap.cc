// Classic pcap files through libpcap: both byte orders, micro- and nanoseconds.
#include <fmt/format.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <array>
#include <memory>

#include "control/lab/capture_file.h"
#include "control/second.h"

namespace tcqf::control {

namespace {

constexpr std::int64_t kRecordHeaderOctets = 16;

struct ClosePcap {
    void operator()(pcap_t* pcap) const { pcap_close(pcap); }
};

class PcapFile final : public CaptureFile {
  public:
    PcapFile(FilePtr file, const std::string& path) : path_(path) {
        std::array<char, PCAP_ERRBUF_SIZE> error{};
        pcap_.reset(pcap_fopen_offline_with_tstamp_precision(file.get(), PCAP_TSTAMP_PRECISION_NANO,
                                                             error.data()));
        if (pcap_ == nullptr) {
            throw CaptureError(path, fmt::format("is no capture: {}", error.data()));
        }
        file_ = file.release();  // libpcap closes it
        if (pcap_datalink(pcap_.get()) != DLT_EN10MB) {
            throw CaptureError(path, fmt::format("has link type {}; only Ethernet can be replayed",
                                                 link_type_name()));
        }
        const int extension = pcap_datalink_ext(pcap_.get());
        if (LT_FCS_LENGTH_PRESENT(extension)) {
            fcs_octets_ = 2 * LT_FCS_LENGTH(extension);
        }
    }

    bool next(CapturedPacket& packet) override {
        pcap_pkthdr* header = nullptr;
        const u_char* data = nullptr;
        ++number_;
        const std::int64_t record = ftello(file_);
        switch (pcap_next_ex(pcap_.get(), &header, &data)) {
            case 1:
                break;
            case PCAP_ERROR_BREAK:
                return false;
            default:
                throw CaptureError(path_, number_, pcap_geterr(pcap_.get()));
        }
        packet.time_ns = checked_time(*header);
        packet.octets = {data,
                         header->caplen - std::min<std::uint32_t>(fcs_octets_, header->caplen)};
        packet.offset = record + kRecordHeaderOctets;
        // libpcap shortens what exceeds the snap length in the capture's own header.
        if (ftello(file_) - packet.offset != static_cast<std::int64_t>(header->caplen)) {
            throw CaptureError(path_, number_,
                               "it is longer than the snap length that the capture names");
        }
        return true;
    }

  private:
    std::string link_type_name() const {
        const int type = pcap_datalink(pcap_.get());
        const char* name = pcap_datalink_val_to_name(type);
        return name == nullptr ? std::to_string(type) : name;
    }

    std::int64_t checked_time(const pcap_pkthdr& header) const {
        // The file has 32 bits of seconds without a sign, libpcap reads them with one.
        const auto seconds = static_cast<std::uint32_t>(header.ts.tv_sec);
        if (header.ts.tv_usec < 0 || header.ts.tv_usec >= kNsPerSecond) {
            throw CaptureError(path_, number_, "its fraction of a second is a second or more");
        }
        const std::int64_t time_ns = std::int64_t{seconds} * kNsPerSecond + header.ts.tv_usec;
        check_packet(path_, number_, header.caplen, header.len, time_ns);
        return time_ns;
    }

    std::string path_;
    std::unique_ptr<pcap_t, ClosePcap> pcap_;
    std::FILE* file_ = nullptr;
    std::uint32_t fcs_octets_ = 0;
    std::uint64_t number_ = 0;
};

}  // namespace

std::unique_ptr<CaptureFile> read_pcap(FilePtr file, const std::string& path) {
    return std::make_unique<PcapFile>(std::move(file), path);
}

}  // namespace tcqf::control
