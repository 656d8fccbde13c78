// Where the memories of a process come from: the first dense one that fits begins in the process's
// slot and moves to slots of larger classes, or to a reservation of its own, when it outgrows it;
// all others have one from the start. And the account of how much they may hold together, which is
// part of the account of all processes.
#pragma once

#include <memory>
#include <vector>

#include "base/types.h"
#include "frontend/module.h"
#include "jit/memory.h"
#include "sched/slot_allocator.h"

namespace lr {

// How much memory the slot of a new process should have: what the module declares and room to grow
// a little, or what its processes have come to need; 0 when that is too much for a slot.
u64 first_slot_memory_bytes(const Module& module, u64 limit_bytes, u64 size_most);

// Where shared memories come from: a reservation each, charged to all processes' account.
class SharedMemorySource final : public jit::MemorySource {
 public:
  explicit SharedMemorySource(sched::MemoryAccount& account) : account_(account) {}
  bool charge(u64 bytes) override { return account_.charge(bytes); }
  void release_charge(u64 bytes) override { account_.release(bytes); }
  void release(jit::MemoryArea area, u64 used) override { unmap(area, used); }
  void unmap(jit::MemoryArea area, u64 used) override;

 private:
  sched::MemoryAccount& account_;
};

class ProcessMemory final : public jit::MemorySource {
 public:
  // `slot` is the slot's part for memory, zeroed; its capacity may be 0. Without `slots` nothing is
  // charged to all processes' account.
  ProcessMemory(jit::MemoryArea slot, u64 bytes_max, sched::SlotAllocator* slots = nullptr)
      : slot_(slot), bytes_max_(bytes_max), slots_(slots), taken_(slot.capacity != 0 ? kPaid : 0) {}
  ~ProcessMemory() override;

  // For the next process on the same slot, after ProcessStore::reset() has wiped its part.
  void reset(u64 bytes_max) { bytes_max_ = bytes_max; }

  bool charge(u64 bytes) override;
  void release_charge(u64 bytes) override;
  bool charge_extent(jit::MemoryArea area, u64 from, u64 to) override;
  jit::MemoryArea acquire(u64 bytes) override;
  jit::MemoryArea enlarge(jit::MemoryArea area, u64 used, u64 bytes) override;
  void release(jit::MemoryArea area, u64 used) override;
  void unmap(jit::MemoryArea area, u64 used) override;
  bool wipe(jit::MemoryArea area, u64 from, u64 to) override;
  bool hold(jit::MemoryArea area, u64 from, u64 to) override;
  void let_in(jit::MemoryArea area, u64 from, u64 to) override;

  // The messages that the process has take so many bytes, or are about to. `paid` is what that was
  // charged for and is now, at least as much; little is the slot's. False if all processes together
  // may not have it: then nothing changes.
  static bool is_paid(u64 bytes, u64 paid) { return paid - bytes <= kKeptBytes; }
  bool pay_for_messages(u64 bytes, u64& paid);
  // There are none any more, nor will there be.
  void release_messages(u64& paid);

  // At most so many bytes of the slot's part were written.
  u64 slot_used_bytes() const { return slot_used_; }
  // What it holds now, as far as it is charged.
  u64 charged_bytes() const { return charged_; }

 private:
  // What a process may keep of the account of all without holding it: the next one on the same
  // block takes it without asking.
  static constexpr u64 kKeptBytes = 64 * kKiB;
  // The slot itself has been charged for the page in which its memory begins.
  static constexpr u64 kPaid = sched::kPage;
  u64 paid() const { return slot_.capacity != 0 ? kPaid : 0; }
  bool is_slot(const jit::MemoryArea& area) const {
    return slot_.base != nullptr && area.base == slot_.base;
  }
  // What processes have that need more than their slot.
  struct Large {
    const u8* bound_base = nullptr;
    sched::MemoryAccount::Bound bound;  // Of the first large memory.
    std::vector<sched::Slot> rooms;     // Slots that memories have moved to.
  };
  Large& large() {
    if (large_ == nullptr) large_ = std::make_unique<Large>();
    return *large_;
  }
  sched::Slot* room_of(const jit::MemoryArea& area) const;
  void forget_bound(const jit::MemoryArea& area);
  bool take(u64 bytes);
  void give(u64 bytes);

  jit::MemoryArea slot_;
  u64 bytes_max_;
  sched::SlotAllocator* slots_;
  u64 charged_ = 0;
  u64 taken_;  // Of all processes' account, with what the slot has paid: at least what is charged.
  u64 slot_used_ = 0;
  bool slot_taken_ = false;  // Handed out, now or before: what is left behind is not clean.
  std::unique_ptr<Large> large_;
};

}  // namespace lr
