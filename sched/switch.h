// Entering and leaving a process stack. The contract of both directions is in base/run_state.h;
// the code is hand-written, one file per machine (context_x64.S, context_a64.S).
//
// Only the registers that the C ABI calls callee-saved are kept, and no floating-point control
// words: guests cannot change them and hosts must not.
#pragma once

#include "base/run_state.h"

extern "C" {

// Continues the process and returns when it leaves. The caller is a worker; run->sp points at a
// resume address. To the compiler this is an ordinary call.
lr::Leave lr_resume(lr::RunState* run);

// Called on a process stack: gives the worker back with `reason`, returns when someone resumes the
// process. Keeps callee-saved registers only, so machine code that must keep more saves it before.
void lr_leave(lr::RunState* run, lr::Leave reason);

// A resume address that prepare_native() puts on a new stack.
void lr_native_start();
}

namespace lr::sched {

// A C++ function that runs on a process stack, for tests and benchmarks. Its frames may hold
// pointers into the stack, so such a stack must not be moved.
using NativeEntry = void (*)(RunState* run, void* argument);

// Builds the picture of a suspended stack that will call entry(run, argument) when it is first
// resumed and leave with Leave::Returned when that returns. Needs stack_top and stack_limit.
void prepare_native(RunState& run, NativeEntry entry, void* argument);

}  // namespace lr::sched
