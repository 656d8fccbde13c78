#include "frontend/wast_script.h"

#include <gtest/gtest.h>

#include <string>

namespace lr {
namespace {

using Kind = WastCommand::Kind;
using Value = WastValue::Kind;

std::vector<WastCommand> parse(std::string_view text) {
  Result<std::vector<WastCommand>> commands = parse_wast(text);
  if (!commands.ok()) {
    ADD_FAILURE() << commands.error().line << ": " << commands.error().message();
    return {};
  }
  return std::move(*commands);
}

WastValue result(std::string_view text) {
  std::vector<WastCommand> commands =
      parse("(assert_return (invoke \"f\") " + std::string(text) + ")");
  if (commands.size() != 1 || commands[0].results.size() != 1) return {};
  return commands[0].results[0];
}

TEST(WastScript, Commands) {
  std::vector<WastCommand> commands = parse(R"wast(
    (module $a (func))
    (module definition $b (func))
    (module instance $c $b)
    (register "name" $c)
    (invoke $a "f" (i32.const 1))
    (assert_return (get "g") (i64.const -1))
    (assert_trap (invoke "f") "unreachable")
    (assert_trap (module (start 0)) "out of bounds")
    (assert_exhaustion (invoke "f") "call stack exhausted")
    (assert_exception (invoke "f"))
    (assert_invalid (module quote "(func" ")") "type mismatch")
    (assert_malformed (module binary "\00asm" "") "unexpected end")
    (assert_unlinkable (module) "unknown import")
    (assert_malformed_custom (module quote "") "@custom")
    (thread $t (shared (module $a)) (register "a" $a) (invoke "f"))
    (wait $t))wast");
  constexpr Kind kKinds[] = {Kind::Module,           Kind::Module,
                             Kind::Instance,         Kind::Register,
                             Kind::Action,           Kind::AssertReturn,
                             Kind::AssertTrap,       Kind::AssertTrap,
                             Kind::AssertExhaustion, Kind::AssertException,
                             Kind::AssertInvalid,    Kind::AssertMalformed,
                             Kind::AssertUnlinkable, Kind::AssertMalformedCustom,
                             Kind::Thread,           Kind::Wait};
  ASSERT_EQ(commands.size(), std::size(kKinds));
  for (usize i = 0; i < commands.size(); i++) {
    EXPECT_EQ(commands[i].kind, kKinds[i]) << i;
    EXPECT_EQ(commands[i].line, i + 2);
  }
  EXPECT_EQ(commands[0].name, "a");
  EXPECT_TRUE(commands[1].module->is_definition);
  EXPECT_EQ(commands[2].name, "c");
  EXPECT_EQ(commands[2].of, "b");
  EXPECT_EQ(commands[3].text, "name");
  EXPECT_EQ(commands[3].of, "c");
  EXPECT_EQ(commands[4].action->module, "a");
  EXPECT_EQ(commands[4].action->arguments.size(), 1);
  EXPECT_TRUE(commands[5].action->is_get);
  EXPECT_EQ(commands[6].text, "unreachable");
  EXPECT_TRUE(commands[7].module.has_value());
  EXPECT_EQ(commands[10].module->encode()->size(), 8 + 6 + 4 + 6);
  EXPECT_EQ(commands[11].module->encode()->size(), 4);
  EXPECT_EQ(commands[14].of, "a");
  EXPECT_EQ(commands[14].commands.size(), 2);
  EXPECT_EQ(commands[15].name, "t");
}

TEST(WastScript, Numbers) {
  EXPECT_EQ(result("(i32.const -1)").bits[0], 0xffffffff);
  EXPECT_EQ(result("(f32.const 1)").bits[0], 0x3f800000);
  EXPECT_EQ(result("(f64.const -0)").bits[0], u64{1} << 63);
  EXPECT_EQ(result("(f32.const nan:canonical)").nan[0], NanPattern::Canonical);
  EXPECT_EQ(result("(f64.const nan:arithmetic)").nan[0], NanPattern::Arithmetic);
  EXPECT_EQ(result("(f64.const nan:0x1)").bits[0], 0x7ff0000000000001);
}

TEST(WastScript, Vectors) {
  WastValue bytes = result("(v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 -1)");
  EXPECT_EQ(bytes.kind, Value::V128);
  EXPECT_EQ(bytes.shape, WastShape::I8x16);
  EXPECT_EQ(bytes.bits[0], 0x0706050403020100);
  EXPECT_EQ(bytes.bits[1], 0xff0e0d0c0b0a0908);
  WastValue floats = result("(v128.const f32x4 1 nan:canonical 0 nan:arithmetic)");
  EXPECT_EQ(floats.shape, WastShape::F32x4);
  EXPECT_EQ(floats.bits[0], 0x3f800000);
  EXPECT_EQ(floats.nan[0], NanPattern::None);
  EXPECT_EQ(floats.nan[1], NanPattern::Canonical);
  EXPECT_EQ(floats.nan[3], NanPattern::Arithmetic);
}

TEST(WastScript, References) {
  EXPECT_EQ(result("(ref.null)").heap, std::nullopt);
  EXPECT_EQ(result("(ref.null extern)").heap, Heap::Extern);
  EXPECT_EQ(result("(ref.extern 3)").number, 3);
  EXPECT_EQ(result("(ref.extern)").number, std::nullopt);
  EXPECT_EQ(result("(ref.host 2)").kind, Value::RefHost);
  EXPECT_EQ(result("(ref.func)").kind, Value::RefFunc);
  EXPECT_EQ(result("(ref.i31)").kind, Value::RefI31);
  EXPECT_EQ(result("(ref.struct)").kind, Value::RefStruct);
  EXPECT_EQ(result("(ref.array)").kind, Value::RefArray);
  EXPECT_EQ(result("(ref.eq)").kind, Value::RefEq);
  EXPECT_EQ(result("(ref.any)").kind, Value::RefAny);
  EXPECT_EQ(result("(either (i32.const 1) (i32.const 2))").alternatives[1].bits[0], 2);
}

TEST(WastScript, InlineModule) {
  std::vector<WastCommand> commands = parse("(func) (memory 0)");
  ASSERT_EQ(commands.size(), 1);
  EXPECT_EQ(commands[0].kind, Kind::Module);
  EXPECT_TRUE(commands[0].module->encode().ok());
}

TEST(WastScript, BadModulesAreFoundWhenTheyAreAskedFor) {
  std::vector<WastCommand> commands = parse("(module)\n\n  (module\n (func (i32.ad)))");
  ASSERT_EQ(commands.size(), 2);
  Result<std::vector<u8>> binary = commands[1].module->encode();
  ASSERT_FALSE(binary.ok());
  EXPECT_EQ(binary.error().line, 4);
  EXPECT_EQ(binary.error().column, 9);
}

struct ErrorCase {
  std::string_view text;
  std::string_view message;
  u32 line;
};

class WastErrors : public testing::TestWithParam<ErrorCase> {};

TEST_P(WastErrors, Are) {
  Result<std::vector<WastCommand>> commands = parse_wast(GetParam().text);
  ASSERT_FALSE(commands.ok());
  EXPECT_EQ(commands.error().message(), GetParam().message);
  EXPECT_EQ(commands.error().line, GetParam().line);
}

INSTANTIATE_TEST_SUITE_P(
    Errors, WastErrors,
    testing::Values(ErrorCase{"\n(assert_retrun)",
                              "unknown operator assert_retrun (did you mean assert_return?)", 2},
                    ErrorCase{"(assert_return (invoke \"f\" (i32.const nan:canonical)))",
                              "unexpected token: nan:canonical, expected an integer", 1},
                    ErrorCase{"(invoke \"f\" (f32.const nan:canonical))",
                              "unexpected token: nan:canonical, expected a number", 1},
                    ErrorCase{"(assert_invalid (invoke \"f\") \"\")",
                              "unexpected token: invoke, expected (module", 1},
                    ErrorCase{"(module", "unexpected token: the end of the text, expected ')'", 1},
                    ErrorCase{"(thread $a (thread $b))",
                              "unexpected token: thread, expected a command", 1}));

}  // namespace
}  // namespace lr
