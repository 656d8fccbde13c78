#include "sched/switch.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace lr::sched {

// switch_test_x64.S and switch_test_a64.S: recurses `depth` deep, leaves with Leave::Yield at the
// bottom and counts the frames on the way back. Its frames hold nothing but numbers and return
// addresses.
extern "C" void lr_test_recurse(RunState* run, void* depth);

// Keeps a value in every callee-saved register across a leave; 0 if all came back.
extern "C" u64 lr_test_keep_registers(RunState* run);

namespace {

struct Stack {
  explicit Stack(usize bytes = 64 * kKiB) : memory(bytes) {
    run.stack_limit = reinterpret_cast<u64>(memory.data());
    run.stack_top = (run.stack_limit + bytes) & ~u64{15};
  }
  RunState run;
  std::vector<u8> memory;
};

TEST(Switch, RunsToTheEnd) {
  Stack stack;
  u64 seen = 0;
  struct Arguments {
    Stack* stack;
    u64* seen;
  } arguments{&stack, &seen};
  prepare_native(
      stack.run,
      [](RunState* run, void* raw) {
        auto& given = *static_cast<Arguments*>(raw);
        *given.seen = run == &given.stack->run ? 42 : 1;
      },
      &arguments);
  EXPECT_EQ(lr_resume(&stack.run), Leave::Returned);
  EXPECT_EQ(seen, 42u);
}

TEST(Switch, GoesBackAndForthWithEveryReason) {
  Stack stack;
  prepare_native(
      stack.run,
      [](RunState* run, void*) {
        lr_leave(run, Leave::Yield);
        lr_leave(run, Leave::HostWait);
        lr_leave(run, Leave::Trapped);
        lr_leave(run, Leave::StackFull);
      },
      nullptr);
  EXPECT_EQ(lr_resume(&stack.run), Leave::Yield);
  EXPECT_EQ(lr_resume(&stack.run), Leave::HostWait);
  EXPECT_EQ(lr_resume(&stack.run), Leave::Trapped);
  EXPECT_EQ(lr_resume(&stack.run), Leave::StackFull);
  EXPECT_EQ(lr_resume(&stack.run), Leave::Returned);
}

TEST(Switch, HostStackIsAlignedForCalls) {
  Stack stack;
  struct Seen {
    u64 host_sp;
    u64 frame;
  } seen{};
  prepare_native(
      stack.run,
      [](RunState* run, void* raw) {
        auto& result = *static_cast<Seen*>(raw);
        alignas(16) volatile u64 aligned[2] = {};  // Faults or lies if the entry is misaligned.
        result.frame = reinterpret_cast<u64>(&aligned);
        result.host_sp = run->host_sp;
      },
      &seen);
  EXPECT_EQ(lr_resume(&stack.run), Leave::Returned);
  EXPECT_EQ(seen.host_sp % 16, 0u);
  EXPECT_EQ(seen.frame % 16, 0u);
}

TEST(Switch, KeepsCalleeSavedRegistersOnBothSides) {
  Stack stack;
  u64 lost = ~u64{0};
  prepare_native(
      stack.run,
      [](RunState* run, void* raw) { *static_cast<u64*>(raw) = lr_test_keep_registers(run); },
      &lost);
  // The compiler keeps these in callee-saved registers, if it can, while the others run.
  u64 sum = 0;
  for (u64 i = 0; i < 3; ++i) sum += i * 7;
  EXPECT_EQ(lr_resume(&stack.run), Leave::Yield);
  EXPECT_EQ(lr_resume(&stack.run), Leave::Returned);
  EXPECT_EQ(lost, 0u);
  EXPECT_EQ(sum, 21u);
}

TEST(Switch, ASuspendedStackCanBeCopied) {
  Stack from;
  Stack to;
  prepare_native(from.run, &lr_test_recurse, reinterpret_cast<void*>(u64{100}));
  ASSERT_EQ(lr_resume(&from.run), Leave::Yield);
  const u64 used = from.run.stack_top - from.run.sp;
  std::memcpy(reinterpret_cast<void*>(to.run.stack_top - used),
              reinterpret_cast<void*>(from.run.sp), used);
  std::memset(from.memory.data(), 0xcc, from.memory.size());
  from.run.stack_top = to.run.stack_top;
  from.run.stack_limit = to.run.stack_limit;
  from.run.sp = to.run.stack_top - used;
  EXPECT_EQ(lr_resume(&from.run), Leave::Returned);
  EXPECT_EQ(from.run.trap_code, 100u);  // Where it counts.
}

}  // namespace
}  // namespace lr::sched
