#include "base/result.h"

#include <gtest/gtest.h>

namespace lr {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return make_error(Err::BadArgument, "odd");
  return n / 2;
}

Result<int> quarter(int n) {
  const int once = TRY(half(n));
  return half(once);
}

TEST(Result, TryPassesValuesOnAndReturnsErrors) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message(), "bad argument: odd");
  EXPECT_EQ(quarter(7).error().code, Err::BadArgument);
}

TEST(Result, MessageWithoutDetailIsTheTablesText) {
  EXPECT_EQ(make_error(Err::UnexpectedEnd).message(), "unexpected end");
  EXPECT_EQ(make_error(Err::UnexpectedEnd).phase(), ErrPhase::Malformed);
}

TEST(CheckDeathTest, NamesThePlaceAndTheCondition) {
  EXPECT_DEATH(CHECK(1 == 2), "result_test.cc:[0-9]+: check failed: 1 == 2");
}

}  // namespace
}  // namespace lr
