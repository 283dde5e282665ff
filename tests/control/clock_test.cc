// The clock's mathematics: counter to TAI, slewing, steps, the sequence lock.
#include "control/clock.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <thread>

#include "control/clock_servo.h"

namespace tcqf::control {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kStart = 1'764'000'000 * kSecond + 123'456'789;
constexpr std::uint64_t kFirstTicks = 987'654'321;

/// A counter of exactly 2,596,136 kHz and a reference that may run fast or slow and step.
class FakeHost {
  public:
    std::int64_t reference_at(std::int64_t elapsed_ns) const {
        return kStart + elapsed_ns + elapsed_ns / 1'000'000 * ppm_ + step_ns_;
    }
    ClockSample after(std::int64_t elapsed_ns, std::int64_t uncertainty_ns = 10) const {
        return {.ticks = ticks_at(elapsed_ns),
                .reference_ns = reference_at(elapsed_ns),
                .uncertainty_ns = uncertainty_ns};
    }
    static std::uint64_t ticks_at(std::int64_t elapsed_ns) {
        return kFirstTicks +
               static_cast<std::uint64_t>(static_cast<Int128>(elapsed_ns) * 2'596'136 / 1'000'000);
    }
    void run_fast(std::int64_t ppm) { ppm_ = ppm; }
    void step(std::int64_t step_ns) { step_ns_ += step_ns; }

  private:
    std::int64_t ppm_ = 0;
    std::int64_t step_ns_ = 0;
};

ClockServo calibrated(const FakeHost& host, std::int64_t baseline_ns = 100'000'000) {
    return {host.after(0), host.after(baseline_ns)};
}

TEST(Clock, counts_forwards_and_backwards_from_its_anchor) {
    const ClockSnapshot snapshot{.ticks = 1000,
                                 .tai_ns = kStart,
                                 .rate = std::uint64_t{1} << (ClockSnapshot::kRateBits - 1)};
    EXPECT_EQ(snapshot.at(1000), kStart);
    EXPECT_EQ(snapshot.at(1010), kStart + 5);
    EXPECT_EQ(snapshot.at(1011), kStart + 5);
    EXPECT_EQ(snapshot.at(990), kStart - 5);
    EXPECT_EQ(snapshot.at(989), kStart - 6) << "rounds down, also before the anchor";
}

TEST(Clock, keeps_nanoseconds_over_a_day_between_updates) {
    const FakeHost host;
    ClockServo servo = calibrated(host);
    constexpr std::int64_t kDay = 86'400 * kSecond;
    const std::int64_t error =
        servo.snapshot().at(FakeHost::ticks_at(kDay)) - host.reference_at(kDay);
    // The calibration's two readings are exact to a tick each over 100 ms: 8 ppb, 700 us a day.
    EXPECT_LT(std::abs(error), 700'000);
}

TEST(ClockServo, measures_the_counter_itself_instead_of_a_rounded_rate) {
    const FakeHost host;
    const ClockServo servo = calibrated(host);
    EXPECT_NEAR(servo.statistics().ticks_per_second, 2'596'136'000.0, 100.0);
}

TEST(ClockServo, agrees_with_a_reference_of_another_rate_within_a_microsecond) {
    FakeHost host;
    host.run_fast(80);
    ClockServo servo = calibrated(host);
    for (std::int64_t ms = 110; ms <= 60'000; ms += 10) {
        EXPECT_EQ(servo.add(host.after(ms * 1'000'000)), ClockServo::Outcome::slewed);
        const std::int64_t later = (ms + 5) * 1'000'000;
        EXPECT_LT(
            std::abs(servo.snapshot().at(FakeHost::ticks_at(later)) - host.reference_at(later)),
            1000);
    }
    EXPECT_LT(servo.statistics().max_time_interval_error_ns, 1000);
}

TEST(ClockServo, learns_a_changed_frequency_without_a_step) {
    FakeHost host;
    ClockServo servo = calibrated(host);
    host.run_fast(100);
    host.step(-10'000);  // continuous at 100 ms
    std::int64_t worst = 0;
    for (std::int64_t ms = 110; ms <= 5'000; ms += 10) {
        ASSERT_EQ(servo.add(host.after(ms * 1'000'000)), ClockServo::Outcome::slewed);
        worst = std::max(worst, std::abs(servo.statistics().offset_ns));
    }
    EXPECT_LT(worst, 20'000);
    EXPECT_LT(std::abs(servo.statistics().offset_ns), 100);
}

TEST(ClockServo, slews_a_small_difference_without_a_jump) {
    FakeHost host;
    ClockServo servo = calibrated(host);
    for (std::int64_t ms = 110; ms <= 1'000; ms += 10) {
        servo.add(host.after(ms * 1'000'000));
    }
    host.step(40'000);
    std::int64_t previous = servo.snapshot().at(FakeHost::ticks_at(kSecond));
    for (std::int64_t ms = 1'010; ms <= 8'000; ms += 10) {
        const std::int64_t elapsed = ms * 1'000'000;
        const std::uint64_t ticks = FakeHost::ticks_at(elapsed);
        const std::int64_t before = servo.snapshot().at(ticks);
        ASSERT_EQ(servo.add(host.after(elapsed)), ClockServo::Outcome::slewed);
        ASSERT_LE(std::abs(servo.snapshot().at(ticks) - before), 1) << "a jump at " << ms << " ms";
        ASSERT_LE(std::abs(before - previous - 10'000'000), 10'000)
            << "faster than 1000 ppm at " << ms << " ms";
        previous = before;
    }
    EXPECT_LT(std::abs(servo.statistics().offset_ns), 100) << "it arrives, and stays";
    EXPECT_EQ(servo.statistics().rebases, 0U);
    EXPECT_GE(servo.statistics().max_time_interval_error_ns, 40'000);
}

class ClockStep : public testing::TestWithParam<std::int64_t> {};

TEST_P(ClockStep, rebases_at_once_and_counts_it) {
    FakeHost host;
    ClockServo servo = calibrated(host);
    servo.add(host.after(2 * kSecond));
    host.step(GetParam());
    const std::int64_t elapsed = 2 * kSecond + 10'000'000;
    EXPECT_EQ(servo.add(host.after(elapsed)), ClockServo::Outcome::stepped);
    EXPECT_EQ(servo.snapshot().at(FakeHost::ticks_at(elapsed)), host.reference_at(elapsed));
    EXPECT_EQ(servo.statistics().rebases, 1U);
    EXPECT_NEAR(static_cast<double>(servo.statistics().last_step_ns),
                static_cast<double>(GetParam()), 200.0);
    // The frequency of before still holds: no second step follows.
    for (std::int64_t ms = 2'020; ms <= 6'000; ms += 10) {
        ASSERT_EQ(servo.add(host.after(ms * 1'000'000)), ClockServo::Outcome::slewed);
    }
    EXPECT_EQ(servo.statistics().rebases, 1U);
}

INSTANTIATE_TEST_SUITE_P(seconds, ClockStep,
                         testing::Values(37 * kSecond, -37 * kSecond, kSecond, -kSecond, 60'000,
                                         -60'000));

TEST_P(ClockStep, during_the_calibration_is_got_over) {
    FakeHost host;
    const ClockSample first = host.after(0);
    host.step(GetParam());
    ClockServo servo(first, host.after(100'000'000));
    for (std::int64_t ms = 110; ms <= 2'000; ms += 10) {
        servo.add(host.after(ms * 1'000'000));
    }
    for (std::int64_t ms = 2'010; ms <= 6'000; ms += 10) {
        ASSERT_EQ(servo.add(host.after(ms * 1'000'000)), ClockServo::Outcome::slewed);
    }
    EXPECT_LE(servo.statistics().rebases, 2U);
    EXPECT_NEAR(servo.statistics().ticks_per_second, 2'596'136'000.0, 50'000.0);
}

TEST(ClockServo, keeps_its_frequency_over_two_steps_soon_after_each_other) {
    FakeHost host;
    ClockServo servo = calibrated(host);
    for (std::int64_t ms = 110; ms <= 2'000; ms += 10) {
        servo.add(host.after(ms * 1'000'000));
    }
    for (const std::int64_t ms : {2'010, 2'500}) {
        host.step(10'000'000);
        EXPECT_EQ(servo.add(host.after(ms * 1'000'000)), ClockServo::Outcome::stepped);
        for (std::int64_t after_ms = 10; after_ms <= 400; after_ms += 10) {
            const std::int64_t elapsed = (ms + after_ms) * 1'000'000;
            EXPECT_NEAR(static_cast<double>(servo.snapshot().at(FakeHost::ticks_at(elapsed))),
                        static_cast<double>(host.reference_at(elapsed)), 1'000.0);
            EXPECT_EQ(servo.add(host.after(elapsed)), ClockServo::Outcome::slewed);
        }
    }
}

TEST(ClockServo, does_not_step_to_a_reference_that_could_not_be_read) {
    FakeHost host;
    ClockServo servo = calibrated(host);
    for (std::int64_t ms = 110; ms <= 200; ms += 10) {
        const ClockSample unread{.ticks = FakeHost::ticks_at(ms * 1'000'000),
                                 .uncertainty_ns = ClockSample::kUnknown};
        EXPECT_EQ(servo.add(unread), ClockServo::Outcome::unusable);
    }
    EXPECT_EQ(servo.statistics().unusable_in_a_row, 10U);
    EXPECT_EQ(servo.add(host.after(210'000'000)), ClockServo::Outcome::slewed);
    EXPECT_EQ(servo.statistics().unusable_in_a_row, 0U);
    EXPECT_EQ(servo.statistics().rebases, 0U);
}

// As that of a network card which has been removed.
TEST(ClockServo, goes_on_where_the_counter_stands) {
    FakeHost host;
    ClockServo servo = calibrated(host);
    const double ticks_per_second = servo.statistics().ticks_per_second;
    for (std::int64_t ms = 110; ms <= 200; ms += 10) {
        EXPECT_EQ(servo.add({.ticks = 0, .reference_ns = host.reference_at(ms * 1'000'000)}),
                  ClockServo::Outcome::stepped);
    }
    EXPECT_EQ(servo.statistics().ticks_per_second, ticks_per_second);
}

TEST(ClockServo, does_not_follow_a_reading_that_was_interrupted) {
    FakeHost host;
    ClockServo servo = calibrated(host);
    servo.add(host.after(kSecond));
    const ClockSnapshot before = servo.snapshot();
    ClockSample interrupted = host.after(kSecond + 10'000'000, 900'000);
    interrupted.reference_ns += 700'000;
    EXPECT_EQ(servo.add(interrupted), ClockServo::Outcome::unusable);
    EXPECT_EQ(servo.snapshot().tai_ns, before.tai_ns);
    EXPECT_EQ(servo.statistics().unusable_in_a_row, 1U);
    EXPECT_EQ(servo.statistics().rebases, 0U);
}

TEST(SharedClock, readers_never_see_half_of_an_update) {
    // Every published snapshot satisfies tai = 3 * ticks and rate = 5 * ticks.
    SharedClock clock;
    clock.publish({.ticks = 1, .tai_ns = 3, .rate = 5});
    std::atomic<bool> stop{false};
    std::thread writer([&] {
        for (std::uint64_t i = 1; !stop.load(std::memory_order_relaxed); ++i) {
            clock.publish({.ticks = i, .tai_ns = static_cast<std::int64_t>(3 * i), .rate = 5 * i});
        }
    });
    std::uint64_t torn = 0;
    std::uint64_t last = 0;
    for (int i = 0; i < 1'000'000; ++i) {
        const ClockSnapshot seen = clock.read();
        torn += seen.tai_ns != static_cast<std::int64_t>(3 * seen.ticks) ||
                seen.rate != 5 * seen.ticks || seen.ticks < last;
        last = seen.ticks;
    }
    stop.store(true);
    writer.join();
    EXPECT_EQ(torn, 0U);
}

}  // namespace
}  // namespace tcqf::control
