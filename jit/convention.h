// Where the values of a function type travel by the wasm convention (masm/target.h has the rules),
// and where in a value array (jit/host_function.h).
#pragma once

#include <span>
#include <vector>

#include "frontend/types.h"
#include "jit/masm/target.h"

namespace lr::jit {

struct ValuePlace {
  ValType type;
  Reg reg = kNoReg;      // Or on the stack:
  u32 stack_offset = 0;  // From the start of the stack arguments, or of the stack results.
  u32 word = 0;          // In a value array.
};

struct ValuePlaces {
  std::vector<ValuePlace> values;
  u32 stack_bytes = 0;  // A multiple of 16.
  u32 words = 0;
};

ValuePlaces place_values(std::span<const ValType> types, std::span<const Reg> int_regs,
                         std::span<const Reg> vector_regs);

// Both sides of a function type.
struct Convention {
  Convention(const Target& target, std::span<const ValType> params,
             std::span<const ValType> results);

  ValuePlaces params;
  ValuePlaces results;
};

}  // namespace lr::jit
