#include "control/lab/eal.h"

#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>

#include <array>
#include <stdexcept>
#include <string>

namespace tcqf::control {

namespace {

/// DPDK's tables (routes, hashes, rings); packets have memory of their own.
constexpr unsigned kTableMebibytes = 512;

int first_allowed_core(const cpu_set_t& allowed) {
    for (int core = 0; core < CPU_SETSIZE; ++core) {
        if (CPU_ISSET(core, &allowed)) {
            return core;
        }
    }
    return 0;
}

void start() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    sched_getaffinity(0, sizeof allowed, &allowed);

    std::array<std::string, 10> arguments = {
        "tcqf-lab",
        "--no-huge",
        "-m",
        std::to_string(kTableMebibytes),
        "--no-pci",
        "--no-shconf",
        "--no-telemetry",
        "--iova-mode=va",
        "--log-level=lib.*:error",
        fmt::format("--lcores=0@{}", first_allowed_core(allowed)),
    };
    std::array<char*, arguments.size()> pointers;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        pointers[i] = arguments[i].data();
    }
    if (rte_eal_init(static_cast<int>(pointers.size()), pointers.data()) < 0) {
        throw std::runtime_error(
            fmt::format("DPDK's environment does not start: {}", rte_strerror(rte_errno)));
    }
    // EAL has tied this thread to one core, where every other replay would be too.
    sched_setaffinity(0, sizeof allowed, &allowed);
}

}  // namespace

void start_lab_eal() {
    static const bool started = (start(), true);
    static_cast<void>(started);
}

}  // namespace tcqf::control
