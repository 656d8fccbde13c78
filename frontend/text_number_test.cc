#include "frontend/text_number.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>

namespace lr {
namespace {

struct ShapeCase {
  std::string_view text;
  NumberShape shape;
};

class Shapes : public testing::TestWithParam<ShapeCase> {};

TEST_P(Shapes, Are) { EXPECT_EQ(number_shape(GetParam().text), GetParam().shape); }

INSTANTIATE_TEST_SUITE_P(
    Numbers, Shapes,
    testing::Values(ShapeCase{"0", NumberShape::Nat}, ShapeCase{"1_000", NumberShape::Nat},
                    ShapeCase{"0xFf_0", NumberShape::Nat}, ShapeCase{"+1", NumberShape::Int},
                    ShapeCase{"-0x1", NumberShape::Int}, ShapeCase{"1.", NumberShape::Float},
                    ShapeCase{"1.5e-3", NumberShape::Float}, ShapeCase{"1e1_0", NumberShape::Float},
                    ShapeCase{"0x1.8p+3", NumberShape::Float},
                    ShapeCase{"0x1p-1", NumberShape::Float}, ShapeCase{"-inf", NumberShape::Float},
                    ShapeCase{"nan", NumberShape::Float}, ShapeCase{"+nan:0x1", NumberShape::Float},
                    ShapeCase{"", NumberShape::None}, ShapeCase{"+", NumberShape::None},
                    ShapeCase{"_1", NumberShape::None}, ShapeCase{"1_", NumberShape::None},
                    ShapeCase{"1__0", NumberShape::None}, ShapeCase{"0x", NumberShape::None},
                    ShapeCase{"0xg", NumberShape::None}, ShapeCase{".5", NumberShape::None},
                    ShapeCase{"1e", NumberShape::None}, ShapeCase{"1e+", NumberShape::None},
                    ShapeCase{"0x1p", NumberShape::None}, ShapeCase{"1.e_1", NumberShape::None},
                    ShapeCase{"nan:1", NumberShape::None},
                    ShapeCase{"nan:canonical", NumberShape::None},
                    ShapeCase{"infinity", NumberShape::None}, ShapeCase{"1p3", NumberShape::None},
                    ShapeCase{"0drop", NumberShape::None}));

struct IntCase {
  std::string_view text;
  u32 bits;
  std::optional<u64> value;
};

class Ints : public testing::TestWithParam<IntCase> {};

TEST_P(Ints, Are) { EXPECT_EQ(parse_int(GetParam().text, GetParam().bits), GetParam().value); }

INSTANTIATE_TEST_SUITE_P(
    Numbers, Ints,
    testing::Values(IntCase{"-1", 8, 0xff}, IntCase{"255", 8, 0xff}, IntCase{"256", 8, {}},
                    IntCase{"-128", 8, 0x80}, IntCase{"-129", 8, {}}, IntCase{"+7", 16, 7},
                    IntCase{"0xffff_ffff", 32, 0xffffffff}, IntCase{"0x1_0000_0000", 32, {}},
                    IntCase{"-0x8000_0000", 32, 0x80000000}, IntCase{"-0x8000_0001", 32, {}},
                    IntCase{"18446744073709551615", 64, ~u64{0}},
                    IntCase{"18446744073709551616", 64, {}}, IntCase{"0x10000000000000000", 64, {}},
                    IntCase{"-9223372036854775808", 64, u64{1} << 63},
                    IntCase{"-9223372036854775809", 64, {}}, IntCase{"-0", 64, 0}));

struct F32Case {
  std::string_view text;
  std::optional<u32> bits;
};

class F32s : public testing::TestWithParam<F32Case> {};

TEST_P(F32s, Are) { EXPECT_EQ(parse_f32(GetParam().text), GetParam().bits); }

INSTANTIATE_TEST_SUITE_P(
    Numbers, F32s,
    testing::Values(
        F32Case{"0", 0}, F32Case{"-0", 0x80000000}, F32Case{"1", 0x3f800000},
        F32Case{"-0x1.8p1", 0xc0400000}, F32Case{"inf", 0x7f800000}, F32Case{"-inf", 0xff800000},
        F32Case{"nan", 0x7fc00000}, F32Case{"-nan:0x1", 0xff800001}, F32Case{"nan:0x0", {}},
        F32Case{"nan:0x7f_ffff", 0x7fffffff}, F32Case{"nan:0x80_0000", {}},
        // The largest, and the first that rounds to infinity.
        F32Case{"0x1.fffffep127", 0x7f7fffff}, F32Case{"0x1.fffffefffffffp127", 0x7f7fffff},
        F32Case{"0x1.ffffffp127", {}}, F32Case{"1e39", {}},
        F32Case{"340282356779733661637539395458142568447", 0x7f7fffff},
        F32Case{"340282356779733661637539395458142568448", {}},
        // Ties to even, and just beyond them.
        F32Case{"0x1.000001p0", 0x3f800000}, F32Case{"0x1.000003p0", 0x3f800002},
        F32Case{"0x1.00000100000000000000001p0", 0x3f800001},
        F32Case{"0x100000100000000000000000000000001p-128", 0x3f800001},
        // Subnormal numbers: the smallest, its half (to even: zero) and a little more than that.
        F32Case{"0x1p-149", 1}, F32Case{"0x1p-150", 0}, F32Case{"0x1.000001p-150", 1},
        F32Case{"0x1p-151", 0}, F32Case{"0x1.fffffcp-127", 0x007fffff},
        F32Case{"0x1.fffffep-127", 0x00800000}, F32Case{"1e-45", 1}, F32Case{"1e-46", 0},
        F32Case{"0x0.0000000000000000000000000000000000000000001p172", 0x3f800000},
        F32Case{"0x1p-99999999999999999999", 0}, F32Case{"0x0p99999999999999999999", 0},
        F32Case{"1e-99999999999999999999", 0}, F32Case{"0e99999999999999999999", 0},
        F32Case{"1e99999999999999999999", {}}, F32Case{"1_0.5_0", 0x41280000}));

TEST(Numbers, F64) {
  EXPECT_EQ(parse_f64("0x1.fffffffffffffp1023"), 0x7fefffffffffffff);
  EXPECT_EQ(parse_f64("0x1.fffffffffffff8p1023"), std::nullopt);
  EXPECT_EQ(parse_f64("0x1.fffffffffffff7ffffp1023"), 0x7fefffffffffffff);
  EXPECT_EQ(parse_f64("4.9406564584124654e-324"), 1);
  EXPECT_EQ(parse_f64("2.4703282292062327e-324"), 0);
  EXPECT_EQ(parse_f64("0x1p-1074"), 1);
  EXPECT_EQ(parse_f64("0x1p-1075"), 0);
  EXPECT_EQ(parse_f64("0x1.0000000000001p-1075"), 1);
  EXPECT_EQ(parse_f64("-nan:0xfffffffffffff"), 0xffffffffffffffff);
  EXPECT_EQ(parse_f64("1e309"), std::nullopt);
}

// Against the C library, which rounds correctly too.
TEST(Numbers, RandomFloatsRoundAsStrtod) {
  std::mt19937 random(1);
  auto below = [&](u32 limit) { return static_cast<u32>(random() % limit); };
  auto digits = [&](u32 count, std::string& text) {
    for (; count > 0; count--) text += "0123456789abcdef"[below(16)];
  };
  for (int i = 0; i < 20'000; i++) {
    std::string text = "0x";
    digits(1 + below(20), text);
    text += '.';
    digits(below(20), text);
    text += 'p';
    text += std::to_string(static_cast<int>(below(2400)) - 1200);
    f64 wide = std::strtod(text.c_str(), nullptr);
    f32 narrow = std::strtof(text.c_str(), nullptr);
    std::optional<u64> wide_bits;
    std::optional<u32> narrow_bits;
    if (std::isfinite(wide)) wide_bits = std::bit_cast<u64>(wide);
    if (std::isfinite(narrow)) narrow_bits = std::bit_cast<u32>(narrow);
    EXPECT_EQ(parse_f64(text), wide_bits) << text;
    EXPECT_EQ(parse_f32(text), narrow_bits) << text;
  }
}

}  // namespace
}  // namespace lr
