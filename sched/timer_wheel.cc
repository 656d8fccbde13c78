#include "sched/timer_wheel.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace lr::sched {

namespace {

void make_empty(TimerLink& list) { list.next = list.prev = &list; }

bool is_empty(const TimerLink& list) { return list.next == &list; }

void push_front(TimerLink& list, TimerLink& link) {
  link.next = list.next;
  link.prev = &list;
  list.next->prev = &link;
  list.next = &link;
}

// All of `from` comes before what is in `list`.
void prepend(TimerLink& list, TimerLink& from) {
  if (is_empty(from)) return;
  from.prev->next = list.next;
  list.next->prev = from.prev;
  list.next = from.next;
  from.next->prev = &list;
  make_empty(from);
}

}  // namespace

TimerWheel::TimerWheel(u64 now_ns) : now_(now_ns >> kStepLog2) {
  make_empty(spread_);
  for (TimerLink& list : due_) make_empty(list);
  for (TimerLink& slot : slots_) make_empty(slot);
}

void TimerWheel::unlink(Timer& timer) {
  TimerLink* const next = timer.next;
  next->prev = timer.prev;
  timer.prev->next = next;
  // Its only neighbour is the list itself: a slot, perhaps.
  if (next == timer.prev && next >= slots_ && next < slots_ + kSlots) {
    const u64 slot = static_cast<u64>(next - slots_);
    occupied_[slot / 64] &= ~(u64{1} << slot % 64);
  }
  timer.next = nullptr;
}

void TimerWheel::insert(Timer& timer, TimerLink& too_late) {
  // Rounded up: never early. The last step takes what rounding would overflow.
  const u64 step = std::min((timer.deadline_ns_ >> kStepLog2) + 1, ~u64{0} >> kStepLog2);
  if (step <= now_) return push_front(too_late, timer);
  const u32 bit = static_cast<u32>(std::bit_width(step ^ now_)) - 1;
  const u32 level = bit < kBaseLog2 ? 0 : (bit - kBaseLog2) / kLevelLog2 + 1;
  const u64 in_level = (step >> shift(level)) & (level == 0 ? kBase - 1 : (1u << kLevelLog2) - 1);
  const u64 slot = first_slot(level) + in_level;
  occupied_[slot / 64] |= u64{1} << slot % 64;
  push_front(slots_[slot], timer);
}

bool TimerWheel::arm(Timer& timer, u64 deadline_ns) {
  std::lock_guard lock(mutex_);
  DCHECK(!timer.armed());
  timer.wheel_ = this;
  timer.deadline_ns_ = deadline_ns;
  insert(timer, due_[kDueAtOnce]);
  const u64 before = next_ns_.load(std::memory_order_relaxed);
  publish();
  return next_ns_.load(std::memory_order_relaxed) < before;
}

bool Timer::cancel() {
  if (wheel_ == nullptr) return false;
  // The lock also waits for a firing that has begun.
  std::lock_guard lock(wheel_->mutex_);
  if (!armed()) return false;
  wheel_->unlink(*this);
  return true;
}

// The first occupied slot of the lowest occupied level. Slots before the present's are empty: they
// would be in the past.
bool TimerWheel::next_event(Event& event) const {
  for (u32 index = 0; index < kSlots / 64; ++index) {
    if (occupied_[index] == 0) continue;
    event.slot = index * 64 + static_cast<u32>(std::countr_zero(occupied_[index]));
    const u32 level = event.slot < kBase ? 0 : (event.slot - kBase) / (1u << kLevelLog2) + 1;
    const u32 above = level == 0 ? kBaseLog2 : shift(level) + kLevelLog2;
    event.step = (now_ >> above << above) | u64{event.slot - first_slot(level)} << shift(level);
    return true;
  }
  return false;
}

// The present becomes the start of one occupied slot after the other, up to `now`.
void TimerWheel::enter_slots(u64 now) {
  Event event;
  for (u32 i = 0; i < kEventsMax; ++i) {
    if (!next_event(event) || event.step > now) {
      now_ = std::max(now_, now);
      return;
    }
    now_ = event.step;
    occupied_[event.slot / 64] &= ~(u64{1} << event.slot % 64);
    prepend(event.slot < kBase ? due_list() : spread_, slots_[event.slot]);
  }
}

// An empty one if there is one.
TimerLink& TimerWheel::due_list() {
  for (u32 i = kDueSlots; i < kDueLists; ++i) {
    if (is_empty(due_[i])) return due_[i];
  }
  return due_[kDueSlots];
}

bool TimerWheel::anything_due() const {
  return !std::all_of(std::begin(due_), std::end(due_), is_empty);
}

u32 TimerWheel::fire(TimerLink& list, u32 most, Worker& worker) {
  u32 fired = 0;
  while (fired < most && !is_empty(list)) {
    Timer& timer = static_cast<Timer&>(*list.next);
    unlink(timer);
    timer.fire_(timer, worker);
    ++fired;
  }
  return fired;
}

void TimerWheel::publish() {
  Event event;
  u64 next = kNever;
  if (!is_empty(spread_) || anything_due()) {
    next = now_ << kStepLog2;
  } else if (next_event(event)) {
    next = event.step << kStepLog2;
  }
  next_ns_.store(next, std::memory_order_release);
}

u32 TimerWheel::advance(u64 now_ns, Worker& worker) {
  if (now_ns < next_deadline_ns()) return 0;
  std::lock_guard lock(mutex_);
  enter_slots(now_ns >> kStepLog2);
  for (u32 i = 0; i < kSpreadMax && !is_empty(spread_); ++i) {
    Timer& timer = static_cast<Timer&>(*spread_.next);
    unlink(timer);
    insert(timer, due_[kDueSpread]);
  }
  u32 fired = 0;
  for (u32 idle = 0; fired < kFireMax && idle < kDueLists; ++due_turn_) {
    const u32 more = fire(due_[due_turn_ % kDueLists], kFireInTurn, worker);
    fired += more;
    idle = more == 0 ? idle + 1 : 0;
  }
  publish();
  return fired;
}

}  // namespace lr::sched
