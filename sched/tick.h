// The preemption tick: a thread that looks at the workers twice in a slice and rings for processes
// that have had theirs while others wait, for timers that are due on a busy worker, and again for
// every request that is not yet answered. It sleeps when no worker is busy, or none has anything
// else to do than what it is doing.
//
// It also is the scheduler's clock: use is charged in ticks, so a dispatch reads no other clock.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "sched/os.h"
#include "sched/process.h"

namespace lr::sched {

class Scheduler;
class Worker;

inline constexpr u32 kTicksPerSlice = 2;

class Tick {
 public:
  Tick(Scheduler& scheduler, u64 slice_ns);
  ~Tick() { stop(); }

  // The number of the present tick. Stands still while the tick sleeps.
  u64 now() const { return now_.load(std::memory_order_relaxed); }

  // True while nothing is looked at. Whoever makes a look necessary (a busy worker that has other
  // work, timers or descriptors to see to) calls wake() then.
  bool asleep() const { return asleep_.load(std::memory_order_relaxed) != 0; }
  void wake();

  // Wakes it, or has it look before its time: work was added from outside, and workers are busy.
  void look_soon();

  void stop();

  u64 period_ns() const { return period_ns_; }
  // When the epoch was last advanced; 0 without epochs.
  u64 epoch_ns() const { return epoch_ns_.load(std::memory_order_relaxed); }

  u64 passes() const { return passes_.load(std::memory_order_relaxed); }
  u64 rings() const { return rings_.load(std::memory_order_relaxed); }

 private:
  // What the last pass saw of a worker.
  struct Seen {
    u64 dispatches = 0;
    u64 since_ns = 0;  // The pass before that was first seen: it began after.
    u64 seen_ns = 0;   // When it was first seen.
  };

  // What a pass knows and finds out.
  struct Round {
    u64 now_ns;
    u64 next_ns;   // When the next pass is due.
    bool waiting;  // Somewhere somebody waits for a worker, ...
    bool help;     // ... and another worker could do something about it.
  };

  void run();
  bool pass(u64 now_ns, u64& next_ns);
  bool look_at(Worker& worker, Seen& seen, Round& round);
  void ring(Worker& worker, Process& process);
  void rest();
  bool sleep_until(u64 deadline_ns);

  Scheduler& scheduler_;
  const u64 slice_ns_;
  const u64 period_ns_;
  const u64 start_ns_;
  alignas(64) std::atomic<u64> now_{0};
  std::atomic<u32> asleep_{1};
  std::atomic<u32> hurry_{0};  // Not 0: the next pass is due now.
  std::atomic<bool> stopping_{false};
  std::atomic<u64> epoch_ns_{0};
  std::atomic<u64> passes_{0};
  std::atomic<u64> rings_{0};
  std::vector<Seen> seen_;
  u64 last_pass_ns_ = 0;
  std::mutex thread_mutex_;
  Thread thread_;
};

}  // namespace lr::sched
