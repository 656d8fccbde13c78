// Loops that need no check in each iteration. An innermost loop that calls nothing and whose every
// iteration adds the same constant to a local is counted: the local's bits say which iteration it
// is, so that a test of a register finds every so-manieth, in which the check is made. If the local
// starts from a constant and is compared with one, and the iterations are few, there is none at
// all.
#pragma once

#include <optional>

#include "frontend/facts.h"
#include "frontend/opcode.h"

namespace lr::jit {

class BodyReader;

// A local that each iteration changes by `step`, not 0.
struct CountedLoop {
  u32 local = 0;
  bool is_64 = false;
  i64 step = 0;
  u32 instructions = 0;     // Of the body.
  bool has_limit = false;   // It goes on while (local, after the step) `relation` limit.
  Op relation = Op::I32Ne;  // Of i32, also for an i64.
  i64 limit = 0;

  // In how many iterations the body executes about `budget` instructions: a power of 2.
  u32 stride(u32 budget) const;
  // The bits of the local that are all 0 in one of `stride` successive iterations; 0 if there is no
  // such mask of 31 bits.
  u32 mask(u32 stride) const;
  // How many iterations there are from `start`, if that can be said.
  std::optional<u64> iterations(i64 start) const;
};

// `reader` is at the first instruction of the loop's body, and stays there.
std::optional<CountedLoop> find_counted(BodyReader reader, const LoopFacts& loop);

}  // namespace lr::jit
