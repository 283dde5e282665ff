// pcapng files (draft-ietf-opsawg-pcapng).
//
// Not through libpcap: version 1.10 overflows, and so gives wrong times, for resolutions of powers
// of two beyond 2^-34 s, and refuses interfaces that differ in snap length, sections that differ in
// byte order, and a file without interfaces, all of which are valid and occur in merged captures.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "control/lab/capture_file.h"
#include "control/second.h"

namespace tcqf::control {

namespace {

// Types of blocks.
constexpr std::uint32_t kInterfaceDescription = 0x00000001;
constexpr std::uint32_t kObsoletePacket = 0x00000002;
constexpr std::uint32_t kSimplePacket = 0x00000003;
constexpr std::uint32_t kEnhancedPacket = 0x00000006;
constexpr std::uint32_t kSectionHeader = 0x0A0D0D0A;

constexpr std::uint32_t kByteOrderMagic = 0x1A2B3C4D;
constexpr std::uint32_t kBlockOverhead = 12;         // type, length, length again
constexpr std::uint32_t kMaxReadOctets = 16u << 20;  // of a block that is read; others are skipped

// Options of an interface.
constexpr std::uint16_t kEndOfOptions = 0;
constexpr std::uint16_t kTimeResolution = 9;
constexpr std::uint16_t kFcsLength = 13;
constexpr std::uint16_t kTimeOffset = 14;

struct Interface {
    std::uint16_t link_type = 0;
    std::uint8_t resolution = 6;  // 10^-n s, or 2^-n s where the top bit is set
    std::uint8_t fcs_octets = 0;
    std::int64_t offset_s = 0;
};

/// Ticks of an interface as nanoseconds since 1970, rounded down.
WideNs time_ns(const Interface& interface, std::uint64_t ticks) {
    const unsigned exponent = interface.resolution & 0x7F;
    WideNs ns = ticks;
    if ((interface.resolution & 0x80) != 0) {
        ns = ns * kNsPerSecond >> exponent;
    } else {
        for (unsigned i = exponent; i < 9; ++i) {
            ns *= 10;
        }
        for (unsigned i = 9; i < exponent; ++i) {
            ns /= 10;
        }
    }
    return ns + WideNs{interface.offset_s} * kNsPerSecond;
}

class PcapngFile final : public CaptureFile {
  public:
    PcapngFile(FilePtr file, const std::string& path) : file_(std::move(file)), path_(path) {}

    bool next(CapturedPacket& packet) override {
        while (read_block()) {
            switch (type_) {
                case kSectionHeader:
                    start_section();
                    break;
                case kInterfaceDescription:
                    add_interface();
                    break;
                case kEnhancedPacket:
                    take_packet(packet, field32(0));
                    return true;
                case kObsoletePacket:
                    take_packet(packet, field16(0));
                    return true;
                case kSimplePacket:
                    ++number_;
                    fail("has no arrival time: it is in a simple packet block");
                default:
                    break;
            }
        }
        return false;
    }

  private:
    /// An error of the current packet.
    [[noreturn]] void fail(const std::string& what) const {
        throw CaptureError(path_, number_, what);
    }
    /// An error on the way to the next packet: it is named as that packet's.
    [[noreturn]] void fail_block(const std::string& what) const {
        throw CaptureError(path_, number_ + 1, what);
    }

    template <class T>
    T ordered(T value) const {
        if (swapped_) {
            auto octets = std::bit_cast<std::array<std::uint8_t, sizeof(T)>>(value);
            std::reverse(octets.begin(), octets.end());
            value = std::bit_cast<T>(octets);
        }
        return value;
    }
    template <class T>
    T field(std::size_t position) const {
        if (body_.size() < position + sizeof(T)) {
            fail_block(fmt::format("a block of type {} is too short", type_));
        }
        T value;
        std::memcpy(&value, body_.data() + position, sizeof value);
        return ordered(value);
    }
    std::uint16_t field16(std::size_t position) const { return field<std::uint16_t>(position); }
    std::uint32_t field32(std::size_t position) const { return field<std::uint32_t>(position); }

    void read_exactly(void* to, std::size_t octets) {
        if (std::fread(to, 1, octets, file_.get()) != octets) {
            fail_block("the file ends within it");
        }
    }

    /// Reads the next block; its body only where the type matters here. False at the end.
    bool read_block() {
        std::array<std::uint32_t, 2> head;
        const std::size_t got = std::fread(head.data(), 1, sizeof head, file_.get());
        if (got == 0 && std::feof(file_.get())) {
            return false;
        }
        if (got != sizeof head) {
            fail_block("the file ends within it");
        }
        std::uint32_t order = 0;
        if (head[0] == kSectionHeader) {
            read_exactly(&order, sizeof order);
            if (order != kByteOrderMagic && order != __builtin_bswap32(kByteOrderMagic)) {
                fail_block("a section without the byte-order magic");
            }
            swapped_ = order != kByteOrderMagic;
        }
        type_ = ordered(head[0]);
        const std::uint32_t length = ordered(head[1]);
        const std::uint32_t already = order != 0 ? sizeof order : 0;
        if (length < kBlockOverhead + already || length % 4 != 0) {
            fail_block(fmt::format("a block claims a length of {}", length));
        }
        read_body(length - kBlockOverhead - already);
        std::uint32_t length_again;
        read_exactly(&length_again, sizeof length_again);
        if (ordered(length_again) != length) {
            fail_block("the two lengths of a block differ");
        }
        return true;
    }

    void read_body(std::uint32_t octets) {
        const bool matters = type_ == kSectionHeader || type_ == kInterfaceDescription ||
                             type_ == kObsoletePacket || type_ == kSimplePacket ||
                             type_ == kEnhancedPacket;
        if (!matters) {
            body_.clear();
            if (fseeko(file_.get(), octets, SEEK_CUR) != 0) {
                fail_block("cannot seek");
            }
            return;
        }
        if (octets > kMaxReadOctets) {
            fail_block(
                fmt::format("a block of {} octets; at most {} can be", octets, kMaxReadOctets));
        }
        body_offset_ = ftello(file_.get());
        body_.resize(octets);
        read_exactly(body_.data(), octets);
    }

    void start_section() {
        const std::uint16_t major = field16(0);
        if (major != 1) {
            fail_block(fmt::format("pcapng version {}; only version 1 is known", major));
        }
        interfaces_.clear();
    }

    void add_interface() {
        Interface interface;
        interface.link_type = field16(0);
        field32(4);  // the snap length: each packet tells whether it was cut
        std::size_t position = 8;
        while (position + 4 <= body_.size()) {
            const std::uint16_t code = field16(position);
            const std::uint16_t length = field16(position + 2);
            position += 4;
            if (code == kEndOfOptions) {
                break;
            }
            if (code == kTimeResolution && length == 1) {
                interface.resolution = field<std::uint8_t>(position);
            } else if (code == kFcsLength && length == 1) {
                interface.fcs_octets = field<std::uint8_t>(position);
            } else if (code == kTimeOffset && length == 8) {
                interface.offset_s = static_cast<std::int64_t>(field<std::uint64_t>(position));
            } else if (body_.size() < position + length) {
                fail_block("an option of an interface is too long");
            }
            position += (length + 3u) & ~3u;
        }
        interfaces_.push_back(interface);
    }

    /// Enhanced and obsolete packet blocks differ only in how they name the interface.
    void take_packet(CapturedPacket& packet, std::uint32_t interface_id) {
        constexpr std::size_t kData = 20;
        const std::uint64_t ticks = std::uint64_t{field32(4)} << 32 | field32(8);
        const std::uint32_t captured = field32(12);
        const std::uint32_t on_wire = field32(16);
        ++number_;
        if (interface_id >= interfaces_.size()) {
            fail(fmt::format("its interface {} is not described", interface_id));
        }
        const Interface& interface = interfaces_[interface_id];
        if (interface.link_type != kLinkTypeEthernet) {
            fail(fmt::format("its interface has link type {}; only Ethernet (1) can be replayed",
                             interface.link_type));
        }
        if (captured > body_.size() - kData) {
            fail("longer than its block");
        }
        const WideNs time = time_ns(interface, ticks);
        check_packet(path_, number_, captured, on_wire, time);
        packet.time_ns = static_cast<std::int64_t>(time);
        packet.octets = {body_.data() + kData,
                         captured - std::min<std::uint32_t>(interface.fcs_octets, captured)};
        packet.offset = body_offset_ + static_cast<std::int64_t>(kData);
    }

    FilePtr file_;
    std::string path_;
    bool swapped_ = false;  // the section's byte order is not this machine's
    std::uint32_t type_ = 0;
    std::int64_t body_offset_ = 0;
    std::vector<std::uint8_t> body_;
    std::vector<Interface> interfaces_;
    std::uint64_t number_ = 0;
};

}  // namespace

std::unique_ptr<CaptureFile> read_pcapng(FilePtr file, const std::string& path) {
    return std::make_unique<PcapngFile>(std::move(file), path);
}

}  // namespace tcqf::control
