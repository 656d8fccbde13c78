#include "jit/gc/heap.h"

#include <atomic>
#include <cstring>

#include "base/check.h"

namespace lr::jit::gc {

namespace {

constexpr u64 kObjectBytesMax = 64 * kGiB;

std::atomic<u64> next_number{1};

}  // namespace

std::unique_ptr<Heap> Heap::create(RunState& run, MemorySource& source, Roots& roots,
                                   bool collects_always) {
  Space* space = Space::get();
  TypeTable* types = TypeTable::get();
  if (space == nullptr || types == nullptr) return nullptr;
  return std::unique_ptr<Heap>(new Heap(run, source, roots, *space, *types, collects_always));
}

Heap::Heap(RunState& run, MemorySource& source, Roots& roots, Space& space, TypeTable& types,
           bool collects_always)
    : run_(run),
      source_(source),
      roots_(roots),
      space_(space),
      types_(types),
      number_(next_number.fetch_add(1, std::memory_order_relaxed)),
      collects_always_(collects_always),
      threshold_bytes_(kThresholdMin) {}

Heap::~Heap() {
  run_.heap_cursor = run_.heap_limit = 0;
  space_.release(blocks_);
  space_.release(free_blocks_);
  for (const Large& large : large_) space_.release_range(large.first, large.count);
  source_.release_charge(held_bytes_);
}

// Free blocks of our own are the first thing to do without.
bool Heap::charge(u64 bytes) {
  if (!source_.charge(bytes)) {
    release_free_blocks(0);
    if (!source_.charge(bytes)) return false;
  }
  held_bytes_ += bytes;
  return true;
}

void Heap::release_free_blocks(usize keep) {
  if (free_blocks_.size() <= keep) return;
  const std::span<const BlockIndex> rest = std::span(free_blocks_).subspan(keep);
  for (const BlockIndex block : rest) space_.block(block).disown();
  space_.release(rest);
  const u64 bytes = rest.size() * kBlockCharge;
  source_.release_charge(bytes);
  held_bytes_ -= bytes;
  free_blocks_.resize(keep);
}

// -- Allocation -----------------------------------------------------------------------------------

bool Heap::bump(u64 bytes, u64& cursor, u64 limit, Object** object) {
  if (bytes > limit - cursor) return false;
  *object = object_of(cursor);
  cursor += bytes;
  return true;
}

bool Heap::must_collect(u64 bytes) const {
  return !has_collected_ && (collects_always_ || allocated_bytes_ + bytes > threshold_bytes_);
}

Heap::Grant Heap::allocate(u64 bytes, Object** object) {
  DCHECK(bytes % kGranule == 0);
  // Blocks that are not yet swept must not be confused with new ones.
  if (phase_ != Phase::Idle) return Grant::Collect;
  Grant grant;
  if (bytes > kLargeBytes) {
    grant = allocate_large(bytes, object);
  } else if (bytes > kLineBytes) {
    grant = allocate_medium(bytes, object);
  } else {
    grant = allocate_small(bytes, object);
  }
  if (grant == Grant::Done) {
    has_collected_ = false;
    // Machine code must come back for each object.
    if (collects_always_) run_.heap_limit = run_.heap_cursor;
  } else if (grant == Grant::Refused && !has_collected_) {
    grant = Grant::Collect;
  } else if (grant == Grant::Refused) {
    has_collected_ = false;  // Whoever asks again may have let go of something.
  }
  return grant;
}

Object* Heap::allocate_now(u64 bytes) {
  while (phase_ != Phase::Idle) collect(~u64{0} >> 1);
  const bool had_collected = std::exchange(has_collected_, true);
  Object* object = nullptr;
  const Grant grant = allocate(bytes, &object);
  has_collected_ = had_collected;
  return grant == Grant::Done ? object : nullptr;
}

Heap::Grant Heap::allocate_small(u64 bytes, Object** object) {
  if (collects_always_ && must_collect(bytes)) return Grant::Collect;
  if (bump(bytes, run_.heap_cursor, run_.heap_limit, object)) return Grant::Done;
  if (!next_hole()) {
    if (must_collect(kBlockBytes)) return Grant::Collect;
    const Grant grant = take_block(&current_);
    if (grant != Grant::Done) return grant;
    blocks_.push_back(current_);
    CHECK(next_hole());
  }
  CHECK(bump(bytes, run_.heap_cursor, run_.heap_limit, object));
  return Grant::Done;
}

Heap::Grant Heap::allocate_medium(u64 bytes, Object** object) {
  if (collects_always_ && must_collect(bytes)) return Grant::Collect;
  if (bump(bytes, run_.heap_cursor, run_.heap_limit, object)) return Grant::Done;
  if (bump(bytes, medium_cursor_, medium_limit_, object)) return Grant::Done;
  if (must_collect(kBlockBytes)) return Grant::Collect;
  BlockIndex index = 0;
  const Grant grant = take_block(&index);
  if (grant != Grant::Done) {
    // The last resort: a hole that is large enough, whatever is passed over.
    while (has_collected_ && next_hole()) {
      if (bump(bytes, run_.heap_cursor, run_.heap_limit, object)) return Grant::Done;
    }
    return grant;
  }
  blocks_.push_back(index);
  Block& block = space_.block(index);
  use_hole(block, index, 0, kLinesPerBlock, &medium_cursor_, &medium_limit_);
  CHECK(bump(bytes, medium_cursor_, medium_limit_, object));
  return Grant::Done;
}

Heap::Grant Heap::allocate_large(u64 bytes, Object** object) {
  if (bytes > kObjectBytesMax) return Grant::Refused;
  const u64 blocks = (bytes + kBlockBytes - 1) >> kBlockLog2;
  if (must_collect(blocks << kBlockLog2)) return Grant::Collect;
  if (!charge(blocks * kBlockCharge)) return Grant::Refused;
  const auto count = static_cast<u32>(blocks);
  const BlockIndex first = space_.acquire(count);
  if (first == Space::kNoBlock) {
    source_.release_charge(blocks * kBlockCharge);
    held_bytes_ -= blocks * kBlockCharge;
    return Grant::Refused;
  }
  if (!space_.block(first).is_clean) {
    std::memset(reinterpret_cast<void*>(space_.address_of(first)), 0, kBlockBytes);
  }
  // The others keep what they say: they are nobody's that lives.
  Block& block = space_.block(first);
  block.owner.store(number_, std::memory_order_relaxed);
  block.kind = Block::Kind::Large;
  block.forget_objects();
  large_.push_back({first, count});
  allocated_bytes_ += blocks << kBlockLog2;
  *object = object_of(space_.address_of(first));
  return Grant::Done;
}

void Heap::release_large(const Large& large) {
  space_.block(large.first).disown();
  space_.release_range(large.first, large.count);
  source_.release_charge(large.count * kBlockCharge);
  held_bytes_ -= large.count * kBlockCharge;
}

// -- Blocks and holes -----------------------------------------------------------------------------

// A block without objects; its lines count as handed out once next_hole() or use_hole() took them.
Heap::Grant Heap::take_block(BlockIndex* index) {
  if (!free_blocks_.empty()) {
    *index = free_blocks_.back();
    free_blocks_.pop_back();
  } else {
    if (!charge(kBlockCharge)) return Grant::Refused;
    *index = space_.acquire(1);
    if (*index == Space::kNoBlock) {
      source_.release_charge(kBlockCharge);
      held_bytes_ -= kBlockCharge;
      return Grant::Refused;
    }
  }
  Block& block = space_.block(*index);
  block.owner.store(number_, std::memory_order_relaxed);
  block.kind = Block::Kind::Small;
  block.forget_objects();
  return Grant::Done;
}

// Makes the bytes of lines [first, last) ready and the cursor's.
void Heap::use_hole(Block& block, BlockIndex index, u32 first, u32 last, u64* cursor, u64* limit) {
  const u64 start = space_.address_of(index);
  *cursor = start + first * kLineBytes;
  *limit = start + last * kLineBytes;
  block.next_line = last;
  if (!block.is_clean) std::memset(reinterpret_cast<void*>(*cursor), 0, *limit - *cursor);
  if (last == kLinesPerBlock) block.is_clean = false;
  allocated_bytes_ += *limit - *cursor;
}

// Moves heap_cursor to the next free lines of the current block, or of another one that has some.
bool Heap::next_hole() {
  for (;;) {
    if (current_ != Space::kNoBlock) {
      Block& block = space_.block(current_);
      const u32 first = block.used.next(block.next_line, false);
      if (first < kLinesPerBlock) {
        const u32 last = block.used.next(first, true);
        use_hole(block, current_, first, last, &run_.heap_cursor, &run_.heap_limit);
        return true;
      }
      block.next_line = kLinesPerBlock;
    }
    if (with_holes_.empty()) return false;
    current_ = with_holes_.back();
    with_holes_.pop_back();
  }
}

}  // namespace lr::jit::gc
