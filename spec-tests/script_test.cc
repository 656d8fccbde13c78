// The runner itself: what must fail fails, and what is skipped names the feature.
#include "spec-tests/script.h"

#include <gtest/gtest.h>

#include "spec-tests/reference_engine.h"

namespace lr::spec {
namespace {

struct ScriptCase {
  const char* name;
  const char* text;
  u32 passed;
  u32 failed;
  const char* what = "";  // Of the first failure.
};

void PrintTo(const ScriptCase& c, std::ostream* out) { *out << c.name; }

constexpr const char kModule[] = R"(
  (module $m
    (func (export "one") (result i32) (i32.const 1))
    (func (export "two") (result i32 i64) (i32.const 1) (i64.const 2))
    (func (export "nan") (result f32) (f32.const nan:0x200000))
    (func (export "nans") (result v128) (v128.const f32x4 nan nan:0x600000 nan:0x200000 1))
    (func (export "same") (param externref) (result externref) (local.get 0))
    (func (export "i31") (result anyref) (ref.i31 (i32.const 5)))
    (func (export "array") (result anyref) (array.new_fixed $a 0))
    (func (export "null") (result funcref) (ref.null nofunc))
    (func (export "trap") (unreachable))
    (func (export "throw") (throw $e))
    (global (export "g") i64 (i64.const 7))
    (type $a (array i8))
    (tag $e))
)";

class Script : public testing::TestWithParam<ScriptCase> {};

TEST_P(Script, Counts) {
  const ScriptCase& c = GetParam();
  const auto engine = make_reference_engine();
  const ScriptResult result = run_script(*engine, "test.wast", std::string(kModule) + c.text);
  EXPECT_EQ(result.passed, c.passed);
  EXPECT_EQ(result.failed, c.failed);
  EXPECT_EQ(result.skipped, 0u);
  const std::string what = result.failures.empty() ? "" : result.failures[0].what;
  EXPECT_NE(what.find(c.what), std::string::npos) << what;
}

INSTANTIATE_TEST_SUITE_P(
    Values, Script,
    testing::Values(
        ScriptCase{"right", R"((assert_return (invoke "one") (i32.const 1)))", 1, 0},
        ScriptCase{"wrong", R"((assert_return (invoke "one") (i32.const 2)))", 0, 1, "result 0"},
        ScriptCase{"type", R"((assert_return (invoke "one") (i64.const 1)))", 0, 1, "result 0"},
        ScriptCase{"number", R"((assert_return (invoke "two") (i32.const 1)))", 0, 1,
                   "2 results instead of 1"},
        ScriptCase{"second", R"((assert_return (invoke "two") (i32.const 1) (i64.const 3)))", 0, 1,
                   "result 1"},
        ScriptCase{"either",
                   R"((assert_return (invoke "one") (either (i32.const 3) (i32.const 1))))", 1, 0},
        ScriptCase{"neither",
                   R"((assert_return (invoke "one") (either (i32.const 3) (i32.const 2))))", 0, 1},
        ScriptCase{"global", R"((assert_return (get "g") (i64.const 7)))", 1, 0},
        ScriptCase{"of a name", R"((assert_return (get $m "g") (i64.const 7)))", 1, 0},
        ScriptCase{"no such export", R"((assert_return (invoke "none")))", 0, 1, "no exported"},
        ScriptCase{"argument", R"((assert_return (invoke "one" (i32.const 1)) (i32.const 1)))", 0,
                   1, "arguments of the wrong types"}));

INSTANTIATE_TEST_SUITE_P(
    Nans, Script,
    testing::Values(
        ScriptCase{"not arithmetic", R"((assert_return (invoke "nan") (f32.const nan:arithmetic)))",
                   0, 1},
        ScriptCase{"bits", R"((assert_return (invoke "nan") (f32.const nan:0x200000)))", 1, 0},
        ScriptCase{"lanes", R"((assert_return (invoke "nans") (v128.const f32x4
                     nan:canonical nan:arithmetic nan:0x200000 1)))",
                   1, 0},
        ScriptCase{"canonical lane", R"((assert_return (invoke "nans") (v128.const f32x4
                     nan:canonical nan:canonical nan:0x200000 1)))",
                   0, 1}));

INSTANTIATE_TEST_SUITE_P(
    References, Script,
    testing::Values(
        ScriptCase{"host", R"((assert_return (invoke "same" (ref.extern 3)) (ref.extern 3)))", 1,
                   0},
        ScriptCase{"other", R"((assert_return (invoke "same" (ref.extern 3)) (ref.extern 4)))", 0,
                   1},
        ScriptCase{"null", R"((assert_return (invoke "same" (ref.null extern)) (ref.extern)))", 0,
                   1},
        ScriptCase{"any null", R"((assert_return (invoke "null") (ref.null)))", 1, 0},
        ScriptCase{"i31", R"((assert_return (invoke "i31") (ref.i31)))", 1, 0},
        ScriptCase{"eq", R"((assert_return (invoke "i31") (ref.eq)))", 1, 0},
        ScriptCase{"i31 or structure", R"((assert_return (invoke "i31") (ref.struct)))", 0, 1},
        ScriptCase{"array", R"((assert_return (invoke "array") (ref.array)))", 1, 0},
        ScriptCase{"array or structure", R"((assert_return (invoke "array") (ref.struct)))", 0,
                   1}));

INSTANTIATE_TEST_SUITE_P(
    Ends, Script,
    testing::Values(
        ScriptCase{"trap", R"((assert_trap (invoke "trap") "unreachable"))", 1, 0},
        ScriptCase{"other trap", R"((assert_trap (invoke "trap") "integer overflow"))", 0, 1,
                   "unreachable (expected: integer overflow)"},
        ScriptCase{"no trap", R"((assert_trap (invoke "one") "unreachable"))", 0, 1, "returned"},
        ScriptCase{"trap for a result", R"((assert_return (invoke "trap")))", 0, 1, "unreachable"},
        ScriptCase{"exception", R"((assert_exception (invoke "throw")))", 1, 0},
        ScriptCase{"exception for a trap", R"((assert_trap (invoke "throw") "unreachable"))", 0, 1},
        ScriptCase{"trap for an exception", R"((assert_exception (invoke "trap")))", 0, 1},
        ScriptCase{"action", R"((invoke "trap"))", 0, 1, "unreachable"}));

INSTANTIATE_TEST_SUITE_P(
    Modules, Script,
    testing::Values(
        ScriptCase{"accepted", R"((assert_invalid (module) "type mismatch"))", 0, 1, "accepted"},
        ScriptCase{"wrong phase", R"((assert_malformed (module (func (result i32))) "x"))", 0, 1,
                   "wrong phase"},
        ScriptCase{"invalid", R"((assert_invalid (module (func (result i32))) "type mismatch"))", 1,
                   0},
        ScriptCase{"linked", R"((assert_unlinkable (module) "unknown import"))", 0, 1, "linked"},
        ScriptCase{"unknown", R"((assert_unlinkable (module (import "x" "y" (func)))
                                                    "unknown import"))",
                   1, 0},
        ScriptCase{"incompatible", R"((register "m" $m)
                     (assert_unlinkable (module (import "m" "one" (func)))
                                        "incompatible import type"))",
                   1, 0},
        ScriptCase{"start traps", R"((assert_trap (module (func $f (unreachable)) (start $f))
                                                  "unreachable"))",
                   1, 0},
        ScriptCase{"does not load",
                   R"((module (func (result i32))) (assert_return (invoke "one")))", 0, 2,
                   "module: type mismatch"},
        ScriptCase{"two instances", R"((module definition $d (global (export "g") (mut i32)
                       (i32.const 1)) (func (export "set") (global.set 0 (i32.const 2))))
                     (module instance $a $d) (module instance $b $d) (invoke $a "set")
                     (assert_return (get $a "g") (i32.const 2))
                     (assert_return (get $b "g") (i32.const 1)))",
                   2, 0},
        ScriptCase{"spectest", R"((module (import "spectest" "global_f64" (global f64))
                       (import "spectest" "table64" (table i64 10 20 funcref))
                       (import "spectest" "shared_memory" (memory 1 2 shared))
                       (global (export "g") f64 (global.get 0)))
                     (assert_return (get "g") (f64.const 666.6)))",
                   1, 0}));

TEST(ScriptSkips, NameTheFeature) {
  FeatureSet features = FeatureSet::all();
  features.disable(Feature::TailCall);
  const auto engine = make_reference_engine(features);
  const ScriptResult result = run_script(*engine, "test.wast", R"(
    (module $m (func (export "f") (return_call 0)))
    (register "m" $m)
    (assert_return (invoke "f"))
    (module (import "m" "f" (func)))
    (module (func (export "f")))
    (assert_return (invoke "f"))
    (assert_invalid (module (func (return_call 1))) "unknown function"))");
  EXPECT_EQ(result.passed, 2u);
  EXPECT_EQ(result.failed, 0u);
  ASSERT_EQ(result.skips.size(), 1u);
  EXPECT_EQ(result.skips.begin()->first, "feature tail-call");
  EXPECT_EQ(result.skips.begin()->second, 4u);
}

TEST(ScriptParsing, BrokenScriptIsAFailure) {
  const auto engine = make_reference_engine();
  const ScriptResult result = run_script(*engine, "test.wast", "(module) (assert_nothing)");
  EXPECT_EQ(result.failed, 1u);
}

}  // namespace
}  // namespace lr::spec
