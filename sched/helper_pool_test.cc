#include "sched/helper_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace lr::sched {
namespace {

class Loops : public testing::TestWithParam<u32> {};
INSTANTIATE_TEST_SUITE_P(Widths, Loops, testing::Values(1, 2, 3, 8));

TEST_P(Loops, RunEveryIterationOnceAndLanesAreExclusive) {
  HelperPool pool(1, GetParam());
  ASSERT_EQ(pool.width(), GetParam());
  for (const usize count : {usize{0}, usize{1}, usize{2}, usize{1000}}) {
    std::vector<std::atomic<u32>> runs(count);
    std::vector<std::atomic<u32>> lanes(GetParam());
    std::atomic<bool> shared = false;
    pool.parallel_for(count, [&](usize index, u32 lane) {
      if (lanes.at(lane).fetch_add(1) != 0) shared.store(true);
      runs.at(index).fetch_add(1);
      lanes.at(lane).fetch_sub(1);
    });
    for (const auto& run : runs) EXPECT_EQ(run.load(), 1u);
    EXPECT_FALSE(shared.load());
  }
}

TEST_P(Loops, MayBeAskedForByTwoThreads) {
  HelperPool pool(1, GetParam());
  std::atomic<u64> sum = 0;
  auto ask = [&] {
    for (u32 i = 0; i < 50; ++i) pool.parallel_for(20, [&](usize index, u32) { sum += index; });
  };
  std::thread other(ask);
  ask();
  other.join();
  EXPECT_EQ(sum.load(), 2 * 50 * 190u);
}

struct CountingJob : HelperJob {
  CountingJob()
      : HelperJob([](HelperJob& job) { static_cast<CountingJob&>(job).runs.fetch_add(1); }) {}
  std::atomic<u32> runs = 0;
};

TEST(Jobs, RunOnceEach) {
  std::vector<CountingJob> jobs(100);
  {
    HelperPool pool(3, 1);
    for (CountingJob& job : jobs) pool.submit(job);
  }
  for (const CountingJob& job : jobs) EXPECT_EQ(job.runs.load(), 1u);
}

TEST(Jobs, CanBeWithdrawnUntilTheyStart) {
  std::vector<CountingJob> jobs(50);
  std::vector<u32> expected;
  {
    HelperPool pool(1, 1);
    for (CountingJob& job : jobs) pool.submit(job);
    for (CountingJob& job : jobs) expected.push_back(pool.withdraw(job) ? 0 : 1);
    EXPECT_FALSE(pool.withdraw(jobs[0]));
  }
  for (usize i = 0; i < jobs.size(); ++i) EXPECT_EQ(jobs[i].runs.load(), expected[i]);
}

}  // namespace
}  // namespace lr::sched
