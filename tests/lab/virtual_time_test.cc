// Stalls, packet memory and the account as text.
#include "control/lab/virtual_time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <algorithm>

#include "control/account_json.h"
#include "control/lab/eal.h"
#include "control/lab/growing_pool.h"
#include "tests/lab/capture_bytes.h"

namespace tcqf::control {
namespace {

TEST(Stalls, WorkersWakeWhenTheStallEnds) {
    Stalls stalls;
    stalls.add(100, 150);
    EXPECT_EQ(stalls.awake_from(99), 99);
    EXPECT_EQ(stalls.awake_from(100), 150);
    EXPECT_EQ(stalls.awake_from(149), 150);
    EXPECT_EQ(stalls.awake_from(150), 150);
    EXPECT_EQ(stalls.awake_from(151), 151);
}

TEST(Stalls, ThoseThatTouchOrOverlapAreOne) {
    Stalls stalls;
    stalls.add(300, 400);
    stalls.add(100, 150);
    stalls.add(150, 200);
    stalls.add(390, 500);
    stalls.add(310, 320);
    EXPECT_EQ(stalls.awake_from(120), 200);
    EXPECT_EQ(stalls.awake_from(250), 250);
    EXPECT_EQ(stalls.awake_from(315), 500);
}

TEST(Stalls, WithoutLengthNothingHappens) {
    Stalls stalls;
    stalls.add(100, 100);
    EXPECT_EQ(stalls.awake_from(100), 100);
    EXPECT_EQ(Stalls().awake_from(7), 7);
}

class WithEal : public testing::Test {
  protected:
    static void SetUpTestSuite() { start_lab_eal(); }
};

TEST_F(WithEal, PoolGrowsAsLongAsPacketsAreTaken) {
    const GrowingPool pool("growing", 2048);
    std::vector<rte_mbuf*> packets;
    for (unsigned i = 0; i < 20'000; ++i) {
        packets.push_back(rte_pktmbuf_alloc(pool.get()));
        ASSERT_NE(packets.back(), nullptr);
        ASSERT_EQ(packets.back()->buf_len, 2048);
    }
    std::sort(packets.begin(), packets.end());
    EXPECT_EQ(std::adjacent_find(packets.begin(), packets.end()), packets.end());
    for (rte_mbuf* packet : packets) {
        rte_pktmbuf_free(packet);
    }
    EXPECT_EQ(rte_mempool_avail_count(pool.get()), pool.get()->populated_size);
}

TEST_F(WithEal, PoolHoldsNoMoreThanWasInUseAtOnce) {
    const GrowingPool pool("steady", 2048);
    for (unsigned i = 0; i < 100'000; ++i) {
        rte_mbuf* packet = rte_pktmbuf_alloc(pool.get());
        ASSERT_NE(packet, nullptr);
        rte_pktmbuf_free(packet);
    }
    EXPECT_LT(pool.get()->populated_size, 1000u);
}

TEST_F(WithEal, PoolGoesAwayWhilePacketsAreOut) {
    GrowingPool pool("leaving", 65'535);
    EXPECT_NE(rte_pktmbuf_alloc(pool.get()), nullptr);
}

class Wire : public WithEal {
  protected:
    std::unique_ptr<CaptureReader> capture(const Octets& octets) {
        return std::make_unique<CaptureReader>(directory_.write("in.pcap", octets));
    }
    std::vector<std::int64_t> receive(VirtualWire& wire, std::int64_t now_ns, unsigned max = 64) {
        std::vector<rte_mbuf*> packets(max);
        std::vector<std::int64_t> times(max);
        times.resize(wire.receive(now_ns, packets.data(), times.data(), max));
        for (std::size_t i = 0; i < times.size(); ++i) {
            lengths_.push_back(packets[i]->pkt_len);
            EXPECT_EQ(packets[i]->nb_segs, 1);
            EXPECT_EQ(packets[i]->pkt_len, packets[i]->data_len);
            rte_pktmbuf_free(packets[i]);
        }
        return times;
    }

    TemporaryDirectory directory_;
    CaptureWriter sent_{directory_.path("out.pcap")};
    GrowingPool usual_{"wire usual", 2048 + 128};
    GrowingPool large_{"wire large", 65'535};
    PacketPools pools_{usual_.get(), large_.get()};
    std::vector<std::uint32_t> lengths_;
    Pcap pcap_;
};

TEST_F(Wire, GivesWhatHasArrivedAndWasAdmitted) {
    VirtualWire wire(capture(pcap_.header(Pcap::kNanoseconds) + pcap_.record(0, 10, frame(1)) +
                             pcap_.record(0, 20, frame(2)) + pcap_.record(0, 30, frame(3))),
                     sent_, pools_, 0);
    EXPECT_EQ(wire.next_ns(), 10);
    wire.admit(20, 64);
    EXPECT_THAT(receive(wire, 9), testing::ElementsAre());
    EXPECT_THAT(receive(wire, 15), testing::ElementsAre(10));
    EXPECT_THAT(receive(wire, 1000), testing::ElementsAre(20));
    wire.admit(1000, 64);
    EXPECT_THAT(receive(wire, 1000), testing::ElementsAre(30));
    EXPECT_EQ(wire.next_ns(), kNever);
}

TEST_F(Wire, ProcessingDelaysClassificationAndItsTimestamp) {
    VirtualWire wire(capture(pcap_.header(Pcap::kNanoseconds) + pcap_.record(0, 10, frame(1))),
                     sent_, pools_, 5);
    EXPECT_EQ(wire.next_ns(), 15);
    wire.admit(100, 64);
    EXPECT_THAT(receive(wire, 14), testing::ElementsAre());
    EXPECT_THAT(receive(wire, 15), testing::ElementsAre(15));
}

TEST_F(Wire, FramesOfEveryLengthAreOneSegment) {
    Octets octets = pcap_.header(Pcap::kNanoseconds);
    const std::vector<std::uint32_t> lengths = {0, 1, 14, 2048, 2049, 65'407, 65'408, 65'535};
    for (const std::uint32_t length : lengths) {
        octets = octets + pcap_.record(0, 1, frame(9, length));
    }
    VirtualWire wire(capture(octets + pcap_.record(0, 1, frame(9, 262'144))), sent_, pools_, 0);
    wire.admit(1, 64);
    receive(wire, 1);
    EXPECT_THAT(std::vector(lengths_.begin(), lengths_.end() - 1), lengths);
    EXPECT_EQ(lengths_.back(), kMaxFrameOctets);
}

TEST(Account, IsWrittenAsInTheWorkedExamples) {
    config::Router config;
    config.interfaces.resize(2);
    config.interfaces[0].name = "ge1";
    config.interfaces[1].name = "ge0";
    dataplane::Account account;
    account.received = 3;
    account.generated = 1;
    account.sent = 1;
    account.to_kernel = 1;
    account.dropped[static_cast<std::size_t>(dataplane::DropReason::no_route)] = 2;
    account.interfaces.resize(2);
    account.interfaces[0].received = 3;
    account.interfaces[1].sent = 1;
    account.interfaces[1].cycle_overruns = 4;
    EXPECT_EQ(account_json(config, account), R"({
 "received": 3,
 "generated": 1,
 "sent": 1,
 "to-kernel": 1,
 "queued": 0,
 "dropped": {
  "no-route": 2
 },
 "interfaces": {
  "ge1": {
   "received": 3,
   "sent": 0,
   "cycle-overruns": 0
  },
  "ge0": {
   "received": 0,
   "sent": 1,
   "cycle-overruns": 4
  }
 }
}
)");
}

}  // namespace
}  // namespace tcqf::control
