// The scheduler: worker threads, process table, preemption tick, poller and helper pool.
//
//   Scheduler scheduler(options);
//   ProcessRef root = TRY(scheduler.spawn(std::make_unique<MyProcess>(...)));
//   scheduler.drive(done);      // The calling thread is worker 0 until someone signals `done`.
//
// A thread that is no worker talks to processes through spawn(), wake(), request() and a
// Completion. Threads are started when there is work for them: a program of one process runs on
// the thread that drives.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/result.h"
#include "sched/global_queue.h"
#include "sched/helper_pool.h"
#include "sched/idle.h"
#include "sched/poller.h"
#include "sched/process.h"
#include "sched/process_table.h"
#include "sched/slot_allocator.h"
#include "sched/tick.h"
#include "sched/timer.h"
#include "sched/worker.h"

namespace lr::sched {

// Something that happens once and that threads (not processes) wait for. Either some threads
// wait(), or one drives a scheduler until it has happened.
class Completion {
 public:
  // Any thread. Whoever waited may destroy the completion as soon as it knows.
  void signal();
  bool done() const { return state_.load(std::memory_order_acquire) == kSignalled; }
  void wait();
  // False if it has not happened by then (now_ns() clock).
  bool wait_until(u64 deadline_ns);
  // Makes it ready to happen again. Only when nobody waits.
  void reset() { state_.store(kIdle, std::memory_order_relaxed); }

 private:
  friend class Scheduler;
  enum State : u32 { kIdle, kWaiting, kDriven, kSignalled };

  std::atomic<u32> state_{kIdle};
  Scheduler* driven_by_ = nullptr;  // Valid in state kDriven.
};

struct SchedulerOptions {
  u32 workers = 0;           // At most. 0: what affinity mask and cgroup quota allow.
  u32 ring_capacity = 256;   // Of each run queue; a power of 2, at least 4.
  u64 slice_ns = 1'000'000;  // After this a process yields if another waits.
  bool preempt = true;       // Whether the tick rings for the slice's sake.
  // Advanced by the tick, for code that looks at it (Alarm::epoch).
  std::atomic<u64>* epoch = nullptr;
  // Sent to the thread of a worker to stop what runs there, for code that looks at nothing. 0:
  // none.
  int interrupt_signal = 0;
  // Test mode: the tick rings for whatever runs, at random moments some microseconds apart.
  bool ring_always = false;
  u32 processes_max = 1u << 24;  // Blocks in use at the same time; see ProcessTable.
  u32 helper_threads = 4;
  YieldProbe* yield_probe = nullptr;  // Outlives the scheduler.
  SlotOptions slots;
};

// What --stats prints. Summed over workers, slightly late.
struct SchedulerStats {
  u64 switches = 0;  // Times a process was entered.
  u64 parks = 0;
  u64 wakes = 0;
  u64 preemptions = 0;
  u64 steals = 0;     // Batches taken from another worker.
  u64 stolen = 0;     // Processes in them.
  u64 overflows = 0;  // Processes moved to the global queue.
  u64 sleeps = 0;     // Times a worker had nothing to do and slept.
  u64 ticks = 0;      // Passes of the preemption tick.
  u64 rings = 0;
  u64 timers_fired = 0;
  u64 longest_hold_ns = 0;  // The longest a process kept its worker, as far as the tick saw it.
  u64 spawned = 0;
  u64 live = 0;
  u64 threads = 0;
};

class Scheduler {
 public:
  static Result<std::unique_ptr<Scheduler>> create(const SchedulerOptions& options);
  ~Scheduler() { stop(); }
  // Kills every process, waits until all have ended and joins the threads. Nothing runs any more.
  void stop();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Gives the process a pid and queues it. Any thread; on a worker, prefer Worker::spawn(). Fails
  // with Err::LimitExceeded when there are processes_max.
  Result<ProcessRef> spawn(std::unique_ptr<Process> process);

  // The live process of that id, or nothing. Any thread, lock-free.
  ProcessRef find(Pid pid);

  // Makes a parked process run again; see Process. Any thread; on a worker, prefer Worker::wake().
  // The condition it waits for is made true before.
  void wake(Process& process);

  // Interrupts the process where it runs. Repeated by the tick until it is answered. Any thread.
  void interrupt(Process& process);

  // Sets request bits (kill, signal), interrupts the process where it runs and wakes it where it
  // waits. Repeated by the tick until it is answered. Any thread.
  void request(Process& process, u32 bits);

  // The calling thread works as worker 0 until `done` is signalled. One thread at a time. Before
  // the first and between two such calls worker 0 rests, its timers too, and what threads spawn and
  // wake waits for the next one.
  void drive(Completion& done);

  // Starts a thread for worker 0 too, for programs whose threads only wait. Then drive() only
  // waits.
  Status start_all();

  // Fires `timer`, which is not armed, on worker 0. For threads that are no worker.
  void arm(Timer& timer, u64 deadline_ns);

  // --- Descriptors. Any thread, but one at a time for each FdWait.

  // Wakes `process` once when `fd` can do any of `interest`, and tells in wait.ready(). Fails
  // for what epoll cannot watch (regular files: they are always ready).
  Status wait_fd(FdWait& wait, int fd, u32 interest, Process& process);
  // After this the wait is no longer touched. Call it after a wake too. Before closing fd.
  void cancel_fd(FdWait& wait);

  HelperPool& helpers() { return helpers_; }
  SlotAllocator& slots() { return slots_; }
  // Processes that live now.
  u32 live() const { return table_.live(); }
  // What a tick of Process::Account is.
  u64 tick_ns() const { return tick_.period_ns(); }
  // How many there may be, and how many there are so far.
  u32 workers_max() const { return options_.workers; }
  u32 workers() const { return active_.load(std::memory_order_acquire); }
  SchedulerStats stats() const;

  // Calls visit(context, process) for every live process. Any thread, slow.
  void for_each(void* context, void (*visit)(void* context, Process& process)) {
    table_.for_each(context, visit);
  }

 private:
  friend class Completion;
  friend class Tick;
  friend class Worker;

  Scheduler(const SchedulerOptions& options, bool quota_applied, std::unique_ptr<Poller> poller);

  // Work was added that a worker could take: wakes or starts one if that is useful.
  void work_arrived();
  Status enter(Process& process, u32 references, Worker* here);
  void queue_globally(Process& process);
  bool start_worker(u32 index);
  bool start_next_worker();
  void enable_others();
  std::span<const std::unique_ptr<Worker>> active_workers() const {
    return {workers_.data(), workers()};
  }
  bool any_busy() const;
  bool help_wanted() const;
  void call_a_sleeper(bool eager = false);
  void look_for_more();
  void worker_wanted();
  void interrupt_worker_of(const Process& process);
  void remove(Process& process, Worker& here);

  const SchedulerOptions options_;
  SlotAllocator slots_;
  HelperPool helpers_;
  std::unique_ptr<Poller> poller_;
  ProcessTable table_;
  GlobalQueue global_;
  IdleWorkers idle_;
  std::vector<std::unique_ptr<Worker>> workers_;  // Made when they are started; in order.
  std::atomic<u32> active_{1};                    // How many are.
  Tick tick_;

  mutable std::mutex threads_mutex_;
  std::vector<std::unique_ptr<Thread>> threads_;  // By worker; null: none.
  std::atomic<u32> startable_{0};            // Workers that have no thread yet and may get one.
  std::atomic<u64> searched_tick_{~u64{0}};  // When a worker last searched and found nothing.
  std::atomic<bool> stopping_{false};
  std::atomic<bool> closing_{false};
  std::atomic<bool> resting_{true};  // Nobody is worker 0.
  bool others_enabled_ = false;
  bool quota_applied_;  // Found out when a second worker is wanted.
  Completion all_gone_;
};

}  // namespace lr::sched
