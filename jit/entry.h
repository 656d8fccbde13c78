// The fixed assembly of entry_*.S, and the C++ that it calls. All but the latter are entered by
// machine code, never by C++.
#pragma once

#include "base/types.h"
#include "jit/context.h"

extern "C" {

// Trap i is entered at lr_trap_entries + i * kTrapEntryBytes.
extern const char lr_trap_entries[];
// Entered with the RunState in the first C argument register; run.trap_code is set and the pc is
// on top of the stack.
extern const char lr_trap_leave[];
extern const char lr_yield[];
// Where the handler of a signal makes a function go on; the pc is on top of the stack.
extern const char lr_interrupted[];
extern const char lr_fuel[];
extern const char lr_stack_check[];
extern const char lr_extent_miss[];
extern const char lr_extent_miss_any[];
extern const char lr_lazy[];
extern const char lr_gc_allocate[];
extern const char lr_import_cross[];
// Called by a host-call stub whose function did not return Done; the status is in the C result
// register. Returns when the call has completed, with Done there, or when it is to be made again,
// with Again.
extern const char lr_host_leave[];
extern const char lr_activation_start[];

// Resume addresses on suspended stacks, for the unwinder.
extern const char lr_yield_resume[];
extern const char lr_interrupted_resume[];
extern const char lr_stack_check_resume[];
extern const char lr_lazy_resume[];
extern const char lr_gc_resume[];
extern const char lr_host_resume[];
extern const char lr_activation_return[];
// Between the resume address of one of the first four and the return address above its saves.
extern const lr::u64 lr_full_save_bytes;
// A host call that waits: from run.sp to the array of arguments, which is the bottom of its stub's
// frame, and to the HostStatus that complete_host_call() writes.
extern const lr::u64 lr_host_wait_bytes;
extern const lr::u64 lr_host_wait_status;

// Called by assembly on the worker's stack.

// Raises the extent of a memory to `end`. 0, or 1 with run.trap_code set.
lr::u32 lr_do_extent_miss(lr::jit::Context* context, lr::u64 end, lr::u64 memory);
// Grants a slice of fuel. 0, or 1 with run.trap_code set.
lr::u32 lr_do_fuel(lr::jit::Context* context);
// The code of function `index`; null: another thread is compiling it, yield and ask again; 1:
// run.trap_code is set; 2: leave with HostWait and ask again when woken.
const void* lr_do_lazy(lr::jit::Context* context, lr::u32 index);
// An object of so many bytes; null: a collection is under way, yield and ask again; 1:
// run.trap_code is set.
const void* lr_do_gc_allocate(lr::jit::Context* context, lr::u64 bytes);

}  // extern "C"

namespace lr::jit {

inline constexpr u32 kTrapEntryBytes = 16;

// What begin_activation() lays out; run.sp points at it until the activation first runs. While it
// runs, lr_activation_return is the return address below it and `resume` is meaningless.
struct ActivationRecord {
  const void* resume;  // lr_activation_start
  u64 unused;
  const void* thunk;  // Of the function's type: from the array to registers, and back.
  FuncRef* func;
  u64* values;
  Doorbell* bell;  // Of what is suspended above.
  u64 previous;    // root->activation before.
  Context* root;
};
static_assert(sizeof(ActivationRecord) == 64);

}  // namespace lr::jit
