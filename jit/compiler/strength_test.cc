// Multiplication and division by a constant against the same instruction with a variable, in one
// module: every operator, divisors and dividends at all edges.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "frontend/wat_parser.h"
#include "jit/engine.h"
#include "jit/test_process.h"

namespace lr::jit {
namespace {

std::vector<u64> edges(u32 width) {
  std::vector<u64> values;
  const auto add_around = [&](u64 value) {
    for (const u64 v : {value - 1, value, value + 1}) values.push_back(width == 32 ? u32(v) : v);
  };
  for (u32 bit = 0; bit < width; bit++) {
    add_around(u64{1} << bit);
    add_around(u64{0} - (u64{1} << bit));
  }
  for (const u64 v :
       {0,   3,   5,   6,   7,    9,    10,    11,    12,    25,     60,      100,
        125, 255, 625, 641, 1000, 3600, 10000, 65537, 86400, 100000, 1000000, 1000000007}) {
    add_around(v);
    values.push_back(width == 32 ? u32(0 - v) : 0 - v);
  }
  return values;
}

// Functions "c" (constant) and "v" (variable) of one operator and one constant.
std::string module_text(const char* op, u32 width, u64 constant) {
  const i64 shown = width == 32 ? static_cast<i32>(constant) : static_cast<i64>(constant);
  return fmt::format(
      R"((module (func (export "c") (param i{0}) (result i{0})
    (i{0}.{1} (local.get 0) (i{0}.const {2})))
  (func (export "v") (param i{0} i{0}) (result i{0}) (i{0}.{1} (local.get 0) (local.get 1)))))",
      width, op, shown);
}

struct StrengthCase {
  const char* op;
  u32 width;
};

class Strength : public testing::TestWithParam<StrengthCase> {};

TEST_P(Strength, ConstantIsLikeVariable) {
  const auto [op, width] = GetParam();
  const std::vector<u64> values = edges(width);
  auto engine = Engine::create();
  ASSERT_TRUE(engine.ok());
  TestProcess process;
  ProcessStore store(*engine.value(), process.run);
  SerialExecutor executor;
  for (const u64 constant : values) {
    auto module =
        engine.value()->load(parse_wat(module_text(op, width, constant)).value(), "test", executor);
    ASSERT_TRUE(module.ok());
    auto instance = store.instantiate(module.value(), {});
    ASSERT_TRUE(instance.ok());
    FuncRef* const by_constant = instance.value()->find_export("c")->func;
    FuncRef* const by_variable = instance.value()->find_export("v")->func;
    for (const u64 value : values) {
      u64 a[2] = {value, 0};
      u64 b[2] = {value, constant};
      const auto trap_a = process.call(store, by_constant, a);
      const auto trap_b = process.call(store, by_variable, b);
      ASSERT_EQ(trap_a, trap_b) << op << ' ' << value << ' ' << constant;
      if (!trap_a) {
        ASSERT_EQ(a[0], b[0]) << op << ' ' << value << ' ' << constant;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Operators, Strength,
                         testing::Values(StrengthCase{"mul", 32}, StrengthCase{"div_u", 32},
                                         StrengthCase{"div_s", 32}, StrengthCase{"rem_u", 32},
                                         StrengthCase{"rem_s", 32}, StrengthCase{"mul", 64},
                                         StrengthCase{"div_u", 64}, StrengthCase{"div_s", 64},
                                         StrengthCase{"rem_u", 64}, StrengthCase{"rem_s", 64}),
                         [](const auto& param) {
                           return fmt::format("{}_{}", param.param.op, param.param.width);
                         });

}  // namespace
}  // namespace lr::jit
