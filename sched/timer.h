// Timers: armed on a worker, fired there. timer_wheel.h has the mechanism.
#pragma once

#include <atomic>

#include "base/types.h"
#include "sched/os.h"

namespace lr::sched {

class TimerWheel;
class Worker;

// A place in a circular list of timers: a timer, or the list's own.
struct TimerLink {
  TimerLink* next = nullptr;
  TimerLink* prev = nullptr;
};

// Owned by whoever arms it; does not move and is not destroyed while armed.
class Timer : TimerLink {
 public:
  // Called once at or after the deadline, on the worker that armed it, on its own stack, with the
  // wheel's lock held: brief, and without arming or cancelling timers. It may wake processes, and
  // free the timer if nobody else cancels it.
  using Fire = void (*)(Timer& timer, Worker& worker);

  explicit Timer(Fire fire) : fire_(fire) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // After this the timer neither fires nor is firing. Any thread, but not while another arms it.
  // True if it was armed. Never armed or long fired, it costs a lock at most.
  bool cancel();

  u64 deadline_ns() const { return deadline_ns_; }

 private:
  friend class TimerWheel;

  bool armed() const { return next != nullptr; }

  u64 deadline_ns_ = 0;
  TimerWheel* wheel_ = nullptr;  // Where it was armed last.
  Fire fire_;
};

}  // namespace lr::sched
