#include "frontend/wat_segments.h"

#include "frontend/module.h"
#include "frontend/wat_code.h"
#include "frontend/wat_types.h"

namespace lr {

namespace {

constexpr u8 kFuncRefByte = 0x70;

bool is_funcref(const WatWriter& type) {
  return type.size() == 1 && type.bytes()[0] == kFuncRefByte;
}

u8 byte_of(Op op) { return static_cast<u8>(info(op).code); }

struct ElementList {
  bool is_functions = false;  // Indices, whose type is (ref func); else expressions of `type`.
  WatWriter type;
  WatWriter items;
  u32 count = 0;
};

// Where a segment goes, if anywhere.
struct Placement {
  SegmentMode mode = SegmentMode::Passive;
  u32 index = 0;  // Of the table or memory.
  WatWriter offset;
};

void write_element_segment(const Placement& place, const ElementList& list, WatWriter& out) {
  constexpr u32 kNotActive = 1;
  constexpr u32 kExplicit = 2;  // An index if active, else declarative.
  constexpr u32 kExpressions = 4;
  bool is_active = place.mode == SegmentMode::Active;
  // The short forms know only table 0, function indices and funcref.
  bool is_short = is_active && place.index == 0 && (list.is_functions || is_funcref(list.type));
  bool has_explicit = is_active ? !is_short : place.mode == SegmentMode::Declarative;
  out.unsigned_leb((is_active ? 0 : kNotActive) | (has_explicit ? kExplicit : 0) |
                   (list.is_functions ? 0 : kExpressions));
  if (is_active && !is_short) out.unsigned_leb(place.index);
  out.raw(place.offset.bytes());
  if (!is_short && list.is_functions) out.byte(0);
  if (!is_short && !list.is_functions) out.raw(list.type.bytes());
  out.unsigned_leb(list.count);
  out.raw(list.items.bytes());
}

// (item instruction*) or one folded instruction.
void parse_item(WatContext& context, Word word, WatWriter& out) {
  if (context.in.accept_open(word)) {
    parse_expression(context, out);
    return context.in.close();
  }
  if (!context.in.at(TokenKind::Open)) return context.in.unexpected("an expression");
  static const IndexSpace kNoLocals;
  WatCode(context, kNoLocals, out).parse_folded();
  out.byte(byte_of(Op::End));
}

void parse_items(WatContext& context, ElementList& list) {
  for (; context.in.ok() && !context.in.at(TokenKind::Close); list.count++) {
    if (list.is_functions) {
      list.items.unsigned_leb(context.index(Space::Func));
    } else {
      parse_item(context, Word::Item, list.items);
    }
  }
}

// (table x)? or (memory x)?, of which scripts of old write only the index, and an offset. Nothing
// of that: a passive segment.
Placement parse_placement(WatContext& context, Word word, Space space) {
  Placement place;
  TextCursor& in = context.in;
  bool is_bare = context.at_index() && in.peek(1).kind == TokenKind::Open;
  bool has_index = in.accept_open(word) || is_bare;
  if (has_index) {
    place.index = context.index(space);
    if (!is_bare) in.close();
  }
  if (has_index || (in.at(TokenKind::Open) && !at_ref_type(context))) {
    place.mode = SegmentMode::Active;
    parse_item(context, Word::Offset, place.offset);
  }
  return place;
}

void write_zero(bool is_64, WatWriter& out) {
  out.byte(byte_of(is_64 ? Op::I64Const : Op::I32Const));
  out.byte(0);
  out.byte(byte_of(Op::End));
}

std::string parse_strings(WatContext& context) {
  std::string bytes;
  while (context.in.at(TokenKind::String)) bytes += context.in.string();
  return bytes;
}

void write_data_segment(const Placement& place, std::string_view bytes, WatWriter& out) {
  bool is_active = place.mode == SegmentMode::Active;
  out.unsigned_leb(!is_active ? 1u : place.index == 0 ? 0u : 2u);
  if (is_active && place.index != 0) out.unsigned_leb(place.index);
  out.raw(place.offset.bytes());
  out.sized(bytes);
}

}  // namespace

void parse_expression(WatContext& context, WatWriter& out) {
  static const IndexSpace kNoLocals;
  WatCode(context, kNoLocals, out).parse_sequence();
  out.byte(byte_of(Op::End));
}

void parse_elem_segment(WatContext& context, Section& section) {
  TextCursor& in = context.in;
  Placement place;
  if (in.accept(Word::Declare)) {
    place.mode = SegmentMode::Declarative;
  } else {
    place = parse_placement(context, Word::Table, Space::Table);
  }
  ElementList list;
  bool may_be_bare = place.mode == SegmentMode::Active;
  if (in.accept(Word::Func) || (may_be_bare && (context.at_index() || in.at(TokenKind::Close)))) {
    list.is_functions = true;
  } else {
    parse_ref_type(context, list.type);
  }
  parse_items(context, list);
  write_element_segment(place, list, section.entry());
}

u32 parse_table_elements(WatContext& context, u32 table, bool is_64, const WatWriter& type,
                         Section& section) {
  TextCursor& in = context.in;
  in.expect_open(Word::Elem);
  Placement place{SegmentMode::Active, table, {}};
  write_zero(is_64, place.offset);
  ElementList list{false, type, {}, 0};
  list.is_functions = is_funcref(type) && !in.at(TokenKind::Open);
  if (list.is_functions || in.at(TokenKind::Open)) {
    parse_items(context, list);
  } else {
    // Indices alone would have the type (ref func).
    for (; context.at_index(); list.count++) {
      list.items.byte(byte_of(Op::RefFunc));
      list.items.unsigned_leb(context.index(Space::Func));
      list.items.byte(byte_of(Op::End));
    }
  }
  in.close();
  write_element_segment(place, list, section.entry());
  return list.count;
}

void parse_data_segment(WatContext& context, Section& section) {
  Placement place = parse_placement(context, Word::Memory, Space::Memory);
  write_data_segment(place, parse_strings(context), section.entry());
}

u64 parse_memory_data(WatContext& context, u32 memory, bool is_64, Section& section) {
  context.in.expect_open(Word::Data);
  Placement place{SegmentMode::Active, memory, {}};
  write_zero(is_64, place.offset);
  std::string bytes = parse_strings(context);
  context.in.close();
  write_data_segment(place, bytes, section.entry());
  return bytes.size();
}

}  // namespace lr
