// Structured control, branches, calls and exceptions.
#include <fmt/format.h>

#include <algorithm>

#include "frontend/body_validator.h"

namespace lr {

namespace {

// Block results that need no storage of their own.
std::span<const ValType> shared_result(ValType type) {
  static constexpr ValType kTypes[] = {kI32, kI64, kF32, kF64, kV128, kFuncRef, kExternRef};
  for (const ValType& known : kTypes) {
    if (known == type) return {&known, 1};
  }
  return {};
}

ValType without_null(ValType type) {
  type.nullable = false;
  return type;
}

// What remains of `type` when the values of `taken` are gone.
ValType difference(ValType type, ValType taken) {
  type.nullable = type.nullable && !taken.nullable;
  return type;
}

}  // namespace

void BodyValidator::deepened_to(u32 depth) {
  facts_.control_depth_max = depth;
  if (depth > kNestingMax) {
    fail(Err::LimitExceeded, fmt::format("blocks nested more than {} deep", kNestingMax));
  }
}

void BodyValidator::push_frame(Op op, std::span<const ValType> params,
                               std::span<const ValType> results) {
  ControlFrame& frame = add_frame(op, height());
  frame.params = params;
  frame.results = results;
  frame.ends_plainly = op != Op::Loop && params.empty() && results.empty();
  if (op == Op::Loop) {
    frame.outer_effects = static_cast<u8>(effects_);
    effects_ = 0;
    state_.collector.enter_loop(start_);
  }
  base_ = sp_;
}

void BodyValidator::block_signature(const BlockType& block, std::span<const ValType>& params,
                                    std::span<const ValType>& results) {
  switch (block.form) {
    case BlockType::Form::Empty:
      return;
    case BlockType::Form::Value: {
      ValType type = resolved(block.value);
      results = shared_result(type);
      if (results.empty()) results = {&state_.block_types.emplace_back(type), 1};
      return;
    }
    case BlockType::Form::Index:
      if (const DefinedType* type = func_type(block.index)) {
        params = type->params;
        results = type->results;
      }
      return;
  }
}

void BodyValidator::block(Op op) { open_block(op, read_block_type(in_, module_.features)); }

void BodyValidator::open_block(Op op, const BlockType& block) {
  std::span<const ValType> params, results;
  block_signature(block, params, results);
  if (op == Op::If) pop(kI32);
  pop_all(params);
  push_frame(op, params, results);
  push_all(params);
}

// The operands at the end of an arm are its results and nothing else.
void BodyValidator::close_arm() {
  pop_all(state_.frames.back().results);
  if (sp_ != base_) {
    fail(Err::TypeMismatch,
         fmt::format("{} value(s) too many at the {}", sp_ - base_, info(op_).text));
  }
}

// Goes on with another arm of the innermost frame.
void BodyValidator::next_arm(Op op) {
  close_arm();
  ControlFrame& frame = state_.frames.back();
  frame.op = op;
  frame.unreachable = false;
  reset_sets(frame.sets_height);
  state_.collector.next_arm();
  sp_ = base_;
}

void BodyValidator::else_arm() {
  if (state_.frames.back().op != Op::If) return fail(Err::IllegalOpcode, "05: else without if");
  next_arm(Op::Else);
  push_all(state_.frames.back().params);
}

void BodyValidator::end() {
  close_arm();
  const ControlFrame& frame = state_.frames.back();
  if (frame.op == Op::If) check_missing_else(frame);
  if (state_.frames.size() == 1) return state_.frames.pop_back();
  if (frame.op == Op::Loop) {
    state_.collector.leave_loop(start_, (effects_ & kEffectCall) != 0,
                                (effects_ & kEffectGrow) != 0, frame.is_target);
    effects_ |= frame.outer_effects;
  }
  state_.collector.leave_frame();
  facts_.blocks[frame.block] = {start_, frame.is_target};
  reset_sets(frame.sets_height);
  std::span<const ValType> results = frame.results;
  state_.frames.pop_back();
  base_ = stack_ + state_.frames.back().height;
  push_all(results);
}

// The missing else passes the parameters on.
void BodyValidator::check_missing_else(const ControlFrame& frame) {
  bool fits = frame.params.size() == frame.results.size();
  for (usize i = 0; fits && i < frame.params.size(); i++) {
    fits = is_subtype(frame.params[i], frame.results[i]);
  }
  if (!fits) fail(Err::TypeMismatch, "if without else must return its parameters");
}

void BodyValidator::mark_target(ControlFrame& target) { target.is_target = true; }

void BodyValidator::br(u32 depth) {
  ControlFrame* target = label(depth);
  if (target == nullptr) return;
  mark_target(*target);
  pop_all(target->label_types());
  set_unreachable();
}

void BodyValidator::br_if(u32 depth) {
  ControlFrame* target = label(depth);
  if (target == nullptr) return;
  mark_target(*target);
  pop(kI32);
  check_branch(*target);
}

// The operands must fit every label; they stay where they are, and no label is checked twice.
void BodyValidator::br_table() {
  u32 count = in_.vector_count();
  if (count > kBrTableMax) {
    return fail(Err::LimitExceeded, fmt::format("br_table of {} labels", count));
  }
  pop(kI32);
  table_serial_++;
  const ControlFrame* first = nullptr;
  const ValType* checked = nullptr;
  for (u32 i = 0; i <= count && ok(); i++) {
    ControlFrame* target = label(in_.leb_u32());
    if (target == nullptr) return;
    if (target->table_serial == table_serial_) continue;
    target->table_serial = table_serial_;
    mark_target(*target);
    auto types = target->label_types();
    if (first == nullptr) first = target;
    if (types.size() != first->label_types().size()) {
      return fail(Err::TypeMismatch, "br_table with labels of different arity");
    }
    if (types.data() != checked) check_operands(types);
    checked = types.data();
  }
  set_unreachable();
}

// After it has been read as an Instr.
void BodyValidator::br_table_again() {
  in_.skip_to(start_ + 1);
  br_table();
}

// The operands on top have these types; they stay.
void BodyValidator::check_operands(std::span<const ValType> types) {
  const TypeBits* at = sp_;
  for (usize i = types.size(); i-- > 0;) {
    if (at == base_) {
      if (!state_.frames.back().unreachable) fail_type(types[i], nullptr);
      return;
    }
    TypeBits actual = *--at;
    if (actual != bits_of(types[i]) && !is_subtype(type_of(actual), types[i])) {
      return fail_type(types[i], &actual);
    }
  }
}

void BodyValidator::return_() {
  pop_all(state_.frames.front().results);
  set_unreachable();
}

void BodyValidator::br_on_null(u32 depth) {
  ValType type = pop_ref();
  ControlFrame* target = label(depth);
  if (target == nullptr) return;
  mark_target(*target);
  check_branch(*target);
  push(type.is_ref() ? without_null(type) : type);
}

void BodyValidator::br_on_non_null(u32 depth) {
  ValType type = pop_ref();
  finish_cast_branch(depth, type.is_ref() ? without_null(type) : type, kBottom);
  if (ok()) pop_any();
}

// May a branch cast from one type to the other?
bool BodyValidator::check_cast(ValType from, ValType to) {
  bool fits = has(Feature::CustomDescriptors) ? top_of(from) == top_of(to) : is_subtype(to, from);
  if (fits) return true;
  fail(Err::TypeMismatch, fmt::format("{} is no subtype of {}", name(to), name(from)));
  return false;
}

void BodyValidator::br_on_cast(const Instr& instr, bool on_failure) {
  ValType from = resolved(instr.type);
  ValType to = resolved(instr.type2);
  if (!ok()) return;
  if (!check_cast(from, to)) return;
  pop(from);
  ValType rest = difference(from, to);
  finish_cast_branch(instr.index, on_failure ? rest : to, on_failure ? to : rest);
}

// A branch that takes one value more than the stack has: `taken`; `left` is what stays if it is
// not taken.
void BodyValidator::finish_cast_branch(u32 depth, ValType taken, ValType left) {
  ControlFrame* target = label(depth);
  if (target == nullptr) return;
  mark_target(*target);
  auto types = target->label_types();
  if (types.empty() || !types.back().is_ref()) {
    return fail(Err::TypeMismatch, fmt::format("the label takes no {}", name(taken)));
  }
  push(taken);
  check_branch(*target);
  pop_any();
  push(left);
}

// -- Calls ----------------------------------------------------------------------------------------

void BodyValidator::call(u32 function, bool is_tail) {
  if (function >= module_.functions.size()) {
    return fail(Err::UnknownFunction, fmt::format("{}", function));
  }
  effects_ |= kEffectCall;
  call_type(*module_.functions[function].signature, is_tail);
}

void BodyValidator::call_type(const DefinedType& type, bool is_tail) {
  pop_all(type.params);
  if (!is_tail) return push_all(type.results);
  auto expected = state_.frames.front().results;
  bool fits = type.results.size() == expected.size();
  for (usize i = 0; fits && i < expected.size(); i++) {
    fits = is_subtype(type.results[i], expected[i]);
  }
  if (!fits) fail(Err::TypeMismatch, "a tail call must return what the function returns");
  set_unreachable();
}

void BodyValidator::call_indirect(const Instr& instr, bool is_tail) {
  const Table* callees = table(instr.index2);
  if (callees == nullptr) return;
  if (!is_subtype(callees->type.element, kFuncRef)) {
    return fail(Err::TypeMismatch, fmt::format("{} needs a table of functions", info(op_).text));
  }
  const DefinedType* type = func_type(instr.index);
  if (type == nullptr) return;
  pop(address_type(callees->type.limits));
  call_type(*type, is_tail);
}

void BodyValidator::call_ref(u32 type_index, bool is_tail) {
  const DefinedType* type = func_type(type_index);
  if (type == nullptr) return;
  pop(ref_to(module_.types[type_index], true));
  call_type(*type, is_tail);
}

// -- Exceptions -----------------------------------------------------------------------------------

const DefinedType* BodyValidator::tag_type(u32 index) {
  if (index < module_.tags.size()) return &defined_type(module_.tags[index]);
  fail(Err::UnknownTag, fmt::format("{}", index));
  return nullptr;
}

void BodyValidator::throw_(u32 tag) {
  const DefinedType* type = tag_type(tag);
  if (type == nullptr) return;
  pop_all(type->params);
  set_unreachable();
}

void BodyValidator::throw_ref() {
  pop(ref_to(Heap::Exn, true));
  set_unreachable();
}

// The labels of the clauses are those outside of the block.
void BodyValidator::try_table(const Instr& instr) {
  std::span<const ValType> params, results;
  block_signature(instr.block, params, results);
  Reader clauses(module_.bytes, instr.list_offset, in_.offset(), in_.diag());
  for (u32 i = 0; i < instr.count && ok(); i++) check_catch(read_catch(clauses));
  if (!ok()) return;
  pop_all(params);
  push_frame(Op::TryTable, params, results);
  push_all(params);
}

void BodyValidator::check_catch(const Catch& clause) {
  ControlFrame* target = label(clause.label);
  if (target == nullptr) return;
  mark_target(*target);
  auto expected = target->label_types();
  std::span<const ValType> params;
  if (clause.has_tag()) {
    const DefinedType* type = tag_type(clause.tag);
    if (type == nullptr) return;
    params = type->params;
  }
  bool fits = expected.size() == params.size() + clause.has_ref();
  for (usize i = 0; fits && i < params.size(); i++) fits = is_subtype(params[i], expected[i]);
  if (fits && clause.has_ref()) fits = is_subtype(ref_to(Heap::Exn, false), expected.back());
  if (!fits) {
    fail(Err::TypeMismatch, fmt::format("a catch clause does not fit label {}", clause.label));
  }
}

void BodyValidator::catch_(u32 tag) {
  Op arm = state_.frames.back().op;
  if (arm != Op::Try && arm != Op::Catch) {
    return fail(Err::IllegalOpcode, "07: catch without try");
  }
  const DefinedType* type = tag_type(tag);
  if (type == nullptr) return;
  next_arm(Op::Catch);
  push_all(type->params);
}

void BodyValidator::catch_all() {
  Op arm = state_.frames.back().op;
  if (arm != Op::Try && arm != Op::Catch) {
    return fail(Err::IllegalOpcode, "19: catch_all without try");
  }
  next_arm(Op::CatchAll);
}

// Ends its try; the label counts from outside of it.
void BodyValidator::delegate(u32 depth) {
  if (state_.frames.back().op != Op::Try) {
    return fail(Err::IllegalOpcode, "18: delegate without try");
  }
  if (depth >= state_.frames.size() - 1) return fail(Err::UnknownLabel, fmt::format("{}", depth));
  end();
}

void BodyValidator::rethrow(u32 depth) {
  ControlFrame* target = label(depth);
  if (target == nullptr) return;
  if (target->op != Op::Catch && target->op != Op::CatchAll) return fail(Err::BadRethrow);
  set_unreachable();
}

}  // namespace lr
