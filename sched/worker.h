// A worker: a thread that enters processes, with its run queues and its timers. The first part is
// for code that runs on it; it is handed a Worker& (or reads Process::worker()) and never keeps it
// across a wait, since the process may go on elsewhere.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "base/result.h"
#include "sched/counter.h"
#include "sched/global_queue.h"
#include "sched/next_slot.h"
#include "sched/os.h"
#include "sched/process.h"
#include "sched/process_table.h"
#include "sched/ring.h"
#include "sched/timer_wheel.h"

namespace lr::sched {

class Completion;
class Scheduler;

class Worker {
 public:
  Worker(Scheduler& scheduler, u32 index, u32 ring_capacity);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  Scheduler& scheduler() const { return scheduler_; }
  u32 index() const { return index_; }

  // Makes a parked process run again, here if no other worker is idle. The condition it waits for
  // is made true before.
  void wake(Process& process);
  // The same for the receiver of a message: it runs next, within what is left of this slice.
  void wake_next(Process& process);
  // Scheduler::request(), for who is in no hurry: one that waited runs behind those that are woken.
  void request(Process& process, u32 bits);
  // Gives the process a pid and queues it here. See Scheduler::spawn().
  Result<ProcessRef> spawn(std::unique_ptr<Process> process);
  // The same for a block that may have been used before. No reference for the caller: the process
  // may have ended by the time it has the pid. If that fails, the block stays the caller's.
  Result<Pid> spawn(Process& process);

  // The live process of that pid, or null. Its block stays until the next call. A worker remembers
  // the last few, so that who talks to the same ones again counts no references.
  Process* find(Pid pid) {
    const Known& known = known_[pid % kKnown];
    if (known.pid != pid || !known.process || known.process->state() == Process::kDone) {
      return look_up(pid);
    }
    return known.process.get();
  }

  // Fires `timer`, which is not armed, at `deadline_ns` (now_ns() clock) on this worker.
  void arm(Timer& timer, u64 deadline_ns);

 private:
  friend class Scheduler;
  friend class Tick;

  // From so many waiting processes on, a busy worker's queues are worth another worker's look.
  static constexpr u32 kBacklogMin = 2;

  // What a searching worker saw of another one.
  struct Look {
    u64 since_ns = 0;
    u64 pushed[kLanes] = {};  // How many were ever pushed onto its queues.
    u64 dispatches = 0;
  };

  // A process that was looked up here.
  struct Known {
    Pid pid = 0;
    ProcessRef process;  // None: never was, or has been forgotten.
  };
  static constexpr u32 kKnown = 16;

  enum Sleep : u32 { kAwake = 0, kOnFutex = 1, kOnPoller = 2 };

  // Written by the worker only.
  struct Counters {
    Counter dispatches;
    Counter switches;
    Counter parks;
    Counter wakes;
    Counter preemptions;
    Counter steals;
    Counter stolen;
    Counter overflows;
    Counter sleeps;
    Counter timers_fired;
    Counter longest_hold_ns;
  };

  // worker.cc: the loop and the life of a process on it.
  void run(const Completion* until);
  bool should_stop(const Completion* until) const;
  void dispatch(Process& process);
  Next enter(Process& process);
  void note_hold();
  Next answer_yield(Process& process);
  void queue(Lane lane, Process& process);
  void call_for_help();
  void give_way();
  void requeue(Lane lane, Process& process);
  void finish(Process& process);
  Process* look_up(Pid pid);
  void forget(Known& known);

  // run_queues.cc: who runs next.
  Process* pick();
  Process* pick_others();
  Process* pick_preempted();
  Process* pick_next_slot();
  Process* pick_global();
  Process* refill(Lane lane);
  Process* steal(u64 now);
  Process* steal_preempted();
  Process* steal_from(Worker& victim, const Look& then);
  static Look look_at(const Worker& victim, u64 now);
  void count_stolen(u32 count);
  void push(Lane lane, Process& process);
  void enqueue(Lane lane, Process& process);
  bool has_used_slice(const Process& process) const;
  bool has_waiting() const;
  bool has_woken() const { return woken_.size() != 0 || next_.peek() != nullptr; }
  u32 backlog() const { return woken_.size() + ready_.size() + preempted_.size(); }
  bool has_other_duties() const;
  Ring<Process>& ring(Lane lane) {
    if (lane == Lane::kWoken) return woken_;
    return lane == Lane::kReady ? ready_ : preempted_;
  }

  // idle.cc: nobody does.
  void interrupt();
  Process* search(const Completion* until);
  void sleep(const Completion* until);
  void service(u64 now);
  void poll(u64 deadline_ns);
  void wake_thread();

  Scheduler& scheduler_;
  const u32 index_;
  ProcessTable::Cache& table_cache_;

  Ring<Process> woken_;
  Ring<Process> ready_;
  Ring<Process> preempted_;
  NextSlot<Process> next_;  // The receiver of a message.

  // Others read these.
  alignas(64) std::atomic<Pid> current_{0};  // What runs here.
  std::atomic<u64> rung_ns_{0};  // When the tick first rang for what runs here, 0: it did not,
  std::atomic<u64> rung_dispatch_{0};   // and in which dispatch.
  std::atomic<bool> attention_{false};  // Timers, or a completed drive(), are to be seen to.
  std::atomic<u32> sleep_{kAwake};
  std::atomic<u32> thread_id_{0};  // 0: nobody works.
  // Set by others only while it sleeps.
  bool searching_ = false;  // Has the right to search, ...
  bool eager_ = false;      // ... and takes whatever waits: see steal().
  Counters counters_;
  TimerWheel timers_;

  // Only the worker's own.
  alignas(64) u64 picks_ = 0;
  Process* running_ = nullptr;
  u64 tick_ = 0;  // When what runs here was dispatched.
  u64 serviced_tick_ = 0;
  u64 service_pick_ = 0;     // At this pick timers go on.
  u64 others_tick_ = 0;      // When something that was not woken last had a turn, ...
  u32 since_others_ = 0;     // ... and how many dispatches ago.
  bool runs_other_ = false;  // What runs here is such.
  u64 preempted_tick_ = 0;   // When preempted work last had a turn or used up its slice, ...
  u32 since_preempted_ = 0;  // ... and how many dispatches of what is not woken ago.
  u64 global_tick_ = 0;      // When the global queue had its turn, ...
  u64 global_pick_ = 0;      // ... which was this pick, ...
  u64 global_turns_ = 0;     // ... and how many lanes were looked at.
  u64 chain_tick_ = 0;       // When the next-slot began to hand on, ...
  u32 chain_ = 0;            // ... and how many times it did.
  u32 random_;
  std::vector<Look> looks_;  // By worker, in this search.
  Known known_[kKnown];      // By the pid's low bits.
  void* fiber_ = nullptr;    // What the thread sanitizer knows this thread's stack by.
};

}  // namespace lr::sched
