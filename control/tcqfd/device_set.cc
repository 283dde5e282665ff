#include "control/tcqfd/device_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>

namespace tcqf::control {

namespace {

constexpr std::size_t kLongestNetdevName = 15;
// Large enough for any frame: a TAP behind an AF_XDP interface only passes them on.
constexpr std::uint32_t kPassingMtu = 65'521;

constexpr const char* kLinkUp = "the link is up";

const char* state_of(const dataplane::EthdevPort& wire) {
    if (wire.link_up()) {
        return kLinkUp;
    }
    return wire.is_gone() ? "the device is gone, and what would leave there is dropped; restart "
                            "tcqfd when it is back"
                          : "the link is down";
}

}  // namespace

std::string tap_name(const std::string& router, const std::string& interface) {
    std::string full = router + "-" + interface;
    if (full.size() <= kLongestNetdevName) {
        return full;
    }
    const std::size_t hash = std::hash<std::string>{}(full);
    return fmt::format("{}-{:04x}", full.substr(0, kLongestNetdevName - 5), hash & 0xffffU);
}

std::vector<std::string> link_warnings(const config::Interface& interface,
                                       const dataplane::LinkState& link,
                                       const std::string& netdev) {
    std::vector<std::string> warnings;
    const auto warn = [&](const std::string& what, const std::string& remedy) {
        warnings.push_back(fmt::format("interface {}: {}; {}", interface.name, what,
                                       netdev.empty()
                                           ? "its driver does not turn that off: do so at the "
                                             "other end of the link"
                                           : "run ethtool " + remedy));
    };
    if (link.speed_mbps != 0 && link.speed_mbps != interface.link_rate_mbps) {
        warnings.push_back(
            fmt::format("interface {}: the link runs at {} Mbit/s, link-rate-mbps says {}; cycles "
                        "are filled by the latter",
                        interface.name, link.speed_mbps, interface.link_rate_mbps));
    }
    if (link.has_pause_frames) {
        warn("pause frames are on, which stop what is sent for longer than a cycle",
             fmt::format("-A {} autoneg off rx off tx off", netdev));
    }
    if (link.is_energy_efficient) {
        warn("Energy-Efficient Ethernet is on: the link sleeps, and wakes up late for a cycle",
             fmt::format("--set-eee {} eee off", netdev));
    }
    return warnings;
}

Result<std::unique_ptr<DeviceSet>> DeviceSet::open(const config::Router& router, rte_mempool* pool,
                                                   bool with_kernel) {
    std::unique_ptr<DeviceSet> set(new DeviceSet(pool));
    auto program = dataplane::XdpProgramFile::create();
    if (!program) {
        return program.failure();
    }
    set->program_ = std::move(program.value());
    for (const config::Interface& interface : router.interfaces) {
        if (Status status = set->open_wire(interface, router.workers.count); !status) {
            return status.failure();
        }
    }
    if (!with_kernel) {
        return set;
    }
    auto bell = dataplane::RelayBell::create();
    if (!bell) {
        return bell.failure();
    }
    set->bell_ = std::move(bell.value());
    for (std::size_t i = 0; i < router.interfaces.size(); ++i) {
        if (Status status = set->open_kernel_side(router, static_cast<config::InterfaceIndex>(i));
            !status) {
            return status.failure();
        }
    }
    return set;
}

DeviceSet::~DeviceSet() = default;

Status DeviceSet::open_wire(const config::Interface& interface, unsigned workers) {
    dataplane::EthdevOptions options;
    options.interface = interface.name;
    options.device = interface.device;
    options.mac = interface.mac;
    options.mtu = interface.mtu;
    options.receive_queues = workers;
    options.pool = pool_;
    options.xdp_program_path = program_->path();
    auto wire = dataplane::EthdevPort::open(options);
    if (!wire) {
        return wire.failure();
    }
    Device device;
    device.wire = std::move(wire.value());
    const bool has_own_program = !dataplane::device_argument(interface.device, "xdp_prog").empty();
    if (device.wire->netdev() && !has_own_program) {
        auto filter = dataplane::XdpFilter::find(*device.wire->netdev());
        if (!filter) {
            return system_refused(fmt::format("interface {}: device {}: {}", interface.name,
                                              interface.device, filter.failure().message));
        }
        device.filter = std::move(filter.value());
    }
    devices_.push_back(std::move(device));
    return Done{};
}

std::vector<std::string> DeviceSet::use_stamps(const config::Router& router,
                                               const SharedClock& clock) {
    std::vector<std::string> interfaces;
    for (std::size_t i = 0; i < devices_.size(); ++i) {
        dataplane::EthdevPort& wire = *devices_[i].wire;
        if (!wire.has_stamps()) {
            continue;
        }
        devices_[i].card_clock =
            std::make_unique<CardClock>([&wire] { return wire.stamp_counter(); }, clock);
        if (wire.use_stamps(*devices_[i].card_clock)) {
            interfaces.push_back(router.interfaces[i].name);
        }
    }
    return interfaces;
}

Status DeviceSet::open_kernel_side(const config::Router& router, config::InterfaceIndex index) {
    const config::Interface& interface = router.interfaces[index];
    Device& device = devices_[index];
    if (Status status = make_tap(router.name, interface, device); !status) {
        return status;
    }
    auto kernel = dataplane::KernelPort::create(std::to_string(index), *bell_);
    if (!kernel) {
        return system_refused(
            fmt::format("interface {}: {}", interface.name, kernel.failure().message));
    }
    device.kernel = std::move(kernel.value());
    return Done{};
}

/// Beside an interface of the host's, frames pass through the TAP to and from that; else the TAP
/// is the host's interface.
Status DeviceSet::make_tap(const std::string& router, const config::Interface& interface,
                           Device& device) {
    const std::optional<dataplane::Netdev>& netdev = device.wire->netdev();
    if (!netdev && device.wire->mac() == config::MacAddress{}) {
        return system_refused(fmt::format(
            "interface {}: device {}: has no MAC address of its own; give it one: mac in the "
            "configuration",
            interface.name, interface.device));
    }
    auto made = dataplane::Tap::create(netdev ? fmt::format("tcqf-{}", netdev->index())
                                              : tap_name(router, interface.name));
    if (!made) {
        return made.failure();
    }
    device.tap = std::make_unique<dataplane::Tap>(std::move(made.value()));
    const dataplane::Netdev& tap = device.tap->netdev();
    if (netdev) {
        tap.disable_ipv6();
    } else if (Status status = tap.set_mac(device.wire->mac()); !status) {
        return status;
    }
    if (Status status = tap.set_mtu(netdev ? kPassingMtu : interface.mtu); !status) {
        return status;
    }
    if (Status status = tap.set_up(); !status) {
        return status;
    }
    if (netdev) {
        auto path = dataplane::XdpKernelPath::attach(*netdev, tap);
        if (!path) {
            return path.failure();
        }
        device.kernel_path = std::move(path.value());
    } else {
        const std::vector<Failure> failures = give_addresses(device, interface.addresses);
        if (!failures.empty()) {
            return failures.front();
        }
    }
    return Done{};
}

std::vector<dataplane::InterfacePorts> DeviceSet::ports() {
    std::vector<dataplane::InterfacePorts> ports;
    for (const Device& device : devices_) {
        ports.push_back({.wire = device.wire.get(),
                         .kernel = device.kernel.get(),
                         .further_queues = device.wire->further_queues()});
    }
    return ports;
}

std::vector<std::string> DeviceSet::spread_interfaces(const config::Router& router) {
    std::vector<std::string> sentences;
    for (std::size_t i = 0; i < devices_.size(); ++i) {
        const std::size_t queues = 1 + devices_[i].wire->further_queues().size();
        if (queues > 1) {
            sentences.push_back(fmt::format("interface {}: {} receive queues, read by {} workers",
                                            router.interfaces[i].name, queues,
                                            std::min<std::size_t>(queues, router.workers.count)));
        }
    }
    return sentences;
}

std::vector<config::MacAddress> DeviceSet::macs() const {
    std::vector<config::MacAddress> macs;
    for (const Device& device : devices_) {
        macs.push_back(device.wire->mac());
    }
    return macs;
}

void DeviceSet::start_relay() {
    if (bell_ == nullptr) {
        return;
    }
    std::vector<KernelRelay::Side> sides;
    for (const Device& device : devices_) {
        sides.push_back({.port = device.kernel.get(), .tap = device.tap.get()});
    }
    relay_ = std::make_unique<KernelRelay>(std::move(sides), *bell_, pool_);
}

KernelRelay::Counters DeviceSet::stop_relay() {
    if (relay_ == nullptr) {
        return {};
    }
    relay_->stop();
    return relay_->counters();
}

std::vector<Failure> DeviceSet::install_filters(const config::Router& router) {
    std::vector<Failure> failures;
    for (std::size_t i = 0; i < devices_.size(); ++i) {
        if (!devices_[i].filter) {
            continue;
        }
        const Status status = devices_[i].filter->install(dataplane::filter_tables(
            router, static_cast<config::InterfaceIndex>(i), devices_[i].wire->mac()));
        if (!status) {
            failures.push_back(system_refused(fmt::format(
                "interface {}: {}", router.interfaces[i].name, status.failure().message)));
        }
    }
    return failures;
}

std::vector<Failure> DeviceSet::change_addresses(const std::vector<config::Interface>& interfaces) {
    std::vector<Failure> failures;
    for (std::size_t i = 0; i < devices_.size(); ++i) {
        if (devices_[i].tap != nullptr && !devices_[i].wire->netdev()) {
            std::ranges::move(give_addresses(devices_[i], interfaces[i].addresses),
                              std::back_inserter(failures));
        }
    }
    return failures;
}

std::vector<Failure> DeviceSet::give_addresses(Device& device,
                                               const std::vector<config::IpPrefix>& wanted) {
    std::vector<Failure> failures;
    if (device.addresses == wanted) {
        return failures;
    }
    const dataplane::Netdev& tap = device.tap->netdev();
    const auto is_gone = [&](const config::IpPrefix& address) {
        const Status status = tap.remove_address(address);
        if (!status) {
            failures.push_back(status.failure());
        }
        return status.ok();
    };
    std::erase_if(device.addresses, [&](const config::IpPrefix& address) {
        return std::ranges::find(wanted, address) != wanted.end() || is_gone(address);
    });
    // All of them: with the first of a prefix the host may have removed others.
    for (const config::IpPrefix& address : wanted) {
        if (const Status status = tap.add_address(address); !status) {
            failures.push_back(status.failure());
        } else {
            device.addresses.push_back(address);
        }
    }
    return failures;
}

DeviceSet::LinkNews DeviceSet::update_links(dataplane::Router& router) {
    LinkNews news;
    for (std::size_t i = 0; i < devices_.size(); ++i) {
        Device& device = devices_[i];
        device.wire->update_link();
        const bool is_up = device.wire->link_up();
        router.set_link(static_cast<config::InterfaceIndex>(i), is_up);
        const config::Interface& interface = router.config().interfaces[i];
        const std::string told = state_of(*device.wire);
        if (told != device.link_told.value_or(kLinkUp)) {
            news.changes.push_back(fmt::format("interface {}: {}", interface.name, told));
        }
        if (is_up && device.link_told != told) {
            const std::optional<dataplane::Netdev>& netdev = device.wire->netdev();
            std::ranges::move(
                link_warnings(interface, device.wire->link(), netdev ? netdev->name() : ""),
                std::back_inserter(news.warnings));
        }
        device.link_told = told;
        note_losses(device, interface.name, news);
    }
    return news;
}

/// What a running router has lost, to the host or for being late; each is told once.
void DeviceSet::note_losses(Device& device, const std::string& interface, LinkNews& news) {
    if (device.tap != nullptr && !device.tap_told && device.tap->is_gone()) {
        device.tap_told = true;
        news.changes.push_back(
            fmt::format("interface {}: the TAP {} is gone, and with it the way to the host's "
                        "kernel; restart tcqfd to have it again",
                        interface, device.tap->netdev().name()));
    }
    if (device.filter && !device.filter_told && device.filter->is_displaced()) {
        device.filter_told = true;
        news.changes.push_back(
            fmt::format("interface {}: somebody has taken the XDP program of tcqfd off {}: nothing "
                        "that arrives there is forwarded any more; restart tcqfd",
                        interface, device.wire->netdev()->name()));
    }
    if (!device.missed_told && device.wire->missed_frames() != 0) {
        device.missed_told = true;
        news.warnings.push_back(
            fmt::format("interface {}: frames are lost before the router takes them: it pauses for "
                        "longer than the device has room for, or more comes than it can take",
                        interface));
    }
}

std::vector<std::string> DeviceSet::filtered_frames(const config::Router& router) const {
    std::vector<std::string> sentences;
    for (std::size_t i = 0; i < devices_.size(); ++i) {
        if (devices_[i].filter) {
            const dataplane::XdpFilter::Counters counters = devices_[i].filter->counters();
            sentences.push_back(fmt::format(
                "interface {}: the filter gave {} frames to the router and {} to the host",
                router.interfaces[i].name, counters.given_to_worker, counters.passed_to_host));
        }
    }
    return sentences;
}

std::vector<std::string> DeviceSet::lost_frames(const config::Router& router) const {
    std::vector<std::string> sentences;
    for (std::size_t i = 0; i < devices_.size(); ++i) {
        if (const std::uint64_t missed = devices_[i].wire->missed_frames(); missed != 0) {
            sentences.push_back(
                fmt::format("interface {}: {} frames were lost before the router took them",
                            router.interfaces[i].name, missed));
        }
    }
    return sentences;
}

}  // namespace tcqf::control
