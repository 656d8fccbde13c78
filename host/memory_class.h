// Which class of memory the instances of a new process get.
#pragma once

#include <atomic>

#include "frontend/module.h"
#include "jit/compiler/compile.h"

namespace lr {

// What earlier processes of a module have shown: kept with the linked module, written by whoever
// ends a process.
struct MemoryHistory {
  std::atomic<u64> size_most{0};  // The largest memory 0 that one ended with, in bytes.

  void note(u64 size) {
    if (size > size_most.load(std::memory_order_relaxed)) {
      size_most.store(size, std::memory_order_relaxed);
    }
  }
};

// `limit_bytes` is the process's own for all of its memories; `is_root` the program that was
// started from the command line. Guarded for what is big or lives alone, Dense for what is small
// and many.
jit::MemoryClass choose_memory_class(const Module& module, u64 limit_bytes,
                                     const MemoryHistory& history, bool is_root);

}  // namespace lr
