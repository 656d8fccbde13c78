#include "host/process.h"

#include <algorithm>

#include "host/host_function.h"

namespace lr {
namespace {

// Where a process of either class begins; both grow.
constexpr u64 kFirstStackBytes = 64 * kKiB;
constexpr u64 kFirstMemoryBytes = 64 * kKiB;
constexpr u32 kBacktraceFrames = 64;

bool raise_extent(void* memory, u64 end) {
  return static_cast<jit::Memory*>(memory)->raise_extent(end);
}

GuestMemory memory_of(const jit::Context& context) {
  if (context.instance == nullptr || context.memory0 == nullptr) return GuestMemory();
  jit::Memory& memory = context.instance->memory(0);
  return GuestMemory(memory.view, &raise_extent, &memory);
}

}  // namespace

Process::Activation::Activation(Process& process, GuestCall& guest_call)
    : call(guest_call), caller(&process, process.wasi_.get(), process.config_.permissions) {
  caller.tracer = process.config_.tracer;
}

Process::Process(sched::Scheduler& scheduler, const ProcessConfig& config,
                 std::unique_ptr<wasi::State> wasi)
    : scheduler_(scheduler), config_(config), wasi_(std::move(wasi)) {}

Process::~Process() { give_back(); }

void Process::give_back() {
  waiter_.leave();
  store_.reset();
  if (slot_) {
    const u64 stack_used = stack_.release(run);
    scheduler_.slots().release(slot_, {stack_used, memory_->slot_used_bytes()});
    slot_ = sched::Slot();
  }
  wasi_.reset();
}

Result<std::unique_ptr<Process>> Process::create(jit::Engine& engine, sched::Scheduler& scheduler,
                                                 const ProcessConfig& config,
                                                 std::unique_ptr<wasi::State> wasi) {
  std::unique_ptr<Process> process(new Process(scheduler, config, std::move(wasi)));
  // A guarded memory never sits in a slot.
  const u64 slot_memory = config.memory_class == jit::MemoryClass::Dense ? kFirstMemoryBytes : 0;
  process->slot_ = TRY(scheduler.slots().allocate(kFirstStackBytes, slot_memory));
  const jit::MemoryArea area = {process->slot_.memory(), process->slot_.memory_bytes};
  process->memory_ = std::make_unique<ProcessMemory>(area, config.memory_max_bytes);
  process->stack_.start(process->run, scheduler.slots(), process->slot_, config.stack_max_bytes);
  jit::ProcessStoreOptions options;
  options.memory.memory_class = config.memory_class;
  options.memory.source = process->memory_.get();
  options.memory.size_max = config.memory_max_bytes;
  options.memory.exact_extent = config.exact_extent;
  options.memory.move_always = config.move_always;
  options.collects_always = config.collects_always;
  options.waiter = &process->waiter_;
  process->store_ = std::make_unique<jit::ProcessStore>(engine, process->run, options);
  return process;
}

bool Caller::is_alone() const { return process_ != nullptr && process_->is_alone(); }

// --- Calls and activations.

void Process::post(GuestCall& call) {
  posted_.store(&call, std::memory_order_release);
  scheduler_.wake(*this);
}

sched::Next Process::take_posted_call() {
  GuestCall* call = posted_.exchange(nullptr, std::memory_order_acquire);
  return call == nullptr ? sched::Next::Park : start_call(*call);
}

sched::Next Process::start_call(GuestCall& call) {
  auto activation = std::make_unique<Activation>(*this, call);
  activation->below = std::move(top_);
  top_ = std::move(activation);
  while (!jit::begin_activation(*store_, call.function, call.values.data())) {
    if (stack_.grow(run).ok()) continue;
    call.outcome.kind = Outcome::Kind::Trapped;
    call.outcome.trap = jit::Trap::StackOverflow;
    call.outcome.message = jit::text_of(jit::Trap::StackOverflow);
    return end_activation();
  }
  return sched::Next::Resume;
}

sched::Next Process::end_activation() {
  GuestCall& call = top_->call;
  top_ = std::move(top_->below);
  if (top_ != nullptr) {
    // The host call below waits for just this, and goes on with the outcome.
    return continue_host_call(worker());
  }
  ends_ = call.ends_process;
  // After this the caller may be gone.
  if (call.done != nullptr) call.done->signal();
  return ends_ ? sched::Next::Done : take_posted_call();
}

sched::Next Process::trapped(jit::Trap trap) {
  Outcome& outcome = top_->call.outcome;
  outcome.trap = trap;
  if (trap == jit::Trap::Exit) {
    outcome.kind = Outcome::Kind::Exited;
    outcome.exit_status = top_->caller.exit_status;
  } else {
    outcome.kind = Outcome::Kind::Trapped;
    const bool own_words = trap == top_->caller.trap_code && !top_->caller.trap_message.empty();
    outcome.message = own_words ? top_->caller.trap_message : jit::text_of(trap);
    const std::string detail = own_words ? "" : store_->trap_detail(trap);
    if (!detail.empty()) outcome.message += ": " + detail;
    outcome.backtrace = jit::format_backtrace(jit::backtrace(run, kBacktraceFrames));
  }
  jit::abandon_activation(*store_);
  return end_activation();
}

void Process::kill() {
  if (is_waiting()) disarm_wait();
  GuestCall* call = posted_.exchange(nullptr, std::memory_order_acquire);
  while (top_ != nullptr) {
    call = &top_->call;
    top_->caller.drop_coroutine();
    top_ = std::move(top_->below);
  }
  // The stack is dropped as it is; what it held belongs to the store.
  if (call == nullptr) return;
  call->outcome.kind = Outcome::Kind::Killed;
  call->outcome.trap = jit::Trap::Killed;
  call->outcome.message = jit::text_of(jit::Trap::Killed);
  if (call->done != nullptr) call->done->signal();
}

// --- Host calls.

jit::HostStatus host_entry(jit::Context* context, const jit::HostFunction* self, u64* args) {
  auto& process = static_cast<Process&>(sched::Process::from(context->run));
  return process.enter_host(*context, *static_cast<const HostFunction*>(self->data), args);
}

jit::HostStatus Process::enter_host(jit::Context& context, const HostFunction& function,
                                    u64* args) {
  Caller& caller = top_->caller;
  caller.enter(memory_of(context));
  if (config_.move_always) [[unlikely]] {
    postponed_ = &function;
    caller.again_next_turn();
    return HostStatus::Wait;
  }
  const HostStatus status = call_host(caller, function, args);
  if (status == HostStatus::Trap) run.trap_code = static_cast<u32>(caller.trap_code);
  return status;
}

bool Process::is_waiting() const {
  return top_ != nullptr && top_->caller.wait.kind != Wait::Kind::None;
}

sched::Next Process::continue_host_call(sched::Worker& worker) {
  Caller& caller = top_->caller;
  const Wait::Kind was = std::exchange(caller.wait.kind, Wait::Kind::None);
  if (was == Wait::Kind::Notify) {
    jit::finish_atomic_wait(run, waiter_);
    return sched::Next::Resume;
  }
  u64* args = jit::host_call_values(run);
  const HostFunction* postponed = std::exchange(postponed_, nullptr);
  const HostStatus status =
      postponed == nullptr ? resume_host(caller, args) : call_host(caller, *postponed, args);
  if (status == HostStatus::Wait) return arm_wait(worker);
  if (status == HostStatus::Trap) run.trap_code = static_cast<u32>(caller.trap_code);
  jit::complete_host_call(run, status);
  return sched::Next::Resume;
}

CallGuest::CallGuest(Caller& caller, jit::FuncRef* function, std::vector<u64> arguments)
    : caller_(caller) {
  const usize words = jit::value_words(function->type);
  call_.function = function;
  call_.values = std::move(arguments);
  call_.values.resize(std::max(call_.values.size(), words));
}

void CallGuest::await_suspend(std::coroutine_handle<> leaf) noexcept {
  caller_.leaf = leaf;
  caller_.wait = Wait();
  caller_.wait.kind = Wait::Kind::Guest;
  caller_.wait.guest_call = &call_;
}

TrapOr<std::vector<u64>> CallGuest::await_resume() {
  const Outcome& outcome = call_.outcome;
  if (outcome.returned()) return std::move(call_.values);
  if (outcome.kind == Outcome::Kind::Exited) return caller_.exit(outcome.exit_status);
  return caller_.trap(outcome.trap, outcome.message);
}

// --- Waiting.

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
      job_ = wait.job;
      job_->retain();
      job_->keep = sched::ProcessRef(*this);
      scheduler_.helpers().submit(*job_);
      return sched::Next::Park;
    case Wait::Kind::Notify:
    case Wait::Kind::Fds:
      break;
  }
  if (fd_wait_room_ < wait.fds.size()) {
    fd_wait_room_ = wait.fds.size();
    fd_waits_ = std::make_unique<sched::FdWait[]>(fd_wait_room_);
  }
  for (FdInterest& interest : wait.fds) {
    interest.ready = 0;
    sched::FdWait& registration = fd_waits_[fd_wait_count_];
    const Status watched = scheduler_.wait_fd(registration, interest.fd, interest.interest, *this);
    // What cannot be watched is always ready.
    if (!watched.ok()) {
      disarm_wait();
      interest.ready = interest.interest;
      return continue_host_call(worker);
    }
    ++fd_wait_count_;
  }
  if (wait.deadline_ns != sched::kNever) worker.arm(timer_, wait.deadline_ns);
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
    case Wait::Kind::Notify:
    case Wait::Kind::Fds:
      break;
  }
  bool ready = wait.kind == Wait::Kind::Notify && waiter_.is_notified();
  for (usize i = 0; i < fd_wait_count_; ++i) {
    wait.fds[i].ready = fd_waits_[i].ready();
    ready |= wait.fds[i].ready != 0;
  }
  if (ready) return true;
  wait.expired = wait.deadline_ns != sched::kNever && sched::now_ns() >= wait.deadline_ns;
  return wait.expired;
}

void Process::disarm_wait() {
  timer_.cancel();
  waiter_.leave();
  for (usize i = 0; i < fd_wait_count_; ++i) scheduler_.cancel_fd(fd_waits_[i]);
  fd_wait_count_ = 0;
  if (job_ == nullptr) return;
  // One that never ran is ours to drop; one that runs drops itself.
  Job* job = std::exchange(job_, nullptr);
  if (scheduler_.helpers().withdraw(*job)) {
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

void Process::job_done() { scheduler_.wake(*this); }

void Process::wake_by_timer(sched::Timer& timer, sched::Worker& worker) {
  worker.wake(static_cast<WakeTimer&>(timer).owner);
}

void Process::move_stack(Leave reason) {
  if (reason == Leave::Returned || !jit::may_move_stack(run, reason)) return;
  // Without memory for another slot the stack stays where it is.
  static_cast<void>(stack_.move(run));
}

// --- What the scheduler asks.

sched::Next Process::on_dispatch(sched::Worker& worker, u32 requests) {
  if ((requests & kRequestKill) != 0) {
    kill();
    return sched::Next::Done;
  }
  if (top_ == nullptr) return take_posted_call();
  if (!is_waiting()) return sched::Next::Resume;
  if (!is_wait_over(top_->caller.wait)) return sched::Next::Park;
  job_ = nullptr;
  disarm_wait();
  return continue_host_call(worker);
}

sched::Next Process::on_leave(sched::Worker& worker, Leave reason) {
  if (config_.move_always) [[unlikely]]
    move_stack(reason);
  switch (reason) {
    case Leave::Yield:
      return sched::Next::Requeue;
    case Leave::HostWait:
      return arm_wait(worker);
    case Leave::Returned:
      return end_activation();
    case Leave::Trapped:
      return trapped(static_cast<jit::Trap>(run.trap_code));
    case Leave::StackFull:
      break;
  }
  if (stack_.grow(run).ok()) return sched::Next::Resume;
  return trapped(jit::Trap::StackOverflow);
}

namespace {

// Gives the pages of heaps that have ended back to the system, which takes a while.
class TrimJob final : public Job {
  void work() override {
    while (!jit::gc::Space::get()->trim(jit::gc::Space::kTrimBlocks)) continue;
  }
};

}  // namespace

void Process::on_done(sched::Worker& /*worker*/) {
  const bool had_objects = store_ != nullptr && store_->has_heap();
  give_back();
  if (had_objects && jit::gc::Space::get()->wants_trim()) {
    scheduler_.helpers().submit(*new TrimJob);
  }
  if (ended_ != nullptr) ended_->signal();
}

}  // namespace lr
