#include "jit/gc/helpers.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "frontend/type_registry.h"
#include "jit/entry.h"
#include "jit/instance.h"

namespace lr::jit::gc {

namespace {

// A collection gives the worker back after so long.
constexpr u64 kSliceNs = 50'000;
// So do operations on long arrays, after a piece that takes some 10 us, or 70 where every page is
// touched for the first time. What is left to do is in the arguments: the helper is called again.
constexpr u64 kPieceBytes = 128 * kKiB;
constexpr u64 kMadeElements = 256;  // Functions that may have no reference yet.

HostStatus trap(Context* context, Trap why) {
  context->run->trap_code = static_cast<u32>(why);
  return HostStatus::Trap;
}

// Done: the object. Again: a collection is under way. Trap: no memory.
HostStatus allocate(Context* context, u64 bytes, Object** object) {
  Heap* const heap = context->instance->store().heap();
  if (heap == nullptr) return trap(context, Trap::OutOfMemory);
  for (;;) {
    switch (heap->allocate(bytes, object)) {
      case Heap::Grant::Done:
        return HostStatus::Done;
      case Heap::Grant::Refused:
        return trap(context, Trap::OutOfMemory);
      case Heap::Grant::Collect:
        if (!heap->collect(kSliceNs)) return HostStatus::Again;
    }
  }
}

const TypeRow& row_of(const Object& object) { return TypeTable::get()->row(object.type); }

// True if [offset, offset + length) does not lie in [0, size).
bool outside(u64 offset, u64 length, u64 size) { return length > size || offset > size - length; }

// `value`: the bits, in the low bytes.
void fill_elements(Object& array, u64 offset, u64 length, const u64* value) {
  const u32 log2 = row_of(array).element_log2;
  u8* const to = array.elements() + (offset << log2);
  switch (log2) {
    case 0:
      std::memset(to, static_cast<u8>(*value), length);
      return;
    case 1:
      std::fill_n(reinterpret_cast<u16*>(to), length, static_cast<u16>(*value));
      return;
    case 2:
      std::fill_n(reinterpret_cast<u32*>(to), length, static_cast<u32>(*value));
      return;
    case 3:
      std::fill_n(reinterpret_cast<u64*>(to), length, *value);
      return;
    default:
      for (u64 i = 0; i < length; i++) std::memcpy(to + 16 * i, value, 16);
  }
}

HostStatus new_array(Context* context, u32 type, u64 length, Object** array) {
  const TypeRow& row = TypeTable::get()->row(type);
  const HostStatus status = allocate(context, array_bytes(length, row.element_log2), array);
  if (status != HostStatus::Done) return status;
  (*array)->type = type;
  (*array)->length = static_cast<u32>(length);
  return HostStatus::Done;
}

// The array that the call makes: in place of its type word once it is there.
HostStatus begin_array(Context* context, u64& type_or_array, u64 length, Object** array) {
  if (type_or_array > ~u32{0}) {
    *array = object_of(type_or_array);
    return HostStatus::Done;
  }
  const HostStatus status = new_array(context, static_cast<u32>(type_or_array), length, array);
  if (status == HostStatus::Done) type_or_array = ref_of(*array);
  return status;
}

// `left` elements are to be made yet, the last ones.
HostStatus new_filled(Context* context, u64* args, u32 words) {
  u64& left = args[words];
  Object* array = nullptr;
  const HostStatus status = begin_array(context, args[words + 1], left, &array);
  if (status != HostStatus::Done) return status;
  const u64 piece = std::min(left, kPieceBytes >> row_of(*array).element_log2);
  fill_elements(*array, array->length - left, piece, args);
  left -= piece;
  if (left != 0) return HostStatus::Again;
  args[0] = ref_of(array);
  return HostStatus::Done;
}

HostStatus fill(Context* context, u64* args, u32 words) {
  if (args[0] == 0) return trap(context, Trap::NullArray);
  Object& array = *object_of(args[0]);
  u64& length = args[2 + words];
  if (outside(args[1], length, array.length)) return trap(context, Trap::ArrayOutOfBounds);
  const u64 piece = std::min(length, kPieceBytes >> row_of(array).element_log2);
  fill_elements(array, args[1], piece, args + 2);
  args[1] += piece;
  length -= piece;
  return length == 0 ? HostStatus::Done : HostStatus::Again;
}

// Copies a piece of a segment's elements, or bytes, to the array; true when nothing is left.
bool copy_data(Object& array, u64 offset, std::span<const u8> data, u64& from, u64& length) {
  const u32 log2 = row_of(array).element_log2;
  const u64 piece = std::min(length, kPieceBytes >> log2);
  if (piece != 0) {
    std::memcpy(array.elements() + (offset << log2), data.data() + from, piece << log2);
  }
  from += piece << log2;
  length -= piece;
  return length == 0;
}

bool copy_elements(Instance& instance, Object& array, u64 offset, u32 segment, u64& from,
                   u64& length) {
  auto* to = reinterpret_cast<u64*>(array.elements()) + offset;
  const u64 piece = std::min(length, kMadeElements);
  for (u64 i = 0; i < piece; i++) {
    to[i] = instance.element(segment, static_cast<u32>(from + i));
  }
  from += piece;
  length -= piece;
  return length == 0;
}

}  // namespace

namespace helpers {

HostStatus array_new(Context* context, const HostFunction*, u64* args) {
  return new_filled(context, args, 1);
}
HostStatus array_new_v128(Context* context, const HostFunction*, u64* args) {
  return new_filled(context, args, 2);
}

HostStatus array_new_data(Context* context, const HostFunction*, u64* args) {
  u64& from = args[0];
  u64& length = args[1];
  const std::span<const u8> data = context->instance->data_segment(static_cast<u32>(args[3]));
  Object* array = nullptr;
  if (args[2] <= ~u32{0}) {
    const u64 bytes = length << TypeTable::get()->row(static_cast<u32>(args[2])).element_log2;
    if (outside(from, bytes, data.size())) return trap(context, Trap::MemoryOutOfBounds);
  }
  const HostStatus status = begin_array(context, args[2], length, &array);
  if (status != HostStatus::Done) return status;
  if (!copy_data(*array, array->length - length, data, from, length)) return HostStatus::Again;
  args[0] = ref_of(array);
  return HostStatus::Done;
}

HostStatus array_new_elem(Context* context, const HostFunction*, u64* args) {
  u64& from = args[0];
  u64& length = args[1];
  const auto segment = static_cast<u32>(args[3]);
  Instance& instance = *context->instance;
  if (outside(from, length, instance.element_count(segment))) {
    return trap(context, Trap::TableOutOfBounds);
  }
  Object* array = nullptr;
  const HostStatus status = begin_array(context, args[2], length, &array);
  if (status != HostStatus::Done) return status;
  const u64 offset = array->length - length;
  if (!copy_elements(instance, *array, offset, segment, from, length)) return HostStatus::Again;
  args[0] = ref_of(array);
  return HostStatus::Done;
}

HostStatus array_fill(Context* context, const HostFunction*, u64* args) {
  return fill(context, args, 1);
}
HostStatus array_fill_v128(Context* context, const HostFunction*, u64* args) {
  return fill(context, args, 2);
}

// Within one array, from the end that is not overwritten.
HostStatus array_copy(Context* context, const HostFunction*, u64* args) {
  if (args[0] == 0 || args[2] == 0) return trap(context, Trap::NullArray);
  Object& to = *object_of(args[0]);
  Object& from = *object_of(args[2]);
  u64& length = args[4];
  if (outside(args[1], length, to.length) || outside(args[3], length, from.length)) {
    return trap(context, Trap::ArrayOutOfBounds);
  }
  const u32 log2 = row_of(to).element_log2;
  const u64 piece = std::min(length, kPieceBytes >> log2);
  length -= piece;
  const bool backwards = &to == &from && args[1] > args[3];
  const u64 skipped = backwards ? length : 0;
  std::memmove(to.elements() + ((args[1] + skipped) << log2),
               from.elements() + ((args[3] + skipped) << log2), piece << log2);
  if (!backwards) {
    args[1] += piece;
    args[3] += piece;
  }
  return length == 0 ? HostStatus::Done : HostStatus::Again;
}

HostStatus array_init_data(Context* context, const HostFunction*, u64* args) {
  if (args[0] == 0) return trap(context, Trap::NullArray);
  Object& array = *object_of(args[0]);
  u64& length = args[3];
  const std::span<const u8> data = context->instance->data_segment(static_cast<u32>(args[4]));
  if (outside(args[1], length, array.length)) return trap(context, Trap::ArrayOutOfBounds);
  if (outside(args[2], length << row_of(array).element_log2, data.size())) {
    return trap(context, Trap::MemoryOutOfBounds);
  }
  const u64 before = length;
  const bool done = copy_data(array, args[1], data, args[2], length);
  args[1] += before - length;
  return done ? HostStatus::Done : HostStatus::Again;
}

HostStatus array_init_elem(Context* context, const HostFunction*, u64* args) {
  if (args[0] == 0) return trap(context, Trap::NullArray);
  Object& array = *object_of(args[0]);
  u64& length = args[3];
  const auto segment = static_cast<u32>(args[4]);
  Instance& instance = *context->instance;
  if (outside(args[1], length, array.length)) return trap(context, Trap::ArrayOutOfBounds);
  if (outside(args[2], length, instance.element_count(segment))) {
    return trap(context, Trap::TableOutOfBounds);
  }
  const u64 before = length;
  const bool done = copy_elements(instance, array, args[1], segment, args[2], length);
  args[1] += before - length;
  return done ? HostStatus::Done : HostStatus::Again;
}

}  // namespace helpers

// -- Constant expressions -------------------------------------------------------------------------

namespace {

void store_value(u8* to, Kind kind, const Cell& value) {
  std::memcpy(to, &value, storage_bytes(kind));
}

Object* make_empty(Instance& instance, TypeId id, u64 bytes) {
  Heap* const heap = instance.store().heap();
  Object* const object = heap == nullptr ? nullptr : heap->allocate_now(bytes);
  if (object != nullptr) object->type = type_word(id);
  return object;
}

}  // namespace

bool makes_object(Op op) {
  return op == Op::StructNew || op == Op::StructNewDefault || op == Op::StructNewDesc ||
         op == Op::StructNewDefaultDesc || op == Op::ArrayNew || op == Op::ArrayNewDefault ||
         op == Op::ArrayNewFixed;
}

namespace {

Error out_of_memory() {
  return make_error(Err::SystemError, "no memory for an object in a constant expression");
}

Result<Made> make_struct(Instance& instance, const Instr& instr, TypeId id,
                         std::span<const Cell> operands) {
  const DefinedType& type = defined_type(id);
  const bool has_fields = instr.op == Op::StructNew || instr.op == Op::StructNewDesc;
  const bool has_descriptor = type.descriptor != kNoType;
  const u32 fields = has_fields ? static_cast<u32>(type.fields.size()) : 0;
  const std::span<const Cell> values = operands.last(fields + (has_descriptor ? 1 : 0));
  if (has_descriptor && values.back().bits == 0) return make_error(Err::NullDescriptor, "");
  Object* const object = make_empty(instance, id, type.size_bytes);
  if (object == nullptr) return out_of_memory();
  for (u32 i = 0; i < fields; i++) {
    store_value(object->bytes() + type.offsets[i], type.fields[i].type.kind, values[i]);
  }
  if (has_descriptor) {
    store_value(object->bytes() + type.descriptor_offset, Kind::Ref, values.back());
  }
  return Made{ref_of(object), static_cast<u32>(values.size())};
}

}  // namespace

Result<Made> make_object(Instance& instance, const Instr& instr, std::span<const Cell> operands) {
  const TypeId id = instance.module().types[instr.index];
  const DefinedType& type = defined_type(id);
  if (type.composite == Composite::Struct) return make_struct(instance, instr, id, operands);
  const Kind kind = type.fields[0].type.kind;
  const u32 log2 = element_log2(kind);
  const bool fixed = instr.op == Op::ArrayNewFixed;
  const u64 length = fixed ? instr.index2 : static_cast<u32>(operands.back().bits);
  Object* const array = make_empty(instance, id, array_bytes(length, log2));
  if (array == nullptr) return out_of_memory();
  array->length = static_cast<u32>(length);
  if (fixed) {
    const std::span<const Cell> values = operands.last(length);
    for (u64 i = 0; i < length; i++) {
      store_value(array->elements() + (i << log2), kind, values[i]);
    }
    return Made{ref_of(array), instr.index2};
  }
  if (instr.op == Op::ArrayNewDefault) return Made{ref_of(array), 1};
  fill_elements(*array, 0, length, &operands[operands.size() - 2].bits);
  return Made{ref_of(array), 2};
}

}  // namespace lr::jit::gc

// -- Called from entry_*.S ------------------------------------------------------------------------

const void* lr_do_gc_allocate(lr::jit::Context* context, lr::u64 bytes) {
  using lr::jit::HostStatus;
  lr::jit::gc::Object* object = nullptr;
  const HostStatus status = lr::jit::gc::allocate(context, bytes, &object);
  if (status == HostStatus::Done) return object;
  return status == HostStatus::Again ? nullptr : reinterpret_cast<const void*>(1);
}
