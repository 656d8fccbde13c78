// Bulk operations, tables, arrays and branches at every boundary, compiled and interpreted: what is
// out of bounds traps in both and changes nothing, what overlaps is copied as if it did not, and
// every 32-bit operand comes in a register whose upper half is dirty.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "spec-tests/side_by_side.h"

namespace lr::spec {
namespace {

// An instruction with operands @0, @1, ... of its address type; #1 stands for one that has 32 bits
// whatever the address type. `hash` names the function that says what has changed.
struct Case {
  const char* name;
  const char* body;
  const char* result;
  u32 operands;
  const char* hash;
  Feature feature = Feature::BulkMemory;
};

constexpr Case kCases[] = {
    {"fill", "(memory.fill @0 (i32.const 0xab) @1)", "", 2, "memory"},
    {"copy", "(memory.copy @0 @1 @2)", "", 3, "memory"},
    {"copy_here", "(memory.copy (@T.const 3) @0 @1)", "", 2, "memory"},
    {"init", "(memory.init $bytes @0 #1 #2)", "", 3, "memory"},
    {"init_dropped", "(memory.init $dropped @0 #1 #2)", "", 3, "memory"},
    {"fill_constant", "(memory.fill @0 (i32.const 1) (@T.const 17))", "", 1, "memory"},
    {"copy_constant", "(memory.copy @0 @1 (@T.const 33))", "", 2, "memory"},
    {"table_get", "(ref.is_null (table.get $t @0))", "i32", 1, "table"},
    {"table_set", "(table.set $t @0 (ref.func $b))", "", 1, "table"},
    {"table_fill", "(table.fill $t @0 (ref.func $a) @1)", "", 2, "table"},
    {"table_copy", "(table.copy $t $t @0 @1 @2)", "", 3, "table"},
    {"table_copy_other", "(table.copy $t $other @0 @1 @2)", "", 3, "table"},
    {"table_init", "(table.init $t $funcs @0 #1 #2)", "", 3, "table"},
    {"call_indirect", "(call_indirect $t (result i32) @0)", "i32", 1, "table"},
    {"call_other_type", "(call_indirect $t (param i32) (i32.const 1) @0)", "", 1, "table"},
    {"br_table",
     "(block (block (block (br_table 0 1 2 #0)) (return (i32.const 10)))"
     " (return (i32.const 11))) (i32.const 12)",
     "i32", 1, "table"},
    {"if", "(if (result i32) #0 (then (i32.const 1)) (else (i32.const 2)))", "i32", 1, "table"},
    {"select", "(select (i32.const 1) (i32.const 2) #0)", "i32", 1, "table"},
    {"array_get", "(array.get_u $array (global.get $array) #0)", "i32", 1, "array", Feature::Gc},
    {"array_set", "(array.set $array (global.get $array) #0 (i32.const 0x1234))", "", 1, "array",
     Feature::Gc},
    {"array_fill", "(array.fill $array (global.get $array) #0 (i32.const 7) #1)", "", 2, "array",
     Feature::Gc},
    {"array_copy", "(array.copy $array $array (global.get $array) #0 (global.get $array) #1 #2)",
     "", 3, "array", Feature::Gc},
    {"array_init", "(array.init_data $array $bytes (global.get $array) #0 #1 #2)", "", 3, "array",
     Feature::Gc},
    {"array_new", "(array.len (array.new_data $array $bytes #0 #1))", "i32", 2, "array",
     Feature::Gc},
};

constexpr u64 kMemoryBytes = 64 * kKiB;
constexpr u64 kEdges[] = {0,
                          1,
                          2,
                          3,
                          5,
                          16,
                          20,
                          21,
                          kMemoryBytes - 9,
                          kMemoryBytes - 1,
                          kMemoryBytes,
                          kMemoryBytes + 1,
                          0x7fff'ffff,
                          0x8000'0000,
                          0xffff'fff0,
                          0xffff'ffff};

// The text with operands in the places where they belong.
std::string with_operands(std::string_view body, bool is_64) {
  std::string text;
  for (usize i = 0; i < body.size(); i++) {
    if (body[i] != '@' && body[i] != '#') {
      text += body[i];
    } else if (body[++i] == 'T') {
      text += is_64 ? "i64" : "i32";
    } else if (body[i - 1] == '@' && is_64) {
      text += fmt::format("(local.get {})", body[i]);
    } else {
      text += fmt::format("(i32.wrap_i64 (local.get {}))", body[i]);
    }
  }
  return text;
}

constexpr std::string_view kArrayThings = R"(
  (type $array (array (mut i16)))
  (global $array (ref $array) (array.new $array (i32.const 3) (i32.const 20)))
  (func (export "array") (result i64) (local i32 i64)
    (loop $next
      (local.set 1 (i64.add (i64.mul (local.get 1) (i64.const 31))
        (i64.extend_i32_u (array.get_u $array (global.get $array) (local.get 0)))))
      (local.set 0 (i32.add (local.get 0) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get 0) (i32.const 20))))
    (local.get 1))
)";

std::string module_text(bool is_64, const FeatureSet& features) {
  const char* const type = is_64 ? "i64" : "";
  const char* const extend = is_64 ? "(i64.extend_i32_u (local.get 0))" : "(local.get 0)";
  std::string text = fmt::format(R"((module
  (memory {0} 1 1) (table $t {0} 20 20 funcref) (table $other {0} 30 funcref)
  (func $a (result i32) (i32.const 1)) (func $b (result i32) (i32.const 2))
  (func $c (param i32))
  (elem (table $t) ({2}.const 2) func $a $b $c $a) (elem (table $other) ({2}.const 25) func $b $c)
  (elem $funcs func $b $a $c $b $b)
  (data ({2}.const 0) "0123456789abcdefghijklmnop") (data ({2}.const 65500) "the end of the memory")
  (data $bytes "passive bytes, which are longer") (data $dropped "x")
  (func (export "drop") (data.drop $dropped))
  (func (export "memory") (result i64) (local i32 i64)
    (loop $next
      (local.set 1 (i64.add (i64.mul (local.get 1) (i64.const 31))
        (i64.xor (i64.load {1}) (i64.load offset=65024 {1}))))
      (local.set 0 (i32.add (local.get 0) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get 0) (i32.const 512))))
    (local.get 1))
  (func (export "table") (result i64) (local i32 i64)
    (loop $next
      (local.set 1 (i64.add (i64.mul (local.get 1) (i64.const 31))
        (if (result i64) (ref.is_null (table.get $t {1}))
          (then (i64.const 5))
          (else (i64.extend_i32_u (i32.add
            (i32.eq (local.get 0) (i32.const 4)) (i32.const 9)))))))
      (local.set 0 (i32.add (local.get 0) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get 0) (i32.const 20))))
    (local.get 1))
)",
                                 type, extend, is_64 ? "i64" : "i32");
  if (features.has(Feature::Gc)) text += kArrayThings;
  for (const Case& c : kCases) {
    if (!features.has(c.feature)) continue;
    std::string result;
    if (c.result[0] != 0) result = fmt::format("(result {})", c.result);
    text += fmt::format("(func (export \"do_{}\") (param i64 i64 i64) {} {})\n", c.name, result,
                        with_operands(c.body, is_64));
  }
  return text + ")";
}

class BulkMatrix : public testing::TestWithParam<Way> {
 protected:
  void try_all(bool is_64);
  void try_case(const Case& c, bool is_64);

  SideBySide engines_{GetParam()};
  u64 calls_ = 0;
};

void BulkMatrix::try_all(bool is_64) {
  const Status loaded = engines_.load(module_text(is_64, engines_.features()));
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  engines_.invoke("drop", {});
  for (const Case& c : kCases) {
    if (!engines_.features().has(c.feature)) continue;
    ASSERT_NO_FATAL_FAILURE(try_case(c, is_64)) << c.name;
  }
}

void BulkMatrix::try_case(const Case& c, bool is_64) {
  constexpr u64 kCount = std::size(kEdges);
  u64 all = 1;
  for (u32 i = 0; i < c.operands; i++) all *= kCount;
  const u64 stride = c.operands == 1 ? 1 : GetParam().stride;
  for (u64 at = 0; at < all; at += stride) {
    const u64 dirt = is_64 ? 0 : at % 3 * 0x5555'5555'0000'0000;
    const u64 args[] = {kEdges[at % kCount] | dirt, kEdges[at / kCount % kCount] | dirt,
                        kEdges[at / kCount / kCount] | dirt};
    calls_++;
    const SideBySide::Results results = engines_.invoke(std::string("do_") + c.name, args);
    ASSERT_TRUE(results.agree()) << args[0] << " " << args[1] << " " << args[2] << ": "
                                 << results.compiled_end << " / " << results.reference_end;
    ASSERT_TRUE(engines_.invoke(c.hash, {}).agree()) << args[0] << " " << args[1] << " " << args[2];
  }
}

TEST_P(BulkMatrix, AgreesWithTheInterpreter) {
  ASSERT_NO_FATAL_FAILURE(try_all(false));
  if (engines_.features().has(Feature::Memory64)) {
    ASSERT_NO_FATAL_FAILURE(try_all(true));
  }
  fmt::print("{} calls\n", calls_);
}

INSTANTIATE_TEST_SUITE_P(Ways, BulkMatrix, testing::ValuesIn(kMemoryWays),
                         [](const auto& way) { return std::string(way.param.name); });

}  // namespace
}  // namespace lr::spec
