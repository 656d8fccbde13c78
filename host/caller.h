// Caller: what a host function is told about who calls it. One for each activation (a run of guest
// code on its process's stack), at a stable address while that lasts, so that a coroutine may keep
// the reference across waits; what it says about memory and worker is fresh at each entry.
#pragma once

#include <concepts>
#include <coroutine>
#include <memory>
#include <string>
#include <utility>

#include "base/types.h"
#include "host/config.h"
#include "host/guest_memory.h"
#include "host/task.h"
#include "host/wait.h"
#include "jit/context.h"
#include "jit/host_function.h"

namespace lr {

class Caller;
class Process;
struct HostFunction;
namespace wasi {
class State;
}

// How a host call left: with its results in the slots, waiting for Caller::wait, or with a trap.
using jit::HostStatus;

// "The guest goes no further": the trap that a host function ends with. See Caller::trap().
struct Halt {
  jit::Trap code{};
};

// A value, or a trap.
template <typename T>
class [[nodiscard]] TrapOr {
 public:
  TrapOr(T value) : value_(std::move(value)) {}  // NOLINT
  TrapOr(Halt halt) : halt_(halt) {}             // NOLINT
  bool ok() const { return value_.has_value(); }
  T& value() & { return *value_; }
  T&& value() && { return *std::move(value_); }
  Halt& error() { return halt_; }

 private:
  std::optional<T> value_;
  Halt halt_;
};

// "Call me again with the same arguments when Caller::wait is over"; nothing has been done yet.
struct Again {};

// What a hot host function returns: its result; Again; or the coroutine that finishes the call.
template <typename T>
class [[nodiscard]] Step {
 public:
  Step(T value) : value_(std::move(value)) {}  // NOLINT
  // What becomes a T: the value or the Halt of a TrapOr.
  template <typename U>
    requires std::convertible_to<U, T>
  Step(U value) : value_(T(std::move(value))) {}  // NOLINT
  Step(Again) {}                                  // NOLINT
  Step(Task<T> task) : task_(std::move(task)) {}  // NOLINT

  std::optional<T>& value() { return value_; }
  Task<T>& task() { return task_; }

 private:
  std::optional<T> value_;
  Task<T> task_;
};

// Awaiting it is a wait; says whether something happened before the deadline.
class [[nodiscard]] WaitAwaiter {
 public:
  WaitAwaiter(Caller& caller, const Wait& wait) : caller_(caller), wait_(wait) {}
  bool await_ready() const noexcept { return false; }
  inline void await_suspend(std::coroutine_handle<> leaf) noexcept;
  inline bool await_resume() const noexcept;

 private:
  Caller& caller_;
  Wait wait_;
};

class Caller {
 public:
  // Of a process; `config` outlives the caller.
  Caller(Process& process, const ProcessConfig& config) : process_(&process), config_(config) {}
  // Of none, in tests of host functions without an engine.
  Caller(wasi::State& wasi, const ProcessConfig& config) : wasi_(&wasi), config_(config) {}
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  ~Caller() { drop_coroutine(); }

  const GuestMemory& memory() const { return memory_; }
  // The one it was made with, else the process's, which is made when it is first asked for.
  wasi::State& wasi() const;
  // Null only in tests of host functions without an engine.
  Process* process() const { return process_; }
  const ProcessConfig& config() const { return config_; }
  PermissionSet permissions() const { return config_.permissions; }
  Tracer* tracer() const { return config_.tracer; }
  // No other process lives: work that blocks may be done at once, since it keeps nobody waiting.
  bool is_alone() const;

  // --- Waiting in a coroutine.

  // Until one of `fds` is ready or the deadline (sched::now_ns() clock) has passed.
  WaitAwaiter ready(std::span<FdInterest> fds, u64 deadline_ns = sched::kNever) {
    Wait record;
    record.kind = Wait::Kind::Fds;
    record.fds = fds;
    record.deadline_ns = deadline_ns;
    return {*this, record};
  }
  // Until another process has set `event` and woken this one.
  WaitAwaiter event(const std::atomic<bool>& event, u64 deadline_ns = sched::kNever) {
    Wait record;
    record.kind = Wait::Kind::Event;
    record.event = &event;
    record.deadline_ns = deadline_ns;
    return {*this, record};
  }
  WaitAwaiter turn() {
    Wait record;
    record.kind = Wait::Kind::Turn;
    return {*this, record};
  }

  // --- Waiting in a Step: "return caller.again_when(...)".

  // True while the call is repeated after Again.
  bool repeated() const { return repeated_; }
  Again again_when(int fd, u32 interest, u64 deadline_ns = sched::kNever) {
    wait = Wait();
    wait.kind = Wait::Kind::Fds;
    wait.one = {fd, interest, 0};
    wait.fds = {&wait.one, 1};
    wait.deadline_ns = deadline_ns;
    return {};
  }
  Again again_at(u64 deadline_ns) {
    wait = Wait();
    wait.kind = Wait::Kind::Fds;
    wait.deadline_ns = deadline_ns;
    return {};
  }
  // For what the mailbox awaits. Repeated, take_awaited() or, too late, stop_waiting().
  Again again_at_message(u64 deadline_ns = sched::kNever) {
    wait = Wait();
    wait.kind = Wait::Kind::Message;
    wait.deadline_ns = deadline_ns;
    return {};
  }
  Again again_next_turn() {
    wait = Wait();
    wait.kind = Wait::Kind::Turn;
    return {};
  }

  // --- Ending the guest: "return caller.trap(...)".

  Halt trap(jit::Trap code, std::string message = {}) {
    trap_code = code;
    if (!message.empty()) {
      texts().trap = std::move(message);
    } else if (texts_ != nullptr) {
      texts_->trap.clear();
    }
    return {code};
  }
  Halt exit(u32 status) {
    exit_status = status;
    return trap(jit::Trap::Exit);
  }

  // --- For those who drive the call (host_function.cc, process.cc).

  // A host call begins: whose memory it sees.
  void enter(const GuestMemory& memory) { memory_ = memory; }
  void set_repeated(bool repeated) { repeated_ = repeated; }
  void drop_coroutine() {
    if (root) std::exchange(root, nullptr).destroy();
    leaf = nullptr;
  }

  Wait wait;
  const HostFunction* function = nullptr;  // The call that is under way, or waits.
  std::coroutine_handle<> root;            // Its coroutine, owned; none if it is called again.
  std::coroutine_handle<> leaf;            // The innermost one, to be resumed.
  jit::Trap trap_code{};
  u32 exit_status = 0;
  // What the last trap() said, if anything.
  std::string_view trap_message() const {
    if (texts_ == nullptr) return {};
    return texts_->trap;
  }
  // Of the call that is under way, if it is traced.
  std::string& trace_line() { return texts().trace; }

 private:
  struct Texts {
    std::string trap;
    std::string trace;
  };
  Texts& texts() {
    if (texts_ == nullptr) texts_ = std::make_unique<Texts>();
    return *texts_;
  }

  bool repeated_ = false;
  Process* process_ = nullptr;
  wasi::State* wasi_ = nullptr;
  const ProcessConfig& config_;
  GuestMemory memory_;
  std::unique_ptr<Texts> texts_;
};

inline void WaitAwaiter::await_suspend(std::coroutine_handle<> leaf) noexcept {
  caller_.leaf = leaf;
  caller_.wait = wait_;
}
inline bool WaitAwaiter::await_resume() const noexcept { return !caller_.wait.expired; }

// Runs `work` on the helper pool (a lone process: here) and waits for what it returns. `work` owns
// all that it touches; see Job.
template <typename Work>
class [[nodiscard]] OffWorker {
 public:
  using Value = decltype(std::declval<Work&>()());

  OffWorker(Caller& caller, Work work) : caller_(caller), job_(new WorkJob(std::move(work))) {}
  OffWorker(const OffWorker&) = delete;
  OffWorker& operator=(const OffWorker&) = delete;
  ~OffWorker() { job_->release(); }

  bool await_ready() const noexcept {
    if (!caller_.is_alone()) return false;
    job_->work_and_finish();
    return true;
  }
  void await_suspend(std::coroutine_handle<> leaf) noexcept {
    caller_.leaf = leaf;
    caller_.wait = Wait();
    caller_.wait.kind = Wait::Kind::Job;
    caller_.wait.job = job_;
  }
  Value await_resume() { return std::move(*job_->value); }

 private:
  struct WorkJob final : Job {
    explicit WorkJob(Work w) : body(std::move(w)) {}
    void work() override { value.emplace(body()); }
    Work body;
    std::optional<Value> value;
  };

  Caller& caller_;
  WorkJob* job_;
};

template <typename Work>
OffWorker<Work> off_worker(Caller& caller, Work work) {
  return OffWorker<Work>(caller, std::move(work));
}

}  // namespace lr
