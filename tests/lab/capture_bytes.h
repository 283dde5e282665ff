// Captures built octet by octet, in both byte orders, and files that go away again.
#pragma once

#include <unistd.h>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace tcqf::control {

using Octets = std::vector<std::uint8_t>;

inline Octets operator+(Octets a, const Octets& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

/// Writes integers in one byte order.
struct Order {
    std::endian order = std::endian::little;

    Octets number(std::uint64_t value, unsigned octets) const {
        Octets result;
        for (unsigned i = 0; i < octets; ++i) {
            const unsigned shift = 8 * (order == std::endian::little ? i : octets - 1 - i);
            result.push_back(static_cast<std::uint8_t>(value >> shift));
        }
        return result;
    }
    Octets u16(std::uint64_t value) const { return number(value, 2); }
    Octets u32(std::uint64_t value) const { return number(value, 4); }
    Octets u64(std::uint64_t value) const { return number(value, 8); }
};

/// A classic capture: `magic` decides between micro- and nanoseconds.
struct Pcap {
    static constexpr std::uint32_t kMicroseconds = 0xA1B2C3D4;
    static constexpr std::uint32_t kNanoseconds = 0xA1B23C4D;

    Order o;

    Octets header(std::uint32_t magic, std::uint32_t link_type = 1,
                  std::uint32_t snap_length = 262'144) const {
        return o.u32(magic) + o.u16(2) + o.u16(4) + o.u32(0) + o.u32(0) + o.u32(snap_length) +
               o.u32(link_type);
    }
    Octets record(std::uint32_t seconds, std::uint32_t fraction, const Octets& frame) const {
        return record(seconds, fraction, frame, frame.size());
    }
    Octets record(std::uint32_t seconds, std::uint32_t fraction, const Octets& frame,
                  std::size_t wire_octets) const {
        return o.u32(seconds) + o.u32(fraction) + o.u32(frame.size()) + o.u32(wire_octets) + frame;
    }
};

struct Pcapng {
    Order o;

    Octets block(std::uint32_t type, const Octets& body) const {
        const Octets padded = body + Octets((4 - body.size() % 4) % 4, 0);
        return o.u32(type) + o.u32(padded.size() + 12) + padded + o.u32(padded.size() + 12);
    }
    Octets section() const {
        return block(0x0A0D0D0A, o.u32(0x1A2B3C4D) + o.u16(1) + o.u16(0) + o.u64(~0ull));
    }
    Octets option(std::uint16_t code, const Octets& value) const {
        return o.u16(code) + o.u16(value.size()) + value + Octets((4 - value.size() % 4) % 4, 0);
    }
    Octets interface(const Octets& options = {}, std::uint16_t link_type = 1,
                     std::uint32_t snap_length = 0) const {
        return block(1, o.u16(link_type) + o.u16(0) + o.u32(snap_length) + options);
    }
    /// Time in units of 10^-n s, or of 2^-n s with the top bit.
    Octets interface_with_resolution(std::uint8_t resolution) const {
        return interface(option(9, {resolution}) + option(0, {}));
    }
    Octets packet(std::uint32_t interface, std::uint64_t ticks, const Octets& frame) const {
        return packet(interface, ticks, frame, frame.size());
    }
    Octets packet(std::uint32_t interface, std::uint64_t ticks, const Octets& frame,
                  std::size_t wire_octets) const {
        return block(6, o.u32(interface) + o.u32(ticks >> 32) + o.u32(ticks & 0xFFFF'FFFF) +
                            o.u32(frame.size()) + o.u32(wire_octets) + frame);
    }
};

/// A frame that can be told from others: `octets` times `mark`.
inline Octets frame(std::uint8_t mark, std::size_t octets = 60) {
    return Octets(octets, mark);
}

/// A directory of one test's own.
class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "tcqf-lab-XXXXXX").string();
        path_ = mkdtemp(name.data());
    }
    ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    std::string path(const std::string& name) const { return (path_ / name).string(); }
    std::string write(const std::string& name, const Octets& content) const {
        std::ofstream(path(name), std::ios::binary)
            .write(reinterpret_cast<const char*>(content.data()),
                   static_cast<std::streamsize>(content.size()));
        return path(name);
    }

  private:
    std::filesystem::path path_;
};

inline Octets contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return Octets(std::istreambuf_iterator<char>(file), {});
}

}  // namespace tcqf::control
