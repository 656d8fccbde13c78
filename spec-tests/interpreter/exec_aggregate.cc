// Structures and arrays (specification section 4.6.8). Fields of packed types keep their low bits.
#include <algorithm>

#include "spec-tests/interpreter/steps.h"

namespace lr::interp {

namespace {

constexpr u64 kBytesPerFuel = 64;

Value packed(const Value& value, ValType type) {
  if (type.kind == Kind::I8) return Value::of(value.as<u32>() & 0xff);
  if (type.kind == Kind::I16) return Value::of(value.as<u32>() & 0xffff);
  return value;
}

Value sign_extended(const Value& value, ValType type) {
  const u32 unused = type.kind == Kind::I8 ? 24 : 16;
  return Value::of(static_cast<u32>(static_cast<i32>(value.as<u32>() << unused) >> unused));
}

ValType element_type(TypeId array) { return defined_type(array).fields[0].type; }

}  // namespace

// -- Structures -----------------------------------------------------------------------------------

namespace {

// A structure whose fields are zero or, in order, on the stack.
void make_struct(Machine& m, TypeId type, bool has_values, Ref descriptor) {
  const std::span<const FieldType> fields = defined_type(type).fields;
  const u32 count = static_cast<u32>(fields.size());
  Object* const object = m.store().heap().add_struct(type, count);
  if (object == nullptr) return m.trap(Trap::OutOfMemory);
  object->descriptor = descriptor;
  if (has_values) {
    const Value* const values = m.top(count);
    for (u32 i = 0; i < count; i++) object->fields()[i] = packed(values[i], fields[i].type);
    m.drop(count);
  }
  m.push(reinterpret_cast<Ref>(object));
}

void make_described(Machine& m, const Inst& inst, bool has_values) {
  const Ref descriptor = m.pop<Ref>();
  if (descriptor == kNull) return m.trap(Trap::NullDescriptor);
  make_struct(m, m.instance().type(inst.index), has_values, descriptor);
}

// The field of the structure on the stack; null, and a trap, if there is none.
Value* popped_field(Machine& m, u64 field) {
  const Ref ref = m.pop<Ref>();
  if (ref != kNull) return object_of(ref).fields() + field;
  m.trap(Trap::NullStructure);
  return nullptr;
}

ValType field_type(Machine& m, const Inst& inst) {
  return defined_type(m.instance().type(inst.index)).fields[inst.value].type;
}

}  // namespace

void exec_StructNew(Machine& m, const Inst& inst) {
  make_struct(m, m.instance().type(inst.index), true, kNull);
}
void exec_StructNewDefault(Machine& m, const Inst& inst) {
  make_struct(m, m.instance().type(inst.index), false, kNull);
}
void exec_StructNewDesc(Machine& m, const Inst& inst) { make_described(m, inst, true); }
void exec_StructNewDefaultDesc(Machine& m, const Inst& inst) { make_described(m, inst, false); }

void exec_StructGet(Machine& m, const Inst& inst) {
  const Value* const field = popped_field(m, inst.value);
  if (field != nullptr) m.push_value(*field);
}
void exec_StructGetU(Machine& m, const Inst& inst) { exec_StructGet(m, inst); }
void exec_StructGetS(Machine& m, const Inst& inst) {
  const Value* const field = popped_field(m, inst.value);
  if (field != nullptr) m.push_value(sign_extended(*field, field_type(m, inst)));
}

void exec_StructSet(Machine& m, const Inst& inst) {
  const Value value = m.pop_value();
  Value* const field = popped_field(m, inst.value);
  if (field != nullptr) *field = packed(value, field_type(m, inst));
}

// -- Arrays ---------------------------------------------------------------------------------------

namespace {

// An array of zeros; null, and a trap, if it cannot be had.
Object* make_array(Machine& m, TypeId type, u32 length) {
  const ValType element = element_type(type);
  if (!m.charge(u64{length} * storage_bytes(element) / kBytesPerFuel)) return nullptr;
  Object* const object = m.store().heap().add_array(type, length, element);
  if (object == nullptr) m.trap(Trap::OutOfMemory);
  return object;
}

void fill(Object& array, ValType element, u64 at, u64 count, const Value& value) {
  const u32 bytes = storage_bytes(element);
  for (u64 i = at; i < at + count; i++) write_storage(array.elements() + i * bytes, element, value);
}

// What a range of an array is: popped as [array, at] below what has been popped already.
struct Range {
  Object* array = nullptr;  // Null, and a trap, if there is none.
  u64 at = 0;
};

Range popped_range(Machine& m, u64 count) {
  const u64 at = m.pop<u32>();
  const Ref ref = m.pop<Ref>();
  Trap trap = Trap::None;
  if (ref == kNull) {
    trap = Trap::NullArray;
  } else if (at + count > object_of(ref).length) {
    trap = Trap::ArrayOutOfBounds;
  }
  if (trap == Trap::None) return {&object_of(ref), at};
  m.trap(trap);
  return {};
}

// The element of the array on the stack; null, and a trap, if there is none.
u8* popped_element(Machine& m, ValType element) {
  const Range range = popped_range(m, 1);
  if (range.array == nullptr) return nullptr;
  return range.array->elements() + range.at * storage_bytes(element);
}

}  // namespace

void exec_ArrayNew(Machine& m, const Inst& inst) {
  const TypeId type = m.instance().type(inst.index);
  const u32 length = m.pop<u32>();
  const Value value = m.pop_value();
  Object* const array = make_array(m, type, length);
  if (array == nullptr) return;
  fill(*array, element_type(type), 0, length, value);
  m.push(reinterpret_cast<Ref>(array));
}

void exec_ArrayNewDefault(Machine& m, const Inst& inst) {
  Object* const array = make_array(m, m.instance().type(inst.index), m.pop<u32>());
  if (array != nullptr) m.push(reinterpret_cast<Ref>(array));
}

void exec_ArrayNewFixed(Machine& m, const Inst& inst) {
  const TypeId type = m.instance().type(inst.index);
  const u32 length = static_cast<u32>(inst.value);
  Object* const array = make_array(m, type, length);
  if (array == nullptr) return;
  const Value* const values = m.top(length);
  for (u32 i = 0; i < length; i++) fill(*array, element_type(type), i, 1, values[i]);
  m.drop(length);
  m.push(reinterpret_cast<Ref>(array));
}

void exec_ArrayNewData(Machine& m, const Inst& inst) {
  const TypeId type = m.instance().type(inst.index);
  const std::span<const u8> data = m.instance().data[inst.value];
  const u32 length = m.pop<u32>();
  const u64 at = m.pop<u32>();
  const u64 bytes = u64{length} * storage_bytes(element_type(type));
  if (at + bytes > data.size()) return m.trap(Trap::MemoryOutOfBounds);
  Object* const array = make_array(m, type, length);
  if (array == nullptr) return;
  std::copy_n(data.data() + at, bytes, array->elements());
  m.push(reinterpret_cast<Ref>(array));
}

void exec_ArrayNewElem(Machine& m, const Inst& inst) {
  const TypeId type = m.instance().type(inst.index);
  const std::vector<Ref>& segment = m.instance().elements[inst.value];
  const u32 length = m.pop<u32>();
  const u64 at = m.pop<u32>();
  if (at + length > segment.size()) return m.trap(Trap::TableOutOfBounds);
  Object* const array = make_array(m, type, length);
  if (array == nullptr) return;
  for (u32 i = 0; i < length; i++) {
    fill(*array, element_type(type), i, 1, Value::of(segment[at + i]));
  }
  m.push(reinterpret_cast<Ref>(array));
}

void exec_ArrayGet(Machine& m, const Inst& inst) {
  const ValType element = element_type(m.instance().type(inst.index));
  const u8* const at = popped_element(m, element);
  if (at != nullptr) m.push_value(read_storage(at, element));
}
void exec_ArrayGetU(Machine& m, const Inst& inst) { exec_ArrayGet(m, inst); }
void exec_ArrayGetS(Machine& m, const Inst& inst) {
  const ValType element = element_type(m.instance().type(inst.index));
  const u8* const at = popped_element(m, element);
  if (at != nullptr) m.push_value(sign_extended(read_storage(at, element), element));
}

void exec_ArraySet(Machine& m, const Inst& inst) {
  const ValType element = element_type(m.instance().type(inst.index));
  const Value value = m.pop_value();
  u8* const at = popped_element(m, element);
  if (at != nullptr) write_storage(at, element, value);
}

void exec_ArrayLen(Machine& m, const Inst&) {
  const Ref ref = m.top(1)->as<Ref>();
  if (ref == kNull) return m.trap(Trap::NullArray);
  m.replace(1, object_of(ref).length);
}

void exec_ArrayFill(Machine& m, const Inst& inst) {
  const ValType element = element_type(m.instance().type(inst.index));
  const u32 count = m.pop<u32>();
  const Value value = m.pop_value();
  const Range to = popped_range(m, count);
  if (to.array == nullptr || !m.charge(count / kBytesPerFuel)) return;
  fill(*to.array, element, to.at, count, value);
}

void exec_ArrayCopy(Machine& m, const Inst& inst) {
  const u32 bytes = storage_bytes(element_type(m.instance().type(inst.index)));
  const u32 count = m.pop<u32>();
  // Both nulls come before both bounds.
  if (m.top(4)->as<Ref>() == kNull) return m.trap(Trap::NullArray);
  const Range from = popped_range(m, count);
  if (from.array == nullptr) return;
  const Range to = popped_range(m, count);
  if (to.array == nullptr || !m.charge(count / kBytesPerFuel)) return;
  std::memmove(to.array->elements() + to.at * bytes, from.array->elements() + from.at * bytes,
               u64{count} * bytes);
}

void exec_ArrayInitData(Machine& m, const Inst& inst) {
  const u32 bytes = storage_bytes(element_type(m.instance().type(inst.index)));
  const std::span<const u8> data = m.instance().data[inst.value];
  const u64 count = m.pop<u32>();
  const u64 from = m.pop<u32>();
  const Range to = popped_range(m, count);
  if (to.array == nullptr) return;
  if (from + count * bytes > data.size()) return m.trap(Trap::MemoryOutOfBounds);
  if (!m.charge(count / kBytesPerFuel)) return;
  std::copy_n(data.data() + from, count * bytes, to.array->elements() + to.at * bytes);
}

void exec_ArrayInitElem(Machine& m, const Inst& inst) {
  const std::vector<Ref>& segment = m.instance().elements[inst.value];
  const u64 count = m.pop<u32>();
  const u64 from = m.pop<u32>();
  const Range to = popped_range(m, count);
  if (to.array == nullptr) return;
  if (from + count > segment.size()) return m.trap(Trap::TableOutOfBounds);
  if (count == 0 || !m.charge(count / kBytesPerFuel)) return;
  std::memmove(to.array->elements() + to.at * sizeof(Ref), segment.data() + from,
               count * sizeof(Ref));
}

}  // namespace lr::interp
