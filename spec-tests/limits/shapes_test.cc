// Signatures: 200 of them called by 200 callers, chains of subtypes, and more shapes than the
// engine has room for stubs between instances.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "base/executor.h"
#include "jit/engine.h"
#include "jit/test_process.h"
#include "spec-tests/limits/module_builder.h"
#include "spec-tests/side_by_side.h"

namespace lr::limits {
namespace {

using spec::SideBySide;
using spec::Way;

constexpr u32 kSignatures = 200;
constexpr const char* kTypes[] = {"i32", "i64", "f32", "f64", "v128"};

// The types of one side of a signature: as many as `count`, and which they are says `seed`.
std::vector<u32> types_of(u32 seed, u32 count) {
  std::vector<u32> types;
  for (u32 i = 0; i < count; i++) {
    seed = seed * 1'664'525 + 1'013'904'223;
    types.push_back((seed >> 24) % std::size(kTypes));
  }
  return types;
}

struct Shape {
  explicit Shape(u32 number)
      : params(types_of(number * 2 + 1, number * 7 % 41)),
        results(types_of(number * 2 + 2, number % 37)) {}

  std::string text() const {
    std::string all = "(func (param";
    for (const u32 type : params) all += fmt::format(" {}", kTypes[type]);
    all += ") (result";
    for (const u32 type : results) all += fmt::format(" {}", kTypes[type]);
    return all + "))";
  }
  // Each result is some parameter of its type.
  std::string body() const {
    std::string all;
    for (u32 i = 0; i < results.size(); i++) {
      std::vector<u32> same;
      for (u32 p = 0; p < params.size(); p++) {
        if (params[p] == results[i]) same.push_back(p);
      }
      all += same.empty() ? constant(results[i], 500 + i)
                          : fmt::format("(local.get {})", same[i % same.size()]);
    }
    return all;
  }
  static std::string constant(u32 type, u32 value) {
    if (type == 4) return fmt::format("(v128.const i64x2 {} {})", value, value + 1000);
    return fmt::format("({}.const {})", kTypes[type], value);
  }
  std::string arguments() const {
    std::string all;
    for (u32 i = 0; i < params.size(); i++) all += constant(params[i], i + 1);
    return all;
  }

  std::vector<u32> params, results;
};

// A table with a function of each signature, null at the end, and a caller for each signature.
std::string many_signatures() {
  std::string text = fmt::format("(module (table {} funcref)\n", kSignatures + 1);
  for (u32 i = 0; i < kSignatures; i++) text += fmt::format("(type {})\n", Shape(i).text());
  text += "(elem (i32.const 0) func";
  for (u32 i = 0; i < kSignatures; i++) text += fmt::format(" {}", i);
  text += ")\n";
  for (u32 i = 0; i < kSignatures; i++) {
    text += fmt::format("(func (type {}) {})\n", i, Shape(i).body());
  }
  for (u32 i = 0; i < kSignatures; i++) {
    std::string results;
    for (const u32 type : Shape(i).results) results += fmt::format(" {}", kTypes[type]);
    text += fmt::format(
        "(func (export \"call{}\") (param i32) (result{})"
        " (call_indirect (type {}) {} (local.get 0)))\n",
        i, results, i, Shape(i).arguments());
  }
  return text + ")";
}

class Shapes : public testing::TestWithParam<Way> {};

TEST_P(Shapes, TwoHundredByTwoHundred) {
  SideBySide engines(GetParam());
  const Status loaded = engines.load(many_signatures());
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  for (u32 i = 0; i < kSignatures; i++) {
    const std::string name = fmt::format("call{}", i);
    for (u32 k = i % GetParam().stride; k <= kSignatures + 1; k += GetParam().stride) {
      const auto results = engines.invoke(name, std::array<u64, 1>{k});
      ASSERT_TRUE(results.agree()) << name << " of " << k << ": " << results.compiled_end << " and "
                                   << results.reference_end;
      if (k >= kSignatures) {
        EXPECT_EQ(results.compiled_end,
                  k == kSignatures ? "uninitialized element" : "undefined element");
      }
    }
    const auto results = engines.invoke(name, std::array<u64, 1>{i});
    ASSERT_TRUE(results.agree()) << name;
    EXPECT_EQ(results.compiled_end, "");
  }
}

// Types of which each is a subtype of the one before; every fourth has a final sibling.
TEST_P(Shapes, ChainsOfSubtypes) {
  constexpr u32 kDepth = 60;
  std::string text = "(module (rec (type (sub (func (result i32))))";
  for (u32 i = 1; i < kDepth; i++) {
    text += fmt::format("(type (sub {} (func (result i32))))\n", i - 1);
  }
  text += ")\n";
  for (u32 i = 0; i < kDepth; i += 4) {
    text += fmt::format("(type $final{} (sub final {} (func (result i32))))\n", i, i);
  }
  std::string names;
  u32 functions = 0;
  const auto add_function = [&](const std::string& type) {
    text += fmt::format("(func (type {}) (i32.const {}))\n", type, functions);
    names += fmt::format(" {}", functions++);
  };
  for (u32 i = 0; i < kDepth; i++) add_function(fmt::format("{}", i));
  for (u32 i = 0; i < kDepth; i += 4) add_function(fmt::format("$final{}", i));
  text += fmt::format("(table funcref (elem{}))\n", names);
  const auto add_caller = [&](u32 number, const std::string& type) {
    text += fmt::format(
        "(func (export \"call{}\") (param i32) (result i32)"
        " (call_indirect (type {}) (local.get 0)))\n",
        number, type);
  };
  u32 callers = 0;
  for (u32 i = 0; i < kDepth; i++) add_caller(callers++, fmt::format("{}", i));
  for (u32 i = 0; i < kDepth; i += 4) add_caller(callers++, fmt::format("$final{}", i));

  SideBySide engines(GetParam());
  const Status loaded = engines.load(text + ")");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  for (u32 i = 0; i < callers; i++) {
    for (u32 k = 0; k < functions; k++) {
      const auto results = engines.invoke(fmt::format("call{}", i), std::array<u64, 1>{k});
      ASSERT_TRUE(results.agree()) << i << " " << k;
      const u32 depth = k < kDepth ? k : (k - kDepth) * 4 + 1;
      const bool fits = i == k || (i < kDepth && (k < kDepth ? depth >= i : depth > i));
      EXPECT_EQ(results.compiled_end, fits ? "" : "indirect call type mismatch") << i << " " << k;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Ways, Shapes,
    testing::Values(
        Way{"usual"},
        Way{.name = "dense_v2", .stride = 7, .memory_class = jit::MemoryClass::Dense, .cpu = "v2"},
        Way{.name = "no_homes_spilled", .stride = 7, .no_homes = true, .spill_all = true}),
    [](const auto& way) { return std::string(way.param.name); });

// -- More shapes than there is room for -----------------------------------------------------------

// Functions that trap as Unreachable, with even numbers of parameters and results, the large ones
// first; a pair of values more is another shape. A table makes a reference of each.
std::vector<u8> all_shapes(u32 params_max, u32 results_max) {
  ModuleBuilder module;
  BinaryWriter body;
  body.uleb(0);
  body.op(Op::Unreachable);
  body.op(Op::End);
  std::vector<u32> functions;
  for (u32 params = params_max; params > 0; params -= 2) {
    for (u32 results = results_max; results > 0; results -= 2) {
      const std::vector<ValueCode> in(params, ValueCode::I64), out(results, ValueCode::I64);
      functions.push_back(module.add_function(module.add_type(in, out), body));
      if (params == params_max && results == results_max) {
        module.add_export("large", functions.back());
      } else if (params == 20 && results == results_max) {
        module.add_export("medium", functions.back());
      } else if (params == 16 && results == 8) {
        module.add_export("small", functions.back());
      }
    }
  }
  module.add_table(functions);
  return module.finish();
}

TEST(ShapesLimit, SmallOnesAlwaysWorkAndOthersAreRefused) {
  auto engine = jit::Engine::create();
  ASSERT_TRUE(engine.ok());
  SerialExecutor executor;
  auto module = (*engine)->load(all_shapes(340, 300), "shapes", executor);
  ASSERT_TRUE(module.ok()) << module.error().message();
  jit::TestProcess process;
  jit::ProcessStore store(**engine, process.run);
  auto instance = store.instantiate(*module, {});
  ASSERT_TRUE(instance.ok()) << instance.error().message();
  const auto end_of = [&](const char* name) {
    std::vector<u64> values(400);
    const auto trap = process.call(store, (*instance)->find_export(name)->func, values.data());
    return trap ? std::string(jit::text_of(*trap)) : "";
  };
  EXPECT_EQ(end_of("large"), "unreachable");
  EXPECT_EQ(end_of("medium"), "function could not be compiled");
  EXPECT_EQ(store.trap_detail(jit::Trap::CompileFailed),
            ": limit exceeded: too many shapes of signatures");
  EXPECT_EQ(end_of("small"), "unreachable");
}

}  // namespace
}  // namespace lr::limits
