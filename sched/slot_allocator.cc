#include "sched/slot_allocator.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "sched/os.h"

namespace lr::sched {

namespace {

// A class is two powers of two: the bytes of guard and stack, and the bytes of the whole slot
// (equal when there is no memory).
constexpr u32 kStackLog2Min = 16;
constexpr u32 kStackLog2Max = 30;
constexpr u32 kSlotLog2Max = 36;

// The first slab of a class is small, each further one twice the last.
constexpr u64 kSlabBytesMin = 2 * kMiB;
constexpr u64 kSlabBytesMax = kGiB;

constexpr u64 round_to_page(u64 bytes) { return (bytes + kPage - 1) & ~(kPage - 1); }

u32 log2_ceil(u64 bytes) { return static_cast<u32>(std::bit_width(bytes - 1)); }

}  // namespace

struct SlotAllocator::FreeSlot {
  u32 slab;
  u32 index;
  u32 stack_pages;  // SlotUse in pages.
  u32 memory_pages;
};

struct SlotAllocator::SlotClass {
  u64 stack_bytes = 0;  // Without the guard.
  u64 slot_bytes = 0;
  u64 next_slab_bytes = kSlabBytesMin;
  u32 number = 0;  // In classes_.
  u32 slab = 0;    // The slab that is being carved ...
  u32 carved = 0;  // ... and how many of its slots have been handed out at least once.
  u32 slots = 0;   // How many it has.
  std::vector<FreeSlot> free;
};

struct SlotAllocator::Slab {
  u8* base;
  u64 bytes;
  u32 slot_class;
};

SlotAllocator::SlotAllocator(const SlotOptions& options)
    : options_(options), markers_(options.guards != GuardMode::kNone && guard_markers_work()) {}

SlotAllocator::~SlotAllocator() {
  for (const Slab& slab : slabs_) unmap_pages(slab.base, slab.bytes);
}

// Under the lock.
SlotAllocator::SlotClass& SlotAllocator::class_of(u32 stack_log2, u32 slot_log2) {
  const u64 stack_bytes = (u64{1} << stack_log2) - kGuardBytes;
  const u64 slot_bytes = u64{1} << slot_log2;
  for (const auto& known : classes_) {
    if (known->stack_bytes == stack_bytes && known->slot_bytes == slot_bytes) return *known;
  }
  classes_.push_back(std::make_unique<SlotClass>());
  SlotClass& added = *classes_.back();
  added.number = static_cast<u32>(classes_.size() - 1);
  added.stack_bytes = stack_bytes;
  added.slot_bytes = slot_bytes;
  return added;
}

// Maps a slab for the class: as large as its turn says, or, if the system has no room for that, as
// it has room for.
Status SlotAllocator::add_slab(SlotClass& slot_class) {
  u64 slots = std::max<u64>(slot_class.next_slab_bytes / slot_class.slot_bytes, 1);
  while (true) {
    // One page more: the guard behind the last slot.
    const u64 bytes = slots * slot_class.slot_bytes + kGuardBytes;
    Result<u8*> base = map_pages(bytes);
    if (!base.ok()) {
      if (slots == 1) return std::move(base.error());
      slots /= 2;
      continue;
    }
    // A slot's guard lies at its start, so the first one guards the slab's edge too.
    Status guarded = guard_page(*base + bytes - kGuardBytes, markers_);
    if (guarded.ok() && !markers_) guarded = guard_page(*base, false);
    if (!guarded.ok()) {
      unmap_pages(*base, bytes);
      return guarded;
    }
    slot_class.slab = static_cast<u32>(slabs_.size());
    slot_class.carved = 0;
    slot_class.slots = static_cast<u32>(slots);
    slot_class.next_slab_bytes = std::min(2 * slot_class.next_slab_bytes, kSlabBytesMax);
    slabs_.push_back({*base, bytes, slot_class.number});
    return ok_status();
  }
}

// The next slot that was never handed out.
Result<Slot> SlotAllocator::carve(SlotClass& slot_class) {
  if (slot_class.carved == slot_class.slots) TRY(add_slab(slot_class));
  Slot slot;
  slot.slab = slot_class.slab;
  slot.index = slot_class.carved;
  slot.base = slabs_[slot.slab].base + slot.index * slot_class.slot_bytes;
  if (markers_) TRY(guard_page(slot.base, true));
  ++slot_class.carved;
  return slot;
}

Result<Slot> SlotAllocator::allocate(u64 stack_bytes, u64 memory_bytes) {
  const u64 size_max = u64{1} << kSlotLog2Max;
  if (stack_bytes > size_max || memory_bytes > size_max) {
    return make_error(Err::LimitExceeded, "a stack or memory too large for a slot");
  }
  const u32 stack_log2 = std::max(log2_ceil(stack_bytes + kGuardBytes), kStackLog2Min);
  const u32 slot_log2 =
      memory_bytes == 0 ? stack_log2
                        : log2_ceil((u64{1} << std::min(stack_log2, kStackLog2Max)) + memory_bytes);
  if (stack_log2 > kStackLog2Max || slot_log2 > kSlotLog2Max) {
    return make_error(Err::LimitExceeded, "a stack or memory too large for a slot");
  }
  std::lock_guard lock(mutex_);
  SlotClass& slot_class = class_of(stack_log2, slot_log2);
  Slot slot;
  if (!slot_class.free.empty()) {
    const FreeSlot& free = slot_class.free.back();
    slot.slab = free.slab;
    slot.index = free.index;
    slot.base = slabs_[slot.slab].base + slot.index * slot_class.slot_bytes;
    slot.resident = {free.stack_pages * kPage, free.memory_pages * kPage};
    cached_bytes_.fetch_sub(slot.resident.stack_bytes + slot.resident.memory_bytes,
                            std::memory_order_relaxed);
    slot_class.free.pop_back();
  } else {
    slot = TRY(carve(slot_class));
  }
  slot.stack_bytes = slot_class.stack_bytes;
  slot.memory_bytes = slot_class.slot_bytes - slot_class.stack_bytes - kGuardBytes;
  ++slots_live_;
  return slot;
}

// Zeroes what was used; answers what stays resident.
SlotUse SlotAllocator::wipe(const Slot& slot, const SlotUse& use) {
  SlotUse touched;  // In this life or an earlier one.
  touched.stack_bytes = std::max(round_to_page(use.stack_bytes), slot.resident.stack_bytes);
  touched.memory_bytes = std::max(round_to_page(use.memory_bytes), slot.resident.memory_bytes);
  const u64 bytes = touched.stack_bytes + touched.memory_bytes;
  if (cached_bytes_.load(std::memory_order_relaxed) + bytes > options_.resident_budget_bytes) {
    drop_pages(slot.stack_end() - touched.stack_bytes, touched.stack_bytes);
    drop_pages(slot.memory(), touched.memory_bytes);
    return {};
  }
  if (!wipe_pages(slot.stack_end() - use.stack_bytes, use.stack_bytes)) {
    drop_pages(slot.stack_end() - touched.stack_bytes, touched.stack_bytes);
    touched.stack_bytes = 0;
  }
  if (!wipe_pages(slot.memory(), use.memory_bytes)) {
    drop_pages(slot.memory(), touched.memory_bytes);
    touched.memory_bytes = 0;
  }
  return touched;
}

void SlotAllocator::release(const Slot& slot, const SlotUse& use) {
  DCHECK(use.stack_bytes <= slot.stack_bytes && use.memory_bytes <= slot.memory_bytes);
  const SlotUse resident = wipe(slot, use);
  cached_bytes_.fetch_add(resident.stack_bytes + resident.memory_bytes, std::memory_order_relaxed);
  std::lock_guard lock(mutex_);
  classes_[slabs_[slot.slab].slot_class]->free.push_back(
      {slot.slab, slot.index, static_cast<u32>(resident.stack_bytes / kPage),
       static_cast<u32>(resident.memory_bytes / kPage)});
  --slots_live_;
}

SlotAllocator::Stats SlotAllocator::stats() const {
  std::lock_guard lock(mutex_);
  Stats stats;
  stats.slabs = slabs_.size();
  for (const Slab& slab : slabs_) stats.reserved_bytes += slab.bytes;
  for (const auto& slot_class : classes_) stats.slots_free += slot_class->free.size();
  stats.slots_live = slots_live_;
  stats.cached_bytes = cached_bytes_.load(std::memory_order_relaxed);
  return stats;
}

}  // namespace lr::sched
