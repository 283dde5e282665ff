#include "control/tcqfd/eal_plan.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "dataplane/ethdev_port.h"
#include "dataplane/fib.h"
#include "dataplane/netdev.h"
#include "tcqf/wire.h"

namespace tcqf::control {

namespace {

constexpr unsigned kOwnTableMebibytes = 256;  // of DPDK itself, rings, labels, flows
constexpr std::uint64_t kMebibyte = 1024 * 1024;
constexpr unsigned kPacketsOfAPort = 3 * 2048;  // receive, transmit and fill rings
constexpr unsigned kPacketsOfAQueue = 2048;     // that a further receive queue waits with
constexpr unsigned kFewestPackets = 16'384;
constexpr unsigned kMostPackets = 131'072;
constexpr std::uint64_t kSmallestFrameBits = occupancy_bits(kMinFrameOctets);

bool names_any(const std::vector<std::string>& given,
               std::initializer_list<std::string_view> options) {
    return std::any_of(given.begin(), given.end(), [&](const std::string& argument) {
        return std::any_of(options.begin(), options.end(), [&](std::string_view option) {
            const bool is_long = option.starts_with("--");
            return argument == option ||
                   (is_long && argument.starts_with(fmt::format("{}=", option))) ||
                   (!is_long && argument.starts_with(option) && !argument.starts_with("--"));
        });
    });
}

/// Takes stdout away while it lives: of an argument that it does not know DPDK prints all that it
/// does, and stdout is the closing account's.
class StdoutTakenAway {
  public:
    StdoutTakenAway() : kept_(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)) {
        const dataplane::Descriptor nothing(open("/dev/null", O_WRONLY | O_CLOEXEC));
        if (kept_.is_open()) {
            dup2(nothing.number(), STDOUT_FILENO);
        }
    }
    ~StdoutTakenAway() {
        std::fflush(stdout);
        if (kept_.is_open()) {
            dup2(kept_.number(), STDOUT_FILENO);
        }
    }
    StdoutTakenAway(const StdoutTakenAway&) = delete;
    StdoutTakenAway& operator=(const StdoutTakenAway&) = delete;

  private:
    dataplane::Descriptor kept_;
};

/// Whether the environment starts; where it is asked for help, it gives that and ends the process.
bool initialize(std::vector<std::string> arguments) {
    std::optional<StdoutTakenAway> taken_away;
    if (!names_any(arguments, {"--help", "-h"})) {
        taken_away.emplace();
    }
    std::vector<char*> pointers;
    pointers.reserve(arguments.size());
    for (std::string& argument : arguments) {
        pointers.push_back(argument.data());
    }
    return rte_eal_init(static_cast<int>(pointers.size()), pointers.data()) >= 0;
}

/// Where DPDK makes the folder of its sockets and files.
std::string runtime_base() {
    const char* const of_user = std::getenv("XDG_RUNTIME_DIR");
    return geteuid() == 0 ? "/var/run" : of_user != nullptr ? of_user : "/tmp";
}

bool names_lcores(const std::vector<std::string>& given) {
    return names_any(given, {"--lcores", "-l", "-c"});
}

std::vector<unsigned> worker_cpus(const config::Router& router, const HostResources& host) {
    if (!router.workers.cores.empty()) {
        return router.workers.cores;
    }
    // The last ones: a host runs its own business on the first.
    std::vector<unsigned> cpus(host.cpus.rbegin(), host.cpus.rend());
    cpus.resize(std::min<std::size_t>(cpus.size(), router.workers.count));
    std::reverse(cpus.begin(), cpus.end());
    return cpus;
}

/// Huge pages where enough of them are free.
void plan_memory(const std::vector<std::string>& given, const HostResources& host,
                 unsigned memory_mebibytes, EalPlan& plan) {
    plan.uses_huge_pages = may_use_huge_pages(given);
    if (names_any(given, {"--no-huge", "--in-memory", "--huge-dir", "--socket-mem", "--legacy-mem",
                          "-m"})) {
        return;
    }
    if (host.free_huge_page_mebibytes >= memory_mebibytes) {
        plan.arguments.emplace_back("--in-memory");
        return;
    }
    plan.uses_huge_pages = false;
    plan.arguments.insert(plan.arguments.end(),
                          {"--no-huge", "-m", std::to_string(memory_mebibytes)});
    plan.warnings.push_back(fmt::format(
        "{} MiB of free huge pages, {} MiB would be used; going on with ordinary pages, which is "
        "slower (echo {} > /proc/sys/vm/nr_hugepages)",
        host.free_huge_page_mebibytes, memory_mebibytes, memory_mebibytes / 2 + 1));
}

/// Lcore 0 is the control thread, 1.. are the workers.
std::string lcores_argument(const config::Router& router, const HostResources& host, bool yield) {
    const std::string all = fmt::format("({})", fmt::join(host.cpus, ","));
    const std::vector<unsigned> workers = worker_cpus(router, host);
    std::vector<unsigned> rest;
    std::copy_if(host.cpus.begin(), host.cpus.end(), std::back_inserter(rest), [&](unsigned cpu) {
        return std::find(workers.begin(), workers.end(), cpu) == workers.end();
    });
    std::string argument =
        "--lcores=0@" + (rest.empty() || yield ? all : fmt::format("({})", fmt::join(rest, ",")));
    for (unsigned i = 0; i < router.workers.count; ++i) {
        argument += yield && router.workers.cores.empty()
                        ? fmt::format(",{}@{}", i + 1, all)
                        : fmt::format(",{}@{}", i + 1, workers[i % workers.size()]);
    }
    return argument;
}

/// How many of the smallest frames can wait in the cycles that packets may be mapped to.
std::uint64_t packets_in_cycles(const config::Router& router) {
    std::uint64_t packets = 0;
    for (const config::Domain& domain : router.domains) {
        for (const config::DomainInterface& member : domain.interfaces) {
            const std::uint64_t bits_in_cycle =
                std::uint64_t{router.interfaces[member.interface].link_rate_mbps} *
                domain.cycle_time_us;
            packets += bits_in_cycle / kSmallestFrameBits * domain.farthest_cycle();
        }
    }
    return packets;
}

/// Table "main", twice: after a change the new one is built beside the one in use.
unsigned route_mebibytes(const config::Router& router) {
    std::array<dataplane::FibSize, 2> families;
    for (const config::Route& route : router.routes) {
        if (route.table == "main") {
            families[route.prefix.address.is_ipv6 ? 1 : 0].add(route.prefix);
        }
    }
    const std::uint64_t octets =
        dataplane::fast_fib_octets(families[0]) + dataplane::fast_fib_octets(families[1]);
    return static_cast<unsigned>(2 * octets / kMebibyte) + 1;
}

}  // namespace

HostResources read_host_resources() {
    HostResources host;
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    sched_getaffinity(0, sizeof(allowed), &allowed);
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &allowed)) {
            host.cpus.push_back(cpu);
        }
    }
    std::error_code error;
    for (const auto& entry :
         std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", error)) {
        constexpr std::string_view kPrefix = "hugepages-";
        const std::string name = entry.path().filename().string();
        std::uint64_t free_pages = 0;
        std::ifstream(entry.path() / "free_hugepages") >> free_pages;
        if (name.starts_with(kPrefix)) {
            host.free_huge_page_mebibytes +=
                free_pages * std::strtoull(name.c_str() + kPrefix.size(), nullptr, 10) / 1024;
        }
    }
    return host;
}

bool uses_pci(const config::Router& router) {
    return std::any_of(router.interfaces.begin(), router.interfaces.end(),
                       [](const auto& interface) { return dataplane::is_pci(interface.device); });
}

PacketBudget packet_budget(const config::Router& router) {
    PacketBudget budget;
    std::uint64_t packets = packets_in_cycles(router);
    unsigned in_further_queues = 0;
    std::uint32_t largest_mtu = 0;
    for (const config::Interface& interface : router.interfaces) {
        packets += kPacketsOfAPort + 2 * std::uint64_t{interface.best_effort_queue_packets};
        const unsigned queues = dataplane::receive_queues(interface.device, router.workers.count);
        in_further_queues += kPacketsOfAQueue * (queues - 1);
        largest_mtu = std::max(largest_mtu, interface.mtu);
    }
    budget.packets =
        static_cast<unsigned>(std::clamp<std::uint64_t>(packets, kFewestPackets, kMostPackets)) +
        in_further_queues;
    budget.frame_octets = largest_mtu + kEthernetOctets + kFcsOctets;
    constexpr std::uint32_t kBesideData = 512;  // header, metadata, headroom
    budget.mebibytes =
        kOwnTableMebibytes + route_mebibytes(router) +
        static_cast<unsigned>(std::uint64_t{budget.packets} *
                              (std::max(budget.frame_octets, 2048U) + kBesideData) / kMebibyte);
    return budget;
}

bool may_use_huge_pages(const std::vector<std::string>& given) {
    return !names_any(given, {"--no-huge"});
}

EalPlan plan_eal(const config::Router& router, const std::vector<std::string>& given,
                 const HostResources& host, unsigned memory_mebibytes, bool yield) {
    EalPlan plan;
    plan.arguments = {"tcqfd"};
    const bool has_pci = uses_pci(router);
    plan_memory(given, host, memory_mebibytes, plan);
    if (!has_pci && !names_any(given, {"--no-pci", "-a", "--allow", "-b", "--block"})) {
        plan.arguments.emplace_back("--no-pci");
    }
    if (!has_pci && !names_any(given, {"--iova-mode"})) {
        plan.arguments.emplace_back("--iova-mode=va");
    }
    if (!names_any(given, {"--file-prefix"})) {
        plan.arguments.push_back("--file-prefix=tcqfd-" + router.name);
    }
    if (!names_any(given, {"--force-max-simd-bitwidth"})) {
        // Where the processor can, routes are looked up with vectors of 512 bits, several packets
        // at once. DPDK stops at 256 by itself.
        plan.arguments.emplace_back("--force-max-simd-bitwidth=512");
    }
    if (!names_any(given, {"--log-level"})) {
        plan.arguments.emplace_back("--log-level=*:critical");  // tcqfd says itself what is wrong
    }
    if (!names_lcores(given)) {
        plan.must_yield =
            !yield && router.workers.cores.empty() && router.workers.count > host.cpus.size();
        plan.arguments.push_back(lcores_argument(router, host, yield || plan.must_yield));
        if (plan.must_yield) {
            plan.warnings.push_back(
                fmt::format("{} workers share {} CPUs; they run as with --yield",
                            router.workers.count, host.cpus.size()));
        }
    }
    plan.arguments.insert(plan.arguments.end(), given.begin(), given.end());
    plan.given = static_cast<int>(given.size());
    return plan;
}

Status check_cores(const config::Router& router, const std::vector<std::string>& given,
                   const HostResources& host) {
    if (names_lcores(given)) {
        return Done{};
    }
    for (const unsigned core : router.workers.cores) {
        if (std::find(host.cpus.begin(), host.cpus.end(), core) == host.cpus.end()) {
            return system_refused(
                fmt::format("workers: this process may not run on core {}; name others of {}", core,
                            fmt::join(host.cpus, ", ")));
        }
    }
    return Done{};
}

Status start_eal(const EalPlan& plan) {
    if (initialize(plan.arguments)) {
        return Done{};
    }
    if (const std::string base = runtime_base();
        rte_errno == EINVAL && access(base.c_str(), W_OK) != 0) {
        return system_refused(fmt::format(
            "DPDK's environment does not start: {} cannot be written: {}; make it writable, or add "
            "-- --no-shconf",
            base, std::strerror(errno)));
    }
    if (rte_errno == EINVAL && plan.given != 0) {
        const std::vector<std::string> given(plan.arguments.end() - plan.given,
                                             plan.arguments.end());
        return Failure{FailureKind::wrong_usage,
                       fmt::format("DPDK's environment does not take the arguments behind --: {}; "
                                   "what it takes is shown by -- --help",
                                   fmt::join(given, " "))};
    }
    std::string remedy = "--log-level=*:debug behind -- shows more";
    if (rte_errno == EACCES || rte_errno == EPERM) {
        remedy = "run as root, or give this user the huge pages and devices";
    } else if (rte_errno == EALREADY || rte_errno == EAGAIN) {
        remedy = "another DPDK program uses this --file-prefix: stop it or choose another name";
    } else if (rte_errno == ENOMEM && plan.uses_huge_pages) {
        remedy =
            "there may be too few huge pages (echo 1024 > /proc/sys/vm/nr_hugepages), or leave it "
            "to tcqfd by giving no memory arguments";
    }
    return system_refused(
        fmt::format("DPDK's environment does not start ({}) with: {}; {}", rte_strerror(rte_errno),
                    fmt::join(plan.arguments.begin() + 1, plan.arguments.end(), " "), remedy));
}

}  // namespace tcqf::control
