// A number that one thread counts up and others read, slightly late.
#pragma once

#include <atomic>

#include "base/types.h"

namespace lr::sched {

class Counter {
 public:
  void add(u64 more = 1) { set(get() + more); }
  void raise(u64 value) {
    if (value > get()) set(value);
  }
  u64 get() const { return value_.load(std::memory_order_relaxed); }

 private:
  void set(u64 value) { value_.store(value, std::memory_order_relaxed); }

  std::atomic<u64> value_{0};
};

}  // namespace lr::sched
