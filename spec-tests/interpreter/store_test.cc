// What the official suite does not say: limits, fuel, nothing that recurses on the guest.
#include "spec-tests/interpreter/store.h"

#include <gtest/gtest.h>

#include "base/executor.h"
#include "frontend/decoder.h"
#include "frontend/wat_parser.h"

namespace lr::interp {
namespace {

using Kind = Outcome::Kind;

std::shared_ptr<const Module> load(std::string_view text) {
  Result<std::vector<u8>> bytes = parse_wat(text);
  EXPECT_TRUE(bytes.ok()) << (bytes.ok() ? "" : bytes.error().message());
  SerialExecutor executor;
  auto module = load_module(std::move(*bytes), FeatureSet::all(), executor);
  EXPECT_TRUE(module.ok()) << (module.ok() ? "" : module.error().message());
  return *module;
}

// A module that imports nothing, and its function "run" of one i32 or none.
struct Guest {
  explicit Guest(std::string_view text, const StoreOptions& options = {}) : store(options) {
    const auto made = store.instantiate(load(text), {});
    EXPECT_TRUE(made.ok());
    instance = made.value().instance;
    started = made.value().outcome;
  }

  Outcome run(std::optional<u32> arg = {}) {
    const auto func = instance->find_export("run");
    EXPECT_TRUE(func.has_value());
    std::vector<Value> args;
    if (arg) args.push_back(Value::of(*arg));
    return store.invoke(*func->func, args, results);
  }

  Store store;
  ModuleInst* instance = nullptr;
  Outcome started;
  std::vector<Value> results;
};

TEST(Store, LoopWithoutEndUsesUpItsFuel) {
  Guest guest("(module (func (export \"run\") (loop (br 0))))", {.fuel = 1000});
  EXPECT_EQ(guest.run().kind, Kind::OutOfFuel);
  EXPECT_EQ(guest.store.fuel(), 0u);
  guest.store.set_fuel(10);
  EXPECT_EQ(guest.run().kind, Kind::OutOfFuel);
}

TEST(Store, BulkOperationsCostByTheirSize) {
  Guest guest(
      "(module (memory 64) (func (export \"run\")"
      " (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x400000))))",
      {.fuel = 10'000});
  EXPECT_EQ(guest.run().kind, Kind::OutOfFuel);
}

TEST(Store, WaitThatNobodyCouldEndIsToldAsSuch) {
  Guest guest(
      "(module (memory 1 1 shared) (func (export \"run\") (param i32) (result i32)"
      " (memory.atomic.wait32 (i32.const 0) (local.get 0) (i64.const -1))))");
  EXPECT_EQ(guest.run(0).kind, Kind::OutOfFuel);
  EXPECT_TRUE(guest.run(1).returned());
  EXPECT_EQ(guest.results[0].as<u32>(), 1u);
}

TEST(Store, RecursionEndsInTheCallStack) {
  Guest guest("(module (func $f (export \"run\") (call $f)))");
  const Outcome outcome = guest.run();
  EXPECT_EQ(outcome.kind, Kind::Trapped);
  EXPECT_EQ(outcome.trap, Trap::StackExhausted);
}

TEST(Store, LocalsAndLabelsAreBounded) {
  Guest locals("(module (func $f (export \"run\") (local v128 v128 v128) (call $f)))",
               {.calls_max = 1'000'000, .values_max = 1000});
  EXPECT_EQ(locals.run().trap, Trap::StackExhausted);
  Guest labels("(module (func $f (export \"run\") (block (block (block (call $f))))))",
               {.calls_max = 1'000'000, .values_max = 1000});
  EXPECT_EQ(labels.run().trap, Trap::StackExhausted);
}

TEST(Store, TailCallsTakeNoRoom) {
  Guest guest(
      "(module (func $f (export \"run\") (param i32) (result i32)"
      " (if (i32.eqz (local.get 0)) (then (return (i32.const 7))))"
      " (return_call $f (i32.sub (local.get 0) (i32.const 1)))))",
      {.calls_max = 1, .values_max = 16});
  ASSERT_TRUE(guest.run(100'000).returned());
  EXPECT_EQ(guest.results[0].as<u32>(), 7u);
}

TEST(Store, DeepBlocksAreNoRecursion) {
  std::string text = "(module (func (export \"run\") (param i32) (result i32) ";
  constexpr int kDepth = 20'000;
  for (int i = 0; i < kDepth; i++) text += "block ";
  text += "local.get 0 br_if 19000 unreachable ";
  for (int i = 0; i < kDepth; i++) text += "end ";
  Guest guest(text + "i32.const 3))");
  EXPECT_EQ(guest.run(0).trap, Trap::Unreachable);
  ASSERT_TRUE(guest.run(1).returned());
  EXPECT_EQ(guest.results[0].as<u32>(), 3u);
}

TEST(Store, ExceptionsLeaveManyFrames) {
  Guest guest(
      "(module (tag $e (param i32 v128))"
      " (func $deep (param i32)"
      "  (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1)))))"
      "  (throw $e (i32.const 42) (v128.const i64x2 1 2)))"
      " (func (export \"run\") (param i32) (result i32)"
      "  (block (result i32 v128) (try_table (catch $e 0) (call $deep (local.get 0))) unreachable)"
      "  drop))");
  ASSERT_TRUE(guest.run(10'000).returned());
  EXPECT_EQ(guest.results[0].as<u32>(), 42u);
}

TEST(Store, UncaughtExceptionIsAnOutcome) {
  Guest guest("(module (tag $e (param i32)) (func (export \"run\") (throw $e (i32.const 5))))");
  const Outcome outcome = guest.run();
  ASSERT_EQ(outcome.kind, Kind::Thrown);
  EXPECT_EQ(outcome.exception->tag, guest.instance->tags[0]);
  EXPECT_EQ(outcome.exception->values()[0].as<u32>(), 5u);
}

TEST(Store, AbsurdSizesAreRefused) {
  for (const char* text : {"(module (memory 65536))", "(module (memory i64 0x1000000000000))",
                           "(module (table 4000000000 funcref))"}) {
    Store store({.memory_bytes_max = kGiB});
    const auto made = store.instantiate(load(text), {});
    ASSERT_FALSE(made.ok()) << text;
    EXPECT_EQ(made.error().code, Err::LimitExceeded) << text;
  }
}

TEST(Store, HeapIsBounded) {
  Guest guest(
      "(module (type $a (array i64)) (func (export \"run\") (param i32)"
      " (drop (array.new_default $a (local.get 0)))))",
      {.heap_bytes_max = kMiB});
  EXPECT_TRUE(guest.run(1000).returned());
  EXPECT_EQ(guest.run(0xffff'ffff).trap, Trap::OutOfMemory);
}

TEST(Store, WhatAFailedInstantiationDidStays) {
  Store store;
  const auto first =
      store.instantiate(load("(module (memory (export \"m\") 1) (table (export \"t\") 1 funcref)"
                             " (func (export \"run\")))"),
                        {});
  ASSERT_TRUE(first.ok());
  const Extern imports[] = {*first.value().instance->find_export("m"),
                            *first.value().instance->find_export("t")};
  const auto second = store.instantiate(
      load("(module (import \"a\" \"m\" (memory 1)) (import \"a\" \"t\" (table 1 funcref))"
           " (func $f) (elem (i32.const 0) $f)"
           " (data (i32.const 1) \"x\") (data (i32.const 65536) \"y\"))"),
      imports);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second.value().outcome.trap, Trap::MemoryOutOfBounds);
  EXPECT_EQ(imports[0].memory->data()[1], 'x');
  EXPECT_NE(imports[1].table->elements[0], kNull);
}

TEST(Store, HostFunctionsGetArgumentsAndMayTrap) {
  TypeRefs types;
  const ValType words[] = {kI64, kI64};
  Store store;
  HostFunction swap;
  swap.type = TypeRegistry::enter_function(words, words, types).value();
  swap.body = [](void*, std::span<const Value> args, std::span<Value> results) {
    if (args[0].as<u64>() == 0) return Trap::Unreachable;
    results[0] = args[1];
    results[1] = args[0];
    return Trap::None;
  };
  Extern import;
  import.kind = ExternKind::Func;
  import.func = store.add_func(swap);
  const auto made = store.instantiate(
      load("(module (import \"h\" \"swap\" (func $swap (param i64 i64) (result i64 i64)))"
           " (func (export \"run\") (param i64 i64) (result i64 i64)"
           "  (return_call $swap (local.get 0) (local.get 1))))"),
      {&import, 1});
  ASSERT_TRUE(made.ok());
  FuncInst& run = *made.value().instance->find_export("run")->func;
  std::vector<Value> results;
  const Value args[] = {Value::of(u64{1}), Value::of(u64{2})};
  ASSERT_TRUE(store.invoke(run, args, results).returned());
  EXPECT_EQ(results[0].as<u64>(), 2u);
  EXPECT_EQ(results[1].as<u64>(), 1u);
  const Value zeros[] = {Value::of(u64{0}), Value::of(u64{0})};
  EXPECT_EQ(store.invoke(run, zeros, results).trap, Trap::Unreachable);
}

}  // namespace
}  // namespace lr::interp
