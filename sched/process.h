// What the scheduler knows of a process: how to enter it, where it is in its life, and who asks
// for it. host/ derives its own process from this and says in on_*() what leaving means.
//
//             spawn, wake()                dispatch
//   Parked  ----------------->  Queued  ------------->  Running  --- Done
//     ^                           ^                       | |
//     |                           +------ Requeue --------+ |
//     +------------------------------- Park ----------------+
//
// One atomic word (park_word.h) holds the state and a bit "woken". wake() sets the bit with one
// atomic operation and queues the process if it was parked; parking fails while the bit is set; the
// dispatch clears it. So a wake before, during or after a park is never lost, and a process is
// never queued twice.
#pragma once

#include <atomic>

#include "base/run_state.h"
#include "base/types.h"
#include "sched/counter.h"
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

// An entry of the process table: generation (40 bits) and number of references (24 bits) in one
// word, so that looking up a pid and taking a reference is one atomic operation.
struct ProcessEntry {
  std::atomic<u64> word{0};
  std::atomic<class Process*> process{nullptr};
};

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
  // after Park or Requeue, and when it was woken or `requests` (bits of RunState::request other
  // than kRequestYield, already taken out of it) came in. Completes what the process waits for, if
  // that is possible by now. Wakes may be spurious: a process that still waits answers Park, one
  // that waits for nothing Resume. A killed one cleans up and answers Done.
  virtual Next on_dispatch(Worker& worker, u32 requests) = 0;

  // The process left its stack with any reason but Leave::Yield, which the scheduler answers.
  virtual Next on_leave(Worker& worker, Leave reason) = 0;

  // After Next::Done, when nobody can enter it any more: releases its slot and tells others. The
  // block itself lives until the last ProcessRef is gone.
  virtual void on_done(Worker& worker) = 0;

  // The last reference is gone. The default is `delete this`; a pool may do otherwise.
  virtual void dispose() { delete this; }

  // --- Accounting. Written by the worker that holds the process; others may read, slightly late.

  struct Account {
    Counter cpu_ticks;    // Scheduler ticks during which it ran.
    Counter switches;     // Times it was entered.
    Counter preemptions;  // Times it was interrupted.
    Counter parks;
  };
  const Account& account() const { return account_; }

  using State = ParkWord<>::State;
  static constexpr State kDone = ParkWord<>::kDone;
  State state() const { return park_word_.state(); }

 private:
  friend class Worker;
  friend class Scheduler;
  friend class ProcessTable;
  friend class ProcessRef;
  friend class GlobalQueue;

  ParkWord<> park_word_;
  const u32 family_;
  u32 charge_ = 0;        // Ticks used since it last queued as preempted.
  bool yielded_ = false;  // It was interrupted, and waits for nothing.
  Worker* worker_ = nullptr;
  Process* queue_next_ = nullptr;  // In the global queue only.
  Pid pid_ = 0;
  ProcessTable* table_ = nullptr;
  ProcessEntry* entry_ = nullptr;
  void* fiber_ = nullptr;  // What the thread sanitizer knows this stack by.
  Account account_;
};

// Told of every process that leaves because it was interrupted, on its worker, before anything else
// happens there: for measurements.
class YieldProbe {
 public:
  // `rung_ns`: when the tick began to ring for what runs on that worker; 0: it did not.
  virtual void yielded(Process& process, u64 rung_ns) = 0;

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
