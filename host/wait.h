// What a process waits for: a record in its block, never C++ frames on its stack. A host call fills
// it in and leaves; whoever drives the process (host/process.cc; a plain loop in tests) arms
// timers, descriptors or jobs from it and continues the call when one of them has happened.
#pragma once

#include <atomic>
#include <span>

#include "base/types.h"
#include "sched/helper_pool.h"
#include "sched/poller.h"
#include "sched/timer.h"

namespace lr {

struct GuestCall;

struct FdInterest {
  int fd = -1;
  u32 interest = 0;  // sched::kReadable and kWritable.
  u32 ready = 0;     // What turned out to be possible.
};

// Work that blocks, done by the helper pool while its process waits. It owns all that it touches
// (descriptors by shared_ptr, bytes by value): the process may be killed while it runs. Two hold
// it, the waiting call and the pool; the last one frees it.
class Job : public sched::HelperJob {
 public:
  explicit Job() : sched::HelperJob(&Job::run_on_helper) {}
  virtual ~Job() = default;

  bool done() const { return done_.load(std::memory_order_acquire); }
  void retain() { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
  // The work itself, then done().
  void work_and_finish() {
    work();
    done_.store(true, std::memory_order_release);
  }

 protected:
  virtual void work() = 0;

 private:
  static void run_on_helper(sched::HelperJob& job);

  std::atomic<u32> references_{1};
  std::atomic<bool> done_{false};
};

struct Wait {
  enum class Kind : u8 {
    None,
    Turn,     // For nothing but another turn: others run first.
    Fds,      // Until one of `fds` is ready or the deadline has passed; none: sleep.
    Job,      // Until `job` is done.
    Message,  // Until the mailbox has what it awaits, or the deadline has passed.
    Event,    // Until `*event`, or the deadline has passed; who sets it wakes the process.
    Code,     // The same, for a function that machine code has called: it goes on there.
    Notify,   // Until the process's waiter is notified, or the deadline has passed.
    Guest,    // Until the activation above this one has returned or trapped.
  };

  Kind kind = Kind::None;
  bool expired = false;             // The deadline came first.
  u64 deadline_ns = sched::kNever;  // sched::now_ns() clock.
  std::span<FdInterest> fds;        // May be {&one, 1}.
  FdInterest one;
  union {  // By kind.
    Job* job = nullptr;
    const std::atomic<bool>* event;
    GuestCall* guest_call;
  };
};

}  // namespace lr
