// Scalars are what the type of their place says, never what YAML would make of them.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/schema.h"
#include "config/types.h"

namespace tcqf::config {
namespace {

const SchemaNode& leaf(std::initializer_list<const char*> path) {
    const SchemaNode* node = &Schema::instance().router();
    for (const char* step : path) {
        node = node->child(step);
    }
    return *node;
}

std::string read(const SchemaNode& node, const char* text) {
    TypeChecker checker(Schema::instance());
    const CheckedValue value = checker.check(node, text);
    return value.problem.empty() ? std::string(value.canonical) : "refused";
}

const SchemaNode& cycles() {
    return leaf({"tcqf", "domains", "cycles"});
}

TEST(Number, IsDecimalWithOrWithoutLeadingZeros) {
    EXPECT_EQ(read(cycles(), "10"), "10");
    EXPECT_EQ(read(cycles(), "010"), "10");
    EXPECT_EQ(read(cycles(), "+4"), "4");
}

TEST(Number, IsHexadecimalWithItsPrefix) {
    EXPECT_EQ(read(cycles(), "0x10"), "16");
    EXPECT_EQ(read(leaf({"code-points", "tcqf-option"}), "0xB1"), "177");
    EXPECT_EQ(read(cycles(), "0x"), "refused");
    EXPECT_EQ(read(cycles(), "0x1g"), "refused");
    EXPECT_EQ(read(cycles(), "0x100"), "refused");
    EXPECT_EQ(read(cycles(), "0x10000000000000004"), "refused");
}

TEST(Number, IsNothingElse) {
    for (const char* text : {"", "~", "null", "1e1", "4.0", "4 4", "4k", "1_0", "0o10", "0b100",
                             "1:30", "four", "-4", "256", "1", ".inf", "18446744073709551620"}) {
        EXPECT_EQ(read(cycles(), text), "refused") << text;
    }
}

TEST(Number, KeepsTheSignWhereNegativeOnesArePossible) {
    const SchemaNode& offset = leaf({"tcqf", "domains", "cycle-maps", "upstream-clock-offset-ns"});
    EXPECT_EQ(read(offset, "-12000"), "-12000");
    EXPECT_EQ(read(offset, "-"), "refused");
}

TEST(Number, HasRoomForSixtyFourBits) {
    const SchemaNode& offset = leaf({"tcqf", "domains", "cycle-clock-offset-ns"});
    EXPECT_EQ(read(offset, "4294967296000"), "4294967296000");
}

TEST(Boolean, IsTrueOrFalse) {
    const SchemaNode& strict = leaf({"nrps", "strict"});
    EXPECT_EQ(read(strict, "true"), "true");
    EXPECT_EQ(read(strict, "false"), "false");
    for (const char* text : {"yes", "no", "on", "off", "True", "TRUE", "1", "0", "y", ""}) {
        EXPECT_EQ(read(strict, text), "refused") << text;
    }
}

TEST(Text, StaysWhatWasWritten) {
    for (const char* text : {"no", "010", "0x10", "1e3", "null", "1.10", "2026-11-25"}) {
        EXPECT_EQ(read(leaf({"interfaces", "name"}), text), text);
    }
}

TEST(Choice, IsOneOfItsWords) {
    const SchemaNode& tagging = leaf({"tcqf", "domains", "interfaces", "tagging"});
    EXPECT_EQ(read(tagging, "mpls-tc"), "mpls-tc");
    EXPECT_EQ(read(tagging, "MPLS-TC"), "refused");
    EXPECT_EQ(read(tagging, "0"), "refused");
    EXPECT_EQ(expectation(tagging), "one of mpls-tc, dscp, ipv6-option");
}

TEST(AddressValue, BecomesCanonical) {
    EXPECT_EQ(read(leaf({"srv6-source"}), "2001:DB8:0:0::1"), "2001:db8::1");
    EXPECT_EQ(read(leaf({"srv6-source"}), "fe80::1%ge0"), "refused");
    EXPECT_EQ(read(leaf({"routes", "prefix"}), "10.9.1.0/16"), "10.9.0.0/16");
    EXPECT_EQ(read(leaf({"interfaces", "addresses"}), "10.0.1.1/24"), "10.0.1.1/24");
}

TEST(SegmentValue, IsALabelOrASid) {
    const SchemaNode& segments =
        leaf({"sr-policies", "candidate-paths", "segment-lists", "segments"});
    EXPECT_EQ(read(segments, "16002"), "16002");
    EXPECT_EQ(read(segments, "0x3e82"), "16002");
    EXPECT_EQ(read(segments, "FC00:2::1"), "fc00:2::1");
    EXPECT_EQ(read(segments, "7"), "refused");
    EXPECT_EQ(read(segments, "1048576"), "refused");
}

TEST(Hint, NamesWhatWasMeant) {
    EXPECT_EQ(did_you_mean("cycle-times-us", {"cycles", "cycle-time-us"}),
              "; did you mean 'cycle-time-us'?");
    EXPECT_EQ(did_you_mean("colour", {"cycles", "interfaces"}), "");
}

}  // namespace
}  // namespace tcqf::config
