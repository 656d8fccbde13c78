// NodePool: blocks of one size that come and go all the time, made on one thread and freed on
// another. A thread keeps a few to itself; what is too many goes to the others, a batch at a time,
// through one list. What that does not hold goes back to the heap, and so does all that a thread
// has when it ends.
#pragma once

#include <mutex>
#include <new>
#include <utility>

#include "base/types.h"

namespace lr {

template <usize block_bytes>
class NodePool {
 public:
  static void* take() {
    Shelf& shelf = shelf_;
    Node* const node = shelf.first;
    if (node == nullptr) [[unlikely]]
      return refill(shelf);
    shelf.first = node->next;
    --shelf.count;
    return node;
  }

  static void give(void* block) {
    Shelf& shelf = shelf_;
    shelf.first = new (block) Node{shelf.first};
    if (++shelf.count >= 2 * kBatch) [[unlikely]]
      hand_over(shelf);
  }

 private:
  static constexpr u32 kBatch = 128;
  static constexpr u32 kBatchesMax = 256;  // That nobody has.

  struct Node {
    Node* next;
  };
  struct Shelf {
    Node* first = nullptr;
    u32 count = 0;
  };
  // Batches that nobody has; each is a list.
  struct Store {
    std::mutex mutex;
    u32 count = 0;
    Node* batches[kBatchesMax] = {};
  };

  static void free_list(Node* node) {
    while (node != nullptr) {
      Node* const next = node->next;
      ::operator delete(node);
      node = next;
    }
  }

  // A thread that has ended keeps nothing. Made when a thread first lacks or has too many.
  struct AtThreadEnd {
    ~AtThreadEnd() { free_list(std::exchange(shelf_, Shelf()).first); }
  };
  static void clean_at_thread_end() {
    static thread_local const AtThreadEnd at_end;
    static_cast<void>(at_end);
  }

  static void* refill(Shelf& shelf) {
    clean_at_thread_end();
    {
      std::lock_guard lock(store_.mutex);
      if (store_.count != 0) shelf.first = store_.batches[--store_.count];
    }
    if (shelf.first == nullptr) return ::operator new(block_bytes);
    shelf.count = kBatch;
    return take();
  }

  // The newest stay: this processor's cache has them.
  static void hand_over(Shelf& shelf) {
    clean_at_thread_end();
    Node* last = shelf.first;
    for (u32 i = 1; i < kBatch; ++i) last = last->next;
    Node* const batch = std::exchange(last->next, nullptr);
    shelf.count = kBatch;
    {
      std::lock_guard lock(store_.mutex);
      if (store_.count < kBatchesMax) {
        store_.batches[store_.count++] = batch;
        return;
      }
    }
    free_list(batch);
  }

  static inline thread_local constinit Shelf shelf_;
  static inline constinit Store store_;
};

}  // namespace lr
