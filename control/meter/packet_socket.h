// Packet sockets (AF_PACKET) on one interface: frames in and out, past the host's own stack.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/address.h"

namespace tcqf::control::meter {

/// Now, by the clock that the cycles follow: CLOCK_TAI.
std::int64_t tai_now_ns();
/// Sleeps until a time of that clock, or until a signal comes.
void sleep_until_tai(std::int64_t time_ns);

class Socket {
  public:
    explicit Socket(int number) : number_(number) {}
    ~Socket();
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    int number() const { return number_; }

  private:
    int number_;
};

/// Throws std::system_error where the interface or the permission is missing.
class TransmitSocket {
  public:
    explicit TransmitSocket(const std::string& interface);

    /// The interface's own.
    const config::MacAddress& mac() const { return mac_; }
    /// Sends frames; returns how many the interface took.
    std::size_t send(std::span<const std::span<std::uint8_t>> frames);

  private:
    std::string interface_;
    Socket socket_;
    config::MacAddress mac_{};
};

struct ReceivedFrame {
    std::int64_t time_ns = 0;              ///< TAI, taken by the kernel when the frame arrived
    std::uint32_t octets = 0;              ///< on the wire
    std::span<const std::uint8_t> stored;  ///< its start; valid until the next call of receive()
};

/// Throws std::system_error as above.
class ReceiveSocket {
  public:
    /// Keeps `snap_octets` of each frame.
    ReceiveSocket(const std::string& interface, std::uint32_t snap_octets);
    ~ReceiveSocket();

    /// What has arrived until now, some hundred frames at most; empty where nothing waits.
    std::span<const ReceivedFrame> receive();
    /// Whether the interface has been removed: then nothing arrives any more. One that is only down
    /// may come back.
    bool is_gone() const;
    /// Frames that arrived and found no room in the socket's buffer, since the last call.
    std::uint32_t lost();

  private:
    struct Batch;

    Socket socket_;
    std::int64_t tai_offset_ns_;  ///< the kernel stamps by CLOCK_REALTIME
    std::unique_ptr<Batch> batch_;
};

}  // namespace tcqf::control::meter
