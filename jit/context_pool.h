// Where Contexts come from: memory that is never unmapped nor put to another use, so that a ring
// that arrives late finds a doorbell, if a stranger's (base/run_state.h). One pool for the whole
// program. Any thread.
#pragma once

#include <mutex>
#include <vector>

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

 private:
  static constexpr u32 kMinLog2 = 7;
  static constexpr u32 kMaxLog2 = 31;
  static constexpr u64 kChunkBytes = 256 * kKiB;

  bool refill(u32 log2);

  std::mutex mutex_;
  std::vector<Context*> free_[kMaxLog2 + 1];  // By size, a power of two.
};

// The pool; never destroyed.
ContextPool& context_pool();

}  // namespace lr::jit
