// The operand stack: where values are, and how they get into registers and out of them.
#include <algorithm>

#include "jit/compiler/compiler.h"

namespace lr::jit {

namespace {

bool fits_i32(u64 bits) { return static_cast<i64>(bits) == static_cast<i32>(bits); }

}  // namespace

// -- Pushing --------------------------------------------------------------------------------------

void Compiler::push_const(Kind type, u64 bits) {
  Value value;
  value.where = Value::Where::Const;
  value.type = type;
  value.bits = bits;
  stack_.push_back(value);
}

void Compiler::push_reg(Kind type, Reg reg) {
  Value value;
  value.where = Value::Where::Reg;
  value.type = type;
  value.reg = reg;
  temp_owner_[reg.code] = height();
  stack_.push_back(value);
  if (options_.spill_all) spill(height() - 1);
}

void Compiler::push_local(u32 local, Kind type) {
  Value value;
  value.where = Value::Where::Local;
  value.type = type;
  value.local = local;
  value.older = newest_ref_[local];
  newest_ref_[local] = height();
  if (const Reg home = homes_.of(local); home.valid()) last_read_[home.code] = local;
  stack_.push_back(value);
}

void Compiler::push_slot(Kind type) {
  Value value;
  value.where = Value::Where::Slot;
  value.type = type;
  value.slot = height();
  stack_.push_back(value);
}

// -- Popping --------------------------------------------------------------------------------------

Value Compiler::pop() {
  if (top().where == Value::Where::Compare) materialise_compare();
  const Value value = stack_.back();
  if (value.where == Value::Where::Local) newest_ref_[value.local] = value.older;
  if (value.where == Value::Where::Reg) temp_owner_[value.reg.code] = kNone;
  stack_.pop_back();
  if (canonical_ > height()) canonical_ = height();
  return value;
}

void Compiler::drop_to(u32 wanted) {
  while (height() > wanted) {
    if (top().where == Value::Where::Compare) release(pending_);
    const Value value = stack_.back();
    if (value.where == Value::Where::Local) newest_ref_[value.local] = value.older;
    if (value.where == Value::Where::Reg) {
      temp_owner_[value.reg.code] = kNone;
      release(value.reg);
    }
    stack_.pop_back();
  }
  if (canonical_ > height()) canonical_ = height();
}

// `value` has just been popped: a slot is that of the first free index.
Reg Compiler::to_reg(const Value& value) {
  if (value.where == Value::Where::Reg) return value.reg;
  if (value.where == Value::Where::Local && homes_.of(value.local).valid()) {
    return load_home(value.local);
  }
  const Reg reg = allocate(value.type);
  load_value(value, reg);
  return reg;
}

Reg Compiler::pop_reg() { return to_reg(pop()); }

Reg Compiler::pop_temporary() {
  const Value value = pop();
  if (value.where == Value::Where::Reg) return value.reg;
  const Reg reg = allocate(value.type);
  load_value(value, reg);
  return reg;
}

Operand Compiler::pop_operand(Width width) {
  const Value value = pop();
  switch (value.where) {
    case Value::Where::Const:
      if (width == Width::W32) return Operand::immediate(static_cast<i32>(value.bits));
      if (fits_i32(value.bits)) return Operand::immediate(static_cast<i32>(value.bits));
      break;
    case Value::Where::Local:
      if (!homes_.of(value.local).valid()) return slot_of_local(value.local);
      break;
    case Value::Where::Slot:
      return slot_of_stack(value.slot, value.type);
    default:
      break;
  }
  return to_reg(value);
}

Operand Compiler::pop_float_operand() {
  const Value value = pop();
  if (value.where == Value::Where::Local && !homes_.of(value.local).valid()) {
    return slot_of_local(value.local);
  }
  if (value.where == Value::Where::Slot) return slot_of_stack(value.slot, value.type);
  if (value.where == Value::Where::Const) {
    const bool f32 = value.type == Kind::F32;
    return masm_.float_constant(f32 ? FloatWidth::F32 : FloatWidth::F64, value.bits);
  }
  return to_reg(value);
}

void Compiler::release(Reg reg) {
  if (temporaries_.has(reg)) used_.remove(reg);
}

void Compiler::release(const Operand& operand) {
  if (operand.kind == Operand::Kind::Register) {
    release(operand.reg);
  } else if (operand.kind == Operand::Kind::Memory) {
    release(operand.address);
  }
}

void Compiler::release(const Address& address) {
  if (address.base.valid()) release(address.base);
  if (address.index.valid()) release(address.index);
}

void Compiler::swap_top() {
  if (top().where == Value::Where::Compare) materialise_compare();
  const Value above = pop();
  const Value below = pop();
  push_again(above);
  push_again(below);
}

// Puts a popped value back, at whatever height the stack has now.
void Compiler::push_again(Value value) {
  if (value.where == Value::Where::Local) return push_local(value.local, value.type);
  if (value.where == Value::Where::Reg) temp_owner_[value.reg.code] = height();
  stack_.push_back(value);
}

// -- Registers ------------------------------------------------------------------------------------

Reg Compiler::allocate(Kind type) { return allocate_in(in_vector(type) ? kAllVectors : kAllInts); }

Reg Compiler::allocate_in(RegSet pool) {
  pool = pool & temporaries_;
  RegSet free = pool - used_;
  if (free.empty()) {
    spill_one(pool);
    free = pool - used_;
  }
  const Reg reg = free.first();
  used_.add(reg);
  checked_regs_.remove(reg);
  return reg;
}

// The oldest value that is in one of these registers: it will be needed last.
void Compiler::spill_one(RegSet pool) {
  u32 oldest = kNone;
  for (RegSet rest = pool & used_; !rest.empty();) {
    oldest = std::min(oldest, temp_owner_[rest.take_first().code]);
  }
  CHECK(oldest != kNone);
  spill(oldest);
}

// Makes `reg` free and takes it. The value in it moves to another register or its slot.
void Compiler::take(Reg reg) {
  if (used_.has(reg)) {
    const u32 owner = temp_owner_[reg.code];
    CHECK(owner != kNone);
    const RegSet bank = reg.is_vector() ? kAllVectors : kAllInts;
    const RegSet free = (bank & temporaries_) - used_;
    if (free.empty()) {
      spill(owner);
    } else {
      const Reg other = free.first();
      used_.add(other);
      if (reg.is_vector()) {
        masm_.move_vector(other, reg);
      } else {
        masm_.move(Width::W64, other, reg);
      }
      temp_owner_[reg.code] = kNone;
      temp_owner_[other.code] = owner;
      stack_[owner].reg = other;
      checked_regs_.remove(other);
    }
  }
  used_.add(reg);
  checked_regs_.remove(reg);
}

void Compiler::spill(u32 index) {
  Value& value = stack_[index];
  const Reg reg = value.reg;
  masm_.store(slot_store(value.type, reg), slot_of_stack(index, value.type), reg);
  value.where = Value::Where::Slot;
  value.slot = index;
  temp_owner_[reg.code] = kNone;
  release(reg);
}

// -- Slots ----------------------------------------------------------------------------------------

// Those of vectors do not straddle cache lines if the stack is aligned, which it usually is.
i32 Compiler::new_slot(Kind type) {
  if (type == Kind::V128) slots_ = (slots_ + 1) & ~1;
  const i32 slot = slots_;
  slots_ += slot_words(type);
  return slot;
}

Address Compiler::slot_of_stack(u32 index, Kind type) {
  std::vector<i32>& slots = type == Kind::V128 ? wide_stack_slot_ : stack_slot_;
  if (index >= slots.size()) slots.resize(index + 1, -1);
  if (slots[index] < 0) slots[index] = new_slot(type);
  return frame(slots[index]);
}

// By way of the vector scratch.
void Compiler::copy_slot(Kind type, Address from, Address to) {
  masm_.load(slot_load(type, target_.vector_scratch), target_.vector_scratch, from);
  masm_.store(slot_store(type, target_.vector_scratch), to, target_.vector_scratch);
}

void Compiler::load_value(const Value& value, Reg dst) {
  switch (value.where) {
    case Value::Where::Const:
      if (value.type == Kind::V128) {
        masm_.move_vector_imm(dst, vectors_[value.bits]);
      } else if (dst.is_vector()) {
        masm_.move_float_imm(value.type == Kind::F32 ? FloatWidth::F32 : FloatWidth::F64, dst,
                             value.bits);
      } else {
        masm_.move_imm(Width::W64, dst, value.bits);
      }
      return;
    case Value::Where::Local:
      if (in_register(value.local)) {
        const Reg home = homes_.of(value.local);
        if (dst == home) return;
        if (dst.is_vector()) {
          masm_.move_vector(dst, home);
        } else {
          masm_.move(Width::W64, dst, home);
        }
      } else {
        masm_.load(slot_load(value.type, dst), dst, slot_of_local(value.local));
      }
      return;
    case Value::Where::Reg:
      if (dst == value.reg) return;
      if (dst.is_vector()) {
        masm_.move_vector(dst, value.reg);
      } else {
        masm_.move(Width::W64, dst, value.reg);
      }
      return;
    case Value::Where::Slot:
      masm_.load(slot_load(value.type, dst), dst, slot_of_stack(value.slot, value.type));
      return;
    case Value::Where::Compare:
      CHECK(false);
  }
}

// Uses no register but the vector scratch.
void Compiler::store_value(const Value& value, Address to) {
  if (value.where == Value::Where::Const && value.type != Kind::V128) {
    if (fits_i32(value.bits)) {
      masm_.store_imm(Store::I64, to, static_cast<i32>(value.bits));
      return;
    }
    masm_.move_float_imm(FloatWidth::F64, target_.vector_scratch, value.bits);
    masm_.store(Store::F64, to, target_.vector_scratch);
    return;
  }
  Reg reg = target_.vector_scratch;
  if (value.where == Value::Where::Reg) {
    reg = value.reg;
  } else if (value.where == Value::Where::Local && in_register(value.local)) {
    reg = homes_.of(value.local);
  } else {
    load_value(value, reg);
  }
  masm_.store(slot_store(value.type, reg), to, reg);
}

// Constants stay what they are: they are the same on every path.
void Compiler::flush() {
  if (height() > 0 && top().where == Value::Where::Compare) materialise_compare();
  for (u32 i = height(); i > canonical_;) {
    Value& value = stack_[--i];
    if (value.where == Value::Where::Local) {
      store_value(value, slot_of_stack(i, value.type));
      newest_ref_[value.local] = value.older;
      value.where = Value::Where::Slot;
      value.slot = i;
    } else if (value.where == Value::Where::Reg) {
      spill(i);
    }
  }
  canonical_ = height();
}

// Asks the registers, of which there are few, what they hold: the stack may be high.
void Compiler::flush_registers(u32 below) {
  if (canonical_ >= below) return;
  u32 owners[64];
  u32 count = 0;
  for (RegSet rest = used_; !rest.empty();) {
    const u32 owner = temp_owner_[rest.take_first().code];
    if (owner < below) owners[count++] = owner;
  }
  if (count > 1) std::sort(owners, owners + count);
  for (u32 i = 0; i < count; i++) spill(owners[i]);
}

// -- Results --------------------------------------------------------------------------------------

// Where an `end` or a `return` that comes next wants the value, if that register is free.
Reg Compiler::wanted_by_control(Kind type, u8 next, Reg prefer, RegSet others) {
  const Control& control = control_.back();
  const bool at_end = next == info(Op::End).code;
  const bool returns =
      next == info(Op::Return).code || (at_end && control.form == Control::Form::Function);
  Reg reg;
  if (returns && type_->results.size() == 1) {
    reg = in_vector(type) ? target_.vector_results[0] : target_.int_results[0];
    // Whatever local lives there is dead now.
    if (!temporaries_.has(reg)) return reg;
  } else if ((at_end || next == info(Op::Else).code) && control.form != Control::Form::Loop &&
             control.results.size() == 1) {
    reg = result_register(type);
  }
  if (!reg.valid()) return kNoReg;
  if (used_.has(reg)) return reg == prefer || others.has(reg) ? reg : kNoReg;
  used_.add(reg);
  return reg;
}

// The operands stay in use until the register is chosen: saving the pending reads of a local needs
// registers of its own.
Reg Compiler::result(Kind type, Reg prefer, RegSet others) {
  const u8 next = reader_.peek();
  Reg reg;
  if (next == info(Op::LocalSet).code || next == info(Op::LocalTee).code) {
    const u8* const at = reader_.at();
    reader_.byte();
    const u32 local = reader_.u32_leb();
    reg = homes_.of(local);
    if (reg.valid()) {
      destination_ = local;
      destination_tee_ = next == info(Op::LocalTee).code;
      before_write(local);
    } else {
      reader_.go_to(at);
    }
  }
  if (!reg.valid() && !is_inlining_ && next <= info(Op::Return).code)
    reg = wanted_by_control(type, next, prefer, others);
  if (!reg.valid()) {
    const bool fits =
        prefer.valid() && temporaries_.has(prefer) && prefer.is_vector() == in_vector(type);
    reg = fits ? prefer : allocate(type);
  }
  if (prefer.valid() && prefer != reg) release(prefer);
  for (RegSet rest = others; !rest.empty();) {
    const Reg other = rest.take_first();
    if (other != reg) release(other);
  }
  checked_regs_.remove(reg);
  return reg;
}

void Compiler::push_result(Kind type, Reg reg) {
  if (destination_ == kNone) return push_reg(type, reg);
  const u32 local = destination_;
  destination_ = kNone;
  own_home(local);
  if (destination_tee_) push_local(local, type);
}

}  // namespace lr::jit
