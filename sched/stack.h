// The stack of a process: a window at the top of a slot's stack area that first widens in place
// and then moves to a larger slot.
//
//   area   [ guard | never written ... | reserve | frames ... ] top
//                                      ^         ^
//                              written from here  run.stack_limit
//
// A new process may use a KiB, which lies in the page in which its memory begins; each time
// it needs more, the window doubles. So the limit says how much has to be wiped, and a stack of a
// megabyte costs what it uses.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/run_state.h"
#include "sched/slot_allocator.h"

namespace lr::sched {

// Of a new process, at least.
inline constexpr u64 kFirstStackWindow = kMeetingOffset;

class ProcessStack {
 public:
  ProcessStack() = default;
  ProcessStack(const ProcessStack&) = delete;
  ProcessStack& operator=(const ProcessStack&) = delete;

  // Puts the stack of `run` on the slot, which stays the caller's until release_to(). `max_bytes`
  // bounds what grow() may do. Writes run's stack_top, stack_limit and sp (= stack_top).
  void start(RunState& run, SlotAllocator& slots, const Slot& slot, u64 max_bytes);

  // After Leave::StackFull or before an activation: makes room for run.stack_need more bytes below
  // run.sp. Widens the window or moves the used part to a larger slot (frames hold no address of
  // their own stack) and updates run and its doorbell. Err::LimitExceeded when max_bytes does not
  // allow it: then the guest has overflown its stack.
  Status grow(RunState& run);

  // The same, but always moves, to try the code that must survive it.
  Status move(RunState& run);

  // For the next process on the same slot, instead of release() and start(): wipes what was used,
  // and gives a slot that the stack has moved to back. The window stays as wide as it was in the
  // first slot. `max_bytes` as in start().
  void reset(RunState& run, u64 max_bytes);
  // Of a stack that start() or reset() has just left: another bound for what comes.
  void set_max(RunState& run, u64 max_bytes);

  // How much of the first slot's stack area was written; gives any later slot back.
  u64 release(RunState& run);

  // That of start().
  const Slot& first_slot() const { return first_; }

 private:
  // Where it is once it has moved: in a slot of its own.
  struct Elsewhere {
    Slot slot;
    u64 first_used;  // What was written in the first slot.
  };

  const Slot& slot() const { return elsewhere_ == nullptr ? first_ : elsewhere_->slot; }
  Status move_to(RunState& run, u64 bytes);

  SlotAllocator* slots_ = nullptr;
  Slot first_;
  std::unique_ptr<Elsewhere> elsewhere_;
  u64 max_bytes_ = 0;
};

}  // namespace lr::sched
