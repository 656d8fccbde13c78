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
  // What loop headers look at: see Alarm.
  std::atomic<u64> alarm{0};
};

inline constexpr u64 kRungStackLimit = ~u64{0};

// What the alarm word of a process's doorbells means, which depends on how its code is interrupted
// (jit/preempt.def). Code goes on while the word is quiet and yields when it is rung:
//
//   flag     0, or 1
//   epoch    the epoch at which the slice ends, or 0: code compares it with the counter
//   page     the address of a page, or of one that cannot be read: code loads from there
//   fuel     what is left of the slice, negative when nothing is. Code's own: nobody else writes
//            it while it runs, and who rings relies on the stack limit and the slice's end
//
// One object for each kind of a program.
struct Alarm {
  u64 quiet = 0;  // Fuel: what a slice is granted.
  u64 rung = 1;
  bool counts = false;                      // Fuel.
  const std::atomic<u64>* epoch = nullptr;  // Epoch: the counter, to which `quiet` is added.
  bool always = false;  // Test mode: it is never quiet, and the limit not always.

  void ring(Doorbell& bell) const {
    if (!counts) bell.alarm.store(rung, std::memory_order_relaxed);
  }
  void quieten(Doorbell& bell) const {
    if (counts) return;
    const u64 now = epoch == nullptr ? 0 : epoch->load(std::memory_order_relaxed);
    bell.alarm.store(now + quiet, std::memory_order_relaxed);
  }
};
inline constexpr Alarm kFlagAlarm;

// Fuel, in units of an instruction. It is granted a slice at a time, by jit/fuel.h.
struct FuelAccount {
  static constexpr u64 kUnlimited = ~u64{0};
  u64 granted = 0;
  u64 limit = kUnlimited;  // Of all that may be granted.
};

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
  // Does not change once code has run; a ring that comes too late may find the next process's.
  std::atomic<const Alarm*> alarm{&kFlagAlarm};
  FuelAccount fuel;

  const Alarm& its_alarm() const { return *alarm.load(std::memory_order_relaxed); }

  // Asks the process to look at `request` soon. Any thread; lost rings are repeated by the tick.
  void ring(u32 bits) {
    request.fetch_or(bits, std::memory_order_release);
    ring_doorbell();
  }
  void ring_doorbell() {
    Doorbell* bell = doorbell.load(std::memory_order_acquire);
    if (bell == nullptr) return;
    bell->stack_limit.store(kRungStackLimit, std::memory_order_relaxed);
    its_alarm().ring(*bell);
  }
  // Only the owner, after it has changed stack_limit: copies the limit into the bell and rings
  // again if someone had rung.
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
      const bool again = its_alarm().always &&
                         bell->stack_limit.load(std::memory_order_relaxed) != kRungStackLimit;
      bell->stack_limit.store(again ? kRungStackLimit : stack_limit, std::memory_order_relaxed);
      its_alarm().quieten(*bell);
    }
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return request.exchange(0, std::memory_order_acq_rel);
  }
  // Only the owner: `to` is the doorbell from now on, with the fuel that the one before had. There
  // is no fence: a ring that comes just now may be lost, and is repeated.
  void change_doorbell(Doorbell* to) {
    const Doorbell* from = doorbell.load(std::memory_order_relaxed);
    if (to != nullptr) {
      its_alarm().quieten(*to);
      if (its_alarm().counts && from != nullptr) {
        to->alarm.store(from->alarm.load(std::memory_order_relaxed), std::memory_order_relaxed);
      }
    }
    doorbell.store(to, std::memory_order_release);
    if (to == nullptr) return;
    to->stack_limit.store(stack_limit, std::memory_order_relaxed);
    if (request.load(std::memory_order_relaxed) != 0) ring_doorbell();
  }
  // Only the owner, where it lets the process run: a slice begins, if slices end by themselves.
  void begin_slice() {
    if (its_alarm().epoch == nullptr) return;
    if (Doorbell* bell = doorbell.load(std::memory_order_relaxed)) its_alarm().quieten(*bell);
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
static_assert(offsetof(Doorbell, alarm) == 8);
static_assert(sizeof(Doorbell) == 16);

}  // namespace lr
