// Whole modules through everything below host/: text to machine code, stubs, host calls, stacks and
// memories that move, traps. The first test is the line on which frame, register roles and Context
// were settled; it must keep its shape.
#include <gtest/gtest.h>

#include <bit>

#include "jit/test_world.h"

namespace lr::jit {
namespace {

HostStatus host_wait(Context*, const HostFunction*, u64*) { return HostStatus::Wait; }
HostStatus host_ring(Context* context, const HostFunction*, u64*) {
  context->run->ring(kRequestYield);
  return HostStatus::Done;
}

class Run : public testing::TestWithParam<RunOptions> {};

// A loop, a call, a host call that waits, a yield and a stack and memory that move.
TEST_P(Run, TheRiskiestLine) {
  World world(GetParam());
  world.add_host("wait", host_wait, {kI32, kF64, kI64}, {kI32});
  world.add_host("ring", host_ring, {}, {});
  Instance* instance = world.need(R"((module
    (import "host" "wait" (func $wait (param i32 f64 i64) (result i32)))
    (import "host" "ring" (func $ring))
    (memory (export "memory") 1)
    (func $deep (param $n i32) (param $x i64) (result i64)
      (if (result i64) (i32.eqz (local.get $n))
        (then (local.get $x))
        (else (i64.add (i64.const 1)
          (call $deep (i32.sub (local.get $n) (i32.const 1)) (local.get $x))))))
    (func (export "run") (param $count i32) (result i64)
      (local $i i32) (local $sum i64) (local $f f64)
      (loop $again
        (local.set $f (f64.add (local.get $f) (f64.const 0.5)))
        (i32.store offset=8 (i32.mul (local.get $i) (i32.const 512))
          (call $wait (local.get $i) (local.get $f) (local.get $sum)))
        (call $ring)
        (local.set $sum (i64.add (local.get $sum)
          (i64.add (i64.extend_i32_u (i32.load offset=8 (i32.mul (local.get $i) (i32.const 512))))
            (call $deep (local.get $i) (i64.const 7)))))
        (drop (memory.grow (i32.const 1)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $i) (local.get $count))))
      (local.get $sum))))");
  ASSERT_NE(instance, nullptr);
  double expected_f = 0;
  u64 sum = 0;
  u32 i = 0;
  world.process.on_wait = [&](TestProcess&, u64* values) {
    expected_f += 0.5;
    EXPECT_EQ(values[0], i);
    EXPECT_EQ(std::bit_cast<double>(values[1]), expected_f);
    EXPECT_EQ(values[2], sum);
    values[0] = 1000 + i;
    sum += 1000 + i + i + 7;
    i++;
    return HostStatus::Done;
  };
  EXPECT_EQ(world.run(instance, "run", {100}), std::to_string(100 * 1000 + 2 * 4950 + 700));
  EXPECT_EQ(i, 100u);
  EXPECT_EQ(world.process.waits, 100u);
  EXPECT_GE(world.process.yields, 100u);
  EXPECT_EQ(instance->memory(0).pages(), 101u);
}

TEST_P(Run, StackGrowsUntilItOverflows) {
  World world(GetParam());
  Instance* instance = world.need(R"((module
    (func $f (export "f") (param i32) (result i32)
      (if (result i32) (local.get 0)
        (then (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1)))))
        (else (i32.const 0))))))");
  ASSERT_NE(instance, nullptr);
  EXPECT_EQ(world.run(instance, "f", {5000}), "5000");
  EXPECT_EQ(world.run(instance, "f", {1'000'000'000}), "call stack exhausted");
  EXPECT_NE(world.process.backtrace_text.find("   0: test!f"), std::string::npos)
      << world.process.backtrace_text;
  EXPECT_NE(world.process.backtrace_text.find("more"), std::string::npos)
      << world.process.backtrace_text;
  // And the process is as good as before.
  EXPECT_EQ(world.run(instance, "f", {3}), "3");
}

TEST_P(Run, MemoryTrapsAtItsEnd) {
  World world(GetParam());
  Instance* instance = world.need(R"((module
    (memory 1)
    (data (i32.const 65530) "abcdef")
    (func $load (export "load") (param i32) (result i32) (i32.load8_u offset=4 (local.get 0)))
    (func (export "outer") (param i32) (result i32)
      (i32.add (call $load (local.get 0)) (i32.const 1)))
    (func (export "store") (param i32) (i64.store (local.get 0) (i64.const -1)))
    (func (export "far") (param i32) (result i64) (i64.load offset=0xfffffff (local.get 0)))
    (func (export "farther") (param i32) (result i64) (i64.load offset=0xffffffff (local.get 0)))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))))");
  ASSERT_NE(instance, nullptr);
  EXPECT_EQ(world.run(instance, "load", {65531}), "102");
  EXPECT_EQ(world.run(instance, "load", {65532}), "out of bounds memory access");
  EXPECT_EQ(world.run(instance, "outer", {0xffff'ffff}), "out of bounds memory access");
  EXPECT_NE(world.process.backtrace_text.find("   0: test!load"), std::string::npos)
      << world.process.backtrace_text;
  EXPECT_NE(world.process.backtrace_text.find("   1: test!outer"), std::string::npos)
      << world.process.backtrace_text;
  EXPECT_EQ(world.run(instance, "store", {65529}), "out of bounds memory access");
  for (const char* far : {"far", "farther"}) {
    for (const u64 index : {u64{0}, u64{1}, u64{0x7fff'ffff}, u64{0xffff'fff9}, u64{0xffff'ffff}}) {
      EXPECT_EQ(world.run(instance, far, {index}), "out of bounds memory access");
    }
  }
  EXPECT_EQ(world.run(instance, "load", {65531}), "102");
  EXPECT_EQ(world.run(instance, "grow", {1}), "1");
  EXPECT_EQ(world.run(instance, "load", {65532}), "0");
  EXPECT_EQ(world.run(instance, "grow", {65535}), "4294967295");
}

HostStatus host_mix(Context*, const HostFunction*, u64* args) {
  // Every argument counts once, by its position.
  u64 sum = 0;
  for (u32 i = 0; i < 10; i++) sum += args[i] * (i + 1);
  for (u32 i = 0; i < 10; i++) {
    sum += static_cast<u64>(std::bit_cast<double>(args[10 + i])) * (11 + i);
  }
  args[0] = sum;
  args[1] = sum + 1;
  args[2] = std::bit_cast<u64>(static_cast<double>(sum) + 0.5);
  args[3] = sum + 3;
  args[4] = sum + 4;
  return HostStatus::Done;
}

constexpr const char* kMixCall = R"(
      (i32.const 1) (i64.const 2) (i32.const 3) (i64.const 4) (i32.const 5)
      (i64.const 6) (i32.const 7) (i64.const 8) (i32.const 9) (i64.const 10)
      (f64.const 1) (f64.const 2) (f64.const 3) (f64.const 4) (f64.const 5)
      (f64.const 6) (f64.const 7) (f64.const 8) (f64.const 9) (f64.const 10))";
constexpr const char* kMixType = R"(
      (param i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64)
      (result i64 i32 f64 i64 i32))";

std::string mix_module(const char* how, const char* before) {
  return std::string("(module ") + before + " (func (export \"run\") (result i64) " +
         "(local $a i32) (local $b i64) (local $c f64) (local $d i32) " + kMixCall + how + R"(
    (local.set $a) (local.set $b) (local.set $c) (local.set $d)
    (i64.add (i64.extend_i32_u (local.get $a)))
    (i64.add (local.get $b))
    (i64.add (i64.trunc_f64_s (local.get $c)))
    (i64.add (i64.extend_i32_u (local.get $d))))))";
}

// Sum of i*i for 1..10 plus i*(10+i): 385 + 385 + 550; then itself five times plus 0+1+0+3+4.
constexpr const char* kMixResult = "6608";

TEST_P(Run, ManyArgumentsReachHostFunctionsAndOtherInstances) {
  World world(GetParam());
  std::vector<ValType> params;
  for (u32 i = 0; i < 10; i++) params.push_back(i % 2 == 0 ? kI32 : kI64);
  for (u32 i = 0; i < 10; i++) params.push_back(kF64);
  world.add_host("mix", host_mix, params, {kI64, kI32, kF64, kI64, kI32});
  const std::string import = std::string("(import \"host\" \"mix\" (func $mix ") + kMixType + "))";

  Instance* direct = world.need(mix_module("(call $mix)", import.c_str()));
  ASSERT_NE(direct, nullptr);
  EXPECT_EQ(world.run(direct, "run"), kMixResult);

  // A function that passes everything on, exported to another instance.
  std::string pass = "(module " + import + "(memory 1) (func (export \"mix\") " + kMixType;
  for (u32 i = 0; i < 20; i++) pass += " (local.get " + std::to_string(i) + ")";
  Instance* middle = world.need(pass + " (call $mix)) (export \"again\" (func $mix)))");
  ASSERT_NE(middle, nullptr);
  world.named.emplace_back("middle", middle);
  const std::string through =
      std::string("(import \"middle\" \"mix\" (func $mix ") + kMixType + "))";
  const std::string own_memory = through + "(memory 2)";
  EXPECT_EQ(world.run(world.need(mix_module("(call $mix)", own_memory.c_str())), "run"),
            kMixResult);

  // Through a table, which holds a function of the other instance and a host function.
  const std::string table = through + "(import \"middle\" \"again\" (func $host " + kMixType +
                            ")) (table funcref (elem $mix $host)) (type $t (func " + kMixType +
                            "))";
  for (const char* index : {"0", "1"}) {
    const std::string how = std::string("(call_indirect (type $t) (i32.const ") + index + "))";
    EXPECT_EQ(world.run(world.need(mix_module(how.c_str(), table.c_str())), "run"), kMixResult);
  }
}

TEST_P(Run, BulkOperationsCheckFirst) {
  World world(GetParam());
  Instance* instance = world.need(R"((module
    (memory 1)
    (table $t 10 funcref)
    (data $d "hello")
    (elem $e func $f $f)
    (func $f (result i32) (i32.const 42))
    (func (export "init") (param i32 i32 i32)
      (memory.init $d (local.get 0) (local.get 1) (local.get 2)))
    (func (export "drop") (data.drop $d))
    (func (export "fill") (param i32 i32 i32)
      (memory.fill (local.get 0) (local.get 1) (local.get 2)))
    (func (export "copy") (param i32 i32 i32)
      (memory.copy (local.get 0) (local.get 1) (local.get 2)))
    (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
    (func (export "tinit") (param i32 i32 i32)
      (table.init $t $e (local.get 0) (local.get 1) (local.get 2)))
    (func (export "tcopy") (param i32 i32 i32)
      (table.copy $t $t (local.get 0) (local.get 1) (local.get 2)))
    (func (export "tgrow") (param i32) (result i32)
      (table.grow $t (ref.func $f) (local.get 0)))
    (func (export "call") (param i32) (result i32)
      (call_indirect $t (result i32) (local.get 0)))))");
  ASSERT_NE(instance, nullptr);
  const char* oob = "out of bounds memory access";
  EXPECT_EQ(world.run(instance, "init", {65532, 0, 5}), oob);
  EXPECT_EQ(world.run(instance, "load", {65532}), "0");
  EXPECT_EQ(world.run(instance, "init", {65531, 0, 5}), "65531");
  EXPECT_EQ(world.run(instance, "load", {65535}), "111");
  EXPECT_EQ(world.run(instance, "init", {0, 3, 3}), oob);
  EXPECT_EQ(world.run(instance, "copy", {65530, 65531, 5}), "65530");
  EXPECT_EQ(world.run(instance, "load", {65530}), "104");
  EXPECT_EQ(world.run(instance, "copy", {0, 65530, 7}), oob);
  EXPECT_EQ(world.run(instance, "fill", {65536, 7, 0}), "65536");
  EXPECT_EQ(world.run(instance, "fill", {65537, 7, 0}), oob);
  EXPECT_EQ(world.run(instance, "fill", {1, 7, 0xffff'ffff}), oob);
  EXPECT_EQ(world.run(instance, "load", {1}), "0");
  EXPECT_EQ(world.run(instance, "fill", {1, 7, 65535}), "1");
  EXPECT_EQ(world.run(instance, "load", {65535}), "7");
  world.run(instance, "drop");
  EXPECT_EQ(world.run(instance, "init", {0, 0, 0}), "0");
  EXPECT_EQ(world.run(instance, "init", {0, 0, 1}), oob);

  EXPECT_EQ(world.run(instance, "call", {0}), "uninitialized element");
  EXPECT_EQ(world.run(instance, "call", {10}), "undefined element");
  EXPECT_EQ(world.run(instance, "tinit", {9, 0, 2}), "out of bounds table access");
  EXPECT_EQ(world.run(instance, "tinit", {8, 0, 2}), "8");
  EXPECT_EQ(world.run(instance, "call", {9}), "42");
  EXPECT_EQ(world.run(instance, "tcopy", {0, 8, 2}), "0");
  EXPECT_EQ(world.run(instance, "call", {1}), "42");
  EXPECT_EQ(world.run(instance, "tgrow", {5}), "10");
  EXPECT_EQ(world.run(instance, "call", {14}), "42");
  EXPECT_EQ(world.run(instance, "call", {15}), "undefined element");
}

TEST_P(Run, ActivationsNestInsideHostCallsThatWait) {
  World world(GetParam());
  world.add_host("wait", host_wait, {kI32}, {kI32});
  Instance* instance = world.need(R"((module
    (import "host" "wait" (func $wait (param i32) (result i32)))
    (memory 1)
    (func (export "run") (param $depth i32) (result i32)
      (i32.add (i32.const 1) (call $wait (local.get $depth))))
    (func (export "fail") (param i32) (result i32) unreachable)))");
  ASSERT_NE(instance, nullptr);
  u32 deepest = 0;
  world.process.on_wait = [&](TestProcess& process, u64* values) {
    const u64 depth = values[0];
    deepest = std::max(deepest, activation_count(world.store));
    std::vector<u64> inner = {depth - 1};
    const auto trap = world.call(instance, depth == 0 ? "fail" : "run", inner);
    u64* now = host_call_values(process.run);  // The stack may have moved.
    now[0] = trap ? 100 : inner[0];
    return HostStatus::Done;
  };
  EXPECT_EQ(world.run(instance, "run", {20}), "121");
  EXPECT_EQ(deepest, 21u);
  EXPECT_EQ(activation_count(world.store), 0u);
  EXPECT_NE(world.process.backtrace_text.find("   0: test!fail"), std::string::npos);
  EXPECT_NE(world.process.backtrace_text.find("   1: test!run"), std::string::npos)
      << world.process.backtrace_text;
}

HostStatus host_trap(Context* context, const HostFunction*, u64*) {
  context->run->trap_code = static_cast<u32>(Trap::Exit);
  return HostStatus::Trap;
}

TEST_P(Run, HostFunctionsTrapAtOnceOrLater) {
  World world(GetParam());
  world.add_host("now", host_trap, {kI32}, {kI32});
  world.add_host("later", host_wait, {kI32}, {kI32});
  Instance* instance = world.need(R"((module
    (import "host" "now" (func $now (param i32) (result i32)))
    (import "host" "later" (func $later (param i32) (result i32)))
    (func (export "now") (result i32) (call $now (i32.const 1)))
    (func (export "later") (result i32) (call $later (i32.const 1)))))");
  ASSERT_NE(instance, nullptr);
  world.process.on_wait = [](TestProcess& process, u64*) {
    process.run.trap_code = static_cast<u32>(Trap::Killed);
    return HostStatus::Trap;
  };
  EXPECT_EQ(world.run(instance, "now"), "exit");
  EXPECT_EQ(world.process.backtrace_text.substr(0, 15), "   0: test!now+");
  EXPECT_EQ(world.run(instance, "later"), "killed");
  EXPECT_EQ(world.process.backtrace_text.substr(0, 17), "   0: test!later+");
}

TEST_P(Run, InstancesShareMemoriesTablesAndGlobals) {
  World world(GetParam());
  Instance* owner = world.need(R"((module
    (memory (export "memory") 1 4)
    (global (export "g") (mut i64) (i64.const 5))
    (global (export "c") i32 (i32.add (i32.const 40) (i32.const 2)))
    (table (export "table") 4 funcref)
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "get") (result i64) (global.get 0))))");
  ASSERT_NE(owner, nullptr);
  world.named.emplace_back("owner", owner);
  Instance* user = world.need(R"((module
    (memory (import "owner" "memory") 1)
    (global $g (import "owner" "g") (mut i64))
    (global $c (import "owner" "c") i32)
    (table (import "owner" "table") 2 funcref)
    (import "owner" "load" (func $load (param i32) (result i32)))
    (elem (i32.const 1) $ten)
    (data (i32.const 16) "\07\00\00\00")
    (func $ten (result i32) (i32.const 10))
    (func (export "run") (result i32)
      (drop (memory.grow (i32.const 2)))
      (i32.store (i32.const 131072) (i32.const 1))
      (global.set $g (i64.add (global.get $g) (i64.const 1)))
      (i32.add (i32.add (call $load (i32.const 16)) (call $load (i32.const 131072)))
               (i32.add (global.get $c) (memory.size))))))");
  ASSERT_NE(user, nullptr);
  EXPECT_EQ(world.run(user, "run"), "53");
  EXPECT_EQ(world.run(owner, "load", {131072}), "1");
  EXPECT_EQ(world.run(owner, "get"), "6");
  EXPECT_EQ(owner->table(0).view.elements[1], reinterpret_cast<u64>(user->func(1)));
}

constexpr auto kGuarded = MemoryClass::Guarded;
constexpr auto kDense = MemoryClass::Dense;
INSTANTIATE_TEST_SUITE_P(
    Jit, Run,
    testing::Values(RunOptions{.memory_class = kGuarded}, RunOptions{.memory_class = kDense},
                    RunOptions{.memory_class = kGuarded, .compile_all = true},
                    RunOptions{.memory_class = kDense, .compile_all = true},
                    RunOptions{.memory_class = kGuarded, .move_always = true},
                    RunOptions{.memory_class = kDense, .move_always = true, .exact_extent = true},
                    RunOptions{.memory_class = kDense, .exact_extent = true, .no_homes = true},
                    RunOptions{.memory_class = kGuarded, .ring_always = true},
                    RunOptions{.memory_class = kDense, .move_always = true, .ring_always = true},
                    RunOptions{.memory_class = kGuarded, .spill_all = true}),
    name_of_options);
INSTANTIATE_TEST_SUITE_P(Interrupted, Run, testing::ValuesIn(yielding_options()), name_of_options);
INSTANTIATE_TEST_SUITE_P(InterruptedDense, Run,
                         testing::ValuesIn(yielding_options({.memory_class = MemoryClass::Dense,
                                                             .move_always = true})),
                         name_of_options);

TEST(Link, SaysWhatIsMissingAndWhatDoesNotFit) {
  World world;
  world.add_host("f", host_wait, {kI32}, {});
  auto missing = world.load(R"((module
    (import "a" "b" (func (param i32)))
    (import "c" "d" (memory 1 2))))");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().message(),
            "unknown import: \"a\" \"b\" (func (param i32)), \"c\" \"d\" (memory 1 2)");
  auto wrong = world.load(R"((module (import "host" "f" (func (param i64)))))");
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().message(),
            "incompatible import type: \"host\" \"f\" wants (func (param i64)), got (func (param "
            "i32))");
}

TEST(Link, SegmentsOutOfBoundsAreTraps) {
  World world;
  auto data = world.load("(module (memory 1) (data (i32.const 65536) \"a\"))");
  ASSERT_FALSE(data.ok());
  EXPECT_EQ(data.error().message().substr(0, 27), "out of bounds memory access");
  EXPECT_EQ(data.error().phase(), ErrPhase::Trap);
  auto elements = world.load("(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))");
  ASSERT_FALSE(elements.ok());
  EXPECT_EQ(elements.error().message().substr(0, 26), "out of bounds table access");
}

}  // namespace
}  // namespace lr::jit
