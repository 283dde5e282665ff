// Probes: what is made is read back, is right by its checksums, and is never read past its end.
#include "control/meter/probe.h"

#include <gtest/gtest.h>

#include "dataplane/headers.h"

namespace tcqf::control::meter {
namespace {

using namespace dataplane;

ProbeShape shape_v4() {
    ProbeShape shape;
    shape.to = {2, 0, 0, 0, 0, 1};
    shape.from = {2, 0, 0, 0, 0, 2};
    shape.source = *config::IpAddress::parse("10.1.0.2");
    shape.destination = *config::IpAddress::parse("10.9.0.2");
    return shape;
}

ProbeShape shape_v6() {
    ProbeShape shape = shape_v4();
    shape.source = *config::IpAddress::parse("2001:db8:1::2");
    shape.destination = *config::IpAddress::parse("2001:db8:9::2");
    return shape;
}

std::vector<std::uint8_t> frame_of(const ProbeShape& shape) {
    const ProbeTemplate probe(shape);
    std::vector<std::uint8_t> frame = probe.frame();
    probe.stamp(frame, 7, 0x1'0000'0002, 1'700'000'000'123'456'789);
    return frame;
}

/// Sum that a receiver forms over the pseudo-header and the datagram: 0xffff where it is right.
std::uint16_t udp_sum(const std::uint8_t* addresses, unsigned address_octets,
                      const std::vector<std::uint8_t>& frame, std::size_t udp_offset) {
    const auto octets = static_cast<std::uint32_t>(frame.size() - udp_offset);
    std::uint32_t sum = checksum_add(addresses, address_octets) + protocol::kUdp + octets;
    sum = checksum_add(frame.data() + udp_offset, octets, sum);
    return checksum_fold(checksum_fold(sum));
}

void expect_read_back(const std::vector<std::uint8_t>& frame) {
    const auto probe = parse_probe(frame, 0xB1);
    ASSERT_TRUE(probe);
    EXPECT_EQ(probe->stamp.stream, 7u);
    EXPECT_EQ(probe->stamp.sequence, 0x1'0000'0002u);
    EXPECT_EQ(probe->stamp.sent_ns, 1'700'000'000'123'456'789);
}

TEST(Probe, Ipv4IsReadBackWithItsDscpAndRightChecksums) {
    ProbeShape shape = shape_v4();
    shape.dscp = 46;
    const auto frame = frame_of(shape);
    EXPECT_EQ(frame.size(), 14u + 300);
    EXPECT_TRUE(ipv4::checksum_right(frame.data() + 14));
    EXPECT_EQ(udp_sum(frame.data() + 26, 8, frame, 34), 0xffff);
    expect_read_back(frame);
    const ProbeMarks marks = parse_probe(frame, 0xB1)->marks;
    EXPECT_EQ(marks.dscp, 46);
    EXPECT_FALSE(marks.traffic_class);
    EXPECT_FALSE(marks.hop_by_hop_cycle);
}

TEST(Probe, Ipv6IsReadBackWithRightChecksum) {
    ProbeShape shape = shape_v6();
    shape.octets = 333;  // odd
    const auto frame = frame_of(shape);
    EXPECT_EQ(udp_sum(frame.data() + 22, 32, frame, 54), 0xffff);
    expect_read_back(frame);
}

TEST(Probe, OptionIsFoundInTheHeaderItIsIn) {
    ProbeShape shape = shape_v6();
    shape.cycle_id = 3;
    shape.option_header = config::OptionHeader::hop_by_hop;
    auto frame = frame_of(shape);
    expect_read_back(frame);
    EXPECT_EQ(udp_sum(frame.data() + 22, 32, frame, 62), 0xffff);
    EXPECT_EQ(parse_probe(frame, 0xB1)->marks.hop_by_hop_cycle, 3);
    EXPECT_FALSE(parse_probe(frame, 0xB1)->marks.destination_cycle);
    EXPECT_FALSE(parse_probe(frame, 0x1E)->marks.hop_by_hop_cycle);

    shape.option_header = config::OptionHeader::destination;
    frame = frame_of(shape);
    expect_read_back(frame);
    EXPECT_EQ(parse_probe(frame, 0xB1)->marks.destination_cycle, 3);
    EXPECT_FALSE(parse_probe(frame, 0xB1)->marks.hop_by_hop_cycle);
}

TEST(Probe, UnderLabelsOnlyTheTopTrafficClassIsAMark) {
    ProbeShape shape = shape_v4();
    shape.labels = {100, 200};
    shape.traffic_class = 5;
    auto frame = frame_of(shape);
    mpls::set_tc(frame.data() + 18, 1);  // the lower label's
    expect_read_back(frame);
    const ProbeMarks marks = parse_probe(frame, 0xB1)->marks;
    EXPECT_EQ(marks.traffic_class, 5);
    EXPECT_FALSE(marks.dscp);
}

TEST(Probe, SmallestSizeHoldsExactlyHeadersAndStamp) {
    ProbeShape shape = shape_v6();
    shape.option_header = config::OptionHeader::hop_by_hop;
    shape.octets = smallest_octets(shape);
    EXPECT_EQ(shape.octets, 40u + 8 + 8 + 32);
    expect_read_back(frame_of(shape));
}

TEST(Probe, EveryCutFrameIsNoProbe) {
    ProbeShape shape = shape_v6();
    shape.labels = {100, 200};
    shape.option_header = config::OptionHeader::hop_by_hop;
    const auto frame = frame_of(shape);
    const std::size_t end_of_stamp = 14 + 8 + 40 + 8 + 8 + 32;
    for (std::size_t octets = 0; octets < end_of_stamp; ++octets) {
        // A copy of its own size, so that a read past the end is one past the allocation.
        const std::vector<std::uint8_t> cut(frame.begin(),
                                            frame.begin() + static_cast<std::ptrdiff_t>(octets));
        EXPECT_FALSE(parse_probe(cut, 0xB1)) << octets;
    }
    expect_read_back({frame.begin(), frame.begin() + end_of_stamp});
}

TEST(Probe, OtherTrafficIsNoProbe) {
    auto frame = frame_of(shape_v4());
    frame[14 + 20 + 8] ^= 1;  // the magic number
    EXPECT_FALSE(parse_probe(frame, 0xB1));
    frame = frame_of(shape_v4());
    frame[12] = 0x08;
    frame[13] = 0x06;
    EXPECT_FALSE(parse_probe(frame, 0xB1));
}

}  // namespace
}  // namespace tcqf::control::meter
