// What an instruction does that facts.h tells about a loop or a function.
#pragma once

#include <array>

#include "frontend/opcode.h"

namespace lr {

enum Effect : u8 {
  kEffectCall = 1,    // Calls, or runs a helper.
  kEffectGrow = 2,    // memory.grow.
  kEffectMemory = 4,  // Reads or writes a memory, or asks for its size.
  kEffectDiv = 8,  // Wants the registers of a division (a wide product and a compare-exchange do).
  kEffectShift = 16,  // Shift or rotation (by a count that may be constant).
  kEffectSimd = 32,   // Has a v128 operand or result.
};

namespace internal {

constexpr bool is_helper_call(Op op) {
  switch (op) {
    case Op::Call:
    case Op::CallIndirect:
    case Op::CallRef:
    case Op::ReturnCall:
    case Op::ReturnCallIndirect:
    case Op::ReturnCallRef:
    case Op::Throw:
    case Op::ThrowRef:
    case Op::Rethrow:
    case Op::RefFunc:
    case Op::MemoryGrow:
    case Op::MemoryCopy:
    case Op::MemoryFill:
    case Op::MemoryInit:
    case Op::DataDrop:
    case Op::TableGrow:
    case Op::TableCopy:
    case Op::TableFill:
    case Op::TableInit:
    case Op::ElemDrop:
    case Op::ArrayNew:
    case Op::ArrayNewData:
    case Op::ArrayNewElem:
    case Op::ArrayFill:
    case Op::ArrayCopy:
    case Op::ArrayInitData:
    case Op::ArrayInitElem:
    case Op::MemoryAtomicNotify:
    case Op::MemoryAtomicWait32:
    case Op::MemoryAtomicWait64:
      return true;
    default:
      return false;
  }
}

constexpr bool is_division(Op op) {
  return (op >= Op::I32DivS && op <= Op::I32RemU) || (op >= Op::I64DivS && op <= Op::I64RemU) ||
         op == Op::I64MulWideS || op == Op::I64MulWideU ||
         (op >= Op::I32AtomicRmwAnd && op <= Op::I64AtomicRmw32XorU) ||
         (op >= Op::I32AtomicRmwCmpxchg && op <= Op::I64AtomicRmw32CmpxchgU);
}

constexpr bool is_shift(Op op) {
  return (op >= Op::I32Shl && op <= Op::I32Rotr) || (op >= Op::I64Shl && op <= Op::I64Rotr);
}

constexpr bool has_vector(const Signature& signature) {
  for (char letter : signature.params) {
    if (letter == 'v') return true;
  }
  return signature.results[0] == 'v';
}

consteval u8 effects_of(Op op) {
  const OpInfo& row = info(op);
  bool is_memory = row.access_bytes != 0 || row.immediate == Immediate::MemoryIndex ||
                   row.immediate == Immediate::MemoryCopy || row.immediate == Immediate::MemoryInit;
  u8 effects = 0;
  if (is_helper_call(op)) effects |= kEffectCall;
  if (op == Op::MemoryGrow) effects |= kEffectGrow;
  if (is_memory) effects |= kEffectMemory;
  if (is_division(op)) effects |= kEffectDiv;
  if (is_shift(op)) effects |= kEffectShift;
  if (has_vector(row.signature)) effects |= kEffectSimd;
  return effects;
}

}  // namespace internal

inline constexpr std::array<u8, kOpCount> kEffects = {
#define OP(code, name, ...) internal::effects_of(Op::name),
#include "frontend/opcodes.def"
};

}  // namespace lr
