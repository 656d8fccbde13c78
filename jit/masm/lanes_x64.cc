// i8x16.shuffle on x86-64: the cheapest instruction that does what the lanes say, else two
// look-ups.
#include <algorithm>
#include <utility>

#include "jit/masm/masm_x64.h"

namespace lr::jit {

namespace {

using namespace x64;

constexpr Reg kScratch = int_reg(11), t = vector_reg(14), u = vector_reg(15);

constexpr Op kPshufb{0x66, 2, 0x00}, kPshufd{0x66, 1, 0x70}, kPshuflw{0xf2, 1, 0x70},
    kPshufhw{0xf3, 1, 0x70}, kPalignr{0x66, 3, 0x0f}, kPblendw{0x66, 3, 0x0e},
    kPblendvb{0x66, 3, 0x4c}, kShufps{0, 1, 0xc6}, kPor{0x66, 1, 0xeb}, kMovdqu{0xf3, 1, 0x6f},
    kMovd{0x66, 1, 0x6e}, kMovdOut{0x66, 1, 0x7e}, kMovss{0xf3, 1, 0x10}, kMovsd{0xf2, 1, 0x10},
    kMovddup{0xf2, 1, 0x12}, kPunpcklqdq{0x66, 1, 0x6c}, kPacksswb{0x66, 1, 0x63};
constexpr u8 kUpperHalf = 0xee;  // pshufd: the upper half, twice.

constexpr Op packed(u8 code) { return {0x66, 1, code}; }
constexpr Op packed38(u8 code) { return {0x66, 2, code}; }
constexpr Op packed3a(u8 code) { return {0x66, 3, code}; }

using Bytes16 = std::array<u8, 16>;

V128 to_vector(const Bytes16& bytes) {
  V128 value;
  std::memcpy(&value, bytes.data(), 16);
  return value;
}

// Does every group of `size` bytes stay together, from an aligned place?
bool moves_groups(std::span<const u8, 16> lanes, u32 size) {
  for (u32 i = 0; i < 16; i++) {
    const u32 first = lanes[i - i % size];
    if (first % size != 0 || lanes[i] != first + i % size) return false;
  }
  return true;
}

// Four numbers of two bits: which of four lanes, `lanes[at]`, `lanes[at + step]` and so on, of
// `size` bytes.
u8 choices(std::span<const u8, 16> lanes, u32 at, u32 size) {
  u32 bits = 0;
  for (u32 i = 0; i < 4; i++) bits |= (lanes[at + i * size] / size & 3) << (2 * i);
  return static_cast<u8>(bits);
}

// The lanes as they are when the operands are exchanged.
Bytes16 exchanged(std::span<const u8, 16> lanes) {
  Bytes16 other;
  std::ranges::transform(lanes, other.begin(), [](u8 lane) { return static_cast<u8>(lane ^ 16); });
  return other;
}

}  // namespace

// -- Lanes ----------------------------------------------------------------------------------------

void MasmX64::splat_bytes(Out& o, Reg dst, Reg src) {
  vec2(o, kMovd, u, src);
  if (cpu_.avx2) return vec2(o, packed38(0x78), dst, u);
  zero(o, t);
  vec(o, kPshufb, u, u, t);
  move_vec(o, dst, u);
}

void MasmX64::splat(VectorShape shape, Reg dst, Reg src) {
  Out o(buffer_);
  switch (shape) {
    case VectorShape::I8x16:
      return splat_bytes(o, dst, src);
    case VectorShape::I16x8:
      vec2(o, kMovd, u, src);
      if (cpu_.avx2) return vec2(o, packed38(0x79), dst, u);
      vec2_imm(o, {0xf2, 1, 0x70}, u, u, 0);
      return vec2_imm(o, kPshufd, dst, u, 0);
    case VectorShape::I32x4:
      vec2(o, kMovd, u, src);
      return vec2_imm(o, kPshufd, dst, u, 0);
    case VectorShape::I64x2:
      vec2(o, kMovd, u, src, true);
      return vec(o, kPunpcklqdq, dst, u, u);
    case VectorShape::F32x4:
      if (!cpu_.avx) move_vec(o, dst, std::exchange(src, dst));
      return vec_imm(o, kShufps, dst, src, src, 0);
    case VectorShape::F64x2:
      return vec2(o, kMovddup, dst, src);
  }
}

void MasmX64::extract_lane(VectorShape shape, bool is_signed, Reg dst, Reg src, u8 lane) {
  Out o(buffer_);
  const u32 d = dst.number();
  switch (shape) {
    case VectorShape::I8x16:
      vec2(o, packed3a(0x14), src, dst);
      o.byte(lane);
      if (is_signed) o.rr({0, 1, 0xbe}, false, d, d, true);
      return;
    case VectorShape::I16x8:
      vec2(o, packed(0xc5), dst, src);
      o.byte(lane);
      if (is_signed) o.rr({0, 1, 0xbf}, false, d, d);
      return;
    case VectorShape::I32x4:
      if (lane == 0) return vec2(o, kMovdOut, src, dst);
      return vec2_imm(o, packed3a(0x16), src, dst, lane);
    case VectorShape::I64x2:
      if (lane == 0) return vec2(o, kMovdOut, src, dst, true);
      vec2(o, packed3a(0x16), src, dst, true);
      return o.byte(lane);
    case VectorShape::F32x4:
      if (lane == 0) return move_vec(o, dst, src);
      if (lane == 1) return vec2(o, {0xf3, 1, 0x16}, dst, src);
      return vec2_imm(o, kPshufd, dst, src, lane);
    case VectorShape::F64x2:
      if (lane == 0) return move_vec(o, dst, src);
      return vec2_imm(o, kPshufd, dst, src, kUpperHalf);
  }
}

void MasmX64::replace_lane(VectorShape shape, Reg dst, Reg src, Reg value, u8 lane) {
  Out o(buffer_);
  if (value.is_vector() && !cpu_.avx && dst == value && dst != src) {
    move_vec(o, u, value);
    value = u;
  }
  switch (shape) {
    case VectorShape::I8x16:
      return vec_imm(o, packed3a(0x20), dst, src, value, lane);
    case VectorShape::I16x8:
      return vec_imm(o, packed(0xc4), dst, src, value, lane);
    case VectorShape::I32x4:
      return vec_imm(o, packed3a(0x22), dst, src, value, lane);
    case VectorShape::I64x2:
      return vec_imm(o, packed3a(0x22), dst, src, value, lane, true);
    case VectorShape::F32x4:
      return vec_imm(o, packed3a(0x21), dst, src, value, static_cast<u8>(lane << 4));
    case VectorShape::F64x2:
      return vec(o, lane == 0 ? kMovsd : kPunpcklqdq, dst, src, value);
  }
}

void MasmX64::bitmask(VectorShape shape, Reg dst, Reg src) {
  Out o(buffer_);
  switch (shape) {
    case VectorShape::I8x16:
      return vec2(o, packed(0xd7), dst, src);
    case VectorShape::I16x8:
      zero(o, t);
      vec_any(o, kPacksswb, u, src, t);
      return vec2(o, packed(0xd7), dst, u);
    case VectorShape::I64x2:
    case VectorShape::F64x2:
      return vec2(o, {0x66, 1, 0x50}, dst, src);
    default:
      return vec2(o, {0, 1, 0x50}, dst, src);
  }
}

// -- Memory ---------------------------------------------------------------------------------------

void MasmX64::load_vector(VectorLoad op, Reg dst, Address a) {
  using enum VectorLoad;
  Out o(buffer_);
  switch (op) {
    case V128Load8x8S:
    case V128Load8x8U:
    case V128Load16x4S:
    case V128Load16x4U:
    case V128Load32x2S:
    case V128Load32x2U: {
      constexpr u8 kCodes[] = {0x20, 0x30, 0x23, 0x33, 0x25, 0x35};
      return vec2(o, packed38(kCodes[static_cast<u8>(op)]), dst, a);
    }
    case V128Load8Splat:
      if (cpu_.avx2) return vec2(o, packed38(0x78), dst, a);
      o.rm({0, 1, 0xb6}, false, kScratch.number(), a);
      return splat_bytes(o, dst, kScratch);
    case V128Load16Splat:
      if (cpu_.avx2) return vec2(o, packed38(0x79), dst, a);
      o.rm({0, 1, 0xb7}, false, kScratch.number(), a);
      vec2(o, kMovd, dst, kScratch);
      vec2_imm(o, {0xf2, 1, 0x70}, dst, dst, 0);
      return vec2_imm(o, kPshufd, dst, dst, 0);
    case V128Load32Splat:
      if (cpu_.avx) return vec2(o, packed38(0x18), dst, a);
      vec2(o, kMovss, dst, a);
      return vec_imm(o, kShufps, dst, dst, dst, 0);
    case V128Load64Splat:
      return vec2(o, kMovddup, dst, a);
    case V128Load32Zero:
      return vec2(o, kMovss, dst, a);
    case V128Load64Zero:
      return vec2(o, kMovsd, dst, a);
  }
}

void MasmX64::load_lane(VectorShape shape, Reg dst, Reg src, Address a, u8 lane) {
  Out o(buffer_);
  if (shape == VectorShape::I64x2) {  // movlps, movhps
    return vec(o, {0, 1, lane == 0 ? u8{0x12} : u8{0x16}}, dst, src, Operand(a));
  }
  constexpr Op kInserts[] = {packed3a(0x20), packed(0xc4), packed3a(0x22)};
  vec(o, kInserts[static_cast<u8>(shape)], dst, src, Operand(a));
  o.byte(lane);
}

void MasmX64::store_lane(VectorShape shape, Address a, Reg src, u8 lane) {
  Out o(buffer_);
  if (shape == VectorShape::I64x2) return vec2(o, {0, 1, lane == 0 ? u8{0x13} : u8{0x17}}, src, a);
  if (shape == VectorShape::I32x4 && lane == 0) return vec2(o, {0xf3, 1, 0x11}, src, a);
  constexpr Op kExtracts[] = {packed3a(0x14), packed3a(0x15), packed3a(0x16)};
  vec2(o, kExtracts[static_cast<u8>(shape)], src, a);
  o.byte(lane);
}

// -- Shuffles
// --------------------------------------------------------------------------------------

// Words that move within their half, where the other half stays.
bool MasmX64::shuffle_words(Out& o, Reg dst, Reg src, Lanes lanes) {
  if (!moves_groups(lanes, 2)) return false;
  const auto in_half = [&](u32 half) {
    return std::ranges::all_of(lanes.subspan(half * 8, 8),
                               [&](u8 lane) { return lane / 8u == half; });
  };
  const auto stays = [&](u32 half) {
    for (u32 i = half * 8; i < half * 8 + 8; i++) {
      if (lanes[i] != i) return false;
    }
    return true;
  };
  if (!in_half(0) || !in_half(1)) return false;
  const bool low = !stays(0), high = !stays(1);
  if (low) vec2_imm(o, kPshuflw, dst, src, choices(lanes, 0, 2));
  if (high) vec2_imm(o, kPshufhw, dst, low ? dst : src, choices(lanes, 8, 2));
  return true;
}

// All lanes are of `src`, below 16.
bool MasmX64::shuffle_one(Out& o, Reg dst, Reg src, Lanes lanes) {
  if (moves_groups(lanes, 16)) return move_vec(o, dst, src), true;
  if (moves_groups(lanes, 4)) return vec2_imm(o, kPshufd, dst, src, choices(lanes, 0, 4)), true;
  if (shuffle_words(o, dst, src, lanes)) return true;
  for (u32 i = 1; i < 16; i++) {
    if (lanes[i] != (lanes[0] + i) % 16) return false;
  }
  if (!cpu_.avx) move_vec(o, dst, std::exchange(src, dst));
  return vec_imm(o, kPalignr, dst, src, src, lanes[0]), true;
}

bool MasmX64::unpack(Out& o, Reg dst, Reg lhs, Reg rhs, Lanes lanes) {
  constexpr u8 kLow[] = {0x60, 0x61, 0x62, 0x6c}, kHigh[] = {0x68, 0x69, 0x6a, 0x6d};
  for (u32 log = 0; log < 4; log++) {
    const u32 size = 1u << log;
    for (const bool high : {false, true}) {
      bool all = true;
      for (u32 i = 0; i < 16 && all; i++) {
        const u32 pair = i / (2 * size) * size + (high ? 8 : 0);
        all = lanes[i] == pair + i % size + (i / size % 2 == 1 ? 16 : 0);
      }
      if (!all) continue;
      vec_any(o, {0x66, 1, high ? kHigh[log] : kLow[log]}, dst, lhs, rhs);
      return true;
    }
  }
  return false;
}

// Every byte stays where it is.
bool MasmX64::blend(Out& o, Reg dst, Reg lhs, Reg rhs, Lanes lanes) {
  u32 words = 0;
  Bytes16 mask;
  for (u32 i = 0; i < 16; i++) {
    if ((lanes[i] & 15u) != i) return false;
    const bool from_rhs = lanes[i] >= 16;
    mask[i] = from_rhs ? 0xff : 0;
    words |= u32{from_rhs} << (i / 2);
  }
  if (moves_groups(lanes, 2)) {
    if (dst == rhs) {
      std::swap(lhs, rhs);
      words = ~words;
    }
    vec_imm(o, kPblendw, dst, lhs, rhs, static_cast<u8>(words));
    return true;
  }
  if (!cpu_.avx) return false;  // The mask would have to be in xmm0.
  vec2(o, kMovdqu, t, to_vector(mask));
  vec_imm(o, kPblendvb, dst, lhs, rhs, static_cast<u8>(t.number() << 4));
  return true;
}

// Two lanes of one operand, then two of one operand.
bool MasmX64::shuffle_pairs(Out& o, Reg dst, Reg lhs, Reg rhs, Lanes lanes) {
  if (!moves_groups(lanes, 4)) return false;
  const bool low = lanes[0] >= 16, high = lanes[8] >= 16;
  if ((lanes[4] >= 16) != low || (lanes[12] >= 16) != high) return false;
  vec_any(o, kShufps, dst, low ? rhs : lhs, high ? rhs : lhs);
  o.byte(choices(lanes, 0, 4));
  return true;
}

// Sixteen bytes in a row of lhs with rhs behind it.
bool MasmX64::align_right(Out& o, Reg dst, Reg lhs, Reg rhs, Lanes lanes) {
  for (u32 i = 1; i < 16; i++) {
    if (lanes[i] != lanes[0] + i) return false;
  }
  vec_any(o, kPalignr, dst, rhs, lhs);
  o.byte(lanes[0]);
  return true;
}

void MasmX64::shuffle(Reg dst, Reg lhs, Reg rhs, Lanes lanes) {
  Out o(buffer_);
  Bytes16 own;
  std::ranges::copy(lanes, own.begin());
  if (lhs == rhs) {
    for (u8& lane : own) lane &= 15;
  }
  if (std::ranges::all_of(own, [](u8 lane) { return lane >= 16; })) {
    own = exchanged(own);
    std::swap(lhs, rhs);
  }
  if (std::ranges::all_of(own, [](u8 lane) { return lane < 16; })) {
    if (!shuffle_one(o, dst, lhs, own)) vec(o, kPshufb, dst, lhs, to_vector(own));
    return;
  }
  if (own[0] >= 16) {
    own = exchanged(own);
    std::swap(lhs, rhs);
  }
  if (unpack(o, dst, lhs, rhs, own) || blend(o, dst, lhs, rhs, own) ||
      shuffle_pairs(o, dst, lhs, rhs, own) || align_right(o, dst, lhs, rhs, own)) {
    return;
  }
  Bytes16 of_lhs, of_rhs;  // A look-up with the upper bit set gives 0.
  for (u32 i = 0; i < 16; i++) {
    of_lhs[i] = own[i] < 16 ? own[i] : 0x80;
    of_rhs[i] = own[i] < 16 ? 0x80 : own[i] & 15;
  }
  vec(o, kPshufb, t, lhs, to_vector(of_lhs));
  vec(o, kPshufb, u, rhs, to_vector(of_rhs));
  vec(o, kPor, dst, t, u);
}

}  // namespace lr::jit
