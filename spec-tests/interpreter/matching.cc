#include "spec-tests/interpreter/matching.h"

#include "spec-tests/interpreter/store.h"

namespace lr::interp {

namespace {

Heap abstract_of(TypeId type) {
  switch (defined_type(type).composite) {
    case Composite::Func:
      return Heap::Func;
    case Composite::Struct:
      return Heap::Struct;
    case Composite::Array:
      return Heap::Array;
  }
  __builtin_unreachable();
}

bool matches_abstract(Heap sub, Heap super) {
  if (sub == super || sub == Heap::Bottom) return true;
  switch (super) {
    case Heap::Any:
      return sub == Heap::Eq || matches_abstract(sub, Heap::Eq);
    case Heap::Eq:
      return sub == Heap::I31 || sub == Heap::Struct || sub == Heap::Array || sub == Heap::None;
    case Heap::I31:
    case Heap::Struct:
    case Heap::Array:
      return sub == Heap::None;
    case Heap::Func:
      return sub == Heap::NoFunc;
    case Heap::Extern:
      return sub == Heap::NoExtern;
    case Heap::Exn:
      return sub == Heap::NoExn;
    default:
      return false;
  }
}

bool matches_heap(ValType sub, ValType super) {
  if (sub.heap != Heap::Defined && super.heap != Heap::Defined) {
    return matches_abstract(sub.heap, super.heap);
  }
  if (super.heap != Heap::Defined) return matches_abstract(abstract_of(sub.type), super.heap);
  if (sub.heap != Heap::Defined) {
    const bool is_func = abstract_of(super.type) == Heap::Func;
    return sub.heap == Heap::Bottom || sub.heap == (is_func ? Heap::NoFunc : Heap::None);
  }
  if (super.exact) return sub.exact && sub.type == super.type;
  return matches(sub.type, super.type);
}

bool matches_limits(u64 size, const Limits& given, const Limits& declared) {
  if (given.is_64 != declared.is_64 || given.is_shared != declared.is_shared) return false;
  if (size < declared.min) return false;
  return !declared.max || (given.max && *given.max <= *declared.max);
}

}  // namespace

bool matches(TypeId sub, TypeId super) {
  while (sub != super) {
    sub = defined_type(sub).supertype;
    if (sub == kNoType) return false;
  }
  return true;
}

bool matches(ValType sub, ValType super) {
  if (sub.kind == Kind::Bottom) return true;
  if (sub.kind != super.kind) return false;
  if (!sub.is_ref()) return true;
  return (!sub.nullable || super.nullable) && matches_heap(sub, super);
}

bool has_type(Ref ref, ValType type) {
  if (ref == kNull) return type.nullable;
  switch (type.heap) {
    case Heap::Any:
    case Heap::Extern:
    case Heap::Func:
    case Heap::Exn:
      return true;
    case Heap::None:
    case Heap::NoExtern:
    case Heap::NoFunc:
    case Heap::NoExn:
    case Heap::Bottom:
      return false;
    default:
      break;
  }
  const bool is_func = type.heap == Heap::Defined && abstract_of(type.type) == Heap::Func;
  if (!is_func && is_host(ref)) return false;
  if (!is_func && is_i31(ref)) return type.heap == Heap::I31 || type.heap == Heap::Eq;
  ValType dynamic = ref_to(is_func ? func_of(ref).type : object_of(ref).type, false);
  dynamic.exact = true;
  return matches_heap(dynamic, type);
}

bool matches_import(const Extern& given, const Module& module, const Import& declared) {
  if (given.kind != declared.kind) return false;
  switch (declared.kind) {
    case ExternKind::Func: {
      const TypeId type = module.functions[declared.index].type;
      return declared.exact ? given.func->type == type : matches(given.func->type, type);
    }
    case ExternKind::Table: {
      const TableType& type = module.tables[declared.index].type;
      return given.table->type.element == type.element &&
             matches_limits(given.table->elements.size(), given.table->type.limits, type.limits);
    }
    case ExternKind::Memory: {
      const MemoryType& type = module.memories[declared.index];
      return given.memory->type().page_size_log2 == type.page_size_log2 &&
             matches_limits(given.memory->size_pages(), given.memory->type().limits, type.limits);
    }
    case ExternKind::Global: {
      const GlobalType& type = module.globals[declared.index].type;
      if (given.global->type.is_mutable != type.is_mutable) return false;
      return type.is_mutable ? given.global->type.type == type.type
                             : matches(given.global->type.type, type.type);
    }
    case ExternKind::Tag:
      return given.tag->type == module.tags[declared.index];
  }
  return false;
}

}  // namespace lr::interp
