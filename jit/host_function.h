// How machine code calls C++. A host function runs on the worker's stack; its arguments stand in an
// array on the process stack, where its results go too:
//
//   args[0], args[1], ...   one u64 each (two for v128), i32 and f32 zero-extended
//
// The array is valid until the function returns; a call that waits finds it again with
// host_call_values() (jit/invoke.h), since stacks move.
#pragma once

#include "base/types.h"
#include "frontend/types.h"

namespace lr::jit {

struct Context;
struct HostFunction;

enum class HostStatus : u32 {
  Done = 0,  // Results are in the array.
  Wait = 1,  // The process leaves with Leave::HostWait; complete_host_call() ends the wait.
  Trap = 2,  // run.trap_code says which.
  Again = 3  // Helpers only: yield, then call the helper again with what is in the array now.
};

// `caller` is the context of the instance that calls; caller->instance is null when an activation
// calls the host function itself. May grow and move memories and read and write the process's
// instances; may not run guest code (it waits, and an activation is begun: jit/invoke.h).
using HostFn = HostStatus (*)(Context* caller, const HostFunction* self, u64* args);

// Immutable, shared by all processes; whoever links it keeps it alive.
struct HostFunction {
  HostFn fn = nullptr;
  TypeId type = 0;
  void* data = nullptr;     // The host's own.
  const char* module = "";  // For backtraces and traces.
  const char* name = "";
};

}  // namespace lr::jit
