// Addresses and prefixes as text.

#include "config/address.h"

#include <gtest/gtest.h>

namespace tcqf::config {
namespace {

TEST(Address, ReadsBothVersions) {
    EXPECT_EQ(IpAddress::parse("10.0.1.2")->ipv4(), 0x0A000102u);
    EXPECT_FALSE(IpAddress::parse("10.0.1.2")->is_ipv6);
    EXPECT_EQ(IpAddress::parse("2001:DB8::1")->to_string(), "2001:db8::1");
    EXPECT_EQ(IpAddress::from_ipv4(0x0A000102).to_string(), "10.0.1.2");
}

TEST(Address, RefusesWhatIsNone) {
    for (const char* text : {"", "10.0.1", "10.0.1.256", "10.0.1.2 ", "010.0.1.2", "10.0.1.2/24",
                             ":::", "2001:db8::1::2", "fe80::1%ge0", "12345::"}) {
        EXPECT_FALSE(IpAddress::parse(text)) << text;
    }
}

TEST(Prefix, KeepsHostBits) {
    const IpPrefix prefix = IpPrefix::parse("10.0.1.1/24").value();
    EXPECT_EQ(prefix.to_string(), "10.0.1.1/24");
    EXPECT_EQ(prefix.network().to_string(), "10.0.1.0/24");
}

TEST(Prefix, RefusesWhatIsNone) {
    for (const char* text : {"10.0.1.1", "10.0.1.1/", "10.0.1.1/33", "10.0.1.1/-1", "10.0.1.1/2 ",
                             "2001:db8::/129", "/24", "10.0.1.1/24/8", "10.0.1.1/+8"}) {
        EXPECT_FALSE(IpPrefix::parse(text)) << text;
    }
}

TEST(Prefix, ContainsWhatSharesItsBits) {
    const IpPrefix prefix = IpPrefix::parse("10.0.1.1/23").value();
    EXPECT_TRUE(prefix.contains(IpAddress::parse("10.0.0.255").value()));
    EXPECT_TRUE(prefix.contains(IpAddress::parse("10.0.1.0").value()));
    EXPECT_FALSE(prefix.contains(IpAddress::parse("10.0.2.0").value()));
    EXPECT_FALSE(prefix.contains(IpAddress::parse("::").value()));
    EXPECT_TRUE(IpPrefix::parse("0.0.0.0/0")->contains(IpAddress::parse("8.8.8.8").value()));
    EXPECT_TRUE(IpPrefix::parse("::/0")->contains(IpAddress::parse("ff02::1").value()));
}

TEST(Mac, ReadsSixOctets) {
    EXPECT_EQ(to_string(parse_mac("02:00:00:00:0A:ff").value()), "02:00:00:00:0a:ff");
    for (const char* text : {"", "02:00:00:00:01", "02-00-00-00-01-00", "02:00:00:00:01:0g",
                             "02:00:00:00:01:000", " 2:00:00:00:01:00"}) {
        EXPECT_FALSE(parse_mac(text)) << text;
    }
}

}  // namespace
}  // namespace tcqf::config
