// Floats on AArch64. Its minimum, maximum and saturating conversions are the specification's; only
// trapping conversions need checks, and since the machine saturates they come before or compare
// with what cannot have been saturated.
#include "jit/masm/masm_a64.h"

namespace lr::jit {

namespace {

using namespace a64;

constexpr u32 kScratch = 16, kAddressScratch = 17, kVector30 = 30, kVector31 = 31;
constexpr bool is_f64(FloatWidth w) { return w == FloatWidth::F64; }

constexpr u64 two_to_63(bool f64) { return f64 ? 0x43e0'0000'0000'0000 : 0x5f00'0000; }
constexpr u64 two_to_64(bool f64) { return f64 ? 0x43f0'0000'0000'0000 : 0x5f80'0000; }
constexpr u64 minus_one(bool f64) { return f64 ? 0xbff0'0000'0000'0000 : 0xbf80'0000; }

// The eight bits of a float that fmov can make (a sign, three bits of exponent, four of mantissa),
// or -1.
constexpr i32 float_immediate(bool f64, u64 bits) {
  const u32 mantissa_bits = f64 ? 52 : 23, exponent_bits = f64 ? 11 : 8;
  if ((bits & ((u64{1} << (mantissa_bits - 4)) - 1)) != 0) return -1;
  const u64 exponent = bits >> mantissa_bits & ((u64{1} << exponent_bits) - 1);
  const u64 upper = exponent >> 2;  // One bit and then its inverse, repeated.
  const u64 inverses = (u64{1} << (exponent_bits - 3)) - 1;
  if (upper != inverses && upper != inverses + 1) return -1;
  const u64 sign = bits >> (mantissa_bits + exponent_bits);
  return static_cast<i32>(sign << 7 | u64{upper == inverses} << 6 | (exponent & 3) << 4 |
                          (bits >> (mantissa_bits - 4) & 15));
}
static_assert(float_immediate(true, 0x3ff0'0000'0000'0000) == 0x70);
static_assert(float_immediate(false, 0xbf80'0000) == 0xf0);
static_assert(float_immediate(true, 0x4000'0000'0000'0000) == 0x00);
static_assert(float_immediate(true, 0) == -1);

// The bits of a row of convert.def that this machine's instructions need.
struct Conversion {
  u32 op;
  bool wide;  // The integer's width.
  bool f64;   // The float's.
};
constexpr Conversion conversion(Convert op) {
  using enum Convert;
  switch (op) {
    case I32TruncF32S:
    case I32TruncSatF32S:
      return {kFcvtzsS, false, false};
    case I32TruncF32U:
    case I32TruncSatF32U:
      return {kFcvtzuS, false, false};
    case I32TruncF64S:
    case I32TruncSatF64S:
      return {kFcvtzsD, false, true};
    case I32TruncF64U:
    case I32TruncSatF64U:
      return {kFcvtzuD, false, true};
    case I64TruncF32S:
    case I64TruncSatF32S:
      return {kFcvtzsS, true, false};
    case I64TruncF32U:
    case I64TruncSatF32U:
      return {kFcvtzuS, true, false};
    case I64TruncF64S:
    case I64TruncSatF64S:
      return {kFcvtzsD, true, true};
    case I64TruncF64U:
    case I64TruncSatF64U:
      return {kFcvtzuD, true, true};
    case F32ConvertI32S:
      return {kScvtfS, false, false};
    case F32ConvertI32U:
      return {kUcvtfS, false, false};
    case F32ConvertI64S:
      return {kScvtfS, true, false};
    case F32ConvertI64U:
      return {kUcvtfS, true, false};
    case F64ConvertI32S:
      return {kScvtfD, false, true};
    case F64ConvertI32U:
      return {kUcvtfD, false, true};
    case F64ConvertI64S:
      return {kScvtfD, true, true};
    case F64ConvertI64U:
      return {kUcvtfD, true, true};
    case F32DemoteF64:
      return {kFcvtToF32, false, true};
    case F64PromoteF32:
      return {kFcvtToF64, false, false};
  }
  return {};
}

}  // namespace

void MasmA64::move_vector(Reg dst, Reg src) {
  if (dst == src) return;
  Out o(buffer_);
  o.rrr(kOrrVector, false, dst.number(), src.number(), src.number());
}

void MasmA64::make_constant(Out& o, bool f64, u32 rd, u64 bits) {
  if (bits == 0) return o.word(kMovqZero | rd);
  const i32 imm8 = float_immediate(f64, bits);
  if (imm8 >= 0) {
    return o.word(kFmovImm | (f64 ? 1u << 22 : 0) | static_cast<u32>(imm8) << 13 | rd);
  }
  mov_imm(o, f64, kScratch, bits);
  o.rr(f64 ? kFmovFromInt64 : kFmovFromInt32, false, rd, kScratch);
}

void MasmA64::move_float_imm(FloatWidth w, Reg dst, u64 bits) {
  Out o(buffer_);
  make_constant(o, is_f64(w), dst.number(), is_f64(w) ? bits : static_cast<u32>(bits));
}

Operand MasmA64::float_constant(FloatWidth w, u64 bits) {
  constants_.push_back(is_f64(w) ? bits : static_cast<u32>(bits));
  Operand constant{kNoReg};
  constant.kind = Operand::Kind::Constant;
  constant.imm = static_cast<i32>(constants_.size()) - 1;
  return constant;
}

void MasmA64::bitcast(Width w, Reg dst, Reg src) {
  const bool is_wide = w == Width::W64;
  const u32 op = dst.is_vector() ? (is_wide ? kFmovFromInt64 : kFmovFromInt32)
                                 : (is_wide ? kFmovToInt64 : kFmovToInt32);
  Out(buffer_).rr(op, false, dst.number(), src.number());
}

// The register that holds the operand: its own, or a scratch that it is brought to.
u32 MasmA64::float_operand(Out& o, bool f64, const Operand& operand) {
  DCHECK(operand.kind != Operand::Kind::Immediate);
  if (operand.kind == Operand::Kind::Register) return operand.reg.number();
  if (operand.kind == Operand::Kind::Constant) {
    make_constant(o, f64, kVector30, constants_[static_cast<usize>(operand.imm)]);
    return kVector30;
  }
  access(o, f64 ? mem_op(3, 1, true) : mem_op(2, 1, true), kVector30, operand.address);
  return kVector30;
}

// Bits are taken from rm where the mask is set (the sign), else from rn.
void MasmA64::copysign(Out& o, bool f64, u32 rd, u32 rn, u32 rm) {
  if (f64) {
    o.word(kMovqZero | kVector31);
    o.rr(kFneg2d, false, kVector31, kVector31);
  } else {
    o.word(kMovi4sSign | kVector31);
  }
  o.rrr(kBsl, false, kVector31, rm, rn);
  o.rrr(kOrrVector, false, rd, kVector31, kVector31);
}

void MasmA64::float_binary(FloatBinary op, FloatWidth w, Reg dst, Reg lhs, Operand rhs) {
  constexpr u32 kOps[] = {kFadd, kFsub, kFmul, kFdiv, kFmin, kFmax};
  Out o(buffer_);
  const u32 right = float_operand(o, is_f64(w), rhs);
  if (op == FloatBinary::Copysign) {
    copysign(o, is_f64(w), dst.number(), lhs.number(), right);
  } else {
    o.fff(kOps[static_cast<u8>(op)], is_f64(w), dst.number(), lhs.number(), right);
  }
}

void MasmA64::float_unary(FloatUnary op, FloatWidth w, Reg dst, Reg src) {
  constexpr u32 kOps[] = {kFneg, kFabs, kFsqrt, kFrintp, kFrintm, kFrintz, kFrintn};
  Out(buffer_).ff(kOps[static_cast<u8>(op)], is_f64(w), dst.number(), src.number());
}

// Unordered sets carry and overflow; each condition below is what is false (or, in the Not forms,
// true) for exactly these flags.
MasmA64::Cc MasmA64::compare_float(Out& o, const Compare& c) {
  constexpr Cc kCcs[] = {EQ, NE, MI, GT, LS, GE, PL, LE, HI, LT};
  const bool f64 = is_f64(c.float_width);
  const u32 right = float_operand(o, f64, c.rhs);
  o.fff(kFcmp, f64, 0, c.lhs.number(), right);
  return kCcs[static_cast<u8>(c.float_cond)];
}

// Through 64 bits, where every 32-bit result fits and everything else shows.
void MasmA64::truncate_32(Out& o, Convert op, u32 rd, u32 rn, Label& invalid, Label& overflow) {
  const Conversion c = conversion(op);
  const bool is_signed = c.op == kFcvtzsS || c.op == kFcvtzsD;
  o.rr(c.f64 ? kFcvtzsD : kFcvtzsS, true, kScratch, rn);
  o.fff(kFcmp, c.f64, 0, rn, rn);
  branch(o, VS, invalid);
  if (is_signed) {
    o.bitfield(kSbfm, true, kAddressScratch, kScratch, 0, 31);
  } else {
    o.mov(false, kAddressScratch, kScratch);
  }
  o.rrr(kSubs, true, kZero, kScratch, kAddressScratch);
  branch(o, NE, overflow);
  o.mov(false, rd, kScratch);
}

void MasmA64::truncate_64(Out& o, Convert op, u32 rd, u32 rn, Label& invalid, Label& overflow) {
  const Conversion c = conversion(op);
  const bool is_signed = c.op == kFcvtzsS || c.op == kFcvtzsD;
  make_constant(o, c.f64, kVector31, is_signed ? two_to_63(c.f64) : two_to_64(c.f64));
  o.fff(kFcmp, c.f64, 0, rn, kVector31);
  branch(o, VS, invalid);
  branch(o, GE, overflow);
  if (is_signed) {
    o.ff(kFneg, c.f64, kVector31, kVector31);
  } else {
    make_constant(o, c.f64, kVector31, minus_one(c.f64));
  }
  o.fff(kFcmp, c.f64, 0, rn, kVector31);
  branch(o, is_signed ? LT : LE, overflow);
  o.rr(c.op, true, rd, rn);
}

void MasmA64::convert(Convert op, Reg dst, Reg src, Label* invalid, Label* overflow) {
  Out o(buffer_);
  const Conversion c = conversion(op);
  if (op < Convert::I32TruncSatF32S) {
    return c.wide ? truncate_64(o, op, dst.number(), src.number(), *invalid, *overflow)
                  : truncate_32(o, op, dst.number(), src.number(), *invalid, *overflow);
  }
  o.rr(c.op, c.wide, dst.number(), src.number());
}

}  // namespace lr::jit
