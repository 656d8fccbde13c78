// A hierarchical timer wheel, one for each worker. Arming and cancelling take constant time; a
// million timers at one instant are dealt with in pieces between which the worker dispatches
// processes, and hardly delay other timers.
//
//   level 0   256 slots of one step, 2^14 ns (16 us)
//   level n    64 slots, each as long as the whole level n-1; seven of them hold every u64 deadline
//
// A timer stands at the level of the highest bit in which its step differs from the wheel's: it
// shares all higher bits with the present. So every timer of one level is due before every timer of
// the next, and the next thing to happen is the first occupied slot of the lowest occupied level.
//
//   slots --the present enters one of level 0--> due lists --> fired, some of each list in turn
//     ^  |                                        ^
//     |  +--... of a higher level--> spread ------+ (what is due by then)
//     +------------------------------------+
//
// To enter a slot only moves its list. Timers in `spread` go to their slots below, and in every
// list those come first that were armed last: they are the ones that may be due soon. Slots have
// due lists of their own, as far as there are some, so that a timer waits for few but those of its
// slot.
#pragma once

#include <atomic>
#include <mutex>

#include "sched/timer.h"

namespace lr::sched {

class TimerWheel {
 public:
  explicit TimerWheel(u64 now_ns);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Any thread. True if the wheel's next deadline is earlier than before.
  bool arm(Timer& timer, u64 deadline_ns);

  // The worker: fires what is due, at most kFireMax timers, and takes at most about 50 us. How many
  // it fired. If there is more to do, next_deadline_ns() is not in the future.
  u32 advance(u64 now_ns, Worker& worker);

  // No timer fires before, and advance() has something to do then; kNever without timers. Any
  // thread, lock-free.
  u64 next_deadline_ns() const { return next_ns_.load(std::memory_order_acquire); }

 private:
  friend class Timer;

  static constexpr u32 kStepLog2 = 14;
  static constexpr u32 kBaseLog2 = 8;   // Slots of level 0.
  static constexpr u32 kLevelLog2 = 6;  // Slots of each other level.
  static constexpr u32 kLevels = 7;     // Levels above 0: 8 + 7 * 6 = 50 bits = 64 - kStepLog2.
  static constexpr u32 kBase = 1u << kBaseLog2;
  static constexpr u32 kSlots = kBase + (kLevels << kLevelLog2);

  // In one call of advance().
  static constexpr u32 kFireMax = 64;
  static constexpr u32 kFireInTurn = 8;  // Of one due list before the next has a turn.
  static constexpr u32 kSpreadMax = 256;
  static constexpr u32 kEventsMax = 64;

  // Due lists: for what is armed too late, for what was due when it was spread, and for slots.
  static constexpr u32 kDueAtOnce = 0;
  static constexpr u32 kDueSpread = 1;
  static constexpr u32 kDueSlots = 2;
  static constexpr u32 kDueLists = 8;

  struct Event {
    u64 step;
    u32 slot;
  };

  // Where level n's slots start, and how far a step is shifted to number them.
  static constexpr u32 first_slot(u32 level) {
    return level == 0 ? 0 : kBase + ((level - 1) << kLevelLog2);
  }
  static constexpr u32 shift(u32 level) {
    return level == 0 ? 0 : kBaseLog2 + (level - 1) * kLevelLog2;
  }

  // All under the lock.
  void insert(Timer& timer, TimerLink& too_late);
  void unlink(Timer& timer);
  bool next_event(Event& event) const;
  void enter_slots(u64 now);
  TimerLink& due_list();
  bool anything_due() const;
  u32 fire(TimerLink& list, u32 most, Worker& worker);
  void publish();

  std::mutex mutex_;
  u64 now_;  // The present step: everything before it is in one of the three lists, or has fired.
  TimerLink due_[kDueLists];
  u32 due_turn_ = 0;  // Which due list is next.
  TimerLink spread_;
  u64 occupied_[kSlots / 64] = {};
  TimerLink slots_[kSlots];
  std::atomic<u64> next_ns_{kNever};
};

}  // namespace lr::sched
