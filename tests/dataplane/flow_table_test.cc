// Which flow a packet belongs to: the table says what the rule says, flow by flow (RFC 8939, 5.1).

#include "dataplane/flow_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>

#include "dataplane/classify.h"
#include "tests/dataplane/frames.h"
#include "tests/dataplane/test_router.h"

namespace tcqf::test {
namespace {

using config::FlowMatch;
using dataplane::FlowFields;
using dataplane::FlowTable;

/// Flows and packets from so few values that they meet.
class Universe {
  public:
    explicit Universe(unsigned seed) : random_(seed) {}

    std::vector<config::Flow> flows() {
        std::vector<config::Flow> flows(1 + below(40));
        for (config::Flow& flow : flows) {
            flow.match = match();
        }
        return flows;
    }

    /// The same, of which those for IPv4 compare addresses, interface, protocol, ports and DSCP.
    std::vector<config::Flow> plain_flows() {
        std::vector<config::Flow> flows = this->flows();
        std::erase_if(flows, [](const config::Flow& flow) {
            const auto& prefix = flow.match.source ? flow.match.source : flow.match.destination;
            return !prefix ||
                   (!prefix->address.is_ipv6 && (flow.match.spi || flow.match.mpls_label));
        });
        return flows;
    }

    /// Of flows: in an order of their own, with gaps.
    std::vector<std::uint32_t> numbers(std::size_t flows) {
        std::vector<std::uint32_t> numbers(flows);
        for (std::uint32_t i = 0; i < numbers.size(); ++i) {
            numbers[i] = 3 * i + below(3);
        }
        std::shuffle(numbers.begin(), numbers.end(), random_);
        return numbers;
    }

    FlowFields packet() {
        FlowFields fields{};
        fields.interface = static_cast<config::InterfaceIndex>(below(2));
        fields.has_mpls_label = below(4) == 0;
        fields.mpls_label = fields.has_mpls_label ? 16 + below(2) : 0;
        if (fields.has_mpls_label && below(3) == 0) {
            return fields;  // still labelled
        }
        const bool is_ipv6 = below(2) == 0;
        fields.family = is_ipv6 ? 6 : 4;
        fields.source = address(is_ipv6).octets;
        fields.destination = address(is_ipv6).octets;
        fields.flow_label = is_ipv6 ? below(2) : 0;
        fields.dscp = static_cast<std::uint8_t>(below(3));
        fields.protocol = one_of<std::uint8_t>({6, 17, 50});
        fields.has_ports = fields.protocol != 50 && below(4) != 0;
        fields.has_spi = fields.protocol == 50;
        if (fields.has_ports) {
            fields.source_port = static_cast<std::uint16_t>(below(3));
            fields.destination_port = static_cast<std::uint16_t>(below(3));
        }
        fields.spi = fields.has_spi ? below(2) : 0;
        return fields;
    }

  private:
    std::uint32_t below(std::uint32_t bound) {
        return std::uniform_int_distribution<std::uint32_t>(0, bound - 1)(random_);
    }
    template <class T>
    T one_of(std::initializer_list<T> values) {
        return values.begin()[below(static_cast<std::uint32_t>(values.size()))];
    }

    config::IpAddress address(bool is_ipv6) {
        const char* text = is_ipv6 ? one_of({"2001:db8::1", "2001:db8::2", "2001:db9::1"})
                                   : one_of({"10.0.0.1", "10.0.0.2", "10.1.0.1"});
        return *config::IpAddress::parse(text);
    }

    std::optional<config::IpPrefix> prefix(bool is_ipv6) {
        if (below(3) == 0) {
            return std::nullopt;
        }
        const auto length =
            static_cast<std::uint8_t>(is_ipv6 ? one_of({32, 128, 0}) : one_of({16, 32, 32, 0}));
        return config::IpPrefix{address(is_ipv6), length}.network();
    }

    std::optional<config::PortRange> ports() {
        if (below(2) == 0) {
            return std::nullopt;
        }
        const auto low = static_cast<std::uint16_t>(below(3));
        return config::PortRange{low, static_cast<std::uint16_t>(low + below(2))};
    }

    FlowMatch match() {
        FlowMatch match;
        const bool is_ipv6 = below(2) == 0;
        match.source = prefix(is_ipv6);
        match.destination = prefix(is_ipv6);
        match.source_port = ports();
        match.destination_port = ports();
        if (below(2) == 0) {
            match.interface = static_cast<config::InterfaceIndex>(below(2));
        }
        if (below(2) == 0) {
            match.protocol = one_of<std::uint8_t>({6, 17, 50});
        }
        if (below(3) == 0) {
            match.dscp = {static_cast<std::uint8_t>(below(3))};
        }
        if (is_ipv6 && below(3) == 0) {
            match.flow_label = below(2);
        }
        if (below(6) == 0) {
            match.spi = below(2);
        }
        if (below(6) == 0) {
            match.mpls_label = 16 + below(2);
        }
        return match;
    }

    std::mt19937 random_;
};

bool is_in(const std::optional<config::IpPrefix>& prefix, const FlowFields& packet,
           const std::array<std::uint8_t, 16>& octets) {
    if (!prefix) {
        return true;
    }
    config::IpAddress address;
    address.is_ipv6 = packet.family == 6;
    address.octets = octets;
    return packet.family != 0 && prefix->contains(address);
}

bool is_in(const std::optional<config::PortRange>& range, const FlowFields& packet,
           std::uint16_t port) {
    return !range || (packet.has_ports && port >= range->low && port <= range->high);
}

/// The rule, field by field.
bool holds(const FlowMatch& match, const FlowFields& packet) {
    return (!match.interface || *match.interface == packet.interface) &&
           is_in(match.source, packet, packet.source) &&
           is_in(match.destination, packet, packet.destination) &&
           (!match.protocol || (packet.family != 0 && *match.protocol == packet.protocol)) &&
           is_in(match.source_port, packet, packet.source_port) &&
           is_in(match.destination_port, packet, packet.destination_port) &&
           (match.dscp.empty() ||
            (packet.family != 0 &&
             std::find(match.dscp.begin(), match.dscp.end(), packet.dscp) != match.dscp.end())) &&
           (!match.flow_label || (packet.family == 6 && *match.flow_label == packet.flow_label)) &&
           (!match.spi || (packet.has_spi && *match.spi == packet.spi)) &&
           (!match.mpls_label || (packet.has_mpls_label && *match.mpls_label == packet.mpls_label));
}

std::uint32_t first_of(const std::vector<config::Flow>& flows, const FlowFields& packet) {
    for (std::uint32_t i = 0; i < flows.size(); ++i) {
        if (holds(flows[i].match, packet)) {
            return i;
        }
    }
    return FlowTable::kNoFlow;
}

TEST(FlowTable, FindsTheFirstFlowWhoseMatchHolds) {
    start_eal_once();
    unsigned found = 0;
    for (unsigned seed = 0; seed < 200; ++seed) {
        Universe universe(seed);
        const std::vector<config::Flow> flows = universe.flows();
        const std::vector<std::uint32_t> numbers = universe.numbers(flows.size());
        const FlowTable table(flows, numbers);
        std::vector<FlowFields> burst;
        for (unsigned i = 0; i < FlowTable::kMaxBurst; ++i) {
            burst.push_back(universe.packet());
        }
        std::array<std::uint32_t, FlowTable::kMaxBurst> matched;
        table.match_burst(burst, matched.data());
        for (std::size_t i = 0; i < burst.size(); ++i) {
            const std::uint32_t first = first_of(flows, burst[i]);
            ASSERT_EQ(matched[i], first == FlowTable::kNoFlow ? first : numbers[first])
                << "seed " << seed;
            ASSERT_EQ(table.match(burst[i]), matched[i]);
            found += matched[i] != FlowTable::kNoFlow;
        }
    }
    EXPECT_GT(found, 3000u);
    EXPECT_LT(found, 12000u);
}

dataplane::Ipv4FlowFields few_fields_of(const FlowFields& packet) {
    dataplane::Ipv4FlowFields few{};
    std::memcpy(&few.source, packet.source.data(), sizeof few.source);
    std::memcpy(&few.destination, packet.destination.data(), sizeof few.destination);
    few.source_port = packet.source_port;
    few.destination_port = packet.destination_port;
    few.interface = packet.interface;
    few.protocol = packet.protocol;
    few.dscp = packet.dscp;
    few.has_ports = packet.has_ports;
    return few;
}

TEST(FlowTable, FindsFlowsOfPlainIpv4ByFewFieldsAsByAll) {
    start_eal_once();
    unsigned found = 0;
    for (unsigned seed = 0; seed < 200; ++seed) {
        Universe universe(seed);
        const std::vector<config::Flow> flows = universe.plain_flows();
        const FlowTable table(flows, universe.numbers(flows.size()));
        ASSERT_TRUE(table.is_plain_for_ipv4());
        std::vector<FlowFields> all;
        std::vector<dataplane::Ipv4FlowFields> few;
        while (all.size() < FlowTable::kMaxBurst) {
            const FlowFields packet = universe.packet();
            if (packet.family == 4 && !packet.has_mpls_label) {
                all.push_back(packet);
                few.push_back(few_fields_of(packet));
            }
        }
        std::array<std::uint32_t, FlowTable::kMaxBurst> by_all;
        std::array<std::uint32_t, FlowTable::kMaxBurst> by_few;
        table.match_burst(all, by_all.data());
        table.match_burst(few, by_few.data());
        ASSERT_EQ(by_few, by_all) << "seed " << seed;
        found += static_cast<unsigned>(
            FlowTable::kMaxBurst - std::count(by_few.begin(), by_few.end(), FlowTable::kNoFlow));
    }
    EXPECT_GT(found, 3000u);
    EXPECT_LT(found, 12000u);
}

/// Of IPv4, on some of the fields that `like` compares.
FlowMatch of_one_shape(const FlowMatch& like, Universe& universe) {
    const FlowFields packet = universe.packet();
    const auto port = [](const auto& range, std::uint16_t value) {
        return range ? std::optional<config::PortRange>({value, value}) : std::nullopt;
    };
    FlowMatch match;
    match.source = config::IpPrefix{{.octets = packet.source, .is_ipv6 = false}, 32};
    if (like.destination) {
        match.destination = config::IpPrefix{{.octets = packet.destination, .is_ipv6 = false}, 16};
        match.destination = match.destination->network();
    }
    match.source_port = port(like.source_port, static_cast<std::uint16_t>(packet.source_port + 1));
    match.destination_port =
        port(like.destination_port, static_cast<std::uint16_t>(packet.destination_port + 1));
    if (like.interface) {
        match.interface = packet.interface;
    }
    if (like.protocol) {
        match.protocol = packet.protocol;
    }
    return match;
}

Frame ipv4_bytes(const FlowFields& packet) {
    const bool is_later_fragment = packet.protocol != 50 && !packet.has_ports;
    Frame ip{0x45, static_cast<std::uint8_t>(packet.dscp << 2),
             0,    28,
             0,    0,
             0,    static_cast<std::uint8_t>(is_later_fragment ? 9 : 0),
             64,   packet.protocol,
             0,    0};
    ip.insert(ip.end(), packet.source.begin(), packet.source.begin() + 4);
    ip.insert(ip.end(), packet.destination.begin(), packet.destination.begin() + 4);
    append16(ip, packet.has_ports ? packet.source_port : 7);
    append16(ip, packet.has_ports ? packet.destination_port : 7);
    append32(ip, 0);
    return ip;
}

TEST(FlowTable, FindsFlowsOfOneShapeByOneIndexAsByAllFields) {
    start_eal_once();
    unsigned indexes = 0;
    unsigned found = 0;
    for (unsigned seed = 0; seed < 300; ++seed) {
        Universe universe(seed);
        const FlowMatch like = universe.flows().front().match;
        // Beside them flows that no plain IPv4 packet is of.
        std::vector<config::Flow> flows = universe.flows();
        std::erase_if(flows, [](const config::Flow& flow) { return !flow.match.mpls_label; });
        for (unsigned i = 0; i < 6; ++i) {
            flows.emplace_back().match = of_one_shape(like, universe);
        }
        const FlowTable table(flows, universe.numbers(flows.size()));
        if (!table.ipv4_index()) {
            continue;  // two of them are the same
        }
        ++indexes;
        for (unsigned i = 0; i < FlowTable::kMaxBurst; ++i) {
            FlowFields packet = universe.packet();
            if (packet.family != 4 || packet.has_mpls_label) {
                continue;
            }
            const Frame ip = ipv4_bytes(packet);
            dataplane::read_ipv4_flow_fields(ip.data(), 28, packet);
            packet.interface = static_cast<config::InterfaceIndex>(i % 2);
            const auto search = table.ipv4_index()->ask_for(dataplane::ipv4_flow_key(
                packet.interface, ip.data(), dataplane::upper_of_ipv4(ip.data(), 28)));
            const std::uint32_t flow = table.ipv4_index()->find(search, FlowTable::kNoFlow);
            ASSERT_EQ(flow, table.match(packet)) << "seed " << seed;
            found += flow != FlowTable::kNoFlow;
        }
    }
    EXPECT_GT(indexes, 50U);
    EXPECT_GT(found, 100U);
}

TEST(FlowTable, HasNoSuchIndexWhereAPacketMayNeedMore) {
    start_eal_once();
    const auto has_index = [](auto... set) {
        std::vector<config::Flow> flows(sizeof...(set));
        std::vector<std::uint32_t> numbers(flows.size());
        std::iota(numbers.begin(), numbers.end(), 0U);
        std::size_t i = 0;
        (set(flows[i++].match), ...);
        return FlowTable(flows, numbers).ipv4_index().has_value();
    };
    const auto source = [](FlowMatch& match) {
        match.source = config::IpPrefix::parse("10.0.0.0/8");
    };
    const auto destination = [](FlowMatch& match) {
        match.destination = config::IpPrefix::parse("10.0.0.0/8");
    };
    const auto with_dscp = [](FlowMatch& match) {
        match.source = config::IpPrefix::parse("10.0.0.0/8");
        match.dscp = {7};
    };
    const auto with_ports = [](FlowMatch& match) {
        match.source = config::IpPrefix::parse("10.0.0.0/8");
        match.source_port = config::PortRange{1, 2};
    };
    const auto ipv6 = [](FlowMatch& match) {
        match.source = config::IpPrefix::parse("2001:db8::/32");
    };
    const auto protocol = [](FlowMatch& match) { match.protocol = 17; };
    EXPECT_TRUE(has_index(source));
    EXPECT_TRUE(has_index(source, ipv6));
    EXPECT_FALSE(has_index(source, destination));
    EXPECT_FALSE(has_index(source, source));
    EXPECT_FALSE(has_index(with_dscp));
    EXPECT_FALSE(has_index(with_ports));
    EXPECT_FALSE(has_index(source, protocol));
    EXPECT_FALSE(has_index(ipv6));
}

TEST(FlowTable, KnowsWhereAnIpv4PacketNeedsMoreThanItsFewFields) {
    start_eal_once();
    const auto is_plain = [](auto set) {
        std::vector<config::Flow> flows(1);
        set(flows.front().match);
        return FlowTable(flows, std::array{0U}).is_plain_for_ipv4();
    };
    const auto ipv4 = config::IpPrefix::parse("10.0.0.0/8");
    const auto ipv6 = config::IpPrefix::parse("2001:db8::/32");
    EXPECT_TRUE(is_plain([&](FlowMatch& match) { match.source = ipv4; }));
    EXPECT_TRUE(is_plain([&](FlowMatch& match) { match.source = ipv6, match.spi = 7; }));
    EXPECT_TRUE(is_plain([&](FlowMatch& match) { match.source = ipv4, match.mpls_label = 16; }));
    EXPECT_FALSE(is_plain([&](FlowMatch& match) { match.source = ipv4, match.spi = 7; }));
    EXPECT_FALSE(is_plain([](FlowMatch& match) { match.protocol = 17; }));
}

}  // namespace
}  // namespace tcqf::test
