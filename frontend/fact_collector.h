// Gathers FuncFacts during the validation pass: a constant number of steps for each use of a
// local, and for each loop a number bounded by its uses (an entry is merged outwards over at most
// kMergeLevels loops).
//
// The entries of all open loops lie in one stack, the inner loop's on top, below them one entry of
// each local for the whole function. A local knows its entry in the innermost loop's list by a
// stamp; an entry keeps the stamp it replaced, so that closing a loop restores the outer loop's
// view:
//
//   entries_   [all locals] [outer: a b c] [inner: b d]
//   closing inner:          b has an entry in outer: add to it; d has none: append it to outer
#pragma once

#include <vector>

#include "base/types.h"
#include "frontend/facts.h"

namespace lr {

// A local during validation: its type and its facts so far.
struct LocalState {
  static constexpr u32 kNoDef = ~u32{0};

  u64 type = 0;  // ValType as bits.
  u32 begin = 0;
  u32 last_use = 0;
  u32 last_loop = ~u32{0};  // The loop whose end is the interval's end, or kNoLoop.
  u32 def_depth = 0;        // Control depth and serial of the frame in which the interval begins.
  u32 def_serial = kNoDef;
  u32 loops_at_def = 0;  // Loops open where the interval begins.
  u32 stamp = 0;         // The loop in whose list `entry` is.
  u32 entry = 0;
  bool unset = false;  // Has no default value and none was written yet.
};

class FactCollector {
 public:
  static constexpr u32 kNoLoop = ~u32{0};
  static constexpr u32 kMergeLevels = 8;

  // For a function of which `params` of the locals are parameters. `facts` is emptied.
  void begin(FuncFacts& facts, std::vector<LocalState>& locals, u32 params);

  // Any control frame (`loop` has enter_loop besides), and the `else` or `catch` of one.
  void enter_frame() {
    if (++depth_ == serials_.size()) serials_.resize(2 * depth_);
    serials_[depth_] = ++last_serial_;
  }
  void next_arm() { serials_[depth_] = ++last_serial_; }
  void leave_frame() { serials_[depth_--] = 0; }

  void enter_loop(u32 offset);
  // `has_call` and `grows_memory` of the whole loop.
  void leave_loop(u32 end, bool has_call, bool grows_memory, bool has_backward_branch);

  [[gnu::always_inline]] void use(LocalState& local, u32 offset, bool write) {
    if (serials_.data()[local.def_depth] != local.def_serial) [[unlikely]] {
      place_begin(local, offset, write);
    }
    local.last_use = offset;
    local.last_loop = open_loops_.data()[local.loops_at_def];
    if (local.stamp != loop_stamp_) [[unlikely]]
      add_entry(local);
    Entry& entry = entries_.data()[local.entry];
    entry.weight++;
    entry.written |= write;
  }

  // Fills facts.locals.
  void finish();

  u32 open_loop() const { return open_loops_[open_loops_.size() - 2]; }

 private:
  struct Entry {
    u64 weight = 0;  // Far from wrapping: what is merged into it is saturated.
    u32 local = 0;
    u32 outer_stamp = 0;
    u32 outer_entry = 0;
    u8 levels = 0;  // Loops it was merged out of.
    bool written = false;
  };

  void place_begin(LocalState& local, u32 offset, bool write);
  void add_entry(LocalState& local);
  void merge_outwards(u32 first, u32 count, bool overflow);

  FuncFacts* facts_ = nullptr;
  std::vector<LocalState>* locals_ = nullptr;
  u32 loop_stamp_ = 0;  // Index of the innermost open loop, plus one; 0 outside.
  u32 last_serial_ = 0;
  u32 depth_ = 0;                // Of control; 0 is the function.
  std::vector<u32> serials_;     // By depth, of the open frames; zeros beyond.
  std::vector<u32> open_loops_;  // Indices, outermost first, then kNoLoop.
  std::vector<u32> firsts_;      // First entry of each open loop.
  std::vector<Entry> entries_;
};

}  // namespace lr
