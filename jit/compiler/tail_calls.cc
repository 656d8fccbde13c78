// Tail calls: the arguments take the place of ours, the frame goes, and the callee returns to our
// caller. Our caller left room for our arguments alone; where a callee has more of them on the
// stack, the prologue has moved the return address down (Compiler::widened_), so that what we pop
// in the end is never less than what a callee pops:
//
//   entered:                [return address][arguments][results of the caller]
//   behind the prologue:    [frame][return address][more room][arguments][results of the caller]
//   at the jump:            [return address][callee's arguments][results of the caller]
//
// A callee in another instance goes through a stub that reuses the frame of a change of contexts
// if we were called through one (StubEmitter::tail_cross).
#include <algorithm>

#include "jit/compiler/compiler.h"

namespace lr::jit {

// `extra`, if valid, reaches call_target with the arguments.
template <typename Emit>
void Compiler::emit_tail_call(const Signature& signature, Reg extra, Emit&& emit) {
  effects_++;
  if (height() > 0 && top().where == Value::Where::Compare) materialise_compare();
  const u32 args = stack_bytes(signature.params, target_.int_args, target_.vector_args);
  const u32 room = out_->stack_arg_bytes;
  if (args > room) widened_wanted_ = std::max(widened_wanted_, args - (room - widened_));
  const i32 unused = static_cast<i32>(room) - static_cast<i32>(args);
  Reg area;
  if (args > 0) {
    area = allocate(Kind::I64);
    frame_patches_.push_back(masm_.frame_end(area));
  }
  moves_.clear();
  if (extra.valid()) moves_.push_back({target_.call_target, extra});
  place_values(signature.params, target_.int_args, target_.vector_args,
               {area, kNoReg, 0, static_cast<i32>(target_.return_address_bytes) + unused});
  if (area.valid()) release(area);
  if (extra.valid()) release(extra);
  restore_saved();
  if (!frameless_) frame_patches_.push_back(masm_.leave_frame());
  masm_.move_return_address(unused);
  emit();
  become_unreachable();
}

void Compiler::return_call() {
  const u32 function = reader_.u32_leb();
  const DefinedType& type = defined_type(module_->functions[function].type);
  emit_tail_call({type.params, type.results}, kNoReg, [&] {
    if (function < module_->imported_functions) {
      masm_.move_imm(Width::W32, target_.scratch, function);
      out_->relocs.push_back(masm_.jump_near(Near::Stub, static_cast<u32>(Stub::TailImport)));
    } else {
      const Near near = targets_->is_direct(function) ? Near::Function : Near::Slot;
      out_->relocs.push_back(masm_.jump_near(near, function));
    }
  });
}

void Compiler::tail_call_through(const Signature& signature, Reg ref) {
  emit_tail_call(signature, ref, [&] {
    const Reg callee = target_.call_target;
    Compare other;
    other.width = Width::W64;
    other.cond = Cond::Ne;
    other.lhs = target_.context;
    other.rhs = Address{callee, kNoReg, 0, offsetof(FuncRef, context)};
    masm_.branch_if(other, add_cold(Cold::Kind::TailCross).entry);
    masm_.jump(Address{callee, kNoReg, 0, offsetof(FuncRef, code)});
  });
}

void Compiler::return_call_indirect() {
  const TypeId id = module_->types[reader_.u32_leb()];
  const u32 table = reader_.u32_leb();
  const DefinedType& type = defined_type(id);
  tail_call_through({type.params, type.results}, load_func_ref(table, id));
}

void Compiler::return_call_ref() {
  const DefinedType& type = defined_type(module_->types[reader_.u32_leb()]);
  tail_call_through({type.params, type.results}, pop_func_ref());
}

}  // namespace lr::jit
