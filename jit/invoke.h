// Running guest functions in a process. An activation is a call of one function, laid out on the
// process stack below whatever is suspended there; resuming the process runs it, and it leaves with
// Leave::Returned. Activations nest: while a host call waits, another may be begun and ended.
//
//   stack_top
//     [activation 1: record, frames..., host call that waits: saved registers, resume address]
//     [activation 2: record]  <- run.sp
//
// Values travel in an array of the caller's: arguments in, results out, one u64 each (two for
// v128), i32 and f32 in the low half.
#pragma once

#include <string>
#include <vector>

#include "base/run_state.h"
#include "jit/context.h"
#include "jit/host_function.h"

namespace lr::jit {

class Instance;
class ProcessStore;
class Waiter;

// Below RunState::stack_limit there must be this many bytes of stack: room for the saves of every
// stub and for small leaf functions. A multiple of 16.
inline constexpr u32 kStackReserveBytes = 1024;

// Words of the value array that calling a function of this type needs.
u32 value_words(TypeId type);

// Lays out a call of `func`. `values` must stay where it is until the activation has ended.
// False if the stack is too small: run.stack_need says how many bytes it must have below run.sp.
bool begin_activation(ProcessStore& store, FuncRef* func, u64* values);

// Gives up the innermost activation, whatever state it is in (after a trap): run.sp is then what it
// was before begin_activation(). The one that returned has ended by itself.
void abandon_activation(ProcessStore& store);
// How many have begun and not ended.
u32 activation_count(const ProcessStore& store);

// -- Host calls that wait -----------------------------------------------------------------------
// The innermost thing on the stack is a host call that waits (Leave::HostWait).

// Its array of arguments and results. Valid until the process runs or its stack moves.
u64* host_call_values(const RunState& run);
// What the wait has come to: Done (results are in the array) or Trap (run.trap_code is set); then
// the process can be resumed.
void complete_host_call(RunState& run, HostStatus status);

// What waits is memory.atomic.wait, since Waiter::wait() was called: ends the wait and completes
// the call with what it has come to.
void finish_atomic_wait(RunState& run, Waiter& waiter);

// -- Where a process is -------------------------------------------------------------------------

// May the stack of a process that has left be moved? Not at a loop's poll or at an allocation,
// whose code may keep addresses of its frame, nor when it has trapped.
bool may_move_stack(const RunState& run, Leave reason);

struct Frame {
  std::string module;    // Empty for a host function.
  std::string function;  // Its name, or "func[N]".
  u32 index = 0;
  u32 wasm_offset = 0;  // In the module's bytes, 0 if unknown.
};
struct Backtrace {
  std::vector<Frame> frames;  // Innermost first.
  u32 more = 0;               // Frames that did not fit, counted up to 100,000.
};
// Of a process that has left, for whatever reason.
Backtrace backtrace(const RunState& run, u32 max);
// "   0: module!function+0x1234", one line a frame.
std::string format_backtrace(const Backtrace& trace);

}  // namespace lr::jit
