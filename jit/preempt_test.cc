#include "jit/preempt.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "frontend/decoder.h"
#include "frontend/validator.h"
#include "jit/masm/masm.h"
#include "jit/test_world.h"

extern "C" const lr::u8 lr_test_keep_all[];
extern "C" const lr::u8 lr_test_keep_all_end[];

namespace lr::jit {
namespace {

constexpr const char* kCount = R"((module
  (func (export "count") (param $n i32) (result i32) (local $i i32)
    (loop $again
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))
  (func (export "forever") (loop $again (br $again)))))";

// -- Every kind -----------------------------------------------------------------------------------

class EveryKind : public testing::TestWithParam<RunOptions> {};
INSTANTIATE_TEST_SUITE_P(Jit, EveryKind, testing::ValuesIn(yielding_options()), name_of_options);

TEST_P(EveryKind, InterruptsALoop) {
  if (GetParam().preempt == Preempt::Signal && !kSignalsArrive) GTEST_SKIP();
  World world(GetParam());
  Instance* instance = world.need(kCount);
  ASSERT_NE(instance, nullptr);
  const bool by_signal = GetParam().preempt == Preempt::Signal;
  while (world.process.yields < 100) {
    ASSERT_EQ(world.run(instance, "count", {1000}), "1000");
    // Counted loops are not checked in each iteration.
    EXPECT_TRUE(by_signal || world.process.yields > 0);
  }
}

TEST(Preempt, NamesAreReadAsTheyAreWritten) {
  for (const Preempt preempt : kPreempts) EXPECT_EQ(parse_preempt(name_of(preempt)), preempt);
  EXPECT_EQ(parse_preempt("never"), std::nullopt);
}

// -- Epochs ---------------------------------------------------------------------------------------

TEST(Preempt, TheEndOfAnEpochEndsSlicesByItself) {
  World world({.preempt = Preempt::Epoch});
  Instance* instance = world.need(kCount);
  ASSERT_NE(instance, nullptr);
  EXPECT_EQ(world.run(instance, "count", {1000}), "1000");
  EXPECT_EQ(world.process.yields, 0u);
  // The slice began when the doorbell last changed.
  epoch_counter().fetch_add(kEpochsPerSlice - 1);
  world.process.on_wait = nullptr;
  std::atomic<bool> done{false};
  std::thread clock([&] {
    while (!done.load()) epoch_counter().fetch_add(1);
  });
  while (world.process.yields < 10) EXPECT_EQ(world.run(instance, "count", {100'000}), "100000");
  done = true;
  clock.join();
}

// -- Signals --------------------------------------------------------------------------------------

TEST(Preempt, ASignalKeepsEveryRegisterAndTheFlags) {
  const usize bytes = static_cast<usize>(lr_test_keep_all_end - lr_test_keep_all);
  if (bytes == 0) GTEST_SKIP() << "no such function for this machine";
  if (!kSignalsArrive) GTEST_SKIP() << "signals are kept back";
  World world({.preempt = Preempt::Signal, .yields_always = true});
  Instance* instance =
      world.need("(module (func (export \"keep\") (param i32) (result i64) unreachable))");
  ASSERT_NE(instance, nullptr);
  const auto masm = make_host_masm(world.engine().options().cpu);
  CompiledFunction function;
  function.code = {lr_test_keep_all, bytes};
  ASSERT_TRUE(instance->code().install(0, *masm, function).ok());
  while (world.process.yields < 200) ASSERT_EQ(world.run(instance, "keep", {1000}), "0");
}

struct AllDirect final : CallTargets {
  bool is_direct(u32) const override { return true; }
  bool may_inline(u32) const override { return true; }
};

std::vector<u8> code_of(const Module& module, u32 index, Preempt preempt) {
  const auto masm = make_host_masm(detect_cpu());
  const auto compiler = make_compiler(*masm);
  FuncFacts facts;
  ValidatorScratch scratch;
  CompiledFunction out;
  CHECK(validate_function(module, index, &facts, scratch).ok());
  CHECK(compile_function(*compiler, module, ContextLayout(module), index, facts,
                         {.preempt = preempt}, AllDirect(), out)
            .ok());
  return {out.code.begin(), out.code.end()};
}

TEST(Preempt, CodeUnderSignalIsThatUnderNone) {
  u32 functions = 0;
  u32 others = 0;
  for (const auto& entry : std::filesystem::directory_iterator(LR_SOURCE_DIR "/jit/testdata")) {
    if (entry.path().extension() != ".wat") continue;
    std::ifstream in(entry.path());
    std::stringstream text;
    text << in.rdbuf();
    auto module = decode_module(parse_wat(text.str()).value(), FeatureSet::defaults());
    ASSERT_TRUE(module.ok()) << entry.path();
    const Module& m = *module.value();
    for (u32 i = m.imported_functions; i < m.functions.size(); i++) {
      const std::vector<u8> none = code_of(m, i, Preempt::None);
      EXPECT_EQ(none, code_of(m, i, Preempt::Signal)) << entry.path() << " function " << i;
      functions++;
      others += none != code_of(m, i, Preempt::Flag);
    }
  }
  EXPECT_GT(functions, 50u);
  EXPECT_GT(others, 3u);  // Those with loops.
}

// -- Fuel -----------------------------------------------------------------------------------------

#define DROP8                                                            \
  "i32.const 1 drop i32.const 1 drop i32.const 1 drop i32.const 1 drop " \
  "i32.const 1 drop i32.const 1 drop i32.const 1 drop i32.const 1 drop "
#define DROPS DROP8 DROP8 DROP8

struct FuelCase {
  const char* name;
  const char* body;
  u64 argument;
  u64 units;
};

class Fuel : public testing::TestWithParam<FuelCase> {};

TEST_P(Fuel, EveryInstructionCostsAUnit) {
  World world({.preempt = Preempt::Fuel});
  Instance* instance = world.need(fmt::format(
      R"((module (memory 1)
        (func $small (param i32) (result i32) (i32.mul (local.get 0) (local.get 0)))
        (func $large (param i32) (result i32) (local i32)
          (loop $l (local.set 1 (i32.add (local.get 1) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get 1) (local.get 0)))) (local.get 1))
        (func (export "f") (param $n i32) (local $i i32) {})))",
      GetParam().body));
  ASSERT_NE(instance, nullptr);
  const u64 before = world.store.fuel_used();
  world.run(instance, "f", {GetParam().argument});
  EXPECT_EQ(world.store.fuel_used() - before, GetParam().units);
  // And again, wherever a slice ends.
  for (u32 i = 1; i <= 100; i++) {
    world.run(instance, "f", {GetParam().argument});
    ASSERT_EQ(world.store.fuel_used() - before, GetParam().units * (i + 1));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Jit, Fuel,
    testing::Values(FuelCase{"Nothing", "", 0, 0},
                    FuelCase{"Straight", "(drop (i32.const 1)) nop", 0, 1},
                    // A short arm is paid for whether it runs or not, a long one only when it runs.
                    FuelCase{"Taken", "(if (local.get $n) (then " DROPS "))", 1, 2 + 24},
                    FuelCase{"NotTaken", "(if (local.get $n) (then " DROPS "))", 0, 2},
                    FuelCase{"Inlined", "(drop (call $small (local.get $n)))", 3, 5},
                    // Ten rounds of eight, and a unit at the end.
                    FuelCase{"Called", "(drop (call $large (local.get $n)))", 10, 2 + 10 * 8 + 1},
                    FuelCase{"Loop",
                             "(loop $l (local.set $i (i32.add (local.get $i) (i32.const 1)))"
                             " (if (i32.and (local.get $i) (i32.const 1)) (then " DROPS "))"
                             " (br_if $l (i32.lt_u (local.get $i) (local.get $n))))",
                             1000, 1000 * 12 + 500 * 24},
                    FuelCase{
                        "Switch",
                        "(block $a (block $b (block $c (br_table $c $b $a (local.get $n)))" DROPS
                        "(br $a))" DROPS ")" DROPS,
                        1, 2 + 24 + 24}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(FuelLimit, EndsAnEndlessLoopAndNothingRunsAfterwards) {
  for (const Preempt preempt : {Preempt::Flag, Preempt::None, Preempt::Signal}) {
    // Whatever the others have: a limit asks for code that counts.
    World world({.preempt = preempt, .fuel_max = fuel_of_slices(3)});
    Instance* instance = world.need(kCount);
    ASSERT_NE(instance, nullptr);
    EXPECT_EQ(world.run(instance, "count", {1000}), "1000");
    EXPECT_EQ(world.store.fuel_used(), 8001u);
    EXPECT_EQ(world.run(instance, "forever"), "all fuel consumed");
    EXPECT_NE(world.process.backtrace_text.find("   0: test!"), std::string::npos);
    EXPECT_GT(world.store.fuel_used(), 3 * kFuelSlice);
    EXPECT_LE(world.store.fuel_used(), 3 * kFuelSlice + 10);
    EXPECT_EQ(world.process.yields, 3u);  // The first slice is empty.
    EXPECT_EQ(world.run(instance, "count", {1}), "all fuel consumed");
  }
}

TEST(FuelLimit, RecursionIsCharged) {
  World world({.fuel_max = fuel_of_slices(1), .stack_bytes_max = 64 * kMiB});
  Instance* instance = world.need(R"((module (func $f (export "f") (param i64) (result i64)
    (if (result i64) (i64.eqz (local.get 0)) (then (i64.const 0))
      (else (i64.add (call $f (i64.sub (local.get 0) (i64.const 1))) (i64.const 1)))))))");
  ASSERT_NE(instance, nullptr);
  // Three units, the short arm's one, and six of the other; at the end only the first ones.
  EXPECT_EQ(world.run(instance, "f", {5'000}), "5000");
  EXPECT_EQ(world.store.fuel_used(), 5'000u * 10 + 4);
  EXPECT_EQ(world.run(instance, "f", {5'000}), "all fuel consumed");
}

TEST(FuelLimit, WhatIsLeftTravelsBetweenInstances) {
  World world({.preempt = Preempt::Fuel});
  Instance* inner = world.need(kCount);
  ASSERT_NE(inner, nullptr);
  world.named.emplace_back("inner", inner);
  Instance* outer = world.need(R"((module
    (import "inner" "count" (func $count (param i32) (result i32)))
    (func (export "twice") (param $n i32) (result i32)
      (i32.add (call $count (local.get $n)) (call $count (local.get $n))))
    (func (export "fail") (param $n i32)
      (drop (call $count (local.get $n))) unreachable)))");
  ASSERT_NE(outer, nullptr);
  EXPECT_EQ(world.run(outer, "twice", {10}), "20");
  EXPECT_EQ(world.store.fuel_used(), 5u + 2 * 81);
  // A trap, too, leaves the account as it is.
  EXPECT_EQ(world.run(outer, "fail", {100}), "unreachable");
  EXPECT_EQ(world.store.fuel_used(), 5u + 2 * 81 + 2 + 801);
  EXPECT_EQ(world.run(inner, "count", {1}), "1");
  EXPECT_EQ(world.store.fuel_used(), 5u + 2 * 81 + 2 + 801 + 9);
}

}  // namespace
}  // namespace lr::jit
