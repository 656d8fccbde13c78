// Structures, arrays and i31 (jit/gc/object.h has the pictures).
//
// An object is made by moving the process's cursor; where it would pass the limit, cold code asks
// for another place and keeps every register, so that making objects is no call.
#include <cstddef>

#include "base/run_state.h"
#include "frontend/type_registry.h"
#include "jit/compiler/compiler.h"
#include "jit/gc/object.h"

namespace lr::jit {

namespace {

constexpr u32 kConstantLengthMax = 1 << 20;

// What a packed value is on the stack.
Kind unpacked(Kind kind) { return kind == Kind::I8 || kind == Kind::I16 ? Kind::I32 : kind; }

// The helper for elements of a kind, among the five rows that begin with that of i32.
Stub helper_of(Stub of_i32, Kind kind) {
  u32 row = 1;
  switch (unpacked(kind)) {
    case Kind::I32:
      row = 0;
      break;
    case Kind::F32:
      row = 2;
      break;
    case Kind::F64:
      row = 3;
      break;
    case Kind::V128:
      row = 4;
      break;
    default:
      break;
  }
  return static_cast<Stub>(static_cast<u32>(of_i32) + row);
}

}  // namespace

// -- References and i31 ---------------------------------------------------------------------------

void Compiler::ref_eq() { compare(Cond::Eq, Width::W64); }

void Compiler::ref_i31() {
  const Reg value = pop_reg();
  const Reg dst = result(Kind::Ref, value);
  masm_.add_scaled(Width::W32, dst, value, value, 0, 1);
  push_result(Kind::Ref, dst);
}

void Compiler::i31_get(bool is_signed) {
  const Reg ref = pop_reg();
  check_not_null(ref, Trap::NullI31);
  const Reg dst = result(Kind::I32, ref);
  masm_.shift(is_signed ? Shift::ShrS : Shift::ShrU, Width::W32, dst, ref, u8{1});
  push_result(Kind::I32, dst);
}

// A register that holds a reference is among checked_regs_ while it is known not to be null.
void Compiler::check_not_null(Reg ref, Trap trap) {
  if (checked_regs_.has(ref)) return;
  Compare null = test(Width::W64, ref);
  null.negate();
  masm_.branch_if(null, cold_[cold_trap(trap)].entry);
  checked_regs_.add(ref);
  checked_[ref.code] = {};
}

// -- Making objects -------------------------------------------------------------------------------

Reg Compiler::new_object(u32 bytes, Reg size, TypeId type) {
  effects_++;
  const Reg object = allocate(Kind::Ref);
  const Reg run = allocate(Kind::I64);
  const Reg end = size.valid() ? size : allocate(Kind::I64);
  const auto field = [&](usize offset) {
    return Address{run, kNoReg, 0, static_cast<i32>(offset)};
  };
  Cold& cold = add_cold(Cold::Kind::Allocate);
  cold.object = object;
  if (size.valid()) cold.end = end;
  cold.bytes = bytes;
  masm_.load(Load::I64, run, {target_.context, kNoReg, 0, kContextRun});
  masm_.load(Load::I64, object, field(offsetof(RunState, heap_cursor)));
  masm_.alu(Alu::Add, Width::W64, end, object,
            size.valid() ? Operand(size) : Operand::immediate(static_cast<i32>(bytes)));
  Compare full;
  full.width = Width::W64;
  full.cond = Cond::GtU;
  full.lhs = end;
  full.rhs = field(offsetof(RunState, heap_limit));
  masm_.branch_if(full, cold.entry);
  masm_.store(Store::I64, field(offsetof(RunState, heap_cursor)), end);
  masm_.bind(cold.back);
  masm_.store_imm(Store::I32, {object, kNoReg, 0, gc::kTypeWordOffset},
                  static_cast<i32>(gc::type_word(type)));
  release(run);
  if (!size.valid()) release(end);
  checked_regs_.add(object);
  checked_[object.code] = {};
  return object;
}

void Compiler::store_operand(Kind kind, Address to) {
  const Value value = pop();
  // It is zero already. (Of a v128 the bits are a place in vectors_.)
  if (value.where == Value::Where::Const && kind != Kind::V128 && value.bits == 0) return;
  const bool is_constant = value.where == Value::Where::Const && !in_vector(kind);
  if (is_constant && static_cast<i64>(value.bits) == static_cast<i32>(value.bits)) {
    masm_.store_imm(store_of(kind), to, static_cast<i32>(value.bits));
    return;
  }
  const Reg reg = to_reg(value);
  masm_.store(store_of(kind), to, reg);
  release(reg);
}

void Compiler::struct_new(bool is_default, bool with_descriptor) {
  const TypeId id = read_type();
  const DefinedType& type = defined_type(id);
  if (height() > 0 && top().where == Value::Where::Compare) materialise_compare();
  if (with_descriptor) {
    const Value descriptor = pop();
    const Reg reg = to_reg(descriptor);
    check_not_null(reg, Trap::NullDescriptor);
    push_back(descriptor, reg);
  }
  const Reg object = new_object(type.size_bytes, kNoReg, id);
  const auto field = [&](u32 offset) {
    return Address{object, kNoReg, 0, static_cast<i32>(offset)};
  };
  if (with_descriptor) store_operand(Kind::Ref, field(type.descriptor_offset));
  if (!is_default) {
    for (usize i = type.fields.size(); i-- > 0;) {
      store_operand(type.fields[i].type.kind, field(type.offsets[i]));
    }
  }
  push_reg(Kind::Ref, object);
}

void Compiler::array_new_default() {
  const TypeId id = read_type();
  const u32 log2 = gc::element_log2(defined_type(id).fields[0].type.kind);
  if (top().where == Value::Where::Const && top().bits < kConstantLengthMax) {
    const auto length = static_cast<u32>(pop().bits);
    const Reg array = new_object(static_cast<u32>(gc::array_bytes(length, log2)), kNoReg, id);
    masm_.store_imm(Store::I32, {array, kNoReg, 0, gc::kLengthOffset}, static_cast<i32>(length));
    return push_reg(Kind::Ref, array);
  }
  const Reg length = pop_reg();
  const Reg size = allocate(Kind::I64);
  const i32 disp = gc::kElementsOffset + static_cast<i32>(gc::kGranule) - 1;
  if (log2 <= 3) {
    masm_.add_scaled(Width::W64, size, kNoReg, length, static_cast<u8>(log2), disp);
  } else {
    masm_.shift(Shift::Shl, Width::W64, size, length, static_cast<u8>(log2));
    masm_.alu(Alu::Add, Width::W64, size, size, Operand::immediate(disp));
  }
  masm_.alu(Alu::And, Width::W64, size, size, Operand::immediate(-static_cast<i32>(gc::kGranule)));
  const Reg array = new_object(0, size, id);
  masm_.store(Store::I32, {array, kNoReg, 0, gc::kLengthOffset}, length);
  release(size);
  release(length);
  push_reg(Kind::Ref, array);
}

void Compiler::array_new_fixed() {
  const TypeId id = read_type();
  const u32 length = reader_.u32_leb();
  const Kind kind = defined_type(id).fields[0].type.kind;
  const u32 log2 = gc::element_log2(kind);
  if (height() > 0 && top().where == Value::Where::Compare) materialise_compare();
  const Reg array = new_object(static_cast<u32>(gc::array_bytes(length, log2)), kNoReg, id);
  masm_.store_imm(Store::I32, {array, kNoReg, 0, gc::kLengthOffset}, static_cast<i32>(length));
  for (u32 i = length; i-- > 0;) {
    store_operand(kind, {array, kNoReg, 0, gc::kElementsOffset + static_cast<i32>(i << log2)});
  }
  push_reg(Kind::Ref, array);
}

void Compiler::array_new() {
  const TypeId id = read_type();
  helper(helper_of(Stub::Helper_ArrayNewI32, defined_type(id).fields[0].type.kind),
         {gc::type_word(id)});
  top().type = Kind::Ref;
}

void Compiler::array_new_segment(Stub stub) {
  const TypeId id = read_type();
  helper(stub, {gc::type_word(id), reader_.u32_leb()});
  top().type = Kind::Ref;
}

// -- Structures -----------------------------------------------------------------------------------

void Compiler::struct_get(bool is_signed) {
  const DefinedType& type = defined_type(read_type());
  const u32 index = reader_.u32_leb();
  const Kind kind = type.fields[index].type.kind;
  const Reg object = pop_reg();
  check_not_null(object, Trap::NullStructure);
  const Reg dst = result(unpacked(kind), object);
  masm_.load(load_of(kind, is_signed), dst,
             {object, kNoReg, 0, static_cast<i32>(type.offsets[index])});
  push_result(unpacked(kind), dst);
}

void Compiler::struct_set() {
  effects_++;
  const DefinedType& type = defined_type(read_type());
  const u32 index = reader_.u32_leb();
  const Kind kind = type.fields[index].type.kind;
  const Value value = pop();
  const i32 offset = static_cast<i32>(type.offsets[index]);
  const bool is_constant = value.where == Value::Where::Const && !in_vector(kind);
  if (is_constant && static_cast<i64>(value.bits) == static_cast<i32>(value.bits)) {
    const Reg object = pop_reg();
    check_not_null(object, Trap::NullStructure);
    masm_.store_imm(store_of(kind), {object, kNoReg, 0, offset}, static_cast<i32>(value.bits));
    return release(object);
  }
  const Reg reg = to_reg(value);
  const Reg object = pop_reg();
  check_not_null(object, Trap::NullStructure);
  masm_.store(store_of(kind), {object, kNoReg, 0, offset}, reg);
  release(object);
  release(reg);
}

// -- Arrays ---------------------------------------------------------------------------------------

Address Compiler::pop_element(Kind kind) {
  Reg index = pop_reg();
  const Reg array = pop_reg();
  check_not_null(array, Trap::NullArray);
  Compare outside;
  outside.cond = Cond::GeU;
  outside.lhs = index;
  outside.rhs = Address{array, kNoReg, 0, gc::kLengthOffset};
  masm_.branch_if(outside, cold_[cold_trap(Trap::ArrayOutOfBounds)].entry);
  u32 log2 = gc::element_log2(kind);
  if (log2 > 3) {
    const Reg scaled = allocate(Kind::I64);
    masm_.shift(Shift::Shl, Width::W64, scaled, index, static_cast<u8>(log2));
    release(index);
    index = scaled;
    log2 = 0;
  }
  return {array, index, static_cast<u8>(log2), gc::kElementsOffset};
}

void Compiler::array_get(bool is_signed) {
  const Kind kind = defined_type(read_type()).fields[0].type.kind;
  const Address element = pop_element(kind);
  const Reg dst = result(unpacked(kind), element.base, RegSet::of(element.index));
  masm_.load(load_of(kind, is_signed), dst, element);
  push_result(unpacked(kind), dst);
}

void Compiler::array_set() {
  effects_++;
  const Kind kind = defined_type(read_type()).fields[0].type.kind;
  const Reg value = pop_reg();
  const Address element = pop_element(kind);
  masm_.store(store_of(kind), element, value);
  release(element);
  release(value);
}

void Compiler::array_len() {
  const Reg array = pop_reg();
  check_not_null(array, Trap::NullArray);
  const Reg dst = result(Kind::I32, array);
  masm_.load(Load::I32, dst, {array, kNoReg, 0, gc::kLengthOffset});
  push_result(Kind::I32, dst);
}

void Compiler::array_fill() {
  const Kind kind = defined_type(read_type()).fields[0].type.kind;
  helper(helper_of(Stub::Helper_ArrayFillI32, kind), {});
}

void Compiler::array_copy() {
  read_type();
  read_type();
  helper(Stub::Helper_ArrayCopy, {});
}

void Compiler::array_init(Stub stub) {
  read_type();
  helper(stub, {reader_.u32_leb()});
}

}  // namespace lr::jit
