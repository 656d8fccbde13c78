// Where Contexts come from: memory that is never unmapped nor put to another use, so that a ring
// that arrives late finds a doorbell, if a stranger's (base/run_state.h). One pool for the whole
// program, in parts so that threads seldom meet. Any thread.
#pragma once

#include <mutex>

#include "jit/context.h"

namespace lr::jit {

class ContextPool {
 public:
  ContextPool() = default;
  ContextPool(const ContextPool&) = delete;
  ContextPool& operator=(const ContextPool&) = delete;

  // At least `bytes`, zero but perhaps for its doorbell; null when memory is out.
  Context* acquire(u64 bytes);
  void release(Context* context, u64 bytes);
  // What one of `bytes` takes.
  static u64 size_of(u64 bytes);

 private:
  // Multiples of 64 bytes, then quarters of powers of two.
  static constexpr u32 kFine = 16;
  static constexpr u32 kMaxLog2 = 31;
  static constexpr u32 kClasses = kFine + 4 * (kMaxLog2 - 10) + 1;
  static constexpr u64 kFirstChunkBytes = 256 * kKiB;
  static constexpr u64 kChunkBytes = 4 * kMiB;  // Few mappings, also for a million processes.
  static constexpr u32 kParts = 8;

  struct Free {
    Context* first = nullptr;  // Linked by their `run`.
    u8* fresh = nullptr;       // What has never been used yet ...
    u8* fresh_end = nullptr;   // ... ends here.
  };
  struct alignas(64) Part {
    std::mutex mutex;
    Free free[kClasses];
  };

  static u32 class_of(u64 bytes);
  static u64 size_of_class(u32 index);
  static bool refill(Free& free, u64 size);
  Part& part();
  Context* take_from_others(const Part& mine, u32 index);

  Part parts_[kParts];
};

// The pool; never destroyed.
ContextPool& context_pool();

}  // namespace lr::jit
