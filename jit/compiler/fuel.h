// Where a function pays for the instructions that it executes, under Preempt::Fuel.
//
// A stretch of code that is always executed as a whole, however often, is paid for at its start:
//
//   a b if c d else e end f br_if 0 g end h        (the block that br_if leaves ends before h)
//
//   [a b if f br_if h]  before a     [c d]  behind the if     [e]  behind the else
//   [g]                 behind the br_if
//
// A loop's header pays for what each iteration executes, so an iteration without branches pays
// once. What is left in the middle by a branch out of a loop, a trap or an exception is not given
// back, and a short stretch is paid for with what leads to it whether it is executed or not: to pay
// for it costs more than it is worth. So a count is exact in straight lines and loops, and at most
// twice what it should be where there are many short branches.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "frontend/facts.h"
#include "frontend/opcode.h"

namespace lr::jit {

class BodyReader;

struct FuelCharge {
  u32 offset = 0;  // Of the instruction before which it is due, in the module's bytes.
  u32 units = 0;
  bool checked = false;  // Whether the slice may end there: at loop headers and entries.
  // For the plan: the charge that was paid on every way to this one, and what of the units is for
  // instructions that may be skipped.
  u32 before = 0;
  u32 doubtful = 0;
};

class FuelPlan {
 public:
  static constexpr u32 kShortUnits = 16;

  // The function has been validated, with `facts`; its first instruction is at `begin` of the
  // module's bytes. `inlined_units` says what a call of a function costs beside its own unit
  // because the callee's body stands in its place.
  using InlinedUnits = std::function<u32(u32)>;
  void make(const u8* module, u32 begin, const FuncFacts& facts, const InlinedUnits& inlined_units,
            u32 short_units = kShortUnits);

  // By offset.
  std::span<const FuelCharge> charges() const { return charges_; }

 private:
  static constexpr u32 kNone = ~u32{0};
  struct Frame {
    enum class Form : u8 { Block, Loop, If, Arms };
    u32 outer = 0;       // The stretch before it.
    u32 escape = kNone;  // The outermost frame that a branch from inside leads to.
    Form form = Form::Block;
    bool is_joined = false;  // Its end is reached in another way than by falling through all of it.
  };

  void step(Op op, BodyReader& reader, const InlinedUnits& inlined_units);
  void enter(Frame::Form form) { frames_.push_back({.outer = now_, .form = form}); }
  void enter_loop(const LoopFacts& loop, u32 offset);
  void enter_try_table(BodyReader& reader);
  void next_arm(u32 offset);
  void leave(u32 offset);
  void branch(u32 depth);
  void begin_stretch(u32 offset, u32 before);
  void join_short(FuelCharge& charge, u32 short_units);
  bool skip_dead(Op op, BodyReader& reader);

  std::vector<FuelCharge> charges_;
  std::vector<Frame> frames_;
  const FuncFacts* facts_ = nullptr;
  u32 next_loop_ = 0;
  u32 now_ = 0;  // The stretch of the instruction that is read.
  bool reachable_ = true;
  u32 dead_depth_ = 0;  // Blocks opened since it is not.
};

// What an instruction costs: 0 or 1. For tests and whoever counts otherwise.
u32 fuel_units_of(Op op);

}  // namespace lr::jit
