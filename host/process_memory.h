// Where the memories of a process come from: the first dense one that fits begins in the process's
// slot and leaves it when it outgrows it; all others have a reservation of their own. And the one
// account of how much they may hold together.
#pragma once

#include "base/types.h"
#include "jit/memory.h"

namespace lr {

class ProcessMemory final : public jit::MemorySource {
 public:
  // `slot` is the slot's part for memory, zeroed; its capacity may be 0.
  ProcessMemory(jit::MemoryArea slot, u64 bytes_max) : slot_(slot), bytes_max_(bytes_max) {}

  // For the next process on the same slot, after ProcessStore::reset() has wiped its part.
  void reset(u64 bytes_max);

  bool charge(u64 bytes) override;
  void release_charge(u64 bytes) override { charged_ -= bytes; }
  jit::MemoryArea acquire(u64 bytes) override;
  jit::MemoryArea enlarge(jit::MemoryArea area, u64 used, u64 bytes) override;
  void release(jit::MemoryArea area) override;

  // At most so many bytes of the slot's part were written.
  u64 slot_used_bytes() const;

 private:
  bool is_slot(const jit::MemoryArea& area) const {
    return slot_.base != nullptr && area.base == slot_.base;
  }

  jit::MemoryArea slot_;
  u64 bytes_max_;
  u64 charged_ = 0;
  u64 charged_most_ = 0;
  // Handed out, now or before: what is left behind is not clean.
  bool slot_taken_ = false;
};

}  // namespace lr
