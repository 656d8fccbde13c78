#include "jit/context_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <utility>

namespace lr::jit {

u32 ContextPool::class_of(u64 bytes) {
  if (bytes <= kFine * 64) return static_cast<u32>((std::max<u64>(bytes, 1) + 63) / 64 - 1);
  const u32 log2 = static_cast<u32>(std::bit_width(bytes - 1)) - 1;  // 2^log2 < bytes
  const u64 quarter = (bytes - 1) >> (log2 - 2) & 3;
  return kFine + 4 * (log2 - 10) + static_cast<u32>(quarter);
}

u64 ContextPool::size_of_class(u32 index) {
  if (index < kFine) return (u64{index} + 1) * 64;
  const u32 log2 = 10 + (index - kFine) / 4;
  return (u64{1} << log2) + ((index - kFine) % 4 + 1) * (u64{1} << (log2 - 2));
}

u64 ContextPool::size_of(u64 bytes) { return size_of_class(class_of(bytes)); }

// Threads take turns in choosing theirs; a context may come back to another part.
ContextPool::Part& ContextPool::part() {
  static std::atomic<u32> next{0};
  thread_local const u32 mine = next.fetch_add(1, std::memory_order_relaxed) % kParts;
  return parts_[mine];
}

Context* ContextPool::acquire(u64 bytes) {
  const u32 index = class_of(bytes);
  if (index >= kClasses) return nullptr;
  const u64 size = size_of_class(index);
  Part& part = this->part();
  const std::lock_guard lock(part.mutex);
  Free& free = part.free[index];
  Context* context = free.first;
  if (context != nullptr) {
    free.first = reinterpret_cast<Context*>(std::exchange(context->run, nullptr));
    return context;
  }
  if (free.fresh == free.fresh_end) {
    if (Context* taken = take_from_others(part, index); taken != nullptr) {
      free.first = reinterpret_cast<Context*>(std::exchange(taken->run, nullptr));
      return taken;
    }
    if (!refill(free, size)) return nullptr;
  }
  // Fresh pages are zero, which is what an empty doorbell is.
  context = reinterpret_cast<Context*>(free.fresh);
  free.fresh += size;
  return context;
}

// All that another part has free. One that is in use just now is passed over.
Context* ContextPool::take_from_others(const Part& mine, u32 index) {
  for (Part& other : parts_) {
    if (&other == &mine) continue;
    const std::unique_lock lock(other.mutex, std::try_to_lock);
    if (!lock.owns_lock() || other.free[index].first == nullptr) continue;
    return std::exchange(other.free[index].first, nullptr);
  }
  return nullptr;
}

void ContextPool::release(Context* context, u64 bytes) {
  if (context == nullptr) return;
  // All but the doorbell, which others may still ring.
  u8* start = reinterpret_cast<u8*>(context) + sizeof(Doorbell);
  std::memset(start, 0, bytes - sizeof(Doorbell));
  Part& part = this->part();
  const std::lock_guard lock(part.mutex);
  Free& free = part.free[class_of(bytes)];
  context->run = reinterpret_cast<RunState*>(free.first);
  free.first = context;
}

bool ContextPool::refill(Free& free, u64 size) {
  const u64 chunk = std::max(size, free.fresh == nullptr ? kFirstChunkBytes : kChunkBytes);
  void* memory = mmap(nullptr, chunk, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  free.fresh = static_cast<u8*>(memory);
  free.fresh_end = free.fresh + chunk / size * size;
  return true;
}

ContextPool& context_pool() {
  static auto* pool = new ContextPool();
  return *pool;
}

}  // namespace lr::jit
