// Who runs next on a worker. In this order:
//
//   what the global queue has had for long      every 61st time, or after 2 slices
//   what is not woken and waits for that        once a tick, or after 2 slices
//   the next-slot                               the receiver of a message, within the same slice
//   woken, here and global                      what a message, timer or descriptor made ready
//   ready, here and global                      what begins, is to end, or is not done yet
//   preempted, here and global                  what used up its slice
//   half of another worker's queue              if it has a backlog, or is stuck with one process
//
// A process that runs while others are woken goes on for 50 us at least, and is interrupted then:
// by itself, when it woke them here, and by the tick otherwise. What was interrupted is not woken:
// however many there are that begin, end or compute, those that answer messages go before them and
// have half of the time.
//
// Of what is not woken, preempted work has a turn after 8 dispatches of others, or 2 slices.
//
// Use is charged across wakes: whoever has used a slice, in whatever pieces, queues as preempted
// once, and starts anew.
#include <algorithm>
#include <utility>

#include "sched/scheduler.h"
#include "sched/worker.h"

namespace lr::sched {

namespace {

constexpr u64 kGlobalInterval = 61;
constexpr u32 kWokenMin = 8;  // Dispatches of woken processes before others have a turn.
constexpr u32 kPreemptedInterval = 8;
constexpr u64 kWaitTicksMax = 2 * kTicksPerSlice;  // For preempted work, and for the global queue.
constexpr u32 kChainMax = 32;  // Times that the next-slot hands on before others have a turn.
constexpr u32 kBatchMax = 128;
constexpr u64 kPatienceNs = 5'000;  // What waits less with another worker is left to it.

}  // namespace

bool Worker::has_waiting() const { return backlog() != 0 || next_.peek() != nullptr; }

// Whether the tick must look after this worker while it is busy.
bool Worker::has_other_duties() const {
  return scheduler_.options_.ring_always || has_waiting() || timers_.next_deadline_ns() != kNever ||
         !scheduler_.global_.empty() || scheduler_.poller_->waiting() != 0;
}

bool Worker::has_used_slice(const Process& process) const {
  return process.charge_ >= kTicksPerSlice;
}

// Queues a process that can run, in that lane if it has not used up its slice.
void Worker::enqueue(Lane lane, Process& process) {
  if (has_used_slice(process)) {
    lane = Lane::kPreempted;
    process.charge_ = 0;
  }
  // Behind what has waited globally; else the local ring would turn without ever letting it in.
  if (lane != Lane::kWoken && scheduler_.global_.size(lane) != 0) {
    return scheduler_.global_.push(lane, process);
  }
  push(lane, process);
}

void Worker::push(Lane lane, Process& process) {
  Ring<Process>& queue = ring(lane);
  if (queue.push(&process)) return;
  // Full: the older half moves to the global queue, and the new one stays behind it.
  Process* moved[kBatchMax + 1];
  u32 taken = queue.pop_many(moved, std::min(queue.capacity() / 2, kBatchMax));
  if (!queue.push(&process)) moved[taken++] = &process;
  counters_.overflows.add(taken);
  scheduler_.global_.push(lane, moved, taken);
}

Process* Worker::pick() {
  ++picks_;
  runs_other_ = false;
  const u64 tick = scheduler_.tick_.now();
  const bool look_round = picks_ % kGlobalInterval == 0;
  if (look_round || tick != serviced_tick_ || picks_ == service_pick_ ||
      attention_.load(std::memory_order_relaxed)) {
    serviced_tick_ = tick;
    service(now_ns());
  }
  // Not twice in a row, however long a dispatch takes: nothing else would have a turn.
  const bool global_due = tick - global_tick_ >= kWaitTicksMax && picks_ - global_pick_ > 1;
  if (look_round || global_due) {
    if (Process* process = pick_global()) return process;
  }
  const u64 ticks_woken = tick - others_tick_;
  if (ticks_woken != 0 && since_others_ >= (ticks_woken < kWaitTicksMax ? kWokenMin : 1)) {
    if (Process* process = pick_others()) return process;
  }
  ++since_others_;
  if (Process* process = pick_next_slot()) return process;
  chain_ = 0;
  chain_tick_ = tick;
  if (Process* process = woken_.pop()) return process;
  if (Process* process = refill(Lane::kWoken)) return process;
  return pick_others();
}

// One that is not woken.
Process* Worker::pick_others() {
  const u64 tick = scheduler_.tick_.now();
  since_others_ = 0;
  others_tick_ = tick;
  runs_other_ = true;
  const bool preempted_due =
      ++since_preempted_ > kPreemptedInterval || tick - preempted_tick_ >= kWaitTicksMax;
  if (preempted_due) {
    if (Process* process = pick_preempted()) return process;
  }
  if (Process* process = ready_.pop()) return process;
  if (Process* process = refill(Lane::kReady)) return process;
  return pick_preempted();
}

Process* Worker::pick_preempted() {
  since_preempted_ = 0;
  preempted_tick_ = scheduler_.tick_.now();
  if (Process* process = preempted_.pop()) return process;
  return refill(Lane::kPreempted);
}

Process* Worker::pick_next_slot() {
  Process* process = next_.take();
  if (process == nullptr) return nullptr;
  ++chain_;
  if (chain_ <= kChainMax && scheduler_.tick_.now() - chain_tick_ < kTicksPerSlice) return process;
  if (backlog() == 0 && scheduler_.global_.empty()) {
    chain_ = 0;
    chain_tick_ = scheduler_.tick_.now();
    return process;
  }
  // Processes that only call each other have had their slice: behind the others.
  push(Lane::kWoken, *process);
  return nullptr;
}

// One from the global queue, of each lane in turn.
Process* Worker::pick_global() {
  global_tick_ = scheduler_.tick_.now();
  global_pick_ = picks_;
  Process* process = nullptr;
  for (u32 i = 0; i < kLanes && process == nullptr; ++i) {
    scheduler_.global_.pop(static_cast<Lane>(++global_turns_ % kLanes), &process, 1);
  }
  return process;
}

// A batch from the global queue: this worker's share of it.
Process* Worker::refill(Lane lane) {
  const u64 size = scheduler_.global_.size(lane);
  if (size == 0) return nullptr;
  Ring<Process>& queue = ring(lane);
  const u64 share = size / scheduler_.workers() + 1;
  Process* batch[kBatchMax];
  const u32 taken = scheduler_.global_.pop(
      lane, batch, static_cast<u32>(std::min<u64>({share, queue.capacity() / 2, kBatchMax})));
  if (taken == 0) return nullptr;
  for (u32 i = 1; i < taken; ++i) push(lane, *batch[i]);
  return batch[0];
}

// Half of someone else's queue, if something in it has waited for some time while we looked on;
// then what the next-slot has is taken too. Anything less would pull processes that talk to each
// other from cache to cache. What used up its slice goes first: it is worth the way. But if the
// tick has called, which is seldom, anything is taken that waits: two busy families of processes
// that only have short waits would stay on one worker for ever, and what is taken draws its family
// after it.
Process* Worker::steal(u64 now) {
  const u32 workers = scheduler_.workers();
  random_ = random_ * 1664525 + 1013904223;
  const u32 start = random_ >> 16;
  for (u32 i = 0; i < workers; ++i) {
    Worker& victim = *scheduler_.workers_[(start + i) % workers];
    if (&victim == this) continue;
    Look& look = looks_[victim.index_];
    if (eager_) look.since_ns = 0;
    if (look.since_ns != 0 && now - look.since_ns < kPatienceNs) continue;
    Look then = std::exchange(look, look_at(victim, now));
    if (eager_) then = {now, {~u64{0}, ~u64{0}, ~u64{0}}, ~u64{0}};
    if (then.since_ns == 0) continue;
    if (Process* process = steal_from(victim, then)) return process;
  }
  return nullptr;
}

Worker::Look Worker::look_at(const Worker& victim, u64 now) {
  return {now,
          {victim.woken_.pushed(), victim.ready_.pushed(), victim.preempted_.pushed()},
          victim.counters_.dispatches.get()};
}

Process* Worker::steal_from(Worker& victim, const Look& then) {
  u32 taken = 1;
  Process* process = nullptr;
  for (const Lane lane : {Lane::kPreempted, Lane::kReady, Lane::kWoken}) {
    Ring<Process>& theirs = victim.ring(lane);
    if (process != nullptr || theirs.taken() >= then.pushed[static_cast<u32>(lane)]) continue;
    process = theirs.steal_into(ring(lane), taken);
  }
  if (process == nullptr && victim.counters_.dispatches.get() == then.dispatches) {
    process = victim.next_.take();
  }
  if (process != nullptr) count_stolen(taken);
  return process;
}

void Worker::count_stolen(u32 count) {
  counters_.steals.add();
  counters_.stolen.add(count);
}

// What waits for its next slice behind another worker's process.
Process* Worker::steal_preempted() {
  for (const auto& victim : scheduler_.active_workers()) {
    // One that has woken work gets to its other work soon.
    if (victim.get() == this || victim->woken_.size() != 0) continue;
    u32 taken = 0;
    Process* process = victim->preempted_.steal_into(preempted_, taken);
    if (process == nullptr) continue;
    count_stolen(taken);
    return process;
  }
  return nullptr;
}

}  // namespace lr::sched
