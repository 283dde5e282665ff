#include "dataplane/xdp_kernel_path.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "kernel_path.skel.h"

namespace tcqf::dataplane {

namespace {

// One place of our own among the filters, so that a router that was killed leaves nothing that its
// successor does not replace.
constexpr __u32 kHandle = 1;
constexpr __u32 kPriority = 0xC0FE;

bpf_tc_hook hook_on(unsigned interface_index, bpf_tc_attach_point attach_point) {
    bpf_tc_hook hook{};
    hook.sz = sizeof(hook);
    hook.ifindex = static_cast<int>(interface_index);
    hook.attach_point = attach_point;
    return hook;
}

bpf_tc_opts place() {
    bpf_tc_opts options{};
    options.sz = sizeof(options);
    options.handle = kHandle;
    options.priority = kPriority;
    return options;
}

/// 0 or an errno.
int attach_program(const bpf_tc_hook& hook, int program) {
    bpf_tc_opts options = place();
    options.prog_fd = program;
    options.flags = BPF_TC_F_REPLACE;
    return -bpf_tc_attach(&hook, &options);
}

Failure cannot(const std::string& what, const Netdev& netdev, int error) {
    return system_refused(fmt::format(
        "cannot {} {}: {}; the host needs the qdisc clsact and BPF, and tcqfd CAP_NET_ADMIN and "
        "CAP_BPF; or start with --no-kernel-ports",
        what, netdev.name(), std::strerror(error)));
}

}  // namespace

Result<std::unique_ptr<XdpKernelPath>> XdpKernelPath::attach(const Netdev& interface,
                                                             const Netdev& tap) {
    libbpf_set_print(nullptr);  // it speaks of a qdisc that is there already
    std::unique_ptr<XdpKernelPath> path(new XdpKernelPath);
    path->skeleton_ = kernel_path_bpf__open();
    if (path->skeleton_ == nullptr) {
        return cannot("open the BPF programs for", interface, errno);
    }
    path->skeleton_->rodata->interface_index = interface.index();
    path->skeleton_->rodata->tap_index = tap.index();
    if (const int error = -kernel_path_bpf__load(path->skeleton_); error != 0) {
        return cannot("load the BPF programs for", interface, error);
    }
    bpf_tc_hook tap_hook = hook_on(tap.index(), BPF_TC_INGRESS);
    bpf_tc_hook_create(&tap_hook);
    if (const int error =
            attach_program(tap_hook, bpf_program__fd(path->skeleton_->progs.tcqf_to_host));
        error != 0) {
        return cannot("attach a BPF program to", tap, error);
    }
    path->interface_index_ = interface.index();
    bpf_tc_hook hook = hook_on(path->interface_index_, BPF_TC_EGRESS);
    path->made_hook_ = bpf_tc_hook_create(&hook) == 0;
    if (const int error =
            attach_program(hook, bpf_program__fd(path->skeleton_->progs.tcqf_from_host));
        error != 0) {
        return cannot("attach a BPF program to", interface, error);
    }
    return path;
}

XdpKernelPath::~XdpKernelPath() {
    if (interface_index_ != 0) {
        bpf_tc_hook hook = hook_on(interface_index_, BPF_TC_EGRESS);
        const bpf_tc_opts options = place();
        bpf_tc_detach(&hook, &options);
        if (made_hook_) {
            hook.attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS);
            bpf_tc_hook_destroy(&hook);
        }
    }
    kernel_path_bpf__destroy(skeleton_);
}

}  // namespace tcqf::dataplane
