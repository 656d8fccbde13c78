#include "spec-tests/fuzz/op_facts.h"

#include <array>

namespace lr::fuzz {

namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool is_comparison(std::string_view text) {
  for (const std::string_view name : {".eq", ".ne", ".lt", ".gt", ".le", ".ge"}) {
    if (text.ends_with(name)) return true;
  }
  return false;
}

Loose looseness_of(Op op) {
  const OpInfo& row = info(op);
  const std::string_view text = row.text;
  if (row.signature.is_special || row.signature.results_count == 0 || row.access_bytes > 0) {
    return Loose::No;
  }
  const char result = row.signature.results[0];
  if (result != 'f' && result != 'd' && result != 'v') return Loose::No;
  for (const std::string_view exact :
       {"const", "reinterpret", "convert", "splat", "extract_lane", "replace_lane"}) {
    if (contains(text, exact)) return Loose::No;
  }
  if (text.starts_with("f32")) return is_comparison(text) ? Loose::No : Loose::F32;
  if (text.starts_with("f64")) return is_comparison(text) ? Loose::No : Loose::F64;
  return Loose::No;
}

Loose taken_by(Op op) {
  const OpInfo& row = info(op);
  const std::string_view text = row.text;
  if (row.signature.is_special || row.access_bytes > 0 || row.signature.params_count == 0) {
    return Loose::No;
  }
  for (const std::string_view exact :
       {"convert", "reinterpret", "splat", "extract_lane", "replace_lane"}) {
    if (contains(text, exact)) return Loose::No;
  }
  if (contains(text, "promote") || contains(text, "f32x4_") || contains(text, "_f32")) {
    return Loose::F32;
  }
  if (contains(text, "demote") || contains(text, "f64x2_") || contains(text, "_f64")) {
    return Loose::F64;
  }
  if (text.starts_with("f32")) return Loose::F32;
  if (text.starts_with("f64")) return Loose::F64;
  return Loose::No;
}

OpFacts make_facts(Op op) {
  const std::string_view text = info(op).text;
  OpFacts facts;
  facts.result = looseness_of(op);
  facts.takes = taken_by(op);
  facts.last_exact = contains(text, "copysign");
  const bool traps = contains(text, "trunc_f") && !contains(text, "x4") && !contains(text, "x2");
  facts.may_trap = traps || text.ends_with(".div_s") || text.ends_with(".div_u") ||
                   text.ends_with(".rem_s") || text.ends_with(".rem_u");
  return facts;
}

const std::array<OpFacts, kOpCount>& all_facts() {
  static const auto facts = [] {
    std::array<OpFacts, kOpCount> made;
    for (u32 i = 0; i < kOpCount; i++) made[i] = make_facts(static_cast<Op>(i));
    return made;
  }();
  return facts;
}

// What others generate by hand.
bool is_left_out(Op op) {
  const OpInfo& row = info(op);
  if (row.signature.is_special) return true;
  switch (op) {
    case Op::Nop:
    case Op::End:
    case Op::MemorySize:
    case Op::MemoryGrow:
    case Op::MemoryFill:
    case Op::MemoryInit:
    case Op::DataDrop:
    case Op::ElemDrop:
    case Op::MemoryAtomicWait32:
    case Op::MemoryAtomicWait64:
    case Op::AtomicFence:
    case Op::RefI31:
      return true;
    default:
      return false;
  }
}

}  // namespace

const OpFacts& facts_of(Op op) { return all_facts()[static_cast<u32>(op)]; }

OpTables::OpTables(const FeatureSet& features, bool has_relaxed) {
  for (u32 i = 0; i < kOpCount; i++) {
    const Op op = static_cast<Op>(i);
    if (info(op).feature == Feature::RelaxedSimd && !has_relaxed) continue;
    if (features.has(info(op).feature) && !is_left_out(op)) add(op);
  }
}

void OpTables::add(Op op) {
  const OpInfo& row = info(op);
  if (row.immediate == Immediate::I32Const || row.immediate == Immediate::I64Const ||
      row.immediate == Immediate::F32Const || row.immediate == Immediate::F64Const ||
      row.immediate == Immediate::V128Const) {
    return;
  }
  const bool touches_memory = row.access_bytes > 0;
  if (row.signature.results_count == 2) return wide_.push_back(op);
  if (row.signature.results_count == 0) {
    if (touches_memory) stores_.push_back(op);
    return;
  }
  const Kind kind = type_of_letter(row.signature.results[0]).kind;
  if (kind == Kind::Ref) return;
  (touches_memory ? loads_ : operators_)[static_cast<usize>(kind)].push_back(op);
}

}  // namespace lr::fuzz
