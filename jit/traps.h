// Guard pages. One handler for SIGSEGV and SIGBUS in the program: it turns a fault into a trap only
// if the program counter is in code of ours and the address is in the guarded memory of the very
// process that runs; every other fault goes to the handler that was installed before, or ends the
// program with one line.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/types.h"

namespace lr::jit {

// Installs the handler, once. Engine::create does it.
Status install_trap_handler();

// Installs the handler of the signal that interrupts code under Preempt::Signal, once, and says
// which signal that is. A thread that receives it while it executes a function, for a process that
// has been rung for, leaves the process with Leave::Yield; anywhere else nothing happens, and the
// next prologue sees the doorbell. Threads that run processes do not block it and have a stack for
// signal handlers.
Result<int> install_interrupt_handler();

// Gives the calling thread a stack for signal handlers, which process stacks are too small for.
// Every thread that resumes processes holds one while it does.
class SignalStack {
 public:
  SignalStack();
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  void* stack_ = nullptr;
  void* previous_ = nullptr;  // A stack_t.
};

}  // namespace lr::jit
