// Operators on vectors (specification section 4.3.5): those of integers and floats, lane by lane,
// and what is between lanes. Relaxed operators take the first alternative of the specification,
// as the deterministic profile does.
#pragma once

#include "spec-tests/interpreter/float.h"
#include "spec-tests/interpreter/integer.h"
#include "spec-tests/interpreter/value.h"

namespace lr::interp {

// -- Lane by lane ---------------------------------------------------------------------------------

namespace internal {

template <auto kOperator>
struct Lanewise;

template <typename R, typename A, R (*kOperator)(A)>
struct Lanewise<kOperator> {
  static V128 map(V128 a) {
    V128 result;
    for (u32 i = 0; i < V128::lanes<A>; i++) result.set_lane<R>(i, kOperator(a.lane<A>(i)));
    return result;
  }
};

template <typename R, typename A, R (*kOperator)(A, A)>
struct Lanewise<kOperator> {
  static V128 map(V128 a, V128 b) {
    V128 result;
    for (u32 i = 0; i < V128::lanes<A>; i++) {
      result.set_lane<R>(i, kOperator(a.lane<A>(i), b.lane<A>(i)));
    }
    return result;
  }
  static V128 compare(V128 a, V128 b) {
    using Mask = std::conditional_t<
        sizeof(A) == 1, u8,
        std::conditional_t<sizeof(A) == 2, u16, std::conditional_t<sizeof(A) == 4, u32, u64>>>;
    V128 result;
    for (u32 i = 0; i < V128::lanes<A>; i++) {
      const bool holds = kOperator(a.lane<A>(i), b.lane<A>(i)) != 0;
      result.set_lane<Mask>(i, holds ? static_cast<Mask>(~Mask{0}) : Mask{0});
    }
    return result;
  }
  // The count is the same for all lanes, modulo their width.
  static V128 shift(V128 a, u32 count) {
    V128 result;
    const A by = static_cast<A>(count % kBits<A>);
    for (u32 i = 0; i < V128::lanes<A>; i++) result.set_lane<A>(i, kOperator(a.lane<A>(i), by));
    return result;
  }
};

template <typename A, A (*kOperator)(A, A, A)>
struct Lanewise<kOperator> {
  static V128 map(V128 a, V128 b, V128 c) {
    V128 result;
    for (u32 i = 0; i < V128::lanes<A>; i++) {
      result.set_lane<A>(i, kOperator(a.lane<A>(i), b.lane<A>(i), c.lane<A>(i)));
    }
    return result;
  }
};

}  // namespace internal

// Names for the table: map<iadd<u8>>, compare<ilt_s<u16>>, shift<ishl<u32>>.
template <auto kOperator>
inline constexpr auto map = &internal::Lanewise<kOperator>::map;
template <auto kOperator>
inline constexpr auto compare = &internal::Lanewise<kOperator>::compare;
template <auto kOperator>
inline constexpr auto shift = &internal::Lanewise<kOperator>::shift;

template <typename F>
F frelaxed_madd(F a, F b, F c) {
  return fadd(fmul(a, b), c);
}
template <typename F>
F frelaxed_nmadd(F a, F b, F c) {
  return frelaxed_madd(-a, b, c);
}

// -- Whole vectors --------------------------------------------------------------------------------

template <typename T, typename From>
V128 splat(From value) {
  V128 result;
  for (u32 i = 0; i < V128::lanes<T>; i++) result.set_lane<T>(i, static_cast<T>(value));
  return result;
}

// The vector whose other lanes are zero.
template <typename T>
V128 lowest_lane(T value) {
  V128 result;
  result.set_lane<T>(0, value);
  return result;
}

template <typename T>
T same(T value) {
  return value;
}

inline u32 any_true(V128 a) {
  for (const u8 byte : a.bytes) {
    if (byte != 0) return 1;
  }
  return 0;
}

template <typename T>
u32 all_true(V128 a) {
  for (u32 i = 0; i < V128::lanes<T>; i++) {
    if (a.lane<T>(i) == 0) return 0;
  }
  return 1;
}

template <typename T>
u32 bitmask(V128 a) {
  u32 result = 0;
  for (u32 i = 0; i < V128::lanes<T>; i++) {
    if (to_signed(a.lane<T>(i)) < 0) result |= u32{1} << i;
  }
  return result;
}

inline V128 swizzle(V128 a, V128 indices) {
  V128 result;
  for (u32 i = 0; i < 16; i++) {
    const u8 index = indices.bytes[i];
    result.bytes[i] = index < 16 ? a.bytes[index] : u8{0};
  }
  return result;
}

inline V128 shuffle(V128 a, V128 b, V128 indices) {
  V128 result;
  for (u32 i = 0; i < 16; i++) {
    const u8 index = indices.bytes[i];
    result.bytes[i] = index < 16 ? a.bytes[index] : b.bytes[index - 16];
  }
  return result;
}

// -- Between shapes -------------------------------------------------------------------------------

// kSaturate: sat_s<To> or sat_u<To>.
template <typename From, typename To, To (*kSaturate)(i64)>
V128 narrow(V128 a, V128 b) {
  constexpr u32 kLanes = V128::lanes<From>;
  V128 result;
  for (u32 i = 0; i < kLanes; i++) {
    result.set_lane<To>(i, kSaturate(to_signed(a.lane<From>(i))));
    result.set_lane<To>(i + kLanes, kSaturate(to_signed(b.lane<From>(i))));
  }
  return result;
}

enum class Half : u8 { Low, High };

// Lane `i` of a half, extended: kExtend is extend_s<To, From> or extend_u<To, From>.
template <typename From, typename To, To (*kExtend)(From)>
To half_lane(V128 a, Half half, u32 i) {
  return kExtend(a.lane<From>(half == Half::Low ? i : i + V128::lanes<To>));
}

template <typename From, typename To, To (*kExtend)(From), Half half>
V128 extend_half(V128 a) {
  V128 result;
  for (u32 i = 0; i < V128::lanes<To>; i++) {
    result.set_lane<To>(i, half_lane<From, To, kExtend>(a, half, i));
  }
  return result;
}

// The lanes of 64 bits, extended.
template <typename From, typename To, To (*kExtend)(From)>
V128 extend_lanes(u64 packed) {
  return extend_half<From, To, kExtend, Half::Low>(lowest_lane(packed));
}

template <typename From, typename To, To (*kExtend)(From), Half half>
V128 extmul(V128 a, V128 b) {
  V128 result;
  for (u32 i = 0; i < V128::lanes<To>; i++) {
    result.set_lane<To>(i, imul(half_lane<From, To, kExtend>(a, half, i),
                                half_lane<From, To, kExtend>(b, half, i)));
  }
  return result;
}

template <typename From, typename To, To (*kExtend)(From)>
V128 extadd_pairwise(V128 a) {
  V128 result;
  for (u32 i = 0; i < V128::lanes<To>; i++) {
    result.set_lane<To>(i, iadd(kExtend(a.lane<From>(2 * i)), kExtend(a.lane<From>(2 * i + 1))));
  }
  return result;
}

// The sum of the products of neighbours; kAdd says what it does when it is too large.
template <typename From, typename To, To (*kAdd)(To, To)>
V128 dot(V128 a, V128 b) {
  V128 result;
  for (u32 i = 0; i < V128::lanes<To>; i++) {
    const auto product = [&](u32 lane) {
      return imul(extend_s<To, From>(a.lane<From>(lane)), extend_s<To, From>(b.lane<From>(lane)));
    };
    result.set_lane<To>(i, kAdd(product(2 * i), product(2 * i + 1)));
  }
  return result;
}

inline V128 relaxed_dot_add(V128 a, V128 b, V128 c) {
  const V128 products = dot<u8, u16, iadd_sat_s<u16>>(a, b);
  return map<iadd<u32>>(extadd_pairwise<u16, u32, extend_s<u32, u16>>(products), c);
}

// The two lower lanes, converted between 32 and 64 bits either way; lanes beyond become zero.
template <typename From, typename To, To (*kConvert)(From)>
V128 convert_two(V128 a) {
  V128 result;
  for (u32 i = 0; i < 2; i++) result.set_lane<To>(i, kConvert(a.lane<From>(i)));
  return result;
}

}  // namespace lr::interp
