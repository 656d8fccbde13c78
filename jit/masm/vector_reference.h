// What the vector instructions do, lane by lane in C++: for the tests of the Masms.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "jit/masm/masm.h"

namespace lr::jit {

// -- Lanes ----------------------------------------------------------------------------------------

template <typename T>
using Lanes = std::array<T, 16 / sizeof(T)>;
template <typename T>
Lanes<T> lanes(V128 value) {
  return std::bit_cast<Lanes<T>>(value);
}
template <typename T>
V128 vector_of(const Lanes<T>& values) {
  return std::bit_cast<V128>(values);
}

template <typename T>
struct BitsOf {
  using type = std::make_unsigned_t<T>;
};
template <>
struct BitsOf<float> {
  using type = u32;
};
template <>
struct BitsOf<double> {
  using type = u64;
};

// A comparison's answer is a mask, anything else becomes a lane.
template <typename T, typename R>
typename BitsOf<T>::type as_lane(R result) {
  using Bits = typename BitsOf<T>::type;
  if constexpr (std::is_same_v<R, bool>) {
    return result ? static_cast<Bits>(~Bits{0}) : Bits{0};
  } else {
    return std::bit_cast<Bits>(static_cast<T>(result));
  }
}

using UnaryFunction = V128 (*)(V128);
using BinaryFunction = V128 (*)(V128, V128);

template <typename T, auto kFunction>
V128 each(V128 a, V128 b) {
  const auto x = lanes<T>(a), y = lanes<T>(b);
  Lanes<typename BitsOf<T>::type> result;
  for (usize i = 0; i < x.size(); i++) result[i] = as_lane<T>(kFunction(x[i], y[i]));
  return vector_of(result);
}
template <typename T, auto kFunction>
V128 each(V128 a) {
  const auto x = lanes<T>(a);
  Lanes<typename BitsOf<T>::type> result;
  for (usize i = 0; i < x.size(); i++) result[i] = as_lane<T>(kFunction(x[i]));
  return vector_of(result);
}

template <typename T>
T saturated(i64 value) {
  return static_cast<T>(
      std::clamp<i64>(value, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
}

inline constexpr auto kAdd = [](auto a, auto b) { return a + b; };
inline constexpr auto kSub = [](auto a, auto b) { return a - b; };
inline constexpr auto kMul = [](auto a, auto b) { return a * b; };
inline constexpr auto kMul16 = [](u16 a, u16 b) { return static_cast<u16>(u32{a} * b); };
inline constexpr auto kDiv = [](auto a, auto b) { return a / b; };
inline constexpr auto kAddSat = [](auto a, auto b) { return saturated<decltype(a)>(i64{a} + b); };
inline constexpr auto kSubSat = [](auto a, auto b) { return saturated<decltype(a)>(i64{a} - b); };
inline constexpr auto kMinimum = [](auto a, auto b) { return b < a ? b : a; };
inline constexpr auto kMaximum = [](auto a, auto b) { return a < b ? b : a; };
inline constexpr auto kAverage = [](auto a, auto b) { return (a + b + 1) / 2; };
inline constexpr auto kEq = [](auto a, auto b) { return a == b; };
inline constexpr auto kNe = [](auto a, auto b) { return a != b; };
inline constexpr auto kLt = [](auto a, auto b) { return a < b; };
inline constexpr auto kGt = [](auto a, auto b) { return a > b; };
inline constexpr auto kLe = [](auto a, auto b) { return a <= b; };
inline constexpr auto kGe = [](auto a, auto b) { return a >= b; };
inline constexpr auto kAnd = [](u64 a, u64 b) { return a & b; };
inline constexpr auto kAndnot = [](u64 a, u64 b) { return a & ~b; };
inline constexpr auto kOr = [](u64 a, u64 b) { return a | b; };
inline constexpr auto kXor = [](u64 a, u64 b) { return a ^ b; };
inline constexpr auto kQ15 = [](i16 a, i16 b) {
  return saturated<i16>((i64{a} * b + 0x4000) >> 15);
};
inline constexpr auto kFloatMin = [](auto a, auto b) {
  if (a == 0 && b == 0) return std::signbit(a) ? a : b;
  return std::isnan(a) || std::isnan(b) ? a + b : std::min(a, b);
};
inline constexpr auto kFloatMax = [](auto a, auto b) {
  if (a == 0 && b == 0) return std::signbit(a) ? b : a;
  return std::isnan(a) || std::isnan(b) ? a + b : std::max(a, b);
};

inline V128 swizzle(V128 a, V128 b) {
  const auto x = lanes<u8>(a), at = lanes<u8>(b);
  Lanes<u8> result;
  for (usize i = 0; i < 16; i++) result[i] = at[i] < 16 ? x[at[i]] : 0;
  return vector_of(result);
}

template <typename From, typename To>
V128 narrow(V128 a, V128 b) {
  Lanes<To> result;
  const auto x = lanes<From>(a), y = lanes<From>(b);
  for (usize i = 0; i < x.size(); i++) {
    result[i] = saturated<To>(x[i]);
    result[x.size() + i] = saturated<To>(y[i]);
  }
  return vector_of(result);
}

template <typename From, typename To, bool kHigh>
V128 extend(V128 a) {
  Lanes<To> result;
  const auto x = lanes<From>(a);
  for (usize i = 0; i < result.size(); i++) result[i] = x[kHigh ? result.size() + i : i];
  return vector_of(result);
}

template <typename From, typename To, bool kHigh>
V128 extmul(V128 a, V128 b) {
  const auto x = lanes<To>(extend<From, To, kHigh>(a)), y = lanes<To>(extend<From, To, kHigh>(b));
  Lanes<To> result;
  for (usize i = 0; i < x.size(); i++) {
    result[i] = static_cast<To>(static_cast<u64>(x[i]) * static_cast<u64>(y[i]));
  }
  return vector_of(result);
}

template <typename From, typename To>
V128 pairwise(V128 a) {
  const auto x = lanes<From>(a);
  Lanes<To> result;
  for (usize i = 0; i < result.size(); i++) result[i] = static_cast<To>(x[2 * i] + x[2 * i + 1]);
  return vector_of(result);
}

inline V128 dot_of_words(V128 a, V128 b) {
  const auto x = lanes<i16>(a), y = lanes<i16>(b);
  Lanes<u32> result;
  for (usize i = 0; i < 4; i++) {
    result[i] = static_cast<u32>(i64{x[2 * i]} * y[2 * i] + i64{x[2 * i + 1]} * y[2 * i + 1]);
  }
  return vector_of(result);
}
inline V128 dot_of_bytes(V128 a, V128 b) {
  const auto x = lanes<i8>(a), y = lanes<i8>(b);
  Lanes<i16> result;
  for (usize i = 0; i < 8; i++) {
    result[i] = saturated<i16>(i64{x[2 * i]} * y[2 * i] + i64{x[2 * i + 1]} * y[2 * i + 1]);
  }
  return vector_of(result);
}

// -- References -----------------------------------------------------------------------------------

// What becomes of each lane by itself; null for other operations.
inline BinaryFunction lanewise(VectorBinary op) {
  using enum VectorBinary;
  switch (op) {
#define OF_SHAPE(shape, T, name, function) \
  case shape##name:                        \
    return each<T, function>;
#define INTEGERS(name, function)       \
  OF_SHAPE(I8x16, u8, name, function)  \
  OF_SHAPE(I16x8, u16, name, function) \
  OF_SHAPE(I32x4, u32, name, function) \
  OF_SHAPE(I64x2, u64, name, function)
#define FLOATS(name, function)           \
  OF_SHAPE(F32x4, float, name, function) \
  OF_SHAPE(F64x2, double, name, function)
#define SMALL(name, function)             \
  OF_SHAPE(I8x16, i8, name##S, function)  \
  OF_SHAPE(I8x16, u8, name##U, function)  \
  OF_SHAPE(I16x8, i16, name##S, function) \
  OF_SHAPE(I16x8, u16, name##U, function)
#define COMPARED(name, function)          \
  SMALL(name, function)                   \
  OF_SHAPE(I32x4, i32, name##S, function) \
  OF_SHAPE(I32x4, u32, name##U, function) \
  OF_SHAPE(I64x2, i64, name##S, function) \
  FLOATS(name, function)
    INTEGERS(Add, kAdd)
    INTEGERS(Sub, kSub)
    INTEGERS(Eq, kEq)
    INTEGERS(Ne, kNe)
    FLOATS(Eq, kEq)
    FLOATS(Ne, kNe)
    COMPARED(Lt, kLt)
    COMPARED(Gt, kGt)
    COMPARED(Le, kLe)
    COMPARED(Ge, kGe)
    SMALL(AddSat, kAddSat)
    SMALL(SubSat, kSubSat)
    SMALL(Min, kMinimum)
    SMALL(Max, kMaximum)
    OF_SHAPE(I32x4, i32, MinS, kMinimum)
    OF_SHAPE(I32x4, u32, MinU, kMinimum)
    OF_SHAPE(I32x4, i32, MaxS, kMaximum)
    OF_SHAPE(I32x4, u32, MaxU, kMaximum)
    OF_SHAPE(I8x16, u8, AvgrU, kAverage)
    OF_SHAPE(I16x8, u16, AvgrU, kAverage)
    OF_SHAPE(I16x8, u16, Mul, kMul16)
    OF_SHAPE(I32x4, u32, Mul, kMul)
    OF_SHAPE(I64x2, u64, Mul, kMul)
    OF_SHAPE(I16x8, i16, Q15mulrSatS, kQ15)
    FLOATS(Add, kAdd)
    FLOATS(Sub, kSub)
    FLOATS(Mul, kMul)
    FLOATS(Div, kDiv)
    FLOATS(Min, kFloatMin)
    FLOATS(Max, kFloatMax)
    FLOATS(Pmin, kMinimum)
    FLOATS(Pmax, kMaximum)
    OF_SHAPE(V128, u64, And, kAnd)
    OF_SHAPE(V128, u64, Andnot, kAndnot)
    OF_SHAPE(V128, u64, Or, kOr)
    OF_SHAPE(V128, u64, Xor, kXor)
    default:
      return nullptr;
  }
}

inline BinaryFunction reference(VectorBinary op) {
  using enum VectorBinary;
  switch (op) {
    case I16x8ExtmulLowI8x16S:
      return extmul<i8, i16, false>;
    case I16x8ExtmulLowI8x16U:
      return extmul<u8, u16, false>;
    case I16x8ExtmulHighI8x16S:
      return extmul<i8, i16, true>;
    case I16x8ExtmulHighI8x16U:
      return extmul<u8, u16, true>;
    case I32x4ExtmulLowI16x8S:
      return extmul<i16, i32, false>;
    case I32x4ExtmulLowI16x8U:
      return extmul<u16, u32, false>;
    case I32x4ExtmulHighI16x8S:
      return extmul<i16, i32, true>;
    case I32x4ExtmulHighI16x8U:
      return extmul<u16, u32, true>;
    case I64x2ExtmulLowI32x4S:
      return extmul<i32, i64, false>;
    case I64x2ExtmulLowI32x4U:
      return extmul<u32, u64, false>;
    case I64x2ExtmulHighI32x4S:
      return extmul<i32, i64, true>;
    case I64x2ExtmulHighI32x4U:
      return extmul<u32, u64, true>;
    case I8x16NarrowI16x8S:
      return narrow<i16, i8>;
    case I8x16NarrowI16x8U:
      return narrow<i16, u8>;
    case I16x8NarrowI32x4S:
      return narrow<i32, i16>;
    case I16x8NarrowI32x4U:
      return narrow<i32, u16>;
    case I8x16Swizzle:
      return swizzle;
    case I32x4DotI16x8S:
      return dot_of_words;
    case I16x8DotS:
      return dot_of_bytes;
    default:
      return lanewise(op);
  }
}

inline constexpr auto kNot = [](u64 a) { return ~a; };
inline constexpr auto kAbs = [](auto a) {
  return a < 0 ? 0 - static_cast<u64>(a) : static_cast<u64>(a);
};
inline constexpr auto kNeg = [](auto a) { return 0 - static_cast<u64>(a); };
inline constexpr auto kPopcnt = [](u8 a) { return std::popcount(a); };
inline constexpr auto kFloatAbs = [](auto a) { return std::copysign(a, decltype(a){1}); };
inline constexpr auto kFloatNeg = [](auto a) {
  return std::copysign(a, std::signbit(a) ? decltype(a){1} : decltype(a){-1});
};
inline constexpr auto kSqrt = [](auto a) { return std::sqrt(a); };
inline constexpr auto kCeil = [](auto a) { return std::ceil(a); };
inline constexpr auto kFloor = [](auto a) { return std::floor(a); };
inline constexpr auto kTrunc = [](auto a) { return std::trunc(a); };
inline constexpr auto kNearest = [](auto a) { return std::nearbyint(a); };

template <typename To>
u32 truncated_to(double value) {
  if (std::isnan(value)) return 0;
  const double limited = std::clamp(value, double{std::numeric_limits<To>::min()},
                                    double{std::numeric_limits<To>::max()});
  return static_cast<u32>(static_cast<To>(limited));
}
template <typename From, typename To>
V128 truncate(V128 a) {
  const auto x = lanes<From>(a);
  Lanes<u32> result = {};
  for (usize i = 0; i < x.size(); i++) result[i] = truncated_to<To>(double{x[i]});
  return vector_of(result);
}
template <typename From, typename To>
V128 convert(V128 a) {
  const auto x = lanes<From>(a);
  Lanes<To> result = {};
  for (usize i = 0; i < std::min(x.size(), result.size()); i++) result[i] = static_cast<To>(x[i]);
  return vector_of(result);
}

inline UnaryFunction reference(VectorUnary op) {
  using enum VectorUnary;
  switch (op) {
    OF_SHAPE(V128, u64, Not, kNot)
    OF_SHAPE(I8x16, i8, Abs, kAbs)
    OF_SHAPE(I16x8, i16, Abs, kAbs)
    OF_SHAPE(I32x4, i32, Abs, kAbs)
    OF_SHAPE(I64x2, i64, Abs, kAbs)
    INTEGERS(Neg, kNeg)
    OF_SHAPE(I8x16, u8, Popcnt, kPopcnt)
    FLOATS(Abs, kFloatAbs)
    FLOATS(Neg, kFloatNeg)
    FLOATS(Sqrt, kSqrt)
    FLOATS(Ceil, kCeil)
    FLOATS(Floor, kFloor)
    FLOATS(Trunc, kTrunc)
    FLOATS(Nearest, kNearest)
    case I16x8ExtaddPairwiseI8x16S:
      return pairwise<i8, i16>;
    case I16x8ExtaddPairwiseI8x16U:
      return pairwise<u8, u16>;
    case I32x4ExtaddPairwiseI16x8S:
      return pairwise<i16, i32>;
    case I32x4ExtaddPairwiseI16x8U:
      return pairwise<u16, u32>;
    case I16x8ExtendLowI8x16S:
      return extend<i8, i16, false>;
    case I16x8ExtendLowI8x16U:
      return extend<u8, u16, false>;
    case I32x4ExtendLowI16x8S:
      return extend<i16, i32, false>;
    case I32x4ExtendLowI16x8U:
      return extend<u16, u32, false>;
    case I64x2ExtendLowI32x4S:
      return extend<i32, i64, false>;
    case I64x2ExtendLowI32x4U:
      return extend<u32, u64, false>;
    case I16x8ExtendHighI8x16S:
      return extend<i8, i16, true>;
    case I16x8ExtendHighI8x16U:
      return extend<u8, u16, true>;
    case I32x4ExtendHighI16x8S:
      return extend<i16, i32, true>;
    case I32x4ExtendHighI16x8U:
      return extend<u16, u32, true>;
    case I64x2ExtendHighI32x4S:
      return extend<i32, i64, true>;
    case I64x2ExtendHighI32x4U:
      return extend<u32, u64, true>;
    case F32x4DemoteF64x2Zero:
      return convert<double, float>;
    case F64x2PromoteLowF32x4:
      return convert<float, double>;
    case F32x4ConvertI32x4S:
      return convert<i32, float>;
    case F32x4ConvertI32x4U:
      return convert<u32, float>;
    case F64x2ConvertLowI32x4S:
      return convert<i32, double>;
    case F64x2ConvertLowI32x4U:
      return convert<u32, double>;
    case I32x4TruncSatF32x4S:
      return truncate<float, i32>;
    case I32x4TruncSatF32x4U:
      return truncate<float, u32>;
    case I32x4TruncSatF64x2SZero:
      return truncate<double, i32>;
    case I32x4TruncSatF64x2UZero:
      return truncate<double, u32>;
    default:
      return nullptr;  // Relaxed.
  }
}

#undef OF_SHAPE
#undef INTEGERS
#undef FLOATS
#undef SMALL
#undef COMPARED

}  // namespace lr::jit
