// What the scheduler knows of a process: how to enter it, where it is in its life, and who asks
// for it. host/ derives its own process from this and says in on_*() what leaving means.
//
//             spawn, wake()                dispatch
//   Parked  ----------------->  Queued  ------------->  Running  --- Done
//     ^                           ^                       | |
//     |                           +------ Requeue --------+ |
//     +------------------------------- Park ----------------+
//
// One atomic word (park_word.h) counts the wakes since it last parked. wake() adds one and queues
// the process if it was parked; parking fails if there were more; the dispatch forgets them. So a
// wake before, during or after a park is never lost, and a process is never queued twice.
//
// A block may be used for one process after another: its owner gives it back from dispose(), and
// spawns it again.
#pragma once

#include <atomic>

#include "base/run_state.h"
#include "base/types.h"
#include "sched/counter.h"
#include "sched/entry_word.h"
#include "sched/fiber.h"
#include "sched/park_word.h"

namespace lr::sched {

class ProcessTable;
class Scheduler;
class Worker;

// Index in the process table (low 24 bits) and generation (high 40 bits). Never used twice. The
// first process of a scheduler, the root, is 1. No process has 0.
using Pid = u64;
inline constexpr u32 kPidIndexBits = 24;

// What a process wants after it has given its worker back.
enum class Next : u8 {
  Resume,   // Enter it again at once.
  Requeue,  // It can run, others first.
  Park,     // It waits; wake() brings it back.
  Done,     // It has ended and is never entered again.
};

// An entry of the process table. Zero when nobody has used it.
struct ProcessEntry {
  EntryWord<> word;
  std::atomic<class Process*> process{nullptr};
};
static_assert(EntryWord<>::kReferenceBits == kPidIndexBits,
              "a pid has a generation of as many bits");

class Process {
 public:
  // What machine code sees, and the way back from it.
  struct Run : RunState {
    Process* process = nullptr;
  };
  Run run;

  // `family` is host's own: which of its classes this is.
  explicit Process(u32 family = 0) : family_(family) { run.process = this; }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  // Inline, like dispose(): so that code with and without RTTI may derive from it.
  virtual ~Process() { fiber_destroy(fiber_); }

  // `run` is the member of a Process.
  static Process& from(RunState* run) { return *static_cast<Run*>(run)->process; }

  Pid pid() const { return pid_; }
  u32 family() const { return family_; }
  // The worker that holds the process. Only inside on_*() and host calls.
  Worker& worker() const { return *worker_; }

  // --- What host/ supplies. All run on the worker's own stack, never two at the same time.

  // Before the process is entered, unless it only goes on after Leave::Yield: for the first time,
  // after Park or Requeue, and when `requests` (bits of RunState::request other than
  // kRequestYield, already taken out of it) came in. Completes what the process waits for, if that
  // is possible by now. Wakes may be spurious: a process that still waits answers Park, one that
  // waits for nothing Resume. A killed one cleans up and answers Done.
  virtual Next on_dispatch(Worker& worker, u32 requests) = 0;

  // The process left its stack with any reason but Leave::Yield, which the scheduler answers.
  virtual Next on_leave(Worker& worker, Leave reason) = 0;

  // After Next::Done, when nobody can enter it any more: releases its slot and tells others. The
  // block itself lives until the last ProcessRef is gone.
  virtual void on_done(Worker& worker) = 0;

  // The last reference is gone, and the block may be used again. `here` is the worker on which this
  // happens, null on another thread. The default is `delete this`; a pool does otherwise.
  virtual void dispose(Worker* /*here*/) { delete this; }

  // --- Accounting. Written by the worker that holds the process; others may read, slightly late.

  struct Account {
    Counter cpu_ticks;    // Scheduler ticks during which it ran.
    Counter switches;     // Times it was entered.
    Counter preemptions;  // Times it was interrupted.
    Counter parks;

    void reset() {
      cpu_ticks.reset();
      switches.reset();
      preemptions.reset();
      parks.reset();
    }
  };
  const Account& account() const { return account_; }

  // Any thread, slightly late. kActive: queued or running.
  using State = ParkWord<>::State;
  static constexpr State kParked = ParkWord<>::kParked;
  static constexpr State kActive = ParkWord<>::kActive;
  static constexpr State kDone = ParkWord<>::kDone;
  State state() const { return park_word_.state(); }

 private:
  friend class Worker;
  friend class Scheduler;
  friend class ProcessTable;
  friend class ProcessRef;
  template <typename Item, typename Sync>
  friend class GlobalQueueOf;

  // Nothing is left of the process that had the block before.
  void renew() {
    park_word_.start(ParkWord<>::kActive);
    charge_ = 0;
    yielded_ = false;
    worker_ = nullptr;
    run.request.store(0, std::memory_order_relaxed);
    fiber_destroy(fiber_);
    fiber_ = nullptr;
    account_.reset();
  }

  ParkWord<> park_word_;
  const u32 family_;
  u32 charge_ = 0;        // Ticks used since it last queued as preempted.
  bool yielded_ = false;  // It was interrupted, and waits for nothing.
  Worker* worker_ = nullptr;
  Pid pid_ = 0;
  ProcessEntry* entry_ = nullptr;
  ProcessTable* table_ = nullptr;
  Process* queue_next_ = nullptr;  // In the global queue only.
  void* fiber_ = nullptr;          // What the thread sanitizer knows this stack by.
  Account account_;
};

// Told of every process that leaves because it was interrupted, on its worker, before anything else
// happens there: for measurements.
class YieldProbe {
 public:
  struct Asked {
    u64 rung_ns = 0;   // When the tick began to ring for what runs on that worker; 0: it did not.
    u64 epoch_ns = 0;  // When it last advanced the epoch; 0: there is none.
  };
  virtual void yielded(Process& process, Asked asked) = 0;

 protected:
  ~YieldProbe() = default;
};

// Keeps a process block (not the process) alive. Copying and dropping cost one atomic operation.
class ProcessRef {
 public:
  ProcessRef() = default;
  // Takes a reference to a process that is alive for another reason (the caller runs on it, or
  // holds a reference).
  explicit ProcessRef(Process& process);
  ProcessRef(const ProcessRef& other);
  ProcessRef(ProcessRef&& other) noexcept : process_(other.process_) { other.process_ = nullptr; }
  ProcessRef& operator=(ProcessRef other) noexcept {
    Process* mine = process_;
    process_ = other.process_;
    other.process_ = mine;
    return *this;
  }
  ~ProcessRef() { reset(); }

  // Becomes responsible for a reference that is already counted.
  static ProcessRef adopt(Process& process) {
    ProcessRef ref;
    ref.process_ = &process;
    return ref;
  }

  void reset();
  explicit operator bool() const { return process_ != nullptr; }
  Process* get() const { return process_; }
  Process* operator->() const { return process_; }
  Process& operator*() const { return *process_; }

 private:
  friend class ProcessTable;
  Process* process_ = nullptr;
};

}  // namespace lr::sched
