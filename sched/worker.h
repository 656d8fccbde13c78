// What code that runs on a worker may ask of it. It is handed a Worker& (or reads
// Process::worker()), never keeps it across a wait: the process may go on elsewhere.
#pragma once

#include <memory>

#include "base/result.h"
#include "sched/process.h"
#include "sched/timer.h"

namespace lr::sched {

class Scheduler;

class Worker {
 public:
  virtual ~Worker() = default;

  virtual Scheduler& scheduler() = 0;
  virtual u32 index() const = 0;

  // Makes a parked process run again, on this worker if no other is idle. The condition it waits
  // for is made true before.
  virtual void wake(Process& process) = 0;
  // The same for the receiver of a message: it runs next, within what is left of this slice.
  virtual void wake_next(Process& process) = 0;
  // Gives the process a pid and queues it here.
  virtual Result<ProcessRef> spawn(std::unique_ptr<Process> process) = 0;

  // Fires `timer` at `deadline_ns` (now_ns() clock) on this worker. The timer is not armed.
  virtual void arm(Timer& timer, u64 deadline_ns) = 0;
};

}  // namespace lr::sched
