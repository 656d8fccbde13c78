// Values (specification section 4.2.1). Every value takes 16 bytes, so that the operand stack is an
// array; numbers stand in its low bytes, and what they do not fill is zero.
//
// A reference is 64 bits: null is 0, an i31 is its 31 bits shifted left by one with bit 0 set, a
// value of the host is its number shifted left by two with bit 1 set, and everything else is the
// address of an instance or an object, which is a multiple of 16.
#pragma once

#include <cstring>
#include <type_traits>

#include "base/types.h"

namespace lr::interp {

using Ref = u64;
inline constexpr Ref kNull = 0;

constexpr bool is_i31(Ref ref) { return (ref & 1) != 0; }
constexpr bool is_host(Ref ref) { return (ref & 3) == 2; }
constexpr Ref i31_ref(u32 value) { return u64{value & 0x7fff'ffff} << 1 | 1; }
constexpr u32 i31_bits(Ref ref) { return static_cast<u32>(ref >> 1); }
constexpr Ref host_ref(u64 number) { return number << 2 | 2; }

// Sixteen bytes, which instructions see as lanes of a type.
struct V128 {
  u8 bytes[16] = {};

  template <typename T>
  static constexpr u32 lanes = 16 / sizeof(T);

  template <typename T>
  T lane(u32 i) const {
    T value;
    std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
    return value;
  }
  template <typename T>
  void set_lane(u32 i, T value) {
    std::memcpy(bytes + i * sizeof(T), &value, sizeof(T));
  }
};

// Trivial, so that a stack of them costs nothing before it is used: write Value{} for zero.
struct alignas(16) Value {
  u64 low;
  u64 high;

  // T: an integer or float of 32 or 64 bits (a reference is a u64), or V128.
  template <typename T>
  T as() const {
    T value;
    std::memcpy(static_cast<void*>(&value), this, sizeof(T));
    return value;
  }
  template <typename T>
  static Value of(T from) {
    static_assert(sizeof(T) >= 4, "packed values are extended first");
    Value value{};
    std::memcpy(&value, &from, sizeof(T));
    return value;
  }
};

static_assert(std::is_trivial_v<Value>);

}  // namespace lr::interp
