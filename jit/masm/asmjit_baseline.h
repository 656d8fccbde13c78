// What masm_bench compares the Masms with: asmjit's own path for the same instructions.
#pragma once

#include <memory>
#include <span>

#include "jit/masm/reg.h"

namespace lr::jit {

// The operands of one round of instructions.
struct EmitOperands {
  Reg dst, lhs, rhs, vdst, vlhs, vrhs;
  i32 imm, disp;
};

class AsmjitBaseline {
 public:
  AsmjitBaseline();
  ~AsmjitBaseline();
  // Twelve instructions for each, as emit_all() in masm_bench.cc has them. Returns the code.
  const u8* emit(std::span<const EmitOperands> rounds);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lr::jit
