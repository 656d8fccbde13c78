// Floats on x86-64. Every instruction exists twice, as SSE (dst is also the first source) and as
// AVX (three operands); vec() and vec2() choose. xmm14 and xmm15 are scratch.
//
// Where this machine and the specification differ: minsd and maxsd return their second source for
// a NaN or two zeros; conversions to integers answer everything out of range with the smallest
// integer; a comparison with a NaN sets the zero, parity and carry flags.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "jit/masm/masm_x64.h"

namespace lr::jit {

namespace {

using namespace x64;

constexpr Reg kScratch = int_reg(11), kVector14 = vector_reg(14), kVector15 = vector_reg(15);

constexpr bool wide(Width w) { return w == Width::W64; }
constexpr bool is_f64(FloatWidth w) { return w == FloatWidth::F64; }
// Scalar instructions: F3 for one f32, F2 for one f64. Packed ones: none or 66.
constexpr u8 scalar_prefix(FloatWidth w) { return is_f64(w) ? 0xf2 : 0xf3; }
constexpr u8 packed_prefix(FloatWidth w) { return is_f64(w) ? 0x66 : 0; }
constexpr Op scalar(FloatWidth w, u8 code) { return {scalar_prefix(w), 1, code}; }
constexpr Op ucomis(FloatWidth w) { return {packed_prefix(w), 1, 0x2e}; }

constexpr Op kMovaps{0, 1, 0x28}, kAndps{0, 1, 0x54}, kAndnps{0, 1, 0x55}, kOrps{0, 1, 0x56},
    kXorps{0, 1, 0x57}, kPcmpeqd{0x66, 1, 0x76}, kMovToVector{0x66, 1, 0x6e},
    kMovToInt{0x66, 1, 0x7e}, kMov{0, 0, 0x8b}, kCmp{0, 0, 0x3b}, kTest{0, 0, 0x85},
    kOr{0, 0, 0x0b}, kAdd{0, 0, 0x03};
constexpr u8 kLoadCode = 0x10, kAddCode = 0x58, kSubCode = 0x5c, kMinCode = 0x5d, kMaxCode = 0x5f,
             kSqrtCode = 0x51, kFromInt = 0x2a, kToInt = 0x2c, kToFloat = 0x5a;
constexpr u8 kArithmeticCodes[] = {kAddCode, kSubCode, 0x59, 0x5e};
constexpr u64 kSign64 = u64{1} << 63;

// Powers of two as floats.
constexpr u64 minus_two_to_31(FloatWidth w) {
  return is_f64(w) ? 0xc1e0'0000'0000'0000 : 0xcf00'0000;
}
constexpr u64 two_to_63(FloatWidth w) { return is_f64(w) ? 0x43e0'0000'0000'0000 : 0x5f00'0000; }
constexpr u64 with_sign(FloatWidth w, u64 bits) { return bits | (is_f64(w) ? kSign64 : 1u << 31); }
constexpr u64 kMinusTwoTo31MinusOne = 0xc1e0'0000'0020'0000;  // f64

}  // namespace

// -- The two forms --------------------------------------------------------------------------------

void MasmX64::vec(Out& o, Op op, Reg dst, Reg lhs, Reg rhs, bool wide_rhs) {
  if (cpu_.avx) return o.vex_rr(op, wide_rhs, dst.number(), lhs.number(), rhs.number());
  DCHECK(dst == lhs || dst != rhs);
  move_vec(o, dst, lhs);
  o.rr(op, wide_rhs, dst.number(), rhs.number());
}

void MasmX64::vec(Out& o, Op op, Reg dst, Reg lhs, const Operand& rhs, u32 imm_bytes) {
  if (rhs.kind == Operand::Kind::Register) return vec(o, op, dst, lhs, rhs.reg);
  const bool constant = rhs.kind == Operand::Kind::Constant;
  if (cpu_.avx) {
    const u32 d = dst.number(), v = lhs.number();
    return constant ? o.vex_rm(op, false, d, v, label_of(rhs), imm_bytes)
                    : o.vex_rm(op, false, d, v, rhs.address);
  }
  move_vec(o, dst, lhs);
  constant ? o.rm(op, false, dst.number(), label_of(rhs), imm_bytes)
           : o.rm(op, false, dst.number(), rhs.address);
}

void MasmX64::vec2(Out& o, Op op, Reg reg, Reg rm, bool wide_rm) {
  if (cpu_.avx) return o.vex_rr(op, wide_rm, reg.number(), 0, rm.number());
  o.rr(op, wide_rm, reg.number(), rm.number());
}

void MasmX64::vec2(Out& o, Op op, Reg reg, const Address& rm) {
  if (cpu_.avx) return o.vex_rm(op, false, reg.number(), 0, rm);
  o.rm(op, false, reg.number(), rm);
}

void MasmX64::vec2(Out& o, Op op, Reg reg, const Operand& rm) {
  if (rm.kind == Operand::Kind::Register) return vec2(o, op, reg, rm.reg);
  if (rm.kind == Operand::Kind::Memory) return vec2(o, op, reg, rm.address);
  if (cpu_.avx) return o.vex_rm(op, false, reg.number(), 0, label_of(rm));
  o.rm(op, false, reg.number(), label_of(rm));
}

// The groups 66 0F 71 to 73 (16-, 32- and 64-bit lanes), where AVX has dst in the v field.
void MasmX64::vec_shift_imm(Out& o, u8 opcode, u8 extension, Reg dst, Reg src, u8 count) {
  if (cpu_.avx) {
    o.vex_rr({0x66, 1, opcode}, false, extension, dst.number(), src.number());
  } else {
    move_vec(o, dst, src);
    o.rr({0x66, 1, opcode}, false, extension, dst.number());
  }
  o.byte(count);
}

void MasmX64::move_vec(Out& o, Reg dst, Reg src) {
  if (dst != src) vec2(o, kMovaps, dst, src);
}

// -- Moves ----------------------------------------------------------------------------------------

void MasmX64::move_vector(Reg dst, Reg src) {
  Out o(buffer_);
  move_vec(o, dst, src);
}

void MasmX64::make_constant(Out& o, FloatWidth w, Reg dst, u64 bits) {
  if (bits == 0) return vec(o, kXorps, dst, dst, dst);
  mov_imm(o, is_f64(w) ? Width::W64 : Width::W32, kScratch, bits);
  vec2(o, kMovToVector, dst, kScratch, is_f64(w));
}

void MasmX64::move_float_imm(FloatWidth w, Reg dst, u64 bits) {
  if (!is_f64(w)) bits = static_cast<u32>(bits);
  if (bits == 0) {
    Out o(buffer_);
    return make_constant(o, w, dst, 0);
  }
  const Operand constant = float_constant(w, bits);
  Out o(buffer_);
  vec2(o, scalar(w, kLoadCode), dst, constant);
}

Operand MasmX64::float_constant(FloatWidth w, u64 bits) {
  return constant({is_f64(w) ? bits : static_cast<u32>(bits)}, false);
}

Operand MasmX64::constant(V128 bits, bool wide) {
  constexpr usize kSearched = 16;
  const auto same = [&](const Constant& c) { return c.bits == bits && c.wide == wide; };
  usize i = constants_.size();
  const usize end = i < kSearched ? 0 : i - kSearched;
  while (i > end && !same(constants_[i - 1])) i--;
  if (i == end) {
    constants_.push_back({bits, wide, {}});
    i = constants_.size();
  }
  Operand constant{kNoReg};
  constant.kind = Operand::Kind::Constant;
  constant.imm = static_cast<i32>(i - 1);
  return constant;
}

void MasmX64::emit_constants() {
  if (constants_.empty()) return;
  Out o(buffer_, Buffer::kMethodBytesMax + 16 * constants_.size());
  code_end_ = o.offset();
  const bool has_wide = std::ranges::any_of(constants_, &Constant::wide);
  while (o.offset() % (has_wide ? 16 : 8) != 0) o.byte(0xcc);
  data_begin_ = o.offset();
  for (const bool wide : {true, false}) {
    for (Constant& c : constants_) {
      if (c.wide != wide) continue;
      buffer_.advance_to(o.p);
      bind(c.label);
      o.qword(c.bits.low);
      if (wide) o.qword(c.bits.high);
    }
  }
  constants_.clear();
}

std::string MasmX64::listing() const {
  const usize end = std::min<usize>(code_end_, code().size());
  std::string text = disassemble_x64(code().first(end), 0);
  for (usize at = data_begin_; at < code().size(); at += 8) {
    u64 bits;
    std::memcpy(&bits, code().data() + at, sizeof bits);
    text += fmt::format("{:#x}: {:#018x}\n", at, bits);
  }
  return text;
}

void MasmX64::bitcast(Width w, Reg dst, Reg src) {
  Out o(buffer_);
  if (dst.is_vector()) {
    vec2(o, kMovToVector, dst, src, wide(w));
  } else {
    vec2(o, kMovToInt, src, dst, wide(w));
  }
}

// All ones, shifted: no load, and the processor knows that it waits for nothing.
void MasmX64::sign_mask(Out& o, FloatWidth w, Reg dst) {
  vec(o, kPcmpeqd, dst, dst, dst);
  vec_shift_imm(o, is_f64(w) ? 0x73 : 0x72, 6, dst, dst, is_f64(w) ? 63 : 31);
}

void MasmX64::all_but_sign(Out& o, FloatWidth w, Reg dst) {
  vec(o, kPcmpeqd, dst, dst, dst);
  vec_shift_imm(o, is_f64(w) ? 0x73 : 0x72, 2, dst, dst, 1);
}

// -- Arithmetic -----------------------------------------------------------------------------------

void MasmX64::float_arithmetic(Out& o, FloatBinary op, FloatWidth w, Reg dst, Reg lhs,
                               const Operand& rhs) {
  const Op insn = scalar(w, kArithmeticCodes[static_cast<u8>(op)]);
  if (rhs.kind != Operand::Kind::Register) return vec(o, insn, dst, lhs, rhs);
  Reg right = rhs.reg;
  if (!cpu_.avx && dst == right && dst != lhs) {
    if (op == FloatBinary::Add || op == FloatBinary::Mul) {
      std::swap(lhs, right);
    } else {
      move_vec(o, kVector15, right);
      right = kVector15;
    }
  }
  vec(o, insn, dst, lhs, right);
}

// Different and ordered operands are the machine's case. Two zeros become - or + by or-ing or
// and-ing their signs, and a NaN comes out of an addition, quieted.
void MasmX64::min_max(Out& o, bool is_min, FloatWidth w, Reg dst, Reg lhs, Reg rhs) {
  if (dst == rhs) std::swap(lhs, rhs);
  vec2(o, ucomis(w), lhs, rhs);
  if (!cpu_.avx) move_vec(o, dst, std::exchange(lhs, dst));
  u8* different = o.jump_short(NE);
  u8* unordered = o.jump_short(P);
  vec(o, is_min ? kOrps : kAndps, dst, lhs, rhs);
  u8* done = o.jump_short();
  o.land(unordered);
  vec(o, scalar(w, kAddCode), dst, lhs, rhs);
  u8* done_too = o.jump_short();
  o.land(different);
  vec(o, scalar(w, is_min ? kMinCode : kMaxCode), dst, lhs, rhs);
  o.land(done);
  o.land(done_too);
}

void MasmX64::copysign(Out& o, FloatWidth w, Reg dst, Reg lhs, Reg rhs) {
  sign_mask(o, w, kVector14);
  if (cpu_.avx) {
    vec(o, kAndps, kVector15, kVector14, rhs);
    vec(o, kAndnps, kVector14, kVector14, lhs);
    return vec(o, kOrps, dst, kVector14, kVector15);
  }
  if (rhs != kVector15) move_vec(o, kVector15, rhs);
  o.rr(kAndps, false, kVector15.number(), kVector14.number());
  o.rr(kAndnps, false, kVector14.number(), lhs.number());
  o.rr(kOrps, false, kVector14.number(), kVector15.number());
  move_vec(o, dst, kVector14);
}

void MasmX64::float_binary(FloatBinary op, FloatWidth w, Reg dst, Reg lhs, Operand rhs) {
  DCHECK(rhs.kind != Operand::Kind::Immediate);
  Out o(buffer_);
  if (op <= FloatBinary::Div && cpu_.avx && rhs.kind == Operand::Kind::Register) [[likely]] {
    const Op insn = scalar(w, kArithmeticCodes[static_cast<u8>(op)]);
    return o.vex_rr(insn, false, dst.number(), lhs.number(), rhs.reg.number());
  }
  if (op <= FloatBinary::Div) return float_arithmetic(o, op, w, dst, lhs, rhs);
  Reg right = rhs.reg;
  if (rhs.kind != Operand::Kind::Register) {
    right = kVector15;
    vec2(o, scalar(w, kLoadCode), right, rhs);
  }
  if (op == FloatBinary::Copysign) {
    copysign(o, w, dst, lhs, right);
  } else {
    min_max(o, op == FloatBinary::Min, w, dst, lhs, right);
  }
}

void MasmX64::float_unary(FloatUnary op, FloatWidth w, Reg dst, Reg src) {
  Out o(buffer_);
  if (op == FloatUnary::Neg || op == FloatUnary::Abs) {
    const bool neg = op == FloatUnary::Neg;
    neg ? sign_mask(o, w, kVector15) : all_but_sign(o, w, kVector15);
    return vec(o, neg ? kXorps : kAndps, dst, src, kVector15);
  }
  // Scalar forms keep the upper part of dst and so would wait for its last value: take src's.
  if (!cpu_.avx) move_vec(o, dst, std::exchange(src, dst));
  if (op == FloatUnary::Sqrt) return vec(o, scalar(w, kSqrtCode), dst, src, src);
  constexpr u8 kModes[] = {2, 1, 3, 0};  // Ceil, Floor, Trunc, Nearest
  const u8 mode = kModes[static_cast<u8>(op) - static_cast<u8>(FloatUnary::Ceil)];
  const Op round{0x66, 3, is_f64(w) ? u8{0x0b} : u8{0x0a}};
  vec(o, round, dst, src, src);
  o.byte(mode | 8u);  // Bit 3: no inexact exception.
}

// -- Comparisons ----------------------------------------------------------------------------------

// "Above" and its like are false for a NaN, "below" true: so less-than compares the operands the
// other way round, and its negation is "not above".
MasmX64::Flags MasmX64::compare_float(Out& o, const Compare& c) {
  const FloatCond cond = c.float_cond;
  const FloatWidth w = c.float_width;
  const bool from_memory = c.rhs.kind != Operand::Kind::Register;
  const bool swapped = cond == FloatCond::Lt || cond == FloatCond::Le || cond == FloatCond::NotLt ||
                       cond == FloatCond::NotLe;
  Reg rhs = c.rhs.reg;
  if (from_memory && !swapped) {
    vec2(o, ucomis(w), c.lhs, c.rhs);
  } else {
    if (from_memory) {
      rhs = kVector15;
      vec2(o, scalar(w, kLoadCode), rhs, c.rhs);
    }
    vec2(o, ucomis(w), swapped ? rhs : c.lhs, swapped ? c.lhs : rhs);
  }
  switch (cond) {
    case FloatCond::Eq:
      if (!from_memory && c.lhs == rhs) return {NP};
      return {E, Flags::Parity::AndNotSet};
    case FloatCond::Ne:
      if (!from_memory && c.lhs == rhs) return {P};
      return {NE, Flags::Parity::OrSet};
    case FloatCond::Lt:
    case FloatCond::Gt:
      return {A};
    case FloatCond::Le:
    case FloatCond::Ge:
      return {AE};
    case FloatCond::NotLt:
    case FloatCond::NotGt:
      return {BE};
    case FloatCond::NotLe:
    case FloatCond::NotGe:
      return {B};
  }
  return {E};
}

void MasmX64::select_vector(Out& o, Flags flags, Reg dst, Reg if_true, Reg if_false) {
  if (flags.parity == Flags::Parity::OrSet) {
    std::swap(if_true, if_false);
    flags = {!flags.cc, Flags::Parity::AndNotSet};
  }
  const bool two = flags.parity == Flags::Parity::AndNotSet;
  if (if_true == if_false) return move_vec(o, dst, if_true);
  if (dst == if_false) {
    u8* unordered = two ? o.jump_short(P) : nullptr;
    u8* keep = o.jump_short(!flags.cc);
    move_vec(o, dst, if_true);
    if (two) o.land(unordered);
    return o.land(keep);
  }
  move_vec(o, dst, if_true);
  u8* unordered = two ? o.jump_short(P) : nullptr;
  u8* done = o.jump_short(flags.cc);
  if (two) o.land(unordered);
  move_vec(o, dst, if_false);
  o.land(done);
}

// A comparison that writes a mask, and a blend by its sign: no branch to mispredict.
void MasmX64::select_by_mask(Out& o, const Compare& c, Reg dst, Reg if_true, Reg if_false) {
  // The machine's predicates: equal, less, less or equal, and (from 4 on) their negations.
  constexpr u8 kPredicates[] = {0, 4, 1, 1, 2, 2, 5, 5, 6, 6};
  const FloatWidth w = c.float_width;
  const FloatCond cond = c.float_cond;
  const bool swapped = cond == FloatCond::Gt || cond == FloatCond::Ge || cond == FloatCond::NotGt ||
                       cond == FloatCond::NotGe;
  const Op compare_op{scalar_prefix(w), 1, 0xc2};
  Reg rhs = c.rhs.reg;
  if (c.rhs.kind != Operand::Kind::Register && !swapped) {
    vec(o, compare_op, kVector15, c.lhs, c.rhs, 1);
  } else {
    if (c.rhs.kind != Operand::Kind::Register) {
      rhs = kVector15;
      vec2(o, scalar(w, kLoadCode), rhs, c.rhs);
    }
    vec(o, compare_op, kVector15, swapped ? rhs : c.lhs, swapped ? c.lhs : rhs);
  }
  o.byte(kPredicates[static_cast<u8>(cond)]);
  const Op blend{0x66, 3, is_f64(w) ? u8{0x4b} : u8{0x4a}};
  vec(o, blend, dst, if_false, if_true);
  o.byte(u32{kVector15.number()} << 4);
}

// -- Conversions ----------------------------------------------------------------------------------

void MasmX64::truncate_op(Out& o, FloatWidth from, Width to, Reg dst, Reg src) {
  vec2(o, scalar(from, kToInt), dst, src, wide(to));
}

// The answer INT_MIN is the only one that overflows when 1 is subtracted: it is right for a few
// operands and stands for all that are out of range.
void MasmX64::truncate_i32(Out& o, FloatWidth from, Reg dst, Reg src, Label& invalid,
                           Label& overflow) {
  truncate_op(o, from, Width::W32, dst, src);
  o.rr({0, 0, 0x83}, false, 7, dst.number());
  o.byte(1);
  u8* done = o.jump_short(NO);
  vec2(o, ucomis(from), src, src);
  o.jump(P, invalid);
  if (is_f64(from)) {
    make_constant(o, from, kVector15, kMinusTwoTo31MinusOne);
    vec2(o, ucomis(from), src, kVector15);
    o.jump(BE, overflow);
  } else {
    make_constant(o, from, kVector15, minus_two_to_31(from));
    vec2(o, ucomis(from), src, kVector15);
    o.jump(B, overflow);
  }
  make_constant(o, from, kVector15, 0);
  vec2(o, ucomis(from), src, kVector15);
  o.jump(A, overflow);
  o.land(done);
}

void MasmX64::truncate_u32(Out& o, FloatWidth from, Reg dst, Reg src, Label& invalid,
                           Label& overflow) {
  truncate_op(o, from, Width::W64, dst, src);
  o.rr(kMov, false, kScratch.number(), dst.number());
  o.rr(kCmp, true, kScratch.number(), dst.number());
  u8* done = o.jump_short(E);
  vec2(o, ucomis(from), src, src);
  o.jump(P, invalid);
  o.jump(overflow);
  o.land(done);
}

void MasmX64::truncate_i64(Out& o, FloatWidth from, Reg dst, Reg src, Label& invalid,
                           Label& overflow) {
  truncate_op(o, from, Width::W64, dst, src);
  o.rr({0, 0, 0x83}, true, 7, dst.number());
  o.byte(1);
  u8* done = o.jump_short(NO);
  vec2(o, ucomis(from), src, src);
  o.jump(P, invalid);
  make_constant(o, from, kVector15, with_sign(from, two_to_63(from)));
  vec2(o, ucomis(from), src, kVector15);
  o.jump(NE, overflow);
  o.land(done);
}

// dst = trunc(src - 2^63)
void MasmX64::minus_two_to_63(Out& o, FloatWidth from, Reg dst, Reg src) {
  make_constant(o, from, kVector15, with_sign(from, two_to_63(from)));
  vec(o, scalar(from, kAddCode), kVector15, kVector15, src);
  truncate_op(o, from, Width::W64, dst, kVector15);
}

void MasmX64::truncate_u64(Out& o, FloatWidth from, Reg dst, Reg src, Label& invalid,
                           Label& overflow) {
  truncate_op(o, from, Width::W64, dst, src);
  o.rr(kTest, true, dst.number(), dst.number());
  u8* done = o.jump_short(NS);
  vec2(o, ucomis(from), src, src);
  o.jump(P, invalid);
  minus_two_to_63(o, from, dst, src);
  o.rr(kTest, true, dst.number(), dst.number());
  o.jump(S, overflow);
  o.rr({0, 1, 0xba}, true, 7, dst.number());  // btc dst, 63
  o.byte(63);
  o.land(done);
}

void MasmX64::saturate_signed(Out& o, FloatWidth from, Width to, Reg dst, Reg src) {
  truncate_op(o, from, to, dst, src);
  o.rr({0, 0, 0x83}, wide(to), 7, dst.number());
  o.byte(1);
  u8* done = o.jump_short(NO);
  make_constant(o, from, kVector15, 0);
  vec2(o, ucomis(from), src, kVector15);
  u8* ordered = o.jump_short(NP);
  mov_imm(o, Width::W32, dst, 0);
  o.land(ordered);
  u8* not_positive = o.jump_short(BE);            // Or a NaN.
  o.rr({0, 0, 0xf7}, wide(to), 2, dst.number());  // INT_MIN becomes INT_MAX.
  o.land(not_positive);
  o.land(done);
}

void MasmX64::saturate_u32(Out& o, FloatWidth from, Reg dst, Reg src) {
  truncate_op(o, from, Width::W64, dst, src);
  o.rr(kMov, false, kScratch.number(), dst.number());
  o.rr(kCmp, true, kScratch.number(), dst.number());
  u8* done = o.jump_short(E);
  make_constant(o, from, kVector15, 0);
  vec2(o, ucomis(from), src, kVector15);
  mov_imm(o, Width::W32, dst, 0);
  u8* not_positive = o.jump_short(BE);
  mov_imm(o, Width::W32, dst, ~u32{0});
  o.land(not_positive);
  o.land(done);
}

void MasmX64::saturate_u64(Out& o, FloatWidth from, Reg dst, Reg src) {
  truncate_op(o, from, Width::W64, dst, src);
  o.rr(kTest, true, dst.number(), dst.number());
  u8* done = o.jump_short(NS);
  make_constant(o, from, kVector15, 0);
  vec2(o, ucomis(from), src, kVector15);
  mov_imm(o, Width::W32, dst, 0);
  u8* not_positive = o.jump_short(BE);
  minus_two_to_63(o, from, dst, src);
  // Too large: dst is INT64_MIN. With all bits set from its sign it becomes the largest.
  o.rr(kMov, true, kScratch.number(), dst.number());
  o.rr({0, 0, 0xc1}, true, 7, kScratch.number());  // sar scratch, 63
  o.byte(63);
  o.rr({0, 1, 0xba}, true, 7, dst.number());  // btc dst, 63
  o.byte(63);
  o.rr(kOr, true, dst.number(), kScratch.number());
  o.land(not_positive);
  o.land(done);
}

void MasmX64::float_from_int(Out& o, FloatWidth to, Width from, Reg dst, Reg src) {
  vec(o, kXorps, dst, dst, dst);  // The conversion keeps the upper part of dst: wait for nothing.
  vec(o, scalar(to, kFromInt), dst, dst, src, wide(from));
}

// A value with its top bit set is halved first, with the bit shifted out kept as a sticky one so
// that rounding sees it.
void MasmX64::float_from_u64(Out& o, FloatWidth to, Reg dst, Reg src) {
  const u32 s = kScratch.number();
  o.rr(kTest, true, src.number(), src.number());
  u8* large = o.jump_short(S);
  float_from_int(o, to, Width::W64, dst, src);
  u8* done = o.jump_short();
  o.land(large);
  o.rr(kMov, false, s, src.number());
  o.rr({0, 0, 0x83}, false, 4, s);  // and scratch, 1
  o.byte(1);
  o.rr(kAdd, false, s, s);
  o.rr(kOr, true, s, src.number());
  o.rr({0, 0, 0xd1}, true, 5, s);  // shr scratch, 1
  float_from_int(o, to, Width::W64, dst, kScratch);
  vec(o, scalar(to, kAddCode), dst, dst, dst);
  o.land(done);
}

void MasmX64::convert_float(Out& o, FloatWidth from, Reg dst, Reg src) {
  if (cpu_.avx)
    return o.vex_rr(scalar(from, kToFloat), false, dst.number(), src.number(), src.number());
  if (dst != src) o.rr(kXorps, false, dst.number(), dst.number());
  o.rr(scalar(from, kToFloat), false, dst.number(), src.number());
}

void MasmX64::convert(Convert op, Reg dst, Reg src, Label* invalid, Label* overflow) {
  using enum Convert;
  constexpr FloatWidth kF32 = FloatWidth::F32, kF64 = FloatWidth::F64;
  Out o(buffer_);
  switch (op) {
    case I32TruncF32S:
      return truncate_i32(o, kF32, dst, src, *invalid, *overflow);
    case I32TruncF32U:
      return truncate_u32(o, kF32, dst, src, *invalid, *overflow);
    case I32TruncF64S:
      return truncate_i32(o, kF64, dst, src, *invalid, *overflow);
    case I32TruncF64U:
      return truncate_u32(o, kF64, dst, src, *invalid, *overflow);
    case I64TruncF32S:
      return truncate_i64(o, kF32, dst, src, *invalid, *overflow);
    case I64TruncF32U:
      return truncate_u64(o, kF32, dst, src, *invalid, *overflow);
    case I64TruncF64S:
      return truncate_i64(o, kF64, dst, src, *invalid, *overflow);
    case I64TruncF64U:
      return truncate_u64(o, kF64, dst, src, *invalid, *overflow);
    case I32TruncSatF32S:
      return saturate_signed(o, kF32, Width::W32, dst, src);
    case I32TruncSatF32U:
      return saturate_u32(o, kF32, dst, src);
    case I32TruncSatF64S:
      return saturate_signed(o, kF64, Width::W32, dst, src);
    case I32TruncSatF64U:
      return saturate_u32(o, kF64, dst, src);
    case I64TruncSatF32S:
      return saturate_signed(o, kF32, Width::W64, dst, src);
    case I64TruncSatF32U:
      return saturate_u64(o, kF32, dst, src);
    case I64TruncSatF64S:
      return saturate_signed(o, kF64, Width::W64, dst, src);
    case I64TruncSatF64U:
      return saturate_u64(o, kF64, dst, src);
    case F32ConvertI32S:
      return float_from_int(o, kF32, Width::W32, dst, src);
    case F64ConvertI32S:
      return float_from_int(o, kF64, Width::W32, dst, src);
    case F32ConvertI32U:
    case F64ConvertI32U:
      o.rr(kMov, false, kScratch.number(), src.number());
      return float_from_int(o, op == F32ConvertI32U ? kF32 : kF64, Width::W64, dst, kScratch);
    case F32ConvertI64S:
      return float_from_int(o, kF32, Width::W64, dst, src);
    case F64ConvertI64S:
      return float_from_int(o, kF64, Width::W64, dst, src);
    case F32ConvertI64U:
      return float_from_u64(o, kF32, dst, src);
    case F64ConvertI64U:
      return float_from_u64(o, kF64, dst, src);
    case F32DemoteF64:
      return convert_float(o, kF64, dst, src);
    case F64PromoteF32:
      return convert_float(o, kF32, dst, src);
  }
}

}  // namespace lr::jit
