// One step for each instruction, by Op: what it does to the machine. steps.def says which; those of
// their own stand in the exec_*.cc, one file for a group of instructions.
#pragma once

#include <array>

#include "frontend/opcode.h"
#include "spec-tests/interpreter/machine.h"

namespace lr::interp {

using Step = void (*)(Machine& m, const Inst& inst);

extern const std::array<Step, kOpCount> kSteps;

#define PURE(...)
#define LOAD(...)
#define STORE(...)
#define LOAD_VECTOR(...)
#define LOAD_LANE(...)
#define STORE_LANE(...)
#define EXTRACT(...)
#define REPLACE(...)
#define ATOMIC_LOAD(...)
#define ATOMIC_STORE(...)
#define RMW(...)
#define CMPXCHG(...)
#define CUSTOM(op) void exec_##op(Machine& m, const Inst& inst);
#include "spec-tests/interpreter/steps.def"

// The address of `bytes` bytes of the memory that the instruction names, at `address` plus its
// offset; null, and a trap, if they are not all inside.
u8* effective_address(Machine& m, const Inst& inst, u64 address, u64 bytes);
// The same, and a trap if the sum is not a multiple of `bytes`, which comes before the bounds.
u8* atomic_address(Machine& m, const Inst& inst, u64 address, u64 bytes);

}  // namespace lr::interp
