#include "spec-tests/fuzz/module_plan.h"

#include <algorithm>

#include "spec-tests/fuzz/constants.h"

namespace lr::fuzz {

namespace {

constexpr u32 kPageBytes = 65536;

// Makes the parts of a plan in an order in which each may refer to those before it.
class Planner {
 public:
  Planner(Choices& choices, const FeatureSet& features) : choices_(choices) {
    plan_.features = features;
  }

  ModulePlan make() {
    const bool has_imports = choices_.chance(60);
    if (has_imports) add_imports();
    plan_.has_relaxed = plan_.has(Feature::RelaxedSimd) && choices_.chance(10);
    if (plan_.has(Feature::Gc)) add_data_types();
    add_function_types();
    add_memories();
    add_functions();
    add_tables();
    add_globals();
    if (plan_.has(Feature::Exceptions)) add_tags();
    add_segments();
    return std::move(plan_);
  }

 private:
  bool has(Feature feature) const { return plan_.has(feature); }

  Type pick_number() {
    constexpr Kind kKinds[] = {Kind::I32, Kind::I64, Kind::F32, Kind::F64};
    return number(kKinds[choices_.below(4)]);
  }

  Type pick_reference() {
    const u32 types = static_cast<u32>(plan_.types.size());
    if (has(Feature::Gc) && choices_.chance(70)) {
      constexpr i32 kHeaps[] = {kHeapAny, kHeapEq, kHeapI31, kHeapStruct, kHeapArray, kHeapExtern};
      if (data_types_ > 0 && choices_.chance(60)) {
        return reference(static_cast<i32>(first_data_ + choices_.below(data_types_)));
      }
      return reference(kHeaps[choices_.below(6)]);
    }
    if (has(Feature::FunctionReferences) && types > first_function_ && is_ready_ &&
        choices_.chance(60)) {
      return reference(static_cast<i32>(first_function_ + choices_.below(types - first_function_)));
    }
    return reference(choices_.chance(75) ? kHeapFunc : kHeapExtern);
  }

  Type pick_type() {
    if (has(Feature::Simd) && choices_.chance(20)) return number(Kind::V128);
    if (has(Feature::ReferenceTypes) && choices_.chance(has(Feature::Gc) ? 25 : 8)) {
      return pick_reference();
    }
    return pick_number();
  }

  void add_imports() {
    for (const HostImport& host : host_imports()) {
      TypePlan type;
      type.group = next_group_++;
      type.params = host.params;
      type.results = host.results;
      plan_.imports.push_back(static_cast<u32>(plan_.types.size()));
      plan_.functions.push_back({.type = static_cast<u32>(plan_.types.size())});
      plan_.types.push_back(std::move(type));
    }
  }

  FieldPlan pick_field(u32 types) {
    FieldPlan field;
    field.is_mutable = choices_.chance(75);
    const u32 what = choices_.below(10);
    if (what < 2) {
      field.type = number(what == 0 ? Kind::I8 : Kind::I16);
    } else if (what < 7) {
      field.type = has(Feature::Simd) && choices_.chance(15) ? number(Kind::V128) : pick_number();
    } else if (what < 9) {
      field.type = reference(static_cast<i32>(first_data_ + choices_.below(types)));
    } else {
      constexpr i32 kHeaps[] = {kHeapAny, kHeapEq, kHeapI31, kHeapFunc, kHeapExtern};
      field.type = reference(kHeaps[choices_.below(5)]);
    }
    return field;
  }

  // Structures and arrays, some in one recursion group, some that extend one before.
  void add_data_types() {
    first_data_ = static_cast<u32>(plan_.types.size());
    const u32 count = choices_.between(1, 6);
    if (has(Feature::CustomDescriptors) && choices_.chance(25)) add_described_type();
    while (data_types_ < count) {
      const u32 in_group = std::min(choices_.between(1, 3), count - data_types_);
      const u32 known = data_types_ + in_group;
      for (u32 i = 0; i < in_group; i++) add_data_type(known);
      next_group_++;
    }
  }

  void add_data_type(u32 known) {
    TypePlan type;
    type.group = next_group_;
    type.is_final = choices_.chance(30);
    type.composite = choices_.chance(65) ? Composite::Struct : Composite::Array;
    if (data_types_ > 0 && choices_.chance(50)) {
      const u32 super = first_data_ + choices_.below(data_types_);
      if (!plan_.types[super].is_final) {
        type.supertype = static_cast<i32>(super);
        type.composite = plan_.types[super].composite;
        type.fields = plan_.types[super].fields;
      }
    }
    if (type.composite == Composite::Array) {
      if (type.fields.empty()) type.fields.push_back(pick_field(known));
    } else {
      for (u32 more = choices_.below(4); more > 0; more--) type.fields.push_back(pick_field(known));
    }
    plan_.types.push_back(std::move(type));
    data_types_++;
  }

  // A structure, and the one that describes it.
  void add_described_type() {
    const i32 first = static_cast<i32>(plan_.types.size());
    for (u32 i = 0; i < 2; i++) {
      TypePlan type;
      type.group = next_group_;
      type.composite = Composite::Struct;
      for (u32 more = choices_.below(3); more > 0; more--) type.fields.push_back(pick_field(2));
      (i == 0 ? type.descriptor : type.describes) = first + (i == 0 ? 1 : 0);
      plan_.types.push_back(std::move(type));
      data_types_++;
    }
    next_group_++;
  }

  void add_function_types() {
    first_function_ = static_cast<u32>(plan_.types.size());
    const u32 count = choices_.between(2, 6);
    for (u32 i = 0; i < count; i++) {
      TypePlan type;
      type.group = next_group_++;
      const bool plain = i == 0;
      const u32 params = choices_.chance(8) ? choices_.between(6, 20) : choices_.below(5);
      const u32 results = choices_.chance(5)    ? choices_.between(3, 12)
                          : choices_.chance(25) ? choices_.below(4)
                                                : 1;
      for (u32 k = 0; k < params; k++) type.params.push_back(plain ? pick_number() : pick_type());
      for (u32 k = 0; k < results; k++) type.results.push_back(plain ? pick_number() : pick_type());
      plan_.types.push_back(std::move(type));
    }
    is_ready_ = true;
  }

  void add_memories() {
    u32 count = choices_.chance(95) ? 1 : 0;
    if (has(Feature::MultiMemory) && count > 0 && choices_.chance(50))
      count += choices_.between(1, 2);
    for (u32 i = 0; i < count; i++) {
      MemoryPlan memory;
      memory.pages = choices_.chance(85) ? 1 : choices_.below(3);
      memory.pages_max = memory.pages + choices_.below(3);
      memory.is_64 = has(Feature::Memory64) && choices_.chance(40);
      memory.is_shared = has(Feature::Threads) && choices_.chance(25);
      if (has(Feature::CustomPageSizes) && choices_.chance(10)) {  // Pages of one byte.
        memory.page_log2 = 0;
        memory.pages = choices_.chance(60) ? kPageBytes + choices_.below(5000) : choices_.below(9);
        memory.pages_max = memory.pages + choices_.below(3);
      }
      plan_.memories.push_back(memory);
    }
  }

  bool is_exportable(const TypePlan& type) const {
    for (const Type& t : type.params) {
      if (!t.is_number()) return false;
    }
    for (const Type& t : type.results) {
      if (!t.is_number()) return false;
    }
    return true;
  }

  void add_functions() {
    const u32 count = choices_.between(2, 5);
    const u32 types = static_cast<u32>(plan_.types.size()) - first_function_;
    i32 exported = 0;
    for (u32 i = 0; i < std::max(count, types); i++) {
      FunctionPlan function;
      // Each type has a function, and the first can be exported.
      function.type = first_function_ + (i < types ? i : choices_.below(types));
      function.is_leaf = i > 0 && choices_.chance(25);
      if (is_exportable(plan_.types[function.type])) function.exported = exported++;
      plan_.functions.push_back(function);
    }
  }

  void add_tables() {
    TablePlan calls;
    calls.element = reference(kHeapFunc);
    calls.size = choices_.between(1, 12);
    calls.size_max = calls.size + choices_.below(8);
    calls.is_64 = has(Feature::Memory64) && choices_.chance(20);
    plan_.tables.push_back(calls);
    if (!has(Feature::ReferenceTypes)) return;
    for (u32 more = choices_.below(3); more > 0; more--) {
      TablePlan table;
      table.element = pick_reference();
      table.size = choices_.below(10);
      table.size_max = table.size + choices_.below(8);
      table.is_64 = has(Feature::Memory64) && choices_.chance(20);
      plan_.tables.push_back(table);
    }
  }

  u64 pick_bits(Kind kind) {
    switch (kind) {
      case Kind::I32:
        return pick_i32(choices_);
      case Kind::I64:
        return pick_i64(choices_);
      case Kind::F32:
        return pick_f32(choices_);
      case Kind::F64:
        return pick_f64(choices_);
      default:
        return choices_.bits64();
    }
  }

  void add_globals() {
    plan_.globals.push_back({number(Kind::I32), true, 0});
    for (u32 count = choices_.below(7); count > 0; count--) {
      GlobalPlan global;
      global.type = pick_type();
      global.is_mutable = choices_.chance(85);
      global.bits = pick_bits(global.type.kind);
      plan_.globals.push_back(global);
    }
  }

  void add_tags() {
    plan_.has_legacy_exceptions = has(Feature::LegacyExceptions) && choices_.chance(30);
    for (u32 count = choices_.between(1, 3); count > 0; count--) {
      TypePlan thrown, caught, caught_with_ref;
      for (u32 k = choices_.below(4); k > 0; k--) thrown.params.push_back(pick_type());
      caught.results = caught_with_ref.results = thrown.params;
      caught_with_ref.results.push_back(reference(kHeapExn));
      TagPlan tag;
      tag.type = add_type(std::move(thrown));
      tag.block = add_type(std::move(caught));
      if (!plan_.has_legacy_exceptions) tag.block_with_ref = add_type(std::move(caught_with_ref));
      plan_.tags.push_back(tag);
    }
  }

  u32 add_type(TypePlan type) {
    type.group = next_group_++;
    plan_.types.push_back(std::move(type));
    return static_cast<u32>(plan_.types.size()) - 1;
  }

  void add_segments() {
    for (u32 count = plan_.memories.empty() ? 0 : choices_.below(4); count > 0; count--) {
      SegmentPlan segment;
      segment.into = choices_.below(static_cast<u32>(plan_.memories.size()));
      const u32 size = static_cast<u32>(plan_.memories[segment.into].bytes());
      const u32 bytes = choices_.chance(10) ? choices_.below(300) : choices_.below(24);
      segment.is_active = size >= bytes && choices_.chance(60);
      for (u32 i = 0; i < bytes; i++) segment.bytes.push_back(static_cast<u8>(choices_.below(256)));
      if (size >= bytes) {
        constexpr u32 kPlaces[] = {0, 1, 60, 4090, 32768};
        const u32 place = kPlaces[choices_.below(5)];
        segment.offset = choices_.chance(30) ? size - bytes : std::min(place, size - bytes);
      }
      plan_.data.push_back(std::move(segment));
    }
    plan_.call_table.assign(plan_.tables[0].size, -1);
    for (u32 count = 1 + choices_.below(3); count > 0; count--) add_elements(count == 1);
  }

  // The last one fills the table that calls go through.
  void add_elements(bool is_last) {
    SegmentPlan segment;
    const u32 functions = static_cast<u32>(plan_.functions.size());
    segment.element = reference(kHeapFunc);
    const TablePlan& table = plan_.tables[0];
    segment.is_active = is_last || choices_.chance(40);
    u32 count = is_last ? table.size : choices_.below(6);
    if (segment.is_active) count = std::min(count, table.size);
    for (u32 i = 0; i < count; i++) {
      const bool is_null = choices_.chance(8);
      segment.values.push_back(is_null ? -1 : static_cast<i32>(choices_.below(functions)));
    }
    if (segment.is_active) {
      segment.offset = choices_.below(table.size - count + 1);
      std::copy(segment.values.begin(), segment.values.end(),
                plan_.call_table.begin() + segment.offset);
    }
    plan_.elements.push_back(std::move(segment));
  }

  Choices& choices_;
  ModulePlan plan_;
  u32 next_group_ = 0;
  u32 first_data_ = 0;
  u32 data_types_ = 0;
  u32 first_function_ = 0;
  bool is_ready_ = false;  // Function types may be referred to.
};

}  // namespace

const std::vector<HostImport>& host_imports() {
  static const std::vector<HostImport> imports = {
      {"mix",
       {number(Kind::I32), number(Kind::I64), number(Kind::F64), number(Kind::F32)},
       {number(Kind::I64)}},
      {"tick", {}, {}},
  };
  return imports;
}

ModulePlan make_plan(Choices& choices, const FeatureSet& features) {
  return Planner(choices, features).make();
}

bool ModulePlan::is_heap_subtype(i32 sub, i32 super) const {
  if (sub == super) return true;
  if (sub >= 0 && super >= 0) {
    for (i32 t = sub; t >= 0; t = types[static_cast<usize>(t)].supertype) {
      if (t == super) return true;
    }
    return false;
  }
  if (sub >= 0) {
    switch (types[static_cast<usize>(sub)].composite) {
      case Composite::Func:
        return super == kHeapFunc;
      case Composite::Struct:
        return super == kHeapStruct || super == kHeapEq || super == kHeapAny;
      case Composite::Array:
        return super == kHeapArray || super == kHeapEq || super == kHeapAny;
    }
  }
  const bool super_is_func =
      super == kHeapFunc ||
      (super >= 0 && types[static_cast<usize>(super)].composite == Composite::Func);
  switch (sub) {
    case kHeapNoFunc:
      return super_is_func;
    case kHeapNoExtern:
      return super == kHeapExtern;
    case kHeapNoExn:
      return super == kHeapExn;
    case kHeapNone:
      return !super_is_func && super != kHeapExtern && super != kHeapExn &&
             super != kHeapNoExtern && super != kHeapNoFunc && super != kHeapNoExn;
    case kHeapI31:
    case kHeapStruct:
    case kHeapArray:
      return super == kHeapEq || super == kHeapAny;
    case kHeapEq:
      return super == kHeapAny;
    default:
      return false;
  }
}

bool ModulePlan::is_subtype(const Type& sub, const Type& super) const {
  if (sub.kind != super.kind) return false;
  if (!sub.is_ref()) return true;
  return (!sub.nullable || super.nullable) && is_heap_subtype(sub.heap, super.heap);
}

}  // namespace lr::fuzz
