// Many values over every kind of edge: 1, 2, 35 and 300 results of mixed types leave blocks, arms,
// loops, calls and dead code, above a value that must stay. Compiled and interpreted.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "spec-tests/side_by_side.h"

namespace lr::limits {
namespace {

using spec::SideBySide;
using spec::Way;

constexpr const char* kTypes[] = {"i32", "i64", "f32", "f64", "v128"};
constexpr const char* kFromInt[] = {"", "i64.extend_i32_s", "f32.convert_i32_s",
                                    "f64.convert_i32_s", "i32x4.splat"};

struct Edge {
  const char* name;
  // RESULTS, TYPES: the results, with and without the keyword. A, B: the values, made in one and in
  // another way. DROP takes them away.
  const char* body;
};
constexpr Edge kEdges[] = {
    {"end", "(block RESULTS A)"},
    {"br", "(block RESULTS (f64.const 5) (i32.load (i32.const 0)) A (br 0))"},
    {"br_if", "(block RESULTS A (br_if 0 (local.get 0)) DROP B)"},
    {"br_if_above",
     "(block RESULTS (i32.load (i32.const 0)) A (br_if 0 (local.get 0)) DROP drop B)"},
    {"br_if_compare", "(block RESULTS A (br_if 0 (i32.gt_s (local.get 0) (i32.const 1))) DROP B)"},
    {"br_table",
     "(block RESULTS (block RESULTS (block RESULTS A (br_table 0 1 2 (local.get 0))) DROP B)"
     " (br_if 0 (local.get 0)) DROP A)"},
    {"if", "(if RESULTS (local.get 0) (then A) (else B))"},
    {"if_params", "A (if (param TYPES) RESULTS (local.get 0) (then) (else DROP B))"},
    {"loop",
     "A (loop (param TYPES) RESULTS (local.set 0 (i32.sub (local.get 0) (i32.const 1)))"
     " (br_if 0 (i32.gt_s (local.get 0) (i32.const 0))))"},
    {"loop_anew",
     "A (loop (param TYPES) RESULTS DROP (local.set 0 (i32.sub (local.get 0) (i32.const 1))) B"
     " (br_if 0 (i32.gt_s (local.get 0) (i32.const 0))))"},
    {"outwards", "(block RESULTS (block (block A (br_if 2 (local.get 0)) DROP)) B)"},
    {"return", "A (return)"},
    {"return_from_inside",
     "(block RESULTS (block A (local.get 0) (if (param TYPES) RESULTS"
     " (then (br 2))) DROP) B)"},
    {"call", "(call $make (local.get 0))"},
    {"call_merged", "(block RESULTS (call $make (local.get 0)) (br_if 0 (local.get 0)) DROP B)"},
    {"call_and_loop",
     "(call $make (local.get 0)) (loop (param TYPES) RESULTS (call $same)"
     " (br_if 0 (i32.gt_s (local.tee 0 (i32.sub (local.get 0) (i32.const 1))) (i32.const 0))))"},
    {"indirect", "A (call_indirect (type $same) (i32.const 0))"},
    {"unreachable", "(block RESULTS (if (local.get 0) (then A (br 1))) (unreachable))"},
    {"dead",
     "(block RESULTS A (br 0) (drop) (drop) (i32.add) (drop) (block RESULTS (unreachable))"
     " (br 0))"},
    {"dead_block",
     "(block RESULTS A (br 0) (block (param TYPES) RESULTS (br_if 0 (local.get 0))))"},
    {"dead_arm",
     "(if RESULTS (local.get 0) (then A) (else (unreachable) (br_if 0 (local.get 0))))"},
    {"dead_loop", "(block RESULTS A (br 0) (loop RESULTS (br 0)))"},
    {"dead_table", "(block RESULTS A (br 0) (br_table 0 0 0 (i32.const 7)))"},
    {"caught",
     "(block RESULTS (try_table RESULTS (catch $e 0) A (if (param TYPES) RESULTS (local.get 0)"
     " (then (throw $e)) (else))))"},
};

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (usize at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
  return text;
}

class ManyValues {
 public:
  explicit ManyValues(u32 count) : count_(count) {
    for (u32 i = 0; i < count; i++) types_ += fmt::format(" {}", kTypes[i * 7 % 5]);
  }

  std::string module() const {
    std::string text = fmt::format(
        "(module (memory 1) (data (i32.const 0) \"\\07\")\n"
        "(type $same (func (param{0}) (result{0}))) (tag $e (param{0}))\n"
        "(table funcref (elem $same $nothing))\n"
        "(func $make (param i32) (result{0}) {1})\n(func $same (type $same)",
        types_, values(0));
    for (u32 i = 0; i < count_; i++) text += fmt::format(" (local.get {})", i);
    text += ")\n";
    for (const Edge& edge : kEdges) {
      // As they are, and with everything out of registers first.
      for (const char* const before : {"", "(call $clobber)"}) {
        text += fmt::format(
            "(func (export \"{}{}\") (param i32) (result i64{})"
            " (i64.extend_i32_s (i32.mul (local.get 0) (i32.const 77))) {} {})\n",
            edge.name, before[0] == 0 ? "" : "_called", types_, before, body(edge));
      }
    }
    return text +
           "(func $clobber (call_indirect (type $none) (i32.const 1)))"
           "(func $nothing) (type $none (func)))";
  }

 private:
  std::string values(u32 start) const {
    std::string text;
    for (u32 i = 0; i < count_; i++) {
      text += fmt::format(" (i32.add (local.get 0) (i32.const {})) {}", start + i * 3,
                          kFromInt[i * 7 % 5]);
    }
    return text;
  }

  std::string body(const Edge& edge) const {
    std::string drops;
    for (u32 i = 0; i < count_; i++) drops += " drop";
    std::string text = replaced(edge.body, "RESULTS", "(result TYPES)");
    text = replaced(text, "TYPES", types_);
    text = replaced(text, "DROP", drops);
    text = replaced(text, " A", values(1));
    text = replaced(text, " B", values(100'000));
    return text[0] == 'A' ? values(1) + text.substr(1) : text;
  }

  u32 count_;
  std::string types_;
};

class Merges : public testing::TestWithParam<Way> {};

TEST_P(Merges, ManyValuesOverEveryEdge) {
  SideBySide engines(GetParam());
  for (const u32 count : {1u, 2u, 3u, 35u, 300u}) {
    const Status loaded = engines.load(ManyValues(count).module());
    ASSERT_TRUE(loaded.ok()) << loaded.error().message();
    for (const Edge& edge : kEdges) {
      for (const char* const after : {"", "_called"}) {
        const std::string name = fmt::format("{}{}", edge.name, after);
        for (const u64 x : {u64{0}, u64{1}, u64{2}, u64{3}, u64{0xffff'fffb}}) {
          const auto results = engines.invoke(name, std::array<u64, 1>{x});
          EXPECT_TRUE(results.agree())
              << name << " with " << count << " values of " << x << ": '" << results.compiled_end
              << "' and '" << results.reference_end << "'";
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, Merges,
                         testing::Values(Way{"usual"}, Way{.name = "v2", .cpu = "v2"},
                                         Way{.name = "no_homes", .no_homes = true},
                                         Way{.name = "spilled",
                                             .memory_class = jit::MemoryClass::Dense,
                                             .spill_all = true}),
                         [](const auto& way) { return std::string(way.param.name); });

}  // namespace
}  // namespace lr::limits
