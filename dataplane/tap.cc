#include "dataplane/tap.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tcqf::dataplane {

namespace {

std::string remedy_for(int error) {
    switch (error) {
        case ENOENT:
        case ENODEV:
        case ENXIO:
            return "the host needs TUN/TAP (/dev/net/tun)";
        case EPERM:
        case EACCES:
            return "run as root or with CAP_NET_ADMIN";
        case EBUSY:
        case EEXIST:
            return "the name is taken: another router of this name runs here, or remove it with ip "
                   "link";
        default:
            return "look at ip link and the kernel's log";
    }
}

Failure cannot_create(const std::string& name, int error) {
    return system_refused(fmt::format(
        "cannot make the TAP {} for the host's kernel: {}; {}, or start with --no-kernel-ports",
        name, std::strerror(error), remedy_for(error)));
}

}  // namespace

Result<Tap> Tap::create(const std::string& name) {
    Descriptor descriptor(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!descriptor.is_open()) {
        return cannot_create(name, errno);
    }
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL);
    if (ioctl(descriptor.number(), TUNSETIFF, &request) != 0) {
        return cannot_create(name, errno);
    }
    return Tap(std::move(descriptor), Netdev(name));
}

bool Tap::is_gone() const {
    pollfd state{.fd = descriptor_.number(), .events = 0, .revents = 0};
    return poll(&state, 1, 0) == 1 && (state.revents & POLLERR) != 0;
}

std::size_t Tap::read(void* frame, std::size_t room) const {
    const ssize_t length = ::read(descriptor_.number(), frame, room);
    return length > 0 ? static_cast<std::size_t>(length) : 0;
}

bool Tap::write(const void* frame, std::size_t length) const {
    return ::write(descriptor_.number(), frame, length) == static_cast<ssize_t>(length);
}

}  // namespace tcqf::dataplane
