// Memory for processes: slots, laid out densely in large anonymous no-reserve mappings.
//
//   slab   [ edge guard | slot 0 | slot 1 | ... | edge guard ]
//   slot   [ guard | stack (grows down) | memory (grows up) ]
//
// A process slot has all three; a stack that moves out of its slot gets a slot without memory. A
// slab holds slots of one class. Where the kernel has guard markers (Linux 6.13), each slot's guard
// is one and costs no kernel mapping. Without them only the edges of slabs are guarded, and the
// checks in the code are the wall.
//
// Every byte of a slot that allocate() hands out is zero. Released slots keep their pages up to a
// budget, so that a warm allocation makes no system call and takes no page fault.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/types.h"

namespace lr::sched {

inline constexpr u64 kPage = 4096;
inline constexpr u64 kGuardBytes = kPage;

// Below RunState::stack_limit every stack has so many bytes that the prologue's compare never
// gives away: what stubs save when a process yields, enters the host or takes a signal (all
// integer registers and 16 vector registers of 16 bytes: 384 on x86-64; 31 and 32: 760 on AArch64)
// and frames of leaf functions without a check of their own.
inline constexpr u64 kStackReserve = 1024;

// How guards are made; kAuto probes once with a real touch.
enum class GuardMode : u8 { kAuto, kMarkers, kNone };

struct SlotOptions {
  GuardMode guards = GuardMode::kAuto;
  u64 resident_budget_bytes = 64 * kMiB;  // What free slots may keep resident, altogether.
};

// One slot. A plain value: whoever holds it gives it back with SlotAllocator::release().
struct Slot {
  u8* base = nullptr;    // The guard's first byte; null: no slot.
  u64 stack_bytes = 0;   // Without the guard.
  u64 memory_bytes = 0;  // May be 0.
  u32 slab = 0;
  u32 index = 0;             // In its slab.
  bool known_clean = false;  // No page was ever touched since it came from the kernel.

  explicit operator bool() const { return base != nullptr; }
  u8* stack_low() const { return base + kGuardBytes; }
  // One past the stack. Varies by slot by a few cache lines, so that stacks do not share one set
  // of the cache; the bytes between it and memory() stay unused.
  u8* stack_top() const { return memory() - 128 * (index % 16); }
  u8* memory() const { return base + kGuardBytes + stack_bytes; }
};

// How much of a slot its user may have written. Beyond it everything is still zero.
struct SlotUse {
  u64 stack_bytes = 0;   // Below stack_top().
  u64 memory_bytes = 0;  // Above memory().
};

class SlotAllocator {
 public:
  static Result<std::unique_ptr<SlotAllocator>> create(const SlotOptions& options);
  virtual ~SlotAllocator() = default;

  // A slot with at least these sizes. Any thread. Fails with Err::SystemError when the address
  // space or the kernel's memory is exhausted, never otherwise.
  virtual Result<Slot> allocate(u64 stack_bytes, u64 memory_bytes) = 0;

  // Takes a slot back and wipes what was used. Any thread. A large wipe gives pages back to the
  // kernel instead of writing them.
  virtual void release(const Slot& slot, const SlotUse& use) = 0;

  // True if every slot has a guard that faults.
  virtual bool has_slot_guards() const = 0;

  struct Stats {
    u64 slabs = 0;           // Kernel mappings, about.
    u64 reserved_bytes = 0;  // Address space.
    u64 slots_live = 0;
    u64 slots_free = 0;
    u64 cached_bytes = 0;  // Resident in free slots.
  };
  virtual Stats stats() const = 0;
};

// Makes `bytes` (whole pages) at `start` read as zero; writes what is resident if that is little
// and gives the pages back to the kernel if it is much. True if pages stayed.
bool wipe(u8* start, u64 bytes);

// True if this kernel has guard markers and a touch of one really faults.
bool guard_markers_work();

}  // namespace lr::sched
