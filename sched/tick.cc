#include "sched/tick.h"

#include <algorithm>

#include "sched/scheduler.h"
#include "sched/worker.h"

namespace lr::sched {

namespace {

// Passes that find nothing before the tick sleeps, so that it does not go to bed and rise again
// around every message.
constexpr u32 kIdlePassesMax = 8;

// How close together passes may be, and how long a process runs before one that was woken
// interrupts it.
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
  if (thread_.started()) {
    hurry_.store(1, std::memory_order_release);
    return futex_wake(hurry_, 1);
  }
  // Without a thread there is no preemption, but everything else goes on: workers see to timers
  // and descriptors between two processes.
  thread_.start("lr-tick", [](void* self) { static_cast<Tick*>(self)->run(); }, this, true);
}

void Tick::look_soon() {
  if (asleep()) return wake();
  if (hurry_.exchange(1, std::memory_order_acq_rel) == 0) futex_wake(hurry_, 1);
}

void Tick::stop() {
  {
    std::lock_guard lock(thread_mutex_);
    stopping_.store(true, std::memory_order_relaxed);
  }
  hurry_.store(1, std::memory_order_release);
  futex_wake(hurry_, 1);
  thread_.join();
}

void Tick::run() {
  prefer_this_thread();
  seen_.resize(scheduler_.options_.workers);
  u32 idle_passes = 0;
  while (!stopping_.load(std::memory_order_relaxed)) {
    // Whoever hurries us from here on gets another pass.
    hurry_.exchange(0, std::memory_order_acq_rel);
    const u64 now = now_ns();
    const u64 tick = (now - start_ns_) / period_ns_;
    const u64 before = now_.load(std::memory_order_relaxed);
    if (scheduler_.options_.epoch != nullptr && tick != before) {
      epoch_ns_.store(now, std::memory_order_relaxed);
      scheduler_.options_.epoch->fetch_add(tick - before, std::memory_order_relaxed);
    }
    now_.store(tick, std::memory_order_relaxed);
    u64 next = now + period_ns_;
    idle_passes = pass(now, next) ? 0 : idle_passes + 1;
    passes_.store(passes_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (idle_passes >= kIdlePassesMax) {
      rest();
      idle_passes = 0;
      continue;
    }
    futex_wait(hurry_, 0, next);
  }
}

// Sleeps until somebody calls wake(). They look at asleep_ without a fence; a period later
// everything they did before they looked is visible, and is looked for once more.
void Tick::rest() {
  asleep_.store(1, std::memory_order_seq_cst);
  if (!sleep_until(now_ns() + period_ns_)) return;
  u64 next = kNever;
  if (pass(now_ns(), next)) return asleep_.store(0, std::memory_order_relaxed);
  sleep_until(kNever);
}

// Hurries that came before are not for this sleep, and none cuts it short. False if somebody called
// wake() or stop().
bool Tick::sleep_until(u64 deadline_ns) {
  while (now_ns() < deadline_ns) {
    // Whoever set it did before what is looked at next; whoever sets it again ends the wait.
    hurry_.exchange(0, std::memory_order_acq_rel);
    if (!asleep() || stopping_.load(std::memory_order_relaxed)) return false;
    futex_wait(hurry_, 0, deadline_ns);
  }
  return true;
}

// Looks at every worker once. True if there is something to look after; lowers `next_ns` to the
// time at which the next look is due.
bool Tick::pass(u64 now_ns, u64& next_ns) {
  const bool outside = !scheduler_.global_.empty();
  Round round = {now_ns, next_ns, outside, outside};
  for (const auto& worker : scheduler_.active_workers()) round.waiting |= worker->has_waiting();
  bool needed = false;
  for (u32 i = 0; i < scheduler_.workers(); ++i) {
    needed |= look_at(*scheduler_.workers_[i], seen_[i], round);
  }
  const Poller& poller = *scheduler_.poller_;
  const bool unwatched = poller.waiting() != 0 && !poller.watched();
  if (needed && (round.help || unwatched)) scheduler_.call_a_sleeper(round.help);
  last_pass_ns_ = now_ns;
  next_ns = round.next_ns;
  return needed;
}

bool Tick::look_at(Worker& worker, Seen& seen, Round& round) {
  const Pid current = worker.current_.load(std::memory_order_acquire);
  if (current == 0) return false;
  // It may end meanwhile, but its block stays.
  const ProcessRef process = scheduler_.table_.find(current);
  if (!process) return true;  // Changing: look again.

  const u64 now_ns = round.now_ns;
  const u64 dispatches = worker.counters_.dispatches.get();
  const bool same = dispatches == seen.dispatches;
  if (!same) seen = {dispatches, last_pass_ns_, now_ns};
  // A receiver in the next-slot is no backlog, unless the sender goes on and on.
  round.help |= worker.backlog() != 0 || (same && worker.has_waiting());

  const bool long_enough = now_ns - seen.since_ns >= slice_ns_;
  const u64 deadline = worker.timers_.next_deadline_ns();
  const bool timer_due = deadline <= now_ns;
  if (!timer_due) round.next_ns = std::min(round.next_ns, std::max(deadline, now_ns + kPassNsMin));
  const bool woken = scheduler_.global_.size(Lane::kWoken) != 0;
  const bool past_min = now_ns - seen.seen_ns >= kPassNsMin;
  // What came from outside is in no worker's hands: not even the next dispatch may be soon.
  if (woken && !past_min) round.next_ns = std::min(round.next_ns, now_ns + kPassNsMin);
  const bool slice_over = round.waiting && long_enough;
  const bool gives_way = (woken || worker.has_woken()) && past_min;
  const bool requested = process->run.request.load(std::memory_order_relaxed) != 0;
  const bool wanted = worker.attention_.load(std::memory_order_relaxed);
  const bool descriptors = scheduler_.poller_->waiting() != 0;
  // A lone hog lets others' descriptors be looked at once a slice, too.
  const bool look_round = descriptors && long_enough;
  if (timer_due) worker.attention_.store(true, std::memory_order_relaxed);
  const bool over = scheduler_.options_.preempt && (slice_over || gives_way);
  const bool always = scheduler_.options_.ring_always;
  if (always) round.next_ns = std::min(round.next_ns, now_ns + 1'000 + now_ns % 31'000);
  if (timer_due || over || requested || wanted || look_round || always) {
    if (worker.rung_ns_.load(std::memory_order_relaxed) == 0) {
      worker.rung_dispatch_.store(dispatches, std::memory_order_relaxed);
      worker.rung_ns_.store(now_ns, std::memory_order_release);
    }
    ring(worker, *process);
  }
  return always || round.waiting || requested || wanted || descriptors || deadline != kNever;
}

void Tick::ring(Worker& worker, Process& process) {
  rings_.store(rings_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  process.run.ring(kRequestYield);
  worker.interrupt();
}

}  // namespace lr::sched
