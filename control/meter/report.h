// `tcqf-meter report`: what a capture of probes says about each flow.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/meter/cycle_check.h"
#include "control/meter/delays.h"
#include "control/meter/probe_capture.h"

namespace tcqf::control::meter {

/// How far from its cycle a packet may be seen and still count as having left within it: what the
/// host itself adds between a router's decision and the receiver's timestamp.
struct CycleAllowance {
    std::int64_t early_ns = 0;
    std::int64_t late_ns = 0;
};

/// The receiver's check of the tags of one flow.
struct CycleCounts {
    std::uint64_t inside = 0;            ///< strictly
    std::uint64_t within_allowance = 0;  ///< outside, but explained by the host
    std::uint64_t outside = 0;           ///< the promise was broken
    std::uint64_t untagged = 0;          ///< no tag, or one that names no cycle
    std::int64_t earliest_ns = 0;        ///< largest distance before the cycle
    std::int64_t latest_ns = 0;          ///< largest distance behind it
};

struct FlowReport {
    std::uint32_t stream = 0;
    std::optional<std::uint64_t> sent;  ///< where the sender says so
    std::uint64_t received = 0;         ///< without duplicates
    std::uint64_t duplicates = 0;
    std::uint64_t reordered = 0;  ///< arrived behind a later one
    std::uint64_t lost = 0;       ///< of `sent`, else of the highest sequence number seen
    DelaySummary delay;
    Histogram histogram;
    std::optional<CycleCounts> cycles = {};
};

/// Collects a flow's packets in the order of their arrival.
class FlowMeter {
  public:
    FlowMeter(std::uint32_t stream, const CycleCheck* check, const CycleAllowance& allowance)
        : stream_(stream), check_(check), allowance_(allowance) {}

    void add(const Probe& probe, std::int64_t arrival_ns);
    FlowReport report(std::optional<std::uint64_t> sent, unsigned bins) const;

  private:
    bool is_new(std::uint64_t sequence);
    void check_cycle(const ProbeMarks& marks, std::int64_t arrival_ns);

    std::uint32_t stream_;
    const CycleCheck* check_;
    CycleAllowance allowance_;
    std::vector<bool> seen_;
    std::vector<std::int64_t> delays_ns_;
    std::uint64_t duplicates_ = 0;
    std::uint64_t reordered_ = 0;
    std::uint64_t next_ = 0;  ///< one more than the highest sequence number so far
    CycleCounts cycles_;
};

struct ReportOptions {
    std::string capture;
    std::vector<std::string> sent = {};               ///< files that `send` wrote
    std::map<std::uint32_t, std::string> names = {};  ///< of streams
    std::optional<CycleCheck> check = {};
    CycleAllowance allowance = {};
    std::uint8_t option_type = 0xB1;
    unsigned bins = 60;
};

/// One report a stream, ascending. Throws WrongRequest where a file cannot be read.
std::vector<FlowReport> make_reports(const ReportOptions& options);

/// A table for a person.
std::string to_table(const std::vector<FlowReport>& reports, const ReportOptions& options);
std::string to_json(const std::vector<FlowReport>& reports, const ReportOptions& options);
/// Lines `milliseconds packets`, one a bin, for gnuplot.
std::string to_histogram_data(const Histogram& histogram);

}  // namespace tcqf::control::meter
