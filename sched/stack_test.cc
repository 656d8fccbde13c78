#include "sched/stack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "sched/os.h"
#include "sched/switch.h"

namespace lr::sched {

extern "C" void lr_test_recurse(RunState* run, void* depth);  // See switch_test.cc.

namespace {

bool is_zero(const u8* start, u64 bytes) {
  return std::all_of(start, start + bytes, [](u8 byte) { return byte == 0; });
}

TEST(ProcessStack, WidensInPlaceThenMoves) {
  SlotAllocator slots;
  const Slot slot = slots.allocate(60 * kKiB, 64 * kKiB).value();
  RunState run;
  Doorbell bell;
  run.doorbell.store(&bell);
  ProcessStack stack;
  stack.start(run, slots, slot, kMiB);
  EXPECT_EQ(bell.stack_limit.load(), run.stack_limit);
  // No more than the page in which it begins.
  EXPECT_GE(run.stack_top - run.stack_limit, kFirstStackWindow);
  EXPECT_EQ(run.stack_limit / kPage, (run.stack_top - 1) / kPage);
  const u64 first_top = run.stack_top;

  u64 mark = 0;
  while (true) {
    // A frame that fills what there is, with a mark that must survive.
    const u64 frame = run.sp - run.stack_limit;
    run.sp = run.stack_limit;
    ++mark;
    *reinterpret_cast<u64*>(run.sp) = mark;
    const u64 depth = run.stack_top - run.sp;
    run.stack_need = 100;
    Status grown = stack.grow(run);
    if (!grown.ok()) {
      EXPECT_EQ(grown.error().code, Err::LimitExceeded);
      EXPECT_EQ(depth, kMiB);
      break;
    }
    EXPECT_EQ(run.stack_top - run.sp, depth);
    EXPECT_EQ(*reinterpret_cast<u64*>(run.sp), mark);
    EXPECT_LE(run.stack_limit + 100, run.sp);
    EXPECT_EQ(bell.stack_limit.load(), run.stack_limit);
    ASSERT_GT(frame, 0u);
  }
  EXPECT_NE(run.stack_top, first_top);
  const u64 used = stack.release(run);
  EXPECT_GE(used, 32 * kKiB);
  EXPECT_LE(used, slot.stack_bytes);
  slots.release(slot, {used, 0});
  EXPECT_EQ(slots.stats().slots_live, 0u);
  // Every slot that it was on is clean.
  for (u64 bytes = 8 * kKiB; bytes <= 2 * kMiB; bytes *= 2) {
    const Slot again = slots.allocate(bytes, bytes == 8 * kKiB ? 64 * kKiB : 0).value();
    EXPECT_TRUE(is_zero(again.stack_low(), again.stack_bytes));
  }
}

TEST(ProcessStack, MovesOnDemandAndKeepsARing) {
  SlotAllocator slots;
  const Slot slot = slots.allocate(8 * kKiB, 64 * kKiB).value();
  RunState run;
  Doorbell bell;
  run.doorbell.store(&bell);
  ProcessStack stack;
  stack.start(run, slots, slot, kMiB);
  run.sp -= 64;
  std::memset(reinterpret_cast<void*>(run.sp), 0x5a, 64);
  for (u32 i = 0; i < 5; ++i) {
    const u64 before = run.sp;
    run.ring(kRequestYield);
    ASSERT_TRUE(stack.move(run).ok());
    EXPECT_NE(run.sp, before);
    EXPECT_EQ(bell.stack_limit.load(), kRungStackLimit);
    EXPECT_EQ(*reinterpret_cast<u64*>(run.sp), 0x5a5a5a5a5a5a5a5au);
    EXPECT_EQ(run.answer(), kRequestYield);
    EXPECT_EQ(bell.stack_limit.load(), run.stack_limit);
  }
  slots.release(slot, {stack.release(run), 0});
}

// A recursion that has stopped at its deepest point survives any number of moves.
TEST(ProcessStack, FramesSurviveMoves) {
  SlotAllocator slots;
  const Slot slot = slots.allocate(8 * kKiB, 64 * kKiB).value();
  RunState run;
  ProcessStack stack;
  stack.start(run, slots, slot, kMiB);
  prepare_native(run, &lr_test_recurse, reinterpret_cast<void*>(u64{100}));
  ASSERT_EQ(lr_resume(&run), Leave::Yield);
  for (u32 i = 0; i < 7; ++i) ASSERT_TRUE(stack.move(run).ok());
  ASSERT_EQ(lr_resume(&run), Leave::Returned);
  EXPECT_EQ(run.trap_code, 100u);  // The number of frames that came back.
  slots.release(slot, {stack.release(run), 0});
  EXPECT_EQ(slots.stats().slots_live, 0u);
}

// The next process on the slot finds it as the first one did, wherever the stack has been.
TEST(ProcessStack, IsCleanForTheNextProcess) {
  SlotAllocator slots;
  const Slot slot = slots.allocate(16 * kKiB, 64 * kKiB).value();
  RunState run;
  Doorbell bell;
  run.doorbell.store(&bell);
  ProcessStack stack;
  stack.start(run, slots, slot, kMiB);
  for (const u64 depth : {u64{100}, 4 * kKiB, 14 * kKiB, 100 * kKiB, u64{100}}) {
    while (run.stack_top - run.stack_limit < depth) {
      run.sp = run.stack_limit;
      run.stack_need = 64;
      ASSERT_TRUE(stack.grow(run).ok());
    }
    // The reserve of the first window is not wiped: no process can see it.
    const bool is_first = run.stack_limit % kPage == 0;
    u8* const lowest = reinterpret_cast<u8*>(run.stack_limit - (is_first ? 0 : kStackReserve));
    std::memset(lowest, 0xcc, static_cast<u64>(reinterpret_cast<u8*>(run.stack_top) - lowest));
    stack.reset(run, kMiB);
    EXPECT_EQ(run.stack_top, reinterpret_cast<u64>(slot.stack_top()));
    EXPECT_EQ(run.sp, run.stack_top);
    EXPECT_EQ(bell.stack_limit.load(), run.stack_limit);
    EXPECT_TRUE(is_zero(slot.stack_low(), slot.stack_bytes)) << depth;
  }
  // A narrower limit holds for what the last process had made wider, too.
  stack.reset(run, 2 * kKiB);
  EXPECT_LE(run.stack_top - run.stack_limit, 2 * kKiB);
  slots.release(slot, {stack.release(run), 0});
  EXPECT_EQ(slots.stats().slots_live, 0u);
}

// A stack at rest has one page, and comes and goes without another; what was written into the
// reserve is wiped before the slot can be anybody's.
TEST(ProcessStack, OfAProcessAtRestHasOnePage) {
  SlotAllocator slots;
  for (const bool uses_reserve : {false, true}) {
    const Slot slot = slots.allocate(16 * kKiB, 64 * kKiB).value();
    RunState run;
    ProcessStack stack;
    stack.start(run, slots, slot, kMiB);
    std::memset(reinterpret_cast<void*>(run.stack_limit), 1, run.stack_top - run.stack_limit);
    EXPECT_EQ(resident_bytes(slot.stack_low(), slot.stack_bytes), kPage);
    stack.reset(run, kMiB);
    EXPECT_EQ(resident_bytes(slot.stack_low(), slot.stack_bytes), kPage);
    if (uses_reserve) *reinterpret_cast<u64*>(run.stack_limit - 8) = 1;
    slots.release(slot, {stack.release(run), 0});
    EXPECT_EQ(resident_bytes(slot.stack_low(), slot.stack_bytes), uses_reserve ? 2 * kPage : kPage);
    EXPECT_TRUE(is_zero(slot.stack_low(), slot.stack_bytes));
  }
}

}  // namespace
}  // namespace lr::sched
