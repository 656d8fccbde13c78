// Where the compiler's world (jit) and the scheduler's world (sched) meet: one RunState for each
// process, one Doorbell at the start of each Context. Neither layer knows more of the other.
//
// A process runs on its own stack, which holds machine-code frames only. A worker enters it with
// resume() (sched/context_*.S) and gets control back, on its own stack, with a Leave reason:
//
//   worker stack                         process stack
//   resume(run)                          ...frames...
//     push callee-saved                  [run.sp] -> resume address, then whatever the code at
//     run.host_sp = sp                               that address wants to find
//     sp = run.sp; pop; jump   ------->
//                              <-------  run.sp = sp  (with a resume address on top)
//     pop callee-saved, return           sp = run.host_sp; return value = Leave reason
//
// The code at a resume address is entered with the RunState's address in the first C argument
// register and nothing else defined; it restores what it needs from its own stack. A suspended
// stack holds offsets and return addresses only, so it can be copied elsewhere.
//
// While the process runs, the word at host_sp is an address inside resume(). To leave, code sets
// sp = host_sp without popping anything, puts the reason into the first C result register and jumps
// to that address; what resume() has saved stands above. host_sp is 16-byte aligned, so a C call
// made from it is an ordinary one. Nobody writes at or above host_sp.
//
// A host call (see jit/context.h) uses the same picture without leaving: it switches to host_sp,
// runs C++ there and switches back, which is why host_sp stays valid while the process runs.
#pragma once

#include <atomic>
#include <cstddef>

#include "base/types.h"

namespace lr {

// Why a process gave its worker back.
enum class Leave : u32 {
  Yield = 0,      // Interrupted at a check; every register is on its stack. Resume at will.
  HostWait = 1,   // A host call waits; run.sp is inside its stub. Resume when it has completed.
  Returned = 2,   // The innermost activation returned; its results are in its argument array.
  Trapped = 3,    // run.trap_code says why; the pc is the word at run.sp.
  StackFull = 4,  // A prologue needs run.stack_need more bytes. Move the stack and resume, or trap.
};

// Bits of RunState::request.
inline constexpr u32 kRequestYield = 1;
inline constexpr u32 kRequestKill = 2;
inline constexpr u32 kRequestSignal = 4;

// What a ring sets and machine code reads. The first member of every Context. Contexts come from
// memory that is never unmapped nor put to another use, so a late ring is harmless.
struct Doorbell {
  // The prologue's compare: at or above the real limit, or kRungStackLimit when someone has rung.
  std::atomic<u64> stack_limit{0};
  // Not 0 when someone has rung; tested at loop headers.
  std::atomic<u8> preempt{0};
};

inline constexpr u64 kRungStackLimit = ~u64{0};

// One for each process, at a stable address outside its slot.
struct RunState {
  u64 sp = 0;           // The process's stack pointer while it does not run.
  u64 host_sp = 0;      // The worker's stack pointer while the process runs (16-byte aligned).
  u64 stack_limit = 0;  // Lowest address that frames may reach; the reserve lies below it.
  u64 stack_top = 0;    // One past the highest address of the stack.
  u32 trap_code = 0;    // A jit::Trap, when the last Leave was Trapped.
  u32 stack_need = 0;   // Bytes the prologue asked for, when the last Leave was StackFull.
  std::atomic<u32> request{0};
  std::atomic<Doorbell*> doorbell{nullptr};
  // Where machine code makes objects: the next at heap_cursor, if it ends by heap_limit. The bytes
  // between are zero. jit/gc/heap.h says where from.
  u64 heap_cursor = 0;
  u64 heap_limit = 0;
  const void* heap_types = nullptr;  // jit/gc/type_table.h

  // Asks the process to look at `request` soon. Any thread; lost rings are repeated by the tick.
  void ring(u32 bits) {
    request.fetch_or(bits, std::memory_order_release);
    ring_doorbell();
  }
  void ring_doorbell() {
    Doorbell* bell = doorbell.load(std::memory_order_acquire);
    if (bell == nullptr) return;
    bell->stack_limit.store(kRungStackLimit, std::memory_order_relaxed);
    bell->preempt.store(1, std::memory_order_relaxed);
  }
  // Only the owner, after it has changed stack_limit or doorbell: copies the limit into the bell
  // and rings again if someone had rung.
  void publish_limit() {
    Doorbell* bell = doorbell.load(std::memory_order_relaxed);
    if (bell == nullptr) return;
    bell->stack_limit.store(stack_limit, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (request.load(std::memory_order_relaxed) != 0) ring_doorbell();
  }
  // Only the owner (the worker that holds the process): puts the bell back and then reads the
  // request word, in this order, so that a ring between the two is seen.
  u32 answer() {
    Doorbell* bell = doorbell.load(std::memory_order_relaxed);
    if (bell != nullptr) {
      bell->stack_limit.store(stack_limit, std::memory_order_relaxed);
      bell->preempt.store(0, std::memory_order_relaxed);
    }
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return request.exchange(0, std::memory_order_acq_rel);
  }
};

// Assembly reads these offsets; jit and sched both assert what they use.
static_assert(offsetof(RunState, sp) == 0);
static_assert(offsetof(RunState, host_sp) == 8);
static_assert(offsetof(RunState, stack_limit) == 16);
static_assert(offsetof(RunState, trap_code) == 32);
static_assert(offsetof(RunState, stack_need) == 36);
static_assert(offsetof(RunState, doorbell) == 48);
static_assert(offsetof(RunState, heap_cursor) == 56);
static_assert(offsetof(RunState, heap_limit) == 64);
static_assert(offsetof(RunState, heap_types) == 72);
static_assert(offsetof(Doorbell, stack_limit) == 0);
static_assert(offsetof(Doorbell, preempt) == 8);
static_assert(sizeof(Doorbell) == 16);

}  // namespace lr
