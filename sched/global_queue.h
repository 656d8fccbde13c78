// Where processes wait that are in no worker's ring: those that other threads woke, and what
// overflowed. Two lists under one lock, taken in batches.
#pragma once

#include <atomic>
#include <mutex>

#include "sched/process.h"

namespace lr::sched {

enum class Lane : u8 { kWoken, kPreempted };

class GlobalQueue {
 public:
  void push(Lane lane, Process& process) {
    Process* one = &process;
    push(lane, &one, 1);
  }

  void push(Lane lane, Process** processes, u32 count) {
    std::lock_guard lock(mutex_);
    List& list = lists_[static_cast<u32>(lane)];
    for (u32 i = 0; i < count; ++i) {
      processes[i]->queue_next_ = nullptr;
      *list.last = processes[i];
      list.last = &processes[i]->queue_next_;
    }
    list.size.store(list.size.load(std::memory_order_relaxed) + count, std::memory_order_release);
  }

  // Takes at most `count` of the oldest. How many there were.
  u32 pop(Lane lane, Process** processes, u32 count) {
    List& list = lists_[static_cast<u32>(lane)];
    if (list.size.load(std::memory_order_acquire) == 0) return 0;
    std::lock_guard lock(mutex_);
    u32 taken = 0;
    while (taken < count && list.first != nullptr) {
      processes[taken] = list.first;
      list.first = list.first->queue_next_;
      ++taken;
    }
    if (list.first == nullptr) list.last = &list.first;
    list.size.store(list.size.load(std::memory_order_relaxed) - taken, std::memory_order_release);
    return taken;
  }

  u64 size(Lane lane) const {
    return lists_[static_cast<u32>(lane)].size.load(std::memory_order_acquire);
  }
  bool empty() const { return size(Lane::kWoken) == 0 && size(Lane::kPreempted) == 0; }

 private:
  struct List {
    Process* first = nullptr;
    Process** last = &first;
    std::atomic<u64> size{0};
  };

  std::mutex mutex_;
  List lists_[2];
};

}  // namespace lr::sched
