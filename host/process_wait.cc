#include <algorithm>

#include "host/process.h"

namespace lr {

sched::Next Process::continue_host_call(sched::Worker& worker) {
  Caller& caller = top_->caller;
  const Wait::Kind was = std::exchange(caller.wait.kind, Wait::Kind::None);
  if (was == Wait::Kind::Notify) {
    jit::finish_atomic_wait(run, rare_->waiter);
    return sched::Next::Resume;
  }
  u64* args = jit::host_call_values(run);
  const HostFunction* postponed =
      rare_ == nullptr ? nullptr : std::exchange(rare_->postponed, nullptr);
  const HostStatus status =
      postponed == nullptr ? resume_host(caller, args) : call_host(caller, *postponed, args);
  if (status == HostStatus::Wait) return arm_wait(worker);
  if (status == HostStatus::Trap) run.trap_code = static_cast<u32>(caller.trap_code);
  jit::complete_host_call(run, status);
  return sched::Next::Resume;
}

sched::Next Process::arm_wait(sched::Worker& worker) {
  Wait& wait = top_->caller.wait;
  wait.expired = false;
  switch (wait.kind) {
    case Wait::Kind::None:
      return sched::Next::Resume;
    case Wait::Kind::Turn:
      return sched::Next::Requeue;
    case Wait::Kind::Guest:
      return start_call(*wait.guest_call);
    case Wait::Kind::Job:
      rare().job = wait.job;
      wait.job->retain();
      wait.job->keep = sched::ProcessRef(*this);
      scheduler_.helpers().submit(*wait.job);
      return sched::Next::Park;
    case Wait::Kind::Message:
    case Wait::Kind::Event:
      return arm_inner_wait(worker, wait);
    case Wait::Kind::Notify:
    case Wait::Kind::Fds:
      break;
  }
  if (!wait.fds.empty() && rare().fd_wait_room < wait.fds.size()) {
    rare_->fd_wait_room = wait.fds.size();
    rare_->fd_waits = std::make_unique<sched::FdWait[]>(rare_->fd_wait_room);
  }
  for (FdInterest& interest : wait.fds) {
    interest.ready = 0;
    sched::FdWait& registration = rare_->fd_waits[rare_->fd_wait_count];
    const Status watched = scheduler_.wait_fd(registration, interest.fd, interest.interest, *this);
    // What cannot be watched is always ready.
    if (!watched.ok()) {
      disarm_wait();
      interest.ready = interest.interest;
      return continue_host_call(worker);
    }
    ++rare_->fd_wait_count;
  }
  arm_deadline(worker, wait);
  return sched::Next::Park;
}

void Process::arm_deadline(sched::Worker& worker, const Wait& wait) {
  if (wait.deadline_ns == sched::kNever) return;
  if (timer_ == nullptr) timer_ = std::make_unique<WakeTimer>(*this);
  worker.arm(*timer_, wait.deadline_ns);
  is_timed_ = true;
}

// For a message or another process. What has arrived already is seen here.
sched::Next Process::arm_inner_wait(sched::Worker& worker, Wait& wait) {
  if (!handle_inbox()) {
    kill();
    return sched::Next::Done;
  }
  if (is_wait_over(wait)) return continue_host_call(worker);
  arm_deadline(worker, wait);
  return sched::Next::Park;
}

bool Process::is_wait_over(Wait& wait) {
  switch (wait.kind) {
    case Wait::Kind::None:
    case Wait::Kind::Turn:
      return true;
    case Wait::Kind::Guest:
      return false;
    case Wait::Kind::Job:
      return wait.job->done();
    case Wait::Kind::Message:
      if (mailbox_.has_awaited()) return true;
      break;
    case Wait::Kind::Event:
      if (wait.event->load(std::memory_order_acquire)) return true;
      break;
    case Wait::Kind::Notify:
    case Wait::Kind::Fds:
      break;
  }
  bool ready = wait.kind == Wait::Kind::Notify && rare_->waiter.is_notified();
  if (wait.kind == Wait::Kind::Fds && rare_ != nullptr) {
    for (usize i = 0; i < rare_->fd_wait_count; ++i) {
      wait.fds[i].ready = rare_->fd_waits[i].ready();
      ready |= wait.fds[i].ready != 0;
    }
  }
  if (ready) return true;
  wait.expired = wait.deadline_ns != sched::kNever && sched::now_ns() >= wait.deadline_ns;
  return wait.expired;
}

void Process::disarm_wait() {
  if (std::exchange(is_timed_, false)) timer_->cancel();
  if (rare_ == nullptr) return;
  rare_->waiter.leave();
  for (usize i = 0; i < rare_->fd_wait_count; ++i) scheduler_.cancel_fd(rare_->fd_waits[i]);
  rare_->fd_wait_count = 0;
  // One that never ran is ours to drop; one that runs drops itself.
  Job* const job = std::exchange(rare_->job, nullptr);
  if (job != nullptr && scheduler_.helpers().withdraw(*job)) {
    job->keep.reset();
    job->release();
  }
}

void Process::AtomicWaiter::wait(i64 timeout_ns) {
  Wait& wait = owner.top_->caller.wait;
  wait = Wait();
  wait.kind = Wait::Kind::Notify;
  if (timeout_ns < 0) return;
  const u64 now = sched::now_ns();
  wait.deadline_ns = std::min(sched::kNever - now, static_cast<u64>(timeout_ns)) + now;
}

void Process::AtomicWaiter::notified() { owner.scheduler_.wake(owner); }

void Process::wake() { scheduler_.wake(*this); }

void Process::wake_by_timer(sched::Timer& timer, sched::Worker& worker) {
  worker.wake(static_cast<WakeTimer&>(timer).owner);
}

void Process::move_stack(Leave reason) {
  if (reason == Leave::Returned || !jit::may_move_stack(run, reason)) return;
  // Without memory for another slot the stack stays where it is.
  static_cast<void>(stack_.move(run));
}

}  // namespace lr
