// Tests of reference types: ref.test, ref.cast and the branches. Null and the tag first, then the
// type: one compare for a final type, else the word that the object's type has in its display at
// the depth of the wanted one (jit/gc/type_table.h).
#include <cstddef>

#include "base/run_state.h"
#include "frontend/type_registry.h"
#include "jit/compiler/compiler.h"
#include "jit/gc/type_table.h"

namespace lr::jit {

// A heap type as the bytes have it; nullable is not set.
ValType Compiler::read_heap_type() {
  bool exact = false;
  if (reader_.peek() == 0x62) {
    reader_.byte();
    exact = true;
  }
  const i64 code = reader_.signed_leb();
  if (code >= 0) {
    ValType type = ref_to(module_->types[static_cast<usize>(code)], false);
    type.exact = exact;
    return type;
  }
  switch (code & 0x7f) {
    case 0x74:
      return ref_to(Heap::NoExn, false);
    case 0x73:
      return ref_to(Heap::NoFunc, false);
    case 0x72:
      return ref_to(Heap::NoExtern, false);
    case 0x71:
      return ref_to(Heap::None, false);
    case 0x70:
      return ref_to(Heap::Func, false);
    case 0x6f:
      return ref_to(Heap::Extern, false);
    case 0x6e:
      return ref_to(Heap::Any, false);
    case 0x6d:
      return ref_to(Heap::Eq, false);
    case 0x6c:
      return ref_to(Heap::I31, false);
    case 0x6b:
      return ref_to(Heap::Struct, false);
    case 0x6a:
      return ref_to(Heap::Array, false);
    default:
      return ref_to(Heap::Exn, false);
  }
}

// -- The test -------------------------------------------------------------------------------------

void Compiler::branch_on_tag(Reg ref, i32 mask, Cond cond, Label& target) {
  Compare tag;
  tag.kind = Compare::Kind::Test;
  tag.width = Width::W32;
  tag.cond = cond;
  tag.lhs = ref;
  tag.rhs = Operand::immediate(mask);
  masm_.branch_if(tag, target);
}

// What follows the first branch must not spill, so all registers are taken before.
void Compiler::branch_unless_type(Reg ref, ValType type, Reg descriptor, Label& otherwise) {
  const Reg word = allocate(Kind::I64);
  const Reg rows = allocate(Kind::I64);
  Label matches;
  if (!checked_regs_.has(ref)) {
    Compare null = test(Width::W64, ref);
    null.negate();
    masm_.branch_if(null, type.nullable ? matches : otherwise);
  }
  branch_unless_heap(ref, type, word, rows, otherwise);
  if (descriptor.valid()) {
    // An object that has another type may end before where this one has its descriptor.
    const u32 offset = defined_type(type.type).descriptor_offset;
    Compare other;
    other.width = Width::W64;
    other.cond = Cond::Ne;
    other.lhs = descriptor;
    other.rhs = Address{ref, kNoReg, 0, static_cast<i32>(offset)};
    masm_.branch_if(other, otherwise);
  }
  masm_.bind(matches);
  release(word);
  release(rows);
}

// `ref` is not null; `word` and `rows` may be changed.
void Compiler::branch_unless_heap(Reg ref, ValType type, Reg word, Reg rows, Label& otherwise) {
  switch (type.heap) {
    case Heap::Any:
    case Heap::Extern:
    case Heap::Func:
    case Heap::Exn:
      return;
    case Heap::Eq: {  // Anything but a host's value.
      Label is_eq;
      branch_on_tag(ref, gc::kI31Tag, Cond::Ne, is_eq);
      branch_on_tag(ref, gc::kHostTag, Cond::Ne, otherwise);
      masm_.bind(is_eq);
      return;
    }
    case Heap::I31:
      return branch_on_tag(ref, gc::kI31Tag, Cond::Eq, otherwise);
    case Heap::Struct:
    case Heap::Array: {
      branch_on_tag(ref, gc::kTagMask, Cond::Ne, otherwise);
      load_type_rows(rows);
      masm_.load(Load::I32, word, {ref, kNoReg, 0, gc::kTypeWordOffset});
      masm_.load(Load::I32Load8U, word, {rows, word, 0, offsetof(gc::TypeRow, shape)});
      const gc::Shape shape = type.heap == Heap::Struct ? gc::Shape::Struct : gc::Shape::Array;
      return branch_unless_equal(word, static_cast<i32>(shape), otherwise);
    }
    case Heap::Defined:
      return branch_unless_defined(ref, type, word, rows, otherwise);
    case Heap::NoFunc:
    case Heap::NoExtern:
    case Heap::None:
    case Heap::NoExn:
    case Heap::Bottom:
      return masm_.jump(otherwise);
  }
}

void Compiler::branch_unless_defined(Reg ref, ValType type, Reg word, Reg rows, Label& otherwise) {
  const DefinedType& wanted = defined_type(type.type);
  if (wanted.composite == Composite::Func) {
    masm_.load(Load::I32, word, {ref, kNoReg, 0, offsetof(FuncRef, type)});
    masm_.alu(Alu::Add, Width::W32, word, word, Operand::immediate(1));
    masm_.shift(Shift::Shl, Width::W32, word, word, u8{gc::kTypeWordShift});
  } else {
    branch_on_tag(ref, gc::kTagMask, Cond::Ne, otherwise);
    masm_.load(Load::I32, word, {ref, kNoReg, 0, gc::kTypeWordOffset});
  }
  if (!wanted.is_final && !type.exact) {
    load_type_rows(rows);
    const i32 at = static_cast<i32>(wanted.depth * sizeof(u32));
    if (wanted.depth < gc::kShallowDepth) {
      constexpr i32 kDisplay = offsetof(gc::TypeRow, display);
      masm_.load(Load::I32, word, {rows, word, 0, kDisplay + at});
    } else {
      masm_.load(Load::I64, word, {rows, word, 0, offsetof(gc::TypeRow, deep)});
      masm_.load(Load::I32, word, {word, kNoReg, 0, at});
    }
  }
  branch_unless_equal(word, static_cast<i32>(gc::type_word(type.type)), otherwise);
}

void Compiler::load_type_rows(Reg rows) {
  masm_.load(Load::I64, rows, {target_.context, kNoReg, 0, kContextRun});
  masm_.load(Load::I64, rows, {rows, kNoReg, 0, offsetof(RunState, heap_types)});
}

void Compiler::branch_unless_equal(Reg reg, i32 value, Label& otherwise) {
  Compare other;
  other.cond = Cond::Ne;
  other.lhs = reg;
  other.rhs = Operand::immediate(value);
  masm_.branch_if(other, otherwise);
}

// -- Instructions ---------------------------------------------------------------------------------

void Compiler::ref_test(bool nullable) {
  ValType type = read_heap_type();
  type.nullable = nullable;
  const Reg ref = pop_reg();
  const Reg dst = allocate(Kind::I32);
  Label otherwise, done;
  branch_unless_type(ref, type, kNoReg, otherwise);
  masm_.move_imm(Width::W32, dst, 1);
  masm_.jump(done);
  masm_.bind(otherwise);
  masm_.move_imm(Width::W32, dst, 0);
  masm_.bind(done);
  release(ref);
  push_reg(Kind::I32, dst);
}

Reg Compiler::pop_descriptor() {
  const Reg descriptor = pop_reg();
  check_not_null(descriptor, Trap::NullDescriptor);
  return descriptor;
}

void Compiler::ref_get_desc() {
  const DefinedType& type = defined_type(read_type());
  const Reg object = pop_reg();
  check_not_null(object, Trap::NullReference);
  const Reg dst = result(Kind::Ref, object);
  masm_.load(Load::I64, dst, {object, kNoReg, 0, static_cast<i32>(type.descriptor_offset)});
  push_result(Kind::Ref, dst);
}

void Compiler::ref_cast(bool nullable, bool with_descriptor) {
  ValType type = read_heap_type();
  type.nullable = nullable;
  const Reg descriptor = with_descriptor ? pop_descriptor() : kNoReg;
  const Value value = pop();
  const Reg ref = to_reg(value);
  const Trap failed = with_descriptor ? Trap::DescriptorCastFailure : Trap::CastFailure;
  branch_unless_type(ref, type, descriptor, cold_[cold_trap(failed)].entry);
  if (with_descriptor) release(descriptor);
  if (!nullable) {
    checked_regs_.add(ref);
    checked_[ref.code] = {};
  }
  push_back(value, ref);
}

void Compiler::push_back(const Value& value, Reg reg) {
  if (value.where == Value::Where::Local && !temporaries_.has(reg)) {
    push_again(value);
  } else {
    push_reg(value.type, reg);
  }
}

Reg Compiler::peek_reg(bool* is_copy) {
  const Value value = top();
  *is_copy = false;
  if (value.where == Value::Where::Reg) return value.reg;
  if (value.where == Value::Where::Local && homes_.of(value.local).valid()) {
    return load_home(value.local);
  }
  *is_copy = true;
  const Reg reg = allocate(value.type);
  load_value(value, reg);
  return reg;
}

// The value stays on the stack whether the branch is taken or not.
void Compiler::br_on_cast(bool on_failure, bool with_descriptor) {
  effects_++;
  const u8 flags = reader_.byte();
  Control& to = target_of(reader_.u32_leb());
  read_heap_type();
  ValType type = read_heap_type();
  type.nullable = (flags & 2) != 0;
  Reg descriptor = with_descriptor ? pop_descriptor() : kNoReg;
  const bool to_function = to.form == Control::Form::Function;
  if (to_function) {
    // What emit_return() does on the taken path must not need a register.
    if (stack_bytes(type_->results, target_.int_results, target_.vector_results) > 0) flush();
  } else {
    if (with_descriptor && result_in_register(to)) {
      Compare holder = test(Width::W64, descriptor);
      move_out_of(holder, result_register(Kind::Ref));
      descriptor = holder.lhs;
    }
    move_results(to);
  }
  bool is_copy = false;
  const Reg ref = peek_reg(&is_copy);
  const EdgeWork work = to_function ? EdgeWork() : edge_to(to);
  Label otherwise, done;
  const bool is_direct = on_failure && !to_function && work.empty();
  branch_unless_type(ref, type, descriptor, is_direct ? to.label : otherwise);
  if (with_descriptor) release(descriptor);
  if (is_copy) release(ref);
  if (is_direct) return;
  if (on_failure) {
    masm_.jump(done);
    masm_.bind(otherwise);
  }
  if (to_function) {
    emit_return();
  } else {
    emit_edge(work, to);
    masm_.jump(to.label);
  }
  masm_.bind(on_failure ? done : otherwise);
}

}  // namespace lr::jit
