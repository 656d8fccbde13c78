// Using the project as a library: an engine, a scheduler and the host functions, and processes that
// the program outside controls.
//
//   auto runtime = TRY(Runtime::create({}));
//   auto module = TRY(runtime->load(bytes, "adder"));
//   auto process = TRY(runtime->create_process({}));
//   jit::Instance* adder = TRY(process->instantiate(module));
//   std::vector<u64> values = {1, 2};
//   Outcome outcome = process->call(*adder, "add", values);     // values[0] is 3, or it trapped
//
// One thread at a time works with a Runtime and what comes from it.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "host/linker.h"
#include "host/process.h"
#include "jit/engine.h"
#include "jit/instance.h"
#include "sched/scheduler.h"

namespace lr {

class DeathLog;
enum class DeathDetail : u8;
class Runtime;
namespace lunatic {
class DelayedMessages;
}

// A process that lives until its handle goes. Calls run on the runtime's workers; the calling
// thread is one of them while it waits.
class ProcessHandle {
 public:
  ProcessHandle(Runtime& runtime, sched::ProcessRef process,
                std::unique_ptr<sched::Completion> ended);
  ~ProcessHandle();  // Kills it.
  ProcessHandle(const ProcessHandle&) = delete;
  ProcessHandle& operator=(const ProcessHandle&) = delete;

  Process& process() const { return static_cast<Process&>(*process_); }
  jit::ProcessStore& store() const { return process().store(); }

  // Links against the runtime's host functions and then `others`, makes the instance and runs its
  // start function. A trap on the way is an error of phase Trap with the trap's text.
  Result<jit::Instance*> instantiate(const std::shared_ptr<jit::CompiledModule>& module,
                                     std::span<jit::Resolver* const> others = {});

  // Calls a function. `values`: arguments in, results out, one word each (two for v128); i32 and
  // f32 in the low half. Types and number are the caller's to get right; see check_call().
  Outcome call(jit::FuncRef* function, std::vector<u64>& values);
  // An exported function by name; an Outcome that says so if there is none.
  Outcome call(jit::Instance& instance, std::string_view name, std::vector<u64>& values);

  // Asks for a call and returns; `call.done` is signalled when it is over.
  void post(GuestCall& call) { process().post(call); }
  // Ends the process, whatever it does.
  void kill();
  // Waits until it has ended.
  void join();

 private:
  Runtime& runtime_;
  sched::ProcessRef process_;
  std::unique_ptr<sched::Completion> ended_;
};

struct RuntimeOptions {
  jit::EngineOptions engine;
  sched::SchedulerOptions scheduler;
};

class Runtime {
 public:
  // Ignores SIGPIPE, unless the program handles it: a guest that writes to a closed pipe gets an
  // error instead.
  static Result<std::unique_ptr<Runtime>> create(const RuntimeOptions& options);
  // Ends all processes.
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  jit::Engine& engine() { return *engine_; }
  sched::Scheduler& scheduler() { return *scheduler_; }
  // Empty at first. Add all functions before modules are instantiated.
  HostLinker& linker() { return linker_; }

  // A binary module; see module_file.h for files.
  Result<std::shared_ptr<jit::CompiledModule>> load(std::vector<u8> bytes, std::string name);

  // Linked against the host functions, which all have been added: the
  // same object while it lives for the same module.
  Result<ModuleRef> link(const std::shared_ptr<jit::CompiledModule>& module);

  // In the runtime's own environment, whose first process is 1.
  Result<std::unique_ptr<ProcessHandle>> create_process(const ProcessConfig& config);
  Environment& environment() { return *environment_; }
  // Before processes run: those that fail or are killed are named on descriptor `fd`.
  void log_deaths(int fd, DeathDetail detail);
  // Null without one, and once the runtime is going.
  DeathLog* death_log() const {
    return is_quiet_.load(std::memory_order_relaxed) ? nullptr : death_log_.get();
  }
  lunatic::DelayedMessages& delayed_messages() { return *delayed_messages_; }
  LastEnded& last_ended(u32 worker) { return last_ended_[worker]; }
  // Where the shared memories of all processes come from.
  jit::MemorySource& shared_memory() { return *shared_memory_; }

 private:
  Runtime();

  HostLinker linker_;
  std::unique_ptr<jit::Engine> engine_;
  EnvironmentRef environment_;
  std::unique_ptr<DeathLog> death_log_;
  std::atomic<bool> is_quiet_{false};
  std::unique_ptr<lunatic::DelayedMessages> delayed_messages_;
  std::mutex modules_mutex_;
  std::vector<std::weak_ptr<LinkedModule>> modules_;
  std::unique_ptr<SharedMemorySource> shared_memory_;
  std::unique_ptr<LastEnded[]> last_ended_;  // By worker.
  // Goes first: its processes use the others.
  std::unique_ptr<sched::Scheduler> scheduler_;
};

}  // namespace lr
