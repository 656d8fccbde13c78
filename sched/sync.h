// What the protocols between threads are made of. Those that need more than an atomic type are
// templates over this; model.h has the other one, for the model checker.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

namespace lr::sched {

struct MachineSync {
  template <typename T>
  using Atomic = std::atomic<T>;
  template <typename T>
  using Vector = std::vector<T>;
  using Mutex = std::mutex;
};

}  // namespace lr::sched
