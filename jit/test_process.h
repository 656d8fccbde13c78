// A process without a scheduler, for tests: a stack, a RunState and the loop that resumes it.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "base/run_state.h"
#include "jit/instance.h"
#include "jit/invoke.h"
#include "jit/traps.h"

extern "C" lr::Leave lr_test_resume(lr::RunState* run);

namespace lr::jit {

class TestProcess {
 public:
  struct Options {
    u64 stack_bytes = 16 * kKiB;
    u64 stack_bytes_max = 1 * kMiB;
    // Stack and dense memories, each time the process leaves where code allows it.
    bool move_always = false;
    bool ring_always = false;  // From another thread, as fast as that can.
    // From another thread too: the signal of Preempt::Signal, at random moments.
    bool signal_always = false;
    // Rung when it is resumed: it yields at every poll, and at the first prologue behind a poll.
    bool yield_always = false;
  };

  TestProcess() : TestProcess(Options()) {}
  explicit TestProcess(const Options& options);
  ~TestProcess();

  RunState run;

  // What a host call that waits comes to: writes results into the array. Null: Done at once.
  std::function<HostStatus(TestProcess& process, u64* values)> on_wait;

  // Calls a function and runs it to its end. The trap, or nothing if it returned.
  std::optional<Trap> call(ProcessStore& store, FuncRef* func, u64* values);
  // Text and innermost frames of the last trap.
  std::string backtrace_text;

  u32 yields = 0;
  u32 waits = 0;
  u32 moves = 0;

 private:
  void ring_again(Leave left_by);
  void use_stack(u64 bytes);
  bool grow_stack();

  Options options_;
  SignalStack signals_;
  std::atomic<bool> done_{false};
  std::thread ringer_;
  u8* stack_ = nullptr;
  u64 stack_bytes_ = 0;
  u8* spare_ = nullptr;  // As large as the stack; null if there is none.
};

}  // namespace lr::jit
