// Code that is too long for somebody: for a branch, a call, a jump table or the limits that engines
// agree on. It does what it should, or is refused by name.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "base/executor.h"
#include "frontend/decoder.h"
#include "frontend/instr_reader.h"
#include "jit/engine.h"
#include "jit/test_process.h"
#include "spec-tests/limits/module_builder.h"
#include "spec-tests/side_by_side.h"

namespace lr::limits {
namespace {

using enum ValueCode;
using spec::SideBySide;
using spec::Way;

// A body's size on its own.
BinaryWriter without_locals() {
  BinaryWriter body;
  body.uleb(0);
  return body;
}

void get(BinaryWriter& body, u32 local) {
  body.op(Op::LocalGet);
  body.uleb(local);
}
void set(BinaryWriter& body, u32 local) {
  body.op(Op::LocalSet);
  body.uleb(local);
}
void i32_const(BinaryWriter& body, i64 value) {
  body.op(Op::I32Const);
  body.sleb(value);
}
void block(BinaryWriter& body, Op op) {
  body.op(op);
  body.byte(0x40);
}
void branch(BinaryWriter& body, Op op, u32 label) {
  body.op(op);
  body.uleb(label);
}

// -- Long bodies ----------------------------------------------------------------------------------

// [i32 rounds, i64 value] -> [i64]: a loop whose branches, forward and back, cross a body of so
// many bytes. What it computes needs each of its instructions.
std::vector<u8> long_loop(u32 bytes) {
  constexpr Op kOperators[] = {Op::I64Add, Op::I64Xor, Op::I64Rotl, Op::I64Sub, Op::I64Mul};
  BinaryWriter end;
  get(end, 0);
  i32_const(end, 1);
  end.op(Op::I32Sub);
  set(end, 0);
  branch(end, Op::Br, 1);
  end.op(Op::End);
  end.op(Op::End);
  get(end, 1);
  end.op(Op::End);

  BinaryWriter body = without_locals();
  block(body, Op::Loop);
  block(body, Op::Block);
  get(body, 0);
  body.op(Op::I32Eqz);
  branch(body, Op::BrIf, 0);
  for (u32 i = 0; body.bytes.size() + end.bytes.size() + 16 <= bytes; i++) {
    get(body, 1);
    body.op(Op::I64Const);
    body.sleb(i * 2 + 1);
    body.op(kOperators[i % std::size(kOperators)]);
    set(body, 1);
  }
  while (body.bytes.size() + end.bytes.size() < bytes) body.op(Op::Nop);
  body.append(end.bytes);

  ModuleBuilder module;
  module.add_export(
      "f", module.add_function(module.add_type(std::array{I32, I64}, std::array{I64}), body));
  return module.finish();
}

class CodeSize : public testing::TestWithParam<Way> {};

TEST_P(CodeSize, LongBodiesDoWhatTheyShould) {
  SideBySide engines(GetParam());
  for (const u32 bytes : {40u << 10, 100u << 10, 1u << 20, kBodySizeMax}) {
    if (bytes == kBodySizeMax && GetParam().stride != 1) continue;
    const Status loaded = engines.load(long_loop(bytes));
    ASSERT_TRUE(loaded.ok()) << bytes << ": " << loaded.error().message();
    for (const u64 rounds : {0, 1, 3}) {
      const auto results = engines.invoke("f", std::array<u64, 2>{rounds, 0x123456789});
      EXPECT_TRUE(results.agree()) << bytes << " bytes, " << rounds << " rounds";
      EXPECT_EQ(results.compiled_end, "");
    }
  }
}

TEST(CodeSizeLimit, LongerBodiesAreRefused) {
  for (const u32 bytes : {kBodySizeMax + 1, 16u << 20}) {
    SerialExecutor executor;
    const auto loaded = load_module(long_loop(bytes), FeatureSet::all(), executor);
    ASSERT_FALSE(loaded.ok());
    EXPECT_EQ(loaded.error().code, Err::LimitExceeded);
    EXPECT_EQ(loaded.error().message(), fmt::format("limit exceeded: a body of {} bytes", bytes));
  }
}

// -- Jump tables ----------------------------------------------------------------------------------

// [i32] -> [i32]: `labels` labels that lead to some of 100 blocks, each with a result of its own.
std::vector<u8> wide_table(u32 labels) {
  constexpr u32 kBlocks = 100;
  BinaryWriter body = without_locals();
  for (u32 i = 0; i < kBlocks; i++) block(body, Op::Block);
  get(body, 0);
  body.op(Op::BrTable);
  body.uleb(labels);
  for (u32 i = 0; i < labels; i++) body.uleb(i * 7 % (kBlocks - 1));
  body.uleb(kBlocks - 1);
  for (u32 i = 0; i < kBlocks; i++) {
    body.op(Op::End);
    i32_const(body, 1000 + i);
    body.op(i + 1 == kBlocks ? Op::End : Op::Return);
  }
  ModuleBuilder module;
  module.add_export("f",
                    module.add_function(module.add_type(std::array{I32}, std::array{I32}), body));
  return module.finish();
}

TEST_P(CodeSize, WideBranchTables) {
  SideBySide engines(GetParam());
  const Status loaded = engines.load(wide_table(kBrTableMax));
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  for (const u64 index :
       {u64{0}, u64{1}, u64{99}, u64{32'767}, u64{32'768}, u64{kBrTableMax} - 1, u64{kBrTableMax},
        u64{65'536}, u64{0x7fff'ffff}, u64{0x8000'0000}, u64{0xffff'ffff}}) {
    const auto results = engines.invoke("f", std::array<u64, 1>{index});
    EXPECT_TRUE(results.agree()) << index;
    EXPECT_EQ(results.compiled[0], index < kBrTableMax ? 1000 + index * 7 % 99 : 1099) << index;
  }
}

TEST(CodeSizeLimit, WiderBranchTablesAreRefused) {
  SerialExecutor executor;
  const auto loaded = load_module(wide_table(kBrTableMax + 1), FeatureSet::all(), executor);
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().message(), "limit exceeded: br_table of 65521 labels");
}

INSTANTIATE_TEST_SUITE_P(Ways, CodeSize,
                         testing::Values(Way{"usual"},
                                         Way{.name = "dense_v2",
                                             .stride = 2,
                                             .memory_class = jit::MemoryClass::Dense,
                                             .cpu = "v2"},
                                         Way{.name = "no_homes", .stride = 2, .no_homes = true},
                                         Way{.name = "spilled", .stride = 2, .spill_all = true}),
                         [](const auto& way) { return std::string(way.param.name); });

// -- Much code ------------------------------------------------------------------------------------

// Functions of a few MiB of machine code each, which call one another:
//
//   hub: [i32] -> [i32]     calls the big function of that number
//   big: [i32] -> [i32]     calls `small` and adds its own number
//
// Whatever the order in which they are placed, some calls go nearly from end to end.
struct ManyBig {
  static constexpr u32 kSmall = 0, kHub = 1, kFirst = 2;
  static constexpr u32 kUnits = 90'000;  // Of a big function.
  u32 count;

  std::vector<u8> bytes() const {
    ModuleBuilder module;
    const u32 type = module.add_type(std::array{I32}, std::array{I32});
    add_small(module, type);
    add_hub(module, type);
    for (u32 i = 0; i < count; i++) add_big(module, type, i);
    module.add_export("hub", kHub);
    return module.finish();
  }

 private:
  static void add_small(ModuleBuilder& module, u32 type) {
    BinaryWriter body = without_locals();
    // A loop, so that it is not compiled in place of a call.
    block(body, Op::Loop);
    get(body, 0);
    i32_const(body, 1);
    body.op(Op::I32Add);
    body.op(Op::LocalTee);
    body.uleb(0);
    i32_const(body, 1000);
    body.op(Op::I32LtU);
    branch(body, Op::BrIf, 0);
    body.op(Op::End);
    get(body, 0);
    body.op(Op::End);
    module.add_function(type, body);
  }

  void add_hub(ModuleBuilder& module, u32 type) const {
    BinaryWriter body = without_locals();
    for (u32 i = 0; i < count; i++) {
      get(body, 0);
      i32_const(body, i);
      body.op(Op::I32Eq);
      block(body, Op::If);
      get(body, 0);
      body.op(Op::Call);
      body.uleb(kFirst + i);
      body.op(Op::Return);
      body.op(Op::End);
    }
    i32_const(body, -1);
    body.op(Op::End);
    module.add_function(type, body);
  }

  static void add_big(ModuleBuilder& module, u32 type, u32 number) {
    BinaryWriter body;
    body.uleb(1);
    body.uleb(1);
    body.byte(static_cast<u32>(F64));
    // Not taken: what makes the function big.
    get(body, 0);
    i32_const(body, 1'000'000);
    body.op(Op::I32Eq);
    block(body, Op::If);
    for (u32 i = 0; i < kUnits; i++) {
      get(body, 1);
      body.op(Op::I64TruncF64U);
      body.op(Op::F64ConvertI64U);
      set(body, 1);
    }
    body.op(Op::End);
    get(body, 0);
    body.op(Op::Call);
    body.uleb(kSmall);
    i32_const(body, number);
    body.op(Op::I32Add);
    body.op(Op::End);
    module.add_function(type, body);
  }
};

TEST(MuchCode, CallsReachAcrossMoreThan128MiB) {
  const ManyBig many{20};
  auto engine = jit::Engine::create();
  ASSERT_TRUE(engine.ok());
  SerialExecutor executor;
  auto module = (*engine)->load(many.bytes(), "big", executor);
  ASSERT_TRUE(module.ok()) << module.error().message();
  jit::TestProcess process;
  jit::ProcessStore store(**engine, process.run);
  auto instance = store.instantiate(*module, {});
  ASSERT_TRUE(instance.ok()) << instance.error().message();
  const Status compiled = (*instance)->code().compile_all(executor);
  ASSERT_TRUE(compiled.ok()) << compiled.error().message();
  const u64 code_bytes = (*instance)->code().stats().code_bytes;
  EXPECT_GT(code_bytes, u64{128} << 20);
  EXPECT_LT(code_bytes, u64{256} << 20);
  const auto hub = (*instance)->find_export("hub");
  for (u32 i = 0; i < many.count; i++) {
    u64 values[1] = {i};
    EXPECT_FALSE(process.call(store, hub->func, values));
    EXPECT_EQ(static_cast<u32>(values[0]), 1000 + i);
  }
}

}  // namespace
}  // namespace lr::limits
