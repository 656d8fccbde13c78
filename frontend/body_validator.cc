#include "frontend/body_validator.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace lr {

namespace {

// special.def has each special row once (twice would not compile), and no other.
constexpr bool special_rows_are_typed() {
  std::array<u32, kOpCount> times{};
#define SPECIAL(name, call) times[static_cast<u32>(Op::name)]++;
#include "frontend/special.def"
  for (u32 i = 0; i < kOpCount; i++) {
    if (times[i] != kOpInfo[i].signature.is_special) return false;
  }
  return true;
}
static_assert(special_rows_are_typed());

}  // namespace

// -- Set-up ---------------------------------------------------------------------------------------

void BodyValidator::begin(std::span<const ValType> params, std::span<const ValType> results) {
  if (state_.stack.empty()) state_.stack.resize(256);
  state_.frames.clear();
  state_.sets.clear();
  state_.block_types.clear();
  stack_ = sp_ = base_ = max_ = state_.stack.data();
  limit_ = stack_ + state_.stack.size();
  state_.collector.begin(facts_, state_.locals, static_cast<u32>(params.size()));
  short_locals_ = static_cast<u32>(std::min<usize>(state_.locals.size(), 0x80));
  short_globals_ = static_cast<u32>(std::min<usize>(module_.globals.size(), 0x80));
  bool has_memory32 = !module_.memories.empty() && !module_.memories[0].limits.is_64;
  memory_address_ = has_memory32 ? bits_of(kI32) : ~TypeBits{0};
  ControlFrame frame;
  frame.results = results;
  state_.frames.push_back(frame);
}

void BodyValidator::check_function(u32 index) {
  const DefinedType& type = *module_.functions[index].signature;
  state_.used_tables.resize(module_.tables.size());
  read_locals(type);
  if (!ok()) return;
  begin(type.params, type.results);
  may_be_fast_ = state_.use_fast_path && !in_.at_end() && in_.limit()[-1] == 0x0b;
  run();
  if (!ok()) return;
  if (!in_.at_end()) return in_.fail(Err::EndExpected, in_.offset(), "code after the last end");
  finish_facts();
}

void BodyValidator::check_constant(ValType type) {
  is_constant_ = true;
  state_.locals.clear();
  state_.named_functions.clear();
  begin({}, std::span(&type, 1));
  run();
}

void BodyValidator::read_locals(const DefinedType& type) {
  auto& locals = state_.locals;
  locals.clear();
  for (ValType param : type.params) locals.emplace_back().type = bits_of(param);
  u32 groups = in_.vector_count();
  for (u32 i = 0; i < groups && ok(); i++) {
    u32 at = in_.offset();
    u32 count = in_.leb_u32();
    LocalState local;
    ValType value = resolve(in_, module_.types, read_val_type(in_, module_.features), at);
    if (count > kLocalsMax || locals.size() + count > kLocalsMax) {
      return in_.fail(Err::TooManyLocals, at, fmt::format("more than {}", kLocalsMax));
    }
    local.type = bits_of(value);
    local.unset = !is_defaultable(value);
    locals.insert(locals.end(), count, local);
  }
}

void BodyValidator::finish_facts() {
  state_.collector.finish();
  facts_.stack_max = static_cast<u32>(max_ - stack_);
  facts_.has_call = (effects_ & kEffectCall) != 0;
  facts_.has_div = (effects_ & kEffectDiv) != 0;
  facts_.has_shift = (effects_ & kEffectShift) != 0;
  facts_.uses_memory = (effects_ & kEffectMemory) != 0;
  facts_.has_simd = (effects_ & kEffectSimd) != 0;
  for (const LocalState& local : state_.locals) facts_.has_simd |= local.type == bits_of(kV128);
}

void BodyValidator::grow_stack() {
  auto sp = sp_ - stack_, base = base_ - stack_, max = max_ - stack_;
  state_.stack.resize(2 * state_.stack.size());
  stack_ = state_.stack.data();
  limit_ = stack_ + state_.stack.size();
  sp_ = stack_ + sp;
  base_ = stack_ + base;
  max_ = stack_ + max;
}

// -- One instruction ------------------------------------------------------------------------------

void BodyValidator::step() {
  start_ = in_.offset();
  if (is_constant_) return general();
  // The frequent ones, without an Instr.
  op_ = op_of_byte(in_.peek());
  const u8* start = in_.position();
  in_.byte();
  switch (op_) {
    case Op::Block:
    case Op::Loop:
    case Op::If:
      return block(op_);
    case Op::Else:
      return else_arm();
    case Op::End:
      return end();
    case Op::Br:
      return br(in_.leb_u32());
    case Op::BrIf:
      return br_if(in_.leb_u32());
    case Op::BrTable:
      return br_table();
    case Op::Unreachable:
      return set_unreachable();
    case Op::Return:
      return return_();
    case Op::Call:
      return call(in_.leb_u32(), false);
    case Op::LocalGet:
      return local_get(in_.leb_u32());
    case Op::LocalSet:
      return local_set(in_.leb_u32(), false);
    case Op::LocalTee:
      return local_set(in_.leb_u32(), true);
    case Op::GlobalGet:
      return global_get(in_.leb_u32());
    case Op::GlobalSet:
      return global_set(in_.leb_u32());
    default:
      in_.set_position(start);
      return general();
  }
}

void BodyValidator::general() {
  Instr& instr = state_.instr;
  const u8* start = in_.position();
  read_instr(in_, module_.features, instr);
  if (instr.op == kNoOp) return;
  op_ = instr.op;
  u8 effects = kEffects[static_cast<u32>(op_)];
  if (effects == kEffectShift && start == constant_end_) effects = 0;
  effects_ |= effects;
  if (op_ == Op::I32Const || op_ == Op::I64Const) constant_end_ = in_.position();
  if (is_constant_) check_is_constant(op_);
  if (!ok()) return;
  const OpInfo& row = info(op_);
  if (row.signature.is_special) return special(instr);
  switch (row.immediate) {
    case Immediate::MemArg:
    case Immediate::MemArgAtomic:
    case Immediate::MemArgLane:
      return memory_access(instr);
    case Immediate::MemoryIndex: {
      const MemoryType* type = memory(instr.index);
      if (type != nullptr) apply_signature(row.signature, address_type(type->limits));
      return;
    }
    case Immediate::MemoryInit:
      return memory_init(instr.index, instr.index2);
    case Immediate::DataIndex:
      check_data(instr.index);
      return;
    case Immediate::ElemIndex:
      check_elem(instr.index);
      return;
    default:
      return apply_signature(row.signature, kI32);
  }
}

void BodyValidator::check_is_constant(Op op) {
  switch (op) {
    case Op::End:
    case Op::I32Const:
    case Op::I64Const:
    case Op::F32Const:
    case Op::F64Const:
    case Op::V128Const:
    case Op::RefNull:
    case Op::RefFunc:
    case Op::GlobalGet:
    case Op::StructNew:
    case Op::StructNewDefault:
    case Op::StructNewDesc:
    case Op::StructNewDefaultDesc:
    case Op::ArrayNew:
    case Op::ArrayNewDefault:
    case Op::ArrayNewFixed:
    case Op::RefI31:
    case Op::AnyConvertExtern:
    case Op::ExternConvertAny:
      return;
    case Op::I32Add:
    case Op::I32Sub:
    case Op::I32Mul:
    case Op::I64Add:
    case Op::I64Sub:
    case Op::I64Mul:
      need(in_, module_.features, Feature::ExtendedConst, start_);
      return;
    default:
      fail(Err::ConstantRequired, fmt::format("{} is not constant", info(op).text));
  }
}

void BodyValidator::apply_signature(const Signature& signature, ValType address) {
  for (u32 i = signature.params_count; i-- > 0;) pop(type_of_letter(signature.params[i], address));
  for (u32 i = 0; i < signature.results_count; i++) {
    push(type_of_letter(signature.results[i], address));
  }
}

void BodyValidator::memory_access(const Instr& instr) {
  const OpInfo& row = info(instr.op);
  const MemoryType* type = memory(instr.index);
  if (type == nullptr) return;
  u32 natural = static_cast<u32>(std::countr_zero(row.access_bytes));
  if (instr.align_log2 > natural) {
    return fail(Err::BadAlignment,
                fmt::format("2^{} for {} bytes", instr.align_log2, row.access_bytes));
  }
  if (row.immediate == Immediate::MemArgAtomic && instr.align_log2 != natural) {
    return fail(Err::BadAtomicAlignment);
  }
  if (!type->limits.is_64 && instr.value > ~u32{0}) return fail(Err::AccessOffsetTooLarge);
  apply_signature(row.signature, address_type(type->limits));
}

void BodyValidator::special(const Instr& instr) {
  switch (instr.op) {
#define SPECIAL(name, call) \
  case Op::name:            \
    call;                   \
    return;
#include "frontend/special.def"
    default:
      CHECK(false);  // special_rows_are_typed()
  }
}

// -- Operands -------------------------------------------------------------------------------------

TypeBits BodyValidator::pop_any() {
  if (sp_ != base_) return *--sp_;
  if (!state_.frames.back().unreachable) fail_type(kBottom, nullptr);
  return kBottomBits;
}

TypeBits BodyValidator::pop_slow(ValType expected) {
  if (sp_ == base_) {
    if (!state_.frames.back().unreachable) fail_type(expected, nullptr);
    return kBottomBits;
  }
  TypeBits actual = *--sp_;
  if (actual != bits_of(expected) && !is_subtype(type_of(actual), expected)) {
    fail_type(expected, &actual);
  }
  return actual;
}

ValType BodyValidator::pop_ref() {
  TypeBits bits = pop_any();
  ValType type = type_of(bits);
  if (!type.is_ref() && type.kind != Kind::Bottom) {
    fail(Err::TypeMismatch,
         fmt::format("{} needs a reference, got {}", info(op_).text, name(type)));
    return kBottom;
  }
  return type;
}

void BodyValidator::set_unreachable() {
  state_.frames.back().unreachable = true;
  sp_ = base_;
}

void BodyValidator::fail(Err code, std::string detail) {
  in_.fail(code, start_, std::move(detail));
}

void BodyValidator::fail_type(ValType expected, const TypeBits* actual) {
  if (!ok()) return;
  std::string needs = expected == kBottom ? "an operand" : name(expected);
  std::string got = actual == nullptr ? "the stack is empty" : "got " + name(type_of(*actual));
  fail(Err::TypeMismatch, fmt::format("{} needs {}, {}", info(op_).text, needs, got));
}

// With the module's own index for a defined type.
std::string BodyValidator::name(ValType type) const {
  if (type.heap == Heap::Defined) {
    auto at = std::find(module_.types.begin(), module_.types.end(), type.type);
    type.type = static_cast<TypeId>(at - module_.types.begin());
  }
  return name_of(type);
}

// The heap type's own name: an index or a word.
std::string BodyValidator::heap_name(ValType type) const {
  if (type.heap == Heap::Defined) {
    auto at = std::find(module_.types.begin(), module_.types.end(), type.type);
    return std::to_string(at - module_.types.begin());
  }
  type.nullable = false;
  std::string text = name_of(type);
  return text.substr(5, text.size() - 6);  // "(ref WORD)"
}

// -- Indices --------------------------------------------------------------------------------------

TypeId BodyValidator::type_id(u32 index) {
  if (index < module_.types.size()) return module_.types[index];
  fail(Err::UnknownType, fmt::format("{}", index));
  return kNoType;
}

ValType BodyValidator::resolved(ValType raw) { return resolve(in_, module_.types, raw, start_); }

const DefinedType* BodyValidator::composite(u32 type_index, Composite kind) {
  TypeId id = type_id(type_index);
  if (id == kNoType) return nullptr;
  const DefinedType& type = defined_type(id);
  if (type.composite == kind) return &type;
  static constexpr const char* kNames[] = {"function", "structure", "array"};
  fail(Err::TypeMismatch, fmt::format("{} needs type {} to be a {} type", info(op_).text,
                                      type_index, kNames[static_cast<u32>(kind)]));
  return nullptr;
}

const DefinedType* BodyValidator::func_type(u32 type_index) {
  return composite(type_index, Composite::Func);
}

const Table* BodyValidator::table(u32 index) {
  if (index < module_.tables.size()) return &module_.tables[index];
  fail(Err::UnknownTable, fmt::format("{}", index));
  return nullptr;
}

const MemoryType* BodyValidator::memory(u32 index) {
  if (index < module_.memories.size()) return &module_.memories[index];
  fail(Err::UnknownMemory, fmt::format("{}", index));
  return nullptr;
}

bool BodyValidator::check_data(u32 index) {
  if (!module_.data_count) {
    fail(Err::DataCountMissing);
  } else if (index >= *module_.data_count) {
    fail(Err::UnknownData, fmt::format("{}", index));
  }
  return ok();
}

bool BodyValidator::check_elem(u32 index) {
  if (index >= module_.elements.size()) fail(Err::UnknownElem, fmt::format("{}", index));
  return ok();
}

}  // namespace lr
