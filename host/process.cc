#include "host/process.h"

#include <algorithm>

#include "host/host_function.h"

namespace lr {
namespace {

constexpr u32 kBacktraceFrames = 64;

// Stands where calls are posted when the process has ended.
GuestCall no_more_calls;

}  // namespace

bool Caller::is_alone() const { return process_ != nullptr && process_->is_alone(); }

wasi::State& Caller::wasi() const { return wasi_ != nullptr ? *wasi_ : process_->wasi(); }

// --- Calls and activations.

Process::Activation::Activation(Process& process, GuestCall& guest_call)
    : call(guest_call), caller(process, *process.config_) {}

// The outermost one needs no memory of its own.
void Process::push_activation(GuestCall& call) {
  Activation* const above =
      top_ == nullptr ? &first_.emplace(*this, call) : new Activation(*this, call);
  above->below = std::exchange(top_, above);
}

void Process::pop_activation() {
  Activation* const gone = std::exchange(top_, top_->below);
  if (top_ == nullptr) {
    first_.reset();
  } else {
    delete gone;
  }
}

void Process::post(GuestCall& call) {
  GuestCall* none = nullptr;
  if (posted_.compare_exchange_strong(none, &call, std::memory_order_acq_rel)) {
    scheduler_.wake(*this);
  } else {
    refuse(call);
  }
}

// Whoever asks too late must not wait for ever.
void Process::refuse_calls() {
  GuestCall* const late = posted_.exchange(&no_more_calls, std::memory_order_acq_rel);
  if (late != nullptr) refuse(*late);
}

void Process::refuse(GuestCall& call) {
  outcome_of(call) = Outcome::killed();
  if (call.done != nullptr) call.done->signal();
}

sched::Next Process::take_call() {
  GuestCall* call = std::exchange(first_call_, nullptr);
  if (call == nullptr) call = posted_.exchange(nullptr, std::memory_order_acquire);
  if (call == nullptr) return sched::Next::Park;
  // A spawned process whose function is not there, or is another than was said.
  if (call->function == nullptr) return sched::Next::Done;
  return start_call(*call);
}

sched::Next Process::start_call(GuestCall& call) {
  push_activation(call);
  while (!jit::begin_activation(*store_, call.function, call.values)) {
    if (stack_.grow(run).ok()) continue;
    outcome_of(call) = Outcome::trapped(jit::Trap::StackOverflow);
    return end_activation();
  }
  return sched::Next::Resume;
}

sched::Next Process::end_activation() {
  GuestCall& call = top_->call;
  pop_activation();
  if (top_ != nullptr) {
    // The host call below waits for just this, and goes on with the outcome.
    return continue_host_call(worker());
  }
  if (rare_ != nullptr && &call == &rare_->start) return started();
  const bool ends = call.ends_process;
  // After this the caller may be gone.
  if (call.done != nullptr) call.done->signal();
  return ends ? sched::Next::Done : take_call();
}

sched::Next Process::trapped(jit::Trap trap) {
  GuestCall& call = top_->call;
  Outcome& outcome = outcome_of(call);
  outcome.trap = trap;
  if (trap == jit::Trap::Exit) {
    outcome.kind = Outcome::Kind::Exited;
    outcome.exit_status = top_->caller.exit_status;
  } else {
    outcome.kind = Outcome::Kind::Trapped;
    const std::string_view said = top_->caller.trap_message();
    const bool own_words = trap == top_->caller.trap_code && !said.empty();
    outcome.message = own_words ? said : jit::text_of(trap);
    const std::string detail = own_words ? "" : store_->trap_detail(trap);
    if (!detail.empty()) outcome.message += ": " + detail;
    if (&call != &entry_ || environment_->wants_backtraces()) {
      outcome.backtrace = jit::format_backtrace(jit::backtrace(run, kBacktraceFrames));
    }
  }
  jit::abandon_activation(*store_);
  return end_activation();
}

void Process::kill() {
  if (is_waiting()) disarm_wait();
  GuestCall* call = std::exchange(first_call_, nullptr);
  if (call == nullptr) call = posted_.exchange(nullptr, std::memory_order_acquire);
  while (top_ != nullptr) {
    call = &top_->call;
    pop_activation();
  }
  // The stack is dropped as it is; what it held belongs to the store.
  outcome_of(entry_) = Outcome::killed();
  if (rare_ != nullptr && rare_->start_report != nullptr) {
    rare_->start_outcome = Outcome::killed();
    tell_starter();
  }
  if (call != nullptr) refuse(*call);
}

Outcome& Process::outcome_of(GuestCall& call) {
  if (call.outcome != nullptr) return *call.outcome;
  if (outcome_ == nullptr) outcome_ = std::make_unique<Outcome>();
  return *outcome_;
}

const Outcome& Process::outcome() const {
  static const Outcome returned;
  return outcome_ == nullptr ? returned : *outcome_;
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
  if (config_->move_always) [[unlikely]] {
    rare().postponed = &function;
    caller.again_next_turn();
    return HostStatus::Wait;
  }
  const HostStatus status = call_host(caller, function, args);
  if (status == HostStatus::Trap) run.trap_code = static_cast<u32>(caller.trap_code);
  return status;
}

CallGuest::CallGuest(Caller& caller, jit::FuncRef* function, std::vector<u64> arguments)
    : caller_(caller) {
  const usize words = jit::value_words(function->type);
  values_ = std::move(arguments);
  values_.resize(std::max(values_.size(), words));
  call_.function = function;
  call_.values = values_.data();
  call_.outcome = &outcome_;
}

void CallGuest::await_suspend(std::coroutine_handle<> leaf) noexcept {
  caller_.leaf = leaf;
  caller_.wait = Wait();
  caller_.wait.kind = Wait::Kind::Guest;
  caller_.wait.guest_call = &call_;
}

TrapOr<std::vector<u64>> CallGuest::await_resume() {
  if (outcome_.returned()) return std::move(values_);
  if (outcome_.kind == Outcome::Kind::Exited) return caller_.exit(outcome_.exit_status);
  return caller_.trap(outcome_.trap, outcome_.message);
}

// --- What the scheduler asks.

sched::Next Process::on_dispatch(sched::Worker& worker, u32 requests) {
  const Heard heard = (requests & kRequestKill) != 0 ? Heard::Killed : handle_inbox();
  if (heard == Heard::All) return go_on(worker);
  if (heard == Heard::Some) {
    // What asks for an end may be among the rest.
    if ((requests & kRequestSignal) != 0) run.ring(kRequestSignal);
    return after(heard, go_on(worker));
  }
  kill();
  return sched::Next::Done;
}

sched::Next Process::after(Heard heard, sched::Next next) {
  return heard == Heard::Some && next == sched::Next::Park ? sched::Next::Requeue : next;
}

sched::Next Process::go_on(sched::Worker& worker) {
  if (top_ == nullptr) return take_call();
  if (!is_waiting()) return sched::Next::Resume;
  // The usual wait: for a message, and it has come.
  if (mailbox_.has_awaited() && !is_timed_ && rare_ == nullptr) return continue_host_call(worker);
  if (!is_wait_over(top_->caller.wait)) return sched::Next::Park;
  if (rare_ != nullptr) rare_->job = nullptr;
  disarm_wait();
  return continue_host_call(worker);
}

sched::Next Process::on_leave(sched::Worker& worker, Leave reason) {
  if (config_->move_always) [[unlikely]]
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

}  // namespace lr
