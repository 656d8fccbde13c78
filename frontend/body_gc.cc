// Structures, arrays and descriptors.
#include <fmt/format.h>

#include "frontend/body_validator.h"

namespace lr {

namespace {

constexpr u32 kFixedArrayMax = 10'000;

bool is_packed(ValType type) { return type.kind == Kind::I8 || type.kind == Kind::I16; }
ValType unpacked(ValType type) { return is_packed(type) ? kI32 : type; }

bool is_defaultable_field(const FieldType& field) {
  return is_packed(field.type) || is_defaultable(field.type);
}

}  // namespace

// The reference that an allocation gives: it is of exactly that type.
void BodyValidator::push_new(u32 type_index) {
  ValType type = ref_to(module_.types[type_index], false);
  type.exact = has(Feature::CustomDescriptors);
  push(type);
}

void BodyValidator::struct_new(u32 index, bool is_default, bool with_descriptor) {
  const DefinedType* type = composite(index, Composite::Struct);
  if (type == nullptr) return;
  if (type->descriptor != kNoType && !with_descriptor) return fail(Err::DescriptorNeeded);
  if (type->descriptor == kNoType && with_descriptor) return fail(Err::DescriptorUnwanted);
  if (with_descriptor) {
    ValType descriptor = ref_to(type->descriptor, true);
    descriptor.exact = true;
    pop(descriptor);
  }
  for (usize i = type->fields.size(); i-- > 0;) {
    if (!is_default) {
      pop(unpacked(type->fields[i].type));
    } else if (!is_defaultable_field(type->fields[i])) {
      return fail(Err::TypeMismatch, fmt::format("field {} has no default value", i));
    }
  }
  push_new(index);
}

// Packed fields are read with a sign, others without.
bool BodyValidator::check_packing(Op op, ValType field) {
  bool with_sign = op != Op::StructGet && op != Op::ArrayGet;
  if (with_sign == is_packed(field)) return true;
  fail(Err::TypeMismatch, fmt::format("{} of a field of type {}", info(op).text, name(field)));
  return false;
}

void BodyValidator::struct_get(const Instr& instr) {
  const DefinedType* type = composite(instr.index, Composite::Struct);
  if (type == nullptr) return;
  if (instr.index2 >= type->fields.size()) {
    return fail(Err::UnknownField, fmt::format("{}", instr.index2));
  }
  ValType field = type->fields[instr.index2].type;
  if (!check_packing(instr.op, field)) return;
  pop(ref_to(module_.types[instr.index], true));
  push(unpacked(field));
}

void BodyValidator::struct_set(const Instr& instr) {
  const DefinedType* type = composite(instr.index, Composite::Struct);
  if (type == nullptr) return;
  if (instr.index2 >= type->fields.size()) {
    return fail(Err::UnknownField, fmt::format("{}", instr.index2));
  }
  const FieldType& field = type->fields[instr.index2];
  if (!field.is_mutable) return fail(Err::ImmutableField, fmt::format("{}", instr.index2));
  pop(unpacked(field.type));
  pop(ref_to(module_.types[instr.index], true));
}

void BodyValidator::array_new(const Instr& instr) {
  const DefinedType* type = composite(instr.index, Composite::Array);
  if (type == nullptr) return;
  const FieldType& field = type->fields[0];
  if (instr.op == Op::ArrayNewFixed) {
    if (instr.index2 > kFixedArrayMax) {
      return fail(Err::LimitExceeded, fmt::format("array.new_fixed of {}", instr.index2));
    }
    for (u32 i = 0; i < instr.index2 && ok(); i++) pop(unpacked(field.type));
  } else {
    pop(kI32);
    if (instr.op == Op::ArrayNew) {
      pop(unpacked(field.type));
    } else if (!is_defaultable_field(field)) {
      return fail(Err::TypeMismatch, "the array's elements have no default value");
    }
  }
  push_new(instr.index);
}

// The segment may fill arrays of the type.
bool BodyValidator::check_array_segment(const FieldType& field, u32 segment, bool is_data) {
  if (is_data) {
    if (!check_data(segment)) return false;
    if (field.type.is_ref()) fail(Err::ArrayNotNumeric);
  } else {
    if (!check_elem(segment)) return false;
    ValType type = module_.elements[segment].type;
    if (!is_subtype(type, field.type)) {
      fail(Err::TypeMismatch,
           fmt::format("a segment of {} for an array of {}", name(type), name(field.type)));
    }
  }
  return ok();
}

void BodyValidator::array_new_segment(const Instr& instr) {
  const DefinedType* type = composite(instr.index, Composite::Array);
  if (type == nullptr) return;
  bool is_data = instr.op == Op::ArrayNewData;
  if (!check_array_segment(type->fields[0], instr.index2, is_data)) return;
  pop(kI32);
  pop(kI32);
  push_new(instr.index);
}

void BodyValidator::array_get(const Instr& instr) {
  const DefinedType* type = composite(instr.index, Composite::Array);
  if (type == nullptr) return;
  ValType element = type->fields[0].type;
  if (!check_packing(instr.op, element)) return;
  pop(kI32);
  pop(ref_to(module_.types[instr.index], true));
  push(unpacked(element));
}

// An array type whose elements may be written, or an error and null.
const FieldType* BodyValidator::mutable_array(u32 index) {
  const DefinedType* type = composite(index, Composite::Array);
  if (type == nullptr) return nullptr;
  if (type->fields[0].is_mutable) return &type->fields[0];
  fail(Err::ImmutableArray, fmt::format("type {}", index));
  return nullptr;
}

void BodyValidator::array_set(u32 index) {
  const FieldType* field = mutable_array(index);
  if (field == nullptr) return;
  pop(unpacked(field->type));
  pop(kI32);
  pop(ref_to(module_.types[index], true));
}

void BodyValidator::array_fill(u32 index) {
  const FieldType* field = mutable_array(index);
  if (field == nullptr) return;
  pop(kI32);
  pop(unpacked(field->type));
  pop(kI32);
  pop(ref_to(module_.types[index], true));
}

void BodyValidator::array_copy(u32 to, u32 from) {
  const FieldType* target = mutable_array(to);
  if (target == nullptr) return;
  const DefinedType* source = composite(from, Composite::Array);
  if (source == nullptr) return;
  if (!is_subtype(source->fields[0].type, target->type)) return fail(Err::ArrayTypesDiffer);
  pop(kI32);
  pop(kI32);
  pop(ref_to(module_.types[from], true));
  pop(kI32);
  pop(ref_to(module_.types[to], true));
}

void BodyValidator::array_init(const Instr& instr) {
  const FieldType* field = mutable_array(instr.index);
  if (field == nullptr) return;
  if (!check_array_segment(*field, instr.index2, instr.op == Op::ArrayInitData)) return;
  pop(kI32);
  pop(kI32);
  pop(kI32);
  pop(ref_to(module_.types[instr.index], true));
}

// -- Descriptors ----------------------------------------------------------------------------------

void BodyValidator::ref_get_desc(u32 index) {
  TypeId id = type_id(index);
  if (id == kNoType) return;
  const DefinedType* type = &defined_type(id);
  if (type->descriptor == kNoType)
    return fail(Err::TypeWithoutDescriptor, fmt::format("{}", index));
  ValType operand = type_of(pop(ref_to(module_.types[index], true)));
  // The descriptor is as exactly known as the operand.
  ValType result = ref_to(type->descriptor, false);
  result.exact = operand.kind == Kind::Bottom || operand.heap == Heap::None ||
                 (operand.exact && operand.type == module_.types[index]);
  push(result);
}

// Takes the descriptor that the target of a cast names; false (and an error) if it has none.
bool BodyValidator::pop_descriptor(ValType target) {
  TypeId descriptor = kNoType;
  if (target.heap == Heap::Defined) descriptor = defined_type(target.type).descriptor;
  if (descriptor == kNoType) {
    fail(Err::NoDescriptor, fmt::format("{} does not have a descriptor", heap_name(target)));
    return false;
  }
  ValType type = ref_to(descriptor, true);
  type.exact = target.exact;
  pop(type);
  return ok();
}

void BodyValidator::ref_cast_desc(const Instr& instr, bool nullable) {
  ValType target = resolved(instr.type);
  target.nullable = nullable;
  if (!ok() || !pop_descriptor(target)) return;
  pop(ref_to(top_of(target), true));
  push(target);
}

void BodyValidator::br_on_cast_desc(const Instr& instr, bool on_failure) {
  ValType from = resolved(instr.type);
  ValType to = resolved(instr.type2);
  if (!ok()) return;
  if (!check_cast(from, to)) return;
  if (!pop_descriptor(to)) return;
  pop(from);
  ValType rest = from;
  rest.nullable = from.nullable && !to.nullable;
  finish_cast_branch(instr.index, on_failure ? rest : to, on_failure ? to : rest);
}

}  // namespace lr
