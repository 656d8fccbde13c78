#include "spec-tests/fuzz/code_generator.h"
#include "spec-tests/fuzz/constants.h"

namespace lr::fuzz {

Loose CodeGenerator::value(Type type, Loose accepts) {
  if (type.is_ref()) {
    reference_value(type);
    return Loose::No;
  }
  depth_++;
  const Loose made = !spend() || depth_ > kDepthMax ? leaf(type) : produce(type);
  depth_--;
  if (made == Loose::No || made == accepts) return made;
  make_exact(made, type.kind);
  return Loose::No;
}

void CodeGenerator::condition() {
  if (chance(25)) {
    leaf(number(Kind::I32));
  } else {
    exact(number(Kind::I32));
  }
}

Loose CodeGenerator::leaf(Type type) {
  const bool is_float = type.kind == Kind::F32 || type.kind == Kind::F64;
  if (!chance(25)) {
    const u32 local = pick_local(type, false);
    if (local != kNoLocal) {
      op(Op::LocalGet, local);
      return is_float ? loose_of(type.kind) : Loose::No;
    }
  }
  if (chance(20)) {
    for (u32 tries = 3; tries > 0; tries--) {
      const u32 global = choices_.below(static_cast<u32>(plan_.globals.size()));
      if (global == 0 || plan_.globals[global].type != type) continue;
      op(Op::GlobalGet, global);
      return is_float ? loose_of(type.kind) : Loose::No;
    }
  }
  constant(type.kind);
  return Loose::No;
}

Loose CodeGenerator::produce(Type type) {
  const bool is_float = type.kind == Kind::F32 || type.kind == Kind::F64;
  const Loose as_is = is_float ? loose_of(type.kind) : Loose::No;
  const u32 leaves = 10;
  const u32 operations = 12;
  u32 what = choices_.below(leaves + operations + taste_.loads + taste_.control + taste_.calls +
                            taste_.sets / 2 + taste_.refs);
  const auto is = [&](u32 weight) {
    if (what < weight) return true;
    what -= weight;
    return false;
  };
  if (is(leaves)) return leaf(type);
  if (is(operations)) return operation(type);
  if (is(taste_.loads)) {
    load(type);
    return Loose::No;
  }
  if (is(taste_.control)) {
    switch (choices_.below(6)) {
      case 0:
        if_value(type);
        return as_is;
      case 1:
        block_value(type);
        return as_is;
      case 2:
        branch_if_value(type);
        return as_is;
      case 3:
        counted_loop(&type);
        return as_is;
      default:
        select(type);
        return as_is;
    }
  }
  if (is(taste_.calls)) {
    if (call(&type)) return as_is;
    return leaf(type);
  }
  if (is(taste_.sets / 2)) {
    if (chance(20)) {
      pressure(type);
      return as_is;
    }
    const u32 local = pick_local(type, true);
    if (local == kNoLocal) return leaf(type);
    tee(type, local);
    return as_is;
  }
  if (type.kind == Kind::I32) {
    if (has(Feature::Gc) && chance(40) && data_access(type)) return Loose::No;
    if (chance(50)) {
      reference_test();
    } else if (chance(50)) {
      memory_size_or_grow();
    } else {
      table_size_or_grow();
    }
    return Loose::No;
  }
  if (has(Feature::Gc) && data_access(type)) return Loose::No;
  return operation(type);
}

void CodeGenerator::tee(Type type, u32 local) {
  loose(type);
  op(Op::LocalTee, local);
}

void CodeGenerator::select(Type type) {
  loose(type);
  between_operands();
  loose(type);
  condition();
  if (type.is_ref() || (has(Feature::ReferenceTypes) && chance(10))) {
    op(Op::SelectT, 1);
    write_type(out_, type);
  } else {
    op(Op::Select);
  }
}

void CodeGenerator::between_operands() {
  if (taste_.interleave > 0 && depth_ < kDepthMax && chance(taste_.interleave)) statement();
  if (chance(1)) op(Op::Nop);
}

// Many values at a time, then one.
void CodeGenerator::pressure(Type type) {
  Op join = Op::I32Xor;
  if (type.kind == Kind::I64) join = Op::I64Add;
  if (type.kind == Kind::F32) join = Op::F32Sub;
  if (type.kind == Kind::F64) join = Op::F64Sub;
  if (type.kind == Kind::V128) join = Op::V128Xor;
  const u32 count = choices_.between(4, 20);
  depth_ += 4;
  const Loose accepts = type.kind == Kind::V128 ? Loose::No : loose_of(type.kind);
  for (u32 i = 0; i < count; i++) value(type, accepts);
  between_operands();
  depth_ -= 4;
  for (u32 i = 1; i < count; i++) op(join);
}

// -- Operations -----------------------------------------------------------------------------------

Loose CodeGenerator::operation(Type type) {
  if (type.kind == Kind::I64 && !ops_.wide().empty() && chance(15)) {
    const Op wide = ops_.wide()[choices_.below(static_cast<u32>(ops_.wide().size()))];
    apply(wide);
    op(chance(50) ? Op::I64Xor : Op::Drop);
    return Loose::No;
  }
  const std::span<const Op> ops = ops_.operators(type.kind);
  const Op chosen = ops[choices_.below(static_cast<u32>(ops.size()))];
  apply(chosen);
  return facts_of(chosen).result;
}

// The quotient of something near a multiple of a constant by it.
bool CodeGenerator::division_by_constant(Op chosen) {
  const Kind kind = type_of_letter(info(chosen).signature.params[0]).kind;
  const OpFacts& facts = facts_of(chosen);
  if (!facts.may_trap || (kind != Kind::I32 && kind != Kind::I64) || !chance(50)) return false;
  const bool wide = kind == Kind::I64;
  if (info(chosen).text.ends_with("rem_s") && chance(25)) {  // By -1, which never traps.
    chance(50) ? exact(number(kind)) : wide ? i64_const(u64{1} << 63) : i32_const(0x8000'0000);
    exact(number(kind));
    wide ? i64_const(~u64{0}) : i32_const(0xffff'ffff);
    op(wide ? Op::I64Or : Op::I32Or);
    op(chosen);
    return true;
  }
  const u64 by = wide ? pick_i64(choices_) : pick_i32(choices_);
  if (by == 0) return false;
  const auto number_const = [&](u64 bits) { wide ? i64_const(bits) : i32_const(bits); };
  exact(number(kind));
  if (chance(60)) {
    number_const(0xffff);
    op(wide ? Op::I64And : Op::I32And);
    number_const(by);
    op(wide ? Op::I64Mul : Op::I32Mul);
    number_const(choices_.below(3) - u64{1});
    op(wide ? Op::I64Add : Op::I32Add);
  } else {
    number_const(wide ? pick_i64(choices_) : pick_i32(choices_));
    op(wide ? Op::I64Xor : Op::I32Xor);
  }
  number_const(by);
  op(chosen);
  return true;
}

void CodeGenerator::apply(Op chosen) {
  if (info(chosen).signature.params_count == 2 && division_by_constant(chosen)) return;
  operands(chosen);
  op(chosen);
  immediates(chosen);
}

Loose CodeGenerator::operand_looseness(const OpFacts& facts, Kind kind, bool is_last) const {
  if (is_last && facts.last_exact) return Loose::No;
  if (kind == Kind::V128) return facts.takes;
  return facts.takes == Loose::No ? Loose::No : loose_of(kind);
}

void CodeGenerator::operands(Op chosen) {
  const Signature& signature = info(chosen).signature;
  const OpFacts& facts = facts_of(chosen);
  for (u32 i = 0; i < signature.params_count; i++) {
    if (i > 0) between_operands();
    const ValType wanted = type_of_letter(signature.params[i]);
    if (wanted.kind == Kind::Ref) {
      const char letter = signature.params[i];
      const i32 heap = letter == 'e' ? kHeapEq : letter == 'a' ? kHeapArray : kHeapI31;
      reference_value(reference(heap, letter == 'e' || chance(5)));
      continue;
    }
    const bool is_last = i + 1 == signature.params_count;
    if (facts.may_trap && is_last && taste_.hostile < 5) {
      divisor(wanted.kind);
      continue;
    }
    value(number(wanted.kind), operand_looseness(facts, wanted.kind, is_last));
  }
}

// A right operand of a division, or the operand of a conversion, that seldom traps.
void CodeGenerator::divisor(Kind kind) {
  switch (kind) {
    case Kind::I32:
      if (chance(60)) {
        const u64 bits = pick_i32(choices_);
        return i32_const(bits == 0 || bits == 0xffff'ffff ? 7 : bits);
      }
      exact(number(Kind::I32));
      i32_const(choices_.below(2) * 2 + 1);
      return op(Op::I32Or);
    case Kind::I64:
      if (chance(60)) {
        const u64 bits = pick_i64(choices_);
        return i64_const(bits == 0 || bits == ~u64{0} ? 10 : bits);
      }
      exact(number(Kind::I64));
      i64_const(choices_.below(2) * 2 + 1);
      return op(Op::I64Or);
    case Kind::F32:
      exact(number(Kind::I32));
      i32_const(0x7fff'ffff >> choices_.below(20));
      op(Op::I32And);
      return op(Op::F32ConvertI32S);
    default:
      exact(number(Kind::I32));
      i32_const(0x7fff'ffff >> choices_.below(20));
      op(Op::I32And);
      op(Op::F64ConvertI32S);
      op(Op::F64Const);
      out_.fixed(0x3fe0'0000'0000'0000, 8);
      return op(Op::F64Mul);
  }
}

void CodeGenerator::immediates(Op chosen) {
  switch (info(chosen).immediate) {
    case Immediate::Lane2:
      return out_.byte(choices_.below(2));
    case Immediate::Lane4:
      return out_.byte(choices_.below(4));
    case Immediate::Lane8:
      return out_.byte(choices_.below(8));
    case Immediate::Lane16:
      return out_.byte(choices_.below(16));
    case Immediate::Shuffle: {
      // Regular patterns have instructions of their own.
      const u32 what = choices_.below(4);
      const u32 size = 1u << choices_.below(4);
      const u32 shift = choices_.below(17);
      for (u32 i = 0; i < 16; i++) {
        u32 lane = choices_.below(32);
        if (what == 1) lane = (shift + i) % 32;
        if (what == 2) lane = (i / size * size * 2 + i % size) % 32;
        if (what == 3) lane = i / size % 2 * 16 + i / (2 * size) * size + i % size;
        out_.byte(lane % 32);
      }
      return;
    }
    default:
      return;
  }
}

}  // namespace lr::fuzz
