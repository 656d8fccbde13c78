#include "frontend/type_reader.h"

namespace lr {

namespace {

constexpr u8 kRef = 0x64;
constexpr u8 kRefNull = 0x63;
constexpr u8 kExact = 0x62;
constexpr u8 kEmptyBlock = 0x40;

struct AbstractHeap {
  Heap heap = Heap::Bottom;  // Bottom: the byte names none.
  Feature feature{};
};

AbstractHeap abstract_heap(u8 byte) {
  switch (byte) {
    case 0x74:
      return {Heap::NoExn, Feature::Exceptions};
    case 0x73:
      return {Heap::NoFunc, Feature::Gc};
    case 0x72:
      return {Heap::NoExtern, Feature::Gc};
    case 0x71:
      return {Heap::None, Feature::Gc};
    case 0x70:
      return {Heap::Func, Feature::Mvp};
    case 0x6f:
      return {Heap::Extern, Feature::ReferenceTypes};
    case 0x6e:
      return {Heap::Any, Feature::Gc};
    case 0x6d:
      return {Heap::Eq, Feature::Gc};
    case 0x6c:
      return {Heap::I31, Feature::Gc};
    case 0x6b:
      return {Heap::Struct, Feature::Gc};
    case 0x6a:
      return {Heap::Array, Feature::Gc};
    case 0x69:
      return {Heap::Exn, Feature::Exceptions};
    default:
      return {};
  }
}

// A type index, after `exact` if that was there.
ValType read_type_index(Reader& reader, Err wrong, bool exact) {
  u32 at = reader.offset();
  i64 index = reader.leb_s33();
  if (index < 0) reader.fail(wrong, at);
  ValType type = ref_to(static_cast<TypeId>(index), false);
  type.exact = exact;
  return type;
}

}  // namespace

ValType read_heap_type(Reader& reader, const FeatureSet& features, Err wrong) {
  u32 at = reader.offset();
  u8 first = reader.peek();
  if (first == kExact) {
    reader.byte();
    need(reader, features, Feature::CustomDescriptors, at);
    return read_type_index(reader, wrong, true);
  }
  AbstractHeap abstract = abstract_heap(first);
  if (abstract.heap != Heap::Bottom) {
    reader.byte();
    need(reader, features, abstract.feature, at);
    return ref_to(abstract.heap, false);
  }
  ValType type = read_type_index(reader, wrong, false);
  if (reader.ok()) need(reader, features, Feature::FunctionReferences, at);
  return type;
}

ValType read_ref_type(Reader& reader, const FeatureSet& features, Err wrong) {
  u32 at = reader.offset();
  u8 first = reader.byte();
  if (!reader.ok()) return kBottom;
  if (first == kRef || first == kRefNull) {
    ValType type = read_heap_type(reader, features, wrong);
    if (reader.ok()) need(reader, features, Feature::FunctionReferences, at);
    type.nullable = first == kRefNull;
    return type;
  }
  AbstractHeap abstract = abstract_heap(first);
  if (abstract.heap == Heap::Bottom) {
    reader.fail(wrong, at);
    return kBottom;
  }
  need(reader, features, abstract.feature, at);
  return ref_to(abstract.heap, true);
}

ValType read_val_type(Reader& reader, const FeatureSet& features, Err wrong) {
  u32 at = reader.offset();
  switch (reader.peek()) {
    case 0x7f:
      reader.byte();
      return kI32;
    case 0x7e:
      reader.byte();
      return kI64;
    case 0x7d:
      reader.byte();
      return kF32;
    case 0x7c:
      reader.byte();
      return kF64;
    case 0x7b:
      reader.byte();
      need(reader, features, Feature::Simd, at);
      return kV128;
    case 0x70:
      // funcref as the type of a value, not of a table.
      need(reader, features, Feature::ReferenceTypes, at);
      return read_ref_type(reader, features, wrong);
    default:
      return read_ref_type(reader, features, wrong);
  }
}

ValType resolve(Reader& reader, std::span<const TypeId> types, ValType raw, u64 offset) {
  if (raw.heap != Heap::Defined || !reader.ok()) return raw;
  if (raw.type >= types.size()) {
    reader.fail(Err::UnknownType, offset, std::to_string(raw.type));
    return kBottom;
  }
  raw.type = types[raw.type];
  return raw;
}

BlockType read_block_type(Reader& reader, const FeatureSet& features) {
  u32 at = reader.offset();
  u8 first = reader.peek();
  if (first == kEmptyBlock) {
    reader.byte();
    return {};
  }
  // One byte with the sign bit set is a type, anything else an index.
  if ((first & 0xc0) == 0x40) {
    return {BlockType::Form::Value, read_val_type(reader, features, Err::BadBlockType), 0};
  }
  i64 index = reader.leb_s33();
  if (index < 0) {
    reader.fail(Err::BadBlockType, at);
  } else if (reader.ok()) {
    need(reader, features, Feature::MultiValue, at);
  }
  return {BlockType::Form::Index, kBottom, static_cast<u32>(index)};
}

}  // namespace lr
