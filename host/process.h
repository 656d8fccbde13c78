// A process: what sched runs and what jit runs, joined. It owns a stack and memory slot, a store of
// instances, its configuration, an inbox with a mailbox behind it, and a pile of activations, each
// a run of guest code:
//
//   activation 0   the function it was spawned for, or a call that somebody outside asked for
//   activation n   a call that a waiting host call of activation n-1 asked for
//
// The innermost activation either runs, or its host call waits for what Caller::wait says. A call
// ends by returning, by a trap, by exit, or because the process is killed; then its activation and
// its coroutine go, newest first.
//
// Others reach a process only through its inbox (send()). What is in there is handled whenever the
// process has stopped and is about to run: messages go to the mailbox, signals take effect. When a
// process has ended, its links and monitors are told, what it owned is released, and its block
// waits on a shelf of its module to be the next process (host/linked_module.h).
//
//   process.cc          activations, host calls, what the scheduler asks
//   process_life.cc     making, ending, starting again
//   process_signals.cc  inbox, links, monitors
//   process_wait.cc     what a host call waits for
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "host/caller.h"
#include "host/config.h"
#include "host/environment.h"
#include "host/inbox.h"
#include "host/linked_module.h"
#include "host/mailbox.h"
#include "host/memory_class.h"
#include "host/process_memory.h"
#include "host/relations.h"
#include "host/report.h"
#include "host/signal.h"
#include "host/wasi/state.h"
#include "jit/engine.h"
#include "jit/instance.h"
#include "jit/invoke.h"
#include "sched/scheduler.h"
#include "sched/stack.h"
#include "sched/worker.h"

namespace lr {

// How a call of a guest function ended.
struct Outcome {
  enum class Kind : u8 { Returned, Trapped, Exited, Killed };

  Kind kind = Kind::Returned;
  jit::Trap trap{};
  u32 exit_status = 0;
  std::string message;    // Of a trap: "out of bounds memory access", ...
  std::string backtrace;  // Of a trap, one line for each frame.

  bool returned() const { return kind == Kind::Returned; }

  // Ended by a trap, with the trap's own text or this one, and without a backtrace.
  static Outcome trapped(jit::Trap trap) { return trapped(trap, jit::text_of(trap)); }
  static Outcome trapped(jit::Trap trap, std::string message) {
    return {Kind::Trapped, trap, 0, std::move(message), {}};
  }
  static Outcome killed() {
    return {Kind::Killed, jit::Trap::Killed, 0, jit::text_of(jit::Trap::Killed), {}};
  }
};

// A call of a guest function. `values` are the arguments, then the results: one word each (two for
// v128; jit::value_words() says how many). Whoever asks for it owns all of this and keeps it until
// the call is done.
struct GuestCall {
  jit::FuncRef* function = nullptr;
  u64* values = nullptr;
  Outcome* outcome = nullptr;
  bool ends_process = false;  // The process ends with this call.
  sched::Completion* done = nullptr;
};

// How the start function of a spawned process went, for the process that waits for it.
struct StartReport {
  explicit StartReport(sched::ProcessRef who) : waiting(std::move(who)) {}
  sched::ProcessRef waiting;
  std::atomic<bool> done{false};
  Outcome outcome;  // Once done.
};

namespace lunatic {
class Resources;
}

class Process final : public sched::Process {
 public:
  static constexpr u32 kFamily = 1;  // Of sched::Process::family(): these.

  // Has a slot and an empty store. Without a module it does what post() asks for, one call after
  // the other, until somebody kills it.
  static Result<std::unique_ptr<Process>> create(EnvironmentRef environment, ConfigRef config);
  // Has an instance of the module, whose start function has not run: one that has ended and is as
  // new, if there is one. `worker` is the caller's, or null.
  static Result<std::unique_ptr<Process>> create(const EnvironmentRef& environment,
                                                 const ConfigRef& config, const ModuleRef& module,
                                                 sched::Worker* worker);
  ~Process() override;

  // --- What it is. Immutable while it lives.

  const ProcessConfig& config() const { return *config_; }
  const ConfigRef& config_ref() const { return config_; }
  Environment& environment() const { return *environment_; }
  const EnvironmentRef& environment_ref() const { return environment_; }
  // What it was spawned from, and its instance of that; null for one without a module.
  const ModuleRef& module() const { return module_; }
  void set_module(ModuleRef module, jit::Instance* instance) {
    module_ = std::move(module);
    instance_ = instance;
  }
  jit::Instance* instance() const { return instance_; }

  jit::ProcessStore& store() { return *store_; }
  // Made from the configuration when first asked for.
  wasi::State& wasi();
  Status open_wasi();  // The same, where directories may be missing.

  // --- What others do to it. Any thread that holds a reference.

  // Puts an envelope into its inbox and sees to it that it looks. `from`: the worker that runs the
  // caller, or null. What it refuses, because it has ended, is dropped.
  void send(MessagePtr message, sched::Worker* from);
  // False: it was refused.
  bool send(std::unique_ptr<Signal> signal, sched::Worker* from);
  // It has ended, and whom that concerns is being told or knows.
  bool has_ended() const { return inbox_.is_closed(); }

  // Has it answered into the request's collector as soon as it has stopped.
  void ask_for_report(std::unique_ptr<ReportRequest> request);
  // What it takes beside its memories, tables, messages and stack.
  u64 bookkeeping_bytes() const;

  // Asks for a call. One at a time, by the thread that controls the process: it also may use the
  // store while no call is under way. `call.done` is signalled when the call has ended; a process
  // that has ended, or ends before it comes to it, answers as one that was killed.
  void post(GuestCall& call);
  // Signalled when the process has ended and its slot is free. Set before spawning.
  void set_ended(sched::Completion* ended) { ended_ = ended; }

  bool is_alone() const { return scheduler_.live() == 1; }
  // What the process waits for may have happened. Any thread that holds a reference.
  void wake();

  // --- For its host calls.

  // The call needs no more than `permission`, and nobody traces or disturbs the process: a short
  // way may be taken.
  bool may_directly(Permission permission) const {
    return is_plain_ && config_->permissions.has(permission);
  }
  Mailbox& mailbox() { return mailbox_; }
  // Before its messages take so many bytes more than those of the mailbox. False: no memory.
  bool pay_for_messages(u64 more) {
    const u64 bytes = mailbox_.bytes() + more;
    return ProcessMemory::is_paid(bytes, mailbox_.paid()) ||
           memory_->pay_for_messages(bytes, mailbox_.paid());
  }
  // The message that it works on; null if there is none.
  MessagePtr& scratch() { return scratch_; }
  Relations& relations();
  // What the Lunatic ABI numbers: errors, configurations, modules, timers.
  lunatic::Resources& resources();
  // The function that it starts with. Where its arguments go, as values of a call. Before it is
  // spawned.
  u64* start_with(jit::FuncRef* function, u32 value_words);
  // The same for one that cannot be called: it fails at once.
  void start_with(Outcome failure);
  // Somebody waits until the start function has returned.
  void report_start_to(std::shared_ptr<StartReport> report);
  // It runs its module's start function: its instance is not to be used yet.
  bool is_starting() const;

  // How the function that it started with ended, once it has.
  const Outcome& outcome() const;

  // Machine code is about to leave because it needs a function that is being compiled. `ready` is
  // set when that has ended, and then the process is woken.
  void wait_for_code(std::shared_ptr<const std::atomic<bool>> ready);

  // A host call of machine code arrives.
  jit::HostStatus enter_host(jit::Context& context, const HostFunction& function, u64* args);

  sched::Next on_dispatch(sched::Worker& worker, u32 requests) override;
  sched::Next on_leave(sched::Worker& worker, Leave reason) override;
  void on_done(sched::Worker& worker) override;
  void dispose(sched::Worker* here) override;

 private:
  friend class WarmProcesses;
  friend class LastEnded;
  struct Rare;

  struct Activation {
    Activation(Process& process, GuestCall& guest_call);
    Activation* below = nullptr;
    GuestCall& call;
    Caller caller;
  };

  Process(EnvironmentRef environment, ConfigRef config, jit::MemoryClass memory_class);

  // --- Life.
  void use_config(ConfigRef config);
  Status make_store(u32 worker);
  jit::ProcessStoreOptions store_options();
  bool needs_waiter() const;
  bool restart(const EnvironmentRef& environment, const ConfigRef& config, const ModuleRef& module);
  void prepare_first_call();
  void give_back();
  void tell_the_others(sched::Worker& worker);

  // --- Signals.
  // What has arrived: all of it is handled, so much that the rest is for another turn, or something
  // that kills the process.
  enum class Heard : u8 { All, Some, Killed };
  Heard handle_inbox();
  void deliver(MessagePtr message);
  sched::Next go_on(sched::Worker& worker);
  // Of what has been heard so far: where there is more, the process comes back for that.
  sched::Next after(Heard heard, sched::Next next);
  bool handle(const Signal& signal);
  ProcessReport figures() const;
  void answer(ReportRequest& request);
  void report_end(ReportSink& sink) const;

  // --- Activations.
  sched::Next start_call(GuestCall& call);
  sched::Next take_call();
  void refuse_calls();
  void refuse(GuestCall& call);
  void push_activation(GuestCall& call);
  void pop_activation();
  // The innermost activation has ended; its outcome is set.
  sched::Next end_activation();
  sched::Next started();
  void tell_starter();
  sched::Next trapped(jit::Trap trap);
  // Where what became of a call is written.
  Outcome& outcome_of(GuestCall& call);
  void kill();

  // --- Waiting: the record of the innermost activation.
  bool is_waiting() const { return top_ != nullptr && top_->caller.wait.kind != Wait::Kind::None; }
  // Turns the record into timers, registrations and jobs. Resume: it is fulfilled already.
  sched::Next arm_wait(sched::Worker& worker);
  sched::Next arm_inner_wait(sched::Worker& worker, Wait& wait);
  void arm_deadline(sched::Worker& worker, const Wait& wait);
  bool is_wait_over(Wait& wait);
  void disarm_wait();
  sched::Next continue_host_call(sched::Worker& worker);
  // Test mode: puts the stack elsewhere.
  void move_stack(Leave reason);

  static void wake_by_timer(sched::Timer& timer, sched::Worker& worker);

  sched::Scheduler& scheduler_;
  EnvironmentRef environment_;
  ConfigRef config_;
  ModuleRef module_;
  jit::Instance* instance_ = nullptr;
  std::unique_ptr<wasi::State> wasi_;
  sched::ProcessStack stack_;
  std::unique_ptr<ProcessMemory> memory_;
  std::unique_ptr<jit::ProcessStore> store_;

  Inbox<> inbox_;
  Envelope* unheard_ = nullptr;  // What has left the inbox and is not handled: the oldest first.
  Mailbox mailbox_;
  MessagePtr scratch_;
  std::unique_ptr<Relations> relations_;
  std::unique_ptr<lunatic::Resources> resources_;

  Activation* top_ = nullptr;
  std::optional<Activation> first_;  // Where the outermost activation is.
  GuestCall entry_;                  // Of a spawned process.
  u64 few_values_[2] = {};           // Its values, if they are so few.
  std::unique_ptr<u64[]> many_values_;
  std::unique_ptr<Outcome> outcome_;  // Of entry_, once it has ended badly.
  std::unique_ptr<Rare> rare_;
  GuestCall* first_call_ = nullptr;  // Of a spawned process, before it runs.
  std::atomic<GuestCall*> posted_{nullptr};
  sched::Completion* ended_ = nullptr;
  Process* warm_next_ = nullptr;  // On its shelf.
  u16 home_ = 0;                  // The worker on which it ended.
  const jit::MemoryClass memory_class_;
  bool dies_with_links_ = true;
  bool is_plain_ = false;  // Its configuration has neither a tracer nor a test mode.
  bool is_timed_ = false;  // The timer is armed, or was for this wait.
  bool reusable_ = false;  // It has ended, and its block can be a process again.

  struct WakeTimer : sched::Timer {
    explicit WakeTimer(Process& process) : sched::Timer(&wake_by_timer), owner(process) {}
    Process& owner;
  };

  // memory.atomic.wait.
  struct AtomicWaiter final : jit::Waiter {
    explicit AtomicWaiter(Process& process) : owner(process) {}
    void wait(i64 timeout_ns) override;
    void notified() override;
    Process& owner;
  };

  // What few processes need.
  struct Rare {
    explicit Rare(Process& process) : waiter(process) {}
    ~Rare() { waiter.leave(); }

    GuestCall start;  // The module's start function, which runs before.
    Outcome start_outcome;
    std::shared_ptr<StartReport> start_report;  // Who waits for its end; goes with it.
    AtomicWaiter waiter;
    std::unique_ptr<sched::FdWait[]> fd_waits;
    usize fd_wait_count = 0;  // Registered ones, at the start of fd_waits.
    usize fd_wait_room = 0;
    Job* job = nullptr;  // Submitted and not yet seen to be done.
    std::shared_ptr<const std::atomic<bool>> code_is_ready;  // What a wait for code points at.
    const HostFunction* postponed = nullptr;  // Test mode: a host call that has not begun.
  };
  Rare& rare() {
    if (rare_ == nullptr) rare_ = std::make_unique<Rare>(*this);
    return *rare_;
  }

  std::unique_ptr<WakeTimer> timer_;  // Of who has ever waited for a time.
};
// The memory that machine code of this context exports to host functions.
inline GuestMemory memory_of(const jit::Context& context) {
  if (context.instance == nullptr || context.memory0 == nullptr) return GuestMemory();
  jit::Memory& memory = context.instance->memory(0);
  const auto raise = [](void* owner, u64 offset, u64 length) {
    return static_cast<jit::Memory*>(owner)->touch(offset, length);
  };
  return GuestMemory(memory.view, raise, &memory);
}

// Calls a guest function from a host call, on the process's own stack, and waits for its results:
//
//   CallGuest call(caller, function, {1, 2});
//   TrapOr<std::vector<u64>> results = co_await call;
//
// What the guest's call ends with other than returning is a Halt, to be handed on or dealt with.
class [[nodiscard]] CallGuest {
 public:
  CallGuest(Caller& caller, jit::FuncRef* function, std::vector<u64> arguments);
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> leaf) noexcept;
  TrapOr<std::vector<u64>> await_resume();
  // How the call ended, backtrace included.
  const Outcome& outcome() const { return outcome_; }

 private:
  Caller& caller_;
  std::vector<u64> values_;
  Outcome outcome_;
  GuestCall call_;
};

}  // namespace lr
