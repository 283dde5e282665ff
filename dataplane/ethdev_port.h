// A port on any device that DPDK drives: PCI, AF_XDP, memif, ring, pcap, TAP.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/address.h"
#include "dataplane/netdev.h"
#include "dataplane/port.h"
#include "dataplane/receive_stamps.h"
#include "dataplane/result.h"

struct rte_eth_dev_info;
struct rte_mempool;

namespace tcqf::dataplane {

/// What a port is opened with.
struct EthdevOptions {
    std::string interface;  ///< the router's name for it, for messages
    std::string device;     ///< PCI address or DPDK device arguments
    std::optional<config::MacAddress> mac;
    std::uint32_t mtu = 1500;
    unsigned receive_queues = 1;   ///< that a network card is asked for
    rte_mempool* pool = nullptr;   ///< of what it receives
    std::string xdp_program_path;  ///< of the filter, for AF_XDP devices that name none
};

/// True where the device arguments name the AF_XDP driver.
bool is_af_xdp(const std::string& device);
/// True where they name a device on a bus that must be scanned.
bool is_pci(const std::string& device);
/// Value of `key=` in device arguments, empty where it is not there.
std::string device_argument(const std::string& device, const std::string& key);
/// How many receive queues of a device are read, at most: a network card spreads what it receives
/// over as many as it is asked for, where it can; an AF_XDP port has those that its arguments name.
unsigned receive_queues(const std::string& device, unsigned asked_for);

/// A receive queue of a device.
class EthdevQueue final : public ReceivePort {
  public:
    EthdevQueue(std::uint16_t port, std::uint16_t queue) : port_(port), queue_(queue) {}

    unsigned receive(std::int64_t now_ns, rte_mbuf** packets, std::int64_t* arrivals_ns,
                     unsigned max) override;
    bool has_arrival_times() const override { return has_arrival_times_; }
    /// From now on packets arrive at their stamps.
    void use_stamps(const ReceiveStamps& stamps) { stamps_ = stamps; }

  private:
    std::uint16_t port_;
    std::uint16_t queue_;
    bool has_arrival_times_ = false;
    std::optional<ReceiveStamps> stamps_;
};

class EthdevPort : public Port {
  public:
    /// Finds or makes the device, sets it up and starts it. A failure is one sentence that names
    /// the interface and says what to do.
    static Result<std::unique_ptr<EthdevPort>> open(const EthdevOptions& options);
    /// Stops and closes the device.
    ~EthdevPort() override;
    EthdevPort(const EthdevPort&) = delete;
    EthdevPort& operator=(const EthdevPort&) = delete;

    /// From the first queue.
    unsigned receive(std::int64_t now_ns, rte_mbuf** packets, std::int64_t* arrivals_ns,
                     unsigned max) override {
        return queues_.front().receive(now_ns, packets, arrivals_ns, max);
    }
    unsigned transmit(const TransmitBurst& burst) override;
    bool has_arrival_times() const override { return queues_.front().has_arrival_times(); }
    /// The others; they live as long as the port.
    std::vector<ReceivePort*> further_queues();
    /// As update_link() last saw it.
    bool link_up() const { return link_up_.load(std::memory_order_relaxed); }

    /// Asks the device for its link; any one thread but the worker's.
    void update_link();
    /// What the device tells of its link; any one thread but the worker's.
    LinkState link() const;

    /// Frames that the device lost because nobody took them in time; any one thread but the
    /// worker's.
    std::uint64_t missed_frames() const;

    /// True where the device stamps what it receives, with a clock that can be read.
    bool has_stamps() const { return has_stamps_; }
    /// The counter of that clock; any thread.
    std::uint64_t stamp_counter() const;
    /// From now on packets arrive at their stamps; before the worker starts. `clock` outlives it.
    /// False where packets have no room for stamps.
    bool use_stamps(const StampClock& clock);

    const config::MacAddress& mac() const { return mac_; }
    /// The host's interface under an AF_XDP port.
    const std::optional<Netdev>& netdev() const { return netdev_; }
    /// The host's interface that was opened is not there any more; one of its name is another one.
    bool is_gone() const { return netdev_ && netdev_->index() != netdev_index_; }

  private:
    EthdevPort() = default;

    Status prepare_netdev(const EthdevOptions& options);
    Status check_queues(const EthdevOptions& options) const;
    Status probe(const EthdevOptions& options);
    Status set_up(const EthdevOptions& options);
    unsigned queues_to_read(const EthdevOptions& options, const rte_eth_dev_info& info) const;
    bool clock_runs() const;
    Status set_up_queues(const EthdevOptions& options);
    void set_up_addresses(const EthdevOptions& options);
    void stop_pause_frames() const;

    std::uint16_t port_ = 0;
    bool probed_ = false;
    bool is_pci_ = false;
    config::MacAddress mac_{};
    std::optional<Netdev> netdev_;
    unsigned netdev_index_ = 0;
    Descriptor lock_;  // of the netdev, against a second router on it
    std::atomic<bool> link_up_{true};
    bool has_stamps_ = false;
    std::vector<EthdevQueue> queues_;
};

}  // namespace tcqf::dataplane
