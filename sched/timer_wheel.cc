#include "sched/timer_wheel.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace lr::sched {

void TimerWheel::link(Timer& timer, Timer*& head) {
  timer.next_ = head;
  timer.link_ = &head;
  if (head != nullptr) head->link_ = &timer.next_;
  head = &timer;
}

void TimerWheel::unlink(Timer& timer) {
  *timer.link_ = timer.next_;
  if (timer.next_ != nullptr) {
    timer.next_->link_ = timer.link_;
  } else if (timer.link_ >= slots_ && timer.link_ < slots_ + kSlots) {
    // It was the last one in its list; alone if the list's head pointed at it.
    const u64 slot = static_cast<u64>(timer.link_ - slots_);
    occupied_[slot / 64] &= ~(u64{1} << slot % 64);
  }
  timer.link_ = nullptr;
}

void TimerWheel::insert(Timer& timer) {
  // Rounded up: never early. The last step takes what rounding would overflow.
  const u64 step = std::min((timer.deadline_ns_ >> kStepLog2) + 1, ~u64{0} >> kStepLog2);
  if (step <= now_) return link(timer, due_);
  const u32 bit = static_cast<u32>(std::bit_width(step ^ now_)) - 1;
  const u32 level = bit < kBaseLog2 ? 0 : (bit - kBaseLog2) / kLevelLog2 + 1;
  const u64 in_level = (step >> shift(level)) & (level == 0 ? kBase - 1 : (1u << kLevelLog2) - 1);
  const u64 slot = first_slot(level) + in_level;
  occupied_[slot / 64] |= u64{1} << slot % 64;
  link(timer, slots_[slot]);
}

bool TimerWheel::arm(Timer& timer, u64 deadline_ns) {
  std::lock_guard lock(mutex_);
  DCHECK(timer.link_ == nullptr);
  timer.wheel_ = this;
  timer.deadline_ns_ = deadline_ns;
  insert(timer);
  const u64 before = next_ns_.load(std::memory_order_relaxed);
  publish();
  return next_ns_.load(std::memory_order_relaxed) < before;
}

bool Timer::cancel() {
  if (wheel_ == nullptr) return false;
  // The lock also waits for a firing that has begun.
  std::lock_guard lock(wheel_->mutex_);
  if (link_ == nullptr) return false;
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

// The present becomes the start of an occupied slot: distributes its timers.
void TimerWheel::enter(const Event& event) {
  now_ = event.step;
  Timer* timer = slots_[event.slot];
  slots_[event.slot] = nullptr;
  occupied_[event.slot / 64] &= ~(u64{1} << event.slot % 64);
  while (timer != nullptr) {
    Timer* next = timer->next_;
    insert(*timer);
    timer = next;
  }
}

void TimerWheel::publish() {
  Event event;
  u64 next = kNever;
  if (due_ != nullptr) {
    next = now_ << kStepLog2;
  } else if (next_event(event)) {
    next = event.step << kStepLog2;
  }
  next_ns_.store(next, std::memory_order_release);
}

u32 TimerWheel::advance(u64 now_ns, u32 batch, Worker& worker) {
  if (now_ns < next_deadline_ns()) return 0;
  std::lock_guard lock(mutex_);
  const u64 now = now_ns >> kStepLog2;
  u32 fired = 0;
  while (fired < batch) {
    if (due_ != nullptr) {
      Timer& timer = *due_;
      unlink(timer);
      timer.fire_(timer, worker);
      ++fired;
      continue;
    }
    Event event;
    if (!next_event(event) || event.step > now) {
      now_ = std::max(now_, now);
      break;
    }
    enter(event);
  }
  publish();
  return fired;
}

}  // namespace lr::sched
