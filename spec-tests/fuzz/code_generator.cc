#include "spec-tests/fuzz/code_generator.h"

#include <algorithm>

#include "spec-tests/fuzz/constants.h"

namespace lr::fuzz {

namespace {

constexpr u64 kNanF32 = 0x7fc0'0000;
constexpr u64 kNanF64 = 0x7ff8'0000'0000'0000;

}  // namespace

std::vector<u8> CodeGenerator::body(u32 function, u32 nodes) {
  function_ = function;
  type_ = &plan_.types[plan_.functions[function].type];
  is_leaf_ = plan_.functions[function].is_leaf;
  budget_ = budget_whole_ = is_leaf_ ? std::min(nodes, 12u) : nodes;
  depth_ = 0;
  loop_work_ = 1;
  labels_.clear();
  out_.bytes.clear();
  choose_taste();
  declare_locals();
  if (!is_leaf_) take_fuel_at_entry();
  open_label(type_->results, false);
  if (!is_leaf_) {
    while (budget_ > budget_whole_ / 5 && !choices_.at_end()) statement();
  }
  budget_ = std::max<i64>(budget_, 8);
  const bool tail = !is_leaf_ && chance(15) && tail_call();
  if (!tail) {
    for (const Type& type : type_->results) loose(type);
  }
  op(Op::End);
  BinaryWriter whole;
  write_locals(whole);
  whole.append(out_.bytes);
  return std::move(whole.bytes);
}

void CodeGenerator::choose_taste() {
  const auto some = [&](u32 most) { return chance(30) ? 0 : choices_.below(most + 1); };
  taste_.interleave = is_leaf_ ? 0 : some(30);
  taste_.loads = plan_.memories.empty() ? 0 : some(10);
  taste_.control = is_leaf_ ? 0 : some(10);
  taste_.calls = is_leaf_ ? 0 : some(6);
  taste_.sets = some(12);
  taste_.hostile = chance(50) ? 0 : choices_.below(6);
  taste_.refs = some(8);
  taste_.window = chance(50) ? 0 : choices_.between(1, 4);
}

void CodeGenerator::declare_locals() {
  locals_ = type_->params;
  if (!is_leaf_) {
    const u32 more = chance(20) ? choices_.between(20, 60) : choices_.below(16);
    // Most of one type at times, so that registers run out.
    const bool monotone = chance(30);
    constexpr Kind kKinds[] = {Kind::I32, Kind::I64, Kind::F64, Kind::F32, Kind::I32, Kind::I32};
    const Kind favourite = kKinds[choices_.below(6)];
    for (u32 i = 0; i < more; i++) {
      Type type = number(monotone ? favourite : kKinds[choices_.below(6)]);
      if (has(Feature::Simd) && chance(20)) type = number(Kind::V128);
      if (has(Feature::ReferenceTypes) && chance(has(Feature::Gc) ? 25 : 8)) {
        const std::vector<GlobalPlan>& globals = plan_.globals;
        const Type& model =
            chance(50) ? plan_.tables[choices_.below(static_cast<u32>(plan_.tables.size()))].element
                       : globals[choices_.below(static_cast<u32>(globals.size()))].type;
        type = model;
        type.nullable = true;
      }
      locals_.push_back(type);
    }
    if (!plan_.tags.empty() && !plan_.has_legacy_exceptions && chance(50))
      locals_.push_back(reference(kHeapExn));
  }
  is_reserved_.assign(locals_.size(), false);
  std::fill(std::begin(temporaries_), std::end(temporaries_), kNoLocal);
}

u32 CodeGenerator::temporary(Kind kind) {
  u32& local = temporaries_[static_cast<usize>(kind)];
  if (local == kNoLocal) local = add_reserved(number(kind));
  return local;
}

u32 CodeGenerator::add_reserved(Type type) {
  locals_.push_back(type);
  is_reserved_.push_back(true);
  return static_cast<u32>(locals_.size()) - 1;
}

void CodeGenerator::write_locals(BinaryWriter& out) const {
  const usize first = type_->params.size();
  BinaryWriter groups;
  u32 count = 0;
  for (usize i = first; i < locals_.size();) {
    usize end = i + 1;
    while (end < locals_.size() && locals_[end] == locals_[i]) end++;
    groups.uleb(end - i);
    write_type(groups, locals_[i]);
    count++;
    i = end;
  }
  out.uleb(count);
  out.append(groups.bytes);
}

void CodeGenerator::take_fuel() {
  op(Op::GlobalGet, 0);
  i32_const(1);
  op(Op::I32Sub);
  op(Op::GlobalSet, 0);
  op(Op::GlobalGet, 0);
  i32_const(0);
  op(Op::I32GtS);
}

void CodeGenerator::take_fuel_at_entry() {
  take_fuel();
  op(Op::I32Eqz);
  op(Op::If);
  out_.byte(0x40);
  for (const Type& type : type_->results) zero(type);
  op(Op::Return);
  op(Op::End);
}

u32 CodeGenerator::pick_local(Type type, bool to_write) {
  u32 fitting[128];
  u32 count = 0;
  for (u32 i = 0; i < locals_.size() && count < 128; i++) {
    if (to_write && is_reserved_[i]) continue;
    const bool fits =
        to_write ? plan_.is_subtype(type, locals_[i]) : plan_.is_subtype(locals_[i], type);
    if (fits) fitting[count++] = i;
  }
  if (count == 0) return kNoLocal;
  if (taste_.window == 0) return fitting[choices_.below(count)];
  // The window moves over the locals as the body gets longer: their uses do not overlap.
  const i64 done = std::max<i64>(budget_whole_ - budget_, 0);
  const u64 from = static_cast<u64>(done) * count / static_cast<u64>(budget_whole_ + 1);
  return fitting[(from + choices_.below(taste_.window)) % count];
}

// -- Constants ------------------------------------------------------------------------------------

void CodeGenerator::i32_const(u64 value) {
  op(Op::I32Const);
  out_.sleb(static_cast<i32>(value));
}

void CodeGenerator::i64_const(u64 value) {
  op(Op::I64Const);
  out_.sleb(static_cast<i64>(value));
}

void CodeGenerator::constant(Kind kind) {
  switch (kind) {
    case Kind::I32:
      return i32_const(pick_i32(choices_));
    case Kind::I64:
      return i64_const(pick_i64(choices_));
    case Kind::F32:
      op(Op::F32Const);
      return out_.fixed(pick_f32(choices_), 4);
    case Kind::F64:
      op(Op::F64Const);
      return out_.fixed(pick_f64(choices_), 8);
    default:
      op(Op::V128Const);
      for (u32 half = 0; half < 2; half++) {
        const u32 what = choices_.below(4);
        u64 bits = what == 0 ? pick_i64(choices_) : pick_f64(choices_);
        if (what == 2) bits = pick_f32(choices_) | pick_f32(choices_) << 32;
        if (what == 3) bits = choices_.bits64();
        out_.fixed(bits, 8);
      }
  }
}

void CodeGenerator::zero(Type type) {
  if (type.is_ref()) {
    if (type.nullable) {
      op(Op::RefNull);
      return write_heap(out_, type.heap);
    }
    return reference_leaf(type);
  }
  switch (type.kind) {
    case Kind::I32:
      return i32_const(0);
    case Kind::I64:
      return i64_const(0);
    case Kind::F32:
      op(Op::F32Const);
      return out_.fixed(0, 4);
    case Kind::F64:
      op(Op::F64Const);
      return out_.fixed(0, 8);
    default:
      op(Op::V128Const);
      out_.fixed(0, 8);
      out_.fixed(0, 8);
  }
}

// -- Looseness ------------------------------------------------------------------------------------

Loose CodeGenerator::loose_of(Kind kind) {
  if (kind == Kind::F32) return Loose::F32;
  return kind == Kind::F64 ? Loose::F64 : Loose::No;
}

// x == x ? x : nan, in every lane.
void CodeGenerator::make_exact(Loose loose, Kind kind) {
  if (loose == Loose::No) return;
  u32 local = chance(50) ? pick_local(number(kind), true) : kNoLocal;
  if (local == kNoLocal) local = temporary(kind);
  const bool narrow = loose == Loose::F32;
  op(Op::LocalTee, local);
  if (kind == Kind::V128) {
    op(Op::V128Const);
    for (u32 half = 0; half < 2; half++) out_.fixed(narrow ? kNanF32 << 32 | kNanF32 : kNanF64, 8);
  } else {
    op(narrow ? Op::F32Const : Op::F64Const);
    out_.fixed(narrow ? kNanF32 : kNanF64, narrow ? 4 : 8);
  }
  op(Op::LocalGet, local);
  op(Op::LocalGet, local);
  if (kind == Kind::V128) {
    op(narrow ? Op::F32x4Eq : Op::F64x2Eq);
    op(Op::V128Bitselect);
    op(Op::LocalTee, local);  // Vectors in locals are always exact.
  } else {
    op(narrow ? Op::F32Eq : Op::F64Eq);
    op(Op::Select);
  }
}

}  // namespace lr::fuzz
