// Warnings about the host's clocks, and the readings themselves.
#include "control/time_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tcqf::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNow = 1'764'000'000 * kSecond;

config::Clock from(config::ClockSource source) {
    config::Clock clock;
    clock.source = source;
    return clock;
}

TEST(ClockWarnings, names_a_tai_offset_of_zero) {
    EXPECT_THAT(clock_warnings({}, {.tai_offset_s = 0, .synchronized = true}),
                ElementsAre(HasSubstr("TAI offset is 0")));
}

TEST(ClockWarnings, is_silent_where_the_clock_is_right) {
    EXPECT_THAT(clock_warnings({}, {.tai_offset_s = 37, .synchronized = true}), IsEmpty());
}

TEST(ClockWarnings, names_an_unsynchronized_clock) {
    EXPECT_THAT(clock_warnings({}, {.tai_offset_s = 37, .synchronized = false}),
                ElementsAre(HasSubstr("not synchronized")));
}

TEST(ClockWarnings, names_a_hardware_clock_that_is_37_seconds_away) {
    const config::Clock clock{.source = config::ClockSource::phc, .device = "/dev/ptp0"};
    EXPECT_THAT(clock_warnings(clock, {.tai_offset_s = 0,
                                       .synchronized = true,
                                       .system_tai_ns = kNow,
                                       .phc_ns = kNow + 37 * kSecond - 2000}),
                ElementsAre(HasSubstr("differ by 37 s: one of them is UTC")));
    EXPECT_THAT(
        clock_warnings(clock,
                       {.tai_offset_s = 37, .system_tai_ns = kNow, .phc_ns = kNow - 37 * kSecond}),
        ElementsAre(HasSubstr("differ by -37 s")));
    EXPECT_THAT(
        clock_warnings(clock, {.tai_offset_s = 37, .system_tai_ns = kNow, .phc_ns = kNow + 900}),
        IsEmpty());
}

TEST(ClockWarnings, says_nothing_about_tai_to_a_free_running_clock) {
    EXPECT_THAT(clock_warnings(from(config::ClockSource::free_running), {}), IsEmpty());
}

TEST(TimeSource, a_missing_hardware_clock_is_named_with_the_remedy) {
    const auto source =
        open_time_source({.source = config::ClockSource::phc, .device = "/dev/no-such-clock"});
    ASSERT_FALSE(source.ok());
    EXPECT_EQ(source.failure().kind, FailureKind::system_refused);
    EXPECT_THAT(source.failure().message, HasSubstr("/dev/no-such-clock: No such file"));
    EXPECT_THAT(source.failure().message, HasSubstr("source: system"));
}

TEST(TimeSource, a_device_that_is_no_clock_is_refused) {
    const auto source =
        open_time_source({.source = config::ClockSource::phc, .device = "/dev/null"});
    ASSERT_FALSE(source.ok());
    EXPECT_THAT(source.failure().message, HasSubstr("/dev/null"));
}

// As a PTP hardware clock whose device has been removed.
TEST(TimeSource, a_clock_that_cannot_be_read_any_more_gives_no_time) {
    constexpr clockid_t kNoClock = (~0x7fffU << 3) | 3U;  // of a descriptor that is not open
    const ClockSample sample = read_posix_clock(kNoClock)->sample();
    EXPECT_EQ(sample.uncertainty_ns, ClockSample::kUnknown);
    EXPECT_NE(read_posix_clock(CLOCK_TAI)->sample().uncertainty_ns, ClockSample::kUnknown);
}

class OpenSource : public testing::TestWithParam<config::ClockSource> {};

TEST_P(OpenSource, gives_samples_in_order) {
    auto source = open_time_source(from(GetParam()));
    ASSERT_TRUE(source.ok());
    const ClockSample first = source.value()->sample();
    const ClockSample second = source.value()->sample();
    EXPECT_GT(second.ticks, first.ticks);
    EXPECT_GT(second.reference_ns, first.reference_ns);
    EXPECT_GT(first.reference_ns, kNow) << "nanoseconds since 1970";
}

INSTANTIATE_TEST_SUITE_P(sources, OpenSource,
                         testing::Values(config::ClockSource::system,
                                         config::ClockSource::free_running));

}  // namespace
}  // namespace tcqf::control
