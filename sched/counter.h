// A number that one thread counts up and others read, slightly late.
#pragma once

#include <atomic>

#include "base/types.h"

namespace lr::sched {

class Counter {
 public:
  void add(u64 more = 1) { set(get() + more); }
  // One more, and whoever sees it also sees what the caller has done and seen before.
  void publish() { value_.store(get() + 1, std::memory_order_release); }
  void raise(u64 value) {
    if (value > get()) set(value);
  }
  void reset() { set(0); }
  u64 get() const { return value_.load(std::memory_order_relaxed); }

 private:
  void set(u64 value) { value_.store(value, std::memory_order_relaxed); }

  std::atomic<u64> value_{0};
};

}  // namespace lr::sched
