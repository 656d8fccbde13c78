// A run queue: a bounded ring of pointers. Its owner pushes at the tail and takes from the head,
// first in, first out; thieves take half of it from the head at once.
//
//        head_ -> oldest ... newest <- tail_        both only ever count up
//
// Whoever wants items copies them first and then claims them by moving head_ with one
// compare-and-swap. A slot is written again only after head_ has passed it, so a copy that could be
// stale is followed by a swap that fails. Counters of 64 bits never come round.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>

#include "base/check.h"
#include "base/types.h"

namespace lr::sched {

template <typename T, template <typename> typename Atomic = std::atomic>
class Ring {
 public:
  // `capacity` is a power of 2.
  explicit Ring(u32 capacity) : slots_(new Atomic<T*>[capacity]), mask_(capacity - 1) {
    DCHECK((capacity & mask_) == 0);
  }

  u32 capacity() const { return mask_ + 1; }

  // Any thread; a guess as soon as it is returned.
  u32 size() const {
    const u64 head = head_.load(std::memory_order_acquire);
    const u64 tail = tail_.load(std::memory_order_acquire);
    return tail > head ? static_cast<u32>(tail - head) : 0;
  }

  // How many were ever pushed, and taken. Any thread, slightly late.
  u64 pushed() const { return tail_.load(std::memory_order_relaxed); }
  u64 taken() const { return head_.load(std::memory_order_relaxed); }

  // The owner. False if the ring is full.
  bool push(T* item) {
    const u64 tail = tail_.load(std::memory_order_relaxed);
    // Acquire: the thief that moved head_ has finished reading the slot.
    if (tail - head_.load(std::memory_order_acquire) > mask_) return false;
    slot(tail).store(item, std::memory_order_relaxed);
    // Release: a thief that sees this tail also sees the slot, and what the item points at.
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  // The owner. Null if the ring is empty.
  T* pop() {
    const u64 tail = tail_.load(std::memory_order_relaxed);
    u64 head = head_.load(std::memory_order_acquire);
    while (head != tail) {
      T* item = slot(head).load(std::memory_order_relaxed);
      if (claim(head, 1)) return item;
    }
    return nullptr;
  }

  // The owner: takes at most `count` of the oldest items. How many it got.
  u32 pop_many(T** items, u32 count) {
    const u64 tail = tail_.load(std::memory_order_relaxed);
    u64 head = head_.load(std::memory_order_acquire);
    while (head != tail) {
      const u32 taken = static_cast<u32>(std::min<u64>(tail - head, count));
      for (u32 i = 0; i < taken; ++i) items[i] = slot(head + i).load(std::memory_order_relaxed);
      if (claim(head, taken)) return taken;
    }
    return 0;
  }

  // The owner of `mine` takes the older half of this ring: it gets one item back, the others are in
  // `mine`. `taken` tells how many altogether. Null if there is nothing.
  T* steal_into(Ring& mine, u32& taken) {
    const u64 to = mine.tail_.load(std::memory_order_relaxed);
    const u64 room = mine.capacity() - (to - mine.head_.load(std::memory_order_acquire));
    u64 head = head_.load(std::memory_order_acquire);
    while (true) {
      const u64 tail = tail_.load(std::memory_order_acquire);
      if (tail <= head) return nullptr;
      const u64 size = tail - head;
      // head_ was read long before tail_: read it again.
      if (size > capacity()) {
        head = head_.load(std::memory_order_acquire);
        continue;
      }
      const u64 half = std::min(size - size / 2, room + 1);
      T* first = slot(head).load(std::memory_order_relaxed);
      for (u64 i = 1; i < half; ++i) {
        mine.slot(to + i - 1)
            .store(slot(head + i).load(std::memory_order_relaxed), std::memory_order_relaxed);
      }
      if (!claim(head, half)) continue;
      mine.tail_.store(to + half - 1, std::memory_order_release);
      taken = static_cast<u32>(half);
      return first;
    }
  }

 private:
  Atomic<T*>& slot(u64 index) { return slots_[index & mask_]; }

  // Moves head_ on. If others were faster, `head` is where it is now.
  // Release: our reads of the slots come before the owner's next writes to them.
  bool claim(u64& head, u64 count) {
    return head_.compare_exchange_strong(head, head + count, std::memory_order_acq_rel,
                                         std::memory_order_acquire);
  }

  std::unique_ptr<Atomic<T*>[]> slots_;
  const u32 mask_;
  alignas(64) Atomic<u64> head_{0};
  alignas(64) Atomic<u64> tail_{0};
};

}  // namespace lr::sched
