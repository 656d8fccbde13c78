// What the compiler knows about one value of the operand stack.
//
//   Const    the bits are known; no code has been emitted for it
//   Local    the value that a local has now: reads the local's register or slot when used.
//            All such entries of one local are chained, newest first, so that a write to the
//            local can find and save them
//   Reg      in a register that nobody else uses
//   Slot     in its own slot of the frame
//   Compare  the comparison in Compiler::pending_; only ever the newest value, and the next
//            instruction consumes it
#pragma once

#include "base/types.h"
#include "frontend/types.h"
#include "jit/masm/masm.h"

namespace lr::jit {

inline constexpr u32 kNone = ~u32{0};

struct Value {
  enum class Where : u8 { Const, Local, Reg, Slot, Compare };

  Where where = Where::Slot;
  Kind type = Kind::I32;  // I8, I16 and Bottom never occur.
  Reg reg;                // Reg
  union {
    u32 local = kNone;  // Local
    u32 slot;           // Slot: the stack index whose slot holds it (its own, while on the stack)
  };
  union {
    u64 bits = 0;  // Const; of a v128 its place in Compiler::vectors_
    u32 older;     // Local: stack index of the next older entry of the same local, or kNone
  };
};
static_assert(sizeof(Value) == 16);

constexpr bool in_vector(Kind type) {
  return type == Kind::F32 || type == Kind::F64 || type == Kind::V128;
}
constexpr bool is_64(Kind type) {
  return type == Kind::I64 || type == Kind::F64 || type == Kind::Ref;
}

// How a value moves between a register and memory; I8 and I16 are those of packed fields.
constexpr Load load_of(Kind kind, bool is_signed = false) {
  switch (kind) {
    case Kind::I8:
      return is_signed ? Load::I32Load8S : Load::I32Load8U;
    case Kind::I16:
      return is_signed ? Load::I32Load16S : Load::I32Load16U;
    case Kind::I32:
      return Load::I32;
    case Kind::F32:
      return Load::F32;
    case Kind::F64:
      return Load::F64;
    case Kind::V128:
      return Load::V128;
    default:
      return Load::I64;
  }
}
constexpr Store store_of(Kind kind) {
  switch (kind) {
    case Kind::I8:
      return Store::I8;
    case Kind::I16:
      return Store::I16;
    case Kind::I32:
      return Store::I32;
    case Kind::F32:
      return Store::F32;
    case Kind::F64:
      return Store::F64;
    case Kind::V128:
      return Store::V128;
    default:
      return Store::I64;
  }
}

// How a value moves, whole, between a register and its slot of the frame; a v128's slot has two
// words, all others one.
constexpr Load slot_load(Kind type, Reg reg) {
  if (type == Kind::V128) return Load::V128;
  return reg.is_vector() ? Load::F64 : Load::I64;
}
constexpr Store slot_store(Kind type, Reg reg) {
  if (type == Kind::V128) return Store::V128;
  return reg.is_vector() ? Store::F64 : Store::I64;
}
constexpr i32 slot_words(Kind type) { return type == Kind::V128 ? 2 : 1; }

constexpr Kind int_kind(Width width) { return width == Width::W32 ? Kind::I32 : Kind::I64; }

}  // namespace lr::jit
