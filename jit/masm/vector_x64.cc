// Vectors on x86-64: SSE4.2 or, in the same places, AVX (see vec() in float_x64.cc). Binary
// operations that are one instruction, or one and a little more, are rows of vector_x64.def.
// What deals with single lanes is in lanes_x64.cc. xmm14 (t) and xmm15 (u) are scratch.
//
// Where this machine and the specification differ: minps and maxps return their second source for a
// NaN or two zeros; conversions to integers answer everything out of range with the smallest
// integer; there are no shifts of bytes, few unsigned comparisons, and no shift by more than a
// lane's width that gives what the specification wants.
#include <utility>

#include "jit/masm/masm_x64.h"

namespace lr::jit {

namespace {

using namespace x64;

constexpr Reg kScratch = int_reg(11), t = vector_reg(14), u = vector_reg(15);

enum class Form : u8 {
  Plain,
  Swapped,
  Not,
  SwappedNot,
  IsLhs,
  IsNotLhs,
  Predicate,
  SwappedPredicate,
  Special
};

struct BinaryRow {
  VectorBinary name;
  Form form;
  Op op;
  u8 extra;
};
constexpr BinaryRow kBinary[] = {
#define BINARY(name, form, prefix, map, code, extra) \
  {VectorBinary::name, Form::form, {prefix, map, code}, extra},
#include "jit/masm/vector_x64.def"
};
constexpr bool is_in_order() {
  usize i = 0;
  for (const BinaryRow& row : kBinary) {
    if (row.name != static_cast<VectorBinary>(i++)) return false;
  }
  return i == static_cast<usize>(VectorBinary::I16x8DotS) + 1;
}
static_assert(is_in_order(), "vector_x64.def must have the rows of vector.def");

constexpr const BinaryRow& row_of(VectorBinary op) { return kBinary[static_cast<u8>(op)]; }

constexpr Op packed(u8 code) { return {0x66, 1, code}; }
constexpr Op packed38(u8 code) { return {0x66, 2, code}; }
constexpr Op packed3a(u8 code) { return {0x66, 3, code}; }
constexpr Op of_floats(FloatWidth w, u8 code) {
  return {w == FloatWidth::F64 ? u8{0x66} : u8{0}, 1, code};
}
constexpr bool is_f64(FloatWidth w) { return w == FloatWidth::F64; }

constexpr Op kPand = packed(0xdb), kPandn = packed(0xdf), kPor = packed(0xeb), kPxor = packed(0xef),
             kPcmpeqb = packed(0x74), kPcmpeqw = packed(0x75), kPcmpeqd = packed(0x76),
             kPcmpeqq = packed38(0x29), kPaddb = packed(0xfc), kPaddd = packed(0xfe),
             kPaddq = packed(0xd4), kPsubb = packed(0xf8), kPsubq = packed(0xfb),
             kPmullw = packed(0xd5), kPmulhw = packed(0xe5), kPmulhuw = packed(0xe4),
             kPmuludq = packed(0xf4), kPmuldq = packed38(0x28), kPmaddwd = packed(0xf5),
             kPmaddubsw = packed38(0x04), kPmulhrsw = packed38(0x0b), kPshufb = packed38(0),
             kPshufd = packed(0x70), kPacksswb = packed(0x63), kPackuswb = packed(0x67),
             kPaddsw = packed(0xed), kPaddusb = packed(0xdc), kPmaxsd = packed38(0x3d),
             kPunpcklbw = packed(0x60), kPunpckhbw = packed(0x68), kPunpcklwd = packed(0x61),
             kPunpckhwd = packed(0x69), kPunpckldq = packed(0x62), kPblendw = packed3a(0x0e),
             kPtest = packed38(0x17), kMovd = packed(0x6e), kMovdqu{0xf3, 1, 0x6f},
             kCvtdq2ps{0, 1, 0x5b}, kCvttps2dq{0xf3, 1, 0x5b}, kCvttpd2dq = packed(0xe6),
             kCvtdq2pd{0xf3, 1, 0xe6}, kMovss{0xf3, 1, 0x10}, kMovsd{0xf2, 1, 0x10},
             kShufps{0, 1, 0xc6}, kMov{0, 0, 0x8b}, kGroup1Imm8{0, 0, 0x83};
constexpr u8 kCmpCode = 0xc2, kAddCode = 0x58, kMulCode = 0x59, kSubCode = 0x5c, kMinCode = 0x5d,
             kMaxCode = 0x5f, kAndCode = 0x54, kAndnCode = 0x55, kOrCode = 0x56, kXorCode = 0x57;
constexpr u8 kUpperHalf = 0xee;  // pshufd: the upper half, twice.
// Predicates of cmpps.
constexpr u8 kEqual = 0, kLess = 1, kUnordered = 3, kNotLess = 5, kGreaterOrEqual = 0x1d,
             kGreater = 0x1e;
// Groups of shifts by an immediate, and which shift.
constexpr u8 kShiftWords = 0x71, kShiftDwords = 0x72, kShiftQwords = 0x73;
constexpr u8 kRightExt = 2, kRightSignedExt = 4, kLeftExt = 6;

constexpr V128 each_byte(u64 value) {
  const u64 half = value * 0x0101'0101'0101'0101;
  return {half, half};
}
constexpr V128 each_word(u64 value) {
  return {value * 0x1'0001'0001'0001, value * 0x1'0001'0001'0001};
}
constexpr V128 each_dword(u64 value) { return {value << 32 | value, value << 32 | value}; }
constexpr V128 each_qword(u64 value) { return {value, value}; }

constexpr V128 sign_bits(FloatWidth w) {
  return is_f64(w) ? each_qword(u64{1} << 63) : each_dword(1u << 31);
}
constexpr V128 other_bits(FloatWidth w) {
  const V128 sign = sign_bits(w);
  return {~sign.low, ~sign.high};
}
constexpr V128 canonical_nan(FloatWidth w) {
  return is_f64(w) ? each_qword(0x7ff8'0000'0000'0000) : each_dword(0x7fc0'0000);
}

constexpr u32 lane_bits(VectorShape shape) {
  constexpr u8 kBits[] = {8, 16, 32, 64, 32, 64};
  return kBits[static_cast<u8>(shape)];
}
constexpr Op equal_lanes(VectorShape shape) {
  constexpr Op kOps[] = {kPcmpeqb, kPcmpeqw, kPcmpeqd, kPcmpeqq};
  return kOps[static_cast<u8>(shape)];
}

}  // namespace

// -- Forms ----------------------------------------------------------------------------------------

void MasmX64::vec_any(Out& o, Op op, Reg dst, Reg lhs, Reg rhs) {
  if (!cpu_.avx && dst == rhs && dst != lhs) {
    move_vec(o, u, rhs);
    rhs = u;
  }
  vec(o, op, dst, lhs, rhs);
}

void MasmX64::vec(Out& o, Op op, Reg dst, Reg lhs, V128 value, u32 imm_bytes) {
  vec(o, op, dst, lhs, constant(value, true), imm_bytes);
}

void MasmX64::vec2(Out& o, Op op, Reg reg, V128 value) { vec2(o, op, reg, constant(value, true)); }

void MasmX64::vec_imm(Out& o, Op op, Reg dst, Reg lhs, Reg rhs, u8 imm, bool wide) {
  vec(o, op, dst, lhs, rhs, wide);
  o.byte(imm);
}

void MasmX64::vec2_imm(Out& o, Op op, Reg dst, Reg src, u8 imm) {
  vec2(o, op, dst, src);
  o.byte(imm);
}

void MasmX64::zero(Out& o, Reg dst) { vec(o, kPxor, dst, dst, dst); }

void MasmX64::move_vector_imm(Reg dst, V128 value) {
  Out o(buffer_);
  if (value == V128{}) return zero(o, dst);
  if (value == each_byte(0xff)) return vec(o, kPcmpeqd, dst, dst, dst);
  vec2(o, kMovdqu, dst, value);
}

Operand MasmX64::vector_constant(V128 value) { return constant(value, true); }

// -- One operand ----------------------------------------------------------------------------------

void MasmX64::negate(Out& o, Op sub, Reg dst, Reg src) {
  zero(o, t);
  vec_any(o, sub, dst, t, src);
}

void MasmX64::i64x2_abs(Out& o, Reg dst, Reg src) {
  vec2_imm(o, kPshufd, t, src, 0xf5);
  vec_shift_imm(o, kShiftDwords, kRightSignedExt, t, t, 31);
  vec(o, kPxor, dst, src, t);
  vec(o, kPsubq, dst, dst, t);
}

// Looks up the number of bits of each half of a byte.
void MasmX64::i8x16_popcnt(Out& o, Reg dst, Reg src) {
  constexpr V128 kBitsOfNibble{0x0302'0201'0201'0100, 0x0403'0302'0302'0201};
  vec(o, kPand, t, src, each_byte(15));
  vec_shift_imm(o, kShiftWords, kRightExt, u, src, 4);
  vec(o, kPand, u, u, each_byte(15));
  vec2(o, kMovdqu, dst, kBitsOfNibble);
  vec(o, kPshufb, dst, dst, t);
  vec2(o, kMovdqu, t, kBitsOfNibble);
  vec(o, kPshufb, t, t, u);
  vec(o, kPaddb, dst, dst, t);
}

void MasmX64::extend_high(Out& o, Op extend, Op unpack, bool is_signed, Reg dst, Reg src) {
  if (is_signed) {
    vec2_imm(o, kPshufd, t, src, kUpperHalf);
    return vec2(o, extend, dst, t);
  }
  zero(o, t);
  vec(o, unpack, dst, src, t);
}

void MasmX64::pairwise(Out& o, VectorUnary op, Reg dst, Reg src) {
  switch (op) {
    case VectorUnary::I16x8ExtaddPairwiseI8x16S:
      vec2(o, kMovdqu, t, each_byte(1));  // The first source counts as unsigned.
      return vec_any(o, kPmaddubsw, dst, t, src);
    case VectorUnary::I16x8ExtaddPairwiseI8x16U:
      return vec(o, kPmaddubsw, dst, src, each_byte(1));
    case VectorUnary::I32x4ExtaddPairwiseI16x8S:
      return vec(o, kPmaddwd, dst, src, each_word(1));
    default:
      vec_shift_imm(o, kShiftDwords, kRightExt, t, src, 16);
      vec(o, kPand, dst, src, each_dword(0xffff));
      return vec(o, kPaddd, dst, dst, t);
  }
}

// Each half of the integer becomes the mantissa of a float with a known exponent.
void MasmX64::f32x4_from_u32(Out& o, Reg dst, Reg src) {
  constexpr u8 kUpperWords = 0xaa;
  vec_shift_imm(o, kShiftDwords, kRightExt, u, src, 16);
  vec(o, kPblendw, t, src, each_dword(0x4b00'0000), 1);  // 2^23 + lower half
  o.byte(kUpperWords);
  vec(o, kPblendw, u, u, each_dword(0x5300'0000), 1);  // 2^39 + upper half
  o.byte(kUpperWords);
  vec(o, of_floats(FloatWidth::F32, kSubCode), u, u, each_dword(0x5300'0080));  // 2^39 + 2^23
  vec_any(o, of_floats(FloatWidth::F32, kAddCode), dst, t, u);
}

// The answer 0x8000'0000 is inverted where the operand was too large.
void MasmX64::trunc_sat_f32x4_s(Out& o, Reg dst, Reg src) {
  vec_imm(o, of_floats(FloatWidth::F32, kCmpCode), t, src, src, kEqual);
  vec(o, of_floats(FloatWidth::F32, kAndCode), t, t, src);  // NaN becomes 0.
  vec(o, of_floats(FloatWidth::F32, kCmpCode), u, t, each_dword(0x4f00'0000), 1);
  o.byte(kNotLess);
  vec2(o, kCvttps2dq, dst, t);
  vec(o, kPxor, dst, dst, u);
}

// What is 2^31 or more contributes 2^31 and the rest.
void MasmX64::trunc_sat_f32x4_u(Out& o, Reg dst, Reg src) {
  constexpr V128 kTwoTo31 = each_dword(0x4f00'0000);
  zero(o, t);
  vec(o, of_floats(FloatWidth::F32, kMaxCode), dst, src, t);  // Also of a NaN 0.
  vec(o, of_floats(FloatWidth::F32, kSubCode), t, dst, kTwoTo31);
  vec(o, of_floats(FloatWidth::F32, kCmpCode), u, t, kTwoTo31, 1);
  o.byte(kNotLess);
  vec2(o, kCvttps2dq, t, t);
  vec(o, kPxor, t, t, u);
  zero(o, u);
  vec(o, kPmaxsd, t, t, u);
  vec2(o, kCvttps2dq, dst, dst);
  vec(o, kPaddd, dst, dst, t);
}

void MasmX64::trunc_sat_f64x2_s(Out& o, Reg dst, Reg src) {
  constexpr u64 kMax = 0x41df'ffff'ffc0'0000;  // 2^31 - 1
  vec_imm(o, of_floats(FloatWidth::F64, kCmpCode), t, src, src, kEqual);
  vec(o, of_floats(FloatWidth::F64, kAndCode), t, t, each_qword(kMax));
  vec(o, of_floats(FloatWidth::F64, kMinCode), dst, src, t);  // Of a NaN 0.
  vec2(o, kCvttpd2dq, dst, dst);
}

// 2^52 is added, so that the integer is in the lower half.
void MasmX64::trunc_sat_f64x2_u(Out& o, Reg dst, Reg src) {
  constexpr u64 kMax = 0x41ef'ffff'ffe0'0000;  // 2^32 - 1
  constexpr u64 kTwoTo52 = 0x4330'0000'0000'0000;
  constexpr u8 kTowardsZero = 3 | 8;
  zero(o, t);
  vec(o, of_floats(FloatWidth::F64, kMaxCode), dst, src, t);  // Of a NaN 0.
  vec(o, of_floats(FloatWidth::F64, kMinCode), dst, dst, each_qword(kMax));
  vec2_imm(o, packed3a(0x09), dst, dst, kTowardsZero);
  vec(o, of_floats(FloatWidth::F64, kAddCode), dst, dst, each_qword(kTwoTo52));
  vec_imm(o, kShufps, dst, dst, t, 0x88);
}

void MasmX64::convert_vector(Out& o, VectorUnary op, Reg dst, Reg src) {
  using enum VectorUnary;
  switch (op) {
    case F32x4DemoteF64x2Zero:
      return vec2(o, of_floats(FloatWidth::F64, 0x5a), dst, src);
    case F64x2PromoteLowF32x4:
      return vec2(o, of_floats(FloatWidth::F32, 0x5a), dst, src);
    case F32x4ConvertI32x4S:
      return vec2(o, kCvtdq2ps, dst, src);
    case F32x4ConvertI32x4U:
      return f32x4_from_u32(o, dst, src);
    case F64x2ConvertLowI32x4S:
      return vec2(o, kCvtdq2pd, dst, src);
    case F64x2ConvertLowI32x4U:  // 2^52 + the integer, less 2^52.
      vec(o, kPunpckldq, dst, src, each_dword(0x4330'0000));
      return vec(o, of_floats(FloatWidth::F64, kSubCode), dst, dst,
                 each_qword(0x4330'0000'0000'0000));
    case I32x4TruncSatF32x4S:
      return trunc_sat_f32x4_s(o, dst, src);
    case I32x4TruncSatF32x4U:
    case I32x4RelaxedTruncF32x4U:
      return trunc_sat_f32x4_u(o, dst, src);
    case I32x4TruncSatF64x2SZero:
      return trunc_sat_f64x2_s(o, dst, src);
    case I32x4TruncSatF64x2UZero:
    case I32x4RelaxedTruncF64x2UZero:
      return trunc_sat_f64x2_u(o, dst, src);
    case I32x4RelaxedTruncF32x4S:
      return vec2(o, kCvttps2dq, dst, src);
    default:
      DCHECK(op == I32x4RelaxedTruncF64x2SZero);
      return vec2(o, kCvttpd2dq, dst, src);
  }
}

void MasmX64::vector_unary(VectorUnary op, Reg dst, Reg src) {
  using enum VectorUnary;
  Out o(buffer_);
  const auto is_between = [op](VectorUnary first, VectorUnary last) {
    return op >= first && op <= last;
  };
  const u8 index = static_cast<u8>(op);
  if (is_between(I8x16Abs, I32x4Abs)) {
    return vec2(o, packed38(static_cast<u8>(0x1c + index - static_cast<u8>(I8x16Abs))), dst, src);
  }
  if (is_between(I8x16Neg, I64x2Neg)) {
    return negate(o, packed(static_cast<u8>(0xf8 + index - static_cast<u8>(I8x16Neg))), dst, src);
  }
  if (is_between(I16x8ExtaddPairwiseI8x16S, I32x4ExtaddPairwiseI16x8U)) {
    return pairwise(o, op, dst, src);
  }
  if (is_between(I16x8ExtendLowI8x16S, I64x2ExtendHighI32x4U)) {
    // pmovsxbw, pmovzxbw, pmovsxwd and so on, twice.
    constexpr u8 kExtends[] = {0x20, 0x30, 0x23, 0x33, 0x25, 0x35};
    const u8 which = static_cast<u8>(index - static_cast<u8>(I16x8ExtendLowI8x16S));
    const Op extend = packed38(kExtends[which % 6]);
    if (which < 6) return vec2(o, extend, dst, src);
    const Op unpack = packed(static_cast<u8>(0x68 + (which - 6) / 2));
    return extend_high(o, extend, unpack, which % 2 == 0, dst, src);
  }
  const FloatWidth w =
      index % 2 == static_cast<u8>(F32x4Abs) % 2 ? FloatWidth::F32 : FloatWidth::F64;
  if (is_between(F32x4Ceil, F64x2Nearest)) {
    constexpr u8 kModes[] = {2, 1, 3, 0};  // Ceil, Floor, Trunc, Nearest
    const u8 mode = kModes[(index - static_cast<u8>(F32x4Ceil)) / 2];
    return vec2_imm(o, packed3a(is_f64(w) ? 9 : 8), dst, src, mode | 8);  // 8: never inexact.
  }
  switch (op) {
    case V128Not:
      vec(o, kPcmpeqd, t, t, t);
      return vec(o, kPxor, dst, src, t);
    case I64x2Abs:
      return i64x2_abs(o, dst, src);
    case I8x16Popcnt:
      return i8x16_popcnt(o, dst, src);
    case F32x4Abs:
    case F64x2Abs:
      return vec(o, of_floats(w, kAndCode), dst, src, other_bits(w));
    case F32x4Neg:
    case F64x2Neg:
      return vec(o, of_floats(w, kXorCode), dst, src, sign_bits(w));
    case F32x4Sqrt:
    case F64x2Sqrt:
      return vec2(o, of_floats(w, 0x51), dst, src);
    default:
      return convert_vector(o, op, dst, src);
  }
}

// -- Two operands ---------------------------------------------------------------------------------

bool MasmX64::takes_memory(VectorBinary op) const {
  const Form form = row_of(op).form;
  return cpu_.avx && form != Form::Swapped && form != Form::SwappedNot && form != Form::Special;
}

void MasmX64::vector_binary(VectorBinary op, Reg dst, Reg lhs, Operand rhs) {
  Out o(buffer_);
  const BinaryRow& row = row_of(op);
  const bool in_register = rhs.kind == Operand::Kind::Register;
  DCHECK(in_register || takes_memory(op));
  const auto emit = [&](Reg to, u32 imm_bytes = 0) {
    in_register ? vec_any(o, row.op, to, lhs, rhs.reg) : vec(o, row.op, to, lhs, rhs, imm_bytes);
  };
  const auto invert = [&] {
    vec(o, kPcmpeqd, t, t, t);
    vec(o, kPxor, dst, dst, t);
  };
  switch (row.form) {
    case Form::Plain:
      if (in_register && dst == rhs.reg && commutes(op)) std::swap(lhs, rhs.reg);
      return emit(dst);
    case Form::Swapped:
      return vec_any(o, row.op, dst, rhs.reg, lhs);
    case Form::Not:
      emit(dst);
      return invert();
    case Form::SwappedNot:
      vec_any(o, row.op, dst, rhs.reg, lhs);
      return invert();
    case Form::IsLhs:
    case Form::IsNotLhs:
      emit(t);
      dst == lhs ? vec(o, packed(row.extra), dst, lhs, t) : vec(o, packed(row.extra), dst, t, lhs);
      if (row.form == Form::IsNotLhs) invert();
      return;
    case Form::Predicate:
      emit(dst, 1);
      return o.byte(row.extra);
    case Form::SwappedPredicate:  // AVX has predicates for both orders.
      if (cpu_.avx) {
        emit(dst, 1);
        return o.byte(row.extra == kLess ? kGreater : kGreaterOrEqual);
      }
      vec_any(o, row.op, dst, rhs.reg, lhs);
      return o.byte(row.extra);
    case Form::Special:
      return vector_special(o, op, dst, lhs, rhs.reg);
  }
}

// The product of the lower halves, and the two mixed ones in the upper half.
void MasmX64::i64x2_mul(Out& o, Reg dst, Reg lhs, Reg rhs) {
  vec_shift_imm(o, kShiftQwords, kRightExt, t, lhs, 32);
  vec(o, kPmuludq, t, t, rhs);
  vec_shift_imm(o, kShiftQwords, kRightExt, u, rhs, 32);
  vec(o, kPmuludq, u, u, lhs);
  vec(o, kPaddq, t, t, u);
  vec_shift_imm(o, kShiftQwords, kLeftExt, t, t, 32);
  if (dst == rhs) std::swap(lhs, rhs);
  vec(o, kPmuludq, dst, lhs, rhs);
  vec(o, kPaddq, dst, dst, t);
}

void MasmX64::extmul(Out& o, Op extend, bool high, Reg dst, Reg lhs, Reg rhs) {
  if (high) {
    vec2_imm(o, kPshufd, t, lhs, kUpperHalf);
    vec2_imm(o, kPshufd, u, rhs, kUpperHalf);
    lhs = t;
    rhs = u;
  }
  vec2(o, extend, t, lhs);
  vec2(o, extend, u, rhs);
  vec(o, kPmullw, t, t, u);
  move_vec(o, dst, t);
}

// Both orders differ where the machine is wrong: or-ing them joins signs and payloads, and a NaN
// gets all bits before those of the payload are cleared.
void MasmX64::vector_min(Out& o, FloatWidth w, Reg dst, Reg lhs, Reg rhs) {
  vec(o, of_floats(w, kMinCode), t, lhs, rhs);
  vec(o, of_floats(w, kMinCode), u, rhs, lhs);
  vec(o, of_floats(w, kOrCode), t, t, u);
  vec_imm(o, of_floats(w, kCmpCode), u, u, t, kUnordered);
  vec(o, of_floats(w, kOrCode), t, t, u);
  is_f64(w) ? vec_shift_imm(o, kShiftQwords, kRightExt, u, u, 13)
            : vec_shift_imm(o, kShiftDwords, kRightExt, u, u, 10);
  vec(o, of_floats(w, kAndnCode), dst, u, t);
}

// As above; the subtraction clears the sign of a zero where the two differed, and quiets.
void MasmX64::vector_max(Out& o, FloatWidth w, Reg dst, Reg lhs, Reg rhs) {
  vec(o, of_floats(w, kMaxCode), t, lhs, rhs);
  vec(o, of_floats(w, kMaxCode), u, rhs, lhs);
  vec(o, of_floats(w, kXorCode), u, u, t);
  vec(o, of_floats(w, kOrCode), t, t, u);
  vec(o, of_floats(w, kSubCode), t, t, u);
  vec_imm(o, of_floats(w, kCmpCode), u, u, t, kUnordered);
  is_f64(w) ? vec_shift_imm(o, kShiftQwords, kRightExt, u, u, 13)
            : vec_shift_imm(o, kShiftDwords, kRightExt, u, u, 10);
  vec(o, of_floats(w, kAndnCode), dst, u, t);
}

// Products of even and of odd bytes, whose sums saturate.
void MasmX64::dot_of_bytes(Out& o, Reg dst, Reg lhs, Reg rhs) {
  vec_shift_imm(o, kShiftWords, kLeftExt, t, lhs, 8);
  vec_shift_imm(o, kShiftWords, kRightSignedExt, t, t, 8);
  vec_shift_imm(o, kShiftWords, kLeftExt, u, rhs, 8);
  vec_shift_imm(o, kShiftWords, kRightSignedExt, u, u, 8);
  vec(o, kPmullw, t, t, u);
  vec_shift_imm(o, kShiftWords, kRightSignedExt, u, rhs, 8);
  vec_shift_imm(o, kShiftWords, kRightSignedExt, dst, lhs, 8);
  vec(o, kPmullw, dst, dst, u);
  vec(o, kPaddsw, dst, dst, t);
}

void MasmX64::vector_special(Out& o, VectorBinary op, Reg dst, Reg lhs, Reg rhs) {
  using enum VectorBinary;
  const u8 index = static_cast<u8>(op);
  if (op >= I16x8ExtmulLowI8x16S && op <= I16x8ExtmulHighI8x16U) {
    const u32 which = index - static_cast<u32>(I16x8ExtmulLowI8x16S);
    return extmul(o, packed38(which % 2 == 0 ? 0x20 : 0x30), which >= 2, dst, lhs, rhs);
  }
  if (op >= I32x4ExtmulLowI16x8S && op <= I32x4ExtmulHighI16x8U) {
    const u32 which = index - static_cast<u32>(I32x4ExtmulLowI16x8S);
    vec(o, kPmullw, t, lhs, rhs);
    vec(o, which % 2 == 0 ? kPmulhw : kPmulhuw, u, lhs, rhs);
    return vec(o, which < 2 ? kPunpcklwd : kPunpckhwd, dst, t, u);
  }
  if (op >= I64x2ExtmulLowI32x4S && op <= I64x2ExtmulHighI32x4U) {
    const u32 which = index - static_cast<u32>(I64x2ExtmulLowI32x4S);
    const u8 spread = which < 2 ? 0x50 : 0xfa;
    vec2_imm(o, kPshufd, t, lhs, spread);
    vec2_imm(o, kPshufd, u, rhs, spread);
    return vec(o, which % 2 == 0 ? kPmuldq : kPmuludq, dst, t, u);
  }
  switch (op) {
    case I64x2Mul:
      return i64x2_mul(o, dst, lhs, rhs);
    case I16x8Q15mulrSatS:  // Only -1 times -1 overflows.
      vec(o, kPmulhrsw, t, lhs, rhs);
      vec(o, kPcmpeqw, u, t, each_word(0x8000));
      return vec(o, kPxor, dst, t, u);
    case I8x16Swizzle:  // Indices from 16 on get their upper bit.
      vec(o, kPaddusb, t, rhs, each_byte(0x70));
      return vec(o, kPshufb, dst, lhs, t);
    case F32x4Min:
    case F64x2Min:
      return vector_min(o, op == F64x2Min ? FloatWidth::F64 : FloatWidth::F32, dst, lhs, rhs);
    case F32x4Max:
    case F64x2Max:
      return vector_max(o, op == F64x2Max ? FloatWidth::F64 : FloatWidth::F32, dst, lhs, rhs);
    default:
      DCHECK(op == I16x8DotS);
      return dot_of_bytes(o, dst, lhs, rhs);
  }
}

// -- Three operands -------------------------------------------------------------------------------

void MasmX64::bitselect(Out& o, Reg dst, Reg a, Reg b, Reg c) {
  vec(o, kPand, t, a, c);
  vec(o, kPandn, u, c, b);
  vec(o, kPor, dst, t, u);
}

void MasmX64::multiply_add(Out& o, FloatWidth w, bool negated, Reg dst, Reg a, Reg b, Reg c) {
  vec(o, of_floats(w, kMulCode), t, a, b);
  if (negated) return vec(o, of_floats(w, kSubCode), dst, c, t);
  vec(o, of_floats(w, kAddCode), dst, c, t);
}

void MasmX64::fused_multiply_add(Out& o, FloatWidth w, bool negated, Reg dst, Reg a, Reg b, Reg c) {
  if (dst == c) {
    const Op fma231 = packed38(negated ? 0xbc : 0xb8);
    return o.vex_rr(fma231, is_f64(w), dst.number(), a.number(), b.number());
  }
  if (dst == b) std::swap(a, b);
  move_vec(o, dst, a);
  const Op fma213 = packed38(negated ? 0xac : 0xa8);
  o.vex_rr(fma213, is_f64(w), dst.number(), b.number(), c.number());
}

void MasmX64::vector_ternary(VectorTernary op, Reg dst, Reg a, Reg b, Reg c) {
  using enum VectorTernary;
  Out o(buffer_);
  const auto blend = [&](u8 code) {
    if (!cpu_.avx) return bitselect(o, dst, a, b, c);
    vec_imm(o, packed3a(code), dst, b, a, static_cast<u8>(c.number() << 4));
  };
  const auto madd = [&](FloatWidth w, bool negated) {
    cpu_.fma ? fused_multiply_add(o, w, negated, dst, a, b, c)
             : multiply_add(o, w, negated, dst, a, b, c);
  };
  switch (op) {
    case V128Bitselect:
    case I16x8RelaxedLaneselect:
      return bitselect(o, dst, a, b, c);
    case I8x16RelaxedLaneselect:
      return blend(0x4c);
    case I32x4RelaxedLaneselect:
      return blend(0x4a);
    case I64x2RelaxedLaneselect:
      return blend(0x4b);
    case F32x4RelaxedMadd:
      return madd(FloatWidth::F32, false);
    case F32x4RelaxedNmadd:
      return madd(FloatWidth::F32, true);
    case F64x2RelaxedMadd:
      return madd(FloatWidth::F64, false);
    case F64x2RelaxedNmadd:
      return madd(FloatWidth::F64, true);
    case F32x4Madd:
      return multiply_add(o, FloatWidth::F32, false, dst, a, b, c);
    case F32x4Nmadd:
      return multiply_add(o, FloatWidth::F32, true, dst, a, b, c);
    case F64x2Madd:
      return multiply_add(o, FloatWidth::F64, false, dst, a, b, c);
    case F64x2Nmadd:
      return multiply_add(o, FloatWidth::F64, true, dst, a, b, c);
  }
}

// -- Shifts ---------------------------------------------------------------------------------------

namespace {

struct ShiftCodes {
  u8 by_register, group, extension;
};
// Of 16-, 32- and 64-bit lanes; there is no signed one of 64.
constexpr ShiftCodes shift_codes(Shift op, VectorShape shape) {
  const u8 lanes = static_cast<u8>(static_cast<u8>(shape) - static_cast<u8>(VectorShape::I16x8));
  const u8 base = op == Shift::Shl ? 0xf1 : op == Shift::ShrU ? 0xd1 : 0xe1;
  const u8 ext = op == Shift::Shl ? kLeftExt : op == Shift::ShrU ? kRightExt : kRightSignedExt;
  return {static_cast<u8>(base + lanes), static_cast<u8>(kShiftWords + lanes), ext};
}

}  // namespace

// 16-bit lanes are shifted; the bits that cross from byte to byte are cleared.
void MasmX64::shift_bytes(Out& o, Shift op, Reg dst, Reg src, u8 count) {
  if (op == Shift::Shl && count == 1) return vec(o, kPaddb, dst, src, src);
  const bool left = op == Shift::Shl;
  vec_shift_imm(o, kShiftWords, left ? kLeftExt : kRightExt, dst, src, count);
  vec(o, kPand, dst, dst, each_byte((left ? 0xffu << count : 0xffu >> count) & 0xff));
  if (op != Shift::ShrS) return;
  const V128 sign = each_byte(0x80u >> count);
  vec(o, kPxor, dst, dst, sign);
  vec(o, kPsubb, dst, dst, sign);
}

void MasmX64::shift_bytes(Out& o, Shift op, Reg dst, Reg src, Reg count) {
  o.rr(kMov, false, kScratch.number(), count.number());
  o.rr(kGroup1Imm8, false, 4, kScratch.number());
  o.byte(7);
  o.rr(kGroup1Imm8, false, 0, kScratch.number());
  o.byte(8);
  vec2(o, kMovd, u, kScratch);
  if (op == Shift::ShrS) {  // Each byte in the upper half of a word.
    vec(o, kPunpckhbw, t, src, src);
    vec(o, kPunpcklbw, dst, src, src);
    vec(o, packed(0xe1), t, t, u);
    vec(o, packed(0xe1), dst, dst, u);
    return vec(o, kPacksswb, dst, dst, t);
  }
  vec(o, kPcmpeqd, t, t, t);  // The bits that stay: all, shifted right.
  vec(o, packed(0xd1), t, t, u);
  vec(o, kPackuswb, t, t, t);
  o.rr(kGroup1Imm8, false, 5, kScratch.number());
  o.byte(8);
  vec2(o, kMovd, u, kScratch);
  if (op == Shift::ShrU) {
    vec(o, packed(0xd1), dst, src, u);
    vec(o, kPand, dst, dst, t);
  } else {
    vec(o, kPand, dst, src, t);
    vec(o, packed(0xf1), dst, dst, u);
  }
}

void MasmX64::vector_shift(Shift op, VectorShape shape, Reg dst, Reg src, u8 count) {
  count = static_cast<u8>(count & (lane_bits(shape) - 1));
  Out o(buffer_);
  if (count == 0) return move_vec(o, dst, src);
  if (shape == VectorShape::I8x16) return shift_bytes(o, op, dst, src, count);
  const bool lacking = shape == VectorShape::I64x2 && op == Shift::ShrS;
  const ShiftCodes codes = shift_codes(lacking ? Shift::ShrU : op, shape);
  vec_shift_imm(o, codes.group, codes.extension, dst, src, count);
  if (!lacking) return;
  const V128 sign = each_qword(u64{1} << (63 - count));
  vec(o, kPxor, dst, dst, sign);
  vec(o, kPsubq, dst, dst, sign);
}

// The count is in u. What the sign bit becomes is subtracted where it is set.
void MasmX64::shift_i64x2_signed(Out& o, Reg dst, Reg src) {
  vec(o, kPcmpeqd, t, t, t);
  vec_shift_imm(o, kShiftQwords, kLeftExt, t, t, 63);
  vec(o, packed(0xd3), t, t, u);
  vec(o, packed(0xd3), dst, src, u);
  vec(o, kPxor, dst, dst, t);
  vec(o, kPsubq, dst, dst, t);
}

void MasmX64::vector_shift(Shift op, VectorShape shape, Reg dst, Reg src, Reg count) {
  Out o(buffer_);
  if (shape == VectorShape::I8x16) return shift_bytes(o, op, dst, src, count);
  o.rr(kMov, false, kScratch.number(), count.number());
  o.rr(kGroup1Imm8, false, 4, kScratch.number());
  o.byte(lane_bits(shape) - 1);
  vec2(o, kMovd, u, kScratch);
  if (shape == VectorShape::I64x2 && op == Shift::ShrS) return shift_i64x2_signed(o, dst, src);
  vec(o, packed(shift_codes(op, shape).by_register), dst, src, u);
}

// -- Tests and NaNs -------------------------------------------------------------------------------

MasmX64::Flags MasmX64::test_vector(Out& o, const Compare& c) {
  DCHECK(c.cond == Cond::Ne || c.cond == Cond::Eq);
  const bool holds = c.cond == Cond::Ne;
  if (c.kind == Compare::Kind::AnyTrue) {
    vec2(o, kPtest, c.lhs, c.lhs);
    return {holds ? NE : E};
  }
  zero(o, t);
  vec(o, equal_lanes(c.shape), t, t, c.lhs);
  vec2(o, kPtest, t, t);
  return {holds ? E : NE};
}

void MasmX64::select_vector_if(const Compare& c, Reg dst, Reg if_true, Reg if_false) {
  Out o(buffer_);
  select_vector(o, compare(o, c), dst, if_true, if_false);
}

void MasmX64::canonicalise_nan(FloatWidth w, Reg dst) {
  const Operand nan = float_constant(w, canonical_nan(w).low);
  Out o(buffer_);
  vec2(o, of_floats(w, 0x2e), dst, dst);
  u8* number = o.jump_short(NP);
  vec2(o, is_f64(w) ? kMovsd : kMovss, dst, nan);
  o.land(number);
}

void MasmX64::canonicalise_nans(FloatWidth w, Reg dst) {
  Out o(buffer_);
  vec_imm(o, of_floats(w, kCmpCode), t, dst, dst, kUnordered);
  vec(o, of_floats(w, kAndCode), u, t, canonical_nan(w));
  vec(o, of_floats(w, kAndnCode), t, t, dst);
  vec(o, of_floats(w, kOrCode), dst, t, u);
}

}  // namespace lr::jit
