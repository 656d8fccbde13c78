#include "frontend/wat_parser.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace lr {
namespace {

// The binary of a module without its header and names, in hexadecimal; or the error and its place.
std::string hex(std::string_view text) {
  WatOptions options;
  options.names = false;
  Result<std::vector<u8>> result = parse_wat(text, options);
  if (!result.ok()) {
    const Error& error = result.error();
    return fmt::format("{}:{}: {}", error.line, error.column, error.message());
  }
  std::string digits;
  for (usize i = 8; i < result->size(); i++) digits += fmt::format("{:02x}", (*result)[i]);
  return digits;
}

struct WatCase {
  std::string_view text;
  std::string_view hex;  // Or the error.
};

class Wat : public testing::TestWithParam<WatCase> {};

TEST_P(Wat, Is) { EXPECT_EQ(hex(GetParam().text), GetParam().hex) << GetParam().text; }

// The code section of a function of no parameters and one i32 local, behind type and function.
std::string code(std::string_view instructions) {
  std::string digits = hex(fmt::format("(func (local i32) {})", instructions));
  constexpr std::string_view kBefore = "01040160000003020100";
  if (!digits.starts_with(kBefore)) return digits;
  // Section, size, count, size of the body, one run of locals.
  return digits.substr(kBefore.size() + 14);
}

struct CodeCase {
  std::string_view text;
  std::string_view hex;
};

class WatInstructions : public testing::TestWithParam<CodeCase> {};

TEST_P(WatInstructions, Are) {
  EXPECT_EQ(code(GetParam().text), GetParam().hex) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Fields, Wat,
    testing::Values(
        WatCase{"", ""}, WatCase{"(module)", ""}, WatCase{"(module $m)", ""},
        WatCase{"(func)", "010401600000030201000a040102000b"},
        // An inline signature takes the first type that is the same, or a new one at the end.
        WatCase{"(type (func (param i32))) (type (func)) (func) (func (result i64)) (func "
                "(result i64))",
                "010c0360017f006000006000017e0304030102020a0a0302000b02000b02000b"},
        WatCase{"(type (sub (func))) (func)", "0109025000600000600000030201010a040102000b"},
        WatCase{"(type $f (func (param i32))) (import \"a\" \"b\" (func (type $f) (param i32)))",
                "01050160017f00020701016101620000"},
        WatCase{"(memory 1 2 shared)", "050401030102"},
        WatCase{"(memory i64 1 (pagesize 1))", "0504010c0100"},
        WatCase{"(memory (data \"ab\" \"c\"))", "0504010101010b09010041000b03616263"},
        WatCase{"(table 1 funcref)", "040401700001"},
        WatCase{"(table 1 (ref func) (ref.func 0)) (func)",
                "01040160000003020100040a01400064700001d2000b0a040102000b"},
        WatCase{"(table funcref (elem $f $f)) (func $f)",
                "01040160000003020100040501700102020908010041000b0200000a040102000b"},
        WatCase{"(global (mut i32) (i32.const -1))", "0606017f01417f0b"},
        WatCase{"(tag (param i32))", "01050160017f000d03010000"},
        WatCase{"(func $f (export \"x\")) (start $f)",
                "01040160000003020100070501017800000801000a040102000b"},
        WatCase{"(elem declare func 0) (elem funcref (ref.null func))",
                "090b0203000100057001d0700b"},
        WatCase{"(data \"x\") (func (data.drop 0))",
                "010401600000030201000c01010a07010500fc09000b"
                "0b0401010178"}));

INSTANTIATE_TEST_SUITE_P(
    Types, Wat,
    testing::Values(
        WatCase{"(type (struct (field i8 (mut (ref null 0)))))", "0108015f027800630001"},
        WatCase{"(type (array (mut i16)))", "0104015e7701"},
        WatCase{"(rec (type $a (sub (struct (field (ref $b))))) (type $b (sub final $a (struct))))",
                "010f014e0250005f016401004f01005f00"},
        WatCase{"(type (func (param anyref (ref null any) (ref any))))", "01080160036e6e646e00"},
        WatCase{"(rec (type $a (descriptor $b) (struct)) (type $b (describes $a) (struct)))",
                "010b014e024d015f004c005f00"}));

INSTANTIATE_TEST_SUITE_P(
    Plain, WatInstructions,
    testing::Values(
        CodeCase{"", "0b"}, CodeCase{"nop nop", "01010b"}, CodeCase{"i32.const -64", "41400b"},
        CodeCase{"i64.const 64", "42c0000b"}, CodeCase{"f32.const 1", "430000803f0b"},
        CodeCase{"block $a loop br $a end br 0 end", "024003400c010b0c000b0b"},
        CodeCase{"block (result i32) i32.const 0 end", "027f41000b0b"},
        CodeCase{"i32.load", "2802000b"}, CodeCase{"i32.load offset=4 align=1", "2800040b"},
        CodeCase{"i32.load 1", "284201000b"}, CodeCase{"v128.load8_lane 3", "fd540000030b"},
        CodeCase{"v128.load8_lane 1 3", "fd54400100030b"},
        CodeCase{"v128.load8_lane offset=1 3", "fd540001030b"},
        CodeCase{"br_table 0 0 1", "0e020000010b"}, CodeCase{"select (result i32)", "1c017f0b"},
        CodeCase{"select", "1b0b"}, CodeCase{"memory.copy 1 0", "fc0a01000b"},
        CodeCase{"memory.copy", "fc0a00000b"}, CodeCase{"table.init 1 2", "fc0c02010b"},
        CodeCase{"table.init 2", "fc0c02000b"}, CodeCase{"call_indirect 1 (type 0)", "1100010b"},
        CodeCase{"ref.test (ref null any) ref.test (ref any)", "fb156efb146e0b"},
        CodeCase{"ref.null (exact 0)", "d062000b"},
        CodeCase{"br_on_cast 0 anyref (ref i31)", "fb1801006e6c0b"},
        CodeCase{"atomic.fence", "fe03000b"}, CodeCase{"i32.atomic.rmw.add", "fe1e02000b"},
        CodeCase{"try_table (catch_all 0) end", "1f400102000b0b"},
        CodeCase{"try catch_all rethrow 0 end", "06401909000b0b"},
        CodeCase{"block $l try delegate $l end", "0240064018000b0b"}));

INSTANTIATE_TEST_SUITE_P(
    Folded, WatInstructions,
    testing::Values(
        CodeCase{"(nop)", "010b"},
        CodeCase{"(i32.add (i32.const 1) (i32.const 2))", "410141026a0b"},
        CodeCase{"(local.set 0 (i32.sub (local.get 0) (i32.const 1)))", "200041016b21000b"},
        CodeCase{"(block $l (br $l))", "02400c000b0b"},
        CodeCase{"(if (i32.const 1) (then nop) (else))", "4101044001050b0b"},
        // A label is not in scope for the operands of its own if.
        CodeCase{"(block $l (if $l (br_if $l (i32.const 0)) (then (br $l))))",
                 "024041000d0004400c000b0b0b"},
        CodeCase{"(try (do nop) (catch_all (rethrow 0)))", "0640011909000b0b"},
        CodeCase{"(try $t (do) (delegate 0))", "064018000b"},
        CodeCase{"(loop (block (if (local.get 0) (then))))", "03400240200004400b0b0b0b"}));

INSTANTIATE_TEST_SUITE_P(
    Errors, Wat,
    testing::Values(
        WatCase{"(module", "1:8: unexpected token: the end of the text, expected a module field"},
        WatCase{"(module) x", "1:10: unknown operator x"},
        WatCase{"(func\n  i32.ad)", "2:3: unknown operator i32.ad (did you mean i32.add?)"},
        WatCase{"(func (get_local 0))",
                "1:8: unknown operator get_local (did you mean local.get?)"},
        WatCase{"(func (i32.const))", "1:17: unexpected token: ), expected an integer"},
        WatCase{"(func (i32.const 4294967296))", "1:18: constant out of range: 4294967296"},
        WatCase{"(func (call $f))", "1:13: unknown func $f"},
        WatCase{"(func (br $l))", "1:11: unknown label $l"},
        WatCase{"(func $f) (func $f)", "1:17: duplicate func $f"},
        WatCase{"(func) (import \"\" \"\" (func))", "1:16: import after function"},
        WatCase{"(func block end $l)", "1:17: mismatching label: $l"},
        WatCase{"(func (block) end)", "1:15: unexpected token: end, expected an instruction"},
        WatCase{"(func (i32.load align=3))", "1:17: alignment must be a power of two: i32.load"},
        WatCase{"(start 0) (start 0)", "1:18: multiple start sections"},
        WatCase{"(func (type 0) (param i32)) (type (func))",
                "1:13: inline function type: is not that of the type"},
        WatCase{"(func (@metadata.code.branch_hint \"\\00\") nop)",
                "1:42: @metadata.code.branch_hint annotation: invalid target"},
        WatCase{"(memory 1 (pagesize 3))",
                "1:21: invalid custom page size: must be a power of two"},
        WatCase{"(import \"\\ff\" \"\" (func))", "1:9: malformed UTF-8 encoding"}));

TEST(WatParser, BranchHints) {
  std::string_view text =
      "(func (param i32) (@metadata.code.branch_hint \"\\01\") (br_if 0 (local.get 0)))";
  EXPECT_EQ(hex(text),
            "01050160017f00030201000020196d657461646174612e636f64652e6272616e63685f68696e7401000103"
            "01010a08010600"
            "20000d000b");
}

TEST(WatParser, CustomSections) {
  EXPECT_EQ(hex("(@custom \"a\" (before type) \"x\") (type (func)) (@custom \"b\")"),
            "000301617801040160000000020162");
}

TEST(WatParser, Names) {
  Result<std::vector<u8>> binary =
      parse_wat("(module $m (func $f (param $p i32) (local $\"x y\" i32) (block $l)))");
  ASSERT_TRUE(binary.ok());
  std::string text(binary->begin(), binary->end());
  std::string section = text.substr(text.find("\x04name"));
  EXPECT_EQ(section, std::string("\x04name"
                                 "\x00\x02\x01m"
                                 "\x01\x04\x01\x00\x01"
                                 "f"
                                 "\x02\x0b\x01\x00\x02\x00\x01p\x01\x03x y"
                                 "\x03\x06\x01\x00\x01\x00\x01l",
                                 5 + 4 + 6 + 13 + 8));
}

TEST(WatParser, ManyAnnotationsInOnePlace) {
  std::string text = "(func (@metadata.code.branch_hint \"\\00\") (br_if 0 (i32.const 0)))";
  for (u32 i = 0; i < 200'000; i++) text += "(@custom \"a\")";
  EXPECT_TRUE(parse_wat(text).ok());
}

TEST(WatParser, DeepNestingNeedsNoStack) {
  constexpr u32 kDepth = 200'000;
  std::string text = "(func ";
  for (u32 i = 0; i < kDepth; i++) text += "(block $l ";
  text += "(br $l)";
  for (u32 i = 0; i < kDepth; i++) text += ")";
  text += " i32.const 0 ";
  for (u32 i = 0; i < kDepth; i++) text += "(i32.eqz ";
  text += "(i32.const 0)";
  for (u32 i = 0; i < kDepth; i++) text += ")";
  text += "drop drop)";
  EXPECT_TRUE(parse_wat(text).ok());
}

}  // namespace
}  // namespace lr
