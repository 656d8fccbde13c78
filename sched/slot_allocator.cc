#include "sched/slot_allocator.h"

#include <algorithm>
#include <bit>
#include <cstddef>

#include "base/check.h"
#include "sched/os.h"
#include "sched/reclaimer.h"

namespace lr::sched {

namespace {

constexpr u64 kStackBytesMax = kGiB;
constexpr u64 kSlotBytesMax = 64 * kGiB;

// The first slab of a class is small, each further one twice the last.
constexpr u64 kSlabBytesMin = 2 * kMiB;
constexpr u64 kSlabBytesMax = kGiB;

// A lane takes so many slots at once from the slab that is being carved.
constexpr u32 kRunSlots = 32;

// What a process at rest has resident of its slot, page tables included.
constexpr u64 kRestingBytes = 2 * kPage;

constexpr u64 round_up(u64 bytes, u64 to) { return (bytes + to - 1) & ~(to - 1); }
u8* page_of(u8* address) {
  return reinterpret_cast<u8*>(reinterpret_cast<u64>(address) & ~(kPage - 1));
}
u8* page_behind(u8* address) { return page_of(address + kPage - 1); }

// Sizes come in eighths of powers of two, of at least two pages.
u64 round_to_class(u64 bytes) {
  const u64 step = std::max<u64>(std::bit_floor(bytes) / 8, 2 * kPage);
  return round_up(bytes, step);
}

}  // namespace

struct SlotAllocator::Shape {
  u64 stack_pages = 0;  // The last of them is shared with the memory.
  u64 memory_pages = 0;
  u64 slot_bytes() const { return kGuardBytes + (stack_pages + memory_pages) * kPage; }
  bool operator==(const Shape&) const = default;
};

struct SlotAllocator::FreeSlot {
  u8* slab_base;
  u32 slab;
  u32 index;
  u32 stack_pages;  // SlotUse in pages,
  u32 memory_pages;
  u64 resident_bytes;  // how much of that really is,
  u64 charged;         // and how much of it is charged: as much, or what a live one would be.
};

struct alignas(64) SlotAllocator::Lane {
  std::mutex mutex;
  u32 number = 0;
  std::vector<FreeSlot> free;
  // Slots that were never handed out: [next, end) of a slab.
  u8* slab_base = nullptr;
  u32 slab = 0;
  u32 next = 0;
  u32 end = 0;
  i64 live = 0;  // Handed out less taken back, here.
};

struct SlotAllocator::SlotClass {
  Shape shape;
  u32 number = 0;
  Lane lanes[kLanes];

  // Under the allocator's lock: the slab that is being carved.
  u64 next_slab_bytes = kSlabBytesMin;
  u8* slab_base = nullptr;
  u32 slab = 0;
  u32 carved = 0;
  u32 slots = 0;

  u64 charge() const {
    return kRestingBytes + (shape.memory_pages == 0 ? shape.stack_pages * kPage : 0);
  }
};

struct SlotAllocator::Slab {
  u8* base;
  u64 bytes;
};

SlotAllocator::SlotAllocator(const SlotOptions& options)
    : options_(options),
      markers_(options.guards != GuardMode::kNone && guard_markers_work()),
      account_(options.total_memory_bytes, this) {
  if (options_.resident_budget_bytes == 0) {
    const_cast<SlotOptions&>(options_).resident_budget_bytes =
        std::max(64 * kMiB, usable_memory() / 16);
  }
}

SlotAllocator::~SlotAllocator() {
  // Used slots, and what is still charged to the account.
  Reclaimer::get().drain();
  for (const Slab& slab : slabs_) unmap_pages(slab.base, slab.bytes);
  for (auto& slot_class : classes_) delete slot_class.load(std::memory_order_relaxed);
}

// -- Classes ------------------------------------------------------------------------------------

// The guard, the stack's pages of which the last is shared, and what the memory needs beyond that
// page wherever they meet. What rounding adds is the memory's; without a memory, the stack's.
SlotAllocator::Shape SlotAllocator::shape_of(u64 stack_bytes, u64 memory_bytes) {
  Shape shape;
  const u64 needed = stack_bytes <= kMeetingOffset ? 0 : stack_bytes - kMeetingOffset;
  shape.stack_pages = round_up(needed, kPage) / kPage + 1;
  if (memory_bytes != 0) {
    const u64 meeting_most = kMeetingOffset + (kStackColours - 1) * kStackColour;
    const u64 shared = kPage - meeting_most;
    shape.memory_pages = 1;
    if (memory_bytes > shared) {
      shape.memory_pages = round_up(memory_bytes - shared, kPage) / kPage;
    }
  }
  const u64 more = (round_to_class(shape.slot_bytes()) - shape.slot_bytes()) / kPage;
  (memory_bytes == 0 ? shape.stack_pages : shape.memory_pages) += more;
  return shape;
}

SlotAllocator::SlotClass* SlotAllocator::class_of(const Shape& shape) {
  for (u32 i = 0;; i++) {
    if (i == kClassesMax) return nullptr;
    SlotClass* known = classes_[i].load(std::memory_order_acquire);
    if (known == nullptr) {
      const std::lock_guard lock(mutex_);
      known = classes_[i].load(std::memory_order_relaxed);
      if (known == nullptr) {
        known = new SlotClass;
        known->shape = shape;
        known->number = i;
        for (u32 lane = 0; lane < kLanes; lane++) known->lanes[lane].number = lane;
        classes_[i].store(known, std::memory_order_release);
      }
    }
    if (known->shape == shape) return known;
  }
}

Slot SlotAllocator::slot_at(const SlotClass& slot_class, u8* slab_base, u32 slab, u32 index) const {
  const Shape& shape = slot_class.shape;
  Slot slot;
  slot.slot_class = slot_class.number;
  slot.slab = slab;
  slot.index = index;
  slot.base = slab_base + index * shape.slot_bytes();
  const u64 meeting = kMeetingOffset + kStackColour * (index % kStackColours);
  slot.stack_bytes = (shape.stack_pages - 1) * kPage + meeting;
  if (shape.memory_pages != 0) {
    slot.memory_bytes = kPage - meeting + shape.memory_pages * kPage;
  }
  return slot;
}

// -- New slots ----------------------------------------------------------------------------------

// Maps a slab for the class: as large as its turn says, or, if the system has no room for that, as
// it has room for. Under the lock.
Status SlotAllocator::add_slab(SlotClass& slot_class) {
  const u64 slot_bytes = slot_class.shape.slot_bytes();
  u64 slots = std::max<u64>(slot_class.next_slab_bytes / slot_bytes, 1);
  while (true) {
    // One page more: the guard behind the last slot.
    const u64 bytes = slots * slot_bytes + kGuardBytes;
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
    slot_class.slab_base = *base;
    slot_class.slab = static_cast<u32>(slabs_.size());
    slot_class.carved = 0;
    slot_class.slots = static_cast<u32>(slots);
    slot_class.next_slab_bytes = std::min(2 * slot_class.next_slab_bytes, kSlabBytesMax);
    slabs_.push_back({*base, bytes});
    return ok_status();
  }
}

Status SlotAllocator::take_run(SlotClass& slot_class, Lane& lane) {
  const std::lock_guard lock(mutex_);
  if (slot_class.carved == slot_class.slots) TRY(add_slab(slot_class));
  lane.slab_base = slot_class.slab_base;
  lane.slab = slot_class.slab;
  lane.next = slot_class.carved;
  lane.end = std::min(slot_class.carved + kRunSlots, slot_class.slots);
  slot_class.carved = lane.end;
  return ok_status();
}

// Half of what another lane has free. One that is in use just now is passed over.
bool SlotAllocator::take_from_others(SlotClass& slot_class, Lane& lane) {
  for (Lane& other : slot_class.lanes) {
    if (&other == &lane) continue;
    const std::unique_lock lock(other.mutex, std::try_to_lock);
    if (!lock.owns_lock() || other.free.empty()) continue;
    const auto from = other.free.begin() + static_cast<std::ptrdiff_t>(other.free.size() / 2);
    lane.free.insert(lane.free.end(), from, other.free.end());
    other.free.erase(from, other.free.end());
    return true;
  }
  return false;
}

// The next slot that was never handed out.
Result<Slot> SlotAllocator::carve(SlotClass& slot_class, Lane& lane) {
  if (lane.next == lane.end) TRY(take_run(slot_class, lane));
  const Slot slot = slot_at(slot_class, lane.slab_base, lane.slab, lane.next);
  if (markers_) TRY(guard_page(slot.base, true));
  lane.next++;
  return slot;
}

Result<Slot> SlotAllocator::allocate(u64 stack_bytes, u64 memory_bytes, u32 lane_index) {
  SlotClass* const slot_class = stack_bytes > kStackBytesMax || memory_bytes > kSlotBytesMax
                                    ? nullptr
                                    : class_of(shape_of(stack_bytes, memory_bytes));
  if (slot_class == nullptr) {
    return make_error(Err::LimitExceeded, "a stack or memory too large for a slot");
  }
  Lane& lane = slot_class->lanes[lane_index % kLanes];
  const u64 charge = slot_class->charge();
  {
    const std::lock_guard lock(lane.mutex);
    // What it keeps stays charged while it is free, and is mostly what a live one is charged.
    if (!lane.free.empty() && lane.free.back().charged >= charge) {
      account_.release(lane.free.back().charged - charge);
      return take(*slot_class, lane);
    }
  }
  if (!account_.charge(charge)) {
    return make_error(Err::LimitExceeded, "all processes together hold as much memory as they may");
  }
  const std::lock_guard lock(lane.mutex);
  if (!lane.free.empty() || (lane.next == lane.end && take_from_others(*slot_class, lane))) {
    account_.release(lane.free.back().charged);
    return take(*slot_class, lane);
  }
  Result<Slot> slot = carve(*slot_class, lane);
  if (slot.ok()) {
    lane.live++;
  } else {
    account_.release(charge);
  }
  return slot;
}

// The newest free slot.
Slot SlotAllocator::take(const SlotClass& slot_class, Lane& lane) {
  const FreeSlot free = lane.free.back();
  lane.free.pop_back();
  lane.live++;
  Slot slot = slot_at(slot_class, free.slab_base, free.slab, free.index);
  slot.resident = {std::min(free.stack_pages * kPage, slot.stack_bytes),
                   std::min(free.memory_pages * kPage, slot.memory_bytes)};
  add_cached(lane, -static_cast<i64>(free.resident_bytes));
  return slot;
}

void SlotAllocator::add_cached(const Lane& lane, i64 bytes) {
  cached_[lane.number].bytes.fetch_add(bytes, std::memory_order_relaxed);
}

i64 SlotAllocator::cached_bytes() const {
  i64 sum = 0;
  for (const Cached& part : cached_) sum += part.bytes.load(std::memory_order_relaxed);
  return sum;
}

// A lane looks at others' counters only when it has used its own part of the budget up.
bool SlotAllocator::has_room(u32 lane, u64 bytes) const {
  const auto budget = static_cast<i64>(options_.resident_budget_bytes);
  const auto more = static_cast<i64>(bytes);
  if (cached_[lane].bytes.load(std::memory_order_relaxed) + more <= budget / kLanes) return true;
  return cached_bytes() + more <= budget;
}

// -- Used slots ---------------------------------------------------------------------------------

// Zeroes what was used; answers what stays, and how much of that is resident.
SlotUse SlotAllocator::wipe(const Slot& slot, const SlotUse& use, u32 lane, u64* resident) {
  SlotUse touched;  // In this life or an earlier one.
  touched.stack_bytes = std::max(use.stack_bytes, slot.resident.stack_bytes);
  touched.memory_bytes = std::max(use.memory_bytes, slot.resident.memory_bytes);
  u8* const low = slot.stack_end() - touched.stack_bytes;
  u8* const high = slot.memory() + touched.memory_bytes;
  if (low == high) return {};
  *resident = resident_bytes_at_most(low, static_cast<u64>(high - low));
  if (has_room(lane, *resident) &&
      wipe_bytes(slot.stack_end() - use.stack_bytes, use.stack_bytes + use.memory_bytes)) {
    return touched;
  }
  // Both ends are this slot's to the edge of their page.
  drop_pages(page_of(low), static_cast<u64>(page_behind(high) - page_of(low)));
  *resident = 0;
  return {};
}

// One whose pages are so many that they go first, a piece at a time.
class SlotAllocator::UsedSlot final : public Reclaimer::Scrap {
 public:
  UsedSlot(SlotAllocator& owner, const Slot& slot, const SlotUse& use, u32 lane)
      : owner_(owner), slot_(slot), use_(use), lane_(lane) {
    use_.memory_bytes = std::max(use.memory_bytes, slot.resident.memory_bytes);
    owner_.account_.hold(use_.memory_bytes);
  }
  ~UsedSlot() override { owner_.release_now(slot_, use_, lane_); }

  // From the end. What stays is wiped like any other slot.
  u64 step() override {
    if (use_.memory_bytes <= Reclaimer::kPieceBytes) {
      owner_.account_.release(use_.memory_bytes);
      return 0;
    }
    u8* const from = page_of(slot_.memory() + use_.memory_bytes - Reclaimer::kPieceBytes);
    u8* const end = page_behind(slot_.memory() + use_.memory_bytes);
    drop_pages(from, static_cast<u64>(end - from));
    const u64 left = static_cast<u64>(from - slot_.memory());
    const u64 bytes = use_.memory_bytes - left;
    use_.memory_bytes = left;
    slot_.resident.memory_bytes = std::min(slot_.resident.memory_bytes, left);
    owner_.account_.release(bytes);
    return bytes;
  }

 private:
  SlotAllocator& owner_;
  Slot slot_;
  SlotUse use_;
  const u32 lane_;
};

void SlotAllocator::release(const Slot& slot, const SlotUse& use, u32 lane) {
  if (use.memory_bytes > Reclaimer::kLargeBytes &&
      resident_bytes(slot.memory(), use.memory_bytes) > Reclaimer::kLargeBytes) {
    return Reclaimer::get().take(std::make_unique<UsedSlot>(*this, slot, use, lane));
  }
  release_now(slot, use, lane);
}

void SlotAllocator::release_now(const Slot& slot, const SlotUse& use, u32 lane_index) {
  DCHECK(use.stack_bytes <= slot.stack_bytes && use.memory_bytes <= slot.memory_bytes);
  u64 resident = 0;
  lane_index %= kLanes;
  const SlotUse touched = wipe(slot, use, lane_index, &resident);
  SlotClass& slot_class = *classes_[slot.slot_class].load(std::memory_order_relaxed);
  Lane& lane = slot_class.lanes[lane_index];
  add_cached(lane, static_cast<i64>(resident));
  const u64 charge = slot_class.charge();
  const u64 charged = resident == 0 ? 0 : std::max(resident, charge);
  // Unsigned differences wrap around and add up.
  if (charged != charge) account_.release(charge - charged);
  const std::lock_guard lock(lane.mutex);
  lane.live--;
  lane.free.push_back({slot.base - slot.index * slot_class.shape.slot_bytes(), slot.slab,
                       slot.index, static_cast<u32>(round_up(touched.stack_bytes, kPage) / kPage),
                       static_cast<u32>(round_up(touched.memory_bytes, kPage) / kPage), resident,
                       charged});
}

void SlotAllocator::trim(u64 wanted) {
  Reclaimer::get().help(wanted);
  if (cached_bytes() <= 0) return;
  for (auto& entry : classes_) {
    SlotClass* const slot_class = entry.load(std::memory_order_acquire);
    if (slot_class == nullptr) return;
    for (Lane& lane : slot_class->lanes) {
      const std::lock_guard lock(lane.mutex);
      for (FreeSlot& free : lane.free) {
        if (free.charged == 0) continue;
        const Slot slot = slot_at(*slot_class, free.slab_base, free.slab, free.index);
        u8* const low =
            page_of(slot.stack_end() - std::min(free.stack_pages * kPage, slot.stack_bytes));
        u8* const high =
            page_behind(slot.memory() + std::min(free.memory_pages * kPage, slot.memory_bytes));
        drop_pages(low, static_cast<u64>(high - low));
        add_cached(lane, -static_cast<i64>(free.resident_bytes));
        account_.release(free.charged);
        wanted -= std::min(wanted, free.charged);
        free.stack_pages = free.memory_pages = 0;
        free.resident_bytes = free.charged = 0;
        if (wanted == 0) return;
      }
    }
  }
}

SlotAllocator::Stats SlotAllocator::stats() const {
  Stats stats;
  {
    const std::lock_guard lock(mutex_);
    stats.slabs = slabs_.size();
    for (const Slab& slab : slabs_) stats.reserved_bytes += slab.bytes;
  }
  i64 live = 0;
  for (auto& entry : classes_) {
    SlotClass* const slot_class = entry.load(std::memory_order_acquire);
    if (slot_class == nullptr) break;
    for (Lane& lane : slot_class->lanes) {
      const std::lock_guard lock(lane.mutex);
      stats.slots_free += lane.free.size();
      live += lane.live;
    }
  }
  stats.slots_live = static_cast<u64>(live);
  stats.cached_bytes = static_cast<u64>(std::max<i64>(cached_bytes(), 0));
  return stats;
}

}  // namespace lr::sched
