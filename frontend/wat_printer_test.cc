#include "frontend/wat_printer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "frontend/wat_parser.h"

namespace lr {
namespace {

std::string printed(std::string_view text) {
  Result<std::vector<u8>> binary = parse_wat(text);
  if (!binary.ok()) return binary.error().message();
  Result<std::string> result = print_wat(*binary);
  return result.ok() ? *result : result.error().message();
}

TEST(WatPrinter, Function) {
  EXPECT_EQ(printed(R"((module $m
      (memory 1)
      (func $f (export "f") (param $p i32) (param i32 i32) (result i32) (local i64) (local $x f32)
        (if $l (result i32) (local.get $p)
          (then (br $l (i32.load offset=4 align=1 (local.get 1))))
          (else (i32.const -1))))))"),
            R"((module $m
  (type (;0;) (func (param i32 i32 i32) (result i32)))
  (memory (;0;) 1)
  (export "f" (func $f))
  (func $f (;0;) (type 0) (param $p i32) (param i32 i32) (result i32)
    (local i64) (local $x f32)
    local.get $p
    if $l (result i32)
      local.get 1
      i32.load offset=4 align=1
      br $l
    else
      i32.const -1
    end))
)");
}

struct FieldCase {
  std::string_view text;
  std::string_view line;
};

class WatFields : public testing::TestWithParam<FieldCase> {};

TEST_P(WatFields, Are) {
  std::string text = printed(GetParam().text);
  EXPECT_NE(text.find(GetParam().line), std::string::npos) << text;
}

INSTANTIATE_TEST_SUITE_P(
    Printed, WatFields,
    testing::Values(
        FieldCase{"(type $s (struct (field $a i8) (field (mut (ref null $s)))))",
                  "(type $s (;0;) (struct (field $a i8) (field (mut (ref null $s)))))"},
        FieldCase{
            "(rec (type $a (sub (func))) (type $b (sub final $a (func))))",
            "(rec\n    (type $a (;0;) (sub (func)))\n    (type $b (;1;) (sub final $a (func))))"},
        FieldCase{"(import \"a\\\"\" \"\\01\" (global (mut i64)))",
                  "(import \"a\\\"\" \"\\01\" (global (;0;) (mut i64)))"},
        FieldCase{"(memory i64 1 2 shared (pagesize 1))",
                  "(memory (;0;) i64 1 2 shared (pagesize 1))"},
        FieldCase{"(table 1 2 externref)", "(table (;0;) 1 2 externref)"},
        FieldCase{"(table 1 (ref func) (ref.func 0)) (func)",
                  "(table (;0;) 1 (ref func) (ref.func 0))"},
        FieldCase{"(global f32 (f32.const 0.1))", "(global (;0;) f32 (f32.const 0.1))"},
        FieldCase{"(global f64 (f64.const -nan:0x1))", "(f64.const -nan:0x1)"},
        FieldCase{"(global f64 (f64.const nan))", "(f64.const nan)"},
        FieldCase{"(global i32 (i32.add (i32.const 1) (i32.const 2)))",
                  "i32 i32.const 1 i32.const 2 i32.add)"},
        FieldCase{"(elem func 0) (func)", "(elem (;0;) func 0)"},
        FieldCase{"(elem declare externref (ref.null extern))",
                  "(elem (;0;) declare externref (ref.null extern))"},
        FieldCase{"(table 0 funcref) (elem (offset i32.const 1 i32.const 2 i32.add) func)",
                  "(elem (;0;) (offset i32.const 1 i32.const 2 i32.add) func)"},
        FieldCase{"(memory 1) (data (i32.const 8) \"a\\ff\\n\")",
                  "(data (;0;) (i32.const 8) \"a\\ff\\0a\")"},
        FieldCase{"(func $\"a b\")", "(func $\"a b\" (;0;)"},
        FieldCase{"(func $a) (func (@name \"a\"))", "(func (@name \"a\") (;1;)"},
        FieldCase{"(func (local $a i32) (local (@name \"a\") i32))", "(local (@name \"a\") i32)"},
        FieldCase{"(func (param $a i32) (param (@name \"a\") i64))", "(param (@name \"a\") i64)"},
        FieldCase{"(@custom \"c\" (after func) \"x\") (func)",
                  "(@custom \"c\" (after func) \"x\")"},
        FieldCase{"(func (@metadata.code.branch_hint \"\\01\") (br_if 0 (i32.const 0)))",
                  "(@metadata.code.branch_hint \"\\01\") br_if 0"},
        FieldCase{"(func block $l block $l br 1 end end)", "br 1"},
        FieldCase{"(func (drop (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)))",
                  "v128.const i32x4 0x03020100 0x07060504 0x0b0a0908 0x0f0e0d0c"},
        FieldCase{"(tag $e) (func try_table (catch $e 0) (catch_all_ref 0) end)",
                  "try_table (catch $e 0) (catch_all_ref 0)"}));

TEST(WatPrinter, RefusesWhatIsNoModule) {
  EXPECT_EQ(print_wat({}).error().message(), "unexpected end");
  std::vector<u8> cut = parse_wat("(func nop)").value();
  for (usize size = 0; size < cut.size(); size++) {
    (void)print_wat(std::span(cut).first(size));  // An error or not, but no crash.
  }
}

}  // namespace
}  // namespace lr
