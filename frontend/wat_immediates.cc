// The immediates of instructions: what stands behind the word, to what stands behind the opcode.
#include <fmt/format.h>

#include <bit>
#include <limits>

#include "frontend/text_number.h"
#include "frontend/wat_code.h"
#include "frontend/wat_types.h"

namespace lr {

void WatCode::plain_instruction(Op op, WatWriter& to) {
  // Three texts stand for two instructions each; what follows says which is meant.
  if (op == Op::Select && in_.at_open(Word::Result)) op = Op::SelectT;
  if (op == Op::RefTest || op == Op::RefCast || op == Op::RefCastDescEq) {
    WatWriter heap;
    if (parse_ref_type_parts(context_, heap)) {
      op = op == Op::RefTest   ? Op::RefTestNull
           : op == Op::RefCast ? Op::RefCastNull
                               : Op::RefCastDescEqNull;
    }
    emit(op, to);
    return to.raw(heap.bytes());
  }
  emit(op, to);
  immediates(op, to);
}

void WatCode::immediates(Op op, WatWriter& to) {
  Immediate kind = info(op).immediate;
  switch (kind) {
    case Immediate::None:
      return;
    case Immediate::Label:
      return label(to);
    case Immediate::BrTable:
      return labels(to);
    case Immediate::FuncIndex:
      return index(Space::Func, to);
    case Immediate::TypeIndex:
      return index(Space::Type, to);
    case Immediate::CallIndirect:
      return call_indirect(to);
    case Immediate::TagIndex:
      return index(Space::Tag, to);
    case Immediate::LocalIndex:
      return to.unsigned_leb(context_.index(locals_, "local"));
    case Immediate::GlobalIndex:
      return index(Space::Global, to);
    case Immediate::TableIndex:
      return optional_index(Space::Table, to);
    case Immediate::MemoryIndex:
    case Immediate::DataIndex:
    case Immediate::ElemIndex:
    case Immediate::MemArg:
    case Immediate::MemArgAtomic:
    case Immediate::MemArgLane:
    case Immediate::MemoryCopy:
    case Immediate::MemoryInit:
    case Immediate::TableCopy:
    case Immediate::TableInit:
      return memory_immediates(op, to);
    case Immediate::I32Const:
    case Immediate::I64Const:
    case Immediate::F32Const:
    case Immediate::F64Const:
    case Immediate::V128Const:
      return constant(kind, to);
    case Immediate::Shuffle:
      return shuffle_lanes(to);
    case Immediate::Lane2:
    case Immediate::Lane4:
    case Immediate::Lane8:
    case Immediate::Lane16:
      return lane(to);
    case Immediate::SelectTypes:
    case Immediate::HeapType:
    case Immediate::Field:
    case Immediate::ArrayFixed:
    case Immediate::ArrayData:
    case Immediate::ArrayElem:
    case Immediate::ArrayCopy:
    case Immediate::BrOnCast:
      return type_immediates(op, to);
    case Immediate::AtomicFence:
      return to.byte(0);
    case Immediate::BlockType:
    case Immediate::TryTable:
      CHECK(false);  // Blocks have a syntax of their own.
  }
}

void WatCode::memory_immediates(Op op, WatWriter& to) {
  Immediate kind = info(op).immediate;
  switch (kind) {
    case Immediate::MemoryIndex:
      return optional_index(Space::Memory, to);
    case Immediate::DataIndex:
      context_.uses_data = true;
      return index(Space::Data, to);
    case Immediate::ElemIndex:
      return index(Space::Elem, to);
    case Immediate::MemArg:
    case Immediate::MemArgAtomic:
    case Immediate::MemArgLane:
      return memarg(info(op), kind == Immediate::MemArgLane, to);
    case Immediate::MemoryCopy:
      return index_pair(Space::Memory, to);
    case Immediate::MemoryInit:
      context_.uses_data = true;
      return optional_index_then(Space::Memory, Space::Data, to);
    case Immediate::TableCopy:
      return index_pair(Space::Table, to);
    case Immediate::TableInit:
      return optional_index_then(Space::Table, Space::Elem, to);
    default:
      CHECK(false);
  }
}

void WatCode::type_immediates(Op op, WatWriter& to) {
  switch (info(op).immediate) {
    case Immediate::SelectTypes: {
      // The signature's bytes are an empty vector of parameters and the vector of results.
      TextSignature signature = parse_signature(context_, ParamNames::Refuse);
      for (usize i = 1; i < signature.bytes.size(); i++) {
        to.byte(static_cast<u8>(signature.bytes[i]));
      }
      return;
    }
    case Immediate::HeapType:
      return parse_heap_type(context_, to);
    case Immediate::Field:
      return field(to);
    case Immediate::ArrayFixed:
      index(Space::Type, to);
      return to.unsigned_leb(in_.nat32());
    case Immediate::ArrayData:
      context_.uses_data = true;
      index(Space::Type, to);
      return index(Space::Data, to);
    case Immediate::ArrayElem:
      index(Space::Type, to);
      return index(Space::Elem, to);
    case Immediate::ArrayCopy:
      index(Space::Type, to);
      return index(Space::Type, to);
    case Immediate::BrOnCast:
      return br_on_cast(to);
    default:
      CHECK(false);
  }
}

void WatCode::constant(Immediate kind, WatWriter& to) {
  switch (kind) {
    case Immediate::I32Const:
      return to.signed_leb(static_cast<i32>(in_.number(Word::I32)));
    case Immediate::I64Const:
      return to.signed_leb(static_cast<i64>(in_.number(Word::I64)));
    case Immediate::F32Const:
      return number(Word::F32, to);
    case Immediate::F64Const:
      return number(Word::F64, to);
    default:
      return vector_constant(to);
  }
}

// One number in as many bytes as its type has.
void WatCode::number(Word type, WatWriter& to) {
  u64 bits = in_.number(type);
  to.fixed(bits, number_bits(type) / 8);
}

void WatCode::vector_constant(WatWriter& to) {
  const LaneShape* shape = in_.accept_lane_shape();
  for (u32 i = 0; shape != nullptr && i < shape->count; i++) number(shape->lane, to);
}

void WatCode::lane(WatWriter& to) {
  if (!in_.at(TokenKind::Nat)) return in_.unexpected("a lane");
  std::optional<u64> value = parse_nat(in_.text_of(in_.peek()), std::numeric_limits<u8>::max());
  if (!value) in_.fail(Err::I8ConstantOutOfRange, std::string(in_.text_of(in_.peek())));
  in_.next();
  to.byte(static_cast<u8>(value.value_or(0)));
}

void WatCode::shuffle_lanes(WatWriter& to) {
  constexpr u32 kLanes = 16;
  u32 count = 0;
  while (count <= kLanes && is_number(in_.peek(count).kind)) count++;
  TokenKind behind = in_.peek(count).kind;
  bool ends = behind == TokenKind::Open || behind == TokenKind::Close;
  if (count > kLanes || (count < kLanes && ends)) {
    return in_.fail(Err::InvalidLaneLength, "expected 16 lanes");
  }
  for (u32 i = 0; i < kLanes && in_.ok(); i++) {
    bool is_wrong = in_.at(TokenKind::Int) || in_.at(TokenKind::Float);
    if (is_wrong) in_.fail(Err::I8ConstantOutOfRange, std::string(in_.text_of(in_.peek())));
    lane(to);
  }
}

// (type x)? (param t*)* (result t*)* in the short form where there is one.
void WatCode::block_type(WatWriter& to) {
  constexpr u8 kEmptyBlock = 0x40;
  if (in_.at_open(Word::Type)) {
    return to.signed_leb(parse_type_use(context_, ParamNames::Refuse).type);
  }
  TextSignature signature = parse_signature(context_, ParamNames::Refuse);
  if (signature.empty()) return to.byte(kEmptyBlock);
  if (signature.params == 0 && signature.results == 1) {
    // Behind the empty vector of parameters and the number of results.
    for (usize i = 2; i < signature.bytes.size(); i++) to.byte(static_cast<u8>(signature.bytes[i]));
    return;
  }
  to.signed_leb(type_of_signature(context_, signature));
}

void WatCode::catch_clauses(WatWriter& to) {
  struct Clause {
    Word word;
    u8 byte;
    bool has_tag;
  };
  constexpr Clause kClauses[] = {{Word::Catch, 0, true},
                                 {Word::CatchRef, 1, true},
                                 {Word::CatchAll, 2, false},
                                 {Word::CatchAllRef, 3, false}};
  WatWriter clauses;
  u32 count = 0;
  while (true) {
    const Clause* clause = nullptr;
    for (const Clause& row : kClauses) {
      if (in_.accept_open(row.word)) clause = &row;
      if (clause != nullptr) break;
    }
    if (clause == nullptr) break;
    clauses.byte(clause->byte);
    if (clause->has_tag) index(Space::Tag, clauses);
    label(clauses);
    in_.close();
    count++;
  }
  to.unsigned_leb(count);
  to.raw(clauses.bytes());
}

void WatCode::label(WatWriter& to) {
  if (!in_.at(TokenKind::Id)) {
    if (!in_.at(TokenKind::Nat)) return in_.unexpected("a label");
    return to.unsigned_leb(in_.nat32());
  }
  Token token = in_.next();
  auto found = label_ids_.find(in_.decode_id(token));
  if (found == label_ids_.end()) {
    return in_.fail_at(token, Err::UnknownIdentifier, fmt::format("label {}", in_.text_of(token)));
  }
  to.unsigned_leb(labels_.size() - 1 - found->second);
}

void WatCode::labels(WatWriter& to) {
  WatWriter all;
  u32 count = 0;
  do {
    label(all);
    count++;
  } while (context_.at_index());
  to.unsigned_leb(count - 1);  // The last one is the default.
  to.raw(all.bytes());
}

void WatCode::optional_index(Space space, WatWriter& to) {
  to.unsigned_leb(context_.at_index() ? context_.index(space) : 0);
}

// In the text the optional index comes first, in the bytes it comes last.
void WatCode::optional_index_then(Space first, Space second, WatWriter& to) {
  TokenKind behind = in_.peek(1).kind;
  bool has_first = behind == TokenKind::Nat || behind == TokenKind::Id;
  u32 first_index = has_first ? context_.index(first) : 0;
  index(second, to);
  to.unsigned_leb(first_index);
}

void WatCode::index_pair(Space space, WatWriter& to) {
  bool is_explicit = context_.at_index();
  for (u32 i = 0; i < 2; i++) to.unsigned_leb(is_explicit ? context_.index(space) : 0);
}

void WatCode::call_indirect(WatWriter& to) {
  u32 table = context_.at_index() ? context_.index(Space::Table) : 0;
  to.unsigned_leb(parse_type_use(context_, ParamNames::Refuse).type);
  to.unsigned_leb(table);
}

void WatCode::field(WatWriter& to) {
  u32 type = context_.index(Space::Type);
  auto named = context_.fields.find(type);
  static const IndexSpace kNoFields;
  const IndexSpace& fields = named == context_.fields.end() ? kNoFields : named->second;
  to.unsigned_leb(type);
  to.unsigned_leb(context_.index(fields, "field"));
}

void WatCode::memarg(const OpInfo& info, bool has_lane, WatWriter& to) {
  constexpr u32 kHasMemory = 0x40;
  // A number may be the memory or, alone, the lane.
  const Token& behind = in_.peek(1);
  bool is_lane = has_lane && in_.at(TokenKind::Nat) && behind.kind != TokenKind::Nat &&
                 behind.word != Word::OffsetIs && behind.word != Word::AlignIs;
  u32 memory = context_.at_index() && !is_lane ? context_.index(Space::Memory) : 0;
  constexpr u64 kMax = std::numeric_limits<u64>::max();
  u64 offset = 0;
  if (in_.at(Word::OffsetIs)) {
    std::string_view text = in_.text_of(in_.peek()).substr(text_of(Word::OffsetIs).size());
    std::optional<u64> value = parse_nat(text, kMax);
    if (!value) in_.fail(Err::I64ConstantOutOfRange, std::string(text));
    offset = value.value_or(0);
    in_.next();
  }
  u64 align = info.access_bytes;
  if (in_.at(Word::AlignIs)) {
    std::string_view text = in_.text_of(in_.peek()).substr(text_of(Word::AlignIs).size());
    align = parse_nat(text, kMax).value_or(0);
    if (!std::has_single_bit(align)) in_.fail(Err::AlignmentNotPowerOfTwo, std::string(info.text));
    in_.next();
  }
  if (!std::has_single_bit(align)) return;
  to.unsigned_leb(static_cast<u32>(std::countr_zero(align)) | (memory != 0 ? kHasMemory : 0));
  if (memory != 0) to.unsigned_leb(memory);
  to.unsigned_leb(offset);
  if (has_lane) lane(to);
}

void WatCode::br_on_cast(WatWriter& to) {
  WatWriter target;
  label(target);
  WatWriter source_heap;
  bool is_source_nullable = parse_ref_type_parts(context_, source_heap);
  WatWriter target_heap;
  bool is_target_nullable = parse_ref_type_parts(context_, target_heap);
  to.byte(static_cast<u8>(is_source_nullable | is_target_nullable << 1));
  to.raw(target.bytes());
  to.raw(source_heap.bytes());
  to.raw(target_heap.bytes());
}

}  // namespace lr
