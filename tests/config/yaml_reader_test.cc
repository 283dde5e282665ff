// The YAML front end: lines, and the parts of YAML that leave a doubt.

#include "config/yaml_reader.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tcqf::config {
namespace {

std::vector<std::string> findings(const std::string& text) {
    std::vector<std::string> result;
    for (const Finding& finding : parse_yaml(text).findings) {
        result.push_back(fmt::format("{} {}", finding.line, finding.message));
    }
    return result;
}

TEST(YamlReader, KnowsTheLineOfEveryNode) {
    const ParsedDocument parsed = parse_yaml("a: 1\n\n# no line of ours\nb:\n  - x\n  - {c: y}\n");
    ASSERT_TRUE(parsed.is_complete);
    const Document& document = parsed.document;
    EXPECT_EQ(document.line(document.child(0, "a")), 1u);
    const NodeId b = document.child(0, "b");
    EXPECT_EQ(document.line(b), 4u);
    const NodeId x = document.first_child(b);
    EXPECT_EQ(document.line(x), 5u);
    EXPECT_EQ(document.line(document.child(document.next(x), "c")), 6u);
}

TEST(YamlReader, KeepsEveryScalarAText) {
    const ParsedDocument parsed = parse_yaml("{a: no, b: 'no', c: 010, d: 1e3, e: null, f: ~}");
    const Document& document = parsed.document;
    std::vector<std::string> texts;
    for (NodeId id = document.first_child(0); id != kNoNode; id = document.next(id)) {
        EXPECT_EQ(document.kind(id), NodeKind::scalar);
        texts.emplace_back(document.text(id));
    }
    EXPECT_THAT(texts, testing::ElementsAre("no", "no", "010", "1e3", "null", "~"));
}

TEST(YamlReader, TellsNothingFromAnEmptyText) {
    const ParsedDocument parsed = parse_yaml("a:\nb: ''\n");
    const Document& document = parsed.document;
    EXPECT_EQ(document.kind(document.child(0, "a")), NodeKind::null);
    EXPECT_EQ(document.kind(document.child(0, "b")), NodeKind::scalar);
}

TEST(YamlReader, FindsEveryDuplicateKey) {
    EXPECT_THAT(findings("a: 1\nb: {c: 1, c: 2}\na: {d: [1, 2]}\n"),
                testing::ElementsAre(testing::HasSubstr("2 the key stands here a second time"),
                                     testing::HasSubstr("3 the key stands here a second time")));
}

TEST(YamlReader, FindsDuplicatesAmongManyKeys) {
    std::string text;
    for (int i = 0; i < 1000; ++i) {
        text += fmt::format("k{}: 1\n", i);
    }
    EXPECT_THAT(findings(text), testing::IsEmpty());
    EXPECT_THAT(findings(text + "k3: 1\nk999: 1\n"), testing::SizeIs(2));
}

TEST(YamlReader, AcceptsThirtyTwoLevelsAndNoMore) {
    const auto nested = [](int levels) {
        return std::string(static_cast<std::size_t>(levels), '[') +
               std::string(static_cast<std::size_t>(levels), ']');
    };
    EXPECT_TRUE(parse_yaml(nested(32)).is_complete);
    EXPECT_FALSE(parse_yaml(nested(33)).is_complete);
    EXPECT_FALSE(parse_yaml(nested(100'000)).is_complete);
}

TEST(YamlReader, RefusesATextOfMoreThanItsLimit) {
    std::string text(kMaxDocumentOctets + 1, '\n');
    EXPECT_THAT(findings(text), testing::ElementsAre(testing::HasSubstr("256 MiB")));
}

TEST(YamlReader, RefusesWhatIsNoText) {
    EXPECT_FALSE(parse_yaml(std::string("a: \0b\n", 6)).is_complete);
    EXPECT_FALSE(parse_yaml("a: \xff\xfe\n").is_complete);
}

TEST(YamlReader, RefusesLineBreaksThatNobodySees) {
    EXPECT_THAT(findings("a: 1\nb: 2 # x\xC2\x85"
                         "c: 3\n"),
                testing::ElementsAre(testing::HasSubstr("2 a line break other than")));
    EXPECT_THAT(findings("a: 1\rb: 2\n"),
                testing::ElementsAre(testing::HasSubstr("1 a carriage return")));
}

TEST(YamlReader, RefusesAnchorsAndAliasesAllAtOnce) {
    EXPECT_THAT(findings("a: &x {b: 1}\nc: *x\nd: [&y 7, *y]\n"),
                testing::ElementsAre("1 the anchor &x is not accepted: write the value wherever it "
                                     "is needed",
                                     "2 the alias *x is not accepted: write the value that it "
                                     "stands for",
                                     "3 the anchor &y is not accepted: write the value wherever it "
                                     "is needed",
                                     "3 the alias *y is not accepted: write the value that it "
                                     "stands for"));
    EXPECT_THAT(findings("a: &x {b: 1}\n*x : 2\n"),
                testing::Contains(testing::HasSubstr("cannot be a key")));
}

TEST(YamlReader, AcceptsWhatOthersWrite) {
    EXPECT_TRUE(parse_yaml("%YAML 1.2\n---\na: 1\n...\n").is_complete);
    EXPECT_TRUE(parse_yaml("\xEF\xBB\xBF"
                           "a: 1\r\nb: 2\r\n")
                    .is_complete);
}

}  // namespace
}  // namespace tcqf::config
