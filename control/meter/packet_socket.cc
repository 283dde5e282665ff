#include "control/meter/packet_socket.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <system_error>

#include "control/second.h"

namespace tcqf::control::meter {

namespace {

constexpr std::size_t kSendBatch = 64;
constexpr std::size_t kReceiveBatch = 256;
constexpr int kReceiveBufferOctets = 128 << 20;

/// The kernel keeps it as whole seconds.
std::int64_t tai_offset_ns() {
    const std::int64_t difference = read_clock_ns(CLOCK_TAI) - read_clock_ns(CLOCK_REALTIME);
    return (difference + kNsPerSecond / 2) / kNsPerSecond * kNsPerSecond;
}

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

int open_socket(const std::string& interface) {
    const int number = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (number < 0) {
        fail("a packet socket on " + interface + " (it needs root or CAP_NET_RAW)");
    }
    return number;
}

/// With `protocol` 0 the socket only sends.
void bind_to(int number, const std::string& interface, std::uint16_t protocol) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(protocol);
    address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    if (address.sll_ifindex == 0 ||
        bind(number, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        fail("interface " + interface);
    }
}

template <class Value>
bool set_option(int number, int level, int name, const Value& value) {
    return setsockopt(number, level, name, &value, sizeof value) == 0;
}

config::MacAddress mac_of(int number, const std::string& interface) {
    ifreq request{};
    interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
    if (ioctl(number, SIOCGIFHWADDR, &request) != 0) {
        fail("MAC address of " + interface);
    }
    config::MacAddress mac;
    std::copy_n(request.ifr_hwaddr.sa_data, mac.size(), mac.begin());
    return mac;
}

}  // namespace

std::int64_t tai_now_ns() {
    return read_clock_ns(CLOCK_TAI);
}

void sleep_until_tai(std::int64_t time_ns) {
    timespec until{};
    until.tv_sec = time_ns / kNsPerSecond;
    until.tv_nsec = time_ns % kNsPerSecond;
    clock_nanosleep(CLOCK_TAI, TIMER_ABSTIME, &until, nullptr);
}

Socket::~Socket() {
    close(number_);
}

TransmitSocket::TransmitSocket(const std::string& interface)
    : interface_(interface), socket_(open_socket(interface)) {
    bind_to(socket_.number(), interface, 0);
    set_option(socket_.number(), SOL_PACKET, PACKET_QDISC_BYPASS, int{1});
    mac_ = mac_of(socket_.number(), interface);
}

std::size_t TransmitSocket::send(std::span<const std::span<std::uint8_t>> frames) {
    std::array<mmsghdr, kSendBatch> messages{};
    std::array<iovec, kSendBatch> parts{};
    const std::size_t count = std::min(frames.size(), kSendBatch);
    for (std::size_t i = 0; i < count; ++i) {
        parts[i] = {.iov_base = frames[i].data(), .iov_len = frames[i].size()};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    std::size_t sent = 0;
    for (std::size_t next = 0; next < count;) {
        const int taken = sendmmsg(socket_.number(), messages.data() + next,
                                   static_cast<unsigned>(count - next), 0);
        if (taken > 0) {
            sent += static_cast<std::size_t>(taken);
            next += static_cast<std::size_t>(taken);
        } else if (errno == ENOBUFS || errno == EAGAIN) {
            ++next;  // this one found no room
        } else if (errno != EINTR) {
            fail("interface " + interface_ + ": cannot send");
        }
    }
    return sent;
}

struct ReceiveSocket::Batch {
    explicit Batch(std::uint32_t snap_octets)
        : snap(snap_octets), octets(kReceiveBatch * snap_octets) {}

    static constexpr std::size_t kControlOctets = CMSG_SPACE(sizeof(timespec));
    struct alignas(cmsghdr) Control {
        std::array<char, kControlOctets> octets;
    };

    std::uint32_t snap;
    std::vector<std::uint8_t> octets;
    std::array<mmsghdr, kReceiveBatch> messages{};
    std::array<iovec, kReceiveBatch> parts{};
    std::array<Control, kReceiveBatch> controls{};
    std::array<ReceivedFrame, kReceiveBatch> frames{};

    void prepare() {
        for (std::size_t i = 0; i < kReceiveBatch; ++i) {
            parts[i] = {.iov_base = octets.data() + i * snap, .iov_len = snap};
            msghdr& header = messages[i].msg_hdr;
            header = {};
            header.msg_iov = &parts[i];
            header.msg_iovlen = 1;
            header.msg_control = controls[i].octets.data();
            header.msg_controllen = kControlOctets;
        }
    }

    std::int64_t stamp_of(std::size_t i) {
        msghdr& header = messages[i].msg_hdr;
        for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
             part = CMSG_NXTHDR(&header, part)) {
            if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SO_TIMESTAMPNS) {
                timespec time{};
                std::memcpy(&time, CMSG_DATA(part), sizeof time);
                return to_ns(time);
            }
        }
        return 0;
    }
};

ReceiveSocket::ReceiveSocket(const std::string& interface, std::uint32_t snap_octets)
    : socket_(open_socket(interface)),
      tai_offset_ns_(tai_offset_ns()),
      batch_(std::make_unique<Batch>(snap_octets)) {
    const int number = socket_.number();
    if (!set_option(number, SOL_SOCKET, SO_RCVBUFFORCE, kReceiveBufferOctets)) {
        set_option(number, SOL_SOCKET, SO_RCVBUF, kReceiveBufferOctets);
    }
    if (!set_option(number, SOL_SOCKET, SO_TIMESTAMPNS, int{1})) {
        fail("timestamps by the kernel on " + interface);
    }
    set_option(number, SOL_PACKET, PACKET_IGNORE_OUTGOING, int{1});
    bind_to(number, interface, ETH_P_ALL);
}

ReceiveSocket::~ReceiveSocket() = default;

std::span<const ReceivedFrame> ReceiveSocket::receive() {
    batch_->prepare();
    const int count = recvmmsg(socket_.number(), batch_->messages.data(), kReceiveBatch,
                               MSG_DONTWAIT | MSG_TRUNC, nullptr);
    if (count <= 0) {
        if (count < 0 && errno != EAGAIN && errno != EINTR && errno != ENETDOWN) {
            fail("receiving");
        }
        return {};
    }
    const auto received = static_cast<std::size_t>(count);
    for (std::size_t i = 0; i < received; ++i) {
        const std::uint32_t octets = batch_->messages[i].msg_len;
        batch_->frames[i] = {
            .time_ns = batch_->stamp_of(i) + tai_offset_ns_,
            .octets = octets,
            .stored = std::span<const std::uint8_t>(batch_->octets)
                          .subspan(i * batch_->snap, std::min(octets, batch_->snap))};
    }
    return std::span<const ReceivedFrame>(batch_->frames).first(received);
}

bool ReceiveSocket::is_gone() const {
    sockaddr_ll address{};
    socklen_t octets = sizeof address;
    return getsockname(socket_.number(), reinterpret_cast<sockaddr*>(&address), &octets) == 0 &&
           address.sll_ifindex < 0;
}

std::uint32_t ReceiveSocket::lost() {
    tpacket_stats statistics{};
    socklen_t octets = sizeof statistics;
    getsockopt(socket_.number(), SOL_PACKET, PACKET_STATISTICS, &statistics, &octets);
    return statistics.tp_drops;
}

}  // namespace tcqf::control::meter
