#include "control/meter/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "control/program.h"
#include "control/second.h"

namespace tcqf::control::meter {

namespace {

/// A number of type Count, which it fits into.
template <class Count>
std::optional<Count> count_of(const nlohmann::json& document, const char* key) {
    const auto found = document.find(key);
    if (found == document.end() || !found->is_number_unsigned() ||
        found->get<std::uint64_t>() > std::numeric_limits<Count>::max()) {
        return std::nullopt;
    }
    return found->get<Count>();
}

std::map<std::uint32_t, std::uint64_t> read_sent(const std::vector<std::string>& paths) {
    std::map<std::uint32_t, std::uint64_t> sent;
    for (const std::string& path : paths) {
        std::ifstream file(path);
        if (!file) {
            throw WrongRequest(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
        }
        if (std::filesystem::is_directory(path)) {
            throw WrongRequest(path + ": is a directory, not what tcqf-meter send writes");
        }
        const auto document = nlohmann::json::parse(file, nullptr, false);
        const auto stream = count_of<std::uint32_t>(document, "stream");
        const auto packets = count_of<std::uint64_t>(document, "sent");
        if (!stream || !packets) {
            throw WrongRequest(path + ": is not what tcqf-meter send writes");
        }
        sent[*stream] += *packets;
    }
    return sent;
}

std::string name_of(std::uint32_t stream, const ReportOptions& options) {
    const auto found = options.names.find(stream);
    return found == options.names.end() ? fmt::format("stream {}", stream) : found->second;
}

std::string milliseconds(std::int64_t ns) {
    return fmt::format("{:.3f}", static_cast<double>(ns) / 1e6);
}

nlohmann::ordered_json json_of(const CycleCounts& cycles) {
    return {{"inside", cycles.inside},           {"within-allowance", cycles.within_allowance},
            {"outside", cycles.outside},         {"untagged", cycles.untagged},
            {"earliest-ns", cycles.earliest_ns}, {"latest-ns", cycles.latest_ns}};
}

nlohmann::ordered_json json_of(const FlowReport& report, const ReportOptions& options) {
    nlohmann::ordered_json document = {{"stream", report.stream},
                                       {"name", name_of(report.stream, options)},
                                       {"sent", nullptr},
                                       {"received", report.received},
                                       {"lost", report.lost},
                                       {"duplicates", report.duplicates},
                                       {"reordered", report.reordered},
                                       {"delay-min-ns", report.delay.min_ns},
                                       {"delay-median-ns", report.delay.median_ns},
                                       {"delay-p999-ns", report.delay.p999_ns},
                                       {"delay-max-ns", report.delay.max_ns},
                                       {"spread-ns", report.delay.spread_ns()},
                                       {"histogram",
                                        {{"first-ns", report.histogram.first_ns},
                                         {"bin-ns", report.histogram.bin_ns},
                                         {"counts", report.histogram.counts}}}};
    if (report.sent) {
        document["sent"] = *report.sent;
    }
    if (report.cycles) {
        document["cycles"] = json_of(*report.cycles);
    }
    return document;
}

}  // namespace

void FlowMeter::add(const Probe& probe, std::int64_t arrival_ns) {
    const std::uint64_t sequence = probe.stamp.sequence;
    // Differences of times that a capture can say, and theirs, fit into 64 bits.
    if (probe.stamp.sent_ns < 0 || probe.stamp.sent_ns >= kEndOfPcapTimeNs) {
        throw WrongRequest(fmt::format("stream {}: the time in packet {} is damaged: {} ns",
                                       stream_, sequence, probe.stamp.sent_ns));
    }
    if (!is_new(sequence)) {
        ++duplicates_;
        return;
    }
    reordered_ += sequence < next_ ? 1 : 0;
    next_ = std::max(next_, sequence + 1);
    delays_ns_.push_back(arrival_ns - probe.stamp.sent_ns);
    if (check_ != nullptr) {
        check_cycle(probe.marks, arrival_ns);
    }
}

bool FlowMeter::is_new(std::uint64_t sequence) {
    if (sequence >= static_cast<std::uint64_t>(kMostSequence)) {
        throw WrongRequest(
            fmt::format("stream {}: sequence number {} is damaged", stream_, sequence));
    }
    if (sequence >= seen_.size()) {
        seen_.resize(sequence + 1);
    }
    const bool fresh = !seen_[sequence];
    seen_[sequence] = true;
    return fresh;
}

void FlowMeter::check_cycle(const ProbeMarks& marks, std::int64_t arrival_ns) {
    const CycleId id = check_->cycle_of(marks);
    if (id == 0) {
        ++cycles_.untagged;
        return;
    }
    const CycleDistance distance = distance_from_cycle(check_->timing(), id, arrival_ns);
    cycles_.earliest_ns = std::max(cycles_.earliest_ns, distance.early_ns);
    cycles_.latest_ns = std::max(cycles_.latest_ns, distance.late_ns);
    if (distance.early_ns == 0 && distance.late_ns == 0) {
        ++cycles_.inside;
    } else if (distance.early_ns <= allowance_.early_ns && distance.late_ns <= allowance_.late_ns) {
        ++cycles_.within_allowance;
    } else {
        ++cycles_.outside;
    }
}

FlowReport FlowMeter::report(std::optional<std::uint64_t> sent, unsigned bins) const {
    std::vector<std::int64_t> sorted = delays_ns_;
    std::sort(sorted.begin(), sorted.end());
    FlowReport report{.stream = stream_,
                      .sent = sent,
                      .received = sorted.size(),
                      .duplicates = duplicates_,
                      .reordered = reordered_,
                      .delay = summarize(sorted),
                      .histogram = histogram_of(sorted, bins)};
    const std::uint64_t expected = std::max<std::uint64_t>(sent.value_or(next_), sorted.size());
    report.lost = expected - sorted.size();
    if (check_ != nullptr) {
        report.cycles = cycles_;
    }
    return report;
}

std::vector<FlowReport> make_reports(const ReportOptions& options) {
    const std::map<std::uint32_t, std::uint64_t> sent = read_sent(options.sent);
    const CycleCheck* check = options.check ? &*options.check : nullptr;
    std::map<std::uint32_t, FlowMeter> meters;
    for (const auto& [stream, count] : sent) {
        meters.try_emplace(stream, stream, check, options.allowance);
    }
    ProbeCaptureReader capture(options.capture);
    for (ProbeCaptureReader::Frame frame; capture.next(frame);) {
        if (const auto probe = parse_probe(frame.stored, options.option_type)) {
            const std::uint32_t stream = probe->stamp.stream;
            meters.try_emplace(stream, stream, check, options.allowance)
                .first->second.add(*probe, frame.time_ns);
        }
    }
    std::vector<FlowReport> reports;
    for (const auto& [stream, meter] : meters) {
        const auto found = sent.find(stream);
        reports.push_back(meter.report(
            found == sent.end() ? std::nullopt : std::optional(found->second), options.bins));
    }
    return reports;
}

std::string to_table(const std::vector<FlowReport>& reports, const ReportOptions& options) {
    std::string text = fmt::format(
        "{:<18} {:>9} {:>9} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8}\n", "flow (ms)", "sent",
        "received", "lost", "min", "median", "99.9 %", "max", "spread", "outside", "untagged");
    for (const FlowReport& report : reports) {
        text += fmt::format(
            "{:<18} {:>9} {:>9} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8}\n",
            name_of(report.stream, options), report.sent ? std::to_string(*report.sent) : "?",
            report.received, report.lost, milliseconds(report.delay.min_ns),
            milliseconds(report.delay.median_ns), milliseconds(report.delay.p999_ns),
            milliseconds(report.delay.max_ns), milliseconds(report.delay.spread_ns()),
            report.cycles ? std::to_string(report.cycles->outside) : "-",
            report.cycles ? std::to_string(report.cycles->untagged) : "-");
    }
    return text;
}

std::string to_json(const std::vector<FlowReport>& reports, const ReportOptions& options) {
    nlohmann::ordered_json flows = nlohmann::ordered_json::array();
    for (const FlowReport& report : reports) {
        flows.push_back(json_of(report, options));
    }
    return nlohmann::ordered_json{{"flows", flows}}.dump(2) + "\n";
}

std::string to_histogram_data(const Histogram& histogram) {
    std::string text;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
        const std::int64_t low_ns =
            histogram.first_ns + static_cast<std::int64_t>(i) * histogram.bin_ns;
        text += fmt::format("{} {}\n", milliseconds(low_ns + histogram.bin_ns / 2),
                            histogram.counts[i]);
    }
    return text;
}

}  // namespace tcqf::control::meter
