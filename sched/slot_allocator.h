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

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

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

// Stack tops differ by multiples of this.
inline constexpr u64 kStackColour = 128;
inline constexpr u64 kStackColours = 16;

// How guards are made; kAuto probes once with a real touch.
enum class GuardMode : u8 { kAuto, kMarkers, kNone };

struct SlotOptions {
  GuardMode guards = GuardMode::kAuto;
  u64 resident_budget_bytes = 64 * kMiB;  // What free slots may keep resident, altogether.
};

// How much of a slot may have been written.
struct SlotUse {
  u64 stack_bytes = 0;   // Below the end of the stack area.
  u64 memory_bytes = 0;  // Above memory().
};

// One slot. A plain value: whoever holds it gives it back with SlotAllocator::release().
struct Slot {
  u8* base = nullptr;    // The guard's first byte; null: no slot.
  u64 stack_bytes = 0;   // Without the guard.
  u64 memory_bytes = 0;  // May be 0.
  u32 slab = 0;
  u32 index = 0;     // In its slab.
  SlotUse resident;  // What may have pages (of zeros) already; beyond it a touch is a page fault.

  explicit operator bool() const { return base != nullptr; }
  u8* stack_low() const { return base + kGuardBytes; }
  u8* stack_end() const { return base + kGuardBytes + stack_bytes; }
  // Where frames start. Varies by slot by a few cache lines, so that stacks do not share one set
  // of the cache.
  u8* stack_top() const { return stack_end() - kStackColour * (index % kStackColours); }
  u8* memory() const { return stack_end(); }
};

class SlotAllocator {
 public:
  explicit SlotAllocator(const SlotOptions& options = {});
  ~SlotAllocator();
  SlotAllocator(const SlotAllocator&) = delete;
  SlotAllocator& operator=(const SlotAllocator&) = delete;

  // A slot with at least these sizes (the stack's less kStackColour * kStackColours). Any thread.
  // Fails with Err::SystemError when the address space or the kernel's memory is exhausted, with
  // Err::LimitExceeded for sizes beyond every class.
  Result<Slot> allocate(u64 stack_bytes, u64 memory_bytes);

  // Takes a slot back and wipes what was used. Any thread.
  void release(const Slot& slot, const SlotUse& use);

  // True if every slot has a guard that faults.
  bool has_slot_guards() const { return markers_; }

  struct Stats {
    u64 slabs = 0;
    u64 reserved_bytes = 0;  // Address space.
    u64 slots_live = 0;
    u64 slots_free = 0;    // Wiped and waiting.
    u64 cached_bytes = 0;  // Resident in free slots.
  };
  Stats stats() const;

 private:
  struct Slab;
  struct FreeSlot;
  struct SlotClass;

  SlotClass& class_of(u32 stack_log2, u32 slot_log2);
  Status add_slab(SlotClass& slot_class);
  Result<Slot> carve(SlotClass& slot_class);
  SlotUse wipe(const Slot& slot, const SlotUse& use);

  const SlotOptions options_;
  const bool markers_;
  mutable std::mutex mutex_;
  std::vector<Slab> slabs_;
  std::vector<std::unique_ptr<SlotClass>> classes_;  // Those that are in use: few.
  u64 slots_live_ = 0;
  std::atomic<u64> cached_bytes_{0};
};

}  // namespace lr::sched
