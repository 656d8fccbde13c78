#include "host/memory_class.h"

#include <algorithm>

namespace lr {

namespace {

// A memory that gets so large is worth 4 GiB of addresses, a mapping of its own and no checks.
constexpr u64 kBigBytes = 16 * kMiB;

}  // namespace

jit::MemoryClass choose_memory_class(const Module& module, u64 limit_bytes,
                                     const MemoryHistory& history, bool is_root) {
  if (is_root) return jit::MemoryClass::Guarded;
  u64 bytes = history.size_most.load(std::memory_order_relaxed);
  if (!module.memories.empty()) {
    const MemoryType& type = module.memories[0];
    const u64 pages_max = ~u64{0} >> type.page_size_log2;
    bytes = std::max(bytes, std::min(type.limits.min, pages_max) << type.page_size_log2);
  }
  return std::min(bytes, limit_bytes) >= kBigBytes ? jit::MemoryClass::Guarded
                                                   : jit::MemoryClass::Dense;
}

}  // namespace lr
