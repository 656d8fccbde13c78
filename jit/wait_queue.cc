#include "jit/wait_queue.h"

namespace lr::jit {

void Waiter::leave() {
  if (queue_ == nullptr) return;
  const std::lock_guard lock(queue_->mutex_);
  if (!is_notified()) queue_->remove(*this);
  queue_ = nullptr;
}

template <typename T>
bool WaitQueue::join_if(Waiter& waiter, u64 address, const T* word, T expected) {
  const std::lock_guard lock(mutex_);
  if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != expected) return false;
  add(waiter, address);
  return true;
}
template bool WaitQueue::join_if(Waiter&, u64, const u32*, u32);
template bool WaitQueue::join_if(Waiter&, u64, const u64*, u64);

void WaitQueue::add(Waiter& waiter, u64 address) {
  Bucket& bucket = bucket_of(address);
  waiter.queue_ = this;
  waiter.address_ = address;
  waiter.notified_.store(false, std::memory_order_relaxed);
  waiter.next_ = nullptr;
  waiter.previous_ = bucket.last;
  (bucket.last != nullptr ? bucket.last->next_ : bucket.first) = &waiter;
  bucket.last = &waiter;
}

void WaitQueue::remove(Waiter& waiter) {
  Bucket& bucket = bucket_of(waiter.address_);
  (waiter.previous_ != nullptr ? waiter.previous_->next_ : bucket.first) = waiter.next_;
  (waiter.next_ != nullptr ? waiter.next_->previous_ : bucket.last) = waiter.previous_;
}

u32 WaitQueue::notify(u64 address, u32 count) {
  const std::lock_guard lock(mutex_);
  u32 woken = 0;
  Waiter* next = nullptr;
  for (Waiter* waiter = bucket_of(address).first; waiter != nullptr && woken < count;
       waiter = next) {
    next = waiter->next_;
    if (waiter->address_ != address) continue;
    remove(*waiter);
    // Release: what was written before the notification is seen after the wait.
    waiter->notified_.store(true, std::memory_order_release);
    waiter->notified();
    woken++;
  }
  return woken;
}

}  // namespace lr::jit
