// Timers: a hierarchical wheel for each worker. Arming and cancelling are constant time, a million
// at one instant fire in bounded pieces between which the worker dispatches processes.
//
//   level 0   256 slots of 2^17 ns (131 us)     33 ms
//   level n    64 slots, each a whole level n-1  2.1 s, 137 s, 2.4 h, 6.5 d, 1.1 y, then the last
//
// A wheel has a lock (uncontended but for a timer that another worker cancels). It is held while a
// timer fires, so that after cancel() the timer neither runs nor will run.
#pragma once

#include <atomic>

#include "base/types.h"

namespace lr::sched {

class TimerWheel;
class Worker;

inline constexpr u64 kNever = ~u64{0};

// Owned by whoever arms it; does not move and is not destroyed while armed.
class Timer {
 public:
  // Called once at or after the deadline, on the worker that armed it, on its own stack, with the
  // wheel's lock held: brief, and without arming or cancelling timers. It may wake processes and it
  // may free the timer.
  using Fire = void (*)(Timer& timer, Worker& worker);

  Timer() = default;
  explicit Timer(Fire fire) : fire_(fire) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Any thread that also keeps others from arming it meanwhile. True if the timer was armed and
  // will not fire.
  bool cancel();
  bool armed() const { return wheel_.load(std::memory_order_acquire) != nullptr; }
  u64 deadline_ns() const { return deadline_ns_; }

 private:
  friend class TimerWheel;

  Timer* next_ = nullptr;
  Timer** link_ = nullptr;  // What points at this timer: a slot, or another's next_.
  u64 deadline_ns_ = 0;
  std::atomic<TimerWheel*> wheel_{nullptr};
  Fire fire_ = nullptr;
};

}  // namespace lr::sched
