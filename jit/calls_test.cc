// Calls at their limits: many values at joins, every signature against every other one, and a stack
// that ends anywhere. Texts of modules are made here; what they should come to is computed beside
// them.
#include <fmt/format.h>

#include "jit/test_world.h"

namespace lr::jit {
namespace {

const char* const kTypes[] = {"i32", "i64", "f32", "f64"};

class Calls : public testing::TestWithParam<RunOptions> {};

INSTANTIATE_TEST_SUITE_P(
    Jit, Calls,
    testing::Values(RunOptions{}, RunOptions{.memory_class = MemoryClass::Dense},
                    RunOptions{.compile_all = true}, RunOptions{.no_homes = true},
                    RunOptions{.memory_class = MemoryClass::Dense, .spill_all = true}),
    name_of_options);
INSTANTIATE_TEST_SUITE_P(Interrupted, Calls, testing::ValuesIn(yielding_options()),
                         name_of_options);
// Without moves: a process that is interrupted in each of its calls has moved enough elsewhere.
INSTANTIATE_TEST_SUITE_P(InterruptedDense, Calls,
                         testing::ValuesIn(yielding_options({.memory_class = MemoryClass::Dense})),
                         name_of_options);

// -- Many values at joins -------------------------------------------------------------------------

// Value i has type i mod 4 and is i + `from`, made in one of several ways.
std::string make_value(u32 i, u32 from, u32 how) {
  const std::string type = kTypes[i % 4];
  switch (how % 3) {
    case 0:
      return fmt::format("({}.const {})", type, i + from);
    case 1:
      return fmt::format("(call ${}_id ({}.const {}))", type, type, i + from);
    default:
      return fmt::format("({}.add (local.get ${}) ({}.const {}))", type, type, type, i + from - 1);
  }
}

std::string make_values(u32 count, u32 from, u32 how) {
  std::string text;
  for (u32 i = 0; i < count; i++) text += make_value(i, from, how + i / 4);
  return text;
}

// Adds value i times i + 1 to $sum, the newest first.
std::string add_values(u32 count) {
  constexpr const char* kToI64[] = {"(i64.extend_i32_u)", "", "(i64.trunc_f32_s)",
                                    "(i64.trunc_f64_s)"};
  std::string text;
  for (u32 i = count; i > 0; i--) {
    text += fmt::format("{} (i64.mul (i64.const {})) (local.set $sum (i64.add (local.get $sum)))\n",
                        kToI64[(i - 1) % 4], i);
  }
  return text;
}

u64 sum_of_values(u32 count, u32 from) {
  u64 sum = 0;
  for (u32 i = 0; i < count; i++) sum += u64{i + from} * (i + 1);
  return sum;
}

// Ways to a join of `count` values: with $way 0 they start at 1000, else at 5000. Each leaves the
// values on the stack.
std::vector<std::string> joins(u32 count) {
  std::string types, params;
  for (u32 i = 0; i < count; i++) types += std::string(" ") + kTypes[i % 4];
  const std::string result = "(result" + types + ")";
  const std::string param = "(param" + types + ")";
  std::string drops;
  for (u32 i = 0; i < count; i++) drops += "(drop)";
  const std::string a = make_values(count, 1000, 0), b = make_values(count, 5000, 1);
  const std::string c = make_values(count, 5000, 2);
  return {
      "(if " + result + " (local.get $way) (then " + b + ") (else " + a + "))",
      "(block " + result + a + "(br_if 0 (i32.eqz (local.get $way)))" + drops + c + ")",
      "(block " + result + a + "(br_if 0 (i32.eqz (local.get $way)))" + drops + b +
          "(br 0) (i32.add) (drop))",
      "(block $x " + result + "(block $y " + result + a + "(br_table $x $y (local.get $way)))" +
          drops + c + ")",
      a + "(loop " + param + result + "(if " + param + result + " (local.get $way) (then " + drops +
          b + "(local.set $way (i32.const 0)) (br 1))))",
      // What follows an unconditional branch may take anything from the stack.
      "(block " + result + "(if (local.get $way) (then " + c +
          "(br 1) (unreachable) (select) (drop) (i64.add) (drop) (br_table 0 0)))" + a + ")",
      "(call $many (local.get $way))",
      "(block $h " + result + "(try_table (catch $e $h) " + "(if (local.get $way) (then " + b +
          "(throw $e)))" + a + "(throw $e)) unreachable)",
  };
}

std::string join_module(u32 count) {
  std::string types;
  for (u32 i = 0; i < count; i++) types += std::string(" ") + kTypes[i % 4];
  std::string text = "(module (tag $e (param" + types + "))";
  for (const char* type : kTypes) {
    text +=
        fmt::format("(func ${0}_id (param {0}) (result {0}) (block (br 0)) (local.get 0))", type);
  }
  const std::string locals =
      "(local $sum i64) (local $i32 i32) (local $i64 i64) (local $f32 f32) (local $f64 f64)"
      "(local.set $i32 (i32.const 1)) (local.set $i64 (i64.const 1))"
      "(local.set $f32 (f32.const 1)) (local.set $f64 (f64.const 1))";
  text += "(func $many (param $way i32) (result" + types + ")" + locals +
          "(if (local.get $way) (then " + make_values(count, 5000, 1) + "(return)))" +
          make_values(count, 1000, 2) + ")";
  u32 index = 0;
  for (const std::string& join : joins(count)) {
    text += fmt::format(
        "(func (export \"{}\") (param $way i32) (result i64){} (i64.const 7) {} {}"
        "(i64.add (local.get $sum)))\n",
        index++, locals, join, add_values(count));
  }
  return text + ")";
}

TEST_P(Calls, ManyValuesAtJoins) {
  for (const u32 count : {1u, 2u, 3u, 4u, 5u, 7u, 8u, 16u, 35u, 36u, 100u, 400u}) {
    World world(GetParam());
    Instance* instance = world.need(join_module(count));
    ASSERT_NE(instance, nullptr) << count;
    for (u32 i = 0; i < joins(count).size(); i++) {
      for (const u64 way : {0, 1}) {
        EXPECT_EQ(world.run(instance, std::to_string(i), {way}),
                  std::to_string(7 + sum_of_values(count, way == 0 ? 1000 : 5000)))
            << count << " values, join " << i << ", way " << way;
      }
    }
  }
}

// -- Every signature against every other ----------------------------------------------------------

constexpr u32 kSignatures = 200;

std::string params_of(u32 signature) {
  std::string text;
  for (u32 i = 0; i < 4; i++, signature /= 4) text += std::string(" ") + kTypes[signature % 4];
  return text;
}

std::string zeros_of(u32 signature) {
  std::string text;
  for (u32 i = 0; i < 4; i++, signature /= 4) {
    text += fmt::format("({}.const 0)", kTypes[signature % 4]);
  }
  return text;
}

// The index as it may come: a local's register, a call's result, a join's, and the lower half of
// something larger.
constexpr const char* kIndices[] = {
    "(local.get $i)", "(call $id (local.get $i))",
    "(if (result i32) (local.get $i) (then (local.get $i)) (else (i32.const 0)))",
    "(i32.wrap_i64 (i64.or (i64.extend_i32_u (local.get $i)) (i64.const 0x7fffffff00000000)))"};

TEST_P(Calls, EverySignatureAgainstEveryOther) {
  World world(GetParam());
  std::string text = "(module (func $id (param i32) (result i32) (block (br 0)) (local.get 0))";
  text += fmt::format("(table $t (export \"table\") {} 1000 funcref) (elem (i32.const 0) func",
                      kSignatures + 1);
  for (u32 i = 0; i < kSignatures; i++) text += fmt::format(" $f{}", i);
  text += ")";
  for (u32 i = 0; i < kSignatures; i++) {
    text += fmt::format(
        "(type $t{0} (func (param{1}) (result i32)))"
        "(func $f{0} (type $t{0}) (i32.const {0}))"
        "(func (export \"{0}\") (param $i i32) (result i32)"
        "(call_indirect (type $t{0}) {2} {3}))",
        i, params_of(i), zeros_of(i), kIndices[i % std::size(kIndices)]);
  }
  text +=
      "(func (export \"grow\") (param i32) (result i32)"
      "(table.grow $t (ref.func $f7) (local.get 0))))";
  Instance* instance = world.need(text);
  ASSERT_NE(instance, nullptr);
  for (u32 type = 0; type < kSignatures; type++) {
    const std::string name = std::to_string(type);
    for (u64 index = 0; index < kSignatures; index++) {
      ASSERT_EQ(world.run(instance, name, {index}),
                index == type ? name : "indirect call type mismatch");
    }
    EXPECT_EQ(world.run(instance, name, {kSignatures}), "uninitialized element");
    for (const u64 beyond : {u64{kSignatures + 1}, u64{0x7fff'ffff}, u64{0xffff'ffff}}) {
      EXPECT_EQ(world.run(instance, name, {beyond}), "undefined element");
    }
  }
  EXPECT_EQ(world.run(instance, "grow", {700}), std::to_string(kSignatures + 1));
  EXPECT_EQ(world.run(instance, "7", {kSignatures + 1}), "7");
  EXPECT_EQ(world.run(instance, "7", {kSignatures + 700}), "7");
  EXPECT_EQ(world.run(instance, "8", {kSignatures + 700}), "indirect call type mismatch");
  EXPECT_EQ(world.run(instance, "7", {kSignatures + 701}), "undefined element");
}

// Type i is below type i - 1 but for every third one, which is a sibling of it.
TEST_P(Calls, SubtypesByTheirDepth) {
  constexpr u32 kTypesCount = 24;
  std::vector<u32> parent(kTypesCount, 0);
  for (u32 i = 1; i < kTypesCount; i++) parent[i] = i % 3 == 2 ? parent[i - 1] : i - 1;
  const auto is_below = [&](u32 sub, u32 super) {
    while (sub != super && sub != 0) sub = parent[sub];
    return sub == super;
  };
  std::string text = "(module (rec (type $t0 (sub (func (result i32))))";
  for (u32 i = 1; i < kTypesCount; i++) {
    text += fmt::format("(type $t{} (sub {} $t{} (func (result i32))))", i,
                        i == kTypesCount - 1 ? "final" : "", parent[i]);
  }
  text += fmt::format(") (table {} funcref) (elem (i32.const 0) func", kTypesCount);
  for (u32 i = 0; i < kTypesCount; i++) text += fmt::format(" $f{}", i);
  text += ")";
  for (u32 i = 0; i < kTypesCount; i++) {
    text += fmt::format(
        "(func $f{0} (type $t{0}) (i32.const {0}))"
        "(func (export \"{0}\") (param i32) (result i32)"
        "(call_indirect (type $t{0}) (local.get 0)))"
        "(func (export \"tail {0}\") (param i32) (result i32)"
        "(return_call_indirect (type $t{0}) (local.get 0)))",
        i);
  }
  World world(GetParam());
  Instance* instance = world.need(text + ")");
  ASSERT_NE(instance, nullptr);
  for (u32 super = 0; super < kTypesCount; super++) {
    for (u64 sub = 0; sub < kTypesCount; sub++) {
      const std::string expected = is_below(static_cast<u32>(sub), super)
                                       ? std::to_string(sub)
                                       : "indirect call type mismatch";
      EXPECT_EQ(world.run(instance, std::to_string(super), {sub}), expected);
      EXPECT_EQ(world.run(instance, "tail " + std::to_string(super), {sub}), expected);
    }
  }
}

// -- The stack's end ------------------------------------------------------------------------------

HostStatus host_sum(Context*, const HostFunction*, u64* args) {
  u64 sum = 0;
  for (u32 i = 0; i < 20; i++) sum += args[i];
  for (u32 i = 0; i < 5; i++) args[i] = sum + i;
  return HostStatus::Done;
}
HostStatus host_waits(Context*, const HostFunction*, u64*) { return HostStatus::Wait; }
HostStatus host_rings(Context* context, const HostFunction*, u64* args) {
  context->run->ring(kRequestYield);
  args[0] = 1;
  return HostStatus::Done;
}

std::string repeat(std::string_view text, u32 times) {
  std::string all;
  for (u32 i = 0; i < times; i++) all += text;
  return all;
}

struct Ending {
  const char* name;
  std::string body;  // Leaves an i64 that is not 0.
};

std::vector<Ending> endings() {
  const std::string drop4 = "(drop) (drop) (drop) (drop)";
  return {
      {"leaf", "(i64.const 1)"},
      {"call", "(call $plain (i64.const 1))"},
      {"arguments", "(call $sum400 " + repeat("(i64.const 1)", 400) + ")"},
      {"results", "(call $give30)" + repeat("(drop)", 29)},
      {"frame", "(call $big)"},
      {"host", "(call $host_sum " + repeat("(i64.const 1)", 20) + ")" + drop4},
      {"wait", "(call $wait (i64.const 1))"},
      {"ring", "(drop (call $ring)) (call $plain (i64.const 1))"},
      {"cross", "(call $other " + repeat("(i64.const 1)", 20) + ")" + drop4},
      {"cross table",
       "(call_indirect (type $wide) " + repeat("(i64.const 1)", 20) + "(i32.const 0))" + drop4},
      {"tail", "(call $tail (i64.const 1))"},
      {"cross tail", "(call $cross_tail)"},
      {"host tail", "(call $host_tail)"},
      {"memory.grow", "(i64.extend_i32_u (memory.grow (i32.const 0)))"},
      {"memory.fill", "(memory.fill (i32.const 0) (i32.const 0) (i32.const 8)) (i64.const 1)"},
      {"memory.copy", "(memory.copy (i32.const 0) (i32.const 8) (i32.const 8)) (i64.const 1)"},
      {"memory.init", "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)) (i64.const 1)"},
      {"store", "(i64.store (i32.const 65528) (i64.const 1)) (i64.load (i32.const 65528))"},
      {"table.grow", "(i64.extend_i32_u (table.grow $t (ref.null func) (i32.const 0)))"},
      {"table.init", "(table.init $t $s (i32.const 1) (i32.const 0) (i32.const 1)) (i64.const 1)"},
      {"ref.func", "(i64.extend_i32_u (i32.eqz (ref.is_null (ref.func $plain))))"},
      {"throw", "(throw $e (i64.const 1))"},
      {"catch", "(call $catches)"},
      {"struct", "(struct.get $box 0 (struct.new $box (i64.const 1)))"},
      {"array", "(i64.extend_i32_u (array.len (array.new_default $bytes (i32.const 9000))))"},
      {"loop", "(call $loops)"},
  };
}

constexpr const char* kOther = R"((module
  (type $wide (func (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
    (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64 i64 i64 i64 i64)))
  (memory 2)
  (func (export "other") (type $wide)
    (local.get 0) (local.get 19) (local.get 10) (local.get 5) (local.get 6))))";

std::string endings_module() {
  std::string text = R"((module
  (type $wide (func (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
    (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64 i64 i64 i64 i64)))
  (type $box (struct (field i64)))
  (type $bytes (array (mut i8)))
  (import "host" "sum" (func $host_sum (type $wide)))
  (import "host" "wait" (func $wait (param i64) (result i64)))
  (import "host" "ring" (func $ring (result i64)))
  (import "other" "other" (func $other (type $wide)))
  (memory 1)
  (data $d "x")
  (tag $e (param i64))
  (table $t 4 funcref)
  (elem (i32.const 0) func $other)
  (elem $s func $plain)
  (func $plain (param i64) (result i64) (block (br 0)) (local.get 0))
  (func $tail (param i64) (result i64) (return_call $sum400 )" +
                     repeat("(local.get 0)", 400) + R"())
  (func $drops (param i64) (result i64) (call $cross_wide) )" +
                     repeat("(drop)", 4) + R"()
  (func $cross_wide (result i64 i64 i64 i64 i64) (return_call $other )" +
                     repeat("(i64.const 1)", 20) + R"())
  (func $cross_tail (result i64) (return_call $drops (i64.const 1)))
  (func $host_wide (result i64 i64 i64 i64 i64) (return_call $host_sum )" +
                     repeat("(i64.const 1)", 20) + R"())
  (func $host_tail (result i64) (call $host_wide) )" +
                     repeat("(drop)", 4) + R"()
  (func $catches (result i64)
    (block $h (result i64) (try_table (catch $e $h) (throw $e (i64.const 1))) (i64.const 0)))
  (func $loops (result i64) (local $i i64)
    (loop (br_if 0 (i64.lt_u (local.tee $i (i64.add (local.get $i) (i64.const 1)))
                             (i64.const 10))))
    (local.get $i))
  (func $big (result i64) (local $i i64) )" +
                     repeat("(local i64 f64)", 100);
  for (u32 i = 1; i <= 200; i += 2) {
    text += fmt::format("(local.set {} (call $plain (i64.const {})))", i, i);
  }
  text += "(local.get 51))";
  text += "(func $sum400 (param" + repeat(" i64", 400) + ") (result i64) (local.get 0)";
  for (u32 i = 1; i < 400; i++) text += fmt::format("(i64.add (local.get {}))", i);
  text += ") (func $give30 (result" + repeat(" i64", 30) + ")" + repeat("(i64.const 3)", 30) + ")";
  u32 index = 0;
  for (const Ending& ending : endings()) {
    text += fmt::format(
        "(func $down_{0} (param $n i64) (result i64)"
        "(if (i64.eqz (local.get $n)) (then {2} (return)))"
        "(i64.add (i64.const 0) (call $down_{0} (i64.sub (local.get $n) (i64.const 1)))))\n"
        "(func (export \"{1}\") (param $n i64) (result i64)"
        "(block $h (result i64) (try_table (result i64) (catch $e $h)"
        "(call $down_{0} (local.get $n)))))\n",
        index++, ending.name, ending.body);
  }
  return text + ")";
}

// Recursion of every depth that the stack holds, which then does something: it works, or the stack
// is full. Below the stack is nothing that could be touched.
TEST_P(Calls, TheStackEndsAnywhere) {
  RunOptions options = GetParam();
  options.stack_bytes_max = options.stack_bytes;
  World world(options);
  const std::vector<ValType> wide(20, kI64);
  world.add_host("sum", host_sum, wide, {kI64, kI64, kI64, kI64, kI64});
  world.add_host("wait", host_waits, {kI64}, {kI64});
  world.add_host("ring", host_rings, {}, {kI64});
  world.process.on_wait = [](TestProcess&, u64*) { return HostStatus::Done; };
  world.named.emplace_back("other", world.need(kOther));
  Instance* instance = world.need(endings_module());
  ASSERT_NE(instance, nullptr);
  for (const Ending& ending : endings()) {
    u32 exhausted = 0;
    u64 depth = 0;
    for (; exhausted < 4 && depth < 5000; depth++) {
      const std::string result = world.run(instance, ending.name, {depth});
      if (result == "call stack exhausted") {
        exhausted++;
      } else {
        EXPECT_NE(result, "0") << ending.name << " at " << depth;
        EXPECT_EQ(result.find_first_not_of("0123456789"), std::string::npos)
            << ending.name << " at " << depth << ": " << result;
        EXPECT_EQ(exhausted, 0u) << ending.name << " at " << depth;
      }
    }
    EXPECT_EQ(exhausted, 4u) << ending.name;
    EXPECT_GT(depth, 50u) << ending.name;
  }
}

TEST_P(Calls, FramesOfAnySize) {
  RunOptions options = GetParam();
  options.stack_bytes_max = 4 * kMiB;
  World world(options);
  std::string text = "(module (func $id (param v128) (result v128) (block (br 0)) (local.get 0))";
  for (const u32 count : {1u, 7u, 8u, 9u, 250u, 49'990u}) {
    // Every local is read after a call, so that each has its place.
    text += fmt::format("(func $f{0} (export \"{0}\") (param $depth i32) (result i64)", count);
    text += "(local" + repeat(" v128", count) + ") (local $sum i64)";
    for (u32 i = 1; i <= count; i++) {
      text += i % 100 == 1 ? fmt::format("(local.set {0} (call $id (v128.const i64x2 {0} 1)))", i)
                           : fmt::format("(local.set {0} (v128.const i64x2 {0} 1))", i);
    }
    text += fmt::format(
        "(if (local.get $depth) (then (local.set $sum"
        "(call $f{} (i32.sub (local.get $depth) (i32.const 1))))))",
        count);
    for (u32 i = 1; i <= count; i++) {
      text += fmt::format(
          "(local.set $sum (i64.add (local.get $sum) (i64x2.extract_lane 0 (local.get {}))))", i);
    }
    text += "(local.get $sum))";
  }
  Instance* instance = world.need(text + ")");
  ASSERT_NE(instance, nullptr);
  for (const u32 count : {1u, 7u, 8u, 9u, 250u, 49'990u}) {
    const u64 sum = u64{count} * (count + 1) / 2;
    const std::string name = std::to_string(count);
    EXPECT_EQ(world.run(instance, name, {0}), std::to_string(sum));
    EXPECT_EQ(world.run(instance, name, {2}), std::to_string(3 * sum));
    EXPECT_EQ(world.run(instance, name, {1'000'000}), "call stack exhausted");
    EXPECT_EQ(world.run(instance, name, {1}), std::to_string(2 * sum));
  }
}

}  // namespace
}  // namespace lr::jit
