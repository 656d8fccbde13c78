#include "sched/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "sched/worker.h"

namespace lr::sched {
namespace {

constexpr u64 kStep = u64{1} << 14;

struct TestTimer : Timer {
  TestTimer() : Timer(&TestTimer::fire) {}
  static void fire(Timer& timer, Worker&) { ++static_cast<TestTimer&>(timer).fired; }
  u32 fired = 0;
};

// Timers in these tests do not use their worker.
Worker& nobody() { return *reinterpret_cast<Worker*>(alignof(Worker)); }

// Goes from deadline to deadline until nothing is left; where each timer fired is checked by `see`.
template <typename See>
void run_out(TimerWheel& wheel, See&& see) {
  while (wheel.next_deadline_ns() != kNever) {
    const u64 now = wheel.next_deadline_ns();
    while (wheel.advance(now, nobody()) != 0) {
    }
    see(now);
  }
}

class Deadlines : public testing::TestWithParam<u64> {};
INSTANTIATE_TEST_SUITE_P(Distances, Deadlines,
                         testing::Values(0, 1, kStep - 1, kStep, 255 * kStep, 256 * kStep,
                                         257 * kStep, 16'383 * kStep, 16'384 * kStep, 1'000'000'000,
                                         3'600'000'000'000, 86'400'000'000'000, ~u64{0} / 2,
                                         ~u64{0} - 1));

TEST_P(Deadlines, FireOnceNeverEarlyAndAtMostTwoStepsLate) {
  for (const u64 start : {u64{0}, u64{12'345'678'901}, 255 * kStep + 7, 256 * kStep - 1}) {
    TimerWheel wheel(start);
    TestTimer timer;
    const u64 deadline = start + GetParam() < start ? ~u64{0} - 1 : start + GetParam();
    wheel.arm(timer, deadline);
    u64 before = start;
    run_out(wheel, [&](u64 now) {
      if (timer.fired == 0) {
        before = now;
        return;
      }
      EXPECT_GE(now, std::max(deadline, kStep) - kStep);  // The last step cannot be rounded up.
      if (deadline < ~u64{0} - 4 * kStep) {
        EXPECT_GE(now, deadline);
        EXPECT_LE(now, deadline + 2 * kStep);
      }
    });
    EXPECT_EQ(timer.fired, 1u);
    EXPECT_LE(before, deadline);
    EXPECT_FALSE(timer.cancel());
  }
}

TEST(TimerWheel, RandomTimersFireInOrderAndCancelledOnesNever) {
  std::mt19937_64 random(1);
  TimerWheel wheel(0);
  std::vector<std::unique_ptr<TestTimer>> timers;
  for (u32 i = 0; i < 20'000; ++i) {
    timers.push_back(std::make_unique<TestTimer>());
    wheel.arm(*timers.back(), random() >> (random() % 50 + 10));
  }
  for (u32 i = 0; i < timers.size(); i += 3) EXPECT_TRUE(timers[i]->cancel());
  std::vector<u32> fired_before(timers.size());
  run_out(wheel, [&](u64 now) {
    for (u32 i = 0; i < timers.size(); i += 97) {
      if (timers[i]->fired == fired_before[i]) continue;
      fired_before[i] = timers[i]->fired;
      EXPECT_GE(now, timers[i]->deadline_ns());
      EXPECT_LE(now, timers[i]->deadline_ns() + 2 * kStep);
    }
  });
  for (u32 i = 0; i < timers.size(); ++i) ASSERT_EQ(timers[i]->fired, i % 3 == 0 ? 0u : 1u);
}

TEST(TimerWheel, ManyAtOneInstantFireInBatches) {
  TimerWheel wheel(0);
  std::vector<TestTimer> timers(1000);
  for (TestTimer& timer : timers) wheel.arm(timer, 5'000'000);
  const u64 now = wheel.next_deadline_ns() + 10'000'000;
  EXPECT_EQ(wheel.advance(now, nobody()), 64u);
  EXPECT_LE(wheel.next_deadline_ns(), now);
  // Those that are due but have not fired can still be cancelled.
  u32 cancelled = 0;
  for (TestTimer& timer : timers) cancelled += timer.cancel() ? 1 : 0;
  EXPECT_EQ(cancelled, 936u);
  EXPECT_EQ(wheel.advance(now, nobody()), 0u);
  EXPECT_EQ(wheel.next_deadline_ns(), kNever);
}

// While a million are due, others fire as they become due, and none is forgotten. The million are
// armed from far away, so that they also have to be spread.
TEST(TimerWheel, AMillionAtOneInstantDelayNoOther) {
  constexpr u32 kMillion = 1'000'000;
  constexpr u64 kInstant = 20'000'000'000;
  constexpr u64 kCallNs = 20'000;
  TimerWheel wheel(0);
  std::vector<TestTimer> timers(kMillion);
  for (TestTimer& timer : timers) wheel.arm(timer, kInstant);
  TestTimer other;
  u64 latest = 0;
  u64 now = kInstant - 1'000'000'000;
  wheel.arm(other, now + 5'000'000);
  for (u64 fired = 0; fired < kMillion;) {
    now = std::max(now + kCallNs, wheel.next_deadline_ns());
    const u32 before = other.fired;
    fired += wheel.advance(now, nobody());
    if (other.fired == before) continue;
    --fired;
    latest = std::max(latest, now - other.deadline_ns());
    wheel.arm(other, now + 5'000'000);
  }
  EXPECT_LE(latest, 3 * kStep + 2 * kCallNs);
  EXPECT_GT(other.fired, 200u);
  for (const TestTimer& timer : timers) ASSERT_EQ(timer.fired, 1u);
}

TEST(TimerWheel, AMillionAreCancelled) {
  TimerWheel wheel(0);
  std::vector<TestTimer> timers(1'000'000);
  u64 deadline = 1;
  for (TestTimer& timer : timers) {
    deadline = deadline * 6364136223846793005 + 1442695040888963407;
    wheel.arm(timer, deadline >> 20);
  }
  wheel.advance(u64{1} << 43, nobody());  // Some are on their way.
  for (TestTimer& timer : timers) EXPECT_NE(timer.cancel(), timer.fired != 0);
  while (wheel.next_deadline_ns() != kNever) wheel.advance(kNever - 1, nobody());
  for (const TestTimer& timer : timers) EXPECT_LE(timer.fired, 1u);
}

// Another thread cancels what the worker fires: each timer does one of the two.
TEST(TimerWheel, CancelledByAnotherThread) {
  TimerWheel wheel(0);
  std::vector<TestTimer> timers(20'000);
  for (u32 i = 0; i < timers.size(); ++i) wheel.arm(timers[i], i * 10'000);
  std::vector<bool> cancelled(timers.size());
  std::thread other([&] {
    for (usize i = timers.size(); i-- > 0;) cancelled[i] = timers[i].cancel();
  });
  u64 now = 0;
  while (wheel.next_deadline_ns() != kNever) wheel.advance(now += 100'000, nobody());
  other.join();
  for (usize i = 0; i < timers.size(); ++i) {
    ASSERT_EQ(timers[i].fired, cancelled[i] ? 0u : 1u) << i;
  }
}

TEST(TimerWheel, ATimerCanBeArmedAgain) {
  TimerWheel wheel(0);
  TestTimer timer;
  for (u64 i = 1; i < 100; ++i) {
    wheel.arm(timer, i * 1'000'000);
    if (i % 2 == 0) {
      EXPECT_TRUE(timer.cancel());
    } else {
      wheel.advance(i * 1'000'000 + 2 * kStep, nobody());
    }
  }
  EXPECT_EQ(timer.fired, 50u);
}

}  // namespace
}  // namespace lr::sched
