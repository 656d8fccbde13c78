// References: functions, structures, arrays, casts.
#include <algorithm>

#include "spec-tests/fuzz/code_generator.h"
#include "spec-tests/fuzz/constants.h"

namespace lr::fuzz {

namespace {

constexpr u32 kArrayBytesMin = 4;  // Most arrays have at least so many elements.

}  // namespace

// A type that is not nullable is a wish: the value may have the nullable type.
void CodeGenerator::reference_value(Type type) {
  depth_++;
  if (!spend() || depth_ > kDepthMax || is_leaf_ || chance(40)) {
    reference_leaf(type);
  } else {
    const Type wanted = reference(type.heap);
    switch (choices_.below(9)) {
      case 0:
        if (const u32 table = pick_table(wanted); table != kNoLocal) {
          table_index(table);
          op(Op::TableGet, table);
        } else {
          reference_leaf(type);
        }
        break;
      case 1:
        select(wanted);
        break;
      case 2:
        if_value(wanted);
        break;
      case 3:
        if (!call(&wanted)) reference_leaf(type);
        break;
      case 4:
        // What local.tee leaves has the local's type.
        if (const u32 local = pick_local(wanted, true);
            local != kNoLocal && locals_[local] == wanted) {
          tee(wanted, local);
        } else {
          reference_leaf(type);
        }
        break;
      case 5:
        if (!has(Feature::Gc) || !data_access(wanted)) reference_leaf(type);
        break;
      case 6:
        cast_value(type);
        break;
      default:
        reference_leaf(type);
    }
  }
  depth_--;
}

void CodeGenerator::reference_leaf(Type type) {
  if (chance(type.nullable ? 50 : 20)) {
    const u32 local = pick_local(reference(type.heap), false);
    if (local != kNoLocal) return op(Op::LocalGet, local);
  }
  if (type.nullable && chance(25)) return null(type.heap);
  const bool is_defined = type.heap >= 0;
  const bool is_function =
      type.heap == kHeapFunc ||
      (is_defined && plan_.types[static_cast<usize>(type.heap)].composite == Composite::Func);
  if (is_function) {
    const u32 count = static_cast<u32>(plan_.functions.size());
    const u32 first = choices_.below(count);
    for (u32 i = 0; i < count; i++) {
      const u32 function = (first + i) % count;
      if (is_defined && plan_.functions[function].type != static_cast<u32>(type.heap)) continue;
      return op(Op::RefFunc, function);
    }
    return null(type.heap);
  }
  if (is_defined) {
    const i32 described = plan_.types[static_cast<usize>(type.heap)].describes;
    if (described >= 0 && depth_ < kDepthMax - 2 && chance(40)) {
      object(static_cast<u32>(described));
      return op(Op::RefGetDesc, static_cast<u32>(described));
    }
    return make_data(static_cast<u32>(type.heap));
  }
  const bool convert = has(Feature::Gc) && depth_ < kDepthMax && chance(25);
  if (type.heap == kHeapExtern && convert) {
    reference_value(reference(kHeapAny));
    return op(Op::ExternConvertAny);
  }
  if (type.heap == kHeapAny && convert) {
    reference_value(reference(kHeapExtern));
    return op(Op::AnyConvertExtern);
  }
  data_leaf(type.heap);
}

// Something that has the abstract type.
void CodeGenerator::data_leaf(i32 heap) {
  const bool takes_i31 = heap == kHeapI31 || heap == kHeapEq || heap == kHeapAny;
  if (takes_i31 && (heap == kHeapI31 || chance(40))) {
    depth_ < kDepthMax ? exact(number(Kind::I32)) : constant(Kind::I32);
    return op(Op::RefI31);
  }
  const u32 data = pick_data(heap);
  if (data == kNoLocal) return null(heap);
  make_data(data);
}

void CodeGenerator::null(i32 heap) {
  op(Op::RefNull);
  write_heap(out_, heap);
}

// A structure or array that has the heap type, or kNoLocal.
u32 CodeGenerator::pick_data(i32 heap) {
  const u32 count = static_cast<u32>(plan_.types.size());
  const u32 first = choices_.below(count);
  for (u32 i = 0; i < count; i++) {
    const u32 type = (first + i) % count;
    if (plan_.types[type].composite == Composite::Func) continue;
    if (plan_.is_heap_subtype(static_cast<i32>(type), heap)) return type;
  }
  return kNoLocal;
}

// A new object of the type or of one that extends it.
void CodeGenerator::make_data(u32 type) {
  if (chance(30)) type = pick_data(static_cast<i32>(type));
  const TypePlan& plan = plan_.types[type];
  const bool is_deep = depth_ >= kDepthMax - 2 || budget_ <= 0;
  if (plan.composite == Composite::Struct) {
    const bool is_described = plan.descriptor >= 0;
    const bool is_default = is_deep || chance(25);
    if (!is_default) {
      depth_++;
      for (const FieldPlan& field : plan.fields) field_value(field);
      depth_--;
    }
    if (!is_described) return op(is_default ? Op::StructNewDefault : Op::StructNew, type);
    descriptor(type);
    return op(is_default ? Op::StructNewDefaultDesc : Op::StructNewDesc, type);
  }
  const FieldPlan element = plan.fields[0];
  switch (is_deep ? 0 : choices_.below(5)) {
    case 1:
      depth_++;
      field_value(element);
      depth_--;
      i32_const(kArrayBytesMin + choices_.below(5));
      return op(Op::ArrayNew, type);
    case 2: {
      const u32 count = kArrayBytesMin + choices_.below(3);
      depth_++;
      for (u32 i = 0; i < count; i++) field_value(element);
      depth_--;
      op(Op::ArrayNewFixed, type);
      return out_.uleb(count);
    }
    case 3: {
      const bool is_data = !element.type.is_ref();
      const auto& segments = is_data ? plan_.data : plan_.elements;
      if (segments.empty() || (!is_data && element.type.heap != kHeapFunc)) break;
      const u32 segment = choices_.below(static_cast<u32>(segments.size()));
      i32_const(choices_.below(3));
      i32_const(chance(80) ? 0 : choices_.below(8));
      op(is_data ? Op::ArrayNewData : Op::ArrayNewElem, type);
      return out_.uleb(segment);
    }
    default:
      break;
  }
  if (chance(15) && !is_deep) {
    exact(number(Kind::I32));
    i32_const(15);
    op(Op::I32And);
  } else {
    i32_const(kArrayBytesMin + choices_.below(5));
  }
  op(Op::ArrayNewDefault, type);
}

// An object that describes one of the type: mostly the one that this call of the function always
// takes, so that casts by it succeed.
void CodeGenerator::descriptor(u32 described) {
  const i32 type = plan_.types[described].descriptor;
  if (chance(15)) return op(Op::StructNewDefault, static_cast<u32>(type));
  const Type exact{Kind::Ref, true, type, true};
  const auto found = std::ranges::find(locals_, exact);
  const u32 local =
      found != locals_.end() ? static_cast<u32>(found - locals_.begin()) : add_reserved(exact);
  op(Op::LocalGet, local);
  op(Op::RefIsNull);
  op(Op::If);
  out_.byte(0x40);
  op(Op::StructNewDefault, static_cast<u32>(type));
  op(Op::LocalSet, local);
  op(Op::End);
  op(Op::LocalGet, local);
}

void CodeGenerator::field_value(FieldPlan field) {
  if (field.type.kind == Kind::I8 || field.type.kind == Kind::I16) return exact(number(Kind::I32));
  exact(field.type);
}

// An object of the type, seldom null.
void CodeGenerator::object(u32 type) {
  const i32 heap = static_cast<i32>(type);
  if (chance(20)) {
    reference_value(reference(heap));
    if (chance(30)) op(Op::RefAsNonNull);
    return;
  }
  if (chance(50)) return make_data(type);
  op(Op::Block);
  block_type({reference(heap, false)});
  open_label({reference(heap, false)}, false);
  reference_value(reference(heap));
  op(Op::BrOnNonNull, 0);
  make_data(type);
  op(Op::End);
  close_label();
}

void CodeGenerator::array_index() {
  if (chance(40)) return i32_const(choices_.below(kArrayBytesMin));
  exact(number(Kind::I32));
  if (chance(taste_.hostile)) return;
  i32_const(kArrayBytesMin - 1);
  op(Op::I32And);
}

// A field or element of that type; false if there is none.
bool CodeGenerator::data_access(Type result) {
  const u32 count = static_cast<u32>(plan_.types.size());
  const u32 first = choices_.below(count);
  for (u32 i = 0; i < count; i++) {
    const u32 type = (first + i) % count;
    const TypePlan& plan = plan_.types[type];
    for (u32 f = 0; f < plan.fields.size(); f++) {
      const Type field = plan.fields[f].type;
      const bool is_packed = field.kind == Kind::I8 || field.kind == Kind::I16;
      const bool fits = is_packed ? result.kind == Kind::I32 : plan_.is_subtype(field, result);
      if (!fits || chance(30)) continue;
      object(type);
      const u32 sign = choices_.below(2);
      if (plan.composite == Composite::Struct) {
        op(!is_packed ? Op::StructGet : sign == 0 ? Op::StructGetU : Op::StructGetS, type);
        out_.uleb(f);
      } else {
        array_index();
        op(!is_packed ? Op::ArrayGet : sign == 0 ? Op::ArrayGetU : Op::ArrayGetS, type);
      }
      return true;
    }
  }
  return false;
}

void CodeGenerator::data_statement() {
  if (!has(Feature::Gc)) return bulk_table();
  const u32 type = pick_data(kHeapAny);
  if (type == kNoLocal) return;
  const TypePlan& plan = plan_.types[type];
  if (plan.composite == Composite::Array) return array_statement(type);
  for (u32 f = 0; f < plan.fields.size(); f++) {
    if (!plan.fields[f].is_mutable || chance(40)) continue;
    object(type);
    between_operands();
    field_value(plan.fields[f]);
    op(Op::StructSet, type);
    return out_.uleb(f);
  }
}

void CodeGenerator::array_statement(u32 type) {
  const FieldPlan element = plan_.types[type].fields[0];
  if (!element.is_mutable) return;
  object(type);
  array_index();
  switch (choices_.below(5)) {
    case 0:
      field_value(element);
      i32_const(choices_.below(2));
      return op(Op::ArrayFill, type);
    case 1:
      object(type);
      array_index();
      i32_const(choices_.below(2));
      op(Op::ArrayCopy, type);
      return out_.uleb(type);
    case 2: {
      const bool is_data = !element.type.is_ref();
      const auto& segments = is_data ? plan_.data : plan_.elements;
      if (segments.empty() || (!is_data && element.type.heap != kHeapFunc)) break;
      i32_const(choices_.below(2));
      i32_const(choices_.below(2));
      op(is_data ? Op::ArrayInitData : Op::ArrayInitElem, type);
      return out_.uleb(choices_.below(static_cast<u32>(segments.size())));
    }
    default:
      break;
  }
  field_value(element);
  op(Op::ArraySet, type);
}

// -- Tests and casts ------------------------------------------------------------------------------

void CodeGenerator::reference_test() {
  if (!has(Feature::ReferenceTypes)) return constant(Kind::I32);
  if (!has(Feature::Gc) || chance(30)) {
    reference_value(reference(chance(80) ? kHeapFunc : kHeapExtern));
    return op(Op::RefIsNull);
  }
  const i32 from = pick_top();
  reference_value(reference(from));
  op(chance(50) ? Op::RefTest : Op::RefTestNull);
  write_heap(out_, pick_below(from));
}

// any or func.
i32 CodeGenerator::pick_top() { return chance(80) ? kHeapAny : kHeapFunc; }

// A heap type of that hierarchy.
i32 CodeGenerator::pick_below(i32 top) {
  if (chance(60)) {
    const u32 count = static_cast<u32>(plan_.types.size());
    const u32 first = choices_.below(count);
    for (u32 i = 0; i < count; i++) {
      const i32 type = static_cast<i32>((first + i) % count);
      if (plan_.is_heap_subtype(type, top)) return type;
    }
  }
  if (top == kHeapFunc) return chance(80) ? kHeapFunc : kHeapNoFunc;
  constexpr i32 kHeaps[] = {kHeapAny, kHeapEq, kHeapI31, kHeapStruct, kHeapArray, kHeapNone};
  return kHeaps[choices_.below(6)];
}

// Down from the top of the hierarchy, by a branch that is taken if the cast succeeds or fails.
void CodeGenerator::cast_value(Type type) {
  const bool is_func =
      type.heap == kHeapFunc ||
      (type.heap >= 0 && plan_.types[static_cast<usize>(type.heap)].composite == Composite::Func);
  if (!has(Feature::Gc) || type.heap == kHeapExtern || type.heap == kHeapExn) {
    return reference_leaf(type);
  }
  const i32 top = is_func ? kHeapFunc : kHeapAny;
  const bool is_described =
      !is_func && type.heap >= 0 && plan_.types[static_cast<usize>(type.heap)].descriptor >= 0;
  if (is_described && chance(20)) {
    reference_value(reference(chance(60) ? type.heap : top));
    descriptor(static_cast<u32>(type.heap));
    op(chance(50) ? Op::RefCastDescEq : Op::RefCastDescEqNull);
    return write_heap(out_, type.heap);
  }
  if (chance(20)) {  // May trap; `none` behind it would do so always.
    reference_value(reference(chance(60) ? type.heap : top));
    op(chance(50) ? Op::RefCast : Op::RefCastNull);
    return write_heap(out_, type.heap);
  }
  op(Op::Block);
  block_type({reference(type.heap)});
  open_label({reference(type.heap)}, false);
  reference_value(reference(top));
  const bool to_nullable = chance(50);
  const bool by_descriptor = is_described && chance(60);
  if (by_descriptor) descriptor(static_cast<u32>(type.heap));
  op(by_descriptor ? Op::BrOnCastDescEq : Op::BrOnCast);
  out_.byte(1 | (to_nullable ? 2 : 0));
  out_.uleb(0);
  write_heap(out_, top);
  write_heap(out_, type.heap);
  op(Op::Drop);
  reference_leaf(type);
  op(Op::End);
  close_label();
}

// Away with what a label wants, if the newest value is null.
void CodeGenerator::branch_on_null() {
  for (u32 label = 0; label < labels_.size(); label++) {
    if (labels_[label].types.empty() && !labels_[label].is_loop) {
      return op(Op::BrOnNull, label_depth(label));
    }
  }
}

void CodeGenerator::cast_branch() {
  if (!has(Feature::Gc)) return;
  const i32 top = pick_top();
  const i32 heap = pick_below(top);
  op(Op::Block);
  block_type({reference(top)});
  open_label({reference(top)}, false);
  reference_value(reference(top));
  if (chance(50)) {
    const bool by_descriptor =
        heap >= 0 && plan_.types[static_cast<usize>(heap)].descriptor >= 0 && chance(60);
    if (by_descriptor) descriptor(static_cast<u32>(heap));
    op(by_descriptor ? Op::BrOnCastDescEqFail : Op::BrOnCastFail);
    out_.byte(1 | (chance(50) ? 2 : 0));
    out_.uleb(0);
    write_heap(out_, top);
    write_heap(out_, heap);
  } else {
    branch_on_null();
  }
  statements(1);
  op(Op::End);
  close_label();
  consume(reference(top));
}

}  // namespace lr::fuzz
