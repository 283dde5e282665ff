// Reading captures: every format and byte order, times exact to the nanosecond, and what bad files
// get.
#include "control/lab/capture.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "control/lab/capture_writer.h"
#include "tests/lab/capture_bytes.h"

namespace tcqf::control {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::int64_t kSecond = 1'000'000'000;
const Order kLittle{std::endian::little};
const Order kBig{std::endian::big};

struct Read {
    std::int64_t time_ns = 0;
    Octets octets;
    bool operator==(const Read&) const = default;
};

std::vector<Read> read_all(const std::string& path) {
    CaptureReader reader(path);
    std::vector<Read> packets;
    CapturedPacket packet;
    while (reader.next(packet)) {
        packets.push_back({packet.time_ns, {packet.octets.begin(), packet.octets.end()}});
    }
    return packets;
}

std::vector<Read> read_all(const Octets& capture) {
    const TemporaryDirectory directory;
    return read_all(directory.write("capture", capture));
}

/// The error that a capture named bad.pcap gives, without the directory; empty where there is none.
std::string error_of(const Octets& capture) {
    const TemporaryDirectory directory;
    const std::string path = directory.write("bad.pcap", capture);
    try {
        read_all(path);
    } catch (const CaptureError& error) {
        const std::string text = error.what();
        EXPECT_THAT(text, StartsWith(path + ": "));
        return text.substr(path.size() + 2);
    }
    return "";
}

TEST(Pcap, FourMagicsGiveTimesInNanoseconds) {
    for (const Order order : {kLittle, kBig}) {
        const Pcap pcap{order};
        EXPECT_THAT(read_all(pcap.header(Pcap::kNanoseconds) +
                             pcap.record(1'700'000'000, 123'456'789, frame(1))),
                    ElementsAre(Read{1'700'000'000 * kSecond + 123'456'789, frame(1)}));
        EXPECT_THAT(read_all(pcap.header(Pcap::kMicroseconds) +
                             pcap.record(1'700'000'000, 999'999, frame(2))),
                    ElementsAre(Read{1'700'000'000 * kSecond + 999'999'000, frame(2)}));
    }
}

TEST(Pcap, SecondsAreUnsigned) {
    const Pcap pcap{kLittle};
    EXPECT_EQ(read_all(pcap.header(Pcap::kNanoseconds) + pcap.record(4'294'967'295, 1, frame(1)))
                  .front()
                  .time_ns,
              4'294'967'295 * kSecond + 1);
}

TEST(Pcap, FramesOfEveryLength) {
    const Pcap pcap{kLittle};
    for (const std::size_t octets : {0u, 1u, 13u, 14u, 60u, 1514u, 9018u, 65'536u, 262'144u}) {
        EXPECT_THAT(read_all(pcap.header(Pcap::kNanoseconds) + pcap.record(1, 2, frame(7, octets))),
                    ElementsAre(Read{kSecond + 2, frame(7, octets)}));
    }
}

TEST(Pcap, WithoutPacketsIsEmpty) {
    EXPECT_THAT(read_all(Pcap{kBig}.header(Pcap::kMicroseconds)), ElementsAre());
}

TEST(Pcap, CheckSequenceThatTheHeaderAnnouncesIsTakenOff) {
    const Pcap pcap{kLittle};
    // F bit and a length of two 16-bit words in the top bits of the link type.
    EXPECT_THAT(
        read_all(pcap.header(Pcap::kNanoseconds, 0x2400'0001) + pcap.record(1, 2, frame(3, 64))),
        ElementsAre(Read{kSecond + 2, frame(3, 60)}));
}

TEST(Pcap, CutPacketIsNamedByItsNumber) {
    const Pcap pcap{kLittle};
    EXPECT_THAT(error_of(pcap.header(Pcap::kNanoseconds) + pcap.record(1, 0, frame(1)) +
                         pcap.record(1, 1, frame(2, 96), 1514) + pcap.record(1, 2, frame(3))),
                AllOf(StartsWith("packet 2: cut short, 96 of 1514 octets"), HasSubstr("snap")));
}

TEST(Pcap, PacketBeyondTheSnapLengthOfTheFileIsRefused) {
    const Pcap pcap{kLittle};
    Octets header = pcap.header(Pcap::kNanoseconds);
    header[16] = 1;  // the snap length
    header[17] = header[18] = header[19] = 0;
    // Shortened to one octet it would look whole: the record says that one was on the wire.
    EXPECT_THAT(error_of(header + pcap.record(1, 0, frame(1, 60), 1)),
                StartsWith("packet 1: it is longer than the snap length"));
}

TEST(Pcap, MoreCapturedThanSentIsRefused) {
    const Pcap pcap{kLittle};
    EXPECT_THAT(error_of(pcap.header(Pcap::kNanoseconds) + pcap.record(1, 0, frame(1, 60), 59)),
                StartsWith("packet 1: "));
}

TEST(Pcap, FileThatEndsWithinARecordNamesThePacket) {
    const Pcap pcap{kLittle};
    const Octets whole =
        pcap.header(Pcap::kNanoseconds) + pcap.record(1, 0, frame(1)) + pcap.record(2, 0, frame(2));
    for (std::size_t cut = 1; cut < 76; ++cut) {
        EXPECT_THAT(error_of(Octets(whole.begin(), whole.end() - static_cast<long>(cut))),
                    StartsWith("packet 2: "))
            << cut << " octets cut off";
    }
}

TEST(Pcap, FractionOfASecondOrMoreIsRefused) {
    const Pcap pcap{kLittle};
    EXPECT_THAT(error_of(pcap.header(Pcap::kNanoseconds) + pcap.record(1, 1'000'000'000, frame(1))),
                StartsWith("packet 1: "));
}

TEST(Pcap, OtherLinkTypesAreNamed) {
    EXPECT_THAT(error_of(Pcap{kLittle}.header(Pcap::kNanoseconds, 101)),
                AllOf(HasSubstr("RAW"), HasSubstr("Ethernet")));
}

TEST(Pcapng, TimesAtEveryDecimalResolution) {
    for (const Order order : {kLittle, kBig}) {
        const Pcapng file{order};
        std::uint64_t ticks = 17;  // seconds
        std::int64_t time_ns = 17 * kSecond;
        for (std::uint8_t exponent = 0; exponent <= 17; ++exponent) {
            EXPECT_THAT(read_all(file.section() + file.interface_with_resolution(exponent) +
                                 file.packet(0, ticks, frame(1))),
                        ElementsAre(Read{time_ns, frame(1)}))
                << "10^-" << int{exponent};
            // One more digit: 17.1, 17.11, ... s
            ticks = ticks * 10 + 1;
            if (exponent < 9) {
                std::int64_t digit_ns = kSecond;
                for (unsigned i = 0; i <= exponent; ++i) {
                    digit_ns /= 10;
                }
                time_ns += digit_ns;
            }
        }
    }
}

TEST(Pcapng, TimesAtEveryBinaryResolution) {
    const Pcapng file{kLittle};
    for (std::uint8_t exponent = 0; exponent <= 62; ++exponent) {
        // One second and, from 2^-1 s on, one half.
        const std::uint64_t ticks =
            exponent == 0 ? 1
                          : (std::uint64_t{1} << exponent) + (std::uint64_t{1} << (exponent - 1));
        EXPECT_EQ(
            read_all(file.section() +
                     file.interface_with_resolution(static_cast<std::uint8_t>(0x80 | exponent)) +
                     file.packet(0, ticks, frame(1)))
                .front()
                .time_ns,
            exponent == 0 ? kSecond : kSecond + kSecond / 2)
            << "2^-" << int{exponent};
    }
}

TEST(Pcapng, TimesFinerThanANanosecondAreRoundedDown) {
    const Pcapng file{kLittle};
    EXPECT_THAT(read_all(file.section() + file.interface_with_resolution(12) +
                         file.packet(0, 5'999, frame(1)) + file.packet(0, 6'000, frame(2))),
                ElementsAre(Read{5, frame(1)}, Read{6, frame(2)}));
    // 2^-40 s: all ones below a second is one tick less than a second.
    EXPECT_EQ(read_all(file.section() + file.interface_with_resolution(0x80 | 40) +
                       file.packet(0, (1ull << 40) - 1, frame(1)))
                  .front()
                  .time_ns,
              kSecond - 1);
}

TEST(Pcapng, WithoutAResolutionMicrosecondsCount) {
    const Pcapng file{kBig};
    EXPECT_THAT(read_all(file.section() + file.interface() +
                         file.packet(0, 1'700'000'000'000'001, frame(1))),
                ElementsAre(Read{1'700'000'000 * kSecond + 1000, frame(1)}));
}

TEST(Pcapng, OffsetOfSecondsIsAdded) {
    const Pcapng file{kBig};
    const Octets interface =
        file.interface(file.option(9, {9}) + file.option(14, file.o.u64(1'700'000'000)));
    EXPECT_THAT(read_all(file.section() + interface + file.packet(0, 5, frame(1))),
                ElementsAre(Read{1'700'000'000 * kSecond + 5, frame(1)}));
}

TEST(Pcapng, InterfacesDifferInResolutionAndSnapLength) {
    const Pcapng file{kLittle};
    EXPECT_THAT(read_all(file.section() + file.interface(file.option(9, {9}), 1, 65'535) +
                         file.interface(file.option(9, {3}), 1, 262'144) +
                         file.packet(0, kSecond, frame(1)) + file.packet(1, 1001, frame(2))),
                ElementsAre(Read{kSecond, frame(1)}, Read{1'001'000'000, frame(2)}));
}

TEST(Pcapng, SectionsHaveInterfacesAndByteOrdersOfTheirOwn) {
    const Pcapng little{kLittle};
    const Pcapng big{kBig};
    EXPECT_THAT(read_all(little.section() + little.interface_with_resolution(9) +
                         little.packet(0, 1, frame(1)) + big.section() +
                         big.interface_with_resolution(6) + big.packet(0, 1, frame(2))),
                ElementsAre(Read{1, frame(1)}, Read{1000, frame(2)}));
}

TEST(Pcapng, BlocksOfOtherKindsAreSkipped) {
    const Pcapng file{kLittle};
    EXPECT_THAT(read_all(file.section() + file.block(0x0000'0BAD, Octets(4096, 9)) +
                         file.interface_with_resolution(9) + file.block(4, Octets(8, 0)) +
                         file.packet(0, 1, frame(1, 61)) + file.block(5, Octets(12, 0))),
                ElementsAre(Read{1, frame(1, 61)}));
}

TEST(Pcapng, ObsoletePacketBlocksAreRead) {
    const Pcapng file{kBig};
    const Octets packet =
        file.block(2, file.o.u16(0) + file.o.u16(0xFFFF) + file.o.u32(0) + file.o.u32(77) +
                          file.o.u32(60) + file.o.u32(60) + frame(4));
    EXPECT_THAT(read_all(file.section() + file.interface_with_resolution(9) + packet),
                ElementsAre(Read{77, frame(4)}));
}

TEST(Pcapng, CheckSequenceOfTheInterfaceIsTakenOff) {
    const Pcapng file{kLittle};
    EXPECT_THAT(read_all(file.section() + file.interface(file.option(13, {4})) +
                         file.packet(0, 1, frame(1, 64))),
                ElementsAre(Read{1000, frame(1, 60)}));
}

TEST(Pcapng, WithoutInterfacesOrPacketsIsEmpty) {
    const Pcapng file{kLittle};
    EXPECT_THAT(read_all(file.section()), ElementsAre());
    EXPECT_THAT(read_all(file.section() + file.interface({}, 113)), ElementsAre());
}

TEST(Pcapng, PacketsThatCannotBeReplayedAreNamed) {
    const Pcapng file{kLittle};
    const Octets start = file.section() + file.interface_with_resolution(9) +
                         file.interface({}, 113) + file.packet(0, 1, frame(1));
    EXPECT_THAT(error_of(start + file.packet(0, 2, frame(2, 60), 61)),
                StartsWith("packet 2: cut short, 60 of 61"));
    EXPECT_THAT(error_of(start + file.packet(1, 2, frame(2))),
                AllOf(StartsWith("packet 2: "), HasSubstr("113"), HasSubstr("Ethernet")));
    EXPECT_THAT(error_of(start + file.packet(2, 2, frame(2))),
                StartsWith("packet 2: its interface 2 is not described"));
    EXPECT_THAT(error_of(start + file.block(3, file.o.u32(60) + frame(2))),
                AllOf(StartsWith("packet 2: "), HasSubstr("no arrival time")));
    EXPECT_THAT(error_of(start + file.packet(0, ~0ull, frame(2))),
                AllOf(StartsWith("packet 2: "), HasSubstr("1970 to 2105")));
    EXPECT_THAT(error_of(start + file.packet(0, 2, frame(2, 262'148))),
                AllOf(StartsWith("packet 2: "), HasSubstr("262144")));
    // Claims more than its block holds.
    EXPECT_THAT(error_of(start + file.block(6, file.o.u32(0) + file.o.u64(0) + file.o.u32(64) +
                                                   file.o.u32(64) + frame(2, 60))),
                StartsWith("packet 2: longer than its block"));
}

TEST(Pcapng, FileThatEndsWithinABlockNamesThePacket) {
    const Pcapng file{kBig};
    const Octets whole = file.section() + file.interface_with_resolution(9) +
                         file.packet(0, 1, frame(1)) + file.packet(0, 2, frame(2));
    const std::size_t last = file.packet(0, 2, frame(2)).size();
    for (std::size_t cut = 1; cut < last; ++cut) {
        EXPECT_THAT(error_of(Octets(whole.begin(), whole.end() - static_cast<long>(cut))),
                    StartsWith("packet 2: "))
            << cut << " octets cut off";
    }
}

TEST(Pcapng, BrokenStructureIsRefused) {
    const Pcapng file{kLittle};
    const Order& o = file.o;
    EXPECT_NE(error_of(file.section() + o.u32(6) + o.u32(8)), "");  // shorter than a block can be
    EXPECT_NE(error_of(file.section() + o.u32(6) + o.u32(33) + Octets(25, 0)), "");
    EXPECT_NE(error_of(file.section() + o.u32(4) + o.u32(12) + o.u32(16)), "");  // two lengths
    EXPECT_NE(error_of(file.section() + o.u32(6) + o.u32(0xFFFF'FFFC) + Octets(64, 0)), "");
    EXPECT_NE(error_of(file.section() + file.block(1, o.u16(1))), "");
    EXPECT_NE(error_of(file.section() + file.block(6, o.u32(0))), "");
    EXPECT_NE(error_of(file.block(0x0A0D0D0A, o.u32(0x12345678) + Octets(12, 0))), "");
    EXPECT_NE(error_of(file.block(0x0A0D0D0A, o.u32(0x1A2B3C4D) + o.u16(2) + Octets(10, 0))), "");
    // An option of the interface longer than the block.
    EXPECT_NE(error_of(file.section() + file.interface(o.u16(2) + o.u16(400) + Octets(4, 0))), "");
}

TEST(Capture, WhatIsNoneIsRefusedByName) {
    EXPECT_THAT(error_of({}), HasSubstr("no capture"));
    EXPECT_THAT(error_of({0x0A, 0x0D}), HasSubstr("no capture"));
    EXPECT_THAT(error_of(Octets(4096, 'x')), HasSubstr("no capture"));
    EXPECT_THAT(error_of({0xA1, 0xB2, 0xC3, 0xD4}), HasSubstr("no capture"));
    EXPECT_THROW(CaptureReader("/nonexistent/capture"), CaptureError);
    EXPECT_THROW(CaptureReader("/"), CaptureError);
}

TEST(Capture, OutOfOrderIsSortedByTimeAndStable) {
    const Pcap pcap{kBig};
    const Octets classic = pcap.header(Pcap::kNanoseconds) + pcap.record(5, 0, frame(1, 100)) +
                           pcap.record(3, 0, frame(2, 64)) + pcap.record(5, 0, frame(3, 0)) +
                           pcap.record(3, 0, frame(4, 1500)) + pcap.record(4, 0, frame(5));
    const Pcapng file{kLittle};
    const Octets modern = file.section() + file.interface_with_resolution(0) +
                          file.packet(0, 5, frame(1, 100)) + file.packet(0, 3, frame(2, 64)) +
                          file.section() + file.interface_with_resolution(0) +
                          file.packet(0, 5, frame(3, 0)) + file.packet(0, 3, frame(4, 1500)) +
                          file.packet(0, 4, frame(5));
    for (const Octets& capture : {classic, modern}) {
        EXPECT_THAT(read_all(capture),
                    ElementsAre(Read{3 * kSecond, frame(2, 64)}, Read{3 * kSecond, frame(4, 1500)},
                                Read{4 * kSecond, frame(5)}, Read{5 * kSecond, frame(1, 100)},
                                Read{5 * kSecond, frame(3, 0)}));
    }
}

TEST(Capture, SummaryTellsOrderLastTimeAndLongestFrame) {
    const TemporaryDirectory directory;
    const Pcap pcap{kLittle};
    const CaptureReader ordered(directory.write(
        "a", pcap.header(Pcap::kNanoseconds) + pcap.record(1, 0, frame(1, 70)) +
                 pcap.record(1, 0, frame(2, 90)) + pcap.record(2, 5, frame(3, 60))));
    EXPECT_TRUE(ordered.summary().in_order);
    EXPECT_EQ(ordered.summary().packets, 3u);
    EXPECT_EQ(ordered.summary().last_time_ns, 2 * kSecond + 5);
    EXPECT_EQ(ordered.summary().longest_octets, 90u);
    const CaptureReader turned(directory.write("b", pcap.header(Pcap::kNanoseconds) +
                                                        pcap.record(2, 1, frame(1)) +
                                                        pcap.record(2, 0, frame(2))));
    EXPECT_FALSE(turned.summary().in_order);
    EXPECT_EQ(turned.summary().last_time_ns, 2 * kSecond + 1);
}

/// Writes another content into the same file, as who still captures into it does.
void rewrite(const std::string& path, const Octets& content) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(content.data()),
               static_cast<std::streamsize>(content.size()));
}

TEST(Capture, WhatIsAppendedAfterTheFirstPassIsLeftOut) {
    const TemporaryDirectory directory;
    const Pcap pcap{kLittle};
    const Octets one = pcap.header(Pcap::kNanoseconds) + pcap.record(1, 0, frame(1, 60));
    const std::string path = directory.write("growing", one);
    CaptureReader reader(path);
    rewrite(path, one + pcap.record(2, 0, frame(2, 9000)));
    CapturedPacket packet;
    ASSERT_TRUE(reader.next(packet));
    EXPECT_EQ(packet.octets.size(), 60u);
    EXPECT_FALSE(reader.next(packet));
}

TEST(Capture, OneThatChangesAfterTheFirstPassIsAnError) {
    const TemporaryDirectory directory;
    const Pcap pcap{kLittle};
    // Longer than what a stream reads ahead.
    const Octets first = pcap.header(Pcap::kNanoseconds) + pcap.record(1, 0, frame(1, 9000));
    const std::string path = directory.path("changing");
    for (const Octets& later : {first, first + pcap.record(1, 0, frame(2, 9001))}) {
        rewrite(path, first + pcap.record(1, 0, frame(2, 60)));
        CaptureReader reader(path);
        rewrite(path, later);
        CapturedPacket packet;
        ASSERT_TRUE(reader.next(packet));
        EXPECT_THROW(reader.next(packet), CaptureError);
    }
}

TEST(Capture, PipeIsReadLikeAFile) {
    const TemporaryDirectory directory;
    const std::string path = directory.path("pipe");
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    const Pcap pcap{kLittle};
    Octets capture = pcap.header(Pcap::kNanoseconds);
    for (std::uint32_t i = 0; i < 3000; ++i) {
        capture = capture + pcap.record(1, i, frame(static_cast<std::uint8_t>(i)));
    }
    std::thread writer([&] {
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char*>(capture.data()),
                   static_cast<std::streamsize>(capture.size()));
    });
    const std::vector<Read> packets = read_all(path);
    writer.join();
    ASSERT_EQ(packets.size(), 3000u);
    EXPECT_EQ(packets.back(), (Read{kSecond + 2999, frame(static_cast<std::uint8_t>(2999))}));
}

TEST(CaptureWriter, WritesTheHeaderOfTheWorkedExamples) {
    const TemporaryDirectory directory;
    CaptureWriter writer(directory.path("out.pcap"));
    writer.open();
    writer.close();
    EXPECT_EQ(contents(directory.path("out.pcap")),
              (Octets{0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0,
                      0,    0,    0,    0,    0, 0, 4, 0, 1, 0, 0, 0}));
}

TEST(CaptureWriter, WhatIsWrittenIsReadBack) {
    const TemporaryDirectory directory;
    const std::string path = directory.path("out.pcap");
    std::vector<Read> packets;
    for (std::uint32_t i = 0; i < 2000; ++i) {
        packets.push_back({1'700'000'000 * kSecond + i, frame(static_cast<std::uint8_t>(i), i)});
    }
    CaptureWriter writer(path);
    writer.open();
    for (const Read& packet : packets) {
        writer.write(packet.time_ns, packet.octets);
    }
    writer.close();
    EXPECT_EQ(read_all(path), packets);
}

TEST(CaptureWriter, FullDeviceIsReportedByName) {
    CaptureWriter writer("/dev/full");
    writer.open();
    try {
        writer.close();
        FAIL() << "nothing was reported";
    } catch (const std::system_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("/dev/full"));
        EXPECT_EQ(error.code(), std::errc::no_space_on_device);
    }
}

}  // namespace
}  // namespace tcqf::control
