// A TAP: the host's side of an interface, read and written frame by frame.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "dataplane/netdev.h"
#include "dataplane/result.h"

namespace tcqf::dataplane {

class Tap {
  public:
    /// Makes the interface `name`; it is gone when this object is. Fails where the name is taken,
    /// where there is no /dev/net/tun, and without CAP_NET_ADMIN.
    static Result<Tap> create(const std::string& name);

    const Netdev& netdev() const { return netdev_; }
    int descriptor() const { return descriptor_.number(); }
    /// Somebody has removed it from the host.
    bool is_gone() const;

    /// Length of the frame that the host sent, 0 where there is none now.
    std::size_t read(void* frame, std::size_t room) const;
    /// Gives the host a frame as if received. False where it has no room.
    bool write(const void* frame, std::size_t length) const;

  private:
    Tap(Descriptor descriptor, Netdev netdev)
        : descriptor_(std::move(descriptor)), netdev_(std::move(netdev)) {}

    Descriptor descriptor_;
    Netdev netdev_;
};

}  // namespace tcqf::dataplane
