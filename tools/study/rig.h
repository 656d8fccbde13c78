// A program that is ready to run under one mechanism: an engine and a scheduler of its own, all
// functions compiled; and the processes that run it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "host/runtime.h"
#include "tools/study/program.h"

namespace lr::study {

// What all runs of a study have in common.
struct Setup {
  jit::EngineOptions engine;  // But for the mechanism.
  jit::MemoryClass memory_class = jit::MemoryClass::Guarded;
  std::vector<DirectoryGrant> directories;  // For programs that read files.
};

class Rig {
 public:
  // `probe` may be null; it outlives the rig.
  static Result<std::unique_ptr<Rig>> create(const Program& program, const Setup& setup,
                                             jit::Preempt preempt, u32 workers,
                                             sched::YieldProbe* probe);

  Runtime& runtime() { return *runtime_; }
  const Program& program() const { return program_; }
  const std::shared_ptr<jit::CompiledModule>& module() const { return module_; }
  const Setup& setup() const { return setup_; }
  const jit::CodeStats& code() const { return code_; }

 private:
  Rig(const Program& program, const Setup& setup) : program_(program), setup_(setup) {}

  const Program& program_;
  const Setup& setup_;
  std::unique_ptr<Runtime> runtime_;
  std::shared_ptr<jit::CompiledModule> module_;
  jit::CodeStats code_;
};

// A process of the rig's with an instance of its program. What it writes to standard output goes
// nowhere, and there is nothing to read.
class Guest {
 public:
  static Result<std::unique_ptr<Guest>> create(Rig& rig);

  // Calls the program's entry once, on the calling thread if the rig has one worker, and checks
  // what it returns. A command can be called once.
  Status call();

  // The same without waiting.
  void start();
  bool done() const { return done_.done(); }
  bool wait_until(u64 deadline_ns) { return done_.wait_until(deadline_ns); }
  Status finish();  // After done().

  sched::Process& process() { return handle_->process(); }

 private:
  explicit Guest(Rig& rig) : rig_(rig) {}

  Rig& rig_;
  sched::Completion done_;
  GuestCall call_;
  std::vector<u64> values_;  // Of the call.
  Outcome outcome_;
  jit::FuncRef* entry_ = nullptr;
  std::unique_ptr<ProcessHandle> handle_;
};

}  // namespace lr::study
