#include "dataplane/netdev.h"

#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <utility>

namespace tcqf::dataplane {

namespace {

constexpr std::uint32_t kLeastIpv6Mtu = 1280;

ifreq request_for(const std::string& name) {
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    return request;
}

/// False with errno set where the kernel refuses.
bool control(int family, unsigned long operation, void* request) {
    const Descriptor socket_descriptor(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return socket_descriptor.is_open() &&
           ioctl(socket_descriptor.number(), operation, request) == 0;
}

/// One request to the kernel's routing socket (rtnetlink(7)) for an address of an interface.
struct AddressRequest {
    nlmsghdr header{};
    ifaddrmsg message{};
    rtattr attribute{};
    std::array<std::uint8_t, 16> octets{};
};

/// The kernel's answer: 0 or a negative error number.
struct Answer {
    nlmsghdr header{};
    nlmsgerr error{};
};

AddressRequest address_request(std::uint16_t type, int flags, unsigned interface,
                               const config::IpPrefix& address) {
    const std::size_t length = address.address.is_ipv6 ? 16 : 4;
    AddressRequest request;
    request.header.nlmsg_len =
        static_cast<std::uint32_t>(offsetof(AddressRequest, octets) + length);
    request.header.nlmsg_type = type;
    request.header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    request.message.ifa_family = address.address.is_ipv6 ? AF_INET6 : AF_INET;
    request.message.ifa_prefixlen = address.length;
    request.message.ifa_index = interface;
    request.attribute.rta_type = IFA_LOCAL;
    request.attribute.rta_len = static_cast<std::uint16_t>(sizeof(rtattr) + length);
    std::memcpy(request.octets.data(), address.address.octets.data(), length);
    return request;
}

/// False with errno set where the kernel refuses.
bool change_address(std::uint16_t type, int flags, unsigned interface,
                    const config::IpPrefix& address) {
    const Descriptor routing(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    const AddressRequest request = address_request(type, flags, interface, address);
    Answer answer;
    if (!routing.is_open() || send(routing.number(), &request, request.header.nlmsg_len, 0) < 0 ||
        recv(routing.number(), &answer, sizeof(answer), 0) < 0) {
        return false;
    }
    errno = -answer.error.error;
    return errno == 0;
}

/// Why the host takes no IPv6 address, and what helps, or nothing; of the errors that it gives
/// alike.
std::string ipv6_obstacle(int error, std::uint32_t mtu) {
    if (error == EACCES || error == EOPNOTSUPP || error == EAFNOSUPPORT) {
        return "the host has IPv6 off; turn it on with sysctl net.ipv6.conf.default.disable_ipv6=0";
    }
    if (error != EPERM && mtu < kLeastIpv6Mtu) {
        return fmt::format("IPv6 needs an mtu of {} (RFC 8200, 5), and here it is {}; raise it",
                           kLeastIpv6Mtu, mtu);
    }
    return "";
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    if (this != &other) {
        if (is_open()) {
            close(number_);
        }
        number_ = other.release();
    }
    return *this;
}

Descriptor::~Descriptor() {
    if (is_open()) {
        close(number_);
    }
}

int Descriptor::release() {
    return std::exchange(number_, -1);
}

unsigned Netdev::index() const {
    return if_nametoindex(name_.c_str());
}

config::MacAddress Netdev::mac() const {
    ifreq request = request_for(name_);
    config::MacAddress mac{};
    if (control(AF_INET, SIOCGIFHWADDR, &request)) {
        std::memcpy(mac.data(), request.ifr_hwaddr.sa_data, mac.size());
    }
    return mac;
}

std::uint32_t Netdev::mtu() const {
    ifreq request = request_for(name_);
    return control(AF_INET, SIOCGIFMTU, &request) ? static_cast<std::uint32_t>(request.ifr_mtu) : 0;
}

bool Netdev::is_running() const {
    ifreq request = request_for(name_);
    constexpr int kRunning = IFF_UP | IFF_RUNNING;
    return control(AF_INET, SIOCGIFFLAGS, &request) && (request.ifr_flags & kRunning) == kRunning;
}

/// Fills in the answer to an ethtool command; false where the driver has none.
bool Netdev::ask_driver(void* question) const {
    ifreq request = request_for(name_);
    request.ifr_data = static_cast<char*>(question);
    return control(AF_INET, SIOCETHTOOL, &request);
}

LinkState Netdev::link() const {
    ethtool_pauseparam pause{};
    pause.cmd = ETHTOOL_GPAUSEPARAM;
    ethtool_eee energy{};
    energy.cmd = ETHTOOL_GEEE;
    return {.speed_mbps = speed_mbps(),
            .has_pause_frames = ask_driver(&pause) && (pause.rx_pause != 0 || pause.tx_pause != 0),
            .is_energy_efficient = ask_driver(&energy) && energy.eee_enabled != 0};
}

std::uint32_t Netdev::speed_mbps() const {
    ethtool_drvinfo driver{};
    driver.cmd = ETHTOOL_GDRVINFO;
    if (!ask_driver(&driver) || driver.bus_info[0] == '\0') {
        return 0;  // a virtual device's speed says nothing
    }
    // Three masks of link modes follow the settings.
    alignas(ethtool_link_settings)
        std::array<char, sizeof(ethtool_link_settings) + 3 * SCHAR_MAX * sizeof(__u32)>
            answer{};
    auto& settings = *reinterpret_cast<ethtool_link_settings*>(answer.data());
    settings.cmd = ETHTOOL_GLINKSETTINGS;
    if (!ask_driver(answer.data())) {
        return 0;
    }
    // The first answer says only how long the masks are, as a negative number.
    settings.cmd = ETHTOOL_GLINKSETTINGS;
    settings.link_mode_masks_nwords = static_cast<__s8>(-settings.link_mode_masks_nwords);
    const bool is_known =
        ask_driver(answer.data()) && settings.speed != static_cast<__u32>(SPEED_UNKNOWN);
    return is_known ? settings.speed : 0;
}

ReceiveQueues Netdev::receive_queues() const {
    ethtool_channels channels{};
    channels.cmd = ETHTOOL_GCHANNELS;
    // A driver that cannot answer has one.
    return ask_driver(&channels) && channels.rx_count + channels.combined_count != 0
               ? ReceiveQueues{.combined = channels.combined_count, .alone = channels.rx_count}
               : ReceiveQueues{.alone = 1};
}

Status Netdev::set_mac(const config::MacAddress& mac) const {
    ifreq request = request_for(name_);
    request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    std::memcpy(request.ifr_hwaddr.sa_data, mac.data(), mac.size());
    if (!control(AF_INET, SIOCSIFHWADDR, &request)) {
        return cannot(fmt::format("set the MAC address {}", config::to_string(mac)));
    }
    return Done{};
}

Status Netdev::set_mtu(std::uint32_t mtu) const {
    ifreq request = request_for(name_);
    request.ifr_mtu = static_cast<int>(mtu);
    if (!control(AF_INET, SIOCSIFMTU, &request)) {
        return cannot(fmt::format("set an mtu of {}", mtu));
    }
    return Done{};
}

Status Netdev::set_up() const {
    ifreq request = request_for(name_);
    if (!control(AF_INET, SIOCGIFFLAGS, &request)) {
        return cannot("read the flags");
    }
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    if (!control(AF_INET, SIOCSIFFLAGS, &request)) {
        return cannot("bring it up");
    }
    return Done{};
}

Status Netdev::add_address(const config::IpPrefix& address) const {
    if (change_address(RTM_NEWADDR, NLM_F_CREATE, index(), address) || errno == EEXIST) {
        return Done{};
    }
    const int error = errno;
    const std::string what = fmt::format("add the address {}", address.to_string());
    const std::string obstacle = address.address.is_ipv6 ? ipv6_obstacle(error, mtu()) : "";
    errno = error;
    return obstacle.empty() ? cannot(what)
                            : system_refused(fmt::format("{}: cannot {}: {}, or start with "
                                                         "--no-kernel-ports",
                                                         name_, what, obstacle));
}

Status Netdev::remove_address(const config::IpPrefix& address) const {
    if (!change_address(RTM_DELADDR, 0, index(), address) && errno != EADDRNOTAVAIL) {
        return cannot(fmt::format("remove the address {}", address.to_string()));
    }
    return Done{};
}

void Netdev::disable_ipv6() const {
    std::ofstream(fmt::format("/proc/sys/net/ipv6/conf/{}/disable_ipv6", name_)) << 1;
}

Failure Netdev::cannot(const std::string& what) const {
    const int error = errno;
    return system_refused(fmt::format("{}: cannot {}: {}{}", name_, what, std::strerror(error),
                                      error == EPERM ? "; run as root or with CAP_NET_ADMIN" : ""));
}

}  // namespace tcqf::dataplane
