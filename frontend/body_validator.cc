#include "frontend/body_validator.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace lr {

namespace {

// -- The table of the fast path -------------------------------------------------------------------

enum class Action : u8 {
  Slow,
  Nop,
  Drop,
  Select,
  LocalGet,
  LocalSet,
  LocalTee,
  GlobalGet,
  GlobalSet,
  Load,
  Store,
  I32Const,
  I64Const,
  F32Const,
  F64Const,
  Unary,
  UnaryExtend,  // Unary, of the feature sign-ext.
  Binary,
  Shift,
};

// The bits of a numeric type fit 16 bits.
struct Row {
  Action action = Action::Slow;
  u8 effects = 0;
  u8 align_max = 0;  // Load, Store: log2.
  u16 first = 0;     // Bits of the first parameter's type (not the address).
  u16 second = 0;
  u16 result = 0;
};

consteval u16 short_bits(char letter) { return static_cast<u16>(bits_of(type_of_letter(letter))); }

consteval bool is_numeric_letter(char letter) {
  return letter == 'i' || letter == 'l' || letter == 'f' || letter == 'd';
}

consteval Action action_of(Op op) {
  switch (op) {
    case Op::Nop:
      return Action::Nop;
    case Op::Drop:
      return Action::Drop;
    case Op::Select:
      return Action::Select;
    case Op::LocalGet:
      return Action::LocalGet;
    case Op::LocalSet:
      return Action::LocalSet;
    case Op::LocalTee:
      return Action::LocalTee;
    case Op::GlobalGet:
      return Action::GlobalGet;
    case Op::GlobalSet:
      return Action::GlobalSet;
    case Op::I32Const:
      return Action::I32Const;
    case Op::I64Const:
      return Action::I64Const;
    case Op::F32Const:
      return Action::F32Const;
    case Op::F64Const:
      return Action::F64Const;
    default:
      break;
  }
  const OpInfo& row = info(op);
  const Signature& type = row.signature;
  if (type.is_special || type.params_count == 0) return Action::Slow;
  if (row.immediate == Immediate::MemArg) {
    return type.results_count == 1 ? Action::Load : Action::Store;
  }
  if (row.immediate != Immediate::None || !is_numeric_letter(type.params[0])) return Action::Slow;
  if (row.feature == Feature::SignExt) return Action::UnaryExtend;
  if (row.feature != Feature::Mvp) return Action::Slow;
  if (type.params_count == 1) return Action::Unary;
  return internal::is_shift(op) ? Action::Shift : Action::Binary;
}

consteval std::array<Row, 256> make_rows() {
  std::array<Row, 256> rows;
  for (u32 code = 0; code < 256; code++) {
    Op op = op_of_byte(static_cast<u8>(code));
    if (op == kNoOp) continue;
    Row& row = rows[code];
    const OpInfo& facts = info(op);
    row.action = action_of(op);
    if (row.action == Action::Slow) continue;
    row.effects = internal::effects_of(op);
    if (row.action == Action::Shift) row.effects = 0;
    const Signature& type = facts.signature;
    u32 first = facts.access_bytes != 0 ? 1 : 0;  // After the address.
    if (type.params_count > first) row.first = short_bits(type.params[first]);
    if (type.params_count > first + 1) row.second = short_bits(type.params[first + 1]);
    if (type.results_count == 1) row.result = short_bits(type.results[0]);
    if (facts.access_bytes != 0) {
      row.align_max = static_cast<u8>(std::countr_zero(facts.access_bytes));
    }
  }
  return rows;
}

constexpr std::array<Row, 256> kRows = make_rows();

constexpr TypeBits kI32Bits = bits_of(kI32);
constexpr TypeBits kI64Bits = bits_of(kI64);
constexpr TypeBits kF32Bits = bits_of(kF32);
constexpr TypeBits kF64Bits = bits_of(kF64);

bool is_numeric_or_vector(TypeBits type) { return (type & 0xff) <= static_cast<u8>(Kind::V128); }

// The end of an LEB128 number of at most `max` bytes, or null. The bytes are known to contain one
// below 0x80.
[[gnu::always_inline]] inline const u8* skip_leb(const u8* at, u32 max) {
  if (*at < 0x80) [[likely]]
    return at + 1;
  if (at[1] < 0x80) [[likely]]
    return at + 2;
  for (u32 i = 2; i < max; i++) {
    if (at[i] < 0x80) return at + i + 1;
  }
  return nullptr;
}

}  // namespace

// -- The fast path ------------------------------------------------------------------------------

struct BodyValidator::Hot {
  const u8* p;
  TypeBits* sp;
  TypeBits* base;
  TypeBits* max;
  u32 effects;
  const u8* constant_end;

  // One operand more, if there is room.
  [[gnu::always_inline]] bool push(TypeBits type, TypeBits* limit) {
    if (sp == limit) [[unlikely]]
      return false;
    *sp++ = type;
    max = std::max(max, sp);
    return true;
  }
};

BodyValidator::Hot BodyValidator::load() const {
  return {in_.position(), sp_, base_, max_, effects_, constant_end_};
}

void BodyValidator::save(const Hot& hot) {
  in_.set_position(hot.p);
  sp_ = hot.sp;
  max_ = hot.max;
  effects_ = hot.effects;
  constant_end_ = hot.constant_end;
}

// Handles the instruction at hot.p, or changes nothing and returns false.
//
// A body ends with the byte of `end`, so reading an immediate needs no bound: the first byte
// behind any other opcode exists, and a number that begins in the body ends in it.
[[gnu::always_inline]] inline bool BodyValidator::fast(Hot& h) {
  const u8* p = h.p;
  const Row& row = kRows[*p];
  switch (row.action) {
    case Action::Slow:
      return false;
    case Action::Nop:
      break;
    case Action::Drop:
      if (h.sp == h.base) return false;
      h.sp--;
      break;
    case Action::Select:
      if (h.sp - h.base < 3 || h.sp[-1] != kI32Bits || h.sp[-2] != h.sp[-3] ||
          !is_numeric_or_vector(h.sp[-2])) {
        return false;
      }
      h.sp -= 2;
      break;
    case Action::LocalGet: {
      if (p[1] >= state_.locals.size() || p[1] >= 0x80) return false;
      LocalState& local = state_.locals.data()[p[1]];
      if (local.unset || !h.push(local.type, limit_)) return false;
      state_.collector.use(local, static_cast<u32>(p - in_.base()), false);
      h.p = p + 2;
      return true;
    }
    case Action::LocalSet:
    case Action::LocalTee: {
      if (p[1] >= state_.locals.size() || p[1] >= 0x80 || h.sp == h.base) return false;
      LocalState& local = state_.locals.data()[p[1]];
      if (local.unset || h.sp[-1] != local.type) return false;
      state_.collector.use(local, static_cast<u32>(p - in_.base()), true);
      if (row.action == Action::LocalSet) h.sp--;
      h.p = p + 2;
      return true;
    }
    case Action::GlobalGet:
      if (p[1] >= module_.globals.size() || p[1] >= 0x80) return false;
      if (!h.push(bits_of(module_.globals[p[1]].type.type), limit_)) return false;
      h.p = p + 2;
      return true;
    case Action::GlobalSet: {
      if (p[1] >= module_.globals.size() || p[1] >= 0x80 || h.sp == h.base) return false;
      const GlobalType& type = module_.globals[p[1]].type;
      if (!type.is_mutable || bits_of(type.type) != h.sp[-1]) return false;
      h.sp--;
      h.p = p + 2;
      return true;
    }
    case Action::Load: {
      if (p[1] > row.align_max || h.sp == h.base || h.sp[-1] != kI32Bits || !has_memory32_) {
        return false;
      }
      const u8* end = skip_leb(p + 2, 4);
      if (end == nullptr) return false;
      h.sp[-1] = row.result;
      h.effects |= row.effects;
      h.p = end;
      return true;
    }
    case Action::Store: {
      if (p[1] > row.align_max || h.sp - h.base < 2 || h.sp[-1] != row.first ||
          h.sp[-2] != kI32Bits || !has_memory32_) {
        return false;
      }
      const u8* end = skip_leb(p + 2, 4);
      if (end == nullptr) return false;
      h.sp -= 2;
      h.effects |= row.effects;
      h.p = end;
      return true;
    }
    case Action::I32Const:
    case Action::I64Const: {
      bool is_64 = row.action == Action::I64Const;
      const u8* end = skip_leb(p + 1, is_64 ? 9 : 4);
      if (end == nullptr || !h.push(is_64 ? kI64Bits : kI32Bits, limit_)) return false;
      h.p = h.constant_end = end;
      return true;
    }
    case Action::F32Const:
      if (in_.limit() - p < 5 || !h.push(kF32Bits, limit_)) return false;
      h.p = p + 5;
      return true;
    case Action::F64Const:
      if (in_.limit() - p < 9 || !h.push(kF64Bits, limit_)) return false;
      h.p = p + 9;
      return true;
    case Action::UnaryExtend:
      if (!has(Feature::SignExt)) return false;
      [[fallthrough]];
    case Action::Unary:
      if (h.sp == h.base || h.sp[-1] != row.first) return false;
      h.sp[-1] = row.result;
      break;
    case Action::Shift:
      if (h.constant_end != p) h.effects |= kEffectShift;
      [[fallthrough]];
    case Action::Binary:
      if (h.sp - h.base < 2 || h.sp[-1] != row.second || h.sp[-2] != row.first) return false;
      h.sp[-2] = row.result;
      h.sp--;
      h.effects |= row.effects;
      break;
  }
  h.p = p + 1;
  return true;
}

void BodyValidator::run() {
  const u8* end = in_.limit();
  while (!state_.frames.empty() && ok()) {
    if (may_be_fast_) {
      Hot hot = load();
      while (hot.p != end && fast(hot)) {
      }
      save(hot);
    }
    step();
  }
}

// -- Set-up ---------------------------------------------------------------------------------------

void BodyValidator::begin(std::span<const ValType> params, std::span<const ValType> results) {
  if (state_.stack.empty()) state_.stack.resize(256);
  state_.frames.clear();
  state_.sets.clear();
  state_.block_types.clear();
  stack_ = sp_ = base_ = max_ = state_.stack.data();
  limit_ = stack_ + state_.stack.size();
  state_.collector.begin(facts_, state_.locals, static_cast<u32>(params.size()));
  has_memory32_ = !module_.memories.empty() && !module_.memories[0].limits.is_64;
  ControlFrame frame;
  frame.results = results;
  state_.frames.push_back(frame);
}

void BodyValidator::check_function(u32 index) {
  const DefinedType& type = defined_type(module_.functions[index].type);
  state_.written_tables.resize(module_.tables.size());
  read_locals(type);
  if (!ok()) return;
  begin(type.params, type.results);
  may_be_fast_ = in_.remaining() > 0 && in_.limit()[-1] == 0x0b;
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
  if (!is_constant_) {
    // The frequent ones, without an Instr.
    Op op = op_of_byte(in_.peek());
    op_ = op;
    switch (op) {
      case Op::Block:
      case Op::Loop:
      case Op::If:
        in_.byte();
        return block(op);
      case Op::End:
        in_.byte();
        return end();
      case Op::Else:
        in_.byte();
        return else_arm();
      case Op::Br:
        in_.byte();
        return br(in_.leb_u32());
      case Op::BrIf:
        in_.byte();
        return br_if(in_.leb_u32());
      case Op::BrTable:
        in_.byte();
        return br_table();
      case Op::Call:
        in_.byte();
        return call(in_.leb_u32());
      case Op::LocalGet:
        in_.byte();
        return local_get(in_.leb_u32());
      case Op::LocalSet:
        in_.byte();
        return local_set(in_.leb_u32(), false);
      case Op::LocalTee:
        in_.byte();
        return local_set(in_.leb_u32(), true);
      default:
        break;
    }
  }
  general();
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
  u32 index = instr.index;
  u32 index2 = instr.index2;
  switch (instr.op) {
    case Op::Unreachable:
      return set_unreachable();
    case Op::Block:
    case Op::Loop:
    case Op::If:
    case Op::Try:
      return open_block(instr.op, instr.block);
    case Op::Else:
      return else_arm();
    case Op::End:
      return end();
    case Op::Br:
      return br(index);
    case Op::BrIf:
      return br_if(index);
    case Op::BrTable:
      in_.skip_to(start_ + 1);
      return br_table();
    case Op::Return:
      return return_();
    case Op::Call:
      return call(index);
    case Op::CallIndirect:
      return call_indirect(instr, false);
    case Op::CallRef:
      return call_ref(index, false);
    case Op::ReturnCall:
      if (index >= module_.functions.size()) return call(index);
      return call_type(defined_type(module_.functions[index].type), true);
    case Op::ReturnCallIndirect:
      return call_indirect(instr, true);
    case Op::ReturnCallRef:
      return call_ref(index, true);
    case Op::Catch:
      return catch_(index);
    case Op::CatchAll:
      return catch_all();
    case Op::Delegate:
      return delegate(index);
    case Op::Rethrow:
      return rethrow(index);
    case Op::Throw:
      return throw_(index);
    case Op::ThrowRef:
      pop(ref_to(Heap::Exn, true));
      return set_unreachable();
    case Op::TryTable:
      return try_table(instr);
    case Op::BrOnNull:
      return br_on_null(index);
    case Op::BrOnNonNull:
      return br_on_non_null(index);
    case Op::BrOnCast:
      return br_on_cast(instr, false);
    case Op::BrOnCastFail:
      return br_on_cast(instr, true);
    case Op::Drop:
      pop_any();
      return;
    case Op::Select:
      return select();
    case Op::SelectT:
      return select_typed(instr);
    case Op::LocalGet:
      return local_get(index);
    case Op::LocalSet:
      return local_set(index, false);
    case Op::LocalTee:
      return local_set(index, true);
    case Op::GlobalGet:
      return global_get(index);
    case Op::GlobalSet:
      return global_set(index);
    case Op::TableGet:
      return table_get(index);
    case Op::TableSet:
      return table_set(index);
    case Op::TableSize:
      return table_size(index);
    case Op::TableGrow:
      return table_grow(index);
    case Op::TableFill:
      return table_fill(index);
    case Op::TableCopy:
      return table_copy(index, index2);
    case Op::TableInit:
      return table_init(index, index2);
    case Op::MemoryCopy:
      return memory_copy(index, index2);
    case Op::RefNull:
      return ref_null(instr);
    case Op::RefFunc:
      return ref_func(index);
    case Op::RefIsNull:
      return ref_is_null();
    case Op::RefAsNonNull:
      return ref_as_non_null();
    case Op::AnyConvertExtern:
      return convert(Heap::Extern, Heap::Any);
    case Op::ExternConvertAny:
      return convert(Heap::Any, Heap::Extern);
    case Op::RefTest:
      return ref_test(instr, false);
    case Op::RefTestNull:
      return ref_test(instr, true);
    case Op::RefCast:
      return ref_cast(instr, false);
    case Op::RefCastNull:
      return ref_cast(instr, true);
    case Op::StructNew:
      return struct_new(index, false, false);
    case Op::StructNewDefault:
      return struct_new(index, true, false);
    case Op::StructNewDesc:
      return struct_new(index, false, true);
    case Op::StructNewDefaultDesc:
      return struct_new(index, true, true);
    case Op::StructGet:
    case Op::StructGetS:
    case Op::StructGetU:
      return struct_get(instr);
    case Op::StructSet:
      return struct_set(instr);
    case Op::ArrayNew:
    case Op::ArrayNewDefault:
    case Op::ArrayNewFixed:
      return array_new(instr);
    case Op::ArrayNewData:
    case Op::ArrayNewElem:
      return array_new_segment(instr);
    case Op::ArrayGet:
    case Op::ArrayGetS:
    case Op::ArrayGetU:
      return array_get(instr);
    case Op::ArraySet:
      return array_set(index);
    case Op::ArrayFill:
      return array_fill(index);
    case Op::ArrayCopy:
      return array_copy(index, index2);
    case Op::ArrayInitData:
    case Op::ArrayInitElem:
      return array_init(instr);
    case Op::RefGetDesc:
      return ref_get_desc(index);
    case Op::RefCastDescEq:
      return ref_cast_desc(instr, false);
    case Op::RefCastDescEqNull:
      return ref_cast_desc(instr, true);
    case Op::BrOnCastDescEq:
      return br_on_cast_desc(instr, false);
    case Op::BrOnCastDescEqFail:
      return br_on_cast_desc(instr, true);
    default:
      CHECK(!"a special row of opcodes.def has no typing");
  }
}

// -- Operands -------------------------------------------------------------------------------------

void BodyValidator::push_all(std::span<const ValType> types) {
  for (ValType type : types) push(type);
}

TypeBits BodyValidator::pop_any() {
  if (sp_ != base_) return *--sp_;
  if (!state_.frames.back().unreachable) fail_type(kBottom, nullptr);
  return kBottomBits;
}

TypeBits BodyValidator::pop(ValType expected) {
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

void BodyValidator::pop_all(std::span<const ValType> types) {
  for (usize i = types.size(); i-- > 0;) pop(types[i]);
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

void BodyValidator::check_branch(const ControlFrame& target) {
  std::span<const ValType> types = target.label_types();
  if (types.empty()) return;
  pop_all(types);
  push_all(types);
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

ControlFrame* BodyValidator::label(u32 depth) {
  auto& frames = state_.frames;
  if (ok() && depth < frames.size()) return &frames[frames.size() - 1 - depth];
  fail(Err::UnknownLabel, fmt::format("{}", depth));
  return nullptr;
}

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
