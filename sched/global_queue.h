// Where processes wait that are in no worker's ring: those that other threads woke, and what
// overflowed. Two lists under one lock, taken in batches. A template over what it uses of the
// machine, so that a model checker runs the code that ships.
#pragma once

#include "base/types.h"
#include "sched/sync.h"

namespace lr::sched {

class Process;

// Why a process waits for a worker, in the order in which they run: see run_queues.cc.
enum class Lane : u8 {
  kWoken,      // What it waited for has happened.
  kReady,      // It begins, is to end, or was interrupted within its slice.
  kPreempted,  // It has used up its slice.
};
inline constexpr u32 kLanes = 3;

// Items have a member `queue_next_`, which is the queue's while they are in it.
template <typename Item, typename Sync = MachineSync>
class GlobalQueueOf {
 public:
  void push(Lane lane, Item& item) {
    Item* one = &item;
    push(lane, &one, 1);
  }

  void push(Lane lane, Item** items, u32 count) {
    mutex_.lock();
    List& list = lists_[static_cast<u32>(lane)];
    for (u32 i = 0; i < count; ++i) {
      items[i]->queue_next_ = nullptr;
      if (list.last == nullptr) {
        list.first = items[i];
      } else {
        list.last->queue_next_ = items[i];
      }
      list.last = items[i];
    }
    list.size.store(list.size.load(std::memory_order_relaxed) + count, std::memory_order_release);
    mutex_.unlock();
  }

  // Takes at most `count` of the oldest. How many there were.
  u32 pop(Lane lane, Item** items, u32 count) {
    List& list = lists_[static_cast<u32>(lane)];
    if (list.size.load(std::memory_order_acquire) == 0) return 0;
    mutex_.lock();
    u32 taken = 0;
    while (taken < count && list.first != nullptr) {
      items[taken] = list.first;
      list.first = list.first->queue_next_;
      ++taken;
    }
    if (list.first == nullptr) list.last = nullptr;
    list.size.store(list.size.load(std::memory_order_relaxed) - taken, std::memory_order_release);
    mutex_.unlock();
    return taken;
  }

  u64 size(Lane lane) const {
    return lists_[static_cast<u32>(lane)].size.load(std::memory_order_acquire);
  }
  bool empty() const {
    return size(Lane::kWoken) == 0 && size(Lane::kReady) == 0 && size(Lane::kPreempted) == 0;
  }

 private:
  struct List {
    Item* first = nullptr;
    Item* last = nullptr;
    typename Sync::template Atomic<u64> size{0};
  };

  typename Sync::Mutex mutex_;
  List lists_[kLanes];
};

using GlobalQueue = GlobalQueueOf<Process>;

}  // namespace lr::sched
