// References, structures, arrays, casts, exceptions.
#include "spec-tests/fuzz/code_generator.h"
#include "spec-tests/fuzz/constants.h"

namespace lr::fuzz {

void CodeGenerator::reference_value(Type type) {
  depth_++;
  if (!spend() || depth_ > kDepthMax || is_leaf_ || chance(40)) {
    reference_leaf(type);
  } else {
    switch (choices_.below(8)) {
      case 0: {
        const u32 table = pick_table(type);
        if (table == kNoLocal || !type.nullable) {
          reference_leaf(type);
          break;
        }
        table_index(table);
        op(Op::TableGet, table);
        break;
      }
      case 1:
        select(type);
        break;
      case 2:
        if_value(type);
        break;
      case 3:
        if (!call(&type)) reference_leaf(type);
        break;
      case 4:
        if (const u32 local = pick_local(type, true); local != kNoLocal) {
          tee(type, local);
        } else {
          reference_leaf(type);
        }
        break;
      default:
        reference_leaf(type);
    }
  }
  depth_--;
}

void CodeGenerator::reference_leaf(Type type) {
  if (chance(50)) {
    const u32 local = pick_local(type, false);
    if (local != kNoLocal) return op(Op::LocalGet, local);
  }
  if (type.nullable && chance(25)) {
    op(Op::RefNull);
    return write_heap(out_, type.heap);
  }
  const bool is_function =
      type.heap == kHeapFunc ||
      (type.heap >= 0 &&
       plan_.types[static_cast<usize>(type.heap)].composite == Composite::Func);
  if (is_function) {
    const u32 count = static_cast<u32>(plan_.functions.size());
    const u32 first = choices_.below(count);
    for (u32 i = 0; i < count; i++) {
      const u32 function = (first + i) % count;
      if (type.heap >= 0 && plan_.functions[function].type != static_cast<u32>(type.heap)) continue;
      return op(Op::RefFunc, function);
    }
  }
  op(Op::RefNull);
  write_heap(out_, type.heap);
}

void CodeGenerator::reference_test() {
  if (!has(Feature::ReferenceTypes)) return constant(Kind::I32);
  reference_value(reference(chance(80) ? kHeapFunc : kHeapExtern));
  op(Op::RefIsNull);
}

bool CodeGenerator::data_access(Type) { return false; }
void CodeGenerator::data_statement() {}
void CodeGenerator::cast_branch() {}
void CodeGenerator::try_statement() {}
void CodeGenerator::throw_statement() {}

}  // namespace lr::fuzz
