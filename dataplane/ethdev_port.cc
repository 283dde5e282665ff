#include "dataplane/ethdev_port.h"

#include <fmt/format.h>
#include <rte_bus_pci.h>
#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "dataplane/xdp_filter.h"

namespace tcqf::dataplane {

namespace {

constexpr std::uint16_t kReceiveDescriptors = 2048;
constexpr std::uint16_t kTransmitDescriptors = 2048;
/// What keeps the packets of a flow in one queue, fragments aside: cards that know ports hash what
/// has some by nothing else.
constexpr std::uint64_t kSpreadBy =
    RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP | RTE_ETH_RSS_MPLS;

Failure refused(const EthdevOptions& options, const std::string& what) {
    return system_refused(
        fmt::format("interface {}: device {}: {}", options.interface, options.device, what));
}

bool is_pcap(const std::string& device) {
    return device.starts_with("net_pcap");
}

std::string driver_name(const std::string& device) {
    return device.substr(0, device.find(','));
}

/// Held for as long as this process uses the interface; the kernel releases it even when the
/// process is killed. Its name lives in the interface's own network namespace.
Descriptor lock_of(const Netdev& netdev) {
    Descriptor lock(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = "tcqfd/" + netdev.name();
    name.copy(address.sun_path + 1, sizeof(address.sun_path) - 1);  // abstract: starts with 0
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    if (bind(lock.number(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
        return {};
    }
    return lock;
}

/// What stops a process from opening an AF_XDP socket at all, or nothing.
std::string af_xdp_obstacle() {
    const Descriptor probe(socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
    if (probe.is_open()) {
        return "";
    }
    switch (errno) {
        case EPERM:
        case EACCES:
            return "no permission for AF_XDP; run as root or with CAP_NET_ADMIN, CAP_NET_RAW and "
                   "CAP_BPF";
        case EAFNOSUPPORT:
            return "the host's kernel has no AF_XDP sockets; use another driver, for example "
                   "net_af_packet";
        default:
            return fmt::format("cannot open an AF_XDP socket: {}", std::strerror(errno));
    }
}

constexpr const char* kCheckArguments =
    "check the driver's name and its arguments in the DPDK guide to network drivers; "
    "-- --log-level=pmd:debug shows what the driver says";

std::string probe_remedy(const EthdevOptions& options, int error) {
    if (is_pci(options.device)) {
        return "bind it to vfio-pci with dpdk-devbind.py (see its --status), and give tcqfd the "
               "right to use it";
    }
    if (driver_name(options.device).starts_with("net_memif") &&
        device_argument(options.device, "role") != "server" && error == EPERM) {
        return "start the router at the other end, which has role=server, before this one";
    }
    switch (error) {
        case EEXIST:
            return "two interfaces name the same device; give each its own number, as in "
                   "net_af_xdp1";
        case EPERM:  // also what drivers say that return -1 for any reason
        case EACCES:
            return geteuid() == 0 ? kCheckArguments
                                  : "run as root or with CAP_NET_ADMIN and CAP_NET_RAW";
        case EBUSY:
        case EADDRINUSE:
            return "another program uses it; stop that program first";
        default:
            return kCheckArguments;
    }
}

}  // namespace

bool is_af_xdp(const std::string& device) {
    return device.starts_with("net_af_xdp");
}

bool is_pci(const std::string& device) {
    rte_pci_addr address;
    return rte_pci_addr_parse(driver_name(device).c_str(), &address) == 0;
}

std::string device_argument(const std::string& device, const std::string& key) {
    std::size_t start = device.find(',');
    while (start != std::string::npos) {
        const std::size_t end = device.find(',', ++start);
        const std::string argument = device.substr(start, end - start);
        if (argument.starts_with(key + "=")) {
            return argument.substr(key.size() + 1);
        }
        start = end;
    }
    return "";
}

unsigned receive_queues(const std::string& device, unsigned asked_for) {
    if (is_pci(device)) {
        return asked_for;
    }
    if (!is_af_xdp(device)) {
        return 1;
    }
    constexpr unsigned kMost = 64;
    unsigned queues = 1;
    const std::string count = device_argument(device, "queue_count");
    std::from_chars(count.data(), count.data() + count.size(), queues);
    return std::clamp(queues, 1U, kMost);
}

Result<std::unique_ptr<EthdevPort>> EthdevPort::open(const EthdevOptions& options) {
    std::unique_ptr<EthdevPort> port(new EthdevPort);
    port->is_pci_ = is_pci(options.device);
    if (is_af_xdp(options.device)) {
        if (Status status = port->prepare_netdev(options); !status) {
            return status.failure();
        }
    }
    if (Status status = port->probe(options); !status) {
        return status.failure();
    }
    if (Status status = port->set_up(options); !status) {
        return status.failure();
    }
    return port;
}

EthdevPort::~EthdevPort() {
    if (!probed_) {
        return;
    }
    rte_eth_dev_info info{};
    rte_eth_dev_info_get(port_, &info);
    rte_eth_dev_stop(port_);
    rte_eth_dev_close(port_);
    if (info.device != nullptr) {
        rte_dev_remove(info.device);  // else its name stays taken
    }
}

Status EthdevPort::prepare_netdev(const EthdevOptions& options) {
    netdev_.emplace(device_argument(options.device, "iface"));
    if (netdev_->name().empty()) {
        return refused(options, "names no interface of the host; write net_af_xdp0,iface=NAME");
    }
    netdev_index_ = netdev_->index();
    if (netdev_index_ == 0) {
        return refused(options, fmt::format("the host has no interface {}; create it, or name one "
                                            "that ip link shows",
                                            netdev_->name()));
    }
    if (const std::string obstacle = af_xdp_obstacle(); !obstacle.empty()) {
        return refused(options, obstacle);
    }
    lock_ = lock_of(*netdev_);
    if (!lock_.is_open()) {
        return refused(options, fmt::format("{} is busy: another tcqfd uses it; stop that one or "
                                            "name another interface",
                                            netdev_->name()));
    }
    switch (attached_program(netdev_index_)) {
        case AttachedProgram::none:
            break;
        case AttachedProgram::ours:
            detach_program(netdev_index_);
            break;
        case AttachedProgram::foreign:
            return refused(
                options, fmt::format("{} is busy: it has an XDP program already; take it off with "
                                     "ip link set dev {} xdp off, or name another interface",
                                     netdev_->name(), netdev_->name()));
    }
    if (Status status = check_queues(options); !status) {
        return status;
    }
    if (options.mac && *options.mac != netdev_->mac()) {
        if (Status status = netdev_->set_mac(*options.mac); !status) {
            return refused(options, status.failure().message);
        }
    }
    if (options.mtu > netdev_->mtu()) {
        if (Status status = netdev_->set_mtu(options.mtu); !status) {
            return refused(options, status.failure().message);
        }
    }
    if (Status status = netdev_->set_up(); !status) {
        return refused(options, status.failure().message);
    }
    return Done{};
}

/// A frame on a queue that is not read would be lost.
Status EthdevPort::check_queues(const EthdevOptions& options) const {
    const ReceiveQueues queues = netdev_->receive_queues();
    const unsigned read = receive_queues(options.device, options.receive_queues);
    if (queues.all() == 1 || (queues.alone == 0 && queues.combined <= read)) {
        return Done{};
    }
    const std::string& name = netdev_->name();
    const std::string remedy =
        queues.alone == 0
            ? fmt::format("the port reads {}; run ethtool -L {} combined {}, or add queue_count={}",
                          read, name, read, queues.combined)
            : fmt::format("of which the driver reads one; run ethtool -L {} {}", name,
                          queues.combined == 0 ? "rx 1" : "combined 1 rx 0");
    return refused(options, fmt::format("{} spreads what it receives over {} queues, {}", name,
                                        queues.all(), remedy));
}

Status EthdevPort::probe(const EthdevOptions& options) {
    std::string arguments = options.device;
    if (netdev_ && device_argument(arguments, "xdp_prog").empty() &&
        !options.xdp_program_path.empty()) {
        arguments += ",xdp_prog=" + options.xdp_program_path;
    }
    const std::string name = driver_name(arguments);
    if (rte_eth_dev_get_port_by_name(name.c_str(), &port_) == 0) {
        // Named on the command line as well, or scanned: PCI.
        if (!is_pci(options.device)) {
            return refused(options,
                           "two interfaces name the same device; give each its own "
                           "number, as in net_af_xdp1");
        }
        probed_ = true;
        return Done{};
    }
    const int result = rte_dev_probe(arguments.c_str());
    if (result != 0) {
        return refused(options, fmt::format("the driver refuses it ({}); {}", rte_strerror(-result),
                                            probe_remedy(options, -result)));
    }
    if (rte_eth_dev_get_port_by_name(name.c_str(), &port_) != 0) {
        return refused(options, "no driver took it; " + probe_remedy(options, ENODEV));
    }
    probed_ = true;
    return Done{};
}

Status EthdevPort::set_up(const EthdevOptions& options) {
    rte_eth_dev_info info{};
    if (const int result = rte_eth_dev_info_get(port_, &info); result != 0) {
        return refused(options, fmt::format("gives no information: {}", rte_strerror(-result)));
    }
    const auto queues = static_cast<std::uint16_t>(queues_to_read(options, info));
    for (std::uint16_t queue = 0; queue < queues; ++queue) {
        queues_.emplace_back(port_, queue);
    }
    rte_eth_conf configuration{};
    if (is_pci_ && queues > 1) {
        configuration.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        configuration.rx_adv_conf.rss_conf.rss_hf = kSpreadBy & info.flow_type_rss_offloads;
    }
    configuration.rxmode.mtu = options.mtu;
    if (info.max_mtu != 0 && options.mtu > info.max_mtu) {
        return refused(
            options, fmt::format("takes an mtu of at most {}, not {}", info.max_mtu, options.mtu));
    }
    if ((info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_TIMESTAMP) != 0 && clock_runs()) {
        configuration.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_TIMESTAMP;
        has_stamps_ = true;
    }
    const std::uint16_t transmit_queues = netdev_ ? queues : std::uint16_t{1};
    if (const int result = rte_eth_dev_configure(port_, queues, transmit_queues, &configuration);
        result != 0) {
        return refused(options,
                       fmt::format("cannot be configured with {} receive and {} transmit "
                                   "queues and an mtu of {}: {}",
                                   queues, transmit_queues, options.mtu, rte_strerror(-result)));
    }
    if (Status status = set_up_queues(options); !status) {
        return status;
    }
    if (const int result = rte_eth_dev_start(port_); result != 0) {
        return refused(options, fmt::format("does not start ({}); {}", rte_strerror(-result),
                                            probe_remedy(options, -result)));
    }
    set_up_addresses(options);
    stop_pause_frames();
    update_link();
    return Done{};
}

unsigned EthdevPort::queues_to_read(const EthdevOptions& options,
                                    const rte_eth_dev_info& info) const {
    const unsigned all = std::max<unsigned>(1, info.max_rx_queues);
    if (is_pcap(options.device)) {
        return all;  // one for each file; what is not read would be lost
    }
    const bool spreads = !is_pci_ || (info.flow_type_rss_offloads & kSpreadBy) != 0;
    return spreads ? std::min(all, receive_queues(options.device, options.receive_queues)) : 1;
}

std::vector<ReceivePort*> EthdevPort::further_queues() {
    std::vector<ReceivePort*> further;
    for (std::size_t i = 1; i < queues_.size(); ++i) {
        further.push_back(&queues_[i]);
    }
    return further;
}

bool EthdevPort::use_stamps(const StampClock& clock) {
    const std::optional<ReceiveStamps> stamps = ReceiveStamps::find(clock);
    if (!stamps) {
        return false;
    }
    for (EthdevQueue& queue : queues_) {
        queue.use_stamps(*stamps);
    }
    return true;
}

std::uint64_t EthdevPort::stamp_counter() const {
    std::uint64_t counter = 0;
// DPDK calls it experimental since 2019 and has no other way to a card's clock.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    rte_eth_read_clock(port_, &counter);
#pragma GCC diagnostic pop
    return counter;
}

/// A clock that cannot be read, or stands, says nothing about stamps.
bool EthdevPort::clock_runs() const {
    const std::uint64_t before = stamp_counter();
    rte_delay_us_sleep(1000);
    return stamp_counter() > before;
}

Status EthdevPort::set_up_queues(const EthdevOptions& options) {
    std::uint16_t receive_descriptors = kReceiveDescriptors;
    std::uint16_t transmit_descriptors = kTransmitDescriptors;
    rte_eth_dev_adjust_nb_rx_tx_desc(port_, &receive_descriptors, &transmit_descriptors);
    const auto node = static_cast<unsigned>(rte_eth_dev_socket_id(port_));
    const auto queues = static_cast<std::uint16_t>(queues_.size());
    for (std::uint16_t queue = 0; queue < queues; ++queue) {
        const int result =
            rte_eth_rx_queue_setup(port_, queue, receive_descriptors, node, nullptr, options.pool);
        if (result != 0) {
            return refused(
                options,
                fmt::format(
                    "cannot set up its receive queue: {}; {}", rte_strerror(-result),
                    netdev_ ? "run as root, or with CAP_NET_ADMIN, CAP_NET_RAW, "
                              "CAP_BPF and CAP_IPC_LOCK; force_copy=1 helps where the driver has "
                              "no zero copy, and -- --log-level=pmd:debug shows "
                              "what it says"
                            : "give tcqfd more memory with -- -m MEBIBYTES"));
        }
        if (netdev_) {
            // AF_XDP: the transmit queue is the other side of the same socket.
            rte_eth_tx_queue_setup(port_, queue, transmit_descriptors, node, nullptr);
        }
    }
    if (!netdev_) {
        if (const int result =
                rte_eth_tx_queue_setup(port_, 0, transmit_descriptors, node, nullptr);
            result != 0) {
            return refused(options, fmt::format("cannot set up its transmit queue: {}",
                                                rte_strerror(-result)));
        }
    }
    return Done{};
}

void EthdevPort::set_up_addresses(const EthdevOptions& options) {
    rte_ether_addr address{};
    if (options.mac && !netdev_) {
        std::memcpy(address.addr_bytes, options.mac->data(), sizeof(address.addr_bytes));
        if (rte_eth_dev_default_mac_addr_set(port_, &address) != 0) {
            // The driver has no filter to change: what does not filter receives everything.
            rte_eth_promiscuous_enable(port_);
        }
        mac_ = *options.mac;
    } else if (rte_eth_macaddr_get(port_, &address) == 0) {
        std::memcpy(mac_.data(), address.addr_bytes, mac_.size());
    }
    if (!netdev_) {
        rte_eth_allmulticast_enable(port_);  // the kernel's neighbour discovery needs it
    }
}

unsigned EthdevQueue::receive(std::int64_t now_ns, rte_mbuf** packets, std::int64_t* arrivals_ns,
                              unsigned max) {
    const unsigned count =
        rte_eth_rx_burst(port_, queue_, packets, static_cast<std::uint16_t>(max));
    has_arrival_times_ = stamps_ && stamps_->read({packets, count}, now_ns, arrivals_ns);
    return count;
}

unsigned EthdevPort::transmit(const TransmitBurst& burst) {
    return rte_eth_tx_burst(port_, 0, const_cast<rte_mbuf**>(burst.packets),
                            static_cast<std::uint16_t>(burst.count));
}

void EthdevPort::update_link() {
    if (netdev_) {
        // The driver reports its link as always up.
        link_up_.store(!is_gone() && netdev_->is_running(), std::memory_order_relaxed);
        return;
    }
    rte_eth_link link{};
    if (rte_eth_link_get_nowait(port_, &link) == 0) {
        link_up_.store(link.link_status == RTE_ETH_LINK_UP, std::memory_order_relaxed);
    }
}

LinkState EthdevPort::link() const {
    if (netdev_) {
        return netdev_->link();
    }
    LinkState state;
    rte_eth_link link{};
    // Virtual devices report a speed that says nothing.
    if (is_pci_ && rte_eth_link_get_nowait(port_, &link) == 0 &&
        link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN) {
        state.speed_mbps = link.link_speed;
    }
    rte_eth_fc_conf flow_control{};
    state.has_pause_frames = rte_eth_dev_flow_ctrl_get(port_, &flow_control) == 0 &&
                             flow_control.mode != RTE_ETH_FC_NONE;
    return state;
}

std::uint64_t EthdevPort::missed_frames() const {
    rte_eth_stats statistics{};
    return rte_eth_stats_get(port_, &statistics) == 0 ? statistics.imissed : 0;
}

/// The port is the router's alone. Where the driver refuses, link() still tells.
void EthdevPort::stop_pause_frames() const {
    rte_eth_fc_conf flow_control{};
    if (!netdev_ && rte_eth_dev_flow_ctrl_get(port_, &flow_control) == 0 &&
        flow_control.mode != RTE_ETH_FC_NONE) {
        flow_control.mode = RTE_ETH_FC_NONE;
        rte_eth_dev_flow_ctrl_set(port_, &flow_control);
    }
}

}  // namespace tcqf::dataplane
