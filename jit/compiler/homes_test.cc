#include "jit/compiler/homes.h"

#include <gtest/gtest.h>

namespace lr::jit {
namespace {

constexpr u32 kBegin = 100;
constexpr u32 kEnd = 740;  // Ten bytes for each of the 64 places.

LocalFacts local(u32 weight, u32 begin, u32 end) {
  LocalFacts l;
  l.weight = weight;
  l.begin = begin;
  l.end = end;
  l.used = l.written = true;
  return l;
}

Homes assign(const FuncFacts& facts, const std::vector<Kind>& types,
             const std::vector<Reg>& arrival = {}) {
  Homes homes;
  homes.assign(facts, types, arrival, kBegin, kEnd, target_x64(CpuFeatures()));
  return homes;
}

TEST(Homes, DisjointIntervalsShareARegister) {
  FuncFacts facts;
  facts.locals = {local(100, 0, 300), local(90, 400, 600)};
  const Homes homes = assign(facts, {Kind::I32, Kind::I64});
  ASSERT_TRUE(homes.of(0).valid());
  EXPECT_EQ(homes.of(0), homes.of(1));
}

TEST(Homes, OverlappingIntervalsDoNot) {
  FuncFacts facts;
  facts.locals = {local(100, 0, 405), local(90, 400, 600)};
  const Homes homes = assign(facts, {Kind::I32, Kind::I32});
  ASSERT_TRUE(homes.of(0).valid());
  EXPECT_NE(homes.of(0), homes.of(1));
}

TEST(Homes, TheHeaviestWin) {
  FuncFacts facts;
  for (u32 i = 0; i < 30; i++) facts.locals.push_back(local(i + 1, 0, kEnd));
  const Homes homes = assign(facts, std::vector<Kind>(30, Kind::I32));
  EXPECT_FALSE(homes.of(0).valid());
  EXPECT_TRUE(homes.of(29).valid());
  for (u32 i = 1; i < 30; i++) {
    EXPECT_LE(homes.of(i - 1).valid(), homes.of(i).valid()) << "a lighter local has a home";
  }
}

TEST(Homes, TemporariesRemain) {
  const Target& target = target_x64(CpuFeatures());
  for (const bool calls : {false, true}) {
    FuncFacts facts;
    facts.has_call = calls;
    std::vector<Kind> types;
    for (u32 i = 0; i < 60; i++) {
      facts.locals.push_back(local(100, 0, kEnd));
      types.push_back(i % 2 == 0 ? Kind::I32 : Kind::F64);
    }
    const RegSet left = (target.allocatable - target.callee_saved) - assign(facts, types).all();
    EXPECT_GE((left & kAllInts).size(), 4u);
    EXPECT_GE((left & kAllVectors).size(), 4u);
  }
}

TEST(Homes, ResultRegistersAreNoHomesInFunctionsThatCall) {
  const Target& target = target_x64(CpuFeatures());
  FuncFacts facts;
  facts.has_call = true;
  for (u32 i = 0; i < 20; i++) facts.locals.push_back(local(100, 0, kEnd));
  const Homes homes = assign(facts, std::vector<Kind>(20, Kind::I64));
  for (const Reg reg : target.int_results) EXPECT_FALSE(homes.all().has(reg));
}

TEST(Homes, DivisionKeepsItsRegisters) {
  const Target& target = target_x64(CpuFeatures());
  FuncFacts facts;
  facts.has_div = true;
  for (u32 i = 0; i < 20; i++) facts.locals.push_back(local(100, 0, kEnd));
  const Homes homes = assign(facts, std::vector<Kind>(20, Kind::I64), {target.int_args[0]});
  EXPECT_FALSE(homes.all().has(target.div_dividend));
  EXPECT_FALSE(homes.all().has(target.div_clobber));
}

TEST(Homes, AParameterOfALeafStaysWhereItArrives) {
  const Target& target = target_x64(CpuFeatures());
  FuncFacts facts;
  facts.locals = {local(2, 0, kEnd), local(1, 0, kEnd)};
  const Homes homes =
      assign(facts, {Kind::I32, Kind::I32}, {target.int_args[0], target.int_args[1]});
  EXPECT_EQ(homes.of(0), target.int_args[0]);
  EXPECT_EQ(homes.of(1), target.int_args[1]);
}

}  // namespace
}  // namespace lr::jit
