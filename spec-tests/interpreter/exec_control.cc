// Control, parametric and variable instructions (specification sections 4.6.2 and on).
#include <algorithm>

#include "spec-tests/interpreter/matching.h"
#include "spec-tests/interpreter/steps.h"

namespace lr::interp {

// -- Blocks and branches --------------------------------------------------------------------------

void exec_Unreachable(Machine& m, const Inst&) { m.trap(Trap::Unreachable); }
void exec_Nop(Machine&, const Inst&) {}

void exec_Block(Machine& m, const Inst& inst) { m.enter_block(inst.index, Entry::Block); }
void exec_Loop(Machine& m, const Inst& inst) { m.enter_block(inst.index, Entry::Loop); }

void exec_If(Machine& m, const Inst& inst) {
  const bool condition = m.pop<u32>() != 0;
  m.enter_block(inst.index, Entry::Block);
  if (!condition) m.jump(m.code().blocks[inst.index].other);
}

// The end of the first arm, when execution comes to it.
void exec_Else(Machine& m, const Inst& inst) { m.jump(m.code().blocks[inst.index].end); }

void exec_End(Machine& m, const Inst&) { m.leave_block(); }

void exec_Br(Machine& m, const Inst& inst) { m.branch(inst.index); }

void exec_BrIf(Machine& m, const Inst& inst) {
  if (m.pop<u32>() != 0) m.branch(inst.index);
}

void exec_BrTable(Machine& m, const Inst& inst) {
  const u64 choice = std::min<u64>(m.pop<u32>(), inst.value);
  m.branch(m.code().labels[inst.index + choice]);
}

void exec_BrOnNull(Machine& m, const Inst& inst) {
  const Ref ref = m.pop<Ref>();
  if (ref == kNull) return m.branch(inst.index);
  m.push(ref);
}

void exec_BrOnNonNull(Machine& m, const Inst& inst) {
  if (m.top(1)->as<Ref>() != kNull) return m.branch(inst.index);
  m.drop(1);
}

void exec_Return(Machine& m, const Inst&) { m.return_from_frame(); }

// -- Calls ----------------------------------------------------------------------------------------

namespace {

// The function that call_indirect means; null, and a trap, if there is none of the type.
FuncInst* indirect_callee(Machine& m, const Inst& inst) {
  const u64 index = m.pop<u64>();
  const std::vector<Ref>& elements = m.instance().tables[inst.value]->elements;
  Trap trap = Trap::None;
  if (index >= elements.size()) {
    trap = Trap::UndefinedElement;
  } else if (elements[index] == kNull) {
    trap = Trap::UninitializedElement;
  } else if (!matches(func_of(elements[index]).type, m.instance().type(inst.index))) {
    trap = Trap::IndirectCallTypeMismatch;
  }
  if (trap == Trap::None) return &func_of(elements[index]);
  m.trap(trap);
  return nullptr;
}

FuncInst* referenced_callee(Machine& m) {
  const Ref ref = m.pop<Ref>();
  if (ref != kNull) return &func_of(ref);
  m.trap(Trap::NullFunction);
  return nullptr;
}

}  // namespace

void exec_Call(Machine& m, const Inst& inst) { m.call(*m.instance().funcs[inst.index]); }

void exec_CallIndirect(Machine& m, const Inst& inst) {
  FuncInst* const func = indirect_callee(m, inst);
  if (func != nullptr) m.call(*func);
}

void exec_CallRef(Machine& m, const Inst&) {
  FuncInst* const func = referenced_callee(m);
  if (func != nullptr) m.call(*func);
}

void exec_ReturnCall(Machine& m, const Inst& inst) { m.tail_call(*m.instance().funcs[inst.index]); }

void exec_ReturnCallIndirect(Machine& m, const Inst& inst) {
  FuncInst* const func = indirect_callee(m, inst);
  if (func != nullptr) m.tail_call(*func);
}

void exec_ReturnCallRef(Machine& m, const Inst&) {
  FuncInst* const func = referenced_callee(m);
  if (func != nullptr) m.tail_call(*func);
}

// -- Exceptions -----------------------------------------------------------------------------------

void exec_TryTable(Machine& m, const Inst& inst) { m.enter_block(inst.index, Entry::Handler); }

void exec_Throw(Machine& m, const Inst& inst) {
  TagInst* const tag = m.instance().tags[inst.index];
  const u32 count = static_cast<u32>(defined_type(tag->type).params.size());
  Exception* const exception = m.store().heap().add_exception(tag, count);
  if (exception == nullptr) return m.trap(Trap::OutOfMemory);
  std::copy_n(m.top(count), count, exception->values().begin());
  m.throw_exception(exception);
}

void exec_ThrowRef(Machine& m, const Inst&) {
  const Ref ref = m.pop<Ref>();
  if (ref == kNull) return m.trap(Trap::NullReference);
  m.throw_exception(&exception_of(ref));
}

// The legacy instructions. A handler's end is that of the block, and so is the end of the body
// when execution comes to a `catch`.
void exec_Try(Machine& m, const Inst& inst) { m.enter_block(inst.index, Entry::Handler); }
void exec_Catch(Machine& m, const Inst& inst) { m.jump(m.code().blocks[inst.index].end); }
void exec_CatchAll(Machine& m, const Inst& inst) { exec_Catch(m, inst); }
void exec_Delegate(Machine& m, const Inst& inst) { exec_End(m, inst); }
void exec_Rethrow(Machine& m, const Inst& inst) { m.throw_exception(m.caught(inst.index)); }

// -- Parametric -----------------------------------------------------------------------------------

void exec_Drop(Machine& m, const Inst&) { m.drop(1); }

void exec_Select(Machine& m, const Inst&) {
  const bool condition = m.pop<u32>() != 0;
  const Value second = m.pop_value();
  if (!condition) *m.top(1) = second;
}
void exec_SelectT(Machine& m, const Inst& inst) { exec_Select(m, inst); }

// -- Variables ------------------------------------------------------------------------------------

void exec_LocalGet(Machine& m, const Inst& inst) { m.push_value(m.local(inst.index)); }
void exec_LocalSet(Machine& m, const Inst& inst) { m.local(inst.index) = m.pop_value(); }
void exec_LocalTee(Machine& m, const Inst& inst) { m.local(inst.index) = *m.top(1); }

void exec_GlobalGet(Machine& m, const Inst& inst) {
  m.push_value(m.instance().globals[inst.index]->value);
}
void exec_GlobalSet(Machine& m, const Inst& inst) {
  m.instance().globals[inst.index]->value = m.pop_value();
}

}  // namespace lr::interp
