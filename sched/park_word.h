// The word that decides who queues a process and who may park it; see process.h for the picture.
// A template over the atomic type, so that a model checker runs the code that ships.
//
// It counts: 0 is parked, 1 is queued or running, and every wake while it is neither parked nor
// ended adds one more, which keeps it from parking. Whoever takes the count from 0 to 1 queues it.
// A count of 64 bits does not overflow.
#pragma once

#include <atomic>

#include "base/types.h"

namespace lr::sched {

template <template <typename> typename Atomic = std::atomic>
class ParkWord {
 public:
  enum State : u8 { kParked, kActive, kDone };

  // Nobody else knows the process yet: it is about to be queued, or (parked) nobody has asked for
  // it.
  void start(State state) { word_.store(state == kActive ? kOnce : 0, std::memory_order_relaxed); }

  // Any thread, after it has made true what the process waits for. True: the caller must queue the
  // process, and nobody else does. Otherwise it will look at its condition anyway: it is queued or
  // runs and cannot park any more, or it has ended.
  bool wake() { return word_.fetch_add(kOnce, std::memory_order_acq_rel) == 0; }

  // The worker that took the process from a queue, before the process looks at its condition: what
  // those who woke it did before is visible now. Whoever queued it is visible by the queue itself,
  // so only further wakes cost an atomic operation.
  void enter() {
    if (word_.load(std::memory_order_relaxed) != kOnce) {
      word_.exchange(kOnce, std::memory_order_acq_rel);
    }
  }

  // The worker that holds it. False if someone has woken it since enter(): it must look again.
  // Once parked, it is no longer the caller's.
  bool park() {
    u64 expected = kOnce;
    return word_.compare_exchange_strong(expected, 0, std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
  }

  // The worker that holds it. Wakes do nothing, before (it is not parked) and after.
  void finish() { word_.store(kEnded, std::memory_order_release); }

  State state() const {
    const u64 word = word_.load(std::memory_order_relaxed);
    return word == 0 ? kParked : word >= kEnded ? kDone : kActive;
  }

 private:
  static constexpr u64 kOnce = 1;
  static constexpr u64 kEnded = u64{1} << 63;

  Atomic<u64> word_{0};
};

}  // namespace lr::sched
