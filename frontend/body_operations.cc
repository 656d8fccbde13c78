// Variables, references, tables and bulk memory.
#include <fmt/format.h>

#include "frontend/body_validator.h"

namespace lr {

// -- Variables ------------------------------------------------------------------------------------

void BodyValidator::select() {
  pop(kI32);
  ValType second = type_of(pop_any());
  ValType first = type_of(pop_any());
  if (first.is_ref() || second.is_ref()) {
    return fail(Err::TypeMismatch, "select of references needs their type");
  }
  if (first != second && first != kBottom && second != kBottom) {
    return fail(Err::TypeMismatch,
                fmt::format("select between {} and {}", name(first), name(second)));
  }
  push(first == kBottom ? second : first);
}

void BodyValidator::select_typed(const Instr& instr) {
  if (instr.count != 1) return fail(Err::BadSelectArity);
  ValType type = resolved(instr.type);
  pop(kI32);
  pop(type);
  pop(type);
  push(type);
}

void BodyValidator::local_get(u32 index) {
  if (!ok()) return;
  if (index >= state_.locals.size()) return fail(Err::UnknownLocal, fmt::format("{}", index));
  LocalState& local = state_.locals[index];
  if (local.unset) return fail(Err::UninitializedLocal, fmt::format("{}", index));
  state_.collector.use(local, start_, false);
  push(local.type);
}

void BodyValidator::local_set(u32 index, bool is_tee) {
  if (!ok()) return;
  if (index >= state_.locals.size()) return fail(Err::UnknownLocal, fmt::format("{}", index));
  LocalState& local = state_.locals[index];
  pop(type_of(local.type));
  if (local.unset) {
    local.unset = false;
    state_.sets.push_back(index);
  }
  state_.collector.use(local, start_, true);
  if (is_tee) push(local.type);
}

// What was written in an arm is unwritten after it.
void BodyValidator::reset_sets_slow(u32 height) {
  auto& sets = state_.sets;
  while (sets.size() > height) {
    state_.locals[sets.back()].unset = true;
    sets.pop_back();
  }
}

void BodyValidator::global_get(u32 index) {
  if (index >= module_.globals.size()) return fail(Err::UnknownGlobal, fmt::format("{}", index));
  const GlobalType& type = module_.globals[index].type;
  if (is_constant_ && type.is_mutable) {
    return fail(Err::ConstantRequired, fmt::format("global {} is mutable", index));
  }
  push(type.type);
}

void BodyValidator::global_set(u32 index) {
  if (index >= module_.globals.size()) return fail(Err::UnknownGlobal, fmt::format("{}", index));
  const GlobalType& type = module_.globals[index].type;
  if (!type.is_mutable) return fail(Err::ImmutableGlobal, fmt::format("{}", index));
  pop(type.type);
}

// -- Tables ---------------------------------------------------------------------------------------

void BodyValidator::note_table_use(u32 index) {
  if (!is_constant_) state_.used_tables[index] = true;
}

void BodyValidator::table_get(u32 index) {
  const Table* t = table(index);
  if (t == nullptr) return;
  note_table_use(index);
  pop(address_type(t->type.limits));
  push(t->type.element);
}

void BodyValidator::table_set(u32 index) {
  const Table* t = table(index);
  if (t == nullptr) return;
  note_table_use(index);
  pop(t->type.element);
  pop(address_type(t->type.limits));
}

void BodyValidator::table_size(u32 index) {
  const Table* t = table(index);
  if (t != nullptr) push(address_type(t->type.limits));
}

void BodyValidator::table_grow(u32 index) {
  const Table* t = table(index);
  if (t == nullptr) return;
  note_table_use(index);
  pop(address_type(t->type.limits));
  pop(t->type.element);
  push(address_type(t->type.limits));
}

void BodyValidator::table_fill(u32 index) {
  const Table* t = table(index);
  if (t == nullptr) return;
  note_table_use(index);
  pop(address_type(t->type.limits));
  pop(t->type.element);
  pop(address_type(t->type.limits));
}

namespace {

// The type of a count that both sides can hold.
ValType smaller_address(const Limits& a, const Limits& b) {
  return a.is_64 && b.is_64 ? kI64 : kI32;
}

}  // namespace

void BodyValidator::table_copy(u32 to, u32 from) {
  const Table* target = table(to);
  const Table* source = table(from);
  if (target == nullptr || source == nullptr) return;
  if (!is_subtype(source->type.element, target->type.element)) {
    return fail(Err::TypeMismatch,
                fmt::format("table.copy from {} to {}", name(source->type.element),
                            name(target->type.element)));
  }
  note_table_use(to);
  note_table_use(from);
  pop(smaller_address(target->type.limits, source->type.limits));
  pop(address_type(source->type.limits));
  pop(address_type(target->type.limits));
}

void BodyValidator::table_init(u32 elem, u32 index) {
  const Table* target = table(index);
  if (target == nullptr || !check_elem(elem)) return;
  ValType type = module_.elements[elem].type;
  if (!is_subtype(type, target->type.element)) {
    return fail(Err::TypeMismatch,
                fmt::format("table.init from {} to {}", name(type), name(target->type.element)));
  }
  note_table_use(index);
  pop(kI32);
  pop(kI32);
  pop(address_type(target->type.limits));
}

// -- Bulk memory ----------------------------------------------------------------------------------

void BodyValidator::memory_copy(u32 to, u32 from) {
  const MemoryType* target = memory(to);
  const MemoryType* source = memory(from);
  if (target == nullptr || source == nullptr) return;
  pop(smaller_address(target->limits, source->limits));
  pop(address_type(source->limits));
  pop(address_type(target->limits));
}

void BodyValidator::memory_init(u32 data, u32 index) {
  const MemoryType* target = memory(index);
  if (target == nullptr || !check_data(data)) return;
  pop(kI32);
  pop(kI32);
  pop(address_type(target->limits));
}

// -- References -----------------------------------------------------------------------------------

void BodyValidator::ref_null(const Instr& instr) {
  ValType type = resolved(instr.type);
  type.nullable = true;
  push(type);
}

void BodyValidator::ref_func(u32 index) {
  if (index >= module_.functions.size()) {
    return fail(Err::UnknownFunction, fmt::format("{}", index));
  }
  if (is_constant_) {
    state_.named_functions.push_back(index);
  } else if (index >= module_.declared_functions.size() || !module_.declared_functions[index]) {
    return fail(Err::UndeclaredFunction, fmt::format("{}", index));
  }
  const Function& function = module_.functions[index];
  ValType type = ref_to(function.type, false);
  // An import may be of any subtype, unless it says otherwise.
  type.exact =
      has(Feature::CustomDescriptors) && (index >= module_.imported_functions || function.exact);
  push(type);
}

void BodyValidator::ref_is_null() {
  pop_ref();
  push(kI32);
}

void BodyValidator::ref_as_non_null() {
  ValType type = pop_ref();
  if (type.is_ref()) type.nullable = false;
  push(type);
}

void BodyValidator::convert(Heap from, Heap to) {
  TypeBits actual = pop(ref_to(from, true));
  ValType type = type_of(actual);
  push(ref_to(to, !type.is_ref() || type.nullable));
}

void BodyValidator::ref_test(const Instr& instr, bool nullable) {
  ValType type = resolved(instr.type);
  type.nullable = nullable;
  if (!ok()) return;
  pop(ref_to(top_of(type), true));
  push(kI32);
}

void BodyValidator::ref_cast(const Instr& instr, bool nullable) {
  ValType type = resolved(instr.type);
  type.nullable = nullable;
  if (!ok()) return;
  pop(ref_to(top_of(type), true));
  push(type);
}

}  // namespace lr
