#include "jit/compiler/counted.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "frontend/decoder.h"
#include "frontend/validator.h"
#include "frontend/wat_parser.h"
#include "jit/compiler/compiler.h"

namespace lr::jit {
namespace {

std::optional<CountedLoop> read_loop(const std::string& body) {
  const std::string wat =
      "(module (memory 1) (func (param i32 i32) (local i32 i64 i32) loop $l " + body + " end))";
  auto module = decode_module(parse_wat(wat).value(), FeatureSet::defaults());
  CHECK(module.ok());
  const Module& m = *module.value();
  FuncFacts facts;
  ValidatorScratch scratch;
  const Status valid = validate_function(m, 0, &facts, scratch);
  EXPECT_TRUE(valid.ok()) << valid.error().message();
  BodyReader reader;
  reader.start(m.bytes.data(), facts.loops[0].begin + 2);
  return find_counted(reader, facts.loops[0]);
}

struct CountedCase {
  const char* name;
  const char* body;
  const char* counter;  // "local step", and "relation limit" behind it if there is one.
};

class Counted : public testing::TestWithParam<CountedCase> {};

TEST_P(Counted, IsRecognised) {
  const auto loop = read_loop(GetParam().body);
  std::string text;
  if (loop) text = fmt::format("{} {}", loop->local, loop->step);
  if (loop && loop->has_limit)
    text += fmt::format(" {} {}", info(loop->relation).text, loop->limit);
  EXPECT_EQ(text, GetParam().counter);
}

#define UP "local.get 2 i32.const 4 i32.add local.set 2 "
#define COND "local.get 0 i32.load8_u "

INSTANTIATE_TEST_SUITE_P(
    Jit, Counted,
    testing::Values(
        CountedCase{"Up", UP COND "br_if 0", "2 4"},
        CountedCase{"Down", "local.get 2 i32.const 1 i32.sub local.tee 2 br_if 0", "2 -1 i32.ne 0"},
        CountedCase{"Long", "local.get 3 i64.const -8 i64.add local.set 3 " COND "br_if 0", "3 -8"},
        CountedCase{"Limited",
                    "local.get 2 i32.const 1 i32.add local.tee 2 i32.const 64 i32.ne br_if 0",
                    "2 1 i32.ne 64"},
        CountedCase{"LimitedBySize", UP "local.get 2 i32.const 100 i32.lt_u br_if 0",
                    "2 4 i32.lt_u 100"},
        // A limit that may be passed in another way is none.
        CountedCase{"TwoWaysBack", UP COND "br_if 0 local.get 2 i32.const 9 i32.ne br_if 0", "2 4"},
        CountedCase{"OtherLimit", UP "local.get 4 i32.const 100 i32.lt_u br_if 0", "2 4"},
        CountedCase{"BackBefore", COND "br_if 0 " UP COND "br_if 0", ""},
        CountedCase{"BackInABlock", UP "block " COND "br_if 1 end", "2 4"},
        CountedCase{"OnlyInAnArm", COND "if " UP "end " COND "br_if 0", ""},
        CountedCase{"Twice", UP UP COND "br_if 0", ""},
        CountedCase{"AndOtherwise", UP COND "if i32.const 1 local.set 2 end " COND "br_if 0", ""},
        CountedCase{"ByNothing", "local.get 2 i32.const 0 i32.add local.set 2 " COND "br_if 0", ""},
        CountedCase{"ByAVariable", "local.get 2 local.get 1 i32.add local.set 2 " COND "br_if 0",
                    ""},
        CountedCase{"OfAnother", "local.get 4 i32.const 1 i32.add local.set 2 " COND "br_if 0", ""},
        CountedCase{"TheSecond", "i32.const 3 local.set 4 " UP COND "br_if 0", "2 4"},
        CountedCase{"Calls", UP "i32.const 0 memory.grow drop " COND "br_if 0", ""},
        CountedCase{"NotInnermost", UP "loop " COND "br_if 0 end " COND "br_if 0", ""}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(Counted, TheMaskIsZeroOncePerStride) {
  for (const i64 step : {i64{1}, i64{-1}, i64{3}, i64{4}, i64{-8}, i64{12}, i64{40}, i64{-7}}) {
    CountedLoop loop;
    loop.step = step;
    for (const u32 stride : {2u, 8u, 64u, 1024u}) {
      const u32 mask = loop.mask(stride);
      ASSERT_NE(mask, 0u);
      for (const u32 start : {0u, 1u, 7u, 0xffff'fff0u, 123'456'789u}) {
        u32 zeros = 0;
        for (u32 i = 0; i < stride; i++) {
          zeros += ((start + i * static_cast<u32>(step)) & mask) == 0;
        }
        EXPECT_EQ(zeros, 1u) << step << " " << stride << " " << start;
      }
    }
  }
  CountedLoop loop;
  loop.step = i64{1} << 28;
  EXPECT_EQ(loop.mask(64), 0u);
}

TEST(Counted, IterationsAreCountedWhereTheyCanBe) {
  struct Row {
    Op relation;
    i64 step, start, limit;
    std::optional<u64> iterations;
  };
  constexpr i64 kMax = 0x7fff'ffff;
  const Row rows[] = {{Op::I32Ne, 1, 0, 64, 64},
                      {Op::I32Ne, -1, 64, 0, 64},
                      {Op::I32Ne, 4, 0, 64, 16},
                      {Op::I32Ne, 4, 1, 64, std::nullopt},
                      {Op::I32Ne, 1, 64, 0, std::nullopt},
                      {Op::I32Ne, 1, 64, 64, std::nullopt},
                      {Op::I32LtS, 3, 0, 10, 4},
                      {Op::I32LtS, 3, -1, 10, 4},
                      {Op::I32LtS, 1, 10, 10, std::nullopt},
                      {Op::I32LtS, -1, 0, 10, std::nullopt},
                      {Op::I32LtS, 4, kMax - 10, kMax, std::nullopt},
                      {Op::I32LtU, 1, 0, 10, 10},
                      {Op::I32LtU, 1, -5, 10, std::nullopt},
                      {Op::I32LtU, 1, 0, -1, std::nullopt}};
  for (const Row& row : rows) {
    CountedLoop loop;
    loop.step = row.step;
    loop.has_limit = true;
    loop.relation = row.relation;
    loop.limit = row.limit;
    EXPECT_EQ(loop.iterations(row.start), row.iterations) << row.start << " " << row.limit;
  }
}

}  // namespace
}  // namespace lr::jit
