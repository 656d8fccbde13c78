#include "host/process_memory.h"

#include <algorithm>
#include <cstring>

#include "host/mailbox.h"
#include "sched/os.h"
#include "sched/reclaimer.h"

namespace lr {

namespace {

// Larger memories have mappings of their own, which can grow without being copied.
constexpr u64 kRoomBytesMax = 4 * kMiB;
// Larger ones are not where every process of a module begins.
constexpr u64 kFirstBytesMax = 16 * kMiB;

u64 saturated_sum(u64 a, u64 b) { return a > ~u64{0} - b ? ~u64{0} : a + b; }

}  // namespace

u64 first_slot_memory_bytes(const Module& module, u64 limit_bytes, u64 size_most) {
  if (module.imported_memories != 0 || module.memories.empty()) return 0;
  const MemoryType& type = module.memories[0];
  const u64 all = ~u64{0} >> type.page_size_log2;
  const u64 least = std::min(type.limits.min, all) << type.page_size_log2;
  const u64 most = std::min(type.limits.max.value_or(all), all) << type.page_size_log2;
  if (least > std::min(kFirstBytesMax, limit_bytes)) return 0;
  // Allocators ask for a page or two as soon as they are used.
  const u64 page = u64{1} << type.page_size_log2;
  const u64 roomy = least <= page ? least : least + std::max(2 * page, least / 8 / page * page);
  return std::min({std::max(roomy, size_most), most, limit_bytes, kFirstBytesMax});
}

void SharedMemorySource::unmap(jit::MemoryArea area, u64 used) {
  sched::unmap_later(area.base, area.capacity, used, &account_);
}

ProcessMemory::~ProcessMemory() {
  if (large_ != nullptr) large_->bound.forget();
  if (slots_ != nullptr) slots_->account().release(taken_ - paid());
}

// -- Accounts -----------------------------------------------------------------------------------

bool ProcessMemory::take(u64 bytes) {
  const u64 wanted = charged_ + bytes;
  if (slots_ != nullptr && wanted > taken_) {
    if (!slots_->account().charge(wanted - taken_)) return false;
    taken_ = wanted;
  }
  charged_ = wanted;
  return true;
}

void ProcessMemory::give(u64 bytes) {
  charged_ -= bytes;
  if (slots_ == nullptr || taken_ <= charged_ + kKeptBytes) return;
  const u64 kept = std::max(charged_, paid());
  slots_->account().release(taken_ - kept);
  taken_ = kept;
}

bool ProcessMemory::charge(u64 bytes) {
  if (bytes > bytes_max_ - std::min(bytes_max_, charged_)) return false;
  return take(bytes);
}

void ProcessMemory::release_charge(u64 bytes) { give(bytes); }

bool ProcessMemory::pay_for_messages(u64 bytes, u64& paid) {
  if (is_paid(bytes, paid)) return true;
  const u64 steps = bytes <= Mailbox::kFewBytes ? 0 : (bytes + sched::kPage - 1) / sched::kPage;
  const u64 wanted = Mailbox::kFewBytes + steps * sched::kPage;
  if (slots_ != nullptr && wanted < paid) {
    slots_->account().release(paid - wanted);
  } else if (slots_ != nullptr && !slots_->account().charge(wanted - paid)) {
    return false;
  }
  paid = wanted;
  return true;
}

void ProcessMemory::release_messages(u64& paid) {
  if (slots_ != nullptr) slots_->account().release(paid - Mailbox::kFewBytes);
  paid = Mailbox::kFewBytes;
}

bool ProcessMemory::charge_extent(jit::MemoryArea area, u64 from, u64 to) {
  if (!charge(to - from)) return false;
  if (slots_ == nullptr || to <= sched::MemoryAccount::Bound::kExactBytes) return true;
  Large& large = this->large();
  if (large.bound_base == nullptr) large.bound_base = area.base;
  if (large.bound_base == area.base) large.bound.note(slots_->account(), area.base, to);
  return true;
}

void ProcessMemory::forget_bound(const jit::MemoryArea& area) {
  if (large_ == nullptr || large_->bound_base != area.base) return;
  large_->bound.forget();
  large_->bound_base = nullptr;
}

// -- Areas --------------------------------------------------------------------------------------

// Null: in none.
sched::Slot* ProcessMemory::room_of(const jit::MemoryArea& area) const {
  if (large_ == nullptr) return nullptr;
  for (sched::Slot& room : large_->rooms) {
    if (room.memory() == area.base) return &room;
  }
  return nullptr;
}

jit::MemoryArea ProcessMemory::acquire(u64 bytes) {
  if (!slot_taken_ && bytes <= slot_.capacity) {
    slot_taken_ = true;
    return slot_;
  }
  if (slots_ == nullptr || bytes > kRoomBytesMax) return jit::MemorySource::acquire(bytes);
  Result<sched::Slot> slot = slots_->allocate(0, bytes);
  if (!slot.ok()) return {};
  large().rooms.push_back(*slot);
  return {slot->memory(), slot->memory_bytes};
}

jit::MemoryArea ProcessMemory::enlarge(jit::MemoryArea area, u64 used, u64 bytes) {
  if (!is_slot(area) && room_of(area) == nullptr) {
    forget_bound(area);
    return jit::MemorySource::enlarge(area, used, bytes);
  }
  // Room for as much again, so that a memory that grows by the page does not move each time.
  const jit::MemoryArea larger = acquire(saturated_sum(bytes, bytes / 4));
  if (larger.base == nullptr) return larger;
  sched::copy_resident(larger.base, area.base, used);
  release(area, used);
  return larger;
}

void ProcessMemory::release(jit::MemoryArea area, u64 used) {
  forget_bound(area);
  if (is_slot(area)) {
    slot_used_ = std::max(slot_used_, used);
    return;
  }
  sched::Slot* const room = room_of(area);
  if (room == nullptr) return unmap(area, used);
  slots_->release(*room, {0, used});
  large_->rooms.erase(large_->rooms.begin() + (room - large_->rooms.data()));
}

void ProcessMemory::unmap(jit::MemoryArea area, u64 used) {
  sched::MemoryAccount* const account = slots_ == nullptr ? nullptr : &slots_->account();
  sched::unmap_later(area.base, area.capacity, used, account);
}

bool ProcessMemory::wipe(jit::MemoryArea area, u64 from, u64 to) {
  if (!is_slot(area)) return false;
  forget_bound(area);
  u8* const start = area.base + from;
  return from == 0 ? sched::wipe_bytes(start, to) : sched::wipe_resident(start, to - from);
}

bool ProcessMemory::hold(jit::MemoryArea area, u64 from, u64 to) {
  if (slots_ == nullptr || !slots_->may_hold_pages()) return false;
  return sched::hold_pages(area.base + from, to - from);
}

void ProcessMemory::let_in(jit::MemoryArea area, u64 from, u64 to) {
  sched::let_in_pages(area.base + from, to - from);
}

}  // namespace lr
