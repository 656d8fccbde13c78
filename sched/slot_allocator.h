// Memory for processes: slots, laid out densely in large anonymous no-reserve mappings.
//
//   slab   [ edge guard | slot 0 | slot 1 | ... | edge guard ]
//   slot   [ guard | stack (grows down) | memory (grows up) ]
//
// Stack and memory meet inside a page, so that a process that uses little of both has one resident
// page. Where they meet varies by slot by a few cache lines, so that stacks do not share one set of
// the cache. A slot may lack a stack or a memory. A slab holds slots of one class. Where the kernel
// has guard markers (Linux 6.13), each slot's guard is one and costs no kernel mapping. Without
// them only the edges of slabs are guarded, and the checks in the code are the wall.
//
// Every byte of a slot that allocate() hands out is zero. Released slots keep their pages up to a
// budget, so that a warm allocation makes no system call and takes no page fault. Each lane (a
// worker) has free slots of its own, and takes those of others before it makes new ones.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "sched/memory_account.h"
#include "sched/os.h"

namespace lr::sched {

inline constexpr u64 kPage = 4096;
inline constexpr u64 kGuardBytes = kPage;

// Below RunState::stack_limit every stack has so many bytes that the prologue's compare never
// gives away: what stubs save when a process yields, enters the host or takes a signal (all
// integer registers and 16 vector registers of 16 bytes: 384 on x86-64; 31 and 32: 760 on AArch64)
// and frames of leaf functions without a check of their own.
inline constexpr u64 kStackReserve = 1024;

// So much of the page in which stack and memory meet is the stack's, and up to 7 cache lines more:
// enough for what waits for a message; programs put more than 2 KiB at the start of their memory.
inline constexpr u64 kMeetingOffset = 960;
inline constexpr u64 kStackColour = 64;
inline constexpr u64 kStackColours = 8;

// How guards are made; kAuto probes once with a real touch.
enum class GuardMode : u8 { kAuto, kMarkers, kNone };

struct SlotOptions {
  GuardMode guards = GuardMode::kAuto;
  // What free slots may keep resident, altogether. 0: a sixteenth of what there is.
  u64 resident_budget_bytes = 0;
  // What all processes may hold. 0: four fifths of what there is.
  u64 total_memory_bytes = 0;
};

// How much of a slot may have been written.
struct SlotUse {
  u64 stack_bytes = 0;   // Below the end of the stack area.
  u64 memory_bytes = 0;  // Above memory().
};

// One slot. A plain value: whoever holds it gives it back with SlotAllocator::release().
struct Slot {
  u8* base = nullptr;    // The guard's first byte; null: no slot.
  u64 stack_bytes = 0;   // Without the guard; up to where the memory begins.
  u64 memory_bytes = 0;  // May be 0.
  u32 index = 0;         // In its slab,
  u32 slab = 0;          // which is this one,
  u32 slot_class = 0;    // of this class.
  SlotUse resident;  // What may have pages (of zeros) already; beyond it a touch is a page fault.

  explicit operator bool() const { return base != nullptr; }
  u8* stack_low() const { return base + kGuardBytes; }
  u8* stack_end() const { return base + kGuardBytes + stack_bytes; }
  // Where frames start. 64-byte aligned.
  u8* stack_top() const { return stack_end(); }
  u8* memory() const { return stack_end(); }
};

class SlotAllocator final : MemoryAccount::Reserve {
 public:
  explicit SlotAllocator(const SlotOptions& options = {});
  ~SlotAllocator() override;
  SlotAllocator(const SlotAllocator&) = delete;
  SlotAllocator& operator=(const SlotAllocator&) = delete;

  // A slot with at least these sizes. Any thread; those of one lane wait for each other. Fails with
  // Err::SystemError when the address space or the kernel's memory is exhausted, with
  // Err::LimitExceeded for sizes beyond every class and when account() is at its limit.
  Result<Slot> allocate(u64 stack_bytes, u64 memory_bytes, u32 lane = 0);

  // Takes a slot back and wipes what was used: at once, or if that is much, some time soon. Any
  // thread.
  void release(const Slot& slot, const SlotUse& use, u32 lane = 0);

  // Charged: for each slot what a process at rest has of it, and a stack that has no memory beside
  // it in full; for free ones what they keep. What memories use is for their owners to charge.
  MemoryAccount& account() { return account_; }

  // Gives back what free slots keep, at least so much of it if there is as much.
  void trim(u64 wanted) override;

  // True if every slot has a guard that faults.
  bool has_slot_guards() const { return markers_; }
  // True if pages of a slot may be held (sched/os.h); none is when the slot is released.
  bool may_hold_pages() const { return markers_ && held_pages_work(); }

  struct Stats {
    u64 slabs = 0;
    u64 reserved_bytes = 0;  // Address space.
    u64 slots_live = 0;
    u64 slots_free = 0;    // Wiped and waiting.
    u64 cached_bytes = 0;  // Resident in free slots.
  };
  Stats stats() const;

 private:
  static constexpr u32 kLanes = 8;
  static constexpr u32 kClassesMax = 512;

  struct Shape;
  struct Slab;
  struct FreeSlot;
  struct Lane;
  struct SlotClass;
  class UsedSlot;

  static Shape shape_of(u64 stack_bytes, u64 memory_bytes);
  SlotClass* class_of(const Shape& shape);
  Status add_slab(SlotClass& slot_class);
  Status take_run(SlotClass& slot_class, Lane& lane);
  bool take_from_others(SlotClass& slot_class, Lane& lane);
  Result<Slot> carve(SlotClass& slot_class, Lane& lane);
  Slot slot_at(const SlotClass& slot_class, u8* slab_base, u32 slab, u32 index) const;
  Slot take(const SlotClass& slot_class, Lane& lane);
  void release_now(const Slot& slot, const SlotUse& use, u32 lane);
  SlotUse wipe(const Slot& slot, const SlotUse& use, u32 lane, u64* resident);
  void add_cached(const Lane& lane, i64 bytes);
  i64 cached_bytes() const;
  bool has_room(u32 lane, u64 bytes) const;

  const SlotOptions options_;
  const bool markers_;
  MemoryAccount account_;
  // Resident in free slots, by the lane that has seen them come and go: may be negative.
  struct alignas(64) Cached {
    std::atomic<i64> bytes{0};
  };
  Cached cached_[kLanes];

  // Classes and slabs are added under the lock and never move nor go.
  mutable std::mutex mutex_;
  std::atomic<SlotClass*> classes_[kClassesMax] = {};
  std::vector<Slab> slabs_;
};

}  // namespace lr::sched
