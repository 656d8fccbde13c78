// Which workers have nothing to do, and how they are called back. At most one of them searches the
// others' queues at a time; the rest sleep.
//
// Nobody sleeps through work: who adds work publishes it, then looks for sleepers; who wants to
// sleep registers, then looks for work; between the two steps both have a full fence.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "base/types.h"

namespace lr::sched {

class Worker;

class IdleWorkers {
 public:
  // Gives the sole right to search. Whoever has it finds work and ends the search, or sleeps.
  bool begin_search() {
    return !searching_.load(std::memory_order_relaxed) &&
           !searching_.exchange(true, std::memory_order_acq_rel);
  }
  void end_search() { searching_.store(false, std::memory_order_seq_cst); }

  // After work was added and a fence: true if somebody should be woken for it, which is then the
  // caller's task, by take().
  bool should_wake() { return sleeping_.load(std::memory_order_relaxed) != 0 && begin_search(); }

  // A sleeper to wake, with the right to search, or null.
  Worker* take() {
    std::lock_guard lock(mutex_);
    if (sleepers_.empty()) return nullptr;
    Worker* worker = sleepers_.back();
    sleepers_.pop_back();
    sleeping_.fetch_sub(1, std::memory_order_relaxed);
    return worker;
  }

  // The worker is about to sleep; take() may return it from now on.
  void add(Worker& worker) {
    std::lock_guard lock(mutex_);
    sleepers_.push_back(&worker);
    sleeping_.fetch_add(1, std::memory_order_relaxed);
  }

  // False if somebody has taken it already.
  bool remove(Worker& worker) {
    std::lock_guard lock(mutex_);
    for (Worker*& sleeper : sleepers_) {
      if (sleeper != &worker) continue;
      sleeper = sleepers_.back();
      sleepers_.pop_back();
      sleeping_.fetch_sub(1, std::memory_order_relaxed);
      return true;
    }
    return false;
  }

  u32 sleeping() const { return sleeping_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<bool> searching_{false};
  std::atomic<u32> sleeping_{0};
  std::mutex mutex_;
  std::vector<Worker*> sleepers_;
};

}  // namespace lr::sched
