#include "jit/code_registry.h"

#include <atomic>
#include <mutex>

#include "base/check.h"

namespace lr::jit {

namespace {

// A row is free while `bytes` is 0. It is written before `bytes` is, so a reader that sees the
// size sees the rest.
struct Row {
  std::atomic<u64> begin{0};
  std::atomic<u64> bytes{0};
  std::atomic<const CodeSpace*> space{nullptr};
  std::atomic<const StubSpace*> stubs{nullptr};
};

// Blocks are added and never freed.
struct Block {
  static constexpr u32 kRows = 256;
  Row rows[kRows];
  std::atomic<Block*> next{nullptr};
};

std::mutex g_mutex;  // Of writers.
Block g_first;

u64 word(const void* address) { return reinterpret_cast<u64>(address); }

Row& free_row() {
  for (Block* block = &g_first;; block = block->next.load(std::memory_order_relaxed)) {
    for (Row& row : block->rows) {
      if (row.bytes.load(std::memory_order_relaxed) == 0) return row;
    }
    if (block->next.load(std::memory_order_relaxed) == nullptr) {
      block->next.store(new Block, std::memory_order_release);
    }
  }
}

template <typename F>
Row* find_row(F&& matches) {
  for (Block* block = &g_first; block != nullptr;
       block = block->next.load(std::memory_order_acquire)) {
    for (Row& row : block->rows) {
      const u64 bytes = row.bytes.load(std::memory_order_acquire);
      if (bytes != 0 && matches(row.begin.load(std::memory_order_relaxed), bytes)) return &row;
    }
  }
  return nullptr;
}

}  // namespace

void register_code(const void* begin, u64 bytes, CodeOwner owner) {
  const std::lock_guard lock(g_mutex);
  Row& row = free_row();
  row.begin.store(word(begin), std::memory_order_relaxed);
  row.space.store(owner.space, std::memory_order_relaxed);
  row.stubs.store(owner.stubs, std::memory_order_relaxed);
  row.bytes.store(bytes, std::memory_order_release);
}

void unregister_code(const void* begin) {
  const std::lock_guard lock(g_mutex);
  Row* row = find_row([&](u64 start, u64) { return start == word(begin); });
  CHECK(row != nullptr);
  row->bytes.store(0, std::memory_order_release);
}

CodeOwner find_code(const void* pc) {
  const Row* row = find_row([&](u64 start, u64 bytes) { return word(pc) - start < bytes; });
  if (row == nullptr) return {};
  return {row->space.load(std::memory_order_relaxed), row->stubs.load(std::memory_order_relaxed)};
}

}  // namespace lr::jit
