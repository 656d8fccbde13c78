// Exceptions where scripts do not reach: activations in host calls, what is left of many throws,
// stacks that move and yield meanwhile. spec-tests/scripts has the language.
#include "jit/test_world.h"

namespace lr::jit {
namespace {

class Exceptions : public testing::TestWithParam<RunOptions> {};

INSTANTIATE_TEST_SUITE_P(
    Jit, Exceptions,
    testing::Values(RunOptions{}, RunOptions{.move_always = true}, RunOptions{.ring_always = true},
                    RunOptions{.compile_all = true, .move_always = true},
                    RunOptions{.memory_class = MemoryClass::Dense, .spill_all = true}),
    name_of_options);
INSTANTIATE_TEST_SUITE_P(Interrupted, Exceptions, testing::ValuesIn(yielding_options()),
                         name_of_options);
INSTANTIATE_TEST_SUITE_P(InterruptedDense, Exceptions,
                         testing::ValuesIn(yielding_options({.memory_class = MemoryClass::Dense,
                                                             .move_always = true})),
                         name_of_options);

HostStatus host_wait(Context*, const HostFunction*, u64*) { return HostStatus::Wait; }

constexpr const char* kHostCalls = R"((module
  (import "host" "wait" (func $wait (param i32) (result i32)))
  (tag $e (export "failure") (param i32))
  (func (export "throw") (param i32) (result i32) (throw $e (local.get 0)))
  (func $catches (export "catch") (param i32) (result i32)
    (block $h (result i32)
      (try_table (catch $e $h) (throw $e (call $wait (local.get 0))))
      (i32.const 0)))
  (func (export "outer") (param i32) (result i32) (local $kept i32)
    (local.set $kept (i32.const 1000))
    (block $h
      (try_table (catch_all $h)
        (return (i32.add (call $wait (local.get 0)) (local.get $kept)))))
    (i32.const 5))))";

// An exception that nobody catches in its activation is a trap, which nobody catches either.
TEST_P(Exceptions, EndWithTheirActivation) {
  World world(GetParam());
  world.add_host("wait", host_wait, {kI32}, {kI32});
  Instance* instance = world.need(kHostCalls);
  ASSERT_NE(instance, nullptr);
  const char* inner_name = "throw";
  bool hand_on = false;
  world.process.on_wait = [&](TestProcess& process, u64* values) {
    if (values[0] == 99) return HostStatus::Done;
    std::vector<u64> inner = {values[0] == 1 ? u64{99} : values[0]};
    const auto trap = world.call(instance, inner_name, inner);
    if (trap) {
      EXPECT_EQ(*trap, Trap::UncaughtException);
      EXPECT_EQ(world.store.trap_detail(*trap), "tag \"failure\" (i32 7)");
      if (hand_on) return HostStatus::Trap;
    }
    host_call_values(process.run)[0] = trap ? 44 : inner[0];
    return HostStatus::Done;
  };
  EXPECT_EQ(world.run(instance, "outer", {7}), "1044");
  hand_on = true;
  EXPECT_EQ(world.run(instance, "outer", {7}), "unhandled exception");
  EXPECT_EQ(activation_count(world.store), 0u);
  // One caught inside does not reach the outside.
  inner_name = "catch";
  EXPECT_EQ(world.run(instance, "outer", {1}), "1099");
}

constexpr const char* kLoops = R"((module
  (tag $small (param i32))
  (tag $large (param i64 i64 i64 i64 i64 i64 i64 i64))
  (func $down (param $n i32) (param $depth i32) (result i32)
    (if (i32.eqz (local.get $depth)) (then
      (if (i32.and (local.get $n) (i32.const 1)) (then (throw $small (local.get $n))))
      (throw $large (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)
        (i64.const 0) (i64.const 0) (i64.extend_i32_u (local.get $n)))))
    (i32.add (i32.const 1)
      (call $down (local.get $n) (i32.sub (local.get $depth) (i32.const 1)))))
  (func (export "plain") (param $n i32) (result i32) (local $sum i32)
    (loop $again
      (block $next
        (block $large (result i64 i64 i64 i64 i64 i64 i64 i64)
          (block $small (result i32)
            (try_table (catch $small $small) (catch $large $large)
              (drop (call $down (local.get $n) (i32.rem_u (local.get $n) (i32.const 9)))))
            unreachable)
          (local.set $sum (i32.add (local.get $sum)))
          (br $next))
        (local.set $sum (i32.add (i32.wrap_i64) (local.get $sum)))
        (drop) (drop) (drop) (drop) (drop) (drop) (drop))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  (func (export "kept") (param $n i32) (result i32) (local $sum i32) (local $x exnref)
    (loop $again
      (block $all (result exnref)
        (try_table (catch_all_ref $all)
          (drop (call $down (local.get $n) (i32.rem_u (local.get $n) (i32.const 9)))))
        unreachable)
      (local.set $x)
      (block $small (result i32)
        (try_table (catch $small $small) (throw_ref (local.get $x)))
        unreachable)
      (local.set $sum (i32.add (local.get $sum)))
      (br_if $again (i32.gt_s (local.tee $n (i32.sub (local.get $n) (i32.const 2)))
                              (i32.const 0))))
    (local.get $sum))
  (func (export "once") (param $n i32) (throw $small (local.get $n)))))";

TEST_P(Exceptions, LeaveNothingBehind) {
  const bool slow = GetParam().move_always || GetParam().ring_always;
  const u64 rounds = slow ? 2000 : 200'000;
  World world(GetParam());
  Instance* instance = world.need(kLoops);
  ASSERT_NE(instance, nullptr);
  const auto sum = std::to_string(static_cast<u32>(rounds * (rounds + 1) / 2));
  EXPECT_EQ(world.run(instance, "plain", {rounds}), sum);
  for (u32 i = 0; i < 1000; i++) EXPECT_EQ(world.run(instance, "once", {i}), "unhandled exception");
  EXPECT_LE(world.store.exceptions().held_bytes(), 4 * kKiB);
}

// Of odd rounds alone, each with an exception that is held for a moment.
TEST_P(Exceptions, AreCollected) {
  const bool slow = GetParam().move_always || GetParam().ring_always;
  const u64 rounds = slow ? 2000 : 1'000'000;
  World world(GetParam());
  Instance* instance = world.need(kLoops);
  ASSERT_NE(instance, nullptr);
  const auto sum = std::to_string(static_cast<u32>(rounds * rounds));
  EXPECT_EQ(world.run(instance, "kept", {2 * rounds - 1}), sum);
  ASSERT_NE(world.store.heap(), nullptr);
  EXPECT_LE(world.store.heap()->held_bytes(), 32 * kMiB);
  EXPECT_GE(world.store.heap()->stats().collections, slow ? 0u : 1u);
}

}  // namespace
}  // namespace lr::jit
