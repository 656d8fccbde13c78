// What the generator has to know about instructions whose typing needs no context, read from
// opcodes.def: which of them make a value of a type, and where the bits of a NaN could show.
//
// The bits of a NaN that arithmetic makes are not specified, so results of arithmetic are "loose".
// Loose values may flow through everything that treats all NaNs alike. Before their bits become
// visible (stores, reinterpretation, lanes) the generator makes every NaN the same.
#pragma once

#include <span>
#include <vector>

#include "frontend/features.h"
#include "frontend/opcode.h"
#include "spec-tests/fuzz/module_plan.h"

namespace lr::fuzz {

// Whose lanes may hold unspecified NaN bits. A scalar has one lane.
enum class Loose : u8 { No, F32, F64 };

struct OpFacts {
  Loose result = Loose::No;
  // Which looseness of its operands of type f32, f64 or v128 the instruction takes.
  Loose takes = Loose::No;
  bool last_exact = false;  // copysign, replace_lane: not that of the last operand.
  bool may_trap = false;    // Division, conversion: mostly wants an operand that does not.
};

const OpFacts& facts_of(Op op);

// Instructions by what they do, for one set of features.
class OpTables {
 public:
  OpTables(const FeatureSet& features, bool has_relaxed);

  // Of [..] -> [kind], without an access to memory.
  std::span<const Op> operators(Kind kind) const { return operators_[static_cast<usize>(kind)]; }
  std::span<const Op> loads(Kind kind) const { return loads_[static_cast<usize>(kind)]; }
  std::span<const Op> stores() const { return stores_; }
  std::span<const Op> wide() const { return wide_; }  // With two results.

 private:
  void add(Op op);

  std::vector<Op> operators_[6];
  std::vector<Op> loads_[6];  // Atomic ones as well, all that return a value.
  std::vector<Op> stores_;
  std::vector<Op> wide_;
};

}  // namespace lr::fuzz
