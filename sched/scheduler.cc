#include "sched/scheduler.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace lr::sched {

// --- Completion

void Completion::signal() {
  u32 state = state_.load(std::memory_order_acquire);
  while (state != kSignalled) {
    // Read before the swap: after it, whoever waited may have destroyed us.
    Scheduler* scheduler = state == kDriven ? driven_by_ : nullptr;
    if (!state_.compare_exchange_weak(state, kSignalled, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
      continue;
    }
    // An address that is no longer ours wakes at worst a stranger for nothing.
    if (state == kWaiting) futex_wake(state_, kEverybody);
    if (scheduler != nullptr) scheduler->worker_wanted();
    return;
  }
}

void Completion::wait() { wait_until(kNever); }

bool Completion::wait_until(u64 deadline_ns) {
  u32 state = kIdle;
  state_.compare_exchange_strong(state, kWaiting, std::memory_order_acq_rel);
  while (!done()) {
    if (deadline_ns != kNever && now_ns() >= deadline_ns) return false;
    futex_wait(state_, kWaiting, deadline_ns);
  }
  return true;
}

// --- Scheduler

namespace {

SchedulerOptions completed(SchedulerOptions options) {
  if (options.workers == 0) options.workers = allowed_processors();
  options.ring_capacity = std::bit_ceil(std::max(options.ring_capacity, 4u));
  return options;
}

}  // namespace

Result<std::unique_ptr<Scheduler>> Scheduler::create(const SchedulerOptions& options) {
  prepare_fences();
  std::unique_ptr<Poller> poller = TRY(Poller::create());
  return std::unique_ptr<Scheduler>(
      new Scheduler(completed(options), options.workers != 0, std::move(poller)));
}

Scheduler::Scheduler(const SchedulerOptions& options, bool quota_applied,
                     std::unique_ptr<Poller> poller)
    : options_(options),
      slots_(options.slots),
      helpers_(options.helper_threads, quota_applied ? options.workers : 0),
      poller_(std::move(poller)),
      table_(options.processes_max, options.workers),
      tick_(*this, options.slice_ns),
      quota_applied_(quota_applied) {
  workers_.resize(options.workers);
  threads_.resize(options.workers);
  workers_[0] = std::make_unique<Worker>(*this, 0, options.ring_capacity);
}

void Scheduler::stop() {
  if (stopping_.load(std::memory_order_relaxed)) return;
  closing_.store(true, std::memory_order_relaxed);
  heavy_fence();
  for_each(this, [](void* self, Process& process) {
    static_cast<Scheduler*>(self)->request(process, kRequestKill);
  });
  if (table_.live() == 0) all_gone_.signal();
  drive(all_gone_);
  // Jobs of processes that were killed may still run; they wake and let go of these.
  helpers_.stop();
  stopping_.store(true, std::memory_order_seq_cst);
  tick_.stop();
  while (Worker* worker = idle_.take()) worker->wake_thread();
  for (const auto& thread : threads_) {
    if (thread != nullptr) thread->join();
  }
}

Result<ProcessRef> Scheduler::spawn(std::unique_ptr<Process> process) {
  TRY(enter(*process, 2, nullptr));
  ProcessRef ref = ProcessRef::adopt(*process.release());
  queue_globally(*ref);
  return ref;
}

// The process is in the table and counts as queued.
Status Scheduler::enter(Process& process, u32 references, Worker* here) {
  if (closing_.load(std::memory_order_relaxed)) [[unlikely]] {
    return make_error(Err::LimitExceeded, "the scheduler is shutting down");
  }
  TRY(table_.add(process, references, here != nullptr ? &here->table_cache_ : nullptr));
  // Whoever closes the scheduler kills what is in the table, or we see it now.
  light_fence();
  if (closing_.load(std::memory_order_relaxed)) [[unlikely]]
    process.run.ring(kRequestKill);
  return ok_status();
}

ProcessRef Scheduler::find(Pid pid) { return table_.find(pid); }

void Scheduler::wake(Process& process) {
  if (process.park_word_.wake()) queue_globally(process);
}

void Scheduler::queue_globally(Process& process) {
  global_.push(Lane::kWoken, process);
  // Whoever drives next finds it; others would only fetch it to another processor. The fence is
  // the first half of the one in work_arrived().
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!resting_.load(std::memory_order_relaxed)) work_arrived();
}

void Scheduler::interrupt(Process& process) {
  process.run.ring(kRequestYield);
  interrupt_worker_of(process);
  if (tick_.asleep()) tick_.wake();
}

// Where a doorbell is not enough.
void Scheduler::interrupt_worker_of(const Process& process) {
  if (options_.interrupt_signal == 0) return;
  for (const auto& worker : active_workers()) {
    if (worker->current_.load(std::memory_order_relaxed) == process.pid()) worker->interrupt();
  }
}

void Scheduler::request(Process& process, u32 bits) {
  process.run.ring(bits);
  interrupt_worker_of(process);
  wake(process);
  if (tick_.asleep()) tick_.wake();
}

void Scheduler::remove(Process& process, Worker& here) {
  table_.remove(process, &here.table_cache_);
  if (!closing_.load(std::memory_order_relaxed)) [[likely]]
    return;
  // Of two who remove the last ones, one sees both.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (table_.live() == 0) all_gone_.signal();
}

// --- Threads

// For the threads that are no worker, and for workers that leave work behind.
void Scheduler::work_arrived() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  light_fence();
  if (any_busy()) tick_.look_soon();
  call_a_sleeper();
}

// After work was added and a light fence: wakes or starts a worker, unless one searches already.
void Scheduler::call_a_sleeper(bool eager) {
  if (idle_.should_wake()) {
    Worker* worker = idle_.take();
    if (worker == nullptr) return idle_.end_search();
    worker->searching_ = true;
    worker->eager_ = eager;
    worker->wake_thread();
  } else if (startable_.load(std::memory_order_relaxed) != 0 && idle_.begin_search()) {
    if (!start_next_worker()) idle_.end_search();
  }
}

// A search has ended. Who added work meanwhile left it to the one who searched.
void Scheduler::look_for_more() {
  if (idle_.sleeping() == 0 && startable_.load(std::memory_order_relaxed) == 0) return;
  heavy_fence();
  if (help_wanted()) call_a_sleeper();
}

bool Scheduler::any_busy() const {
  for (const auto& worker : active_workers()) {
    if (worker->current_.load(std::memory_order_relaxed) != 0) return true;
  }
  return false;
}

// Whether there is work for one more worker: what is nobody's, or more than enough somewhere, or
// what a worker has left behind that no longer works.
bool Scheduler::help_wanted() const {
  if (!global_.empty()) return true;
  for (const auto& worker : active_workers()) {
    if (worker->backlog() >= Worker::kBacklogMin) return true;
    if (worker->has_waiting() && worker->current_.load(std::memory_order_relaxed) == 0) return true;
  }
  return false;
}

// Starts one worker more, with the right to search.
bool Scheduler::start_next_worker() {
  std::lock_guard lock(threads_mutex_);
  u32 left = startable_.load(std::memory_order_relaxed);
  if (left != 0 && !quota_applied_) {
    quota_applied_ = true;
    left = std::min(left, usable_processors() - 1);
    startable_.store(left, std::memory_order_relaxed);
  }
  if (left == 0) return false;
  const u32 index = workers();
  workers_[index] = std::make_unique<Worker>(*this, index, options_.ring_capacity);
  workers_[index]->searching_ = true;
  active_.store(index + 1, std::memory_order_release);
  // If the system allows no more threads, those that there are do the work.
  const bool started = start_worker(index);
  startable_.store(started ? left - 1 : 0, std::memory_order_relaxed);
  return started;
}

bool Scheduler::start_worker(u32 index) {
  auto thread = std::make_unique<Thread>();
  const auto body = [](void* worker) { static_cast<Worker*>(worker)->run(nullptr); };
  if (!thread->start("lr-worker", body, workers_[index].get())) return false;
  threads_[index] = std::move(thread);
  return true;
}

Status Scheduler::start_all() {
  std::lock_guard lock(threads_mutex_);
  if (threads_[0] != nullptr) return ok_status();
  resting_.store(false, std::memory_order_seq_cst);
  if (!start_worker(0)) {
    resting_.store(true, std::memory_order_relaxed);
    return make_error(Err::SystemError, "cannot start a thread");
  }
  enable_others();
  return ok_status();
}

// Under the lock: worker 0 is about to work, so that others may help.
void Scheduler::enable_others() {
  if (!others_enabled_) startable_.store(options_.workers - 1, std::memory_order_relaxed);
  others_enabled_ = true;
}

void Scheduler::drive(Completion& done) {
  {
    std::lock_guard lock(threads_mutex_);
    if (threads_[0] != nullptr) return done.wait();
    enable_others();
  }
  done.driven_by_ = this;
  u32 state = Completion::kIdle;
  if (!done.state_.compare_exchange_strong(state, Completion::kDriven, std::memory_order_acq_rel)) {
    return;
  }
  // Like one who was woken: it calls others if there is more than it takes.
  workers_[0]->searching_ = idle_.begin_search();
  resting_.store(false, std::memory_order_seq_cst);
  workers_[0]->run(&done);
  resting_.store(true, std::memory_order_relaxed);
}

// Worker 0 is to look at its timers and its completion, whatever it does now.
void Scheduler::worker_wanted() {
  Worker& worker = *workers_[0];
  worker.attention_.store(true, std::memory_order_seq_cst);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (idle_.remove(worker)) {
    worker.searching_ = false;
    worker.wake_thread();
  }
  if (tick_.asleep() && any_busy()) tick_.wake();
}

void Scheduler::arm(Timer& timer, u64 deadline_ns) {
  workers_[0]->timers_.arm(timer, deadline_ns);
  worker_wanted();
}

// --- Descriptors

Status Scheduler::wait_fd(FdWait& wait, int fd, u32 interest, Process& process) {
  TRY(poller_->add(wait, fd, interest, process));
  // Somebody has to watch: one of those who sleep without.
  if (!poller_->watched()) work_arrived();
  return ok_status();
}

void Scheduler::cancel_fd(FdWait& wait) { poller_->cancel(wait); }

SchedulerStats Scheduler::stats() const {
  SchedulerStats stats;
  for (const auto& worker : active_workers()) {
    const Worker::Counters& counters = worker->counters_;
    stats.switches += counters.switches.get();
    stats.parks += counters.parks.get();
    stats.wakes += counters.wakes.get();
    stats.preemptions += counters.preemptions.get();
    stats.steals += counters.steals.get();
    stats.stolen += counters.stolen.get();
    stats.overflows += counters.overflows.get();
    stats.sleeps += counters.sleeps.get();
    stats.timers_fired += counters.timers_fired.get();
    stats.longest_hold_ns = std::max(stats.longest_hold_ns, counters.longest_hold_ns.get());
  }
  stats.ticks = tick_.passes();
  stats.rings = tick_.rings();
  stats.spawned = table_.added();
  stats.live = table_.live();
  std::lock_guard lock(threads_mutex_);
  for (const auto& thread : threads_) stats.threads += thread != nullptr ? 1 : 0;
  return stats;
}

}  // namespace lr::sched
