#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <new>
#include <thread>

#include "spec-tests/supervisor_posix.h"

namespace lr::robustness {
namespace {

ChildEnd end_of(const std::function<void(std::atomic<u64>&)>& work, double hang_seconds = 300) {
  auto& pulse = *new (shared_memory(sizeof(std::atomic<u64>))) std::atomic<u64>;
  return supervise({.pulse = &pulse, .hang_seconds = hang_seconds, .tick = [] {}},
                   [&] { work(pulse); });
}

TEST(Supervisor, SeesTheEnd) {
  EXPECT_EQ(end_of([](auto&) {}), ChildEnd::Finished);
  EXPECT_EQ(end_of([](auto&) { std::_Exit(1); }), ChildEnd::Crashed);
  EXPECT_EQ(end_of([](auto&) { std::abort(); }), ChildEnd::Crashed);
  EXPECT_EQ(end_of([](auto&) { std::this_thread::sleep_for(std::chrono::hours(1)); }, 0.2),
            ChildEnd::Hung);
}

TEST(Supervisor, SharesMemory) {
  auto& number = *new (shared_memory(sizeof(std::atomic<u64>))) std::atomic<u64>;
  end_of([&](auto&) { number = 7; });
  EXPECT_EQ(number, 7);
}

}  // namespace
}  // namespace lr::robustness
