#include "sched/reclaimer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>

#include "sched/memory_account.h"

namespace lr::sched {
namespace {

constexpr u64 kLarge = 4 * Reclaimer::kLargeBytes;

u8* touched_pages(u64 bytes) {
  u8* const start = map_pages(bytes).value();
  std::memset(start, 1, bytes);
  return start;
}

// Counts its steps and says when it goes.
class Counted final : public Reclaimer::Scrap {
 public:
  Counted(u32 steps, std::atomic<u32>& done, std::atomic<u32>& gone)
      : left_(steps), done_(done), gone_(gone) {}
  ~Counted() override { gone_.fetch_add(1); }
  u64 step() override {
    if (left_ == 0) return 0;
    --left_;
    done_.fetch_add(1);
    return Reclaimer::kPieceBytes;
  }

 private:
  u32 left_;
  std::atomic<u32>& done_;
  std::atomic<u32>& gone_;
};

TEST(Reclaimer, DoesAllStepsOfEachScrap) {
  std::atomic<u32> done = 0, gone = 0;
  for (u32 i = 0; i < 10; ++i) {
    Reclaimer::get().take(std::make_unique<Counted>(i, done, gone));
  }
  Reclaimer::get().drain();
  EXPECT_EQ(done.load(), 45u);
  EXPECT_EQ(gone.load(), 10u);
}

TEST(Reclaimer, DrainsWhatOthersHaveInHand) {
  std::atomic<u32> done = 0, gone = 0;
  for (u32 round = 0; round < 100; ++round) {
    Reclaimer::get().take(std::make_unique<Counted>(3, done, gone));
    Reclaimer::get().help(Reclaimer::kPieceBytes);
    Reclaimer::get().drain();
    EXPECT_EQ(gone.load(), round + 1);
  }
  EXPECT_EQ(done.load(), 300u);
}

TEST(Reclaimer, PagesStayChargedUntilTheyAreGone) {
  MemoryAccount account(2 * kLarge);
  ASSERT_TRUE(account.charge(kLarge));
  u8* const start = touched_pages(kLarge);
  unmap_later(start, kLarge, kLarge, &account);
  EXPECT_GE(account.used(), kLarge);
  account.release(kLarge);  // As the owner does.
  Reclaimer::get().drain();
  EXPECT_EQ(account.used(), 0u);
}

TEST(Reclaimer, SmallMappingsGoAtOnce) {
  MemoryAccount account(kLarge);
  u8* const start = touched_pages(Reclaimer::kLargeBytes);
  unmap_later(start, Reclaimer::kLargeBytes, Reclaimer::kLargeBytes, &account);
  EXPECT_EQ(account.used(), 0u);
}

}  // namespace
}  // namespace lr::sched
