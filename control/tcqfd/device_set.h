// The ports of a router's interfaces, the host's side of each, and the filters in front.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/router.h"
#include "control/tcqfd/card_clock.h"
#include "control/tcqfd/kernel_relay.h"
#include "dataplane/ethdev_port.h"
#include "dataplane/kernel_port.h"
#include "dataplane/result.h"
#include "dataplane/router.h"
#include "dataplane/tap.h"
#include "dataplane/xdp_filter.h"
#include "dataplane/xdp_kernel_path.h"

struct rte_mempool;

namespace tcqf::control {

class DeviceSet {
  public:
    /// Opens every interface's device; `with_kernel` also makes the host's side of each.
    static Result<std::unique_ptr<DeviceSet>> open(const config::Router& router, rte_mempool* pool,
                                                   bool with_kernel);
    ~DeviceSet();
    DeviceSet(const DeviceSet&) = delete;
    DeviceSet& operator=(const DeviceSet&) = delete;

    std::vector<dataplane::InterfacePorts> ports();
    std::vector<config::MacAddress> macs() const;
    /// Takes the stamps of cards that stamp what they receive for its arrival, by the router's
    /// clock, which outlives this. Returns the names of their interfaces.
    std::vector<std::string> use_stamps(const config::Router& router, const SharedClock& clock);
    /// Starts to carry frames between workers and host.
    void start_relay();
    /// Stops carrying frames; what workers have handed over until now is delivered. Returns what
    /// was lost in all that time.
    KernelRelay::Counters stop_relay();
    /// One sentence for each interface that has several receive queues.
    std::vector<std::string> spread_interfaces(const config::Router& router);
    /// Tells the filters what the router forwards. One that cannot be told keeps no other back.
    std::vector<Failure> install_filters(const config::Router& router);
    /// Gives the host's side of interfaces that are the router's alone their addresses. What the
    /// host refuses keeps no other back, and is tried again with the next change.
    std::vector<Failure> change_addresses(const std::vector<config::Interface>& interfaces);
    /// One sentence each.
    struct LinkNews {
        std::vector<std::string> changes;   ///< a link is down, or up again; something is gone
        std::vector<std::string> warnings;  ///< something is wrong with one that has come up
    };
    /// Asks the devices for their links and tells the router. Returns what is new since the last
    /// call; to begin with, links are expected to be up.
    LinkNews update_links(dataplane::Router& router);
    /// One sentence for each interface whose device lost frames until now.
    std::vector<std::string> lost_frames(const config::Router& router) const;
    /// How many frames each XDP filter has given to the router, and how many it has left the host.
    std::vector<std::string> filtered_frames(const config::Router& router) const;

  private:
    /// The parts of one interface; what depends on another part is below it.
    struct Device {
        std::unique_ptr<dataplane::EthdevPort> wire;
        std::unique_ptr<CardClock> card_clock;
        std::optional<dataplane::XdpFilter> filter;
        std::unique_ptr<dataplane::Tap> tap;
        std::vector<config::IpPrefix> addresses;  // of the TAP
        std::unique_ptr<dataplane::XdpKernelPath> kernel_path;
        std::unique_ptr<dataplane::KernelPort> kernel;
        std::optional<std::string> link_told;
        bool tap_told = false;     // that it is gone
        bool filter_told = false;  // that it has been taken off
        bool missed_told = false;  // that frames are lost
    };

    explicit DeviceSet(rte_mempool* pool) : pool_(pool) {}

    static std::vector<Failure> give_addresses(Device& device,
                                               const std::vector<config::IpPrefix>& wanted);
    static void note_losses(Device& device, const std::string& interface, LinkNews& news);
    Status open_wire(const config::Interface& interface, unsigned workers);
    static Status make_tap(const std::string& router, const config::Interface& interface,
                           Device& device);
    Status open_kernel_side(const config::Router& router, config::InterfaceIndex index);

    rte_mempool* pool_;
    std::optional<dataplane::XdpProgramFile> program_;
    std::unique_ptr<dataplane::RelayBell> bell_;
    std::vector<Device> devices_;
    std::unique_ptr<KernelRelay> relay_;
};

/// One sentence for each thing about a link that moves what is sent out of its cycle. `netdev` is
/// the host's name for an interface that is still the host's, empty where it is the router's alone.
std::vector<std::string> link_warnings(const config::Interface& interface,
                                       const dataplane::LinkState& link, const std::string& netdev);

/// Name of the TAP that stands for an interface of its own: `ROUTER-INTERFACE`, shortened to what
/// the host takes.
std::string tap_name(const std::string& router, const std::string& interface);

}  // namespace tcqf::control
