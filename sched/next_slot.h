// The place for the process that a worker runs next: the receiver of a message, which its sender's
// worker puts there. The owner takes it out, or a thief does. A template over the atomic type, so
// that a model checker runs the code that ships.
#pragma once

#include <atomic>

namespace lr::sched {

template <typename T, template <typename> typename Atomic = std::atomic>
class NextSlot {
 public:
  // Any thread; a guess as soon as it is returned.
  T* peek() const { return item_.load(std::memory_order_relaxed); }

  // The owner. What was there before, which is the owner's again.
  T* put(T& item) {
    // Others only take out: an empty one stays empty.
    if (peek() != nullptr) return item_.exchange(&item, std::memory_order_acq_rel);
    // Release: a thief that sees the item also sees what it points at.
    item_.store(&item, std::memory_order_release);
    return nullptr;
  }

  // Any thread.
  T* take() {
    return peek() == nullptr ? nullptr : item_.exchange(nullptr, std::memory_order_acq_rel);
  }

 private:
  Atomic<T*> item_{nullptr};
};

}  // namespace lr::sched
