// Operators on integers (specification section 4.3.2), under the specification's names. T is an
// unsigned type of the operator's width; results are modulo its size. Vectors use them for lanes
// of 8 and 16 bits, so nothing here may rely on C++ promoting those to int.
#pragma once

#include <bit>
#include <limits>
#include <type_traits>

#include "base/types.h"
#include "spec-tests/interpreter/trap.h"

namespace lr::interp {

template <typename T>
using Signed = std::make_signed_t<T>;
template <typename T>
inline constexpr u32 kBits = sizeof(T) * 8;

template <typename T>
constexpr Signed<T> to_signed(T i) {
  return static_cast<Signed<T>>(i);
}

template <typename T>
T iadd(T a, T b) {
  return static_cast<T>(u64{a} + b);
}
template <typename T>
T isub(T a, T b) {
  return static_cast<T>(u64{a} - b);
}
template <typename T>
T imul(T a, T b) {
  return static_cast<T>(u64{a} * b);
}
template <typename T>
T ineg(T a) {
  return static_cast<T>(u64{0} - a);
}
template <typename T>
T iabs(T a) {
  return to_signed(a) < 0 ? ineg(a) : a;
}

template <typename T>
OrTrap<T> idiv_u(T a, T b) {
  if (b == 0) return Trap::IntegerDivideByZero;
  return static_cast<T>(a / b);
}
template <typename T>
OrTrap<T> idiv_s(T a, T b) {
  if (b == 0) return Trap::IntegerDivideByZero;
  if (to_signed(a) == std::numeric_limits<Signed<T>>::min() && to_signed(b) == -1) {
    return Trap::IntegerOverflow;
  }
  return static_cast<T>(to_signed(a) / to_signed(b));
}
template <typename T>
OrTrap<T> irem_u(T a, T b) {
  if (b == 0) return Trap::IntegerDivideByZero;
  return static_cast<T>(a % b);
}
template <typename T>
OrTrap<T> irem_s(T a, T b) {
  if (b == 0) return Trap::IntegerDivideByZero;
  if (to_signed(b) == -1) return T{0};  // C++ leaves the quotient's overflow undefined.
  return static_cast<T>(to_signed(a) % to_signed(b));
}

template <typename T>
T iand(T a, T b) {
  return static_cast<T>(a & b);
}
template <typename T>
T iandnot(T a, T b) {
  return static_cast<T>(a & ~b);
}
template <typename T>
T ior(T a, T b) {
  return static_cast<T>(a | b);
}
template <typename T>
T ixor(T a, T b) {
  return static_cast<T>(a ^ b);
}
template <typename T>
T inot(T a) {
  return static_cast<T>(~a);
}
template <typename T>
T ibitselect(T a, T b, T mask) {
  return static_cast<T>((a & mask) | (b & ~mask));
}

template <typename T>
T ishl(T a, T count) {
  return static_cast<T>(u64{a} << (count % kBits<T>));
}
template <typename T>
T ishr_u(T a, T count) {
  return static_cast<T>(a >> (count % kBits<T>));
}
template <typename T>
T ishr_s(T a, T count) {
  return static_cast<T>(to_signed(a) >> (count % kBits<T>));
}
template <typename T>
T irotl(T a, T count) {
  return std::rotl(a, static_cast<int>(count % kBits<T>));
}
template <typename T>
T irotr(T a, T count) {
  return std::rotr(a, static_cast<int>(count % kBits<T>));
}

template <typename T>
T iclz(T a) {
  return static_cast<T>(std::countl_zero(a));
}
template <typename T>
T ictz(T a) {
  return static_cast<T>(std::countr_zero(a));
}
template <typename T>
T ipopcnt(T a) {
  return static_cast<T>(std::popcount(a));
}

template <typename T>
u32 ieqz(T a) {
  return a == 0;
}
template <typename T>
u32 ieq(T a, T b) {
  return a == b;
}
template <typename T>
u32 ine(T a, T b) {
  return a != b;
}
template <typename T>
u32 ilt_u(T a, T b) {
  return a < b;
}
template <typename T>
u32 ilt_s(T a, T b) {
  return to_signed(a) < to_signed(b);
}
template <typename T>
u32 igt_u(T a, T b) {
  return a > b;
}
template <typename T>
u32 igt_s(T a, T b) {
  return to_signed(a) > to_signed(b);
}
template <typename T>
u32 ile_u(T a, T b) {
  return a <= b;
}
template <typename T>
u32 ile_s(T a, T b) {
  return to_signed(a) <= to_signed(b);
}
template <typename T>
u32 ige_u(T a, T b) {
  return a >= b;
}
template <typename T>
u32 ige_s(T a, T b) {
  return to_signed(a) >= to_signed(b);
}

// The low bits of `a` that make a From, extended to its whole width.
template <typename From, typename T>
T iextend_s(T a) {
  return static_cast<T>(to_signed(static_cast<From>(a)));
}
template <typename To, typename From>
To extend_u(From a) {
  return static_cast<To>(a);
}
template <typename To, typename From>
To extend_s(From a) {
  return static_cast<To>(i64{to_signed(a)});
}
template <typename To, typename From>
To wrap(From a) {
  return static_cast<To>(a);
}

template <typename T>
T imin_u(T a, T b) {
  return a < b ? a : b;
}
template <typename T>
T imin_s(T a, T b) {
  return to_signed(a) < to_signed(b) ? a : b;
}
template <typename T>
T imax_u(T a, T b) {
  return a > b ? a : b;
}
template <typename T>
T imax_s(T a, T b) {
  return to_signed(a) > to_signed(b) ? a : b;
}

// The nearest value of T: the specification's sat_u and sat_s.
template <typename T>
T sat_u(i64 i) {
  if (i < 0) return 0;
  return i > i64{std::numeric_limits<T>::max()} ? std::numeric_limits<T>::max() : static_cast<T>(i);
}
template <typename T>
T sat_s(i64 i) {
  using S = Signed<T>;
  if (i < i64{std::numeric_limits<S>::min()}) return static_cast<T>(std::numeric_limits<S>::min());
  if (i > i64{std::numeric_limits<S>::max()}) return static_cast<T>(std::numeric_limits<S>::max());
  return static_cast<T>(i);
}

// T: of 8 or 16 bits.
template <typename T>
T iadd_sat_u(T a, T b) {
  return sat_u<T>(i64{a} + b);
}
template <typename T>
T iadd_sat_s(T a, T b) {
  return sat_s<T>(i64{to_signed(a)} + to_signed(b));
}
template <typename T>
T isub_sat_u(T a, T b) {
  return sat_u<T>(i64{a} - b);
}
template <typename T>
T isub_sat_s(T a, T b) {
  return sat_s<T>(i64{to_signed(a)} - to_signed(b));
}
template <typename T>
T iavgr_u(T a, T b) {
  return static_cast<T>((u64{a} + b + 1) / 2);
}
inline u16 iq15mulr_sat_s(u16 a, u16 b) {
  return sat_s<u16>((i64{to_signed(a)} * to_signed(b) + 0x4000) >> 15);
}

}  // namespace lr::interp
