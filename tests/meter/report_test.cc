// What a flow's report counts.
#include "control/meter/report.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "control/meter/send.h"

namespace tcqf::control::meter {
namespace {

Probe probe(std::uint64_t sequence, std::int64_t sent_ns,
            std::optional<std::uint8_t> dscp = std::nullopt) {
    return {.stamp = {.stream = 1, .sequence = sequence, .sent_ns = sent_ns},
            .marks = {.dscp = dscp}};
}

TEST(FlowMeter, CountsLossFromWhatTheSenderSays) {
    FlowMeter meter(1, nullptr, {});
    meter.add(probe(0, 0), 10);
    meter.add(probe(2, 20), 35);
    EXPECT_EQ(meter.report(10, 10).lost, 8u);
    EXPECT_EQ(meter.report(10, 10).received, 2u);
}

TEST(FlowMeter, WithoutTheSenderCountsGapsInTheSequence) {
    FlowMeter meter(1, nullptr, {});
    meter.add(probe(0, 0), 10);
    meter.add(probe(4, 20), 35);
    const FlowReport report = meter.report(std::nullopt, 10);
    EXPECT_EQ(report.lost, 3u);
    EXPECT_FALSE(report.sent);
}

TEST(FlowMeter, DuplicatesAndReorderingAreTheirOwnCounts) {
    FlowMeter meter(1, nullptr, {});
    meter.add(probe(1, 0), 10);
    meter.add(probe(0, 0), 11);
    meter.add(probe(1, 0), 12);
    const FlowReport report = meter.report(2, 10);
    EXPECT_EQ(report.received, 2u);
    EXPECT_EQ(report.duplicates, 1u);
    EXPECT_EQ(report.reordered, 1u);
    EXPECT_EQ(report.lost, 0u);
    EXPECT_EQ(report.delay.max_ns, 11);
}

// Times as far apart as 64 bits allow have no difference in 64 bits.
TEST(FlowMeter, ADamagedStampIsAnError) {
    FlowMeter meter(1, nullptr, {});
    for (const std::int64_t sent_ns : {std::int64_t{-1}, INT64_MIN, INT64_MAX}) {
        EXPECT_THROW(meter.add(probe(0, sent_ns), 1'700'000'000'000'000'000), std::runtime_error);
    }
    EXPECT_THROW(meter.add(probe(UINT64_MAX, 0), 10), std::runtime_error);
    EXPECT_EQ(meter.report(1, 10).lost, 1u);
}

TEST(FlowMeter, EachPacketIsInsideWithinAllowanceOutsideOrUntagged) {
    config::Domain domain;
    domain.cycles = 4;
    domain.cycle_time_us = 1;
    config::DomainInterface interface;
    interface.tagging = Tagging::dscp;
    interface.tags = {3, 7, 11, 15};
    const CycleCheck check(domain, interface);
    FlowMeter meter(1, &check, {.early_ns = 10, .late_ns = 100});
    meter.add(probe(0, 0, 7), 1000);
    meter.add(probe(1, 0, 7), 2099);  // late by 100
    meter.add(probe(2, 0, 7), 2100);  // late by 101
    meter.add(probe(3, 0, 7), 990);   // early by 10
    meter.add(probe(4, 0, 7), 989);   // early by 11
    meter.add(probe(5, 0, 46), 1000);
    meter.add(probe(6, 0), 1000);
    const CycleCounts cycles = meter.report(7, 10).cycles.value();
    EXPECT_EQ(cycles.inside, 1u);
    EXPECT_EQ(cycles.within_allowance, 2u);
    EXPECT_EQ(cycles.outside, 2u);
    EXPECT_EQ(cycles.untagged, 2u);
    EXPECT_EQ(cycles.latest_ns, 101);
    EXPECT_EQ(cycles.earliest_ns, 11);
}

class Captures : public testing::Test {
  protected:
    Captures()
        : folder_(std::filesystem::temp_directory_path() /
                  ("tcqf-meter-test-" + std::to_string(getpid()))) {
        std::filesystem::create_directories(folder_);
    }
    ~Captures() override { std::filesystem::remove_all(folder_); }

    std::string path(const std::string& name) const { return folder_ / name; }

    SendOptions five_packets() const {
        SendOptions options;
        options.capture = path("five.pcap");
        options.shape.source = *config::IpAddress::parse("10.1.0.2");
        options.shape.destination = *config::IpAddress::parse("10.9.0.2");
        options.stream = 4;
        options.pace.interval_numerator = 1'000'000;
        options.duration_ns = 5'000'000;
        options.start_ns = 1'700'000'000'000'000'000;
        return options;
    }

  private:
    std::filesystem::path folder_;
};

TEST_F(Captures, ASentCaptureReportsEveryPacketWithoutDelay) {
    const SendOptions options = five_packets();
    const SendResult result = send(options);
    EXPECT_EQ(result.sent, 5);
    EXPECT_EQ(result.last_ns, 1'700'000'000'004'000'000);
    std::ofstream(path("sent.json")) << to_json(options, result);

    const ReportOptions wanted{.capture = options.capture, .sent = {path("sent.json")}};
    const std::vector<FlowReport> reports = make_reports(wanted);
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(reports[0].stream, 4u);
    EXPECT_EQ(reports[0].sent, 5u);
    EXPECT_EQ(reports[0].received, 5u);
    EXPECT_EQ(reports[0].delay.max_ns, 0);
    EXPECT_NE(to_table(reports, wanted).find("stream 4"), std::string::npos);
}

TEST_F(Captures, AFlowOfWhichNothingArrivesIsReportedAsLost) {
    const SendOptions options = five_packets();
    send(options);
    std::ofstream(path("other.json")) << R"({"stream": 9, "sent": 12})";
    const auto reports = make_reports({.capture = options.capture, .sent = {path("other.json")}});
    ASSERT_EQ(reports.size(), 2u);
    EXPECT_EQ(reports[1].stream, 9u);
    EXPECT_EQ(reports[1].lost, 12u);
}

// A number cut to 32 bits would be that of another stream.
TEST_F(Captures, AResultOfAStreamThatCannotBeIsAnErrorWithItsName) {
    const SendOptions options = five_packets();
    send(options);
    for (const char* const stream : {"4294967300", "-1", "4.0", "\"4\""}) {
        std::ofstream(path("wide.json")) << R"({"sent": 5, "stream": )" << stream << "}";
        try {
            make_reports({.capture = options.capture, .sent = {path("wide.json")}});
            ADD_FAILURE() << "accepted: " << stream;
        } catch (const std::runtime_error& error) {
            EXPECT_NE(std::string(error.what()).find(path("wide.json")), std::string::npos);
        }
    }
}

TEST_F(Captures, WhatIsNoCaptureIsAnErrorWithItsName) {
    std::ofstream(path("text")) << "no capture";
    try {
        make_reports({.capture = path("text")});
        FAIL() << "accepted";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find(path("text")), std::string::npos);
    }
}

}  // namespace
}  // namespace tcqf::control::meter
