#include "frontend/wat_types.h"

#include <fmt/format.h>

#include <bit>

#include "frontend/reader.h"

namespace lr {

namespace {

struct NamedByte {
  Word word;
  u8 byte;
};

constexpr NamedByte kNumberTypes[] = {
    {Word::I32, 0x7f}, {Word::I64, 0x7e}, {Word::F32, 0x7d}, {Word::F64, 0x7c}, {Word::V128, 0x7b}};

constexpr NamedByte kPackedTypes[] = {{Word::I8, 0x78}, {Word::I16, 0x77}};

constexpr NamedByte kHeapTypes[] = {
    {Word::NoExn, 0x74}, {Word::NoFunc, 0x73}, {Word::NoExtern, 0x72}, {Word::None, 0x71},
    {Word::Func, 0x70},  {Word::Extern, 0x6f}, {Word::Any, 0x6e},      {Word::Eq, 0x6d},
    {Word::I31, 0x6c},   {Word::Struct, 0x6b}, {Word::Array, 0x6a},    {Word::Exn, 0x69}};

// Short for (ref null ...) of the heap type with the same byte.
constexpr NamedByte kShortRefTypes[] = {
    {Word::NullExnRef, 0x74}, {Word::NullFuncRef, 0x73}, {Word::NullExternRef, 0x72},
    {Word::NullRef, 0x71},    {Word::FuncRef, 0x70},     {Word::ExternRef, 0x6f},
    {Word::AnyRef, 0x6e},     {Word::EqRef, 0x6d},       {Word::I31Ref, 0x6c},
    {Word::StructRef, 0x6b},  {Word::ArrayRef, 0x6a},    {Word::ExnRef, 0x69}};

constexpr u8 kExact = 0x62;
constexpr u8 kRefNull = 0x63;
constexpr u8 kRef = 0x64;

template <usize N>
u8 find_byte(const TextCursor& in, const NamedByte (&rows)[N]) {
  for (const NamedByte& row : rows) {
    if (in.at(row.word)) return row.byte;
  }
  return 0;
}

template <usize N>
bool accept_byte(TextCursor& in, const NamedByte (&rows)[N], WatWriter& out) {
  u8 byte = find_byte(in, rows);
  if (byte == 0) return false;
  in.next();
  out.byte(byte);
  return true;
}

std::string_view as_text(const std::vector<u8>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void append_vector(std::string& out, u32 count, const WatWriter& types) {
  WatWriter head;
  head.unsigned_leb(count);
  out += as_text(head.bytes());
  out += as_text(types.bytes());
}

// One (param ...) or (result ...) behind its word; returns the number of types.
u32 parse_value_types(WatContext& context, WatWriter& out) {
  u32 count = 0;
  while (context.in.ok() && !context.in.at(TokenKind::Close)) {
    parse_value_type(context, out);
    count++;
  }
  context.in.close();
  return count;
}

u32 parse_param_group(WatContext& context, ParamNames names, IndexSpace* params, WatWriter& out) {
  TextCursor& in = context.in;
  bool has_id = params != nullptr ? context.at_binder() : in.at(TokenKind::Id);
  if (!has_id || names == ParamNames::Refuse) {
    u32 count = parse_value_types(context, out);
    if (params != nullptr) params->add(count);
    return count;
  }
  if (params != nullptr) {
    params->add();
    context.bind_id(*params, "local");
  } else {
    in.accept_id();
  }
  parse_value_type(context, out);
  in.close();
  return 1;
}

void parse_struct_fields(WatContext& context, u32 type, WatWriter& out) {
  TextCursor& in = context.in;
  WatWriter fields;
  IndexSpace names;
  while (in.accept_open(Word::Field)) {
    if (context.at_binder()) {
      names.add();
      context.bind_id(names, "field");
      parse_field_type(context, fields);
    } else {
      while (in.ok() && !in.at(TokenKind::Close)) {
        names.add();
        parse_field_type(context, fields);
      }
    }
    in.close();
  }
  out.unsigned_leb(names.size());
  out.raw(fields.bytes());
  if (names.has_names()) context.fields.emplace(type, std::move(names));
}

// (describes x)? (descriptor x)? and a composite type, which is the last thing in its parentheses.
void parse_composite(WatContext& context, u32 type, bool is_plain, WatWriter& out) {
  TextCursor& in = context.in;
  for (auto [word, byte] : {NamedByte{Word::Describes, 0x4c}, NamedByte{Word::Descriptor, 0x4d}}) {
    if (!in.accept_open(word)) continue;
    out.byte(byte);
    out.unsigned_leb(context.index(Space::Type));
    in.close();
    is_plain = false;
  }
  TextType& info = context.types[type];
  if (in.accept_open(Word::Func)) {
    TextSignature signature = parse_signature(context, ParamNames::Ignore);
    out.byte(0x60);
    out.raw(as_bytes(signature.bytes));
    info.params = signature.params;
    if (is_plain) context.plain_signatures.emplace(signature.bytes, type);
    info.signature = std::move(signature.bytes);
  } else if (in.accept_open(Word::Struct)) {
    out.byte(0x5f);
    parse_struct_fields(context, type, out);
  } else if (in.accept_open(Word::Array)) {
    out.byte(0x5e);
    parse_field_type(context, out);
  } else {
    in.accept(TokenKind::Open);
    in.unexpected("a function, structure or array type");
  }
  in.close();
}

// (type id? subtype)
void parse_type_definition(WatContext& context, u32 type, bool is_alone, WatWriter& out) {
  TextCursor& in = context.in;
  in.expect_open(Word::Type);
  in.accept_id();
  if (in.accept_open(Word::Sub)) {
    bool is_final = in.accept(Word::Final);
    WatWriter supertypes;
    u32 count = 0;
    for (; context.at_index(); count++) supertypes.unsigned_leb(context.index(Space::Type));
    if (!is_final || count > 0) {
      out.byte(is_final ? 0x4f : 0x50);
      out.unsigned_leb(count);
      out.raw(supertypes.bytes());
    }
    parse_composite(context, type, is_alone && is_final && count == 0, out);
    in.close();
  } else {
    parse_composite(context, type, is_alone, out);
  }
  in.close();
}

}  // namespace

void parse_heap_type(WatContext& context, WatWriter& out) {
  TextCursor& in = context.in;
  if (accept_byte(in, kHeapTypes, out)) return;
  bool is_exact = in.accept_open(Word::Exact);
  if (!context.at_index()) return in.unexpected(is_exact ? "an index of a type" : "a heap type");
  if (is_exact) out.byte(kExact);
  out.signed_leb(context.index(Space::Type));
  if (is_exact) in.close();
}

bool at_ref_type(const WatContext& context) {
  return find_byte(context.in, kShortRefTypes) != 0 || context.in.at_open(Word::Ref);
}

bool parse_ref_type_parts(WatContext& context, WatWriter& heap) {
  TextCursor& in = context.in;
  if (accept_byte(in, kShortRefTypes, heap)) return true;
  if (!in.accept_open(Word::Ref)) {
    in.accept(TokenKind::Open);
    in.unexpected("a reference type");
    return false;
  }
  bool is_nullable = in.accept(Word::Null);
  parse_heap_type(context, heap);
  in.close();
  return is_nullable;
}

void parse_ref_type(WatContext& context, WatWriter& out) {
  WatWriter heap;
  bool is_nullable = parse_ref_type_parts(context, heap);
  bool is_abstract = heap.size() == 1 && (heap.bytes()[0] & 0xc0) == 0x40;
  // The short form wherever there is one, so that equal types have equal bytes.
  if (!is_nullable || !is_abstract) out.byte(is_nullable ? kRefNull : kRef);
  out.raw(heap.bytes());
}

void parse_value_type(WatContext& context, WatWriter& out) {
  if (accept_byte(context.in, kNumberTypes, out)) return;
  if (at_ref_type(context)) return parse_ref_type(context, out);
  context.in.accept(TokenKind::Open);
  context.in.unexpected("a value type");
}

void parse_field_type(WatContext& context, WatWriter& out) {
  TextCursor& in = context.in;
  bool is_mutable = in.accept_open(Word::Mut);
  if (!accept_byte(in, kPackedTypes, out)) parse_value_type(context, out);
  if (is_mutable) in.close();
  out.byte(is_mutable);
}

void parse_global_type(WatContext& context, WatWriter& out) {
  bool is_mutable = context.in.accept_open(Word::Mut);
  parse_value_type(context, out);
  if (is_mutable) context.in.close();
  out.byte(is_mutable);
}

void TextLimits::write(WatWriter& out) const {
  out.byte(static_cast<u8>(max.has_value() | is_shared << 1 | is_64 << 2 |
                           page_size_log2.has_value() << 3));
  out.unsigned_leb(min);
  if (max) out.unsigned_leb(*max);
  if (page_size_log2) out.unsigned_leb(*page_size_log2);
}

void parse_address_type(WatContext& context, TextLimits& limits) {
  if (!context.in.accept(Word::I32)) limits.is_64 = context.in.accept(Word::I64);
}

void parse_limits(WatContext& context, TextLimits& limits) {
  const auto number = [&]() -> u64 {
    return context.narrow_limits ? context.in.nat32() : context.in.nat64();
  };
  limits.min = number();
  if (context.in.at(TokenKind::Nat)) limits.max = number();
}

void parse_page_size(WatContext& context, TextLimits& limits) {
  TextCursor& in = context.in;
  if (!in.accept_open(Word::PageSize)) return;
  Token token = in.peek();
  u64 size = in.nat64();
  if (!std::has_single_bit(size)) {
    in.fail_at(token, Err::BadPageSizeBits, "must be a power of two");
  } else {
    limits.page_size_log2 = static_cast<u32>(std::countr_zero(size));
  }
  in.close();
}

TextSignature parse_signature(WatContext& context, ParamNames names, IndexSpace* params) {
  TextCursor& in = context.in;
  TextSignature signature;
  WatWriter param_types;
  WatWriter result_types;
  while (in.accept_open(Word::Param)) {
    signature.params += parse_param_group(context, names, params, param_types);
  }
  while (in.accept_open(Word::Result)) {
    signature.results += parse_value_types(context, result_types);
  }
  if (in.at_open(Word::Param) || in.at_open(Word::Type)) {
    in.next();
    in.unexpected("(type, (param and (result in this order");
  }
  append_vector(signature.bytes, signature.params, param_types);
  append_vector(signature.bytes, signature.results, result_types);
  return signature;
}

u32 type_of_signature(WatContext& context, const TextSignature& signature) {
  auto next = static_cast<u32>(context.types.size());
  auto [found, is_new] = context.plain_signatures.emplace(signature.bytes, next);
  if (is_new) {
    context.types.push_back({signature.bytes, signature.params});
    context.implicit_types.byte(0x60);
    context.implicit_types.raw(as_bytes(signature.bytes));
  }
  return found->second;
}

TypeUse parse_type_use(WatContext& context, ParamNames names, IndexSpace* params) {
  TextCursor& in = context.in;
  TypeUse use;
  Token token = in.peek();
  use.has_index = in.accept_open(Word::Type);
  if (use.has_index) {
    token = in.peek();
    use.type = context.index(Space::Type);
    in.close();
    use.is_known = use.type < context.types.size();
  }
  use.signature = parse_signature(context, names, params);
  if (!use.has_index) {
    use.type = type_of_signature(context, use.signature);
    return use;
  }
  if (use.signature.empty()) {
    if (params != nullptr && use.is_known) params->add(context.types[use.type].params);
    return use;
  }
  if (!use.is_known) {
    in.fail_at(token, Err::UnknownIdentifier, fmt::format("type {}", use.type));
  } else if (context.types[use.type].signature != use.signature.bytes) {
    in.fail_at(token, Err::InlineFunctionType, "is not that of the type");
  }
  return use;
}

void parse_type_field(WatContext& context, u32 first, WatWriter& out) {
  TextCursor& in = context.in;
  if (!in.accept_open(Word::Rec)) return parse_type_definition(context, first, true, out);
  WatWriter group;
  u32 count = 0;
  bool is_alone =
      in.at(TokenKind::Open) && in.token(u64{in.peek().extent} + 1).kind == TokenKind::Close;
  for (; in.at(TokenKind::Open); count++) {
    parse_type_definition(context, first + count, is_alone, group);
  }
  in.close();
  out.byte(0x4e);
  out.unsigned_leb(count);
  out.raw(group.bytes());
}

}  // namespace lr
