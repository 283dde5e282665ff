// What must be asked of, or told to, a network interface of the host.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "config/address.h"
#include "dataplane/result.h"

namespace tcqf::dataplane {

/// A file descriptor that closes itself.
class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept;
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor();

    int number() const { return number_; }
    bool is_open() const { return number_ >= 0; }
    int release();

  private:
    int number_ = -1;
};

/// What a link is at present.
struct LinkState {
    std::uint32_t speed_mbps = 0;      ///< negotiated; 0: unknown, or of a device without a wire
    bool has_pause_frames = false;     ///< sends or obeys them (IEEE 802.3, annex 31B)
    bool is_energy_efficient = false;  ///< sleeps between frames (IEEE 802.3, clause 78)
};

/// Queues over which an interface spreads what it receives.
struct ReceiveQueues {
    unsigned combined = 0;  ///< that send as well
    unsigned alone = 0;     ///< that only receive

    unsigned all() const { return combined + alone; }
};

/// A network interface of the host, by its name in the network namespace of this process.
class Netdev {
  public:
    explicit Netdev(std::string name) : name_(std::move(name)) {}

    const std::string& name() const { return name_; }
    /// 0 where there is no such interface.
    unsigned index() const;
    config::MacAddress mac() const;
    std::uint32_t mtu() const;
    /// Up, with carrier.
    bool is_running() const;
    /// What its driver tells; what it does not tell is not there.
    LinkState link() const;
    /// Queues in use.
    ReceiveQueues receive_queues() const;

    Status set_mac(const config::MacAddress& mac) const;
    Status set_mtu(std::uint32_t mtu) const;
    Status set_up() const;
    /// Nothing to do where it has the address.
    Status add_address(const config::IpPrefix& address) const;
    /// Nothing to do where it lacks the address.
    Status remove_address(const config::IpPrefix& address) const;
    /// Keeps the host's IPv6 off the interface; nothing to do where the host has none.
    void disable_ipv6() const;

  private:
    Failure cannot(const std::string& what) const;
    bool ask_driver(void* question) const;
    std::uint32_t speed_mbps() const;

    std::string name_;
};

}  // namespace tcqf::dataplane
