#include "sched/memory_account.h"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <thread>
#include <vector>

#include "sched/os.h"

namespace lr::sched {
namespace {

constexpr u64 kPage = 4096;

TEST(MemoryAccount, RefusesBeyondItsLimitAndChargesNothingThen) {
  MemoryAccount account(kMiB);
  EXPECT_TRUE(account.charge(kMiB));
  EXPECT_FALSE(account.charge(1));
  EXPECT_FALSE(account.charge(~u64{0}));
  EXPECT_FALSE(account.charge(~u64{0} - kMiB + 1));
  EXPECT_EQ(account.used(), kMiB);
  account.release(kMiB);
  EXPECT_EQ(account.used(), 0u);
  EXPECT_TRUE(account.charge(0));
}

TEST(MemoryAccount, ByDefaultLeavesAFifth) {
  const MemoryAccount account(0);
  EXPECT_GT(account.limit(), usable_memory() / 2);
  EXPECT_LT(account.limit(), usable_memory());
}

// A range of 4 MiB that is charged in full and of which little is touched.
struct Sparse {
  static constexpr u64 kBytes = 4 * kMiB;

  explicit Sparse(MemoryAccount& of) : account(of), base(map_pages(kBytes).value()) {}
  ~Sparse() {
    bound.forget();
    account.release(charged);
    unmap_pages(base, kBytes);
  }
  bool raise(u64 extent) {
    if (!account.charge(extent - charged)) return false;
    charged = extent;
    bound.note(account, base, extent);
    return true;
  }

  MemoryAccount& account;
  u8* base;
  u64 charged = 0;
  MemoryAccount::Bound bound;
};

TEST(MemoryAccount, SettlesBeforeItRefuses) {
  {
    MemoryAccount account(8 * kMiB);
    std::deque<Sparse> all;
    // Each charges its 4 MiB and touches two pages.
    for (u32 i = 0; i < 400; ++i) {
      Sparse& sparse = all.emplace_back(account);
      ASSERT_TRUE(sparse.raise(Sparse::kBytes)) << i;
      sparse.base[0] = 1;
      sparse.base[kMiB] = 1;
    }
    EXPECT_LE(account.used(), account.limit());
    EXPECT_GE(account.settled(), 390 * (Sparse::kBytes - 2 * kPage));
    // 2 pages each are 3.2 MiB. What is really touched counts when others ask.
    for (Sparse& sparse : all) std::memset(sparse.base, 1, 20 * kPage);
    u64 more = 0;
    while (account.charge(Sparse::kBytes)) more += Sparse::kBytes;
    EXPECT_LE(more, account.limit());
    account.release(more);
    all.clear();
    EXPECT_EQ(account.used(), 0u);
    EXPECT_EQ(account.settled(), 0u);
  }
}

TEST(MemoryAccount, ChargesAgainWhatGrowsBehindASettledPart) {
  MemoryAccount account(6 * kMiB);
  Sparse sparse(account);
  ASSERT_TRUE(sparse.raise(2 * kMiB));
  sparse.base[0] = 1;
  ASSERT_TRUE(account.charge(5 * kMiB));
  EXPECT_EQ(account.used(), 5 * kMiB + kPage);
  account.release(5 * kMiB);
  ASSERT_TRUE(sparse.raise(4 * kMiB));
  EXPECT_EQ(account.used(), 2 * kMiB + kPage);
  ASSERT_TRUE(account.charge(5 * kMiB));
  EXPECT_EQ(account.used(), 5 * kMiB + kPage);
  account.release(5 * kMiB);
}

TEST(MemoryAccount, SmallBoundsAreExact) {
  MemoryAccount account(kMiB);
  Sparse sparse(account);
  ASSERT_TRUE(sparse.raise(64 * kKiB));
  EXPECT_FALSE(account.charge(kMiB));
  EXPECT_EQ(account.settled(), 0u);
}

TEST(MemoryAccount, ThreadsAddUpToNothing) {
  MemoryAccount account(64 * kMiB);
  std::vector<std::thread> threads;
  for (u32 t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (u32 i = 0; i < 200; ++i) {
        std::deque<Sparse> some;
        for (u32 k = 0; k < 8; ++k) {
          Sparse& sparse = some.emplace_back(account);
          for (u64 extent = kMiB; extent <= Sparse::kBytes && sparse.raise(extent);
               extent += kMiB) {
            sparse.base[extent - 1] = 1;
          }
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(account.used(), 0u);
  EXPECT_EQ(account.settled(), 0u);
}

TEST(ResidentPages, AreFoundCopiedAndWiped) {
  constexpr u64 kBytes = 2 * kMiB;
  u8* const from = map_pages(kBytes).value();
  u8* const to = map_pages(kBytes).value();
  const auto touch = [&](u64 at) { from[at] = static_cast<u8>(at / 7 + 1); };
  const std::vector<u64> places = {100, 5000, 700'000, 700'001, kBytes - 1};
  for (const u64 at : places) touch(at);
  EXPECT_EQ(resident_bytes(from, kBytes), 4 * kPage);
  EXPECT_EQ(resident_bytes(from + 50, 100), kPage);
  EXPECT_EQ(resident_bytes(from + 10 * kPage, kPage), 0u);
  copy_resident(to + 64, from + 64, kBytes - 64);
  EXPECT_EQ(std::memcmp(from, to, kBytes), 0);
  u8* const bare = map_pages(kBytes).value();
  for (const u64 at : places) touch(at);
  copy_resident(bare, from, kBytes);
  EXPECT_EQ(resident_bytes(bare, kBytes), 4 * kPage);
  // Not aligned to pages; what lies outside stays.
  EXPECT_TRUE(wipe_bytes(from + 101, kBytes - 102));
  EXPECT_EQ(from[100], 100 / 7 + 1);
  EXPECT_EQ(from[5000], 0);
  EXPECT_EQ(from[700'001], 0);
  EXPECT_NE(from[kBytes - 1], 0);
  std::memset(to, 1, kBytes);
  EXPECT_FALSE(wipe_bytes(to, kBytes));  // Cheaper to give back.
  unmap_pages(from, kBytes);
  unmap_pages(to, kBytes);
  unmap_pages(bare, kBytes);
}

}  // namespace
}  // namespace lr::sched
