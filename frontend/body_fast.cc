// The fast path of body validation: the frequent instructions, by a table of what they need.
#include <algorithm>
#include <array>
#include <iterator>

#include "frontend/body_validator.h"

namespace lr {

// What the fast path does with an instruction of one byte.
enum class FastAction : u8 {
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
  Block,
  If,
  End,
  Br,
  BrIf,
  Call,
};

// What the fast path must know of an instruction of one byte. The bits of a numeric type fit 16.
struct FastRow {
  FastAction action = FastAction::Slow;
  u8 effects = 0;
  u16 first = 0;   // Bits of the first operand's type; of a Store, the value's.
  u16 second = 0;  // Bits of the second operand's type; of a Load or Store, log2 of its size.
  u16 result = 0;
};
static_assert(sizeof(FastRow) == 8);

namespace {

consteval u16 short_bits(char letter) { return static_cast<u16>(bits_of(type_of_letter(letter))); }

consteval bool is_numeric_letter(char letter) {
  return letter == 'i' || letter == 'l' || letter == 'f' || letter == 'd';
}

consteval FastAction action_of(Op op) {
  switch (op) {
    case Op::Nop:
      return FastAction::Nop;
    case Op::Drop:
      return FastAction::Drop;
    case Op::Select:
      return FastAction::Select;
    case Op::LocalGet:
      return FastAction::LocalGet;
    case Op::LocalSet:
      return FastAction::LocalSet;
    case Op::LocalTee:
      return FastAction::LocalTee;
    case Op::GlobalGet:
      return FastAction::GlobalGet;
    case Op::GlobalSet:
      return FastAction::GlobalSet;
    case Op::I32Const:
      return FastAction::I32Const;
    case Op::I64Const:
      return FastAction::I64Const;
    case Op::F32Const:
      return FastAction::F32Const;
    case Op::F64Const:
      return FastAction::F64Const;
    case Op::Block:
      return FastAction::Block;
    case Op::If:
      return FastAction::If;
    case Op::End:
      return FastAction::End;
    case Op::Br:
      return FastAction::Br;
    case Op::BrIf:
      return FastAction::BrIf;
    case Op::Call:
      return FastAction::Call;
    default:
      break;
  }
  const OpInfo& row = info(op);
  const Signature& type = row.signature;
  if (type.is_special || type.params_count == 0) return FastAction::Slow;
  if (row.immediate == Immediate::MemArg) {
    return type.results_count == 1 ? FastAction::Load : FastAction::Store;
  }
  if (row.immediate != Immediate::None || !is_numeric_letter(type.params[0]))
    return FastAction::Slow;
  if (row.feature == Feature::SignExt) return FastAction::UnaryExtend;
  if (row.feature != Feature::Mvp) return FastAction::Slow;
  if (type.params_count == 1) return FastAction::Unary;
  return internal::is_shift(op) ? FastAction::Shift : FastAction::Binary;
}

consteval FastRow make_row(Op op) {
  FastRow row;
  row.action = action_of(op);
  if (row.action == FastAction::Slow) return row;
  const OpInfo& facts = info(op);
  const Signature& type = facts.signature;
  row.effects = internal::effects_of(op);
  if (row.action == FastAction::Shift) row.effects = 0;  // It depends on the count.
  u32 first = facts.access_bytes != 0 ? 1 : 0;           // After the address.
  if (type.params_count > first) row.first = short_bits(type.params[first]);
  if (type.params_count > first + 1) row.second = short_bits(type.params[first + 1]);
  if (type.results_count == 1) row.result = short_bits(type.results[0]);
  if (facts.access_bytes != 0) row.second = static_cast<u16>(std::countr_zero(facts.access_bytes));
  return row;
}

consteval std::array<FastRow, 256> make_rows() {
  std::array<FastRow, 256> rows;
  for (u32 code = 0; code < 256; code++) {
    Op op = op_of_byte(static_cast<u8>(code));
    if (op != kNoOp) rows[code] = make_row(op);
  }
  return rows;
}

constexpr std::array<FastRow, 256> kRows = make_rows();

constexpr TypeBits kI32Bits = bits_of(kI32);
constexpr TypeBits kI64Bits = bits_of(kI64);
constexpr TypeBits kF32Bits = bits_of(kF32);
constexpr TypeBits kF64Bits = bits_of(kF64);

bool is_numeric_or_vector(TypeBits type) { return (type & 0xff) <= static_cast<u8>(Kind::V128); }

// The end of an LEB128 number, or null if it is not one of up to four bytes, or of five whose last
// fits `last_max` (or, for a signed one, is a sign that was extended). The bytes are known to
// contain one below 0x80.
[[gnu::always_inline]] inline const u8* skip_leb32(const u8* at, bool is_signed) {
  if (*at < 0x80) [[likely]]
    return at + 1;
  if (at[1] < 0x80) [[likely]]
    return at + 2;
  if (at[2] < 0x80) return at + 3;
  if (at[3] < 0x80) return at + 4;
  u8 last = at[4];
  bool fits = is_signed ? last < 0x08 || (last >= 0x78 && last < 0x80) : last < 0x10;
  return fits ? at + 5 : nullptr;
}

// The same for 64 bits, up to nine bytes.
[[gnu::always_inline]] inline const u8* skip_leb64(const u8* at) {
  for (u32 i = 0; i < 9; i++) {
    if (at[i] < 0x80) return at + i + 1;
  }
  return nullptr;
}

// An index of up to five bytes, and where it ends. Saturates where it does not fit.
[[gnu::always_inline]] inline u64 read_index(const u8*& at) {
  u64 value = *at & 0x7f;
  for (u32 shift = 7; *at++ >= 0x80 && shift < 35; shift += 7) value |= u64{*at & 0x7fu} << shift;
  return at[-1] < 0x80 ? value : ~u64{0};
}

constexpr u8 kEmptyBlock = 0x40;

}  // namespace

// What the fast path keeps in registers.
struct BodyValidator::Hot {
  const u8* p;
  TypeBits* sp;
  TypeBits* max;
  u32 effects;
  const u8* constant_end;
  TypeBits* base;
  TypeBits* limit;

  // So many operands are there.
  [[gnu::always_inline]] bool has(i64 count) const { return sp - base >= count; }

  // One operand more, if there is room.
  [[gnu::always_inline]] bool push(TypeBits type) {
    if (sp == limit) [[unlikely]]
      return false;
    *sp++ = type;
    max = std::max(max, sp);
    return true;
  }

  // The instruction is done. Always true.
  [[gnu::always_inline]] bool go_on(const u8* next) {
    p = next;
    return true;
  }
};

BodyValidator::Hot BodyValidator::load() const {
  return {in_.position(), sp_, max_, effects_, constant_end_, base_, limit_};
}

void BodyValidator::save(const Hot& hot) {
  in_.set_position(hot.p);
  sp_ = hot.sp;
  base_ = hot.base;
  max_ = hot.max;
  effects_ = hot.effects;
  constant_end_ = hot.constant_end;
}

[[gnu::always_inline]] inline bool BodyValidator::fast_local_get(Hot& h) {
  u32 index = h.p[1];
  if (index >= short_locals_) return false;
  LocalState& local = state_.locals.data()[index];
  if (local.unset || !h.push(local.type)) return false;
  state_.collector.use(local, static_cast<u32>(h.p - in_.base()), false);
  return h.go_on(h.p + 2);
}

[[gnu::always_inline]] inline bool BodyValidator::fast_local_set(Hot& h, bool is_tee) {
  u32 index = h.p[1];
  if (index >= short_locals_ || !h.has(1)) return false;
  LocalState& local = state_.locals.data()[index];
  if (local.unset || h.sp[-1] != local.type) return false;
  state_.collector.use(local, static_cast<u32>(h.p - in_.base()), true);
  h.sp -= !is_tee;
  return h.go_on(h.p + 2);
}

[[gnu::always_inline]] inline bool BodyValidator::fast_global(Hot& h, bool is_set) {
  u32 index = h.p[1];
  if (index >= short_globals_) return false;
  const GlobalType& type = module_.globals.data()[index].type;
  if (is_set) {
    if (!h.has(1) || !type.is_mutable || bits_of(type.type) != h.sp[-1]) return false;
    h.sp--;
  } else if (!h.push(bits_of(type.type))) {
    return false;
  }
  return h.go_on(h.p + 2);
}

[[gnu::always_inline]] inline bool BodyValidator::fast_load(Hot& h, const FastRow& row) {
  if (h.p[1] > row.second || !h.has(1) || h.sp[-1] != memory_address_) return false;
  const u8* end = skip_leb32(h.p + 2, false);
  if (end == nullptr) return false;
  h.sp[-1] = row.result;
  h.effects |= row.effects;
  return h.go_on(end);
}

[[gnu::always_inline]] inline bool BodyValidator::fast_store(Hot& h, const FastRow& row) {
  if (h.p[1] > row.second || !h.has(2) || h.sp[-1] != row.first || h.sp[-2] != memory_address_) {
    return false;
  }
  const u8* end = skip_leb32(h.p + 2, false);
  if (end == nullptr) return false;
  h.sp -= 2;
  h.effects |= row.effects;
  return h.go_on(end);
}

// Blocks without parameters and results.
[[gnu::always_inline]] inline bool BodyValidator::fast_block(Hot& h, Op op) {
  if (h.p[1] != kEmptyBlock) return false;
  if (op == Op::If) {
    if (!h.has(1) || h.sp[-1] != kI32Bits) return false;
    h.sp--;
  }
  add_frame(op, static_cast<u32>(h.sp - stack_));
  h.base = h.sp;
  return h.go_on(h.p + 2);
}

[[gnu::always_inline]] inline bool BodyValidator::fast_end(Hot& h) {
  auto& frames = state_.frames;
  const ControlFrame& frame = frames.back();
  if (!frame.ends_plainly || h.sp != h.base || frames.size() == 1 ||
      state_.sets.size() != frame.sets_height) {
    return false;
  }
  state_.collector.leave_frame();
  facts_.blocks[frame.block] = {static_cast<u32>(h.p - in_.base()), frame.is_target};
  frames.pop_back();
  h.base = stack_ + frames.back().height;
  return h.go_on(h.p + 1);
}

// Branches to labels without operands.
[[gnu::always_inline]] inline bool BodyValidator::fast_branch(Hot& h, bool is_conditional) {
  auto& frames = state_.frames;
  usize depth = h.p[1];
  if (depth >= 0x80 || depth >= frames.size()) return false;
  ControlFrame& target = frames[frames.size() - 1 - depth];
  if (!target.label_types().empty()) return false;
  if (is_conditional) {
    if (!h.has(1) || h.sp[-1] != kI32Bits) return false;
    h.sp--;
  } else {
    frames.back().unreachable = true;
    h.sp = h.base;
  }
  target.is_target = true;
  return h.go_on(h.p + 2);
}

[[gnu::always_inline]] inline bool BodyValidator::fast_call(Hot& h) {
  const u8* next = h.p + 1;
  u64 index = read_index(next);
  if (index >= module_.functions.size()) return false;
  const DefinedType& type = *module_.functions[index].signature;
  TypeBits* sp = h.sp;
  if (sp - h.base < std::ssize(type.params) || h.limit - sp < std::ssize(type.results)) {
    return false;
  }
  for (usize i = type.params.size(); i-- > 0;) {
    if (*--sp != bits_of(type.params[i])) return false;
  }
  for (const ValType& result : type.results) *sp++ = bits_of(result);
  h.sp = sp;
  h.max = std::max(h.max, sp);
  h.effects |= kEffectCall;
  return h.go_on(next);
}

// Handles the instruction at hot.p, or changes nothing and returns false.
//
// A body ends with the byte of `end`, so reading an immediate needs no bound: the first byte
// behind any other opcode exists, and a number that begins in the body ends in it.
[[gnu::always_inline]] inline bool BodyValidator::fast(Hot& h) {
  const u8* p = h.p;
  const FastRow& row = kRows[*p];
  switch (row.action) {
    case FastAction::Slow:
      return false;
    case FastAction::LocalGet:
      return fast_local_get(h);
    case FastAction::LocalSet:
      return fast_local_set(h, false);
    case FastAction::LocalTee:
      return fast_local_set(h, true);
    case FastAction::GlobalGet:
      return fast_global(h, false);
    case FastAction::GlobalSet:
      return fast_global(h, true);
    case FastAction::Load:
      return fast_load(h, row);
    case FastAction::Store:
      return fast_store(h, row);
    case FastAction::I32Const: {
      const u8* end = skip_leb32(p + 1, true);
      if (end == nullptr || !h.push(kI32Bits)) return false;
      h.constant_end = end;
      return h.go_on(end);
    }
    case FastAction::I64Const: {
      const u8* end = skip_leb64(p + 1);
      if (end == nullptr || !h.push(kI64Bits)) return false;
      h.constant_end = end;
      return h.go_on(end);
    }
    case FastAction::F32Const:
      if (in_.limit() - p < 5 || !h.push(kF32Bits)) return false;
      return h.go_on(p + 5);
    case FastAction::F64Const:
      if (in_.limit() - p < 9 || !h.push(kF64Bits)) return false;
      return h.go_on(p + 9);
    case FastAction::Block:
      return fast_block(h, Op::Block);
    case FastAction::If:
      return fast_block(h, Op::If);
    case FastAction::End:
      return fast_end(h);
    case FastAction::Br:
      return fast_branch(h, false);
    case FastAction::BrIf:
      return fast_branch(h, true);
    case FastAction::Call:
      return fast_call(h);
    case FastAction::Nop:
      break;
    case FastAction::Drop:
      if (!h.has(1)) return false;
      h.sp--;
      break;
    case FastAction::Select:
      if (!h.has(3) || h.sp[-1] != kI32Bits || h.sp[-2] != h.sp[-3] ||
          !is_numeric_or_vector(h.sp[-2])) {
        return false;
      }
      h.sp -= 2;
      break;
    case FastAction::UnaryExtend:
      if (!has(Feature::SignExt)) return false;
      [[fallthrough]];
    case FastAction::Unary:
      if (!h.has(1) || h.sp[-1] != row.first) return false;
      h.sp[-1] = row.result;
      break;
    case FastAction::Shift:
    case FastAction::Binary:
      if (!h.has(2) || h.sp[-1] != row.second || h.sp[-2] != row.first) return false;
      h.sp[-2] = row.result;
      h.sp--;
      h.effects |= row.effects;
      if (row.action == FastAction::Shift && h.constant_end != p) h.effects |= kEffectShift;
      break;
  }
  return h.go_on(p + 1);
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

}  // namespace lr
