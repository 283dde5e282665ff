// Ports on DPDK devices: frames through them, and one sentence for everything that can be wrong
// with a device.
#include "dataplane/ethdev_port.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/kernel_port.h"
#include "dataplane/tap.h"
#include "dataplane/xdp_filter.h"
#include "tests/realtime/private_network.h"

namespace tcqf::dataplane {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string no_private_network;  // why there is none

/// Large: the AF_XDP driver does not give back what waits in a fill ring when it closes.
rte_mempool* pool() {
    static rte_mempool* pool = rte_pktmbuf_pool_create("ports_test", 32'767, 0, 0,
                                                       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    return pool;
}

EthdevOptions device(const std::string& arguments) {
    EthdevOptions options;
    options.interface = "ge0";
    options.device = arguments;
    options.pool = pool();
    return options;
}

/// What a person reads where the device cannot be opened.
std::string failure_of(const EthdevOptions& options) {
    const auto port = EthdevPort::open(options);
    EXPECT_FALSE(port.ok());
    if (port.ok()) {
        return "";
    }
    EXPECT_EQ(port.failure().kind, FailureKind::system_refused);
    return port.failure().message;
}

rte_mbuf* frame_of(std::size_t length, std::uint8_t fill) {
    rte_mbuf* frame = rte_pktmbuf_alloc(pool());
    std::memset(rte_pktmbuf_append(frame, static_cast<std::uint16_t>(length)), fill, length);
    return frame;
}

TEST(DeviceArguments, are_found_by_key) {
    EXPECT_EQ(device_argument("net_af_xdp0,iface=ge0,force_copy=1", "iface"), "ge0");
    EXPECT_EQ(device_argument("net_af_xdp0,iface=ge0,force_copy=1", "force_copy"), "1");
    EXPECT_EQ(device_argument("net_af_xdp0,iface=ge0", "face"), "");
    EXPECT_EQ(device_argument("net_ring0", "iface"), "");
    EXPECT_TRUE(is_pci("0000:03:00.0"));
    EXPECT_TRUE(is_pci("03:00.0,some=argument"));
    EXPECT_FALSE(is_pci("net_ring0"));
    EXPECT_TRUE(is_af_xdp("net_af_xdp7,iface=a"));
}

TEST(EthdevPort, carries_frames_through_a_ring_in_order) {
    auto opened = EthdevPort::open(device("net_ring0"));
    ASSERT_TRUE(opened.ok()) << opened.failure().message;
    EthdevPort& port = *opened.value();
    EXPECT_TRUE(port.link_up());
    std::array<rte_mbuf*, 3> sent = {frame_of(60, 1), frame_of(61, 2), frame_of(1500, 3)};
    TransmitBurst burst;
    burst.packets = sent.data();
    burst.count = 3;
    EXPECT_EQ(port.transmit(burst), 3U);
    std::array<rte_mbuf*, 8> received{};
    ASSERT_EQ(port.receive(0, received.data(), nullptr, 8), 3U);
    EXPECT_EQ(rte_pktmbuf_pkt_len(received[0]), 60U);
    EXPECT_EQ(rte_pktmbuf_pkt_len(received[2]), 1500U);
    rte_pktmbuf_free_bulk(received.data(), 3);
}

/// A capture of frames of one octet each, repeated.
std::string capture_of(const std::string& name, std::initializer_list<std::uint8_t> fills) {
    const std::string path = testing::TempDir() + name;
    std::ofstream file(path, std::ios::binary);
    const auto put = [&file](std::initializer_list<std::uint32_t> words) {
        for (const std::uint32_t word : words) {
            file.write(reinterpret_cast<const char*>(&word), sizeof word);
        }
    };
    put({0xa1b2c3d4, 4u << 16 | 2, 0, 0, 65535, 1});
    for (const std::uint8_t fill : fills) {
        put({0, 0, 60, 60});
        file << std::string(60, static_cast<char>(fill));
    }
    return path;
}

TEST(EthdevPort, reads_every_receive_queue_by_itself) {
    const std::string first = capture_of("queue0.pcap", {1, 2});
    const std::string second = capture_of("queue1.pcap", {3, 4, 5});
    auto opened = EthdevPort::open(
        device("net_pcap7,rx_pcap=" + first + ",rx_pcap=" + second + ",tx_pcap=/dev/null"));
    ASSERT_TRUE(opened.ok()) << opened.failure().message;
    EthdevPort& port = *opened.value();
    const std::vector<ReceivePort*> further = port.further_queues();
    ASSERT_EQ(further.size(), 1U);
    const auto fills_of = [](ReceivePort& queue) {
        std::array<rte_mbuf*, 8> frames{};
        std::vector<int> fills;
        const unsigned count = queue.receive(0, frames.data(), nullptr, 8);
        for (unsigned i = 0; i < count; ++i) {
            fills.push_back(*rte_pktmbuf_mtod(frames[i], const std::uint8_t*));
        }
        rte_pktmbuf_free_bulk(frames.data(), count);
        return fills;
    };
    EXPECT_THAT(fills_of(*further[0]), ElementsAre(3, 4, 5));
    EXPECT_THAT(fills_of(port), ElementsAre(1, 2));
    EXPECT_THAT(fills_of(*further[0]), IsEmpty());
}

TEST(EthdevPort, has_one_receive_queue_where_nothing_spreads_what_comes_in) {
    EthdevOptions options = device("net_ring6");
    options.receive_queues = 4;
    auto opened = EthdevPort::open(options);
    ASSERT_TRUE(opened.ok()) << opened.failure().message;
    EXPECT_THAT(opened.value()->further_queues(), IsEmpty());
}

/// A card whose clock counts in steps of 4 ns from some instant on.
class FourNsClock : public StampClock {
  public:
    static constexpr std::int64_t kStartNs = 1'700'000'000'000'000'000;
    std::int64_t tai_ns(std::uint64_t stamp) const override {
        return kStartNs + 4 * static_cast<std::int64_t>(stamp);
    }
};

/// Packets that a driver stamped, as they come out of a port that knows what the stamps mean.
class StampedPackets : public testing::Test {
  protected:
    static constexpr std::int64_t kNowNs = FourNsClock::kStartNs + 1'000'000;

    void SetUp() override {
        auto opened = EthdevPort::open(device("net_ring5"));
        ASSERT_TRUE(opened.ok()) << opened.failure().message;
        port_ = std::move(opened.value());
        ASSERT_EQ(rte_mbuf_dyn_rx_timestamp_register(&offset_, &flag_), 0);
    }

    rte_mbuf* stamped(std::uint64_t stamp) {
        rte_mbuf* frame = frame_of(60, 1);
        *RTE_MBUF_DYNFIELD(frame, offset_, rte_mbuf_timestamp_t*) = stamp;
        frame->ol_flags |= flag_;
        return frame;
    }

    /// When the port says that they arrived; empty where it does not say.
    std::vector<std::int64_t> arrivals(const std::vector<rte_mbuf*>& frames) {
        TransmitBurst burst;
        burst.packets = frames.data();
        burst.count = static_cast<unsigned>(frames.size());
        EXPECT_EQ(port_->transmit(burst), burst.count);
        std::array<rte_mbuf*, 8> received{};
        std::array<std::int64_t, 8> arrivals_ns{};
        const unsigned count = port_->receive(kNowNs, received.data(), arrivals_ns.data(), 8);
        EXPECT_EQ(count, frames.size());
        rte_pktmbuf_free_bulk(received.data(), count);
        return port_->has_arrival_times()
                   ? std::vector(arrivals_ns.begin(), arrivals_ns.begin() + count)
                   : std::vector<std::int64_t>();
    }

    FourNsClock clock_;
    std::unique_ptr<EthdevPort> port_;
    int offset_ = -1;
    std::uint64_t flag_ = 0;
};

TEST_F(StampedPackets, arrive_at_their_stamps) {
    ASSERT_TRUE(port_->use_stamps(clock_));
    EXPECT_THAT(arrivals({stamped(100), stamped(101), stamped(250'000)}),
                ElementsAre(FourNsClock::kStartNs + 400, FourNsClock::kStartNs + 404, kNowNs));
}

TEST_F(StampedPackets, mean_nothing_to_a_port_without_their_clock) {
    EXPECT_FALSE(port_->has_stamps());  // a ring stamps nothing
    EXPECT_THAT(arrivals({stamped(100)}), IsEmpty());
}

TEST_F(StampedPackets, never_arrive_after_now_nor_before_the_one_in_front) {
    ASSERT_TRUE(port_->use_stamps(clock_));
    EXPECT_THAT(arrivals({stamped(249'900), stamped(249'890), stamped(250'010)}),
                ElementsAre(kNowNs - 400, kNowNs - 400, kNowNs));
}

TEST_F(StampedPackets, do_not_tell_where_one_has_none_or_the_clock_was_set) {
    ASSERT_TRUE(port_->use_stamps(clock_));
    EXPECT_THAT(arrivals({stamped(100), frame_of(60, 1)}), IsEmpty());
    const std::uint64_t far_ahead = 250'000 + ReceiveStamps::kToleranceNs / 4 + 1;
    EXPECT_THAT(arrivals({stamped(100), stamped(far_ahead)}), IsEmpty());
    EXPECT_THAT(arrivals({stamped(100)}), ElementsAre(FourNsClock::kStartNs + 400));
}

TEST(EthdevPort, takes_the_configured_mac) {
    EthdevOptions options = device("net_ring1");
    options.mac = config::MacAddress{2, 0, 0, 0, 1, 0};
    const auto port = EthdevPort::open(options);
    ASSERT_TRUE(port.ok()) << port.failure().message;
    EXPECT_EQ(port.value()->mac(), options.mac);
}

TEST(EthdevPort, one_device_for_two_interfaces_is_refused) {
    const auto first = EthdevPort::open(device("net_ring2"));
    ASSERT_TRUE(first.ok());
    EXPECT_THAT(failure_of(device("net_ring2")), HasSubstr("two interfaces name the same device"));
}

TEST(EthdevPort, an_unknown_driver_is_refused_with_a_remedy) {
    EXPECT_THAT(failure_of(device("net_nonsense0")),
                AllOf(HasSubstr("interface ge0: device net_nonsense0"),
                      HasSubstr("check the driver's name")));
}

TEST(EthdevPort, an_absent_pci_device_is_refused_with_a_remedy) {
    EXPECT_THAT(failure_of(device("0000:fe:1f.7")), HasSubstr("bind it to vfio-pci"));
}

TEST(EthdevPort, af_xdp_without_an_interface_is_refused) {
    EXPECT_THAT(failure_of(device("net_af_xdp0")), HasSubstr("write net_af_xdp0,iface=NAME"));
}

/// A veth pair left-right in a network of the test's own.
class OnVeth : public testing::Test {
  protected:
    void SetUp() override {
        if (!no_private_network.empty()) {
            GTEST_SKIP() << no_private_network;
        }
        ASSERT_TRUE(
            run("ip link add left type veth peer name right && "
                "ip link set right up"));
    }
    void TearDown() override {
        if (no_private_network.empty()) {
            run("ip link del left");
        }
    }

    EthdevOptions on_left() {
        EthdevOptions options = device("net_af_xdp0,iface=left,force_copy=1,busy_budget=0");
        options.xdp_program_path = program_.value().path();
        return options;
    }

    Result<XdpProgramFile> program_ = XdpProgramFile::create();
};

TEST_F(OnVeth, a_missing_interface_is_refused) {
    EthdevOptions options = device("net_af_xdp0,iface=middle");
    EXPECT_THAT(failure_of(options), HasSubstr("the host has no interface middle"));
}

TEST_F(OnVeth, a_second_router_on_the_interface_is_refused) {
    const auto first = EthdevPort::open(on_left());
    ASSERT_TRUE(first.ok()) << first.failure().message;
    EthdevOptions second = on_left();
    second.device = "net_af_xdp1,iface=left,force_copy=1,busy_budget=0";
    EXPECT_THAT(failure_of(second), HasSubstr("left is busy: another tcqfd uses it"));
}

TEST_F(OnVeth, an_interface_with_somebody_elses_program_is_refused) {
    // Any XDP program of another name: return XDP_PASS.
    const bpf_insn pass[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 2},
                             {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    const Descriptor other(
        bpf_prog_load(BPF_PROG_TYPE_XDP, "somebody_else", "GPL", pass, 2, nullptr));
    ASSERT_TRUE(other.is_open());
    const int left = static_cast<int>(Netdev("left").index());
    ASSERT_EQ(bpf_xdp_attach(left, other.number(), 0, nullptr), 0);
    EXPECT_THAT(failure_of(on_left()), HasSubstr("ip link set dev left xdp off"));
}

TEST_F(OnVeth, what_a_killed_router_left_behind_is_replaced) {
    // Attached as the driver does it, and nobody detaches.
    bpf_object* object = bpf_object__open_file(program_.value().path().c_str(), nullptr);
    ASSERT_EQ(bpf_object__load(object), 0);
    const int program = bpf_program__fd(bpf_object__next_program(object, nullptr));
    ASSERT_EQ(bpf_xdp_attach(static_cast<int>(Netdev("left").index()), program, 0, nullptr), 0);
    bpf_object__close(object);
    const auto port = EthdevPort::open(on_left());
    EXPECT_TRUE(port.ok()) << port.failure().message;
}

TEST_F(OnVeth, sets_mac_mtu_and_up_before_it_attaches) {
    EthdevOptions options = on_left();
    options.mac = config::MacAddress{2, 0, 0, 0, 7, 7};
    options.mtu = 1600;
    const auto port = EthdevPort::open(options);
    ASSERT_TRUE(port.ok()) << port.failure().message;
    EXPECT_EQ(Netdev("left").mac(), options.mac);
    EXPECT_EQ(Netdev("left").mtu(), 1600U);
    EXPECT_EQ(port.value()->mac(), options.mac);
    EXPECT_TRUE(port.value()->link_up());
    run("ip link set right down");
    // The host's kernel tells of a lost carrier when it comes to it.
    for (int looks = 0; looks < 500 && port.value()->link_up(); ++looks) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        port.value()->update_link();
    }
    EXPECT_FALSE(port.value()->link_up());
}

TEST_F(OnVeth, tells_nothing_of_a_link_without_a_wire) {
    const auto port = EthdevPort::open(on_left());
    ASSERT_TRUE(port.ok()) << port.failure().message;
    const LinkState link = port.value()->link();
    EXPECT_EQ(link.speed_mbps, 0U) << "the driver says 10000";
    EXPECT_FALSE(link.has_pause_frames);
    EXPECT_FALSE(link.is_energy_efficient);
}

TEST_F(OnVeth, the_filters_maps_are_found_and_filled) {
    const auto port = EthdevPort::open(on_left());
    ASSERT_TRUE(port.ok()) << port.failure().message;
    auto filter = XdpFilter::find(Netdev("left"));
    ASSERT_TRUE(filter.ok()) << filter.failure().message;
    FilterTables tables{
        .mac = port.value()->mac(), .unknown = FilterVerdict::to_host, .prefixes = {}};
    tables.prefixes[config::IpPrefix::parse("10.9.0.0/16").value()] = FilterVerdict::to_worker;
    EXPECT_TRUE(filter.value().install(tables).ok());
    tables.prefixes.clear();
    EXPECT_TRUE(filter.value().install(tables).ok());
}

/// The same pair with two queues in either direction.
class OnTwoQueues : public OnVeth {
  protected:
    void SetUp() override {
        if (!no_private_network.empty()) {
            GTEST_SKIP() << no_private_network;
        }
        ASSERT_TRUE(
            run("ip link add left numrxqueues 2 numtxqueues 2 type veth "
                "peer name right numrxqueues 2 numtxqueues 2 && ip link set right up"));
    }
};

// The AF_XDP driver reads several queues only where receiving and sending are combined in them.
TEST_F(OnTwoQueues, queues_that_nobody_would_read_are_refused_until_there_is_one) {
    for (const char* count : {"", ",queue_count=2"}) {
        EthdevOptions options = on_left();
        options.device += count;
        EXPECT_THAT(failure_of(options),
                    AllOf(HasSubstr("over 2 queues"), HasSubstr("run ethtool -L left rx 1")));
    }
    // A veth takes an XDP program only where its peer sends on no more queues.
    ASSERT_TRUE(run("ethtool -L right tx 1 && ethtool -L left rx 1"));
    const auto port = EthdevPort::open(on_left());
    EXPECT_TRUE(port.ok()) << port.failure().message;
}

TEST(Tap, a_name_taken_is_refused) {
    if (!no_private_network.empty()) {
        GTEST_SKIP() << no_private_network;
    }
    const auto first = Tap::create("tap-test");
    ASSERT_TRUE(first.ok()) << first.failure().message;
    const auto second = Tap::create("tap-test");
    ASSERT_FALSE(second.ok());
    EXPECT_THAT(second.failure().message, HasSubstr("the name is taken"));
}

TEST(KernelPort, hands_frames_over_in_both_directions) {
    auto bell = RelayBell::create();
    ASSERT_TRUE(bell.ok());
    auto created = KernelPort::create("k0", *bell.value());
    ASSERT_TRUE(created.ok()) << created.failure().message;
    KernelPort& port = *created.value();
    EXPECT_FALSE(port.has_packets_for_kernel());
    rte_mbuf* frame = frame_of(60, 9);
    TransmitBurst burst;
    burst.packets = &frame;
    burst.count = 1;
    EXPECT_EQ(port.transmit(burst), 1U);
    EXPECT_TRUE(port.has_packets_for_kernel());
    rte_mbuf* taken = nullptr;
    ASSERT_EQ(port.take(&taken, 1), 1U);
    EXPECT_EQ(taken, frame);
    EXPECT_TRUE(port.offer(taken));
    rte_mbuf* received = nullptr;
    ASSERT_EQ(port.receive(0, &received, nullptr, 1), 1U);
    EXPECT_EQ(received, frame);
    rte_pktmbuf_free(received);
}

TEST(KernelPort, takes_frames_of_several_workers_at_once) {
    auto bell = RelayBell::create();
    auto created = KernelPort::create("k2", *bell.value());
    ASSERT_TRUE(created.ok());
    constexpr unsigned kEach = 400;
    const auto work = [&port = *created.value()](std::uint8_t worker) {
        for (unsigned i = 0; i < kEach; ++i) {
            rte_mbuf* frame = frame_of(60, worker);
            TransmitBurst burst;
            burst.packets = &frame;
            burst.count = 1;
            EXPECT_EQ(port.transmit(burst), 1U);
        }
    };
    std::thread first(work, 1);
    std::thread second(work, 2);
    first.join();
    second.join();
    std::array<rte_mbuf*, 1024> frames{};
    ASSERT_EQ(created.value()->take(frames.data(), 1024), 2 * kEach);
    EXPECT_EQ(std::count_if(frames.begin(), frames.begin() + 2 * kEach,
                            [](rte_mbuf* frame) {
                                return *rte_pktmbuf_mtod(frame, const std::uint8_t*) == 2;
                            }),
              kEach);
    rte_pktmbuf_free_bulk(frames.data(), 2 * kEach);
}

TEST(KernelPort, takes_only_what_the_ring_holds) {
    auto bell = RelayBell::create();
    auto created = KernelPort::create("k1", *bell.value());
    ASSERT_TRUE(created.ok());
    const unsigned before = rte_mempool_in_use_count(pool());
    unsigned taken = 0;
    for (unsigned i = 0; i < 3000; ++i) {
        rte_mbuf* frame = frame_of(60, 0);
        TransmitBurst burst;
        burst.packets = &frame;
        burst.count = 1;
        if (created.value()->transmit(burst) == 0) {
            rte_pktmbuf_free(frame);
            break;
        }
        ++taken;
    }
    EXPECT_EQ(taken, 1023U);
    created.value().reset();
    EXPECT_EQ(rte_mempool_in_use_count(pool()), before) << "what was in the rings is given back";
}

}  // namespace
}  // namespace tcqf::dataplane

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    tcqf::dataplane::no_private_network = tcqf::dataplane::enter_private_network();
    std::array<const char*, 9> arguments = {
        "ports",        "--no-huge",       "-m",
        "256",          "--no-pci",        "--file-prefix=ports_test",
        "--lcores=0@0", "--log-level=*:1", "--no-telemetry"};
    if (rte_eal_init(static_cast<int>(arguments.size()), const_cast<char**>(arguments.data())) <
        0) {
        std::fprintf(stderr, "EAL does not start\n");
        return 1;
    }
    return RUN_ALL_TESTS();
}
