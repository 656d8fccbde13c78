// Integers, floats, comparisons and conversions. Constants are folded into operands; a comparison
// that a branch, an if or a select follows is left to them.
#include "frontend/opcode.h"
#include "jit/compiler/compiler.h"

namespace lr::jit {

namespace {

constexpr Kind float_kind(FloatWidth width) {
  return width == FloatWidth::F32 ? Kind::F32 : Kind::F64;
}
constexpr u64 narrow(u64 bits, Width width) {
  return width == Width::W32 ? static_cast<u32>(bits) : bits;
}

constexpr bool is_next(u8 byte, Op op) { return byte == info(op).code; }

// The next instruction takes a condition.
constexpr bool consumes_condition(u8 byte) {
  return is_next(byte, Op::BrIf) || is_next(byte, Op::If) || is_next(byte, Op::Select) ||
         is_next(byte, Op::I32Eqz);
}

u64 fold(Alu op, u64 lhs, u64 rhs) {
  switch (op) {
    case Alu::Add:
      return lhs + rhs;
    case Alu::Sub:
      return lhs - rhs;
    case Alu::And:
      return lhs & rhs;
    case Alu::Or:
      return lhs | rhs;
    case Alu::Xor:
      return lhs ^ rhs;
  }
  CHECK(false);
  return 0;
}

RegSet set_of(Reg reg) { return reg.valid() ? RegSet::of(reg) : RegSet(); }

RegSet set_of(const Operand& operand) {
  return operand.kind == Operand::Kind::Register ? set_of(operand.reg) : RegSet();
}

}  // namespace

// -- Integers -------------------------------------------------------------------------------------

bool Compiler::fold_binary(Alu op, Width width) {
  if (top().where != Value::Where::Const || top(1).where != Value::Where::Const) return false;
  const u64 rhs = pop().bits;
  const u64 lhs = pop().bits;
  push_const(int_kind(width), narrow(fold(op, lhs, rhs), width));
  return true;
}

void Compiler::binary(Alu op, Width width) {
  if (fold_binary(op, width)) return;
  const bool commutes = op != Alu::Sub;
  if (commutes && top(1).where == Value::Where::Const) swap_top();
  const Operand rhs = pop_operand(width);
  const Reg lhs = pop_reg();
  // `x & y` that is only compared with zero.
  if (op == Alu::And) {
    const u8 next = reader_.peek();
    const bool tested = width == Width::W32 ? consumes_condition(next) : is_next(next, Op::I64Eqz);
    if (tested) {
      Compare compare = test(width, lhs);
      compare.rhs = rhs;
      if (width == Width::W64) {
        reader_.byte();
        compare.negate();
      }
      return push_compare(compare);
    }
  }
  const bool reuse_rhs = commutes && !temporaries_.has(lhs) &&
                         rhs.kind == Operand::Kind::Register && temporaries_.has(rhs.reg);
  const Reg dst = reuse_rhs ? result(int_kind(width), rhs.reg, set_of(lhs))
                            : result(int_kind(width), lhs, set_of(rhs));
  masm_.alu(op, width, dst, lhs, rhs);
  push_result(int_kind(width), dst);
}

void Compiler::multiply(Width width) {
  if (top(1).where == Value::Where::Const) swap_top();
  if (top().where == Value::Where::Const) {
    const i64 factor =
        width == Width::W32 ? static_cast<i32>(top().bits) : static_cast<i64>(top().bits);
    if (multiply_by_constant(width, factor)) return;
  }
  const Operand rhs = pop_operand(width);
  const Reg lhs = pop_reg();
  const Reg dst = result(int_kind(width), lhs, set_of(rhs));
  masm_.multiply(width, dst, lhs, rhs);
  push_result(int_kind(width), dst);
}

void Compiler::divide(Divide op, Width width) {
  if (top().where == Value::Where::Const && top(1).where != Value::Where::Const &&
      divide_by_constant(op, width, narrow(top().bits, width))) {
    return;
  }
  divide_general(op, width);
}

void Compiler::divide_general(Divide op, Width width) {
  const Value divisor = pop();
  const bool is_constant = divisor.where == Value::Where::Const;
  const bool may_be_zero = !is_constant || narrow(divisor.bits, width) == 0;
  const bool may_be_minus_one =
      !is_constant || narrow(divisor.bits, width) == narrow(~u64{0}, width);
  const u32 by_zero = may_be_zero ? cold_trap(Trap::IntegerDivideByZero) : kNone;
  const u32 overflow =
      op == Divide::DivS && may_be_minus_one ? cold_trap(Trap::IntegerOverflow) : kNone;
  const auto label = [&](u32 index) { return index == kNone ? nullptr : &cold_[index].entry; };

  Reg rhs = to_reg(divisor);
  if (!target_.div_dividend.valid()) {
    const Reg lhs = pop_reg();
    const Reg dst = result(int_kind(width), lhs, set_of(rhs));
    masm_.divide(op, width, dst, lhs, rhs, label(by_zero), label(overflow));
    return push_result(int_kind(width), dst);
  }

  rhs = out_of_the_way(rhs, RegSet::of(target_.div_dividend, target_.div_clobber));
  pop_into(target_.div_dividend);
  take(target_.div_clobber);
  const Reg quotient = target_.div_dividend;
  const Reg in = masm_.divide(op, width, quotient, quotient, rhs, label(by_zero), label(overflow));
  release(rhs);
  release(in == quotient ? target_.div_clobber : quotient);
  push_reg(int_kind(width), in);
}

// [a_lo a_hi b_lo b_hi] -> [lo hi]
void Compiler::add_128(bool subtract) {
  const Operand rhs_hi = pop_operand(Width::W64);
  const Operand rhs_lo = pop_operand(Width::W64);
  const Reg hi = pop_temporary();
  const Reg lo = pop_temporary();
  masm_.add_wide(subtract, lo, hi, rhs_lo, rhs_hi);
  release(rhs_lo);
  release(rhs_hi);
  push_reg(Kind::I64, lo);
  push_reg(Kind::I64, hi);
}

void Compiler::multiply_wide(bool is_signed) {
  if (!target_.div_dividend.valid()) {
    const Reg rhs = pop_temporary();
    const Reg lhs = pop_temporary();
    masm_.multiply_wide(is_signed, lhs, rhs, lhs, rhs);
    push_reg(Kind::I64, lhs);
    return push_reg(Kind::I64, rhs);
  }
  const Reg lo = target_.div_dividend, hi = target_.div_clobber;
  Reg rhs = pop_reg();
  rhs = out_of_the_way(rhs, RegSet::of(lo, hi));
  pop_into(lo);
  take(hi);
  masm_.multiply_wide(is_signed, lo, hi, lo, rhs);
  release(rhs);
  push_reg(Kind::I64, lo);
  push_reg(Kind::I64, hi);
}

// A register that is in use and none of `fixed`, with what is in `reg`.
Reg Compiler::out_of_the_way(Reg reg, RegSet fixed) {
  if (!fixed.has(reg)) return reg;
  // Whatever is in the way of a third register has to be a value of the stack.
  const Reg other = allocate_in(kAllInts - fixed);
  masm_.move(Width::W64, other, reg);
  release(reg);
  return other;
}

// The newest value into a given register, which is taken.
void Compiler::pop_into(Reg reg) {
  const Value value = pop();
  if (value.where == Value::Where::Reg && value.reg == reg) return;
  take(reg);
  load_value(value, reg);
  if (value.where == Value::Where::Reg) release(value.reg);
}

void Compiler::shift(Shift op, Width width) {
  const Kind kind = int_kind(width);
  if (top().where == Value::Where::Const) {
    const u64 count = top().bits & (width == Width::W32 ? 31 : 63);
    pop();
    if (op == Shift::Shl && add_scaled_ahead(width, count)) return;
    const Reg lhs = pop_reg();
    const Reg dst = result(kind, lhs);
    masm_.shift(op, width, dst, lhs, static_cast<u8>(count));
    return push_result(kind, dst);
  }
  Value count = pop();
  if (!target_.shift_count.valid()) {
    const Reg by = to_reg(count);
    const Reg lhs = pop_reg();
    const Reg dst = result(kind, lhs, set_of(by));
    masm_.shift(op, width, dst, lhs, by);
    return push_result(kind, dst);
  }
  const Reg by = target_.shift_count;
  if (count.where != Value::Where::Reg || count.reg != by) {
    take(by);
    load_value(count, by);
    if (count.where == Value::Where::Reg) release(count.reg);
  }
  const Reg lhs = pop_reg();
  const Reg dst = result(kind, lhs, set_of(by));
  masm_.shift(op, width, dst, lhs, by);
  push_result(kind, dst);
}

// base + (index << count), when the addition is the next instruction and the base lies below.
bool Compiler::add_scaled_ahead(Width width, u64 count) {
  const Op add = width == Width::W32 ? Op::I32Add : Op::I64Add;
  if (count < 1 || count > 3 || !is_next(reader_.peek(), add) || height() < 2) return false;
  if (top(1).where == Value::Where::Const) return false;
  reader_.byte();
  const Reg index = pop_reg();
  const Reg base = pop_reg();
  const Reg dst = result(int_kind(width), base, set_of(index));
  masm_.add_scaled(width, dst, base, index, static_cast<u8>(count), 0);
  push_result(int_kind(width), dst);
  return true;
}

void Compiler::unary(Unary op, Width width) {
  const Reg src = pop_reg();
  const Reg dst = result(int_kind(width), src);
  masm_.unary(op, width, dst, src);
  push_result(int_kind(width), dst);
}

void Compiler::wrap() {
  if (top().where == Value::Where::Const) {
    const u64 bits = pop().bits;
    return push_const(Kind::I32, static_cast<u32>(bits));
  }
  const Reg src = pop_reg();
  const Reg dst = result(Kind::I32, src);
  masm_.move(Width::W32, dst, src);
  push_result(Kind::I32, dst);
}

void Compiler::extend(bool is_signed) {
  if (top().where == Value::Where::Compare) materialise_compare();
  if (!is_signed) {
    // An i32 has its upper half zero wherever it is.
    top().type = Kind::I64;
    return;
  }
  if (top().where == Value::Where::Const) {
    const u64 bits = pop().bits;
    return push_const(Kind::I64, static_cast<u64>(i64{static_cast<i32>(bits)}));
  }
  unary(Unary::Extend32S, Width::W64);
}

// -- Comparisons ----------------------------------------------------------------------------------

Compare Compiler::test(Width width, Reg reg) {
  Compare compare;
  compare.kind = Compare::Kind::Test;
  compare.width = width;
  compare.cond = Cond::Ne;
  compare.lhs = reg;
  compare.rhs = reg;
  return compare;
}

void Compiler::compare(Cond cond, Width width) {
  if (top(1).where == Value::Where::Const) {
    swap_top();
    cond = swap_operands(cond);
  }
  const Operand rhs = pop_operand(width);
  Compare compare;
  compare.width = width;
  compare.cond = cond;
  compare.lhs = pop_reg();
  compare.rhs = rhs;
  push_compare(compare);
}

void Compiler::eqz(Width width) {
  if (top().where == Value::Where::Compare) {
    stack_.pop_back();
    pending_.negate();
    return push_compare(pending_);
  }
  Compare compare = test(width, pop_reg());
  compare.negate();
  push_compare(compare);
}

void Compiler::float_compare(FloatCond cond, FloatWidth width) {
  const Operand rhs = pop_float_operand();
  Compare compare;
  compare.kind = Compare::Kind::Float;
  compare.float_width = width;
  compare.float_cond = cond;
  compare.lhs = pop_reg();
  compare.rhs = rhs;
  push_compare(compare);
}

void Compiler::push_compare(const Compare& compare) {
  if (consumes_condition(reader_.peek())) {
    pending_ = compare;
    Value value;
    value.where = Value::Where::Compare;
    value.type = Kind::I32;
    stack_.push_back(value);
    return;
  }
  const Compare now = compare;
  const Reg dst = result(Kind::I32, now.lhs, set_of(now.rhs));
  masm_.set_if(now, dst);
  push_result(Kind::I32, dst);
}

// For the rare consumer that needs the value after all.
void Compiler::materialise_compare() {
  stack_.pop_back();
  const Reg dst = allocate(Kind::I32);
  masm_.set_if(pending_, dst);
  release(pending_);
  Value value;
  value.where = Value::Where::Reg;
  value.type = Kind::I32;
  value.reg = dst;
  temp_owner_[dst.code] = height();
  stack_.push_back(value);
}

void Compiler::select() {
  const Compare condition = pop_condition();
  const Kind kind = top().type;
  const Reg if_false = pop_reg();
  const Reg if_true = pop_reg();
  RegSet others = set_of(if_false) | set_of(condition.lhs) | set_of(condition.rhs);
  const Reg dst = result(kind, if_true, others);
  if (kind == Kind::V128) {
    masm_.select_vector_if(condition, dst, if_true, if_false);
  } else {
    masm_.select_if(condition, is_64(kind) ? Width::W64 : Width::W32, dst, if_true, if_false);
  }
  push_result(kind, dst);
}

void Compiler::select_typed() {
  skip_immediates(reader_, Op::SelectT);
  select();
}

// -- References -----------------------------------------------------------------------------------

void Compiler::ref_null() {
  skip_immediates(reader_, Op::RefNull);
  push_const(Kind::Ref, 0);
}

void Compiler::ref_is_null() { eqz(Width::W64); }

// -- Floats ---------------------------------------------------------------------------------------

void Compiler::float_binary(FloatBinary op, FloatWidth width) {
  const Operand rhs = pop_float_operand();
  const Reg lhs = pop_reg();
  const bool commutes = op == FloatBinary::Add || op == FloatBinary::Mul;
  const bool reuse_rhs = commutes && !temporaries_.has(lhs) &&
                         rhs.kind == Operand::Kind::Register && temporaries_.has(rhs.reg);
  const Reg dst = reuse_rhs ? result(float_kind(width), rhs.reg, set_of(lhs))
                            : result(float_kind(width), lhs, set_of(rhs));
  masm_.float_binary(op, width, dst, lhs, rhs);
  if (options_.deterministic && op != FloatBinary::Copysign) masm_.canonicalise_nan(width, dst);
  push_result(float_kind(width), dst);
}

void Compiler::float_unary(FloatUnary op, FloatWidth width) {
  const Reg src = pop_reg();
  const Reg dst = result(float_kind(width), src);
  masm_.float_unary(op, width, dst, src);
  const bool keeps_nan = op == FloatUnary::Neg || op == FloatUnary::Abs;
  if (options_.deterministic && !keeps_nan) masm_.canonicalise_nan(width, dst);
  push_result(float_kind(width), dst);
}

void Compiler::convert(Convert op, Kind to, bool traps) {
  const Reg src = pop_reg();
  const u32 invalid = traps ? cold_trap(Trap::InvalidConversion) : kNone;
  const u32 overflow = traps ? cold_trap(Trap::IntegerOverflow) : kNone;
  const Reg dst = result(to, src);
  masm_.convert(op, dst, src, traps ? &cold_[invalid].entry : nullptr,
                traps ? &cold_[overflow].entry : nullptr);
  const bool makes_nan = op == Convert::F32DemoteF64 || op == Convert::F64PromoteF32;
  if (options_.deterministic && makes_nan) {
    masm_.canonicalise_nan(to == Kind::F64 ? FloatWidth::F64 : FloatWidth::F32, dst);
  }
  push_result(to, dst);
}

void Compiler::bitcast(Kind, Kind to) {
  if (top().where == Value::Where::Const) {
    const u64 bits = pop().bits;
    return push_const(to, bits);
  }
  const Reg src = pop_reg();
  const Reg dst = result(to, src);
  masm_.bitcast(is_64(to) ? Width::W64 : Width::W32, dst, src);
  push_result(to, dst);
}

}  // namespace lr::jit
