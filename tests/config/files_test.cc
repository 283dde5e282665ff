// Files of configurations: good ones load, wrong ones tell exactly what a person should read.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "config/load.h"

namespace tcqf::config {
namespace {

using Path = std::filesystem::path;

const Path kRoot = TCQF_SOURCE_ROOT;

std::vector<Path> files_in(const Path& directory) {
    std::vector<Path> files;
    for (const auto& entry : std::filesystem::directory_iterator(kRoot / directory)) {
        if (entry.path().extension() == ".yaml") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

std::string read(const Path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::string told(const LoadResult& result) {
    std::string text;
    for (const Diagnostic& diagnostic : result.diagnostics) {
        text += diagnostic.to_string() + "\n";
    }
    return text;
}

/// Names tests after their files.
std::string name_of(const testing::TestParamInfo<Path>& info) {
    std::string name = info.param.stem();
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

class Example : public testing::TestWithParam<Path> {};

TEST_P(Example, LoadsWithoutAWord) {
    const LoadResult result = load_file(GetParam());
    EXPECT_NE(result.router, nullptr);
    EXPECT_EQ(told(result), "");
}

INSTANTIATE_TEST_SUITE_P(Config, Example, testing::ValuesIn(files_in("config/examples")), name_of);

class WrongFile : public testing::TestWithParam<Path> {};

TEST_P(WrongFile, IsRefusedInTheseWords) {
    const LoadResult result = load_yaml(read(GetParam()), GetParam().filename());
    EXPECT_EQ(result.router, nullptr);
    EXPECT_EQ(told(result), read(Path(GetParam()).replace_extension(".expect")));
}

INSTANTIATE_TEST_SUITE_P(Config, WrongFile, testing::ValuesIn(files_in("tests/config/wrong")),
                         name_of);

class WarnedFile : public testing::TestWithParam<Path> {};

TEST_P(WarnedFile, LoadsWithTheseWarnings) {
    const LoadResult result = load_yaml(read(GetParam()), GetParam().filename());
    EXPECT_NE(result.router, nullptr);
    EXPECT_EQ(told(result), read(Path(GetParam()).replace_extension(".expect")));
}

INSTANTIATE_TEST_SUITE_P(Config, WarnedFile, testing::ValuesIn(files_in("tests/config/warned")),
                         name_of);

TEST(File, ThatCannotBeReadIsOneError) {
    const LoadResult result = load_file("no/such/file.yaml");
    EXPECT_EQ(result.router, nullptr);
    EXPECT_EQ(told(result),
              "no/such/file.yaml:1: /: the file cannot be read: No such file or directory\n");
}

TEST(File, ThatIsADirectoryIsOneError) {
    const LoadResult result = load_file(kRoot / "config");
    EXPECT_EQ(result.router, nullptr);
    ASSERT_EQ(result.diagnostics.size(), 1u);
    EXPECT_EQ(result.diagnostics[0].message, "this is a directory: the configuration is one file");
}

TEST(File, MayBeAPipe) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    constexpr std::string_view kText = "name: r1\ninterfaces: [{name: ge0}]\n";
    ASSERT_EQ(write(ends[1], kText.data(), kText.size()), static_cast<ssize_t>(kText.size()));
    close(ends[1]);
    const LoadResult result = load_file("/proc/self/fd/" + std::to_string(ends[0]));
    close(ends[0]);
    ASSERT_NE(result.router, nullptr) << told(result);
    EXPECT_EQ(result.router->name, "r1");
}

}  // namespace
}  // namespace tcqf::config
