#include "spec-tests/fuzz/constants.h"

#include <iterator>

namespace lr::fuzz {

namespace {

constexpr u64 kInts[] = {
    0,           1,           2,           3,           4,           5,           7,
    8,           10,          15,          16,          31,          32,          33,
    63,          64,          65,          100,         127,         128,         255,
    256,         641,         1000,        4095,        4096,        32767,       32768,
    65535,       65536,       65537,       0x7fff'fffe, 0x7fff'ffff, 0x8000'0000, 0x8000'0001,
    0xffff'fff0, 0xffff'fffe, 0xffff'ffff,
};
constexpr u64 kWideInts[] = {
    0x1'0000'0000,         0x1'0000'0001,         0x1'ffff'ffff,         0x7fff'ffff'ffff'ffff,
    0x8000'0000'0000'0000, 0x8000'0000'0000'0001, 0xffff'ffff'0000'0000, 0xffff'ffff'8000'0000,
    0xffff'ffff'7fff'ffff, 0xffff'ffff'ffff'fff0, 0xffff'ffff'ffff'fffe, 0xffff'ffff'ffff'ffff,
    0x0123'4567'89ab'cdef, 0xffff'ffff'ffff'ff80, 0xffff'ffff'ffff'8000,
};
// 0, 1, 0.5, 1.5, -1, limits of the integers, denormals, infinities, NaN; each also negative.
constexpr u32 kF32[] = {
    0,           0x3f80'0000, 0x3f00'0000, 0x3fc0'0000, 0x4000'0000, 0x4f00'0000, 0x4eff'ffff,
    0x4f80'0000, 0x4f7f'ffff, 0x5f00'0000, 0x5eff'ffff, 0x5f80'0000, 0x5f7f'ffff, 0x0000'0001,
    0x007f'ffff, 0x0080'0000, 0x7f7f'ffff, 0x7f80'0000, 0x7fc0'0000, 0x4b80'0000, 0x4120'0000,
};
constexpr u64 kF64[] = {
    0,
    0x3ff0'0000'0000'0000,
    0x3fe0'0000'0000'0000,
    0x3ff8'0000'0000'0000,
    0x4000'0000'0000'0000,
    0x41e0'0000'0000'0000,  // 2^31
    0x41df'ffff'ffc0'0000,  // 2^31 - 1
    0x41e0'0000'001f'ffff,
    0x41f0'0000'0000'0000,  // 2^32
    0x41ef'ffff'ffe0'0000,
    0x43e0'0000'0000'0000,  // 2^63
    0x43df'ffff'ffff'ffff,
    0x43f0'0000'0000'0000,  // 2^64
    0x43ef'ffff'ffff'ffff,
    0x0000'0000'0000'0001,
    0x000f'ffff'ffff'ffff,
    0x0010'0000'0000'0000,
    0x7fef'ffff'ffff'ffff,
    0x7ff0'0000'0000'0000,
    0x7ff8'0000'0000'0000,
    0x4024'0000'0000'0000,
};

}  // namespace

u64 pick_i32(Choices& choices) {
  switch (choices.below(8)) {
    case 0:
    case 1:
      return choices.below(16);
    case 2:
      return u64{1} << choices.below(32);
    case 3:
      return ((u64{1} << choices.below(32)) - 1) & 0xffff'ffff;
    case 4:
      return choices.bits64() & 0xffff'ffff;
    case 5:
      return choices.below(65536);
    default:
      return kInts[choices.below(std::size(kInts))];
  }
}

u64 pick_i64(Choices& choices) {
  switch (choices.below(8)) {
    case 0:
      return u64{1} << choices.below(64);
    case 1:
      return (u64{1} << choices.below(64)) - 1;
    case 2:
      return choices.bits64();
    case 3:
      return kWideInts[choices.below(std::size(kWideInts))];
    case 4:
      return ~(u64{1} << choices.below(64));
    default:
      return pick_i32(choices);
  }
}

u64 pick_f32(Choices& choices) {
  if (choices.chance(10)) return choices.bits64() & 0xffff'ffff;
  return kF32[choices.below(std::size(kF32))] | (choices.chance(33) ? 0x8000'0000 : 0);
}

u64 pick_f64(Choices& choices) {
  if (choices.chance(10)) return choices.bits64();
  return kF64[choices.below(std::size(kF64))] | (choices.chance(33) ? u64{1} << 63 : 0);
}

u64 argument(u32 kind, u32 n) {
  constexpr u64 kI32s[kArguments] = {
      0, 1,      0xffff'ffff, 7,  0x8000'0000, 65532,       16, 0x7fff'ffff,
      3, 0xfff0, 100,         31, 65536,       0x1234'5678, 2,  0xffff'fffe};
  constexpr u64 kI64s[kArguments] = {1,
                                     0,
                                     0xffff'ffff'ffff'ffff,
                                     0x8000'0000'0000'0000,
                                     0x1'0000'0000,
                                     5,
                                     0x7fff'ffff,
                                     0xffff'ffff,
                                     64,
                                     0x7fff'ffff'ffff'ffff,
                                     0x0123'4567'89ab'cdef,
                                     10,
                                     255,
                                     65535,
                                     3,
                                     0xffff'ffff'8000'0000};
  const u64 at = n % kArguments;
  if (kind == 0) return kI32s[at];
  if (kind == 1) return kI64s[at];
  if (kind == 2) return kF32[at];
  return kF64[at];
}

}  // namespace lr::fuzz
