// Joins an AF_XDP interface with the TAP that stands for the kernel's side of it.
#pragma once

#include <memory>

#include "dataplane/netdev.h"
#include "dataplane/result.h"

struct kernel_path_bpf;

namespace tcqf::dataplane {

/// While it lives, what the kernel sends on the interface goes to the TAP, and what is written to
/// the TAP is received on the interface.
class XdpKernelPath {
  public:
    static Result<std::unique_ptr<XdpKernelPath>> attach(const Netdev& interface,
                                                         const Netdev& tap);
    ~XdpKernelPath();
    XdpKernelPath(const XdpKernelPath&) = delete;
    XdpKernelPath& operator=(const XdpKernelPath&) = delete;

  private:
    XdpKernelPath() = default;

    kernel_path_bpf* skeleton_ = nullptr;
    unsigned interface_index_ = 0;
    bool made_hook_ = false;
};

}  // namespace tcqf::dataplane
