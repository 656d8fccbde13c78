// What a worker does when it finds nothing to run: look about for a while, then sleep.
#include "sched/idle.h"

#include "sched/scheduler.h"
#include "sched/worker.h"

namespace lr::sched {

namespace {

// An idle processor takes tens of microseconds to wake; so long it is better to look.
constexpr u64 kSpinNs = 20'000;
constexpr u32 kSpinPauses = 16;
// While there are more timers due than one look deals with.
constexpr u64 kPicksBetweenTimers = 4;

}  // namespace

// Timers that are due and descriptors that are ready.
void Worker::service(u64 now) {
  attention_.store(false, std::memory_order_relaxed);
  if (timers_.next_deadline_ns() <= now) {
    counters_.timers_fired.add(timers_.advance(now, *this));
    // The rest soon, but others run in between.
    if (timers_.next_deadline_ns() <= now) service_pick_ = picks_ + kPicksBetweenTimers;
  }
  if (scheduler_.poller_->waiting() != 0) poll(0);
}

void Worker::poll(u64 deadline_ns) {
  scheduler_.poller_->poll(deadline_ns, this, [](void* self, Process& process) {
    static_cast<Worker*>(self)->wake(process);
  });
}

// Something to run, found within a short time, or null. With the right to search if nobody had it.
Process* Worker::search(const Completion* until) {
  if (!searching_) searching_ = scheduler_.idle_.begin_search();
  if (!searching_) return nullptr;
  u64 now = now_ns();
  const u64 end = now + kSpinNs;
  looks_.assign(scheduler_.workers(), Look());
  while (now < end) {
    Process* process = steal(now);
    service(now);
    if (process == nullptr) process = pick();
    if (process != nullptr || should_stop(until)) {
      eager_ = false;
      return process;
    }
    for (u32 i = 0; i < kSpinPauses; ++i) cpu_relax();
    now = now_ns();
  }
  eager_ = false;
  if (Process* process = steal(now)) return process;
  // What calls us in this tick is too brief to be worth it.
  scheduler_.searched_tick_.store(scheduler_.tick_.now(), std::memory_order_relaxed);
  return nullptr;
}

void Worker::sleep(const Completion* until) {
  IdleWorkers& idle = scheduler_.idle_;
  Poller& poller = *scheduler_.poller_;
  sleep_.store(kOnFutex, std::memory_order_relaxed);
  const bool searched = searching_;
  searching_ = false;  // Once on the list, others may set it.
  idle.add(*this);
  if (searched) idle.end_search();
  // See idle.h: registered first, then a last look.
  heavy_fence();
  if (!scheduler_.help_wanted() && !should_stop(until)) {
    counters_.sleeps.add();
    const u64 deadline = timers_.next_deadline_ns();
    if (poller.waiting() != 0 && poller.begin_wait()) {
      u32 expected = kOnFutex;
      if (sleep_.compare_exchange_strong(expected, kOnPoller, std::memory_order_acq_rel)) {
        poll(deadline);
      }
      poller.end_wait();
    } else {
      futex_wait(sleep_, kOnFutex, deadline);
    }
  }
  if (idle.remove(*this)) {
    sleep_.store(kAwake, std::memory_order_relaxed);
    service(now_ns());
    return;
  }
  // Somebody has taken us off the list and is about to say so; we then have the right to search.
  while (sleep_.load(std::memory_order_acquire) != kAwake) cpu_relax();
}

// The caller has taken the worker off the list of sleepers.
void Worker::wake_thread() {
  switch (sleep_.exchange(kAwake, std::memory_order_acq_rel)) {
    case kOnFutex:
      futex_wake(sleep_, 1);
      break;
    case kOnPoller:
      scheduler_.poller_->interrupt();
      break;
  }
}

}  // namespace lr::sched
