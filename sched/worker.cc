#include "sched/worker.h"

#include <algorithm>

#include "base/check.h"
#include "sched/fiber.h"
#include "sched/scheduler.h"
#include "sched/switch.h"

namespace lr::sched {

Worker::Worker(Scheduler& scheduler, u32 index, u32 ring_capacity)
    : scheduler_(scheduler),
      index_(index),
      table_cache_(scheduler.table_.cache(index)),
      woken_(ring_capacity),
      ready_(ring_capacity),
      preempted_(ring_capacity),
      timers_(now_ns()),
      random_(index + 1) {
  table_cache_.owner = this;
}

void Worker::wake(Process& process) {
  if (!process.park_word_.wake()) return;
  counters_.wakes.add();
  queue(Lane::kWoken, process);
}

// Queues one that has just become able to run.
void Worker::queue(Lane lane, Process& process) {
  enqueue(lane, process);
  if (lane == Lane::kWoken) give_way();
  call_for_help();
}

void Worker::request(Process& process, u32 bits) {
  process.run.ring(bits);
  if (process.park_word_.wake()) {
    counters_.wakes.add();
    return queue(Lane::kReady, process);
  }
  scheduler_.interrupt_worker_of(process);
  if (scheduler_.tick_.asleep()) scheduler_.tick_.wake();
}

// Something has become able to run here. One such process this worker will run soon by itself, and
// another processor would only have to fetch it: 450 ns for each line that both write. If it has to
// wait after all, the tick finds that out. For more, others are called.
void Worker::call_for_help() {
  if (scheduler_.tick_.asleep()) [[unlikely]]
    scheduler_.tick_.wake();
  if (backlog() < kBacklogMin) return;
  if (scheduler_.searched_tick_.load(std::memory_order_relaxed) == scheduler_.tick_.now()) return;
  light_fence();
  scheduler_.call_a_sleeper();
}

// What runs here woke something, and has had its share for now: see run_queues.cc.
void Worker::give_way() {
  if (scheduler_.tick_.now() == tick_ || running_ == nullptr || !scheduler_.options_.preempt) {
    return;
  }
  if (running_->run.request.load(std::memory_order_relaxed) == 0) {
    running_->run.ring(kRequestYield);
  }
}

void Worker::wake_next(Process& process) {
  if (!process.park_word_.wake()) return;
  counters_.wakes.add();
  // The receiver's data are in this processor's cache, and the sender usually parks soon.
  if (Process* before = next_.put(process)) enqueue(Lane::kWoken, *before);
  give_way();
  call_for_help();
}

Result<ProcessRef> Worker::spawn(std::unique_ptr<Process> process) {
  TRY(scheduler_.enter(*process, 2, this));
  ProcessRef ref = ProcessRef::adopt(*process.release());
  queue(Lane::kReady, *ref);
  return ref;
}

Result<Pid> Worker::spawn(Process& process) {
  TRY(scheduler_.enter(process, 1, this));
  const Pid pid = process.pid_;
  queue(Lane::kReady, process);
  return pid;
}

void Worker::arm(Timer& timer, u64 deadline_ns) {
  if (deadline_ns == kNever) return;
  timers_.arm(timer, deadline_ns);
  if (scheduler_.tick_.asleep()) scheduler_.tick_.wake();
}

// Stops at once what runs here, if nothing in it looks at its doorbell. Any thread.
void Worker::interrupt() {
  const int signal = scheduler_.options_.interrupt_signal;
  const u32 thread = thread_id_.load(std::memory_order_relaxed);
  if (signal != 0 && thread != 0) send_signal(thread, signal);
}

bool Worker::should_stop(const Completion* until) const {
  return scheduler_.stopping_.load(std::memory_order_relaxed) ||
         (until != nullptr && until->done());
}

// A processor predicts where a `ret` goes from the calls that it has seen; those of a process come
// in between and push ours out. So the functions around lr_resume() have one frame, that of run(),
// which does not return: a wrong guess costs 20 cycles each.
#define LR_SAME_FRAME __attribute__((always_inline)) inline

// Runs the process until it leaves.
LR_SAME_FRAME Next Worker::enter(Process& process) {
  counters_.switches.add();
  process.account_.switches.add();
  fiber_switch(process.fiber_);
  const Leave reason = lr_resume(&process.run);
  fiber_switch(fiber_);
  return reason == Leave::Yield ? answer_yield(process) : process.on_leave(*this, reason);
}

LR_SAME_FRAME void Worker::dispatch(Process& process) {
  process.worker_ = this;
  tick_ = scheduler_.tick_.now();
  counters_.dispatches.add();
  current_.store(process.pid_, std::memory_order_release);
  running_ = &process;
  process.park_word_.enter();
  if (scheduler_.tick_.asleep()) {
    // It sleeps while busy workers have nothing else to see to; perhaps this one has. Others look
    // whether somebody is busy after they have added work: see Scheduler::work_arrived().
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (has_other_duties()) scheduler_.tick_.wake();
  }

  u32 requests = 0;
  if (process.run.request.load(std::memory_order_acquire) != 0) {
    requests = process.run.answer() & ~kRequestYield;
  }
  Next next = Next::Resume;
  if (requests != 0 || !process.yielded_) next = process.on_dispatch(*this, requests);
  process.yielded_ = false;
  process.run.begin_slice();
  while (next == Next::Resume) next = enter(process);

  current_.store(0, std::memory_order_release);
  running_ = nullptr;
  const u64 used = scheduler_.tick_.now() - tick_;
  if (used != 0) {
    process.charge_ += static_cast<u32>(std::min<u64>(used, kTicksPerSlice));
    process.account_.cpu_ticks.add(used);
  }
  switch (next) {
    case Next::Resume:
    case Next::Requeue:
      requeue(Lane::kReady, process);
      break;
    case Next::Park:
      counters_.parks.add();
      process.account_.parks.add();
      if (!process.park_word_.park()) requeue(Lane::kWoken, process);
      break;
    case Next::Done:
      finish(process);
      break;
  }
  if (rung_ns_.load(std::memory_order_relaxed) != 0) [[unlikely]]
    note_hold();
}

// The tick has rung since the last dispatch ended: for this one, or too late for the one before.
void Worker::note_hold() {
  const u64 rung_ns = rung_ns_.exchange(0, std::memory_order_acquire);
  if (rung_dispatch_.load(std::memory_order_relaxed) != counters_.dispatches.get()) return;
  counters_.longest_hold_ns.raise(now_ns() - rung_ns);
}

void Worker::run(const Completion* until) {
  // Once for each thread, since one may drive a scheduler ten thousand times.
  static thread_local const AlternateSignalStack signal_stack;
  const SignalGate gate(scheduler_.options_.interrupt_signal);
  thread_id_.store(thread_id(), std::memory_order_relaxed);
  fiber_ = fiber_current();
  while (!should_stop(until)) {
    Process* process = pick();
    if (process == nullptr) process = search(until);
    if (process == nullptr) {
      sleep(until);
      continue;
    }
    if (searching_) {
      // Found: the next one may search, if there is more.
      searching_ = false;
      scheduler_.idle_.end_search();
      scheduler_.look_for_more();
    }
    dispatch(*process);
  }
  thread_id_.store(0, std::memory_order_relaxed);
  for (Known& known : known_) forget(known);
  // What is left here is for the others.
  if (searching_) scheduler_.idle_.end_search();
  searching_ = false;
  if (has_waiting() || !scheduler_.global_.empty()) scheduler_.work_arrived();
}

#undef LR_SAME_FRAME

Next Worker::answer_yield(Process& process) {
  if (scheduler_.options_.yield_probe != nullptr) {
    const bool rung = rung_dispatch_.load(std::memory_order_relaxed) == counters_.dispatches.get();
    const u64 rung_ns = rung ? rung_ns_.load(std::memory_order_relaxed) : 0;
    scheduler_.options_.yield_probe->yielded(process, {rung_ns, scheduler_.tick_.epoch_ns()});
  }
  const u32 requests = process.run.answer() & ~kRequestYield;
  counters_.preemptions.add();
  process.account_.preemptions.add();
  const Next next = requests == 0 ? Next::Resume : process.on_dispatch(*this, requests);
  process.yielded_ = next == Next::Resume;
  return process.yielded_ ? Next::Requeue : next;
}

// It goes on later. If nothing else waits here, work that waits behind another worker's process is
// fetched first: otherwise the two would not share evenly.
void Worker::requeue(Lane lane, Process& process) {
  // However long it took, woken work has the next tick.
  if (runs_other_) others_tick_ = scheduler_.tick_.now();
  if (has_used_slice(process)) {
    preempted_tick_ = scheduler_.tick_.now();
    if (!has_waiting()) {
      if (Process* other = steal_preempted()) push(Lane::kPreempted, *other);
    }
  }
  // What it was interrupted for goes before it.
  if (attention_.load(std::memory_order_relaxed)) service(now_ns());
  enqueue(lane, process);
}

void Worker::finish(Process& process) {
  process.park_word_.finish();
  process.on_done(*this);
  Known& known = known_[process.pid() % kKnown];
  if (known.pid == process.pid()) forget(known);
  scheduler_.remove(process, *this);
}

Process* Worker::look_up(Pid pid) {
  Known& known = known_[pid % kKnown];
  forget(known);
  known.process = scheduler_.table_.find(pid);
  if (!known.process) return nullptr;
  known.pid = pid;
  return known.process.get();
}

void Worker::forget(Known& known) {
  if (known.process) scheduler_.table_.release(known.process, table_cache_);
}

}  // namespace lr::sched
