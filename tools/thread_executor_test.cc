#include "tools/thread_executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace lr::cli {
namespace {

class Widths : public testing::TestWithParam<u32> {};

TEST_P(Widths, EveryIterationRunsOnce) {
  ThreadExecutor executor(GetParam());
  for (const usize count : {0, 1, 3, 1000}) {
    std::vector<std::atomic<int>> runs(count);
    std::atomic<bool> lanes_fit = true;
    executor.parallel_for(count, [&](usize i, u32 lane) {
      runs[i]++;
      if (lane >= executor.width()) lanes_fit = false;
    });
    for (const auto& times : runs) EXPECT_EQ(times, 1);
    EXPECT_TRUE(lanes_fit);
  }
}

INSTANTIATE_TEST_SUITE_P(ThreadExecutor, Widths, testing::Values(0, 1, 2, 8));

}  // namespace
}  // namespace lr::cli
