// A hierarchical timer wheel, one for each worker. Arming and cancelling take constant time; a
// million timers at one instant fire in pieces between which the worker dispatches processes.
//
//   level 0   256 slots of one step, 2^14 ns (16 us)
//   level n    64 slots, each as long as the whole level n-1; seven of them hold every u64 deadline
//
// A timer stands at the level of the highest bit in which its step differs from the wheel's: it
// shares all higher bits with the present. So every timer of one level is due before every timer of
// the next, and the next thing to happen is the first occupied slot of the lowest occupied level.
// When the present enters a slot of a higher level, its timers are distributed below.
#pragma once

#include <atomic>
#include <mutex>

#include "sched/timer.h"

namespace lr::sched {

class TimerWheel {
 public:
  explicit TimerWheel(u64 now_ns) : now_(now_ns >> kStepLog2) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Any thread. True if the wheel's next deadline is earlier than before.
  bool arm(Timer& timer, u64 deadline_ns);

  // The worker: fires what is due, at most `batch` timers. How many it fired; `batch` means that
  // more may be due.
  u32 advance(u64 now_ns, u32 batch, Worker& worker);

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
  void insert(Timer& timer);
  void link(Timer& timer, Timer*& head);
  void unlink(Timer& timer);
  bool next_event(Event& event) const;
  void enter(const Event& event);
  void publish();

  std::mutex mutex_;
  u64 now_;               // The present step: everything before it has fired or is in due_.
  Timer* due_ = nullptr;  // Due, but not yet fired.
  u64 occupied_[kSlots / 64] = {};
  Timer* slots_[kSlots] = {};
  std::atomic<u64> next_ns_{kNever};
};

}  // namespace lr::sched
