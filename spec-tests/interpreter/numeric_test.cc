// Operators at their edges, against values worked out by hand.
#include <gtest/gtest.h>

#include <bit>
#include <limits>

#include "spec-tests/interpreter/float.h"
#include "spec-tests/interpreter/integer.h"
#include "spec-tests/interpreter/vector.h"

namespace lr::interp {
namespace {

constexpr f64 kInfinity = std::numeric_limits<f64>::infinity();
constexpr f64 kQuietNan = std::numeric_limits<f64>::quiet_NaN();

u64 bits(f64 z) { return std::bit_cast<u64>(z); }

TEST(Integer, DivisionTrapsAtItsEdges) {
  EXPECT_EQ(idiv_s<u32>(1, 0).trap, Trap::IntegerDivideByZero);
  EXPECT_EQ(idiv_s<u32>(0x8000'0000, ~0u).trap, Trap::IntegerOverflow);
  EXPECT_EQ(irem_s<u32>(0x8000'0000, ~0u).value, 0u);
  EXPECT_EQ(idiv_s<u64>(u64{0} - 7, 2).value, u64{0} - 3);
  EXPECT_EQ(irem_s<u64>(u64{0} - 7, 2).value, u64{0} - 1);
  EXPECT_EQ(irem_u<u64>(u64{0} - 7, 10).value, 9u);
}

TEST(Integer, SmallLanesStaySmall) {
  EXPECT_EQ(ishl<u8>(0xff, 9), 0xfe);
  EXPECT_EQ(ishr_s<u8>(0x80, 7), 0xff);
  EXPECT_EQ(ishr_u<u16>(0x8000, 15), 1);
  EXPECT_EQ(iabs<u8>(0x80), 0x80);
  EXPECT_EQ(imul<u16>(0xffff, 0xffff), 1);
  EXPECT_EQ(iadd_sat_s<u8>(0x7f, 1), 0x7f);
  EXPECT_EQ(isub_sat_u<u16>(1, 2), 0);
  EXPECT_EQ(iavgr_u<u8>(0xff, 0xfe), 0xff);
  EXPECT_EQ(iq15mulr_sat_s(0x8000, 0x8000), 0x7fff);
}

struct MinMax {
  f64 a, b, min, max;
};

TEST(Float, MinAndMaxKnowZerosAndNan) {
  const MinMax cases[] = {
      {0.0, -0.0, -0.0, 0.0},
      {-0.0, 0.0, -0.0, 0.0},
      {-0.0, -0.0, -0.0, -0.0},
      {1, kInfinity, 1, kInfinity},
      {-kQuietNan, 1, kQuietNan, kQuietNan},
      {1, std::bit_cast<f64>(u64{0x7ff0'0000'0000'0001}), kQuietNan, kQuietNan},
  };
  for (const MinMax& c : cases) {
    EXPECT_EQ(bits(fmin(c.a, c.b)), bits(c.min)) << c.a << " " << c.b;
    EXPECT_EQ(bits(fmax(c.a, c.b)), bits(c.max)) << c.a << " " << c.b;
  }
}

TEST(Float, NearestTiesToEven) {
  EXPECT_EQ(bits(fnearest(0.5)), bits(0.0));
  EXPECT_EQ(bits(fnearest(-0.5)), bits(-0.0));
  EXPECT_EQ(fnearest(1.5), 2.0);
  EXPECT_EQ(fnearest(2.5), 2.0);
  EXPECT_EQ(fnearest(-4503599627370497.5), -4503599627370498.0);
}

TEST(Float, MadeNansAreCanonical) {
  const f64 signalling = std::bit_cast<f64>(u64{0xfff0'0000'0000'0001});
  for (const f64 nan :
       {fadd(signalling, 1.0), fsub(kInfinity, kInfinity), fmul(0.0, kInfinity), fdiv(0.0, 0.0),
        fsqrt(-1.0), fceil(signalling), promote(demote(nan(""))), fnearest(-kQuietNan)}) {
    EXPECT_EQ(bits(nan), 0x7ff8'0000'0000'0000);
  }
  EXPECT_EQ(fneg<f64>(0xfff0'0000'0000'0001), 0x7ff0'0000'0000'0001);
  EXPECT_EQ(fabs<f64>(0xfff0'0000'0000'0001), 0x7ff0'0000'0000'0001);
  EXPECT_EQ(fcopysign<f32>(0x7f80'0001, 0x8000'0000), 0xff80'0001);
}

TEST(Float, TruncationEndsWhereTheIntegerDoes) {
  EXPECT_EQ((trunc<i32, f64>(2147483647.9).value), 0x7fff'ffffu);
  EXPECT_EQ((trunc<i32, f64>(2147483648.0).trap), Trap::IntegerOverflow);
  EXPECT_EQ((trunc<i32, f64>(-2147483648.9).value), 0x8000'0000u);
  EXPECT_EQ((trunc<i32, f64>(-2147483649.0).trap), Trap::IntegerOverflow);
  EXPECT_EQ((trunc<u32, f64>(-0.9).value), 0u);
  EXPECT_EQ((trunc<u32, f64>(-1.0).trap), Trap::IntegerOverflow);
  EXPECT_EQ((trunc<u64, f32>(18446742974197923840.0f).value), 0xffff'ff00'0000'0000u);
  EXPECT_EQ((trunc<u64, f32>(18446744073709551616.0f).trap), Trap::IntegerOverflow);
  EXPECT_EQ((trunc<i64, f64>(kQuietNan).trap), Trap::InvalidConversion);
  EXPECT_EQ((trunc_sat<i64, f64>(-kInfinity)), 0x8000'0000'0000'0000u);
  EXPECT_EQ((trunc_sat<u32, f32>(-kInfinity)), 0u);
  EXPECT_EQ((trunc_sat<u32, f64>(1e30)), 0xffff'ffffu);
  EXPECT_EQ((trunc_sat<i32, f64>(kQuietNan)), 0u);
}

TEST(Float, ConversionsRoundOnce) {
  EXPECT_EQ((convert<f32, u64>(0x8000'0080'0000'0001)), 9223373136366403584.0f);
  EXPECT_EQ((convert<f32, u64>(0x8000'0080'0000'0000)), 9223372036854775808.0f);
  EXPECT_EQ((convert<f64, u64>(0xffff'ffff'ffff'fbff)), 18446744073709549568.0);
  EXPECT_EQ((convert<f64, i64>(0x8000'0000'0000'0000)), -9223372036854775808.0);
  EXPECT_EQ((convert<f32, i32>(16777217)), 16777216.0f);
}

TEST(Vector, BetweenLanes) {
  V128 bytes;
  for (u8 i = 0; i < 16; i++) bytes.bytes[i] = static_cast<u8>(0xf8 + i);
  EXPECT_EQ(bitmask<u8>(bytes), 0xffu);
  EXPECT_EQ((extadd_pairwise<u8, u16, extend_s<u16, u8>>(bytes).lane<u16>(0)), 0xfff1);
  EXPECT_EQ((extend_half<u8, u16, extend_u<u16, u8>, Half::Low>(bytes).lane<u16>(7)), 0xff);
  EXPECT_EQ((narrow<u16, u8, sat_u<u8>>(splat<u16, u32>(0xffff), splat<u16, u32>(300)).bytes[8]),
            0xff);
  const V128 smallest = splat<u8, u32>(0x80);
  EXPECT_EQ((dot<u8, u16, iadd_sat_s<u16>>(smallest, smallest).lane<u16>(3)), 0x7fff);
  const V128 smallest_words = splat<u16, u32>(0x8000);
  EXPECT_EQ((dot<u16, u32, iadd<u32>>(smallest_words, smallest_words).lane<u32>(0)), 0x8000'0000u);
}

}  // namespace
}  // namespace lr::interp
