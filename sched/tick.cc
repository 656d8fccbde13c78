#include "sched/tick.h"

#include <algorithm>

#include "sched/scheduler.h"
#include "sched/worker.h"

namespace lr::sched {

namespace {

// Passes that find nothing before the tick sleeps, so that it does not go to bed and rise again
// around every message.
constexpr u32 kIdlePassesMax = 8;

// How close together passes may be for the sake of timers.
constexpr u64 kPassNsMin = 50'000;

}  // namespace

Tick::Tick(Scheduler& scheduler, u64 slice_ns)
    : scheduler_(scheduler),
      slice_ns_(slice_ns),
      period_ns_(std::max<u64>(slice_ns / kTicksPerSlice, 10'000)),
      start_ns_(now_ns()) {}

void Tick::wake() {
  if (asleep_.exchange(0, std::memory_order_acq_rel) == 0) return;
  std::lock_guard lock(thread_mutex_);
  if (stopping_.load(std::memory_order_relaxed)) return;
  if (thread_.started()) return futex_wake(asleep_, 1);
  // Without a thread there is no preemption, but everything else goes on: workers see to timers
  // and descriptors between two processes.
  thread_.start("lr-tick", [](void* self) { static_cast<Tick*>(self)->run(); }, this);
}

void Tick::stop() {
  {
    std::lock_guard lock(thread_mutex_);
    stopping_.store(true, std::memory_order_relaxed);
  }
  asleep_.store(0, std::memory_order_release);
  futex_wake(asleep_, 1);
  thread_.join();
}

void Tick::run() {
  seen_.resize(scheduler_.options_.workers);
  u32 idle_passes = 0;
  while (!stopping_.load(std::memory_order_relaxed)) {
    const u64 now = now_ns();
    now_.store((now - start_ns_) / period_ns_, std::memory_order_relaxed);
    if (scheduler_.options_.epoch != nullptr) {
      scheduler_.options_.epoch->fetch_add(1, std::memory_order_relaxed);
    }
    u64 next = now + period_ns_;
    idle_passes = pass(now, next) ? 0 : idle_passes + 1;
    passes_.store(passes_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (idle_passes >= kIdlePassesMax) {
      rest();
      idle_passes = 0;
      continue;
    }
    // Nobody wakes this word's waiters while asleep_ is 0, but stop().
    futex_wait(asleep_, 0, next);
  }
}

// Sleeps until somebody calls wake(). They look at asleep_ without a fence; a period later
// everything they did before they looked is visible, and is looked for once more.
void Tick::rest() {
  asleep_.store(1, std::memory_order_seq_cst);
  futex_wait(asleep_, 1, now_ns() + period_ns_);
  u64 next = kNever;
  if (pass(now_ns(), next)) asleep_.store(0, std::memory_order_relaxed);
  while (asleep_.load(std::memory_order_acquire) != 0 &&
         !stopping_.load(std::memory_order_relaxed)) {
    futex_wait(asleep_, 1);
  }
}

// Looks at every worker once. True if there is something to look after; lowers `next_ns` to the
// time at which the next look is due.
bool Tick::pass(u64 now_ns, u64& next_ns) {
  bool waiting = !scheduler_.global_.empty();
  for (const auto& worker : scheduler_.active_workers()) waiting |= worker->has_waiting();
  bool needed = false;
  for (u32 i = 0; i < scheduler_.workers(); ++i) {
    needed |= look_at(*scheduler_.workers_[i], seen_[i], now_ns, waiting, next_ns);
  }
  const Poller& poller = *scheduler_.poller_;
  const bool unwatched = poller.waiting() != 0 && !poller.watched();
  if (needed && (waiting || unwatched)) scheduler_.work_arrived();
  last_pass_ns_ = now_ns;
  return needed;
}

bool Tick::look_at(Worker& worker, Seen& seen, u64 now_ns, bool waiting, u64& next_ns) {
  const Pid current = worker.current_.load(std::memory_order_acquire);
  if (current == 0) return false;
  // It may end meanwhile, but its block stays.
  const ProcessRef process = scheduler_.table_.find(current);
  if (!process) return true;  // Changing: look again.

  const u64 dispatches = worker.counters_.dispatches.get();
  if (dispatches != seen.dispatches) seen = {dispatches, last_pass_ns_};
  const bool long_enough = now_ns - seen.since_ns >= slice_ns_;
  const u64 deadline = worker.timers_.next_deadline_ns();
  const bool timer_due = deadline <= now_ns;
  if (!timer_due) next_ns = std::min(next_ns, std::max(deadline, now_ns + kPassNsMin));
  const bool slice_over = scheduler_.options_.preempt && waiting && long_enough;
  const bool requested = process->run.request.load(std::memory_order_relaxed) != 0;
  const bool wanted = worker.attention_.load(std::memory_order_relaxed);
  const bool descriptors = scheduler_.poller_->waiting() != 0;
  // A lone hog lets others' descriptors be looked at once a slice, too.
  const bool look_round = descriptors && long_enough;
  if (timer_due) worker.attention_.store(true, std::memory_order_relaxed);
  const bool always = scheduler_.options_.ring_always;
  if (always) next_ns = std::min(next_ns, now_ns + 1'000 + now_ns % 31'000);
  if (timer_due || slice_over || requested || wanted || look_round || always) {
    u64 never = 0;
    worker.rung_ns_.compare_exchange_strong(never, now_ns, std::memory_order_relaxed);
    rings_.store(rings_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    process->run.ring(kRequestYield);
    worker.interrupt();
  }
  return always || waiting || requested || wanted || descriptors || deadline != kNever;
}

}  // namespace lr::sched
