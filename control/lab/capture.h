// A capture as a source of arrivals: its packets in the order of their times.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "control/lab/capture_file.h"

namespace tcqf::control {

/// What a first pass over a capture finds out.
struct CaptureSummary {
    std::uint64_t packets = 0;
    bool in_order = true;  ///< no packet is earlier than one before it
    std::int64_t last_time_ns = 0;
    std::uint32_t longest_octets = 0;
};

/// Holds one packet at a time; of a capture out of order an index too, 24 octets a packet.
class CaptureReader {
  public:
    /// Reads the whole capture once, so that every error comes before anything is replayed.
    /// Throws CaptureError.
    explicit CaptureReader(const std::string& path);
    ~CaptureReader();
    CaptureReader(const CaptureReader&) = delete;
    CaptureReader& operator=(const CaptureReader&) = delete;

    const CaptureSummary& summary() const { return summary_; }

    /// The next packet by time; those of one same time in the order of the file. False at the end.
    /// What comes into the file after the first pass is left out; throws CaptureError where what
    /// was there then is not there any more.
    bool next(CapturedPacket& packet);

  private:
    struct IndexEntry {
        std::int64_t time_ns;
        std::int64_t offset;
        std::uint32_t octets;
    };

    std::unique_ptr<CaptureFile> from_start() const;
    void scan();
    void build_index();
    bool next_in_file(CaptureFile& file, CapturedPacket& packet);
    bool next_by_index(CapturedPacket& packet);

    std::string path_;
    FilePtr file_;
    CaptureSummary summary_;
    std::unique_ptr<CaptureFile> packets_;  // in order: the second pass
    std::uint64_t read_again_ = 0;          // packets of the second pass
    std::vector<IndexEntry> index_;         // out of order
    std::size_t next_entry_ = 0;
    std::vector<std::uint8_t> octets_;
};

}  // namespace tcqf::control
