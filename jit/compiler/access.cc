// Memories, globals and tables.
#include <optional>

#include "frontend/opcode.h"
#include "jit/compiler/compiler.h"

namespace lr::jit {

namespace {

constexpr u64 kDispMax = 0x7fff'ffff;

constexpr bool is_next(u8 byte, Op op) { return byte == info(op).code; }

std::optional<Alu> alu_of(u8 byte, bool wide) {
  if (is_next(byte, wide ? Op::I64Add : Op::I32Add)) return Alu::Add;
  if (is_next(byte, wide ? Op::I64Sub : Op::I32Sub)) return Alu::Sub;
  if (is_next(byte, wide ? Op::I64And : Op::I32And)) return Alu::And;
  if (is_next(byte, wide ? Op::I64Or : Op::I32Or)) return Alu::Or;
  if (is_next(byte, wide ? Op::I64Xor : Op::I32Xor)) return Alu::Xor;
  return std::nullopt;
}

constexpr u64 saturating_add(u64 a, u64 b) { return a > ~b ? ~u64{0} : a + b; }

}  // namespace

// -- Memory ---------------------------------------------------------------------------------------

Compiler::MemArg Compiler::read_mem_arg() {
  MemArg arg;
  if ((reader_.u32_leb() & 0x40) != 0) arg.memory = reader_.u32_leb();
  arg.offset = reader_.u64_leb();
  return arg;
}

// Of the first memory.
void Compiler::check_bounds(Reg index, u64 end) {
  const bool constant = !index.valid();
  const bool seen = constant ? checked_constant_.end > 0 : checked_regs_.has(index);
  Checked& checked = constant ? checked_constant_ : checked_[index.code];
  if (seen && checked.end >= end) return;
  // Nothing that could be observed lies between that check and here: it may as well check for both.
  if (seen && checked.effects == effects_ && masm_.patch_bounds(checked.patch, end)) {
    checked.end = end;
    return;
  }
  if (!constant) checked_regs_.add(index);
  if (module_->memories[0].limits.is_64 && !constant) {
    const Patch patch = emit_bounds_check(0, index, end, target_.memory_extent);
    checked = {patch, end, effects_};
    return;
  }
  Cold& cold = add_cold(Cold::Kind::Extent);
  checked = {masm_.bounds_check(index, end, cold.entry), end, effects_};
  masm_.bind(cold.back);
}

// Of any memory.
Patch Compiler::emit_bounds_check(u32 memory, Reg index, u64 end, const Operand& extent) {
  const bool wraps = module_->memories[memory].limits.is_64 && index.valid();
  const u32 wrapped = wraps ? cold_trap(Trap::MemoryOutOfBounds) : kNone;
  Cold& cold = add_cold(Cold::Kind::Extent);
  cold.memory = memory;
  const Patch patch = masm_.bounds_check_any(index, end, extent, cold.entry,
                                             wraps ? &cold_[wrapped].entry : nullptr);
  masm_.bind(cold.back);
  return patch;
}

Address Compiler::pop_address(const MemArg& arg, u32 bytes) {
  if (arg.memory != 0 || module_->memories[0].limits.is_64) [[unlikely]]
    return pop_checked_address(arg, bytes);
  const bool unchecked = options_.memory_class == MemoryClass::Guarded;
  const Value value = pop();
  Address address{target_.memory_base};
  u64 offset = arg.offset;
  if (value.where == Value::Where::Const) {
    offset += static_cast<u32>(value.bits);
    // Above 4 GiB a constant address is never inside.
    if (!unchecked || offset + bytes > 4 * kGiB) check_bounds(kNoReg, offset + bytes);
  } else {
    address.index = to_reg(value);
    if (!unchecked || arg.offset + bytes > kGuardBytes) {
      check_bounds(address.index, arg.offset + bytes);
    }
  }
  return fold_offset(address, offset);
}

// Any memory but a first one with 32-bit addresses. What the sum of address and offset cannot hold
// is certainly outside.
Address Compiler::pop_checked_address(const MemArg& arg, u32 bytes) {
  const bool is_64 = module_->memories[arg.memory].limits.is_64;
  const Value value = pop();
  Address address{target_.memory_base};
  u64 offset = arg.offset;
  if (value.where == Value::Where::Const) {
    offset = saturating_add(offset, is_64 ? value.bits : static_cast<u32>(value.bits));
  } else {
    address.index = to_reg(value);
  }
  const u64 end = saturating_add(offset, bytes);
  if (arg.memory == 0) {
    check_bounds(address.index, end);
  } else {
    const Reg view = allocate(Kind::I64);
    masm_.load(Load::I64, view, {target_.context, kNoReg, 0, layout_->memory(arg.memory)});
    const Address extent{view, kNoReg, 0, offsetof(MemoryView, extent)};
    emit_bounds_check(arg.memory, address.index, end, extent);
    masm_.load(Load::I64, view, {view, kNoReg, 0, offsetof(MemoryView, base)});
    address.base = view;
  }
  return fold_offset(address, offset);
}

// An address with any offset, which has been checked.
Address Compiler::fold_offset(Address address, u64 offset) {
  if (offset <= kDispMax) {
    address.disp = static_cast<i32>(offset);
    return address;
  }
  // With a base of its own, an access may have no register left.
  const bool into_base = address.base != target_.memory_base && address.index.valid();
  if (into_base) {
    masm_.alu(Alu::Add, Width::W64, address.base, address.base, address.index);
    release(address.index);
    address.index = kNoReg;
  }
  const Reg sum = allocate(Kind::I64);
  masm_.move_imm(Width::W64, sum, offset);
  if (address.index.valid()) {
    masm_.alu(Alu::Add, Width::W64, sum, sum, address.index);
    release(address.index);
  }
  address.index = sum;
  return address;
}

void Compiler::load(Load load, u32 bytes, Kind type) {
  const MemArg arg = read_mem_arg();
  if (load == load_of(type) && operate_store_ahead(arg, bytes, type)) return;
  const Address address = pop_address(arg, bytes);
  if (load == load_of(type) && load_operate_ahead(address, type)) return;
  const Reg dst = result(type, address.index, registers_of(address));
  masm_.load(load, dst, address);
  push_result(type, dst);
}

// `p[k] = p[k] op x`, with x a constant or a local in its register: one instruction. Read ahead
// from the load: what x is, the operation, and a store to the address that lies below the load's.
bool Compiler::operate_store_ahead(const MemArg& arg, u32 bytes, Kind type) {
  if ((type != Kind::I32 && type != Kind::I64) || height() < 2) return false;
  const Value& address = top();
  const Value& below = top(1);
  if (address.where != Value::Where::Local || below.where != Value::Where::Local ||
      address.local != below.local) {
    return false;
  }
  const u8* const start = reader_.at();
  const auto give_up = [&] {
    reader_.go_to(start);
    return false;
  };
  const bool wide = type == Kind::I64;
  Operand operand{kNoReg};
  const u8 first = reader_.byte();
  if (is_next(first, wide ? Op::I64Const : Op::I32Const)) {
    const i64 value = reader_.signed_leb();
    if (value != static_cast<i32>(value)) return give_up();
    operand = Operand::immediate(static_cast<i32>(value));
  } else if (is_next(first, Op::LocalGet)) {
    const u32 local = reader_.u32_leb();
    if (is_inlining_ || !in_register(local)) return give_up();
    operand = homes_.of(local);
  } else {
    return give_up();
  }
  const std::optional<Alu> op = alu_of(reader_.byte(), wide);
  if (!op || !is_next(reader_.byte(), wide ? Op::I64Store : Op::I32Store)) return give_up();
  const MemArg to = read_mem_arg();
  if (to.memory != arg.memory || to.offset != arg.offset) return give_up();

  const Address target = pop_address(arg, bytes);
  pop();
  effects_++;
  masm_.alu_memory(*op, wide ? Width::W64 : Width::W32, target, operand);
  release(target);
  return true;
}

// An operation on what was just loaded, with the other operand below it: one instruction.
bool Compiler::load_operate_ahead(Address address, Kind type) {
  if (height() == 0 || top().where == Value::Where::Const || options_.spill_all) return false;
  const u8 next = reader_.peek();
  const bool wide = type == Kind::I64;
  if (type == Kind::I32 || type == Kind::I64) {
    const std::optional<Alu> op = alu_of(next, wide);
    if (!op) return false;
    reader_.byte();
    const Reg lhs = pop_reg();
    const Reg dst = result(type, lhs, registers_of(address));
    masm_.alu(*op, wide ? Width::W64 : Width::W32, dst, lhs, address);
    push_result(type, dst);
    return true;
  }
  const bool f64 = type == Kind::F64;
  FloatBinary op;
  if (is_next(next, f64 ? Op::F64Add : Op::F32Add)) {
    op = FloatBinary::Add;
  } else if (is_next(next, f64 ? Op::F64Sub : Op::F32Sub)) {
    op = FloatBinary::Sub;
  } else if (is_next(next, f64 ? Op::F64Mul : Op::F32Mul)) {
    op = FloatBinary::Mul;
  } else if (is_next(next, f64 ? Op::F64Div : Op::F32Div)) {
    op = FloatBinary::Div;
  } else {
    return false;
  }
  reader_.byte();
  const Reg lhs = pop_reg();
  const Reg dst = result(type, lhs, registers_of(address));
  const FloatWidth width = f64 ? FloatWidth::F64 : FloatWidth::F32;
  masm_.float_binary(op, width, dst, lhs, address);
  if (options_.deterministic) masm_.canonicalise_nan(width, dst);
  push_result(type, dst);
  return true;
}

RegSet Compiler::registers_of(const Address& address) const {
  RegSet set;
  if (address.index.valid()) set.add(address.index);
  if (address.base != target_.memory_base) set.add(address.base);
  return set;
}

// Counts as an effect only behind its own check, which must not be raised for what follows.
void Compiler::store(Store store, u32 bytes) {
  const MemArg arg = read_mem_arg();
  const Value value = pop();
  const bool is_int = value.type == Kind::I32 || value.type == Kind::I64;
  const bool immediate =
      value.where == Value::Where::Const && is_int &&
      (bytes < 8 || static_cast<i64>(value.bits) == static_cast<i32>(value.bits));
  if (immediate) {
    const Address address = pop_address(arg, bytes);
    effects_++;
    masm_.store_imm(store, address, static_cast<i32>(value.bits));
    return release(address);
  }
  const Reg reg = to_reg(value);
  const Address address = pop_address(arg, bytes);
  effects_++;
  masm_.store(store, address, reg);
  release(address);
  release(reg);
}

void Compiler::memory_size() {
  const u32 index = reader_.u32_leb();
  const MemoryType& memory = module_->memories[index];
  const Kind kind = memory.limits.is_64 ? Kind::I64 : Kind::I32;
  const Reg dst = result(kind);
  const i32 view = index == 0 ? kContextMemory0 : layout_->memory(index);
  masm_.load(Load::I64, dst, {target_.context, kNoReg, 0, view});
  masm_.load(Load::I64, dst, {dst, kNoReg, 0, offsetof(MemoryView, size)});
  if (memory.page_size_log2 != 0) {
    masm_.shift(Shift::ShrU, Width::W64, dst, dst, memory.page_size_log2);
  }
  push_result(kind, dst);
}

// -- Globals --------------------------------------------------------------------------------------

// A mutable global of another instance is behind a pointer.
Address Compiler::global_address(u32 index) {
  const Address cell{target_.context, kNoReg, 0, layout_->global(index)};
  if (index >= module_->imported_globals || !module_->globals[index].type.is_mutable) return cell;
  const Reg pointer = allocate(Kind::I64);
  masm_.load(Load::I64, pointer, cell);
  return {pointer};
}

void Compiler::global_get() {
  const u32 index = reader_.u32_leb();
  const Kind kind = module_->globals[index].type.type.kind;
  const Address address = global_address(index);
  const Reg dst = result(kind, address.base);
  masm_.load(load_of(kind), dst, address);
  push_result(kind, dst);
}

void Compiler::global_set() {
  effects_++;
  const u32 index = reader_.u32_leb();
  const Kind kind = module_->globals[index].type.type.kind;
  const Reg value = pop_reg();
  const Address address = global_address(index);
  masm_.store(store_of(kind), address, value);
  release(address);
  release(value);
}

// -- Tables ---------------------------------------------------------------------------------------

// The element's address; traps if there is none. `index` stays in use.
Address Compiler::table_element(u32 table, Reg index, Trap trap) {
  const Reg view = allocate(Kind::I64);
  masm_.load(Load::I64, view, {target_.context, kNoReg, 0, layout_->table(table)});
  Compare outside;
  outside.width = Width::W64;
  outside.cond = Cond::GeU;
  outside.lhs = index;
  outside.rhs = Address{view, kNoReg, 0, offsetof(TableView, size)};
  masm_.branch_if(outside, cold_[cold_trap(trap)].entry);
  masm_.load(Load::I64, view, {view, kNoReg, 0, offsetof(TableView, elements)});
  return {view, index, 3, 0};
}

void Compiler::table_get() {
  const u32 table = reader_.u32_leb();
  const Reg index = pop_reg();
  const Address element = table_element(table, index, Trap::TableOutOfBounds);
  const Reg dst = result(Kind::Ref, element.base, RegSet::of(index));
  masm_.load(Load::I64, dst, element);
  push_result(Kind::Ref, dst);
}

void Compiler::table_set() {
  const u32 table = reader_.u32_leb();
  const Reg value = pop_reg();
  const Reg index = pop_reg();
  const Address element = table_element(table, index, Trap::TableOutOfBounds);
  masm_.store(Store::I64, element, value);
  release(element);
  release(value);
}

void Compiler::table_size() {
  const u32 table = reader_.u32_leb();
  const Kind kind = module_->tables[table].type.limits.is_64 ? Kind::I64 : Kind::I32;
  const Reg dst = result(kind);
  masm_.load(Load::I64, dst, {target_.context, kNoReg, 0, layout_->table(table)});
  masm_.load(Load::I64, dst, {dst, kNoReg, 0, offsetof(TableView, size)});
  push_result(kind, dst);
}

}  // namespace lr::jit
