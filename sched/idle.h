// Which workers have nothing to do, and how they are called back. At most one of them searches the
// others' queues at a time; the rest sleep.
//
// Nobody sleeps through work: who adds work publishes it, passes a light fence and looks for
// sleepers; who wants to sleep registers, passes a heavy fence and looks for work. So adding work,
// which is hot, pays nothing for it.
#pragma once

#include "base/types.h"
#include "sched/sync.h"

namespace lr::sched {

class Worker;

// A template over what it uses of the machine, so that a model checker runs the code that ships.
template <typename Sleeper, typename Sync = MachineSync>
class IdleList {
 public:
  // Gives the sole right to search. Whoever has it finds work and ends the search, or sleeps.
  bool begin_search() {
    return !searching_.load(std::memory_order_relaxed) &&
           !searching_.exchange(true, std::memory_order_acq_rel);
  }
  void end_search() { searching_.store(false, std::memory_order_release); }

  // After work was added and a fence: true if somebody should be woken for it, which is then the
  // caller's task, by take().
  bool should_wake() { return sleeping() != 0 && begin_search(); }

  // A sleeper to wake, with the right to search, or null.
  Sleeper* take() {
    mutex_.lock();
    Sleeper* sleeper = nullptr;
    if (!sleepers_.empty()) {
      sleeper = sleepers_.back();
      sleepers_.pop_back();
      sleeping_.store(sleeping() - 1, std::memory_order_relaxed);
    }
    mutex_.unlock();
    return sleeper;
  }

  // It is about to sleep; take() may return it from now on.
  void add(Sleeper& sleeper) {
    mutex_.lock();
    sleepers_.push_back(&sleeper);
    sleeping_.store(sleeping() + 1, std::memory_order_relaxed);
    mutex_.unlock();
  }

  // False if somebody has taken it already.
  bool remove(Sleeper& sleeper) {
    mutex_.lock();
    bool found = false;
    for (Sleeper*& one : sleepers_) {
      if (one != &sleeper) continue;
      one = sleepers_.back();
      sleepers_.pop_back();
      sleeping_.store(sleeping() - 1, std::memory_order_relaxed);
      found = true;
      break;
    }
    mutex_.unlock();
    return found;
  }

  u32 sleeping() const { return sleeping_.load(std::memory_order_relaxed); }
  bool is_searched() const { return searching_.load(std::memory_order_relaxed); }

 private:
  template <typename T>
  using Atomic = typename Sync::template Atomic<T>;

  alignas(64) Atomic<bool> searching_{false};
  Atomic<u32> sleeping_{0};  // Written under the lock.
  typename Sync::Mutex mutex_;
  typename Sync::template Vector<Sleeper*> sleepers_;
};

using IdleWorkers = IdleList<Worker>;

}  // namespace lr::sched
