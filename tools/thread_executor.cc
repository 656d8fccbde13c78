#include "tools/thread_executor.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace lr::cli {

namespace {

u32 usable_processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1u, static_cast<u32>(CPU_COUNT(&set)));
}

}  // namespace

ThreadExecutor::ThreadExecutor(u32 width) : width_(width != 0 ? width : usable_processors()) {}

void ThreadExecutor::parallel_for(usize count, void* context, Body body) {
  std::atomic<usize> next{0};
  const auto work = [&](u32 lane) {
    for (usize i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) {
      body(context, i, lane);
    }
  };
  std::vector<std::thread> threads;
  const u32 lanes = static_cast<u32>(std::min<usize>(width_, count));
  for (u32 lane = 1; lane < lanes; lane++) threads.emplace_back(work, lane);
  work(0);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace lr::cli
