#include "jit/gc/space.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>

namespace lr::jit::gc {

namespace {

constexpr u64 kReservationMax = 256 * kGiB;
constexpr u64 kReservationMin = 256 * kMiB;

void* reserve_bytes(u64 bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

// -- Sets -----------------------------------------------------------------------------------------

u32 LineSet::next(u32 at, bool in_set) const {
  while (at < kLinesPerBlock) {
    const u64 word = (in_set ? words[at / 64] : ~words[at / 64]) >> at % 64;
    if (word != 0) return at + static_cast<u32>(std::countr_zero(word));
    at = (at / 64 + 1) * 64;
  }
  return kLinesPerBlock;
}

u32 LineSet::count() const {
  u32 sum = 0;
  for (const u64 word : words) sum += static_cast<u32>(std::popcount(word));
  return sum;
}

// -- Space ----------------------------------------------------------------------------------------

Space* Space::get() {
  static Space* const space = []() -> Space* {
    auto* made = new Space;
    if (made->reserve()) return made;
    delete made;
    return nullptr;
  }();
  return space;
}

// Half as much as long as the system refuses.
bool Space::reserve() {
  for (u64 bytes = kReservationMax; bytes >= kReservationMin; bytes /= 2) {
    // One block more, for the base to be a multiple of a block's size.
    void* memory = reserve_bytes(bytes + kBlockBytes);
    if (memory == nullptr) continue;
    void* table = reserve_bytes((bytes >> kBlockLog2) * sizeof(Block));
    if (table == nullptr) {
      munmap(memory, bytes + kBlockBytes);
      continue;
    }
    madvise(memory, bytes + kBlockBytes, MADV_NOHUGEPAGE);
    base_ = (reinterpret_cast<u64>(memory) + kBlockBytes - 1) & ~(kBlockBytes - 1);
    bytes_ = bytes;
    blocks_ = static_cast<Block*>(table);
    return true;
  }
  return false;
}

BlockIndex Space::acquire(u32 count) {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      const BlockIndex first = acquire_range(count);
      if (first != kNoBlock || dirty_ranges_.empty()) return first;
    }
    trim(~u32{0});
  }
}

BlockIndex Space::acquire_range(u32 count) {
  if (count == 1) {
    for (auto* list : {&free_, &free_bare_}) {
      if (list->empty()) continue;
      const BlockIndex block = list->back();
      list->pop_back();
      blocks_[block].is_clean = list == &free_bare_;
      return block;
    }
  }
  const auto clean = [&](BlockIndex first) {
    blocks_[first].is_clean = true;
    return first;
  };
  for (usize i = 0; i < free_ranges_.size(); i++) {
    Range& range = free_ranges_[i];
    if (range.count < count) continue;
    const BlockIndex first = range.first;
    range.first += count;
    range.count -= count;
    if (range.count == 0) free_ranges_.erase(free_ranges_.begin() + static_cast<std::ptrdiff_t>(i));
    return clean(first);
  }
  const u64 used = bytes_used_.load(std::memory_order_relaxed);
  if (u64{count} << kBlockLog2 > bytes_ - used) return kNoBlock;
  bytes_used_.store(used + (u64{count} << kBlockLog2), std::memory_order_relaxed);
  return clean(static_cast<BlockIndex>(used >> kBlockLog2));
}

void Space::release(std::span<const BlockIndex> blocks) {
  const std::lock_guard lock(mutex_);
  free_.insert(free_.end(), blocks.begin(), blocks.end());
}

void Space::release_range(BlockIndex first, u32 count) {
  const std::lock_guard lock(mutex_);
  dirty_ranges_.push_back({first, count});
}

void Space::add_free_range(Range range) {
  auto at = std::lower_bound(free_ranges_.begin(), free_ranges_.end(), range.first,
                             [](const Range& r, BlockIndex b) { return r.first < b; });
  at = free_ranges_.insert(at, range);
  const auto merge = [&](auto left) {
    const auto right = left + 1;
    if (left->first + left->count != right->first) return;
    left->count += right->count;
    free_ranges_.erase(right);
  };
  if (at + 1 != free_ranges_.end()) merge(at);
  if (at != free_ranges_.begin()) merge(at - 1);
}

bool Space::wants_trim() {
  const std::lock_guard lock(mutex_);
  return free_.size() > kResidentMax || !dirty_ranges_.empty();
}

// Nobody has what is being trimmed: it is in no list meanwhile.
bool Space::trim(u32 blocks) {
  std::vector<BlockIndex> singles;
  Range range{0, 0};
  {
    const std::lock_guard lock(mutex_);
    if (free_.size() > kResidentMax) {
      const usize count = std::min<usize>(blocks, free_.size() - kResidentMax);
      singles.assign(free_.end() - static_cast<std::ptrdiff_t>(count), free_.end());
      free_.resize(free_.size() - count);
    } else if (!dirty_ranges_.empty()) {
      Range& from = dirty_ranges_.back();
      range.count = std::min(blocks, from.count);
      from.count -= range.count;
      range.first = from.first + from.count;
      if (from.count == 0) dirty_ranges_.pop_back();
    } else {
      return true;
    }
  }
  for (const BlockIndex block : singles) forget_pages({block, 1});
  if (range.count != 0) forget_pages(range);
  const std::lock_guard lock(mutex_);
  free_bare_.insert(free_bare_.end(), singles.begin(), singles.end());
  if (range.count != 0) add_free_range(range);
  return false;
}

void Space::forget_pages(Range range) {
  madvise(reinterpret_cast<void*>(address_of(range.first)), u64{range.count} << kBlockLog2,
          MADV_DONTNEED);
}

}  // namespace lr::jit::gc
