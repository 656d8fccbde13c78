// The typing of instructions: every row of opcodes.def that has a signature, and the special ones
// by cases.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "frontend/decoder.h"
#include "frontend/validator.h"
#include "frontend/wat_parser.h"

namespace lr {
namespace {

// -- Rows with a signature ------------------------------------------------------------------------

// A module under construction, section by section.
class Bytes {
 public:
  Bytes& raw(std::initializer_list<u8> bytes) {
    data.insert(data.end(), bytes);
    return *this;
  }
  Bytes& leb(u32 value) {
    for (; value >= 0x80; value >>= 7) data.push_back(static_cast<u8>(value | 0x80));
    data.push_back(static_cast<u8>(value));
    return *this;
  }
  Bytes& append(const Bytes& other) {
    data.insert(data.end(), other.data.begin(), other.data.end());
    return *this;
  }
  Bytes& sized(const Bytes& payload) {
    return leb(static_cast<u32>(payload.data.size())).append(payload);
  }
  Bytes& section(u8 id, const Bytes& payload) { return raw({id}).sized(payload); }

  std::vector<u8> data;
};

void write_type(Bytes& out, char letter) {
  switch (letter) {
    case 'i':
    case 'm':
      out.raw({0x7f});
      return;
    case 'l':
      out.raw({0x7e});
      return;
    case 'f':
      out.raw({0x7d});
      return;
    case 'd':
      out.raw({0x7c});
      return;
    case 'v':
      out.raw({0x7b});
      return;
    case 'e':
      out.raw({0x6d});
      return;
    case 'a':
      out.raw({0x6a});
      return;
    case 't':
      out.raw({0x6c});
      return;
    case 'T':
      out.raw({0x64, 0x6c});
      return;
    default:
      FAIL() << letter;
  }
}

void write_immediate(Bytes& out, const OpInfo& row) {
  u8 align = static_cast<u8>(row.access_bytes == 0 ? 0 : std::countr_zero(row.access_bytes));
  switch (row.immediate) {
    case Immediate::MemArg:
    case Immediate::MemArgAtomic:
      out.raw({align, 0});
      return;
    case Immediate::MemArgLane:
      out.raw({align, 0, 0});
      return;
    case Immediate::MemoryInit:
      out.raw({0, 0});
      return;
    case Immediate::F32Const:
      out.raw({0, 0, 0, 0});
      return;
    case Immediate::F64Const:
      out.raw({0, 0, 0, 0, 0, 0, 0, 0});
      return;
    case Immediate::V128Const:
    case Immediate::Shuffle:
      out.raw({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
      return;
    case Immediate::None:
      return;
    default:
      out.raw({0});
      return;
  }
}

void write_opcode(Bytes& out, const OpInfo& row) {
  if (row.code < 256) {
    out.raw({static_cast<u8>(row.code)});
  } else {
    out.raw({static_cast<u8>(row.code >> 12)}).leb(row.code & 0xfff);
  }
}

// A function whose operands are its parameters and whose results are those of the instruction.
std::vector<u8> module_with(const OpInfo& row, std::string params, std::string results) {
  Bytes types;
  types.raw({1, 0x60}).leb(static_cast<u32>(params.size()));
  for (char letter : params) write_type(types, letter);
  types.leb(static_cast<u32>(results.size()));
  for (char letter : results) write_type(types, letter);
  Bytes body;
  body.raw({0});
  for (u32 i = 0; i < params.size(); i++) body.raw({0x20, static_cast<u8>(i)});
  write_opcode(body, row);
  write_immediate(body, row);
  body.raw({0x0b});
  Bytes code, out;
  code.raw({1}).sized(body);
  out.raw({0, 'a', 's', 'm', 1, 0, 0, 0})
      .section(1, types)
      .section(3, Bytes().raw({1, 0}))
      .section(5, Bytes().raw({1, 0, 1}))
      .section(9, Bytes().raw({1, 1, 0, 0}))
      .section(12, Bytes().raw({1}))
      .section(10, code)
      .section(11, Bytes().raw({1, 1, 0}));
  return out.data;
}

// The detail of the refusal, or empty.
std::string refusal(std::vector<u8> bytes) {
  SerialExecutor executor;
  auto module = load_module(std::move(bytes), FeatureSet::all(), executor);
  if (module.ok()) return "";
  return module.error().code == Err::TypeMismatch ? module.error().detail
                                                  : module.error().message();
}

class Rows : public testing::TestWithParam<u32> {};

TEST_P(Rows, AreTypedBySignature) {
  const OpInfo& row = kOpInfo[GetParam()];
  const Signature& type = row.signature;
  std::string params(type.params, type.params_count);
  std::string results(type.results, type.results_count);
  EXPECT_EQ(refusal(module_with(row, params, results)), "");
  for (u32 i = 0; i < params.size(); i++) {
    std::string wrong = params;
    wrong[i] = type_of_letter(params[i]) == kF32 ? 'd' : 'f';
    EXPECT_EQ(refusal(module_with(row, wrong, results)),
              fmt::format("{} needs {}, got {}", row.text, name_of(type_of_letter(params[i])),
                          name_of(type_of_letter(wrong[i]))));
  }
  if (!params.empty()) {
    EXPECT_EQ(refusal(module_with(row, params.substr(1), results)),
              fmt::format("{} needs {}, the stack is empty", row.text,
                          name_of(type_of_letter(params[0]))));
  }
  // What it gives cannot be overlooked.
  if (!results.empty()) {
    EXPECT_EQ(refusal(module_with(row, params, results.substr(1))),
              "1 value(s) too many at the end");
  }
}

std::vector<u32> rows_with_signature() {
  std::vector<u32> rows;
  for (u32 i = 0; i < kOpCount; i++) {
    if (!kOpInfo[i].signature.is_special) rows.push_back(i);
  }
  return rows;
}

INSTANTIATE_TEST_SUITE_P(Typing, Rows, testing::ValuesIn(rows_with_signature()),
                         [](const auto& row) {
                           std::string name(kOpInfo[row.param].text);
                           for (char& c : name) c = c == '.' ? '_' : c;
                           return name;
                         });

// -- Special rows ---------------------------------------------------------------------------------

struct BodyCase {
  const char* body;
  const char* refusal;
};

class Special : public testing::TestWithParam<BodyCase> {};

TEST_P(Special, Typing) {
  std::string text = fmt::format(
      "(module (memory 1) (table $t 1 funcref) (global $g (mut i64) (i64.const 0))"
      " (global $c i32 (i32.const 0)) (type $s (struct (field $p (mut i8)) (field $q i64)))"
      " (type $a (array (mut f32))) (tag $e (param i32))"
      " (func $f (param i32) (result i64) (i64.const 0))"
      " (func (local i32 f32 (ref func)) {}))",
      GetParam().body);
  auto bytes = parse_wat(text);
  ASSERT_TRUE(bytes.ok()) << bytes.error().message();
  EXPECT_EQ(refusal(*bytes), GetParam().refusal);
}

INSTANTIATE_TEST_SUITE_P(
    Typing, Special,
    testing::Values(
        BodyCase{"drop", "drop needs an operand, the stack is empty"},
        BodyCase{"i32.const 0 i64.const 0 i32.const 0 select drop", "select between i32 and i64"},
        BodyCase{"unreachable select i32.add drop", ""},
        BodyCase{"unreachable i64.const 0 select i32.add drop", "select needs i32, got i64"},
        BodyCase{"local.get 1 local.set 0", "local.set needs i32, got f32"},
        BodyCase{"local.get 2 drop", "uninitialized local: 2"},
        BodyCase{"block unreachable local.set 2 end local.get 2 drop", "uninitialized local: 2"},
        BodyCase{"local.get 9 drop", "unknown local 9"},
        BodyCase{"i32.const 0 global.set $g", "global.set needs i64, got i32"},
        BodyCase{"i32.const 0 global.set $c", "immutable global: 1"},
        BodyCase{"call $f drop", "call needs i32, the stack is empty"},
        BodyCase{"i32.const 0 call $f", "1 value(s) too many at the end"},
        BodyCase{"br 1", "unknown label 1"},
        BodyCase{"block (result i32) br 0 end drop", "br needs i32, the stack is empty"},
        BodyCase{"i32.const 0 if (result i32) i32.const 0 end drop",
                 "if without else must return its parameters"},
        BodyCase{"block (result i32) i32.const 0 block i32.const 0 br_table 0 1 end end drop",
                 "br_table with labels of different arity"},
        BodyCase{"i64.const 0 throw $e", "throw needs i32, got i64"},
        BodyCase{"ref.null $s struct.get $s 0 drop", "struct.get of a field of type i8"},
        BodyCase{"ref.null $s i64.const 0 struct.set $s 1", "immutable field: 1"},
        BodyCase{"i32.const 0 array.new $a drop", "array.new needs f32, the stack is empty"},
        BodyCase{"i32.const 0 struct.new_default $a drop",
                 "struct.new_default needs type 1 to be a structure type"},
        BodyCase{"ref.null any ref.cast (ref func) drop", "ref.cast needs funcref, got anyref"},
        BodyCase{"ref.func 0 drop", "undeclared function reference: 0"},
        BodyCase{"i32.const 0 ref.is_null drop", "ref.is_null needs a reference, got i32"},
        BodyCase{"i32.const 0 i32.load align=8 drop",
                 "alignment must not be larger than natural: 2^3 for 4 bytes"},
        BodyCase{"i32.const 0 table.get 3 drop", "unknown table 3"}));

TEST(Typing, FeatureThatIsOff) {
  auto bytes = parse_wat("(module (func (return_call 0)))");
  ASSERT_TRUE(bytes.ok());
  SerialExecutor executor;
  auto module = load_module(*bytes, FeatureSet::all().disable(Feature::TailCall), executor);
  ASSERT_FALSE(module.ok());
  EXPECT_EQ(module.error().message(),
            "feature is off: tail-call (enable it with --enable=tail-call)");
}

// One of several bad bodies is reported, and always the same.
TEST(Typing, FirstBadFunctionIsReported) {
  auto bytes = parse_wat("(module (func) (func (drop (i32.const 0)) drop) (func i32.add))");
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(refusal(*bytes), "drop needs an operand, the stack is empty");
}

}  // namespace
}  // namespace lr
