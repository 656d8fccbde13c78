// More of everything than 16 bits count: locals and operands of one function, and each index space
// of a module. Compiled and interpreted.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "spec-tests/side_by_side.h"

namespace lr::limits {
namespace {

using spec::SideBySide;
using spec::Way;

constexpr u32 kMany = 66'000;
// Around every border of 16 bits.
constexpr u32 kPlaces[] = {0, 1, 32'767, 32'768, 65'535, 65'536, 65'537, kMany - 1};

class Counts : public testing::TestWithParam<Way> {
 protected:
  void load(const std::string& text) {
    const Status loaded = engines_.load(text);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  }
  void agree(const std::string& name, std::span<const u64> args, std::string_view end = "") {
    const auto results = engines_.invoke(name, args);
    EXPECT_EQ(results.compiled_end, end) << name;
    EXPECT_EQ(results.reference_end, end) << name;
    EXPECT_EQ(results.compiled, results.reference) << name;
  }

  SideBySide engines_{GetParam()};
};

// -- Locals and operands --------------------------------------------------------------------------

// [i64] -> [i64]: writes `locals` locals, calls, then has one operand made of each of the last
// `operands` on the stack at once, calls again, and folds them.
std::string many_locals(u32 locals, u32 operands, bool vectors) {
  const char* const type = vectors ? "v128" : "i64";
  std::string text = "(module (func $call (export \"call\") (call $nothing)) (func $nothing)\n";
  text += "(func (export \"f\") (param i64) (result i64) (local";
  for (u32 i = 1; i < locals; i++) fmt::format_to(std::back_inserter(text), " {}", type);
  text += ")\n";
  for (u32 i = 1; i < locals; i++) {
    fmt::format_to(std::back_inserter(text), "(local.set {} ", i);
    if (vectors) text += "(i64x2.splat ";
    fmt::format_to(std::back_inserter(text), "(i64.mul (local.get 0) (i64.const {})))", i * 2 + 1);
    text += vectors ? ")\n" : "\n";
  }
  text += "(call $call)\n";
  for (u32 i = locals - operands; i < locals; i++) {
    fmt::format_to(std::back_inserter(text), "(local.get {}) (local.get {}) {}\n", i, i - 1,
                   vectors ? "i64x2.add" : "i64.add");
  }
  text += "(call $call)\n";
  for (u32 i = 1; i < operands; i++) {
    text += vectors ? "i64x2.sub\n" : i % 2 == 0 ? "i64.xor\n" : "i64.sub\n";
  }
  return text + (vectors ? "i64x2.extract_lane 1))" : "))");
}

TEST_P(Counts, LocalsAndOperands) {
  ASSERT_NO_FATAL_FAILURE(load(many_locals(50'000, 20'000, false)));
  agree("f", std::array<u64, 1>{0x1234'5678'9abc'def1});
  agree("f", std::array<u64, 1>{~u64{0}});
}

TEST_P(Counts, VectorLocalsAndOperands) {
  ASSERT_NO_FATAL_FAILURE(load(many_locals(50'000, 20'000, true)));
  agree("f", std::array<u64, 1>{0x1234'5678'9abc'def1});
}

// -- Functions and types --------------------------------------------------------------------------

// A signature for each number: its digits, base 4, as parameters.
std::string params_of(u32 number) {
  constexpr const char* kTypes[] = {"i32", "i64", "f32", "f64"};
  std::string text;
  for (u32 digits = 0; digits < 9; digits++, number /= 4)
    text += fmt::format(" {}", kTypes[number % 4]);
  return text;
}
std::string zeros_for(u32 number) {
  constexpr const char* kZeros[] = {"(i32.const 0)", "(i64.const 0)", "(f32.const 0)",
                                    "(f64.const 0)"};
  std::string text;
  for (u32 digits = 0; digits < 9; digits++, number /= 4) text += kZeros[number % 4];
  return text;
}

TEST_P(Counts, FunctionsAndTypes) {
  std::string text = "(module\n";
  for (u32 i = 0; i < kMany; i++) {
    fmt::format_to(std::back_inserter(text), "(type (func (param{}) (result i32)))", params_of(i));
  }
  for (u32 i = 0; i < kMany; i++) {
    fmt::format_to(std::back_inserter(text), "(func (type {}) (i32.const {}))\n", i, i * 3 + 1);
  }
  fmt::format_to(std::back_inserter(text), "(table {} funcref) (elem (i32.const 0) func", kMany);
  for (u32 i = 0; i < kMany; i++) fmt::format_to(std::back_inserter(text), " {}", i);
  text += ")\n";
  for (const u32 i : kPlaces) {
    text +=
        fmt::format("(func (export \"call{}\") (result i32) (call {} {}))\n", i, i, zeros_for(i));
    text += fmt::format(
        "(func (export \"indirect{}\") (param i32) (result i32)"
        " (call_indirect (type {}) {} (local.get 0)))\n",
        i, i, zeros_for(i));
  }
  ASSERT_NO_FATAL_FAILURE(load(text + ")"));
  for (const u32 i : kPlaces) {
    agree(fmt::format("call{}", i), {});
    for (const u32 k : kPlaces) {
      agree(fmt::format("indirect{}", i), std::array<u64, 1>{k},
            i == k ? "" : "indirect call type mismatch");
    }
    agree(fmt::format("indirect{}", i), std::array<u64, 1>{kMany}, "undefined element");
  }
}

// -- The other index spaces -----------------------------------------------------------------------

std::string repeat(std::string_view text) {
  std::string all;
  for (u32 i = 0; i < kMany; i++) {
    fmt::format_to(std::back_inserter(all), fmt::runtime(text), fmt::arg("i", i));
    all += '\n';
  }
  return all;
}

struct Space {
  const char* name;
  const char* entry;  // With its number as {i}.
  const char* use;    // [i32] -> [i32], of number {i}.
  const char* extra = "";
};
constexpr Space kSpaces[] = {
    {"globals", "(global (mut i32) (i32.const {i}))",
     "(i32.add (global.get {i}) (global.set {i} (local.get 0)) (global.get {i}))"},
    {"tables", "(table 2 funcref)",
     "(drop (table.grow {i} (ref.func $f) (i32.const 3)))"
     " (i32.add (ref.is_null (table.get {i} (i32.const 2))) (table.size {i}))",
     "(func $f) (elem declare func $f)"},
    {"tags", "(tag (param i32))",
     "(block $caught (result i32)"
     " (try_table (catch {i} $caught) (throw {i} (local.get 0))) (unreachable))"},
    {"data", "(data \"{i}.....\")",
     "(memory.init {i} (i32.const 0) (i32.const 0) (i32.const 5)) (data.drop {i})"
     " (i32.load (i32.const 0))",
     "(memory 1)"},
    {"elements", "(elem func $f $g)",
     "(table.init $t {i} (i32.const 0) (i32.const 0) (i32.const 2)) (elem.drop {i})"
     " (call_indirect $t (result i32) (i32.const 1))",
     "(table $t 3 funcref) (func $f) (func $g (result i32) (i32.const 77))"},
    {"exports", "(export \"e{i}\" (func $f))", "(i32.const {i}) (call $f)", "(func $f)"},
    {"imports", "(import \"spectest\" \"global_i32\" (global i32))", "(global.get {i})"},
};

TEST_P(Counts, IndexSpaces) {
  for (const Space& space : kSpaces) {
    SCOPED_TRACE(space.name);
    std::string text = "(module " + repeat(space.entry) + space.extra;
    for (const u32 i : kPlaces) {
      fmt::format_to(std::back_inserter(text),
                     "(func (export \"use{}\") (param i32) (result i32) {})\n", i,
                     fmt::format(fmt::runtime(space.use), fmt::arg("i", i)));
    }
    ASSERT_NO_FATAL_FAILURE(load(text + ")"));
    for (const u32 i : kPlaces) agree(fmt::format("use{}", i), std::array<u64, 1>{1000 + i});
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, Counts,
                         testing::Values(Way{"usual"}, Way{.name = "spilled_dense",
                                                           .memory_class = jit::MemoryClass::Dense,
                                                           .no_homes = true,
                                                           .spill_all = true}),
                         [](const auto& way) { return std::string(way.param.name); });

}  // namespace
}  // namespace lr::limits
