// Waiting at addresses of a shared memory (memory.atomic.wait and notify). A process that waits is
// parked by whoever runs it, which is a layer above this one; no thread waits here.
#pragma once

#include <atomic>
#include <mutex>

#include "base/types.h"

namespace lr::jit {

class WaitQueue;

// A process as a wait queue knows it. One wait at a time.
class Waiter {
 public:
  Waiter() = default;
  virtual ~Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // Ends the wait, if it has not been ended by notify. Before the process goes on, or goes.
  void leave();
  // Whether notify ended the wait.
  bool is_notified() const { return notified_.load(std::memory_order_acquire); }

  // The process stands in a queue and its helper is about to leave with HostStatus::Wait: whoever
  // runs it must end the wait when notified, or once the time is over (negative: never), and
  // complete the host call with finish_atomic_wait().
  virtual void wait(i64 timeout_ns) = 0;

 protected:
  // is_notified() has just become true. Any thread, with the queue's lock held: brief.
  virtual void notified() = 0;

 private:
  friend class WaitQueue;

  WaitQueue* queue_ = nullptr;
  u64 address_ = 0;
  Waiter* next_ = nullptr;
  Waiter* previous_ = nullptr;
  std::atomic<bool> notified_{false};
};

// Those that wait for one memory. Any thread.
class WaitQueue {
 public:
  // Adds the waiter if `address` holds `expected`, looked at under the lock that notify takes too.
  bool join(Waiter& waiter, u64 address, const u32* word, u32 expected) {
    return join_if(waiter, address, word, expected);
  }
  bool join(Waiter& waiter, u64 address, const u64* word, u64 expected) {
    return join_if(waiter, address, word, expected);
  }
  // Ends the waits of at most `count` that wait at the address, the oldest first. How many it were.
  u32 notify(u64 address, u32 count);

 private:
  friend class Waiter;

  // Those whose addresses share a bucket, the oldest first.
  struct Bucket {
    Waiter* first = nullptr;
    Waiter* last = nullptr;
  };
  static constexpr u64 kBuckets = 64;

  template <typename T>
  bool join_if(Waiter& waiter, u64 address, const T* word, T expected);
  Bucket& bucket_of(u64 address) { return buckets_[address / 4 % kBuckets]; }
  void add(Waiter& waiter, u64 address);
  void remove(Waiter& waiter);

  std::mutex mutex_;
  Bucket buckets_[kBuckets];
};

}  // namespace lr::jit
