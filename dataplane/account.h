// The account: every packet ends in exactly one counter.
//
// received + generated = sent + to-kernel + dropped (by reason) + queued, for the router at any
// moment of virtual time and after every stop; a worker's own equation has what it handed over to
// other workers.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace tcqf::dataplane {

/// Why a packet was dropped. The names are part of the interface to users.
enum class DropReason : std::uint8_t {
    malformed,
    no_route,
    no_label,
    no_sid,
    no_neighbor,
    ttl_expired,
    mtu_exceeded,
    bad_checksum,
    untaggable,
    no_cycle_map,
    outside_window,
    cycle_full,
    cycle_overrun,
    untrusted_tag,
    flow_packet_too_big,
    flow_backlog,
    policed,
    nrp_quota,
    nrp_unknown,
    policy_invalid,
    untrusted_source,
    unknown_option,
    queue_full,
    interface_down,
    no_memory,
    arrival_unknown,
    count
};

inline constexpr std::size_t kDropReasons = static_cast<std::size_t>(DropReason::count);

inline constexpr std::array<std::string_view, kDropReasons> kDropReasonNames = {
    "malformed",        "no-route",       "no-label",      "no-sid",         "no-neighbor",
    "ttl-expired",      "mtu-exceeded",   "bad-checksum",  "untaggable",     "no-cycle-map",
    "outside-window",   "cycle-full",     "cycle-overrun", "untrusted-tag",  "flow-packet-too-big",
    "flow-backlog",     "policed",        "nrp-quota",     "nrp-unknown",    "policy-invalid",
    "untrusted-source", "unknown-option", "queue-full",    "interface-down", "no-memory",
    "arrival-unknown"};
static_assert(!kDropReasonNames.back().empty(), "each reason needs a name");

constexpr std::string_view name_of(DropReason reason) {
    return kDropReasonNames[static_cast<std::size_t>(reason)];
}

/// A counter with one writer: a relaxed load and store, readable from any thread.
class Counter {
  public:
    Counter() = default;
    Counter(const Counter& other) : value_(other.get()) {}
    Counter& operator=(const Counter& other) {
        value_.store(other.get(), std::memory_order_relaxed);
        return *this;
    }

    [[gnu::always_inline]] void add(std::uint64_t amount) {
        value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }
    std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_ = 0;
};

/// Packets that a local SID took and did not drop, and their octets from the outer IPv6 header on
/// (RFC 8986, 6); on one worker.
struct SidCounter {
    Counter packets;
    Counter octets;

    [[gnu::always_inline]] void count(std::uint64_t packet_octets) {
        packets.add(1);
        octets.add(packet_octets);
    }
};

/// Counters of one interface on one worker.
struct InterfaceCounters {
    Counter received;
    Counter sent;
    Counter from_kernel;
    Counter cycle_overruns;
};

/// Counters of one worker; it is their only writer.
struct WorkerCounters {
    explicit WorkerCounters(std::size_t interfaces = 0) : interfaces(interfaces) {}

    Counter received;
    Counter generated;
    Counter sent;
    Counter to_kernel;
    Counter handed_over_in;
    Counter handed_over_out;
    Counter long_way;  ///< of those received from a wire: not plain; for tests
    std::array<Counter, kDropReasons> dropped;
    std::vector<InterfaceCounters> interfaces;
};

/// A reading of all of it.
struct Account {
    struct Interface {
        std::uint64_t received = 0;
        std::uint64_t sent = 0;
        std::uint64_t cycle_overruns = 0;
    };

    std::uint64_t received = 0;
    std::uint64_t from_kernel = 0;  ///< of those received
    std::uint64_t generated = 0;
    std::uint64_t sent = 0;
    std::uint64_t to_kernel = 0;
    std::uint64_t queued = 0;
    std::uint64_t handed_over_in = 0;
    std::uint64_t handed_over_out = 0;
    std::array<std::uint64_t, kDropReasons> dropped{};
    std::vector<Interface> interfaces;

    std::uint64_t dropped_in_all() const {
        std::uint64_t sum = 0;
        for (const std::uint64_t amount : dropped) {
            sum += amount;
        }
        return sum;
    }
    /// The equation of the account; for a single worker handed-over packets count as well.
    bool balances() const {
        return received + generated + handed_over_in ==
               sent + to_kernel + dropped_in_all() + queued + handed_over_out;
    }
};

}  // namespace tcqf::dataplane
