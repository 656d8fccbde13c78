#include "sched/ring.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "sched/park_word.h"

namespace lr::sched {
namespace {

TEST(Ring, IsFirstInFirstOut) {
  int items[5];
  Ring<int> ring(4);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.push(&items[i]));
  EXPECT_FALSE(ring.push(&items[4]));
  EXPECT_EQ(ring.size(), 4u);
  EXPECT_EQ(ring.pop(), &items[0]);
  EXPECT_TRUE(ring.push(&items[4]));
  for (int i = 1; i < 5; ++i) EXPECT_EQ(ring.pop(), &items[i]);
  EXPECT_EQ(ring.pop(), nullptr);
}

TEST(Ring, StealsTheOlderHalf) {
  int items[4];
  Ring<int> victim(4);
  Ring<int> mine(4);
  u32 taken = 0;
  EXPECT_EQ(victim.steal_into(mine, taken), nullptr);
  for (int& item : items) victim.push(&item);
  EXPECT_EQ(victim.steal_into(mine, taken), &items[0]);
  EXPECT_EQ(taken, 2u);
  EXPECT_EQ(mine.pop(), &items[1]);
  EXPECT_EQ(victim.pop(), &items[2]);
  EXPECT_EQ(victim.steal_into(mine, taken), &items[3]);
  EXPECT_EQ(taken, 1u);
}

TEST(Ring, StealsNoMoreThanThereIsRoomFor) {
  int items[8];
  Ring<int> victim(4);
  Ring<int> mine(4);
  for (int i = 0; i < 4; ++i) victim.push(&items[i]);
  for (int i = 4; i < 8; ++i) mine.push(&items[i]);
  u32 taken = 0;
  EXPECT_EQ(victim.steal_into(mine, taken), &items[0]);
  EXPECT_EQ(taken, 1u);
  EXPECT_EQ(mine.size(), 4u);
}

// Owners push, pop and steal from each other; every item comes out once.
TEST(Ring, LosesNothingAndHasNothingTwice) {
  constexpr u32 kThreads = 4;
  constexpr u32 kItems = 50'000;
  std::vector<std::atomic<u32>> seen(kThreads * kItems);
  std::vector<std::unique_ptr<Ring<std::atomic<u32>>>> rings;
  for (u32 i = 0; i < kThreads; ++i) {
    rings.push_back(std::make_unique<Ring<std::atomic<u32>>>(4));
  }
  std::atomic<u32> left = kThreads * kItems;
  std::vector<std::thread> threads;
  for (u32 me = 0; me < kThreads; ++me) {
    threads.emplace_back([&, me] {
      auto& mine = *rings[me];
      u32 pushed = 0;
      auto see = [&](std::atomic<u32>* item) {
        item->fetch_add(1);
        left.fetch_sub(1);
      };
      while (left.load() != 0) {
        while (pushed < kItems && mine.push(&seen[me * kItems + pushed])) ++pushed;
        if (std::atomic<u32>* item = mine.pop()) see(item);
        std::atomic<u32>* many[2];
        const u32 count = mine.pop_many(many, 2);
        for (u32 i = 0; i < count; ++i) see(many[i]);
        u32 taken = 0;
        if (std::atomic<u32>* item =
                rings[(me + pushed) % kThreads == me ? (me + 1) % kThreads
                                                     : (me + pushed) % kThreads]
                    ->steal_into(mine, taken)) {
          see(item);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& count : seen) ASSERT_EQ(count.load(), 1u);
}

TEST(ParkWord, AWakeBeforeOrDuringIsNotLost) {
  ParkWord<> word;
  EXPECT_EQ(word.state(), ParkWord<>::kParked);
  EXPECT_TRUE(word.wake());   // Queue it.
  EXPECT_FALSE(word.wake());  // Once.
  word.enter();
  EXPECT_FALSE(word.wake());  // It runs ...
  EXPECT_FALSE(word.park());  // ... and so must look again.
  EXPECT_EQ(word.state(), ParkWord<>::kActive);
  word.enter();
  EXPECT_TRUE(word.park());
  EXPECT_EQ(word.state(), ParkWord<>::kParked);
  EXPECT_TRUE(word.wake());
  EXPECT_EQ(word.state(), ParkWord<>::kActive);
  word.enter();
  word.finish();
  EXPECT_EQ(word.state(), ParkWord<>::kDone);
  EXPECT_FALSE(word.wake());
  EXPECT_EQ(word.state(), ParkWord<>::kDone);
}

TEST(ParkWord, StartsAgain) {
  ParkWord<> word;
  word.finish();
  word.start(ParkWord<>::kActive);
  EXPECT_FALSE(word.wake());
  EXPECT_FALSE(word.park());
  word.enter();
  EXPECT_TRUE(word.park());
}

}  // namespace
}  // namespace lr::sched
