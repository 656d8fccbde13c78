// A process: what sched runs and what jit runs, joined. It owns a stack and memory slot, a store of
// instances, its configuration, and a pile of activations, each a run of guest code:
//
//   activation 0   a call that somebody outside asked for (GuestCall)
//   activation n   a call that a waiting host call of activation n-1 asked for
//
// The innermost activation either runs, or its host call waits for what Caller::wait says. A call
// ends by returning, by a trap, by exit, or because the process is killed; then its activation and
// its coroutine go, newest first.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "host/caller.h"
#include "host/permissions.h"
#include "host/process_memory.h"
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
};

// A call of a guest function. `values` holds the arguments, then the results: one word each (two
// for v128; see jit/invoke.h). Whoever asks for it owns it and keeps it until it is done.
struct GuestCall {
  jit::FuncRef* function = nullptr;
  std::vector<u64> values;
  Outcome outcome;
  bool ends_process = false;  // The process ends with this call.
  sched::Completion* done = nullptr;
};

// What a process may do and has. Given at creation; a child's is never wider than its parent's.
struct ProcessConfig {
  PermissionSet permissions;
  jit::MemoryClass memory_class = jit::MemoryClass::Guarded;
  u64 memory_max_bytes = ~u64{0};  // Of all linear memories together.
  u64 stack_max_bytes = 8 * kMiB;
  Tracer* tracer = nullptr;
  // Test modes: the extent rises by exactly what was asked for; memories and stacks move whenever
  // they may, and every host call is a chance.
  bool exact_extent = false;
  bool move_always = false;
  bool collects_always = false;  // Every object that is made collects garbage first.
};

class Process final : public sched::Process {
 public:
  // Has a slot and an empty store.
  static Result<std::unique_ptr<Process>> create(jit::Engine& engine, sched::Scheduler& scheduler,
                                                 const ProcessConfig& config,
                                                 std::unique_ptr<wasi::State> wasi);
  ~Process() override;

  jit::ProcessStore& store() { return *store_; }
  wasi::State& wasi() { return *wasi_; }
  const ProcessConfig& config() const { return config_; }

  // Asks for a call. One at a time, by the thread that controls the process: it also may use the
  // store while no call is under way. `call.done` is signalled when the call has ended.
  void post(GuestCall& call);
  // Signalled when the process has ended and its slot is free. Set before spawning.
  void set_ended(sched::Completion* ended) { ended_ = ended; }

  bool is_alone() const { return scheduler_.live() == 1; }
  // A helper thread has finished what the process waits for.
  void job_done();

  // A host call of machine code arrives.
  jit::HostStatus enter_host(jit::Context& context, const HostFunction& function, u64* args);

  sched::Next on_dispatch(sched::Worker& worker, u32 requests) override;
  sched::Next on_leave(sched::Worker& worker, Leave reason) override;
  void on_done(sched::Worker& worker) override;

 private:
  struct Activation {
    Activation(Process& process, GuestCall& guest_call);
    std::unique_ptr<Activation> below;
    GuestCall& call;
    Caller caller;
  };

  Process(sched::Scheduler& scheduler, const ProcessConfig& config,
          std::unique_ptr<wasi::State> wasi);

  // --- Activations.
  sched::Next start_call(GuestCall& call);
  sched::Next take_posted_call();
  // The innermost activation has ended; its outcome is set.
  sched::Next end_activation();
  sched::Next trapped(jit::Trap trap);
  void kill();

  // --- Waiting: the record of the innermost activation.
  bool is_waiting() const;
  // Turns the record into timers, registrations and jobs. Resume: it is fulfilled already.
  sched::Next arm_wait(sched::Worker& worker);
  bool is_wait_over(Wait& wait);
  void disarm_wait();
  sched::Next continue_host_call(sched::Worker& worker);
  // Test mode: puts the stack elsewhere.
  void move_stack(Leave reason);

  void give_back();  // Instances, slot and descriptors.
  static void wake_by_timer(sched::Timer& timer, sched::Worker& worker);

  sched::Scheduler& scheduler_;
  ProcessConfig config_;
  std::unique_ptr<wasi::State> wasi_;
  sched::Slot slot_;
  sched::ProcessStack stack_;
  std::unique_ptr<ProcessMemory> memory_;
  std::unique_ptr<jit::ProcessStore> store_;
  std::unique_ptr<Activation> top_;
  std::atomic<GuestCall*> posted_{nullptr};
  sched::Completion* ended_ = nullptr;
  bool ends_ = false;
  const HostFunction* postponed_ = nullptr;  // Test mode: a host call that has not begun.

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

  WakeTimer timer_{*this};
  AtomicWaiter waiter_{*this};
  std::unique_ptr<sched::FdWait[]> fd_waits_;
  usize fd_wait_count_ = 0;  // Registered ones, at the start of fd_waits_.
  usize fd_wait_room_ = 0;
  Job* job_ = nullptr;  // Submitted and not yet seen to be done.
};

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
  const Outcome& outcome() const { return call_.outcome; }

 private:
  Caller& caller_;
  GuestCall call_;
};

}  // namespace lr
