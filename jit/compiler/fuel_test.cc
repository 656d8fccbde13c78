#include "jit/compiler/fuel.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "frontend/decoder.h"
#include "frontend/validator.h"
#include "frontend/wat_parser.h"
#include "jit/compiler/compiler.h"

namespace lr::jit {
namespace {

// The charges of function 0 in the order of the code: units, and a star where the slice may end.
std::string plan_of(const std::string& body, u32 short_units = 0) {
  const std::string wat =
      "(module (func (param i32 i32) (local i32) " + body + ") (func $leaf) (tag $t))";
  auto bytes = parse_wat(wat);
  if (!bytes.ok()) return bytes.error().message();
  auto loaded = decode_module(std::move(bytes.value()), FeatureSet::defaults());
  if (!loaded.ok()) return loaded.error().message();
  const Module& module = *loaded.value();
  FuncFacts facts;
  ValidatorScratch scratch;
  const Status valid = validate_function(module, 0, &facts, scratch);
  if (!valid.ok()) return valid.error().message();
  FuelPlan plan;
  constexpr u32 kLocalsBytes = 3;  // One group of one local.
  plan.make(
      module.bytes.data(), module.functions[0].body_offset + kLocalsBytes, facts,
      [](u32) { return 0u; }, short_units);
  std::string text;
  u32 offset = 0;
  for (const FuelCharge& charge : plan.charges()) {
    EXPECT_GE(charge.offset, offset);
    offset = charge.offset;
    text += fmt::format("{}{}{}", text.empty() ? "" : " ", charge.units, charge.checked ? "*" : "");
  }
  return text;
}

struct PlanCase {
  const char* name;
  const char* body;
  const char* charges;
};

class Plan : public testing::TestWithParam<PlanCase> {};

TEST_P(Plan, PaysWhere) { EXPECT_EQ(plan_of(GetParam().body), GetParam().charges); }

#define COND "local.get 0 "
#define THREE "local.get 1 i32.eqz local.set 2 "

INSTANTIATE_TEST_SUITE_P(
    Fuel, Plan,
    testing::Values(
        PlanCase{"Empty", "", ""}, PlanCase{"Straight", THREE THREE, "6"},
        PlanCase{"FreeOnes", "nop block nop end local.get 0 drop return", "1"},
        PlanCase{"CallsAreChecked", THREE "call $leaf", "4*"},
        PlanCase{"BlockThatNobodyLeaves", "block " THREE "end " THREE, "6"},
        PlanCase{"If", COND "if " THREE "end " THREE, "5 3"},
        PlanCase{"IfElse", COND "if " THREE "else " THREE THREE "end " THREE, "5 3 6"},
        PlanCase{"IfInIf", COND "if " COND "if " THREE "end " THREE "end " THREE, "5 5 3"},
        PlanCase{"BrIf", "block " COND "br_if 0 " THREE "end " THREE, "5 3"},
        PlanCase{"BrIfFurther", "block block " COND "br_if 1 " THREE "end " THREE "end " THREE,
                 "5 6"},
        // The inner end is reached in two ways, one of which has skipped the middle.
        PlanCase{"BothWays",
                 "block block " COND "br_if 0 " COND "br_if 1 " THREE "end " THREE "end " THREE,
                 "5 2 3 3"},
        PlanCase{"Loop", THREE "loop " THREE COND "br_if 0 end " THREE, "6 5*"},
        PlanCase{"LoopThatIsNone", THREE "loop " THREE "end " THREE, "9"},
        PlanCase{"LoopInLoop",
                 "loop " THREE "loop " THREE COND "br_if 0 end " COND "br_if 0 end " THREE,
                 "3 5* 5*"},
        PlanCase{"Continue", "loop " COND "br_if 0 " THREE COND "br_if 0 end " THREE, "3 2* 5"},
        PlanCase{"LeaveLoop", "block loop " THREE COND "br_if 1 " THREE "br 0 end end " THREE,
                 "3 5* 4"},
        PlanCase{"BehindALoopThatMayBeLeft",
                 "block loop " COND "br_if 1 " COND "br_if 0 end " THREE "end " THREE, "3 2* 2 3"},
        PlanCase{"Return", COND "if return end " THREE, "2 3"},
        PlanCase{"ReturnAtTheEnd", COND "if " THREE "return else " THREE "end " THREE, "2 3 3 3"},
        PlanCase{"Dead", "block br 0 " THREE "loop " THREE "br 0 end end " THREE, "4"},
        PlanCase{"Switch",
                 "block block block " COND "br_table 0 1 2 end " THREE "end " THREE THREE
                 "end " THREE,
                 "5 3 6"},
        PlanCase{"SwitchWithBreaks",
                 "block block block " COND "br_table 0 1 2 end " THREE "br 1 end " THREE THREE
                 "end " THREE,
                 "5 4 6"},
        PlanCase{"Catch",
                 "block " THREE "try_table (catch_all 0) " THREE "call $leaf end " THREE
                 "end " THREE,
                 "14*"},
        PlanCase{"Throw", COND "if throw $t end " THREE, "5* 1"}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(Plan, ShortStretchesArePaidForWithWhatLeadsToThem) {
  const std::string if_else = COND "if " THREE "else " THREE THREE "end " THREE;
  EXPECT_EQ(plan_of(if_else, 0), "5 3 6");
  EXPECT_EQ(plan_of(if_else, 3), "8 6");
  // The second arm alone is more than what is always executed.
  EXPECT_EQ(plan_of(if_else, 16), "8 6");
  EXPECT_EQ(plan_of(THREE + if_else, 16), "14 3");
  EXPECT_EQ(plan_of(THREE THREE + if_else, 16), "20");
  // What leads to a stretch in a loop is in the loop.
  EXPECT_EQ(plan_of(THREE "loop " THREE COND "br_if 0 " COND "br_if 0 end " THREE, 16), "6 7*");
}

}  // namespace
}  // namespace lr::jit
