// Multiplication and division by constants without the machine's slow instructions (Granlund and
// Montgomery, "Division by Invariant Integers using Multiplication", PLDI 1994).
#include <bit>

#include "jit/compiler/compiler.h"

namespace lr::jit {

namespace {

bool is_power_of_two(u64 value) { return std::has_single_bit(value); }

}  // namespace

bool Compiler::multiply_by_constant(Width width, i64 factor) {
  if (top(1).where == Value::Where::Const) return false;
  const Kind kind = int_kind(width);
  const u64 bits = width == Width::W32 ? static_cast<u32>(factor) : static_cast<u64>(factor);
  if (is_power_of_two(bits)) {
    const u32 count = static_cast<u32>(std::countr_zero(bits));
    pop();
    if (add_scaled_ahead(width, count)) return true;
    const Reg src = pop_reg();
    const Reg dst = result(kind, src);
    masm_.shift(Shift::Shl, width, dst, src, static_cast<u8>(count));
    push_result(kind, dst);
    return true;
  }
  if (bits != 3 && bits != 5 && bits != 9) return false;
  pop();
  const Reg src = pop_reg();
  const Reg dst = result(kind, src);
  masm_.add_scaled(width, dst, src, src, static_cast<u8>(std::countr_zero(bits - 1)), 0);
  push_result(kind, dst);
  return true;
}

// dst = src / divisor (unsigned, 32 bits), for a divisor that is no power of two. Changes dst and
// `temp`; src may be dst, neither may be temp.
void Compiler::divide_u32(Reg dst, Reg src, Reg temp, u32 divisor) {
  // m = ceil(2^(32+s) / d) with s = ceil(log2 d) has 33 bits at most.
  const u32 s = 32 - static_cast<u32>(std::countl_zero(divisor - 1));
  const unsigned __int128 power = static_cast<unsigned __int128>(1) << (32 + s);
  const u64 m = static_cast<u64>((power + divisor - 1) / divisor);
  if (m <= 0xffff'ffff) {
    masm_.move_imm(Width::W64, temp, m);
    masm_.multiply(Width::W64, dst, src, temp);
    masm_.shift(Shift::ShrU, Width::W64, dst, dst, static_cast<u8>(32 + s));
    return;
  }
  // q = (((n - t) >> 1) + t) >> (s - 1) with t = (m' * n) >> 32 and m' = m - 2^32.
  masm_.move_imm(Width::W64, temp, m - (u64{1} << 32));
  masm_.multiply(Width::W64, temp, temp, src);
  masm_.shift(Shift::ShrU, Width::W64, temp, temp, u8{32});
  masm_.alu(Alu::Sub, Width::W32, dst, src, temp);
  masm_.shift(Shift::ShrU, Width::W32, dst, dst, u8{1});
  masm_.alu(Alu::Add, Width::W64, dst, dst, temp);
  masm_.shift(Shift::ShrU, Width::W64, dst, dst, static_cast<u8>(s - 1));
}

// dst = src / divisor (signed, 32 bits); |divisor| at least 2. As above; dst is not src.
void Compiler::divide_s32(Reg dst, Reg src, Reg temp, i32 divisor) {
  const u32 magnitude =
      divisor < 0 ? u32{0} - static_cast<u32>(divisor) : static_cast<u32>(divisor);
  if (is_power_of_two(magnitude)) {
    const u8 k = static_cast<u8>(std::countr_zero(magnitude));
    // Rounding towards zero: add 2^k - 1 to a negative dividend.
    masm_.shift(Shift::ShrS, Width::W32, temp, src, u8{31});
    masm_.shift(Shift::ShrU, Width::W32, temp, temp, static_cast<u8>(32 - k));
    masm_.alu(Alu::Add, Width::W32, dst, src, temp);
    masm_.shift(Shift::ShrS, Width::W32, dst, dst, k);
  } else {
    // m = floor(2^(31+s) / d) + 1 < 2^32 with s = ceil(log2 d); q = (m * n) >> (31 + s), plus one
    // if n is negative. The product fits in 64 bits.
    const u32 s = 32 - static_cast<u32>(std::countl_zero(magnitude - 1));
    const u64 m = ((u64{1} << (31 + s)) / magnitude) + 1;
    masm_.unary(Unary::Extend32S, Width::W64, dst, src);
    masm_.move_imm(Width::W64, temp, m);
    masm_.multiply(Width::W64, temp, temp, dst);
    masm_.shift(Shift::ShrS, Width::W64, temp, temp, static_cast<u8>(31 + s));
    masm_.shift(Shift::ShrU, Width::W64, dst, dst, u8{63});
    masm_.alu(Alu::Add, Width::W32, dst, dst, temp);
  }
  if (divisor < 0) masm_.unary(Unary::Neg, Width::W32, dst, dst);
}

// Powers of two, unsigned; both widths.
bool Compiler::divide_by_power(Divide op, Width width, u64 divisor) {
  if (!is_power_of_two(divisor)) return false;
  pop();
  const Reg src = pop_reg();
  const Reg dst = result(int_kind(width), src);
  if (op == Divide::DivU) {
    masm_.shift(Shift::ShrU, width, dst, src, static_cast<u8>(std::countr_zero(divisor)));
  } else {
    const u64 mask = divisor - 1;
    if (mask <= 0x7fff'ffff) {
      masm_.alu(Alu::And, width, dst, src, Operand::immediate(static_cast<i32>(mask)));
    } else {
      const u8 above = static_cast<u8>((width == Width::W32 ? 32 : 64) - std::countr_zero(divisor));
      masm_.shift(Shift::Shl, width, dst, src, above);
      masm_.shift(Shift::ShrU, width, dst, dst, above);
    }
  }
  push_result(int_kind(width), dst);
  return true;
}

// The factor and shift that replace a division by `divisor` (at least 3, below 2^63) for
// dividends of `precision` bits; the factor may have 65 bits.
Compiler::Magic Compiler::choose_multiplier(u64 divisor, u32 precision) {
  using u128 = unsigned __int128;
  u32 shift = 64 - static_cast<u32>(std::countl_zero(divisor - 1));
  const u128 power = static_cast<u128>(1) << (64 + shift);
  u128 low = power / divisor;
  u128 high = (power + (static_cast<u128>(1) << (64 + shift - precision))) / divisor;
  while (shift > 0 && low / 2 < high / 2) {
    low /= 2;
    high /= 2;
    shift--;
  }
  return {static_cast<u64>(high), (high >> 64) != 0, static_cast<u8>(shift)};
}

// quotient = src / divisor, unsigned. `temp` is another register, none of the fixed ones.
void Compiler::divide_u64(Reg quotient, Reg src, Reg temp, u64 divisor) {
  const Magic magic = choose_multiplier(divisor, 64);
  masm_.move_imm(Width::W64, temp, magic.factor);
  masm_.move(Width::W64, quotient, src);
  masm_.high_multiply(Width::W64, false, quotient, quotient, temp);
  if (!magic.has_bit_64) {
    masm_.shift(Shift::ShrU, Width::W64, quotient, quotient, magic.shift);
    return;
  }
  masm_.alu(Alu::Sub, Width::W64, temp, src, quotient);
  masm_.shift(Shift::ShrU, Width::W64, temp, temp, u8{1});
  masm_.alu(Alu::Add, Width::W64, quotient, quotient, temp);
  masm_.shift(Shift::ShrU, Width::W64, quotient, quotient, static_cast<u8>(magic.shift - 1));
}

// The same, signed; |divisor| at least 2.
void Compiler::divide_s64(Reg quotient, Reg src, Reg temp, i64 divisor) {
  const u64 magnitude =
      divisor < 0 ? u64{0} - static_cast<u64>(divisor) : static_cast<u64>(divisor);
  if (is_power_of_two(magnitude)) {
    const u8 k = static_cast<u8>(std::countr_zero(magnitude));
    masm_.shift(Shift::ShrS, Width::W64, temp, src, u8{63});
    masm_.shift(Shift::ShrU, Width::W64, temp, temp, static_cast<u8>(64 - k));
    masm_.alu(Alu::Add, Width::W64, quotient, src, temp);
    masm_.shift(Shift::ShrS, Width::W64, quotient, quotient, k);
  } else {
    const Magic magic = choose_multiplier(magnitude, 63);
    masm_.move_imm(Width::W64, temp, magic.factor);
    masm_.move(Width::W64, quotient, src);
    masm_.high_multiply(Width::W64, true, quotient, quotient, temp);
    if (static_cast<i64>(magic.factor) < 0) {
      masm_.alu(Alu::Add, Width::W64, quotient, quotient, src);
    }
    masm_.shift(Shift::ShrS, Width::W64, quotient, quotient, magic.shift);
    masm_.shift(Shift::ShrU, Width::W64, temp, src, u8{63});
    masm_.alu(Alu::Add, Width::W64, quotient, quotient, temp);
  }
  if (divisor < 0) masm_.unary(Unary::Neg, Width::W64, quotient, quotient);
}

// 64 bits: the product's upper half needs the registers of division.
bool Compiler::divide_wide_by_constant(Divide op, u64 divisor) {
  const bool is_signed = op == Divide::DivS || op == Divide::RemS;
  const i64 as_signed = static_cast<i64>(divisor);
  if (is_signed ? (as_signed >= -1 && as_signed <= 1) || as_signed == INT64_MIN
                : divisor >= u64{1} << 63) {
    return false;
  }
  pop();
  const Value dividend = pop();
  const RegSet fixed = target_.div_dividend.valid()
                           ? RegSet::of(target_.div_dividend, target_.div_clobber)
                           : RegSet();
  Reg src = to_reg(dividend);
  if (fixed.has(src)) {
    const Reg other = allocate_in(kAllInts - fixed);
    masm_.move(Width::W64, other, src);
    release(src);
    src = other;
  }
  for (RegSet rest = fixed; !rest.empty();) take(rest.take_first());
  const Reg quotient = fixed.empty() ? allocate(Kind::I64) : target_.div_dividend;
  const Reg temp = allocate_in(kAllInts - fixed);
  if (is_signed) {
    divide_s64(quotient, src, temp, as_signed);
  } else {
    divide_u64(quotient, src, temp, divisor);
  }
  if (target_.div_clobber.valid()) release(target_.div_clobber);
  if (op == Divide::RemS || op == Divide::RemU) {
    masm_.move_imm(Width::W64, temp, divisor);
    masm_.multiply(Width::W64, quotient, quotient, temp);
    release(temp);
    const Reg dst = result(Kind::I64, src, RegSet::of(quotient));
    masm_.alu(Alu::Sub, Width::W64, dst, src, quotient);
    push_result(Kind::I64, dst);
    return true;
  }
  release(temp);
  release(src);
  const Reg dst = result(Kind::I64, quotient);
  if (dst != quotient) masm_.move(Width::W64, dst, quotient);
  push_result(Kind::I64, dst);
  return true;
}

bool Compiler::divide_by_constant(Divide op, Width width, u64 divisor) {
  const bool is_signed = op == Divide::DivS || op == Divide::RemS;
  if (divisor == 0) return false;
  if (!is_signed && is_power_of_two(divisor)) return divide_by_power(op, width, divisor);
  if (width == Width::W64) return divide_wide_by_constant(op, divisor);
  const i32 signed_divisor = static_cast<i32>(divisor);
  if (is_signed && (signed_divisor == 1 || signed_divisor == -1)) return false;

  pop();
  const Reg src = pop_reg();
  const Reg quotient = allocate(Kind::I32);
  const Reg temp = allocate(Kind::I32);
  if (is_signed) {
    divide_s32(quotient, src, temp, signed_divisor);
  } else {
    divide_u32(quotient, src, temp, static_cast<u32>(divisor));
  }
  if (op == Divide::RemS || op == Divide::RemU) {
    masm_.multiply(Width::W32, quotient, quotient, Operand::immediate(signed_divisor));
    release(temp);
    const Reg dst = result(Kind::I32, src, RegSet::of(quotient));
    masm_.alu(Alu::Sub, Width::W32, dst, src, quotient);
    push_result(Kind::I32, dst);
    return true;
  }
  release(temp);
  release(src);
  const Reg dst = result(Kind::I32, quotient);
  if (dst != quotient) masm_.move(Width::W32, dst, quotient);
  push_result(Kind::I32, dst);
  return true;
}

}  // namespace lr::jit
