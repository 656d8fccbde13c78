// What the validation pass of one function leaves for the compiler's pass, which follows it at
// once: facts are never kept. Offsets are byte offsets in the whole module; the n-th structured
// instruction is counted in the order of the bytes, unreachable ones included.
#pragma once

#include <vector>

#include "base/types.h"

namespace lr {

// One for each local, parameters first.
struct LocalFacts {
  u32 weight = 0;  // Sum over all uses of 8^(loop depth), saturating.
  // The local's interval. `begin` is 0 (function entry) unless the first use is a write and all
  // other uses follow it before the end of the same control frame (an else or catch ends one).
  // `end` is the offset of the last use, moved to the `end` of the outermost loop entered after
  // `begin` that contains it. Locals with disjoint intervals may share a register, but two locals
  // of one loop whose values cross its back edge do not have disjoint intervals.
  u32 begin = 0;
  u32 end = 0;
  bool used = false;
  bool written = false;
  // The interval begins at function entry: a local that is no parameter must be zeroed there.
  bool from_entry() const { return begin == 0; }
};

struct LoopLocal {
  u32 local = 0;
  u32 weight = 0;  // Uses inside the loop, each times 8^(depth below this loop), saturating.
  bool written = false;
};

// One for each `loop`, in the order of their opcodes.
struct LoopFacts {
  static constexpr u32 kMaxLocals = 64;

  u32 begin = 0;         // Offset of the loop opcode.
  u32 end = 0;           // Offset of its `end`.
  u32 parent = ~u32{0};  // Index of the enclosing loop.
  // Distinct locals used in the loop, inner loops included: facts.loop_locals[first, first +
  // count).
  u32 locals_first = 0;
  u32 locals_count = 0;
  // More than kMaxLocals, or merged over too many levels: any local may be used, the list is not
  // complete.
  bool locals_overflow = false;
  bool has_call = false;  // Any instruction that calls, runs a helper or is a host call.
  bool grows_memory = false;
  bool innermost = true;
  bool has_backward_branch = false;  // Some branch targets this loop.
};

// One for each block, loop, if, try_table and (legacy) try, in the order of their opcodes.
struct BlockFacts {
  u32 end = 0;             // Offset of its `end`.
  bool is_target = false;  // Some branch other than falling through targets its label.
};

struct FuncFacts {
  std::vector<LocalFacts> locals;
  std::vector<LoopFacts> loops;
  std::vector<LoopLocal> loop_locals;
  std::vector<BlockFacts> blocks;
  u32 stack_max = 0;  // Highest number of values on the operand stack.
  u32 control_depth_max = 0;
  bool has_call = false;   // Any call, direct or indirect, or a helper call.
  bool has_div = false;    // Integer division or remainder, by a constant or not; or what else
                           // wants a machine's registers for it (effects.h).
  bool has_shift = false;  // Shift or rotate whose count is not a constant.
  bool uses_memory = false;
  bool has_simd = false;
  bool has_loop = false;

  void clear();  // Empties, keeps the capacity.
};

}  // namespace lr
