// Small leaf functions, compiled in place of the call from their own bytes: straight-line code
// without writes to locals, so that a parameter is its argument wherever it is read.
#include "jit/compiler/compiler.h"

namespace lr::jit {

namespace {

constexpr u32 kInlineBytesMax = 48;

// Has no control flow, calls nothing and changes no local.
constexpr bool is_straight(Op op) {
  const u32 code = info(op).code;
  const bool memory = code >= info(Op::I32Load).code && code <= info(Op::I64Store32).code;
  const bool vector = code >> 12 == 0xfd;
  const bool numeric = code >= info(Op::I32Const).code && code <= info(Op::I64Extend32S).code;
  return memory || numeric || vector || op == Op::LocalGet || op == Op::GlobalGet ||
         op == Op::GlobalSet || op == Op::Drop || op == Op::Select || op == Op::Nop;
}

}  // namespace

bool Compiler::can_inline(const Function& function) const {
  if (function.body_size > kInlineBytesMax) return false;
  BodyReader reader;
  reader.start(module_->bytes.data(), function.body_offset);
  if (reader.u32_leb() != 0) return false;  // Locals of its own.
  for (;;) {
    const Op op = reader.op();
    if (op == Op::End) return true;
    if (!is_straight(op)) return false;
    skip_immediates(reader, op);
  }
}

bool Compiler::will_inline(u32 callee) const {
  if (callee < module_->imported_functions || callee == index_) return false;
  const Function& function = module_->functions[callee];
  if (defined_type(function.type).params.size() > kInlineArgsMax || options_.spill_all)
    return false;
  return targets_->may_inline(callee) && can_inline(function);
}

bool Compiler::inline_call(u32 callee) {
  if (!will_inline(callee)) return false;
  const Function& function = module_->functions[callee];
  const DefinedType& type = defined_type(function.type);
  for (usize i = type.params.size(); i > 0; i--) take_inline_arg(inline_args_[i - 1]);
  const u8* const after = reader_.at();
  const u32 call_offset = op_offset_;
  reader_.start(module_->bytes.data(), function.body_offset);
  reader_.u32_leb();
  is_inlining_ = true;
  // The first entry that is not before a guard page's fault tells where it was: what comes before
  // the callee's first instruction is the caller's.
  const u32 before = masm_.offset() - 1;
  if (out_->pcs.empty() || out_->pcs.back().code_offset < before) {
    out_->pcs.push_back({before, call_offset, static_cast<u32>(sp_shift_)});
  }
  while (!has_failed_) {
    op_offset_ = reader_.offset();
    const Op op = reader_.op();
    if (op == Op::End) break;
    if (op == Op::LocalGet) {
      push_inline_arg(inline_args_[reader_.u32_leb()]);
    } else {
      step(op);
      if (info(op).access_bytes > 0) record_pc(op_offset_, static_cast<u32>(sp_shift_));
    }
  }
  is_inlining_ = false;
  op_offset_ = call_offset;
  reader_.go_to(after);
  return true;
}

// Constants and locals cost nothing wherever they are read; anything else waits in a slot, since a
// register that waits could not be spilled.
void Compiler::take_inline_arg(InlineArg& arg) {
  arg.value = pop();
  if (arg.value.where == Value::Where::Const || arg.value.where == Value::Where::Local) return;
  arg.slot = new_slot(arg.value.type);
  store_value(arg.value, frame(arg.slot));
  if (arg.value.where == Value::Where::Reg) release(arg.value.reg);
}

void Compiler::push_inline_arg(const InlineArg& arg) {
  if (arg.value.where == Value::Where::Const) return push_const(arg.value.type, arg.value.bits);
  if (arg.value.where == Value::Where::Local) return push_local(arg.value.local, arg.value.type);
  const Reg copy = allocate(arg.value.type);
  masm_.load(slot_load(arg.value.type, copy), copy, frame(arg.slot));
  push_reg(arg.value.type, copy);
}

}  // namespace lr::jit
