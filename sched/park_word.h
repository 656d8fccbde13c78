// The word that decides who queues a process and who may park it; see process.h for the picture.
// A template over the atomic type, so that a model checker runs the code that ships.
#pragma once

#include <atomic>

#include "base/types.h"

namespace lr::sched {

template <template <typename> typename Atomic = std::atomic>
class ParkWord {
 public:
  enum State : u32 { kParked = 0, kQueued = 1, kRunning = 2, kDone = 3 };

  // Any thread, after it has made true what the process waits for. True: the caller must queue the
  // process, and nobody else does. Otherwise it will look at its condition anyway: it is queued or
  // runs and cannot park any more, or it has ended.
  bool wake() { return word_.fetch_or(kWoken, std::memory_order_acq_rel) == kParked; }

  // The worker that took the process from a queue. True if someone has woken it since it last ran:
  // what the waker did before wake() is visible now.
  bool enter() { return (word_.exchange(kRunning, std::memory_order_acq_rel) & kWoken) != 0; }

  // The worker that holds it, before it queues it again. Keeps the woken bit.
  void requeue() { word_.fetch_sub(kRunning - kQueued, std::memory_order_acq_rel); }

  // The worker that holds it, after which it must not touch the process. False: someone has woken
  // it meanwhile, and it is still the worker's.
  bool park() {
    u32 expected = kRunning;
    return word_.compare_exchange_strong(expected, kParked, std::memory_order_acq_rel,
                                         std::memory_order_acquire);
  }

  // The worker that holds it. Later wakes do nothing.
  void finish() { word_.exchange(kDone | kWoken, std::memory_order_seq_cst); }

  State state() const {
    const u32 word = word_.load(std::memory_order_relaxed);
    return word == (kParked | kWoken) ? kQueued : static_cast<State>(word & kStateMask);
  }

 private:
  static constexpr u32 kStateMask = 3;
  static constexpr u32 kWoken = 4;

  Atomic<u32> word_{kParked};
};

}  // namespace lr::sched
