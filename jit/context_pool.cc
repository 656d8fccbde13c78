#include "jit/context_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

namespace lr::jit {

namespace {

u32 size_class(u64 bytes, u32 min_log2) {
  return std::max(min_log2, static_cast<u32>(std::bit_width(bytes - 1)));
}

}  // namespace

Context* ContextPool::acquire(u64 bytes) {
  const u32 log2 = size_class(bytes, kMinLog2);
  if (log2 > kMaxLog2) return nullptr;
  Context* context = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (free_[log2].empty() && !refill(log2)) return nullptr;
    context = free_[log2].back();
    free_[log2].pop_back();
  }
  return context;
}

void ContextPool::release(Context* context, u64 bytes) {
  if (context == nullptr) return;
  // All but the doorbell, which others may still ring.
  u8* start = reinterpret_cast<u8*>(context) + sizeof(Doorbell);
  std::memset(start, 0, bytes - sizeof(Doorbell));
  const std::lock_guard lock(mutex_);
  free_[size_class(bytes, kMinLog2)].push_back(context);
}

bool ContextPool::refill(u32 log2) {
  const u64 size = u64{1} << log2;
  const u64 chunk = std::max(size, kChunkBytes);
  void* memory = mmap(nullptr, chunk, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  auto* bytes = static_cast<u8*>(memory);
  for (u64 at = chunk; at >= size; at -= size) {
    // Fresh pages are zero, which is what an empty doorbell is.
    free_[log2].push_back(reinterpret_cast<Context*>(bytes + at - size));
  }
  return true;
}

ContextPool& context_pool() {
  static auto* pool = new ContextPool();
  return *pool;
}

}  // namespace lr::jit
