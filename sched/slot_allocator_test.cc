#include "sched/slot_allocator.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <set>
#include <thread>

#include "sched/os.h"
#include "sched/reclaimer.h"

namespace lr::sched {
namespace {

bool is_zero(const u8* start, u64 bytes) {
  return std::all_of(start, start + bytes, [](u8 byte) { return byte == 0; });
}

class Slots : public testing::TestWithParam<GuardMode> {
 protected:
  SlotOptions options() const {
    SlotOptions options;
    options.guards = GetParam();
    return options;
  }
};
INSTANTIATE_TEST_SUITE_P(Guards, Slots, testing::Values(GuardMode::kAuto, GuardMode::kNone));

TEST_P(Slots, AreApartAndHaveTheSizesAskedFor) {
  SlotAllocator slots(options());
  std::set<u8*> bases;
  for (u32 i = 0; i < 500; ++i) {
    Result<Slot> slot = slots.allocate(8 * kKiB, 64 * kKiB);
    ASSERT_TRUE(slot.ok());
    EXPECT_GE(slot->stack_bytes, 8 * kKiB);
    EXPECT_GE(slot->memory_bytes, 64 * kKiB);
    EXPECT_EQ(reinterpret_cast<u64>(slot->stack_top()) % 64, 0u);
    EXPECT_TRUE(bases.insert(slot->base).second);
    slot->stack_low()[0] = 1;
    slot->stack_top()[-1] = 1;
    slot->memory()[slot->memory_bytes - 1] = 1;
  }
  for (auto at = bases.begin(); std::next(at) != bases.end(); ++at) {
    EXPECT_GE(static_cast<u64>(*std::next(at) - *at), kGuardBytes + 72 * kKiB);
  }
  EXPECT_EQ(slots.stats().slots_live, 500u);
  EXPECT_LT(slots.stats().slabs, 10u);
}

TEST_P(Slots, AreCleanWhenTheyComeBack) {
  // Sizes around the limits at which wiping changes its ways.
  for (const u64 used :
       {u64{100}, 4 * kKiB, 64 * kKiB, 64 * kKiB + 1, 256 * kKiB, 300 * kKiB, 2 * kMiB}) {
    SlotAllocator slots(options());
    for (u32 round = 0; round < 3; ++round) {
      Result<Slot> slot = slots.allocate(8 * kKiB, 2 * kMiB);
      ASSERT_TRUE(slot.ok());
      ASSERT_TRUE(is_zero(slot->stack_low(), slot->stack_bytes));
      ASSERT_TRUE(is_zero(slot->memory(), slot->memory_bytes));
      std::memset(slot->stack_end() - 5000, 0xaa, 5000);
      std::memset(slot->memory(), 0xaa, used);
      slots.release(*slot, {5000, used});
    }
    EXPECT_EQ(slots.stats().slots_free, 1u);
    EXPECT_EQ(slots.stats().slots_live, 0u);
  }
}

TEST_P(Slots, FreeOnesKeepNoMoreThanTheBudget) {
  SlotOptions tight = options();
  tight.resident_budget_bytes = 256 * kKiB;
  tight.total_memory_bytes = kGiB;
  SlotAllocator slots(tight);
  std::vector<Slot> taken;
  for (u32 i = 0; i < 20; ++i) {
    taken.push_back(slots.allocate(8 * kKiB, 64 * kKiB).value());
    std::memset(taken.back().memory(), 1, 64 * kKiB);
  }
  for (const Slot& slot : taken) slots.release(slot, {0, 64 * kKiB});
  EXPECT_LE(slots.stats().cached_bytes, tight.resident_budget_bytes);
  for (u32 i = 0; i < 20; ++i) {
    const Slot slot = slots.allocate(8 * kKiB, 64 * kKiB).value();
    ASSERT_TRUE(is_zero(slot.memory(), 64 * kKiB));
  }
  EXPECT_EQ(slots.stats().cached_bytes, 0u);
}

// Which bytes of the page were the last owner's does not matter to the next one.
TEST_P(Slots, StackAndMemoryMeetInsideAPage) {
  SlotAllocator slots(options());
  std::set<u64> meetings;
  for (u32 i = 0; i < 64; ++i) {
    const Slot slot = slots.allocate(8 * kKiB, 64 * kKiB).value();
    EXPECT_EQ(slot.stack_top(), slot.memory());
    const u64 meeting = reinterpret_cast<u64>(slot.memory()) % kPage;
    EXPECT_GE(meeting, kMeetingOffset);
    EXPECT_LT(meeting, kMeetingOffset + kStackColours * kStackColour);
    meetings.insert(meeting);
    // The memory ends where the next slot begins.
    EXPECT_EQ(reinterpret_cast<u64>(slot.memory() + slot.memory_bytes) % kPage, 0u);
    slot.memory()[-1] = 1;
    slot.memory()[0] = 1;
    EXPECT_EQ(resident_bytes(slot.stack_low(), slot.stack_bytes + slot.memory_bytes), kPage);
  }
  EXPECT_EQ(meetings.size(), kStackColours);
}

TEST_P(Slots, OfOnePageAreDense) {
  SlotAllocator slots(options());
  const Slot first = slots.allocate(16 * kKiB, 64 * kKiB).value();
  const Slot second = slots.allocate(16 * kKiB, 64 * kKiB).value();
  EXPECT_LE(second.base - first.base, 96 * 1024);
  // A module made by rustc: seventeen pages, and two to grow.
  const Slot third = slots.allocate(16 * kKiB, 19 * 64 * kKiB).value();
  const Slot fourth = slots.allocate(16 * kKiB, 19 * 64 * kKiB).value();
  EXPECT_LE(fourth.base - third.base, 1408 * 1024);
}

// Of any shape, whatever it was used for, over and over.
TEST_P(Slots, OfAllShapesComeBackClean) {
  SlotOptions tight = options();
  tight.resident_budget_bytes = kMiB;  // Some are dropped, some wiped.
  SlotAllocator slots(tight);
  for (const u64 stack : {u64{0}, u64{1}, 4 * kKiB, 24 * kKiB, 70 * kKiB, kMiB}) {
    for (const u64 memory : {u64{0}, u64{1}, 64 * kKiB, 100 * kKiB, 1200 * kKiB, 3 * kMiB}) {
      for (u32 round = 0; round < 3; ++round) {
        const Slot slot = slots.allocate(stack, memory, round).value();
        ASSERT_GE(slot.stack_bytes, stack);
        ASSERT_GE(slot.memory_bytes, memory);
        u8* const low = slot.stack_low();
        ASSERT_TRUE(is_zero(low, slot.stack_bytes + slot.memory_bytes)) << stack << " " << memory;
        std::memset(low, 0xaa, slot.stack_bytes + slot.memory_bytes);
        slots.release(slot, {slot.stack_bytes, slot.memory_bytes}, round);
      }
    }
  }
  Reclaimer::get().drain();  // The large ones come back a piece at a time.
  EXPECT_EQ(slots.stats().slots_live, 0u);
}

TEST_P(Slots, ThreadsShareThem) {
  SlotAllocator slots(options());
  std::vector<std::thread> threads;
  for (u32 lane = 0; lane < 4; ++lane) {
    threads.emplace_back([&slots, lane] {
      std::vector<Slot> held;
      for (u32 i = 0; i < 3000; ++i) {
        const Slot slot = slots.allocate(8 * kKiB, 64 * kKiB, lane).value();
        ASSERT_EQ(slot.memory()[0], 0);
        slot.memory()[0] = 1;
        held.push_back(slot);
        if (held.size() < 10) continue;
        // To another lane, as a process that ends elsewhere.
        slots.release(held.front(), {0, 1}, lane + 1);
        held.erase(held.begin());
      }
      for (const Slot& slot : held) slots.release(slot, {0, 1}, lane);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(slots.stats().slots_live, 0u);
  EXPECT_LE(slots.stats().slots_free, 4u * 100);
  EXPECT_GE(slots.account().used(), slots.stats().cached_bytes);
  slots.trim(~u64{0});
  EXPECT_EQ(slots.account().used(), 0u);
  EXPECT_EQ(slots.stats().cached_bytes, 0u);
}

TEST_P(Slots, AreRefusedBeyondTheTotal) {
  SlotOptions small = options();
  small.total_memory_bytes = kMiB;
  small.resident_budget_bytes = kMiB;
  SlotAllocator slots(small);
  std::vector<Slot> held;
  for (u32 round = 0; round < 2; ++round) {
    while (true) {
      Result<Slot> slot = slots.allocate(8 * kKiB, 64 * kKiB);
      if (!slot.ok()) {
        EXPECT_EQ(slot.error().code, Err::LimitExceeded);
        break;
      }
      slot->memory()[0] = 1;
      held.push_back(*slot);
    }
    EXPECT_EQ(held.size(), kMiB / (8 * kKiB));
    EXPECT_LE(slots.account().used(), kMiB);
    // Free ones are not in the way of others.
    for (const Slot& slot : held) slots.release(slot, {0, 1});
    held.clear();
    EXPECT_TRUE(slots.account().charge(kMiB / 4));
    slots.account().release(kMiB / 4);
    Result<Slot> stack = slots.allocate(512 * kKiB, 0);
    ASSERT_TRUE(stack.ok());
    slots.release(*stack, {0, 0});
  }
}

TEST(SlotGuards, FaultWhenTouched) {
  if (!guard_markers_work()) GTEST_SKIP() << "this kernel has no guard markers";
  SlotAllocator slots;
  const Slot first = slots.allocate(8 * kKiB, 64 * kKiB).value();
  const Slot second = slots.allocate(8 * kKiB, 64 * kKiB).value();
  EXPECT_TRUE(slots.has_slot_guards());
  for (const Slot& slot : {first, second}) {
    EXPECT_DEATH(*static_cast<volatile u8*>(slot.base + kGuardBytes - 1) = 1, "");
  }
}

TEST(SlotGuards, WithoutMarkersTheSlabsEdgesFault) {
  SlotOptions options;
  options.guards = GuardMode::kNone;
  SlotAllocator slots(options);
  const Slot first = slots.allocate(8 * kKiB, 64 * kKiB).value();
  EXPECT_FALSE(slots.has_slot_guards());
  EXPECT_DEATH(*static_cast<volatile u8*>(first.base) = 1, "");
}

TEST(SlotLimits, RefusesWhatIsTooLarge) {
  SlotAllocator slots;
  EXPECT_FALSE(slots.allocate(~u64{0}, 0).ok());
  EXPECT_FALSE(slots.allocate(0, ~u64{0}).ok());
  EXPECT_FALSE(slots.allocate(u64{1} << 40, 1).ok());
  EXPECT_EQ(slots.allocate(~u64{0}, 0).error().code, Err::LimitExceeded);
}

// Takes slots until there are no more. 7 if that ended as it should.
[[noreturn]] void exhaust_address_space() {
  const rlimit limit = {512 * kMiB, 512 * kMiB};
  setrlimit(RLIMIT_AS, &limit);
  SlotAllocator slots;
  for (u32 count = 0;; ++count) {
    Result<Slot> slot = slots.allocate(8 * kKiB, 64 * kKiB);
    if (!slot.ok()) _exit(slot.error().code == Err::SystemError && count > 1000 ? 7 : 8);
    slot->memory()[0] = 1;
  }
}

// In a child: the limit could not be lifted again.
TEST(SlotLimits, ASmallAddressSpaceGivesAnError) {
  std::ifstream statm("/proc/self/statm");
  u64 pages = 0;
  statm >> pages;
  if (pages * kPage > 64 * kGiB) GTEST_SKIP() << "a sanitizer has reserved more than the limit";
  EXPECT_EXIT(exhaust_address_space(), testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace lr::sched
