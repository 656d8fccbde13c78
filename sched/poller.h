// Waiting for descriptors: one epoll set for a scheduler, each registration good for one wake.
// An idle worker waits in it; busy workers look in from time to time.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>

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

  Process* process_ = nullptr;  // Null: not registered.
  FdWait* next_ = nullptr;      // Waits for the same descriptor.
  int fd_ = -1;
  u32 interest_ = 0;
  std::atomic<u32> ready_{0};
};

class Poller {
 public:
  // Called with a process to wake; it has a reference for as long as the call lasts.
  using Wake = void (*)(void* context, Process& process);

  static Result<std::unique_ptr<Poller>> create();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // See Scheduler::wait_fd and cancel_fd.
  Status add(FdWait& wait, int fd, u32 interest, Process& process);
  void cancel(FdWait& wait);

  // How many descriptors are being waited for.
  u32 waiting() const { return waiting_.load(std::memory_order_acquire); }

  // One thread at a time waits, others look in: true if this one may wait now.
  bool begin_wait() { return !busy_.exchange(true, std::memory_order_acquire); }
  void end_wait() { busy_.store(false, std::memory_order_release); }

  // True while someone waits.
  bool watched() const { return busy_.load(std::memory_order_relaxed); }

  // Wakes whose descriptors are ready; waits until the deadline for the first (0: does not wait).
  // Ends early when interrupted. Only waits between begin_wait() and end_wait().
  void poll(u64 deadline_ns, void* context, Wake wake);

  // Ends the wait of poll(), or the next one.
  void interrupt();

 private:
  struct Waits {
    FdWait* first = nullptr;
    bool added = false;  // To the epoll set.
  };

  Poller(int epoll_fd, int event_fd) : epoll_fd_(epoll_fd), event_fd_(event_fd) {}
  Status arm(int fd, Waits& waits);

  const int epoll_fd_;
  const int event_fd_;
  std::mutex mutex_;
  std::unordered_map<int, Waits> waits_;
  std::atomic<u32> waiting_{0};
  std::atomic<bool> busy_{false};
};

}  // namespace lr::sched
