// Waiting for descriptors: one epoll set for a scheduler, each registration good for one wake.
// An idle worker waits in it; busy workers look in from time to time.
#pragma once

#include <atomic>

#include "base/result.h"
#include "base/types.h"
#include "sched/process.h"

namespace lr::sched {

inline constexpr u32 kReadable = 1;
inline constexpr u32 kWritable = 2;
inline constexpr u32 kHangup = 4;  // Or an error; always reported.

// One wait for one descriptor. Owned by the waiter; does not move while registered. Several may
// wait for the same descriptor.
class FdWait {
 public:
  FdWait() = default;
  FdWait(const FdWait&) = delete;
  FdWait& operator=(const FdWait&) = delete;

  // What has become possible; 0 while nothing has. Read by the woken process.
  u32 ready() const { return ready_.load(std::memory_order_acquire); }

 private:
  friend class Poller;
  ProcessRef process_;
  FdWait* next_ = nullptr;
  int fd_ = -1;
  u32 interest_ = 0;
  std::atomic<u32> ready_{0};
  bool registered_ = false;
};

}  // namespace lr::sched
