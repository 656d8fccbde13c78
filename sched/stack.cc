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

}  // namespace

// The first window is what the stack has of the page in which the memory begins: what uses no more
// has no page for its stack but that. The reserve lies below it.
void ProcessStack::start(RunState& run, SlotAllocator& slots, const Slot& slot, u64 max_bytes) {
  slots_ = &slots;
  first_ = slot;
  slot_ = slot;
  moved_ = false;
  first_used_ = 0;
  max_bytes_ = max_bytes;
  run.stack_top = word(slot.stack_top());
  run.sp = run.stack_top;
  run.stack_limit = std::max(first_limit(slot), lowest_limit(slot));
  run.publish_limit();
}

// What may lie in the reserve of the first window stays: no process sees its own stack, or what a
// frame has not written. All else costs a page that is not there yet.
void ProcessStack::reset(RunState& run, u64 max_bytes) {
  if (moved_) {
    slots_->release(slot_, {used_in_area(run), 0});
    std::memset(first_.stack_end() - first_used_, 0, first_used_);
    start(run, *slots_, first_, max_bytes);
    return;
  }
  const bool is_first = run.stack_limit == first_limit(slot_);
  const u64 used = is_first ? run.stack_top - run.stack_limit : used_in_area(run);
  std::memset(slot_.stack_end() - used, 0, used);
  max_bytes_ = max_bytes;
  run.sp = run.stack_top;
  run.stack_limit =
      std::max(run.stack_limit, run.stack_top - std::max(max_bytes, kFirstStackWindow));
  run.publish_limit();
}

Status ProcessStack::grow(RunState& run) {
  const u64 have = run.stack_top - run.stack_limit;
  const u64 need = run.stack_top - run.sp + run.stack_need;
  if (need > max_bytes_) return make_error(Err::LimitExceeded, "the stack is exhausted");
  const u64 want = std::min(std::max(2 * have, need), max_bytes_);
  const u64 room = run.stack_top - lowest_limit(slot_);
  if (need > room) return move_to(run, want);
  // To the end of a page, with the reserve: a page that has been touched is used.
  const u64 lowest = (run.stack_top - want - kStackReserve) & ~(kPage - 1);
  run.stack_limit = std::max(lowest + kStackReserve, run.stack_top - std::min(room, max_bytes_));
  run.publish_limit();
  return ok_status();
}

Status ProcessStack::move(RunState& run) { return move_to(run, run.stack_top - run.stack_limit); }

u64 ProcessStack::used_in_area(const RunState& run) const {
  return word(slot_.stack_end()) - (run.stack_limit - kStackReserve);
}

// Continues on a new slot with a window of `bytes`.
Status ProcessStack::move_to(RunState& run, u64 bytes) {
  const u64 area_bytes = bytes + kStackReserve;
  const Slot to = TRY(slots_->allocate(area_bytes, 0));
  const u64 frames = run.stack_top - run.sp;
  u8* top = to.stack_top();
  std::memcpy(top - frames, address(run.sp), frames);
  const u64 used = used_in_area(run);
  if (moved_) {
    slots_->release(slot_, {used, 0});
  } else {
    first_used_ = used;
  }
  slot_ = to;
  moved_ = true;
  run.stack_top = word(top);
  run.sp = run.stack_top - frames;
  run.stack_limit = run.stack_top - bytes;
  run.publish_limit();
  return ok_status();
}

u64 ProcessStack::release(RunState& run) {
  if (slots_ == nullptr) return 0;
  u64 used = used_in_area(run);
  // Wiping a page that nobody has touched would make it resident.
  if (!moved_ && run.stack_limit == first_limit(slot_) &&
      resident_bytes(address(run.stack_limit - kStackReserve), kStackReserve) == 0) {
    used -= kStackReserve;
  }
  if (moved_) {
    slots_->release(slot_, {used, 0});
    used = first_used_;
  }
  slots_ = nullptr;
  slot_ = {};
  run.sp = run.stack_top = run.stack_limit = 0;
  return used;
}

}  // namespace lr::sched
