// Operators on floats (specification section 4.3.3), under the specification's names. C++'s own
// operators round to nearest, ties to even, as the specification asks; this library is compiled
// without contraction of products and sums.
//
// A NaN that an operator makes is the positive canonical one, which the deterministic profile
// wants. abs, neg and copysign only touch the sign.
#pragma once

#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "base/types.h"
#include "spec-tests/interpreter/integer.h"
#include "spec-tests/interpreter/trap.h"

namespace lr::interp {

static_assert(std::numeric_limits<f32>::is_iec559 && std::numeric_limits<f64>::is_iec559);

template <typename F>
using BitsOf = std::conditional_t<sizeof(F) == 4, u32, u64>;
template <typename F>
inline constexpr BitsOf<F> kSignBit = BitsOf<F>{1} << (sizeof(F) * 8 - 1);

template <typename F>
constexpr F canonical_nan() {
  return std::bit_cast<F>(sizeof(F) == 4 ? static_cast<BitsOf<F>>(0x7fc0'0000)
                                         : static_cast<BitsOf<F>>(0x7ff8'0000'0000'0000));
}
template <typename F>
F canonical(F z) {
  return z != z ? canonical_nan<F>() : z;
}

template <typename F>
F fadd(F a, F b) {
  return canonical(a + b);
}
template <typename F>
F fsub(F a, F b) {
  return canonical(a - b);
}
template <typename F>
F fmul(F a, F b) {
  return canonical(a * b);
}
template <typename F>
F fdiv(F a, F b) {
  return canonical(a / b);
}
template <typename F>
F fsqrt(F a) {
  return canonical(std::sqrt(a));
}
template <typename F>
F fceil(F a) {
  return canonical(std::ceil(a));
}
template <typename F>
F ffloor(F a) {
  return canonical(std::floor(a));
}
template <typename F>
F ftrunc(F a) {
  return canonical(std::trunc(a));
}
template <typename F>
F fnearest(F a) {
  return canonical(std::nearbyint(a));
}

// Those that only touch the sign take and give bits: a compiler may quieten a NaN that it handles
// as a float.
template <typename F>
BitsOf<F> fabs(BitsOf<F> a) {
  return a & ~kSignBit<F>;
}
template <typename F>
BitsOf<F> fneg(BitsOf<F> a) {
  return a ^ kSignBit<F>;
}
template <typename F>
BitsOf<F> fcopysign(BitsOf<F> a, BitsOf<F> sign) {
  return (a & ~kSignBit<F>) | (sign & kSignBit<F>);
}
template <typename F>
bool is_negative(F a) {
  return (std::bit_cast<BitsOf<F>>(a) & kSignBit<F>) != 0;
}

template <typename F>
F fmin(F a, F b) {
  if (a != a || b != b) return canonical_nan<F>();
  if (a == b) return is_negative(a) ? a : b;  // Differ at most in the sign of a zero.
  return a < b ? a : b;
}
template <typename F>
F fmax(F a, F b) {
  if (a != a || b != b) return canonical_nan<F>();
  if (a == b) return is_negative(a) ? b : a;
  return a > b ? a : b;
}
template <typename F>
F fpmin(F a, F b) {
  return b < a ? b : a;
}
template <typename F>
F fpmax(F a, F b) {
  return a < b ? b : a;
}

template <typename F>
u32 feq(F a, F b) {
  return a == b;
}
template <typename F>
u32 fne(F a, F b) {
  return a != b;
}
template <typename F>
u32 flt(F a, F b) {
  return a < b;
}
template <typename F>
u32 fgt(F a, F b) {
  return a > b;
}
template <typename F>
u32 fle(F a, F b) {
  return a <= b;
}
template <typename F>
u32 fge(F a, F b) {
  return a >= b;
}

// -- Conversions (section 4.3.4) ------------------------------------------------------------------

// Two to the power of the number of value bits: what the integral part must be below.
template <typename Int, typename F>
F limit_of() {
  return std::ldexp(F{1}, std::numeric_limits<Int>::digits);
}

// Int is signed or unsigned: both `trunc_s` and `trunc_u`.
template <typename Int, typename F>
bool fits(F integral) {
  const F lowest = std::is_signed_v<Int> ? -limit_of<Int, F>() : F{0};
  return integral >= lowest && integral < limit_of<Int, F>();
}
template <typename Int, typename F>
OrTrap<std::make_unsigned_t<Int>> trunc(F z) {
  if (z != z) return Trap::InvalidConversion;
  const F integral = std::trunc(z);
  if (!fits<Int>(integral)) return Trap::IntegerOverflow;
  return static_cast<std::make_unsigned_t<Int>>(static_cast<Int>(integral));
}
template <typename Int, typename F>
std::make_unsigned_t<Int> trunc_sat(F z) {
  if (z != z) return 0;
  const F integral = std::trunc(z);
  Int result;
  if (fits<Int>(integral)) {
    result = static_cast<Int>(integral);
  } else {
    result = z < 0 ? std::numeric_limits<Int>::min() : std::numeric_limits<Int>::max();
  }
  return static_cast<std::make_unsigned_t<Int>>(result);
}

template <typename F, typename Int>
F convert(std::make_unsigned_t<Int> i) {
  return static_cast<F>(static_cast<Int>(i));
}
inline f32 demote(f64 z) { return canonical(static_cast<f32>(z)); }
inline f64 promote(f32 z) { return canonical(static_cast<f64>(z)); }

template <typename To, typename From>
To reinterpret(From a) {
  return std::bit_cast<To>(a);
}

}  // namespace lr::interp
