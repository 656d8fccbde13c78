#include "sched/stack.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "sched/os.h"

namespace lr::sched {

namespace {

u8* address(u64 word) { return reinterpret_cast<u8*>(word); }
u64 word(const u8* address) { return reinterpret_cast<u64>(address); }

// Frames may reach down to here when the whole area is used.
u64 lowest_limit(const Slot& slot) { return word(slot.stack_low()) + kStackReserve; }

// Of a stack that has used one page at most.
u64 first_limit(const Slot& slot) { return (word(slot.stack_top()) - 1) & ~(kPage - 1); }

// Of a stack in that slot: what it may have written.
u64 used_in(const Slot& slot, const RunState& run) {
  return word(slot.stack_end()) - (run.stack_limit - kStackReserve);
}

}  // namespace

// The first window is what the stack has of the page in which the memory begins: what uses no more
// has no page for its stack but that. The reserve lies below it.
void ProcessStack::start(RunState& run, SlotAllocator& slots, const Slot& slot, u64 max_bytes) {
  slots_ = &slots;
  first_ = slot;
  max_bytes_ = max_bytes;
  run.stack_top = word(slot.stack_top());
  run.sp = run.stack_top;
  run.stack_limit = std::max(first_limit(slot), lowest_limit(slot));
  run.publish_limit();
}

// What may lie in the reserve of the first window stays: no process sees its own stack, or what a
// frame has not written. All else costs a page that is not there yet.
void ProcessStack::reset(RunState& run, u64 max_bytes) {
  if (elsewhere_ != nullptr) [[unlikely]] {
    const std::unique_ptr<Elsewhere> left = std::move(elsewhere_);
    slots_->release(left->slot, {used_in(left->slot, run), 0});
    std::memset(first_.stack_end() - left->first_used, 0, left->first_used);
    start(run, *slots_, first_, max_bytes);
    return;
  }
  const bool is_first = run.stack_limit == first_limit(first_);
  const u64 used = is_first ? run.stack_top - run.stack_limit : used_in(first_, run);
  std::memset(first_.stack_end() - used, 0, used);
  run.sp = run.stack_top;
  set_max(run, max_bytes);
}

void ProcessStack::set_max(RunState& run, u64 max_bytes) {
  max_bytes_ = max_bytes;
  run.stack_limit =
      std::max(run.stack_limit, run.stack_top - std::max(max_bytes, kFirstStackWindow));
  run.publish_limit();
}

Status ProcessStack::grow(RunState& run) {
  const u64 have = run.stack_top - run.stack_limit;
  const u64 need = run.stack_top - run.sp + run.stack_need;
  if (need > max_bytes_) return make_error(Err::LimitExceeded, "the stack is exhausted");
  const u64 want = std::min(std::max(2 * have, need), max_bytes_);
  const u64 room = run.stack_top - lowest_limit(slot());
  if (need > room) return move_to(run, want);
  // To the end of a page, with the reserve: a page that has been touched is used.
  const u64 lowest = (run.stack_top - want - kStackReserve) & ~(kPage - 1);
  run.stack_limit = std::max(lowest + kStackReserve, run.stack_top - std::min(room, max_bytes_));
  run.publish_limit();
  return ok_status();
}

Status ProcessStack::move(RunState& run) { return move_to(run, run.stack_top - run.stack_limit); }

// Continues on a new slot with a window of `bytes`.
Status ProcessStack::move_to(RunState& run, u64 bytes) {
  const u64 area_bytes = bytes + kStackReserve;
  const Slot to = TRY(slots_->allocate(area_bytes, 0));
  const u64 frames = run.stack_top - run.sp;
  u8* top = to.stack_top();
  std::memcpy(top - frames, address(run.sp), frames);
  const u64 used = used_in(slot(), run);
  if (elsewhere_ != nullptr) {
    slots_->release(elsewhere_->slot, {used, 0});
    elsewhere_->slot = to;
  } else {
    elsewhere_.reset(new Elsewhere{to, used});
  }
  run.stack_top = word(top);
  run.sp = run.stack_top - frames;
  run.stack_limit = run.stack_top - bytes;
  run.publish_limit();
  return ok_status();
}

u64 ProcessStack::release(RunState& run) {
  if (slots_ == nullptr) return 0;
  u64 used = used_in(slot(), run);
  if (elsewhere_ != nullptr) {
    slots_->release(elsewhere_->slot, {used, 0});
    used = elsewhere_->first_used;
    elsewhere_.reset();
  } else if (run.stack_limit == first_limit(first_) &&
             resident_bytes(address(run.stack_limit - kStackReserve), kStackReserve) == 0) {
    // Wiping a page that nobody has touched would make it resident.
    used -= kStackReserve;
  }
  slots_ = nullptr;
  first_ = {};
  run.sp = run.stack_top = run.stack_limit = 0;
  return used;
}

}  // namespace lr::sched
